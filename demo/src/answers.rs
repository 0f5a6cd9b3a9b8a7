//! Answers the questions of a metrics source from the history.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesh::names::ServiceName;
use mesh::telemetry::{Bucket, ServiceRef};
use mesh::telemetry::{
    DurationBuckets, Histogram, LatencySample, Peer, Requests, Sample, Selector, Series,
    SeriesCount, SeriesPoint, Side, SideKind, TrafficKey,
};
use mesh::units::UnixMillis;

use crate::history::{EDGES_MS, Entry, N_BUCKETS};
use crate::ledger::Row;
use crate::{STEP_MS, World};

impl World {
    /// Returns the exact number of calls of each key in `(at - window, at]`, as both sides report
    /// them, sorted by key.
    pub fn requests(&self, query: &Requests) -> Vec<Sample> {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut counts = BTreeMap::<Arc<TrafficKey>, u64>::new();
        for (row, count) in self.ledger.rows().iter().zip(self.counts(steps)) {
            for (key, count) in count.by_key(row) {
                *counts.entry(key.clone()).or_default() += count;
            }
        }
        counts
            .into_iter()
            .map(|(key, count)| Sample {
                key,
                value: count as f64,
            })
            .collect()
    }

    /// Returns the durations of the calls in `(at - window, at]` as the clients saw them (the servers, where
    /// the caller has no proxy), sorted by key.
    pub fn durations(&self, query: &DurationBuckets) -> Vec<LatencySample> {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut by_series = vec![[0_u64; N_BUCKETS]; self.ledger.rows().len()];
        self.history.each(steps.first, steps.last, |_, entry| {
            let buckets = by_series.get_mut(entry.series.0 as usize);
            let row = self.ledger.get(entry.series);
            if let Some(n) = buckets.and_then(|buckets| buckets.get_mut(entry.bucket)) {
                *n += row.map_or(0, |row| row.seen(&entry));
            }
        });
        let mut by_key = BTreeMap::<Arc<TrafficKey>, [u64; N_BUCKETS]>::new();
        for (row, counted) in self.ledger.rows().iter().zip(&by_series) {
            if counted.iter().all(|n| *n == 0) {
                continue;
            }
            let buckets = by_key.entry(row.latency.clone()).or_default();
            for (sum, n) in buckets.iter_mut().zip(counted) {
                *sum += n;
            }
        }
        by_key
            .into_iter()
            .filter_map(|(key, buckets)| {
                let histogram = histogram(&buckets)?;
                Some(LatencySample { key, histogram })
            })
            .collect()
    }

    /// Returns how the selected calls went over time.
    pub fn series(&self, query: &Series) -> Vec<SeriesPoint> {
        let takes: Vec<bool> = self
            .ledger
            .rows()
            .iter()
            .map(|row| selects(&query.selector, &row.client))
            .collect();
        let step_ms = i64::from(query.step_secs.max(1)) * 1000;
        (0..i64::from(query.n_points))
            .rev()
            .map(|back| {
                let at = query.at.0.saturating_sub(back.saturating_mul(step_ms));
                self.point(UnixMillis(at), step_ms, &takes)
            })
            .collect()
    }

    fn point(&self, at: UnixMillis, step_ms: i64, takes: &[bool]) -> SeriesPoint {
        let steps = Steps::within(step_ms, at);
        let mut by_series = vec![Count::default(); takes.len()];
        let mut buckets = [0_u64; N_BUCKETS];
        self.history.each(steps.first, steps.last, |_, entry| {
            let idx = entry.series.0 as usize;
            if takes.get(idx).copied().unwrap_or(false) {
                if let Some(count) = by_series.get_mut(idx) {
                    count.add(&entry);
                }
                let row = self.ledger.get(entry.series);
                if let Some(n) = buckets.get_mut(entry.bucket) {
                    *n += row.map_or(0, |row| row.seen(&entry));
                }
            }
        });
        let mut counts = BTreeMap::new();
        for (row, count) in self.ledger.rows().iter().zip(by_series) {
            for (key, count) in count.by_key(row) {
                let ending = (key.reporter, key.protocol, key.response, key.flags.clone());
                *counts.entry(ending).or_insert(0_u64) += count;
            }
        }
        SeriesPoint {
            at,
            counts: counts
                .into_iter()
                .map(
                    |((reporter, protocol, response, flags), count)| SeriesCount {
                        reporter,
                        protocol,
                        response,
                        flags,
                        value: count as f64,
                    },
                )
                .collect(),
            histogram: histogram(&buckets),
        }
    }

