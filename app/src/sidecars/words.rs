//! What proxies cost, in words.

use mesh::api::sidecars::{Fit, ProxyKind, Sidecars};

use crate::numbers::{self, NO_DATA};

/// Returns `54 sidecars, 3.4 GB`.
pub fn tally(told: &Sidecars) -> String {
    let n = told.total.pods;
    let mut parts = vec![format!(
        "{n} {}",
        if n == 1 { "sidecar" } else { "sidecars" }
    )];
    parts.extend(told.total.memory_bytes.map(numbers::bytes));
    parts.join(", ")
}

/// Returns what a proxy is for.
pub fn kind(kind: ProxyKind) -> &'static str {
    match kind {
        ProxyKind::Sidecar => "sidecar",
        ProxyKind::Gateway => "gateway",
        ProxyKind::Waypoint => "waypoint",
        ProxyKind::Node => "node proxy",
    }
}

/// Returns how memory stands.
pub fn fit(fit: Fit) -> &'static str {
    match fit {
        Fit::NearLimit => "Near its limit",
        Fit::Above => "Above the rule",
        Fit::Below => "Below the rule",
        Fit::Within => "As a rule",
        Fit::Unknown => "Not measured",
    }
}

/// Writes memory; what nobody measures is no zero.
pub fn memory(bytes: Option<f64>) -> String {
    bytes.map_or_else(|| NO_DATA.to_owned(), numbers::bytes)
}

/// Writes processor time as Kubernetes does: `12 m`, `1.50 cores`.
pub fn cores(cores: Option<f64>) -> String {
    match cores {
        None => NO_DATA.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(n) if n < 0.000_5 => "< 1 mCPU".to_owned(),
        Some(n) if n < 0.999_5 => format!("{:.0} mCPU", n * 1000.0),
        Some(n) => format!("{n:.2} CPU"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_use_is_not_none() {
        let written = [None, Some(0.0), Some(0.000_1), Some(0.012_3), Some(1.5)].map(cores);
        assert_eq!(written.join(" | "), "– | 0 | < 1 mCPU | 12 mCPU | 1.50 CPU");
    }
}
