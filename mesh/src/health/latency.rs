//! Whether calls take longer than their objective allows.

use crate::telemetry::Histogram;

use super::objectives::Thresholds;
use super::{Outcome, count, wilson};

/// Fewer timed calls than this tell nothing of a percentile.
const MIN_TIMED: f64 = 20.0;

/// Returns why calls are surely too slow, if they are.
///
/// "p95 ≤ 300 ms" says that at most 5 % of the calls take longer. What is known is how many took longer than a
/// bucket's edge: those of the first edge at or above the objective surely broke it. Their share is judged as
/// that of errors is, by the lower bound of what so few calls can tell.
pub(super) fn too_slow(durations: &Histogram, by: &Thresholds) -> Option<String> {
    let n = durations.count();
    if n < MIN_TIMED {
        return None;
    }
    let limits = [
        ("p99", 0.01, by.p99_ms),
        ("p95", 0.05, by.p95_ms),
        ("p50", 0.5, by.p50_ms),
    ];
    limits.into_iter().find_map(|(name, allowed, limit)| {
        let limit = limit?;
        let edge = durations.buckets().iter().find(|it| it.le_ms >= limit)?;
        let slow = Outcome {
            requests: n,
            errors: n - edge.count,
        };
        if slow.errors.round() < by.min_errors {
            return None;
        }
        let (low, _) = wilson(slow)?;
        (low >= allowed).then(|| {
            format!(
                "{} of {} requests took longer than {} ms (the objective here is {name} ≤ {limit} ms)",
                count(slow.errors),
                count(n),
                edge.le_ms
            )
        })
    })
}