    /// Returns the number of calls of each series, in the order of the ledger's rows.
    pub(crate) fn counts(&self, steps: Steps) -> Vec<Count> {
        let mut counts = vec![Count::default(); self.ledger.rows().len()];
        self.history.each(steps.first, steps.last, |_, entry| {
            if let Some(count) = counts.get_mut(entry.series.0 as usize) {
                count.add(&entry);
            }
        });
        counts
    }
}

/// How many calls of a series each side reports.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    by_client: u64,
    by_server: u64,
}

impl Count {
    fn add(&mut self, entry: &Entry) {
        self.by_client += entry.by_client();
        self.by_server += entry.by_server();
    }

    /// Returns the counts that are not 0, with the key that each side reports them under.
    pub(crate) fn by_key(self, row: &Row) -> impl Iterator<Item = (&Arc<TrafficKey>, u64)> {
        let client = std::iter::once((&row.client, self.by_client));
        let server = row.server.iter().map(move |key| (key, self.by_server));
        client.chain(server).filter(|(_, count)| 0 < *count)
    }
}

/// The steps that end within a window.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl Steps {
    /// Returns the steps that end in `(at - window, at]`.
    pub(crate) fn within(window_ms: i64, at: UnixMillis) -> Steps {
        Steps {
            first: at.0.saturating_sub(window_ms).div_euclid(STEP_MS) + 1,
            last: at.0.div_euclid(STEP_MS),
        }
    }
}

/// Returns the cumulative histogram of plain bucket counts, or `None` when nothing was counted.
fn histogram(buckets: &[u64; N_BUCKETS]) -> Option<Histogram> {
    let mut sum = 0;
    let edges = EDGES_MS.into_iter().chain([f64::INFINITY]);
    Histogram::new(
        edges
            .zip(buckets)
            .map(|(le_ms, n)| {
                sum += n;
                Bucket {
                    le_ms,
                    count: sum as f64,
                }
            })
            .collect(),
    )
}

fn selects(selector: &Selector, key: &TrafficKey) -> bool {
    let source = selector.source.as_ref();
    let destination = selector.destination.as_ref();
    selector.protocol.is_none_or(|p| p == key.protocol)
        && source.is_none_or(|side| is_peer(side, &key.source, None))
        && destination.is_none_or(|side| is_peer(side, &key.destination, key.service.as_ref()))
}

/// Returns whether a side means a peer. `service` is what was addressed, for a destination.
fn is_peer(side: &Side, peer: &Peer, service: Option<&ServiceRef>) -> bool {
    // A peer that no proxy knows has no cluster; where it is asked for by service, any will do.
    let in_cluster = side.cluster.is_none()
        || peer.cluster == side.cluster
        || (peer.workload.is_none()
            && matches!(
                side.what,
                SideKind::ServiceWithoutEndpoint(_) | SideKind::Unknown
            ));
    let in_namespace = peer.namespace == side.namespace;
    let is_service = |name: &ServiceName| {
        service.is_some_and(|s| s.name == *name && s.namespace == side.namespace)
    };
    in_cluster
        && match &side.what {
            SideKind::Workload(name) => in_namespace && peer.workload.as_ref() == Some(name),
            SideKind::Version(app, version) => {
                in_namespace
                    && peer.app.as_ref() == Some(app)
                    && peer.version.as_ref() == Some(version)
            }
            SideKind::App(app) => in_namespace && peer.app.as_ref() == Some(app),
            SideKind::Service(name) => is_service(name),
            SideKind::ServiceWithoutEndpoint(name) => peer.workload.is_none() && is_service(name),
            SideKind::Unknown => peer.workload.is_none() && peer.namespace.is_none(),
        }
}
