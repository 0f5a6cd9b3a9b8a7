//! Requests, how long they took, and the messages in gRPC calls.

use std::collections::BTreeMap;

use mesh::telemetry::Protocol;

use super::labels::{ending, ends, reporter};
use super::{Exposed, family, line};
use crate::World;
use crate::fleet::Counter;
use crate::history::EDGES_MS;
use crate::ledger::{ReportId, Row};

const DURATIONS: &str = "istio_request_duration_milliseconds";
const REQUESTS: &str = "istio_requests_total";
/// With which of the two numbers of messages each tells.
const MESSAGES: [&str; 2] = [
    "istio_request_messages_total",
    "istio_response_messages_total",
];

impl World {
    pub(super) fn expose_requests(&self, pods: &[Exposed<'_>], text: &mut String) {
        let mut reports: Vec<(String, &Counter)> = Vec::new();
        for it in pods {
            reports.extend(it.pod.counters.iter().filter_map(|(report, counter)| {
                let row = self.ledger.get(report.series)?;
                let labels = self.parties(row, *report, &it.at)? + &ending(row, *report);
                Some((labels, counter))
            }));
        }
        // Sorted by labels, which does not depend on the order in which series were born.
        reports.sort_by(|a, b| a.0.cmp(&b.0));

        // Ten megabytes are worth reserving once: growing by doubling would take as much again.
        let lines_each = EDGES_MS.len() + 4;
        let labels_len: usize = reports.iter().map(|(labels, _)| labels.len() + 72).sum();
        text.reserve(labels_len * lines_each);
        family(text, DURATIONS, "histogram");
        for (labels, counter) in &reports {
            histogram(text, labels, counter);
        }
        family(text, REQUESTS, "counter");
        for (labels, counter) in &reports {
            line(text, REQUESTS, labels, "", &counter.count());
        }
    }

    pub(super) fn expose_messages(&self, pods: &[Exposed<'_>], text: &mut String) {
        let mut reports = BTreeMap::<String, [u64; 2]>::new();
        for it in pods {
            for (report, counter) in &it.pod.counters {
                let row = self.ledger.get(report.series);
                let row = row.filter(|row| row.series.protocol == Protocol::Grpc);
                let Some(row) = row else {
                    continue;
                };
                if let Some(labels) = self.parties(row, *report, &it.at) {
                    let n = counter.count();
                    let [to_server, to_client] = reports.entry(labels).or_default();
                    *to_server += n;
                    *to_client += n * row.series.ending.answers(row.answers);
                }
            }
        }
        for (idx, metric) in MESSAGES.into_iter().enumerate() {
            family(text, metric, "counter");
            for (labels, counts) in &reports {
                if let Some(n) = counts.get(idx) {
                    line(text, metric, labels, "", n);
                }
            }
        }
    }

    /// Returns the labels of who calls whom over what.
    fn parties(&self, row: &Row, report: ReportId, at: &str) -> Option<String> {
        let series = row.series;
        let labels = ends(
            &self.ledger,
            at,
            reporter(report.by_server, series.by_waypoint),
            (series.source, series.destination, series.service),
        )?;
        Some(format!(
            "{labels},request_protocol=\"{}\"",
            series.protocol.as_str()
        ))
    }
}

fn histogram(text: &mut String, labels: &str, counter: &Counter) {
    let mut sum = 0;
    let edges = EDGES_MS.into_iter().map(Some).chain([None]);
    for (edge, n) in edges.zip(counter.buckets) {
        sum += n;
        let le = match edge {
            Some(edge) => format!(",le=\"{edge}\""),
            None => ",le=\"+Inf\"".to_owned(),
        };
        line(text, &format!("{DURATIONS}_bucket"), labels, &le, &sum);
    }
    let sum_ms = (counter.sum_ms * 1000.0).round() / 1000.0;
    line(text, &format!("{DURATIONS}_sum"), labels, "", &sum_ms);
    line(text, &format!("{DURATIONS}_count"), labels, "", &sum);
}
