//! Where a call stands among those of its edge, in words.

use mesh::api::trace::Rank;

use crate::numbers;

/// From this share on, a call is worth a mark in its row.
const SLOW: f64 = 0.95;

/// Returns whether surely nearly all calls were faster.
pub fn is_slow(rank: &Rank) -> bool {
    rank.faster_from >= SLOW
}

/// Writes what stands in the row of a slow call: `slowest 1.8 %`.
pub fn mark(rank: &Rank) -> String {
    format!("slowest {}", numbers::share(1.0 - rank.faster_from))
}

/// Writes it short: `slower than 98 %`.
pub fn short(rank: &Rank) -> String {
    let (from, to) = (
        numbers::share(rank.faster_from),
        numbers::share(rank.faster_to),
    );
    match (rank.faster_from, rank.faster_to) {
        (_, to) if to <= 0.0 => "as fast as any".to_owned(),
        (from, _) if from <= 0.0 => format!("slower than at most {to}"),
        (a, b) if (b - a).abs() < 0.01 => format!("slower than {from}"),
        _ => format!("slower than {} to {to}", from.trim_end_matches(" %")),
    }
}

/// Writes all of it: `Slower than 98 % of 12.4k calls …; p50 12 ms, p95 80 ms, p99 210 ms.`
pub fn words(rank: &Rank) -> String {
    let short = short(rank);
    let mut chars = short.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    let of = format!(
        "{first}{} of {} calls of this edge in that hour",
        chars.as_str(),
        numbers::count(rank.n_calls)
    );
    let quantiles: Vec<String> = [
        ("p50", rank.p50_ms),
        ("p95", rank.p95_ms),
        ("p99", rank.p99_ms),
    ]
    .into_iter()
    .filter_map(|(name, ms)| Some(format!("{name} {}", numbers::millis(ms?))))
    .collect();
    match quantiles.is_empty() {
        true => format!("{of}."),
        false => format!("{of}; {}.", quantiles.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(faster_from: f64, faster_to: f64) -> Rank {
        Rank {
            span: "1".to_owned(),
            edge: "a->b:http".to_owned(),
            faster_from,
            faster_to,
            p50_ms: Some(12.0),
            p95_ms: Some(80.0),
            p99_ms: None,
            n_calls: 12_400.0,
        }
    }

    #[test]
    fn a_call_is_set_against_all_of_its_edge() {
        assert_eq!(
            words(&rank(0.98, 0.983)),
            "Slower than 98 % of 12.4k calls of this edge in that hour; p50 12 ms, p95 80 ms."
        );
        assert_eq!(mark(&rank(0.98, 0.983)), "slowest 2.0 %");
        assert_eq!(short(&rank(0.9, 0.97)), "slower than 90 to 97 %");
        assert_eq!(short(&rank(0.0, 0.4)), "slower than at most 40 %");
        assert_eq!(short(&rank(0.0, 0.0)), "as fast as any");
        assert!(is_slow(&rank(0.95, 1.0)) && !is_slow(&rank(0.9, 1.0)));
    }
}
