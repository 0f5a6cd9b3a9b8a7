//! Where the calls of a trace stand among all calls of their edges.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::trace::Rank;
use crate::graph::{self, Facts, quantiles};
use crate::telemetry::Histogram;
use crate::units::six_digits;

use super::Trace;
use super::known::Known;
use super::path;
use super::tree::Tree;

/// Returns where each call of a trace stands among those of its edge that `facts` timed, sorted by span. Calls whose
/// edge was not timed are left out.
pub fn ranks(trace: &Trace, known: &Known, facts: &Facts) -> Vec<Rank> {
    let tree = Tree::of(trace);
    let steps = path::steps(&tree, known);
    let wanted: BTreeSet<&str> = steps.iter().filter_map(|it| it.edge.as_deref()).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let durations: BTreeMap<String, Histogram> = graph::edge_durations(facts, &wanted);
    let calls = tree.nodes.iter().zip(&steps).filter(|(_, it)| it.is_call);
    let mut ranks: Vec<Rank> = calls
        .filter_map(|(node, step)| {
            let edge = step.edge.as_deref()?;
            let histogram = durations.get(edge)?;
            let (from, to) = faster(histogram, node.duration_us as f64 / 1000.0);
            let latency = quantiles(histogram);
            Some(Rank {
                span: node.id.to_string(),
                edge: edge.to_owned(),
                faster_from: six_digits(from),
                faster_to: six_digits(to),
                p50_ms: latency.p50_ms,
                p95_ms: latency.p95_ms,
                p99_ms: latency.p99_ms,
                n_calls: six_digits(histogram.count()),
            })
        })
        .collect();
    ranks.sort_by(|a, b| a.span.cmp(&b.span));
    ranks
}

/// Returns between which shares of all calls were faster than `ms`: those of the bucket's edges that it falls in.
fn faster(histogram: &Histogram, ms: f64) -> (f64, f64) {
    let all = histogram.count();
    let mut below = 0.0;
    for bucket in histogram.buckets() {
        if ms <= bucket.le_ms {
            return (below / all, bucket.count / all);
        }
        below = bucket.count;
    }
    (1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Bucket;

    #[test]
    fn a_duration_stands_between_the_edges_of_its_bucket() {
        let bucket = |le_ms, count| Bucket { le_ms, count };
        let histogram = Histogram::new(vec![
            bucket(10.0, 50.0),
            bucket(100.0, 98.0),
            bucket(f64::INFINITY, 100.0),
        ])
        .unwrap();
        for (ms, between) in [
            (3.0, (0.0, 0.5)),
            (10.0, (0.0, 0.5)),
            (50.0, (0.5, 0.98)),
            (5000.0, (0.98, 1.0)),
        ] {
            assert_eq!(faster(&histogram, ms), between, "{ms}");
        }
    }
}
