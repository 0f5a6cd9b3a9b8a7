//! Circuit breakers and outlier detection, as Envoy counts them for each upstream. Istio exposes them only
//! where a `proxyStatsMatcher` says so; this mesh has one, for what its DestinationRules limit.

use super::{escaped, family, line, place_of};
use crate::World;
use crate::ledger::UpstreamName;
use crate::routing::host_of;
use crate::trips::{Standing, Trip};

/// Each metric with its kind and how a standing tells it.
const METRICS: [(&str, &str, fn(&Standing<'_>) -> u64); 9] = [
    (
        "envoy_cluster_circuit_breakers_default_cx_open",
        "gauge",
        |it| u64::from(it.out_of_connections),
    ),
    (
        "envoy_cluster_circuit_breakers_default_rq_open",
        "gauge",
        |it| u64::from(it.out_of_requests && !it.out_of_connections),
    ),
    (
        "envoy_cluster_circuit_breakers_default_rq_pending_open",
        "gauge",
        |it| u64::from(it.out_of_requests && it.out_of_connections),
    ),
    (
        "envoy_cluster_outlier_detection_ejections_active",
        "gauge",
        |it| it.n_ejected as u64,
    ),
    (
        "envoy_cluster_outlier_detection_ejections_enforced_total",
        "counter",
        |it| it.trips(Trip::Ejection),
    ),
    ("envoy_cluster_upstream_cx_overflow", "counter", |it| {
        it.trips(Trip::ConnectionOverflow)
    }),
    (
        "envoy_cluster_upstream_rq_pending_overflow",
        "counter",
        |it| it.trips(Trip::PendingOverflow),
    ),
    // Nothing limits retries here.
    ("envoy_cluster_upstream_rq_retry_overflow", "counter", |_| 0),
    ("envoy_cluster_membership_total", "gauge", |it| {
        it.n_members as u64
    }),
];

impl World {
    pub(super) fn expose_breakers(&self, text: &mut String) {
        let mut standings: Vec<(String, Standing<'_>)> = self
            .standings()
            .into_iter()
            .map(|it| {
                let at = place_of(it.namespace, &it.pod.name);
                let cluster = escaped(&cluster_name(it.name)).into_owned();
                (format!("{at},cluster_name=\"{cluster}\""), it)
            })
            .collect();
        standings.sort_by(|a, b| a.0.cmp(&b.0));
        for (metric, kind, value) in METRICS {
            family(text, metric, kind);
            for (labels, it) in &standings {
                line(text, metric, labels, "", &value(it));
            }
        }
    }
}

fn cluster_name(name: &UpstreamName) -> String {
    format!(
        "outbound|{}|{}|{}",
        name.port,
        name.subset.as_deref().unwrap_or_default(),
        host_of(&name.namespace, &name.service)
    )
}
