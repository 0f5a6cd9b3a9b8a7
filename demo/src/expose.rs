//! The counters of the proxies as Prometheus scrapes them.
//!
//! The only place of the demo that knows Istio's metric and label names
//! (<https://istio.io/latest/docs/reference/config/metrics/>).

use std::borrow::Cow;
use std::fmt::Write;

use mesh::telemetry::Protocol;

use crate::fleet::{Counter, Pod, Workload};
use crate::history::EDGES_MS;
use crate::ledger::{CLUSTER, Identity, Ledger, ReportId};
use crate::{STEP_MS, World};

/// The version of the proxies.
const PROXY_TAG: &str = "1.27.0";
/// What Istio writes where it does not know.
const UNKNOWN: &str = "unknown";

impl World {
    /// Returns the present counters of all living pods in Prometheus's text format.
    ///
    /// Each sample carries the `namespace` and `pod` of the proxy that reports it, so that one scrape
    /// with `honor_labels` looks like one of each pod. Series are born with their first call.
    pub fn expose(&self) -> String {
        let mut pods: Vec<(&Workload, &Pod)> = self
            .fleet
            .workloads
            .iter()
            .filter(|workload| workload.deployment.proxy.is_envoy())
            .flat_map(|workload| workload.pods.iter().map(move |pod| (workload, pod)))
            .collect();
        pods.sort_by_key(|(workload, pod)| (&workload.deployment.namespace, &pod.name));

        let mut uptime = String::new();
        let mut build = String::new();
        let mut reports: Vec<(String, &Counter)> = Vec::new();
        for (workload, pod) in pods {
            let namespace = escaped(&workload.deployment.namespace);
            let at = format!("namespace=\"{namespace}\",pod=\"{}\"", escaped(&pod.name));
            let seconds = (self.step - pod.started).max(0) * STEP_MS / 1000;
            line(&mut uptime, "envoy_server_uptime", &at, "", &seconds);
            let component = format!(",component=\"proxy\",tag=\"{PROXY_TAG}\"");
            line(&mut build, "istio_build", &at, &component, &1);
            reports.extend(pod.counters.iter().filter_map(|(report, counter)| {
                Some((labels(&self.ledger, *report, &at)?, counter))
            }));
        }
        // Sorted by labels, which does not depend on the order in which series were born.
        reports.sort_by(|a, b| a.0.cmp(&b.0));

        // Ten megabytes are worth reserving once: growing by doubling would take as much again.
        let lines_each = EDGES_MS.len() + 4;
        let labels_len: usize = reports.iter().map(|(labels, _)| labels.len() + 72).sum();
        let mut text = String::with_capacity(labels_len * lines_each + uptime.len() * 4);
        family(&mut text, "envoy_server_uptime", "gauge");
        text.push_str(&uptime);
        family(&mut text, "istio_build", "gauge");
        text.push_str(&build);
        family(
            &mut text,
            "istio_request_duration_milliseconds",
            "histogram",
        );
        for (labels, counter) in &reports {
            histogram(&mut text, labels, counter);
        }
        family(&mut text, "istio_requests_total", "counter");
        for (labels, counter) in &reports {
            line(
                &mut text,
                "istio_requests_total",
                labels,
                "",
                &counter.count(),
            );
        }
        text
    }
}

fn family(text: &mut String, name: &str, kind: &str) {
    for part in ["# TYPE ", name, " ", kind, "\n"] {
        text.push_str(part);
    }
}

fn histogram(text: &mut String, labels: &str, counter: &Counter) {
    const BUCKET: &str = "istio_request_duration_milliseconds_bucket";
    let mut sum = 0;
    let edges = EDGES_MS.into_iter().map(Some).chain([None]);
    for (edge, n) in edges.zip(counter.buckets) {
        sum += n;
        let le = match edge {
            Some(edge) => format!(",le=\"{edge}\""),
            None => ",le=\"+Inf\"".to_owned(),
        };
        line(text, BUCKET, labels, &le, &sum);
    }
    let sum_ms = (counter.sum_ms * 1000.0).round() / 1000.0;
    line(
        text,
        "istio_request_duration_milliseconds_sum",
        labels,
        "",
        &sum_ms,
    );
    line(
        text,
        "istio_request_duration_milliseconds_count",
        labels,
        "",
        &sum,
    );
}

