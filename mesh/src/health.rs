//! Whether calls work, with a reason and a sample size (rule R10), by the objectives of their place.

use crate::api::{Health, HealthStatus};
use crate::telemetry::Histogram;
use crate::units::Window;

mod latency;
mod objectives;
mod ready;

#[cfg(test)]
mod tests;

pub use objectives::{Change, Objectives, Pattern, Place, Subject, Thresholds};
pub use ready::Ready;

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

/// What was seen of some calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// In the window.
    pub outcome: Outcome,
    /// In the last hour, where that was asked.
    pub hour: Option<Outcome>,
    /// How long they took, where that was asked.
    pub durations: Option<&'a Histogram>,
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
pub fn is_uncertain(outcome: Outcome, by: &Thresholds) -> bool {
    outcome.errors > 0.0
        && verdict(outcome, by).is_none()
        && wilson(outcome).is_some_and(|(_, high)| high >= by.failing)
}

/// Judges calls of `window` by the thresholds of their place; where they are too few to tell, by those of the
/// last hour. What does not fail may still be too slow.
pub fn judge(seen: Seen<'_>, window: Window, by: &Thresholds) -> Health {
    let health = judge_errors(seen, window, by);
    if matches!(
        health.status,
        HealthStatus::Healthy | HealthStatus::Unjudged
    ) && let Some(slow) = seen.durations.and_then(|it| latency::too_slow(it, by))
    {
        return Health {
            status: HealthStatus::Degraded,
            reason: format!("{slow} in {window}"),
        };
    }
    health
}

fn judge_errors(seen: Seen<'_>, window: Window, by: &Thresholds) -> Health {
    let Seen { outcome, hour, .. } = seen;
    if outcome.requests <= 0.0 {
        return Health {
            status: HealthStatus::Idle,
            reason: format!("no requests in {window}"),
        };
    }
    if let Some(status) = verdict(outcome, by) {
        return Health {
            status,
            reason: format!("{} in {window}{}", failed(outcome), objective(status, by)),
        };
    }
    if !is_uncertain(outcome, by) {
        return Health {
            status: HealthStatus::Healthy,
            reason: format!("{} in {window}", failed(outcome)),
        };
    }
    let widened = hour.filter(|hour| hour.requests >= outcome.requests && window < Window::HOUR);
    if let Some(hour) = widened {
        let status = match verdict(hour, by) {
            Some(status) => Some(status),
            None if is_uncertain(hour, by) => None,
            None => Some(HealthStatus::Healthy),
        };
        if let Some(status) = status {
            return Health {
                status,
                reason: format!("{} in the last hour{}", failed(hour), objective(status, by)),
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

fn verdict(outcome: Outcome, by: &Thresholds) -> Option<HealthStatus> {
    // Counts are extrapolated: 2.9 was three.
    if outcome.errors.round() < by.min_errors {
        return None;
    }
    let (low, _) = wilson(outcome)?;
    if low >= by.failing {
        Some(HealthStatus::Failing)
    } else if low >= by.degraded {
        Some(HealthStatus::Degraded)
    } else {
        None
    }
}

/// Names the threshold that was passed, where it is not everybody's.
fn objective(status: HealthStatus, by: &Thresholds) -> String {
    let usual = Thresholds::default();
    let (own, usual) = match status {
        HealthStatus::Failing => (by.failing, usual.failing),
        HealthStatus::Degraded => (by.degraded, usual.degraded),
        _ => return String::new(),
    };
    if own == usual {
        return String::new();
    }
    // Two digits are as fine as anybody means it; the rest is what floats add.
    let percent = (own * 1e6).round() / 1e4;
    format!("; the objective here is less than {percent} %")
}

fn failed(outcome: Outcome) -> String {
    let share = 100.0 * outcome.errors / outcome.requests;
    let n = count(outcome.errors);
    let of = count(outcome.requests);
    if outcome.errors <= 0.0 {
        return format!("none of {of} requests failed");
    }
    let share = match share {
        all if all >= 100.0 => "100 %".to_owned(),
        // What is not all is never written as all.
        most if most >= 99.95 => "> 99.9 %".to_owned(),
        small if small < 1.0 => format!("{small:.2} %"),
        some => format!("{some:.1} %"),
    };
    format!("{n} of {of} requests failed ({share})")
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
