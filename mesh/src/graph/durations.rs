//! How long the calls of some edges took.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::query::By;
use crate::telemetry::Histogram;

use super::Facts;
use super::views::Views;

/// Returns the durations of those edges of the graph by workload that are wanted and were timed, by id, in the view
/// that the graph shows.
pub fn edge_durations(facts: &Facts, wanted: &BTreeSet<&str>) -> BTreeMap<String, Histogram> {
    let views = Views::of(facts, By::Workload, &[], None, None);
    let edges = views.edges();
    edges
        .filter_map(|edge| {
            let id = format!(
                "{}->{}:{}",
                edge.from.id(),
                edge.to.id(),
                edge.protocol.as_str()
            );
            let histogram = edge.latency()?;
            wanted
                .contains(id.as_str())
                .then(|| (id, histogram.clone()))
        })
        .collect()
}
