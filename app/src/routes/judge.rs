//! Whether calls go as they are told to.

use mesh::api::routes::{Destination, Measured, Rule};

/// So long after a change calls may still be on their way: that is no reason to worry yet.
const SETTLES_MS: i64 = 120_000;

/// What is measured within this of what is wanted is as told.
const CLOSE: f64 = 0.05;

/// Returns by how much a measured share is away from the wanted one, where that is worth a mark: more
/// than five points, more than bounds leave open, and more than so few calls would differ by chance.
pub fn off(wanted: f64, measured: &Measured) -> Option<f64> {
    let share = measured.share?;
    let away = match measured.share_bounds {
        Some([low, _]) if wanted < low => low - wanted,
        Some([_, high]) if wanted > high => high - wanted,
        Some(_) => return None,
        None => share - wanted,
    };
    // Twice the deviation of a draw of that many calls.
    let chance = if measured.share_requests > 0.0 {
        1.96 * (wanted * (1.0 - wanted) / measured.share_requests).sqrt()
    } else {
        return None;
    };
    (away.abs() > CLOSE && away.abs() > chance).then_some(share - wanted)
}

/// Returns whether the last change is so old that calls should have followed.
pub fn is_settled(rule: &Rule, now_ms: i64) -> bool {
    rule.changed_at_ms
        .is_none_or(|at| now_ms - at >= SETTLES_MS)
}

/// Returns the greatest such difference of a rule, without its sign.
pub fn worst(rule: &Rule, now_ms: i64) -> Option<f64> {
    if !is_settled(rule, now_ms) {
        return None;
    }
    rule.destinations
        .iter()
        .filter_map(|d| d.share.map(|wanted| (wanted, d)))
        .flat_map(|(wanted, d)| d.measured.iter().filter_map(move |m| off(wanted, m)))
        .map(f64::abs)
        .max_by(f64::total_cmp)
}

/// How far one group's calls have followed the last change.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// The change is too fresh, or there is no call yet.
    Measuring,
    /// They follow, and are not there yet.
    OnTheWay(Told),
    /// They go as told.
    Converged(Told),
}

/// What is measured of the destination that says most about a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The destination's name.
    pub name: String,
    /// The share measured.
    pub share: f64,
    /// The share wanted.
    pub wanted: f64,
    /// Of how many calls.
    pub requests: f64,
    /// Over how many seconds.
    pub over_s: u32,
}

/// Returns how far a group's calls have followed.
pub fn progress(rule: &Rule, callers: &str) -> Progress {
    let Some(over_s) = rule.measured_over_s else {
        return Progress::Measuring;
    };
    let of_group = |d: &Destination| {
        d.measured
            .iter()
            .find(|m| m.callers == callers && m.share_requests > 0.0)
            .and_then(|m| Some((m.share?, m.share_requests)))
    };
    // The smallest share that is not none: with few calls to a canary, that is where one looks. Of
    // equals the last, which is the newest version where they are in order.
    let shown = rule
        .destinations
        .iter()
        .filter_map(|d| d.share.filter(|s| *s > 0.0).map(|share| (share, d)))
        .rev()
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((wanted, d)) = shown else {
        return Progress::Measuring;
    };
    let Some((share, requests)) = of_group(d) else {
        return Progress::Measuring;
    };
    let told = Told {
        name: d.name.clone(),
        share,
        wanted,
        requests,
        over_s,
    };
    let all_close = rule.destinations.iter().all(|d| {
        let wanted = d.share.unwrap_or(0.0);
        of_group(d).is_none_or(|(share, _)| (share - wanted).abs() <= CLOSE)
    });
    if all_close {
        Progress::Converged(told)
    } else {
        Progress::OnTheWay(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{measured, split};

    #[test]
    fn a_mark_stands_only_where_more_than_chance_differs() {
        assert_eq!(off(0.1, &measured(0.12, 4_000.0)), None);
        let away = off(0.1, &measured(0.3, 4_000.0)).unwrap();
        assert!((away - 0.2).abs() < 1e-9);
        assert_eq!(
            off(0.5, &measured(0.75, 4.0)),
            None,
            "three of four is chance"
        );
        assert_eq!(off(0.1, &Measured::default()), None, "nothing is measured");
        assert!(
            off(0.0, &measured(0.2, 10.0)).is_some(),
            "it was to have none"
        );
    }

    #[test]
    fn within_bounds_is_as_told() {
        let mut bounded = measured(0.3, 4_000.0);
        bounded.share_bounds = Some([0.05, 0.5]);
        assert_eq!(off(0.1, &bounded), None);
        assert!(off(0.7, &bounded).is_some());
    }

    #[test]
    fn calls_follow_a_change() {
        let mut rule = split("http/0", &[("v1", 70), ("v2", 30)]);
        assert_eq!(progress(&rule, "mesh"), Progress::Measuring);
        rule.measured_over_s = Some(45);
        assert_eq!(progress(&rule, "mesh"), Progress::Measuring, "no call yet");
        let set = |rule: &mut Rule, v2: f64| {
            rule.destinations[0].measured = vec![measured(1.0 - v2, 412.0)];
            rule.destinations[1].measured = vec![measured(v2, 412.0)];
        };
        set(&mut rule, 0.12);
        assert!(matches!(progress(&rule, "mesh"), Progress::OnTheWay(told) if told.name == "v2"));
        set(&mut rule, 0.27);
        assert!(matches!(progress(&rule, "mesh"), Progress::Converged(told) if told.over_s == 45));
        assert_eq!(progress(&rule, "default/app-gateway"), Progress::Measuring);
    }
}
