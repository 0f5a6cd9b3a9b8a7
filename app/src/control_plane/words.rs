//! The control plane in words.

use mesh::api::control_plane::{ControlPlane, Counted};
use mesh::api::graph::{Bounds, Latency};

use crate::numbers::{self, NO_DATA};

/// Returns `1 istiod, 54 proxies connected`.
pub fn tally(told: &ControlPlane) -> String {
    let n = told.istiods.len();
    let mut parts = vec![format!(
        "{n} istiod {}",
        if n == 1 { "pod" } else { "pods" }
    )];
    if let Some(connected) = told.connected_proxies {
        parts.push(format!("{} proxies connected", numbers::count(connected)));
    }
    parts.join(", ")
}

/// Returns what a finding is about.
pub fn about(word: &str) -> &'static str {
    match word {
        "istiod" => "istiod",
        "rejects" => "Refused by proxies",
        "push_errors" => "Failed pushes",
        "internal_errors" => "Internal errors",
        "write_timeouts" => "Timed-out pushes",
        "convergence" => "Convergence",
        "proxies" => "Proxies in sync",
        "versions" => "Versions",
        "root_certificate" => "Root certificate",
        _ => "Also",
    }
}

/// Writes a quantile, or the bounds that it lies in.
pub fn quantile(latency: &Latency, value: Option<f64>, which: usize) -> String {
    if let Some(ms) = value {
        return numbers::millis(ms);
    }
    let bounds: Option<&Bounds> = latency
        .latency_bounds
        .as_ref()
        .and_then(|all| all.get(which));
    match bounds {
        Some(Bounds {
            low_ms,
            high_ms: None,
        }) => numbers::longer_than(*low_ms),
        Some(Bounds {
            high_ms: Some(high),
            ..
        }) => format!("≤ {}", numbers::millis(*high)),
        None => NO_DATA.to_owned(),
    }
}

/// Writes how much of a kind there was, added up; what nobody tells is no zero.
pub fn sum(counts: &[Counted]) -> String {
    match counts {
        [] => NO_DATA.to_owned(),
        counts => numbers::count(counts.iter().map(|it| it.count).sum()),
    }
}

/// Writes a length of time in days or hours: `412 days`, `5 h`; one that is over with "ago".
pub fn left(secs: f64) -> String {
    let (n, unit) = match secs.abs() {
        s if s >= 2.0 * 86_400.0 => (s / 86_400.0, "days"),
        s if s >= 2.0 * 3600.0 => (s / 3600.0, "h"),
        s => (s / 60.0, "min"),
    };
    let over = if secs < 0.0 { " ago" } else { "" };
    format!("{:.0} {unit}{over}", n.floor())
}

/// Returns what a type of configuration holds.
pub fn kind(word: &str) -> &'static str {
    match word
        .trim_end_matches("_senderr")
        .trim_end_matches("_builderr")
    {
        "cds" => "clusters",
        "eds" => "endpoints",
        "lds" => "listeners",
        "rds" => "routes",
        "sds" => "secrets",
        "nds" => "names (DNS)",
        "ecds" => "extensions",
        "wds" => "workloads (ambient)",
        "pcds" => "proxies’ own settings",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_tells_is_no_zero() {
        assert_eq!(sum(&[]), NO_DATA);
        let counted = |count| Counted {
            kind: "cds".to_owned(),
            count,
        };
        assert_eq!(sum(&[counted(0.0)]), "0");
        assert_eq!(sum(&[counted(3.0), counted(4.0)]), "7");
        assert_eq!(quantile(&Latency::default(), None, 2), NO_DATA);
        assert_eq!(quantile(&Latency::default(), Some(120.0), 2), "120 ms");
    }

    #[test]
    fn time_left_is_written_in_the_unit_one_would_say() {
        assert_eq!(left(400.0 * 86_400.0), "400 days");
        assert_eq!(left(-3.5 * 86_400.0), "3 days ago");
        assert_eq!(left(7_300.0), "2 h");
        assert_eq!(left(90.0), "1 min");
    }
}