fn line(text: &mut String, name: &str, labels: &str, more: &str, value: &dyn std::fmt::Display) {
    for part in [name, "{", labels, more, "} "] {
        text.push_str(part);
    }
    // Writing to a String does not fail.
    let _ = writeln!(text, "{value}");
}

/// Returns the labels of a report, in the order in which Envoy writes them.
fn labels(ledger: &Ledger, report: ReportId, at: &str) -> Option<String> {
    let series = ledger.get(report.series)?.series;
    let source = ledger.identity(series.source)?;
    let destination = series.destination.and_then(|id| ledger.identity(id));
    let service = series.service.and_then(|id| ledger.service_ref(id));

    let reporter = if report.by_server {
        "destination"
    } else {
        "source"
    };
    let policy = if report.by_server {
        "mutual_tls"
    } else {
        UNKNOWN
    };
    // The proxies know each other's names from the handshake; without an endpoint there was none.
    let source_principal = destination.map(|_| principal(source));

    let mut text = String::with_capacity(1100);
    text.push_str(at);
    let mut label = |name: &str, value: &str| {
        for part in [",", name, "=\"", &escaped(value), "\""] {
            text.push_str(part);
        }
    };
    label("reporter", reporter);
    label("source_workload", &source.workload);
    label("source_canonical_service", &source.canonical_service);
    label("source_canonical_revision", &source.canonical_revision);
    label("source_workload_namespace", &source.namespace);
    label(
        "source_principal",
        source_principal.as_deref().unwrap_or(UNKNOWN),
    );
    label("source_app", source.app_label.as_deref().unwrap_or(UNKNOWN));
    label(
        "source_version",
        source.version_label.as_deref().unwrap_or(UNKNOWN),
    );
    label("source_cluster", CLUSTER);

    let known = |field: fn(&Identity) -> &str| destination.map_or(UNKNOWN, field);
    let optional =
        |field: fn(&Identity) -> Option<&str>| destination.and_then(field).unwrap_or(UNKNOWN);
    label("destination_workload", known(|d| &d.workload));
    label("destination_workload_namespace", known(|d| &d.namespace));
    label(
        "destination_principal",
        destination.map(principal).as_deref().unwrap_or(UNKNOWN),
    );
    label("destination_app", optional(|d| d.app_label.as_deref()));
    label(
        "destination_version",
        optional(|d| d.version_label.as_deref()),
    );
    let service_namespace = service.and_then(|s| s.namespace.as_ref());
    let host = match (service, service_namespace) {
        (Some(service), Some(namespace)) => {
            format!("{}.{namespace}.svc.cluster.local", service.name)
        }
        (Some(service), None) => service.name.to_string(),
        (None, _) => UNKNOWN.to_owned(),
    };
    label("destination_service", &host);
    label(
        "destination_canonical_service",
        known(|d| &d.canonical_service),
    );
    // Istio writes `latest` even where it does not know the workload.
    label(
        "destination_canonical_revision",
        destination.map_or("latest", |d| &d.canonical_revision),
    );
    label(
        "destination_service_name",
        service.map_or(UNKNOWN, |s| s.name.as_str()),
    );
    label(
        "destination_service_namespace",
        service_namespace.map_or(UNKNOWN, |n| n.as_str()),
    );
    label(
        "destination_cluster",
        destination.map_or(UNKNOWN, |_| CLUSTER),
    );

    label("request_protocol", series.protocol.as_str());
    label("response_code", &series.ending.http.to_string());
    if series.protocol == Protocol::Grpc
        && let Some(status) = series.ending.grpc
    {
        label("grpc_response_status", &status.to_string());
    }
    label("response_flags", &series.ending.flags.text());
    label("connection_security_policy", policy);
    Some(text)
}

fn principal(identity: &Identity) -> String {
    format!(
        "spiffe://cluster.local/ns/{}/sa/{}",
        identity.namespace, identity.service_account
    )
}

/// Returns a label value with backslash, quote and line feed escaped as the text format asks.
fn escaped(value: &str) -> Cow<'_, str> {
    if !value.contains(['\\', '"', '\n']) {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() + 8);
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(escaped("plain"), "plain");
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
