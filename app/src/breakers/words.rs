//! Circuit breakers in words.

use mesh::api::breakers::{Breaker, Breakers, Ejection, Limits, Part};

use crate::numbers::{self, NO_DATA};

/// Returns `4 hosts, 1 with calls refused, 1 without a healthy endpoint at times, 1 with limits in vain`.
pub fn tally(told: &Breakers) -> String {
    let n = told.items.len();
    let of = |is: fn(&Breaker) -> bool| told.items.iter().filter(|it| is(it)).count();
    let refused = of(|it| it.overflowed.unwrap_or(0.0) > 0.0);
    let unhealthy = of(|it| it.unhealthy.unwrap_or(0.0) > 0.0);
    let vain = of(|it| !it.ineffective.is_empty());
    let mut parts = vec![format!("{n} {}", if n == 1 { "host" } else { "hosts" })];
    for (n, word) in [
        (refused, "with calls refused"),
        (unhealthy, "without a healthy endpoint at times"),
        (vain, "with limits in vain"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {word}"));
        }
    }
    parts.join(", ")
}

/// Returns what a part is: the whole host, a subset, a port.
pub fn part(part: &Part) -> String {
    match (&part.subset, part.port) {
        (None, None) => "Whole host".to_owned(),
        (Some(subset), None) => format!("Subset {subset}"),
        (None, Some(port)) => format!("Port {port}"),
        (Some(subset), Some(port)) => format!("Subset {subset}, port {port}"),
    }
}

/// Writes a limit; what is not written is Istio's default.
pub fn limit(limit: Option<u32>) -> String {
    limit.map_or_else(|| NO_DATA.to_owned(), |n| n.to_string())
}

/// Writes when endpoints are left out: `3 × 5xx in a row, for 60s, at most 50 %`.
pub fn ejection(ejection: Option<&Ejection>) -> String {
    let Some(it) = ejection else {
        return NO_DATA.to_owned();
    };
    let mut parts = Vec::new();
    match (it.consecutive_5xx, it.consecutive_gateway_errors) {
        (Some(n), _) => parts.push(format!("{n} × 5xx in a row")),
        (None, Some(_)) => {}
        (None, None) => parts.push("5 × 5xx in a row".to_owned()),
    }
    parts.extend(
        it.consecutive_gateway_errors
            .map(|n| format!("{n} × 502–504 in a row")),
    );
    parts.extend(
        it.interval
            .as_ref()
            .map(|it| format!("looked at every {it}")),
    );
    parts.push(format!(
        "out for {}",
        it.base_time.as_deref().unwrap_or("30s")
    ));
    parts.push(format!("at most {} %", it.max_percent.unwrap_or(10)));
    parts.join(", ")
}

/// Writes limits in one line.
pub fn limits(limits: &Limits) -> String {
    let named = [
        (limits.max_connections, "connections"),
        (limits.max_pending_requests, "waiting"),
        (limits.max_requests, "requests"),
        (limits.max_requests_per_connection, "requests a connection"),
        (limits.max_retries, "retries"),
    ];
    let mut parts: Vec<String> = named
        .into_iter()
        .filter_map(|(limit, word)| Some(format!("{} {word}", limit?)))
        .collect();
    if limits.ejection.is_some() {
        parts.push(ejection(limits.ejection.as_ref()));
    }
    parts.join(", ")
}

/// Writes a count of Envoy's own; what is not exposed is no zero.
pub fn figure(n: Option<f64>) -> String {
    n.map_or_else(|| NO_DATA.to_owned(), numbers::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_one_would_say_them() {
        let written = Limits {
            max_connections: Some(100),
            max_pending_requests: Some(50),
            ejection: Some(Ejection {
                consecutive_5xx: Some(3),
                base_time: Some("60s".to_owned()),
                max_percent: Some(50),
                ..Ejection::default()
            }),
            ..Limits::default()
        };
        assert_eq!(
            limits(&written),
            "100 connections, 50 waiting, 3 × 5xx in a row, out for 60s, at most 50 %"
        );
        assert_eq!(
            ejection(Some(&Ejection::default())),
            "5 × 5xx in a row, out for 30s, at most 10 %"
        );
        assert_eq!(limit(None), NO_DATA);
    }
}
