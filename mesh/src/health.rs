//! Whether calls work, with a reason and a sample size (rule R10).

use crate::api::{Health, HealthStatus};
use crate::units::Window;

/// The share of failures that is surely too high: failing.
pub const FAILING: f64 = 0.10;
/// The share of failures that is surely worth a look: degraded.
pub const DEGRADED: f64 = 0.01;
/// Fewer failures than this never condemn.
const MIN_ERRORS: f64 = 3.0;
/// The 97.5 % point of the normal distribution, for two-sided 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Requests of some calls and how many of them were server errors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// All requests.
    pub requests: f64,
    /// Server errors.
    pub errors: f64,
}

/// Returns the lower and upper 95 % bound of the share of errors by Wilson's score interval, or `None`
/// without requests. (E. B. Wilson, "Probable inference", JASA 22, 1927.)
pub fn wilson(outcome: Outcome) -> Option<(f64, f64)> {
    let n = outcome.requests;
    if n <= 0.0 || !n.is_finite() {
        return None;
    }
    let p = (outcome.errors / n).clamp(0.0, 1.0);
    let z2 = Z * Z;
    let centre = p + z2 / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    let low = ((centre - spread) / scale).clamp(0.0, 1.0);
    let high = ((centre + spread) / scale).clamp(0.0, 1.0);
    Some((low, high))
}

/// Returns whether so few requests can't tell: some failed, not surely too many, and not surely few.
pub fn is_uncertain(outcome: Outcome) -> bool {
    outcome.errors > 0.0
        && verdict(outcome).is_none()
        && wilson(outcome).is_some_and(|(_, high)| high >= FAILING)
}

/// Judges calls of `window`; where they are too few to tell, by those of the last hour.
pub fn judge(outcome: Outcome, window: Window, hour: Option<Outcome>) -> Health {
    if outcome.requests <= 0.0 {
        return Health {
            status: HealthStatus::Idle,
            reason: format!("no requests in {window}"),
        };
    }
    if let Some(status) = verdict(outcome) {
        return Health {
            status,
            reason: format!("{} in {window}", failed(outcome)),
        };
    }
    if !is_uncertain(outcome) {
        return Health {
            status: HealthStatus::Healthy,
            reason: format!("{} in {window}", failed(outcome)),
        };
    }
    let widened = hour.filter(|hour| hour.requests >= outcome.requests && window < Window::HOUR);
    if let Some(hour) = widened {
        let status = match verdict(hour) {
            Some(status) => Some(status),
            None if is_uncertain(hour) => None,
            None => Some(HealthStatus::Healthy),
        };
        if let Some(status) = status {
            return Health {
                status,
                reason: format!("{} in the last hour", failed(hour)),
            };
        }
    }
    let (seen, over) = match widened {
        Some(hour) => (hour, "the last hour".to_owned()),
        None => (outcome, window.to_string()),
    };
    Health {
        status: HealthStatus::Unjudged,
        reason: format!(
            "too little traffic to judge: {} of {} failed in {over}",
            count(seen.errors),
            count(seen.requests)
        ),
    }
}

fn verdict(outcome: Outcome) -> Option<HealthStatus> {
    // Counts are extrapolated: 2.9 was three.
    if outcome.errors.round() < MIN_ERRORS {
        return None;
    }
    let (low, _) = wilson(outcome)?;
    if low >= FAILING {
        Some(HealthStatus::Failing)
    } else if low >= DEGRADED {
        Some(HealthStatus::Degraded)
    } else {
        None
    }
}

fn failed(outcome: Outcome) -> String {
    let share = 100.0 * outcome.errors / outcome.requests;
    let n = count(outcome.errors);
    let of = count(outcome.requests);
    if outcome.errors <= 0.0 {
        return format!("none of {of} requests failed");
    }
    let digits = if share < 1.0 { 2 } else { 1 };
    format!("{n} of {of} requests failed ({share:.digits$} %)")
}

/// Returns a count for people: whole, but never a zero that was something.
fn count(value: f64) -> String {
    if value > 0.0 && value < 0.95 {
        format!("{value:.1}")
    } else if (0.0..1e15).contains(&value) {
        // Much faster than writing a float, and there is one for every edge.
        (value.round() as u64).to_string()
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(errors: f64, requests: f64) -> String {
        let window = "5m".parse().unwrap();
        let health = judge(Outcome { requests, errors }, window, None);
        format!("{:?}: {}", health.status, health.reason)
    }

    #[test]
    fn r10_health_has_a_reason_and_a_sample_size() {
        assert_eq!(
            judged(1.0, 4.0),
            "Unjudged: too little traffic to judge: 1 of 4 failed in 5m"
        );
        assert_eq!(
            judged(10.0, 10.0),
            "Failing: 10 of 10 requests failed (100.0 %) in 5m"
        );
        assert_eq!(
            judged(12.0, 240.0),
            "Degraded: 12 of 240 requests failed (5.0 %) in 5m"
        );
        assert_eq!(
            judged(2.0, 9000.0),
            "Healthy: 2 of 9000 requests failed (0.02 %) in 5m"
        );
        assert_eq!(judged(0.0, 7.0), "Healthy: none of 7 requests failed in 5m");
        assert_eq!(judged(0.0, 0.0), "Idle: no requests in 5m");
        // Two failures never condemn, however few the requests.
        assert!(judged(2.0, 2.0).starts_with("Unjudged"));
    }

    #[test]
    fn r10_the_hour_decides_where_the_window_holds_too_little() {
        let window = "5m".parse().unwrap();
        let little = Outcome {
            requests: 4.0,
            errors: 1.0,
        };
        let bad = Outcome {
            requests: 60.0,
            errors: 30.0,
        };
        let fine = Outcome {
            requests: 900.0,
            errors: 1.0,
        };
        assert_eq!(
            judge(little, window, Some(bad)).status,
            HealthStatus::Failing
        );
        assert_eq!(
            judge(little, window, Some(fine)).status,
            HealthStatus::Healthy
        );
        let still = judge(
            little,
            window,
            Some(Outcome {
                requests: 9.0,
                errors: 1.0,
            }),
        );
        assert_eq!(
            still.reason,
            "too little traffic to judge: 1 of 9 failed in the last hour"
        );
    }

    #[test]
    fn wilson_agrees_with_published_figures() {
        // 10 of 100: 5.52 % to 17.44 %.
        let (low, high) = wilson(Outcome {
            requests: 100.0,
            errors: 10.0,
        })
        .unwrap();
        assert!(
            (low - 0.0552).abs() < 1e-4 && (high - 0.1744).abs() < 1e-4,
            "{low} {high}"
        );
    }
}
