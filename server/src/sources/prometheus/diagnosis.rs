//! What a Prometheus says of itself, and what of Istio it holds (rule R11).

use mesh::api::sources::{Label, Metric};
use mesh::units::UnixMillis;

use super::decode::{Item, Labels, Text};
use super::{Prometheus, breakers, control_plane, promql, proxies};

/// How much of an answer about the source itself is read: a version and a flag are short.
const MAX_TEXT: usize = 512 * 1024;

/// What a Prometheus says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Whether it answered.
    pub reachable: bool,
    /// Which program it is, as far as it shows.
    pub storage: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// How long it keeps samples, in its own words.
    pub retention: Option<String>,
    /// The time between two scrapes in seconds, where it is known.
    pub scrape_interval_s: Option<f64>,
    /// The metrics we read.
    pub metrics: Vec<Metric>,
    /// The labels we read of the counter of requests, where it is there.
    pub labels: Vec<Label>,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A metric: its name, what it shows, what is lost without it.
type Known = (&'static str, &'static str, &'static str);

/// What the proxies tell of traffic. The names take the prefix of aggregated metrics; the last does not.
const TRAFFIC: [Known; 8] = [
    (
        promql::REQUESTS,
        "HTTP and gRPC requests",
        "the graph, health, and what canaries are judged by",
    ),
    (
        promql::DURATIONS,
        "latency from buckets",
        "p50, p95 and p99",
    ),
    (
        "istio_tcp_received_bytes_total",
        "TCP bytes, client to server",
        "edges of databases and other plain TCP",
    ),
    (
        "istio_tcp_sent_bytes_total",
        "TCP bytes, server to client",
        "one direction of TCP edges",
    ),
    (
        "istio_tcp_connections_opened_total",
        "TCP connections",
        "how many connections are made",
    ),
    (
        "istio_tcp_connections_closed_total",
        "TCP connections closed",
        "how many connections end",
    ),
    (
        "istio_request_messages_total",
        "gRPC messages, client to server",
        "what flows inside gRPC streams",
    ),
    (
        "istio_response_messages_total",
        "gRPC messages, server to client",
        "what flows inside gRPC streams",
    ),
];

/// What else is read, whoever aggregates.
const BESIDES: [Known; 14] = [
    (
        promql::UPTIME,
        "new pods told from newly scraped ones",
        "first requests of new pods may be missed",
    ),
    (
        control_plane::INFO,
        "istiod pods",
        "whether the control plane runs",
    ),
    (
        control_plane::UPTIME,
        "how long istiod runs",
        "restarts of istiod",
    ),
    (
        control_plane::BUILD,
        "versions",
        "which proxies are behind the control plane",
    ),
    (
        control_plane::CONNECTED,
        "connected proxies",
        "proxies that get no changes",
    ),
    (
        control_plane::PUSHES,
        "configuration sent",
        "how busy the control plane is",
    ),
    (
        control_plane::CONVERGENCE,
        "time until changes arrive",
        "how long to wait after a change",
    ),
    (
        control_plane::ROOT_CERT,
        "end of the root certificate",
        "a warning before mutual TLS fails",
    ),
    (proxies::MEMORY, "memory of proxies", "what sidecars cost"),
    (
        proxies::CPU,
        "processor use of proxies",
        "what sidecars cost",
    ),
    (
        proxies::ALLOCATED,
        "memory as Envoy counts it",
        "a second opinion on memory",
    ),
    (
        breakers::PENDING_OVERFLOW,
        "requests refused by breakers, by subset",
        "which subset's breaker acted",
    ),
    (
        breakers::CONNECTION_OVERFLOW,
        "connections refused by breakers",
        "which limit was met",
    ),
    (
        breakers::EJECTED_NOW,
        "endpoints ejected now",
        "who is left out at this moment",
    ),
];

/// Those that Istio makes only once something happened.
const AFTER_THE_FACT: [Known; 3] = [
    (
        control_plane::REJECTS,
        "configuration refused by proxies",
        "nothing as long as none is refused",
    ),
    (
        control_plane::INTERNAL_ERRORS,
        "failures inside istiod",
        "nothing as long as nothing fails",
    ),
    (
        control_plane::WRITE_TIMEOUTS,
        "pushes that timed out",
        "nothing as long as none does",
    ),
];

/// Those that many a mesh rightly lacks: no TCP, no streams, breakers' figures not exposed.
fn is_optional(metric: &str) -> bool {
    metric.starts_with("istio_tcp_")
        || metric.contains("_messages_")
        || metric.starts_with("envoy_cluster_")
        || AFTER_THE_FACT.iter().any(|(name, ..)| *name == metric)
}

type Read = fn(&Labels) -> Option<&str>;

/// The labels of a request that are read, how, and what is lost without each.
const LABELS: [(&str, Read, &str); 18] = [
    (
        "reporter",
        |l| l.reporter.as_deref(),
        "everything: whose report a count is",
    ),
    (
        "request_protocol",
        |l| l.request_protocol.as_deref(),
        "everything: HTTP and gRPC can't be told apart",
    ),
    (
        "response_code",
        |l| l.response_code.as_deref(),
        "errors and health",
    ),
    (
        "response_flags",
        |l| l.response_flags.as_deref(),
        "why calls failed: breakers, time-outs, no endpoint",
    ),
    (
        "connection_security_policy",
        |l| l.connection_security_policy.as_deref(),
        "the share under mutual TLS",
    ),
    (
        "source_workload",
        |l| l.source_workload.as_deref(),
        "who calls",
    ),
    (
        "source_workload_namespace",
        |l| l.source_workload_namespace.as_deref(),
        "the caller's namespace",
    ),
    (
        "source_canonical_service",
        |l| l.source_canonical_service.as_deref(),
        "the caller's app",
    ),
    (
        "source_canonical_revision",
        |l| l.source_canonical_revision.as_deref(),
        "the caller's version",
    ),
    (
        "source_cluster",
        |l| l.source_cluster.as_deref(),
        "the caller's cluster",
    ),
    (
        "destination_workload",
        |l| l.destination_workload.as_deref(),
        "who is called",
    ),
    (
        "destination_workload_namespace",
        |l| l.destination_workload_namespace.as_deref(),
        "the callee's namespace",
    ),
    (
        "destination_canonical_service",
        |l| l.destination_canonical_service.as_deref(),
        "the callee's app",
    ),
    (
        "destination_canonical_revision",
        |l| l.destination_canonical_revision.as_deref(),
        "the callee's version: canaries",
    ),
    (
        "destination_cluster",
        |l| l.destination_cluster.as_deref(),
        "the callee's cluster",
    ),
    (
        "destination_service_name",
        |l| l.destination_service_name.as_deref(),
        "the service that was addressed",
    ),
    (
        "destination_service_namespace",
        |l| l.destination_service_namespace.as_deref(),
        "the service's namespace",
    ),
    (
        "grpc_response_status",
        |l| l.grpc_response_status.as_deref(),
        "gRPC's own errors (such calls are 200 in HTTP)",
    ),
];

impl Prometheus {
    fn known(&self) -> Vec<(String, Known)> {
        let prefixed = TRAFFIC
            .iter()
            .map(|known| (format!("{}{}", self.prefix, known.0), *known));
        let plain = BESIDES.iter().chain(&AFTER_THE_FACT);
        prefixed
            .chain(plain.map(|known| (known.0.to_owned(), *known)))
            .collect()
    }

    /// Returns what Prometheus says of itself, and what of Istio it holds.
    pub async fn status(&self) -> Status {
        let known = self.known();
        let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
        let present = format!(
            "count by (__name__) ({{{}}})",
            promql::one_of("__name__", &names)
        );
        let now = crate::clock::now();
        let found = self.gather(&present, now, |found: &mut Vec<Text>, item| {
            found.extend(item.metric.name);
        });
        let found = match found.await {
            Ok((found, _)) => found,
            Err(error) => {
                return Status {
                    problem: Some(error.message()),
                    hint: Some(error.mend()),
                    ..Status::default()
                };
            }
        };
        let (labels, interval, about) = tokio::join!(
            self.labels(now),
            self.scrape_interval(now),
            self.about_itself()
        );
        let metrics: Vec<Metric> = known
            .iter()
            .map(|(name, (plain, shows, lost))| Metric {
                name: name.clone(),
                shows: (*shows).to_owned(),
                present: found.iter().any(|it| **it == **name),
                optional: is_optional(plain),
                lost: (*lost).to_owned(),
            })
            .collect();
        let has_requests = metrics.first().is_some_and(|it| it.present);
        let lost: Vec<&str> = labels
            .iter()
            .filter(|label| !label.present)
            .map(|label| label.name.as_str())
            .collect();
        let (problem, hint) = if !has_requests {
            (
                Some("Prometheus answers, but holds no metrics of Istio's proxies.".to_owned()),
                Some(
                    "have port 15090 of the sidecars scraped, and check that pods have sidecars"
                        .to_owned(),
                ),
            )
        } else if !lost.is_empty() {
            (
                Some(format!(
                    "Labels are missing from Istio's metrics: {}.",
                    lost.join(", ")
                )),
                Some(
                    "take them back in: a Telemetry object or Prometheus's relabelling drops them"
                        .to_owned(),
                ),
            )
        } else {
            (None, None)
        };
        Status {
            reachable: true,
            scrape_interval_s: interval,
            metrics,
            labels,
            problem,
            hint,
            ..about
        }
    }

    /// Returns which labels the counter of requests has, by one series of each reporter and protocol.
    async fn labels(&self, at: UnixMillis) -> Vec<Label> {
        let metric = format!("{}{}", self.prefix, promql::REQUESTS);
        let text = format!("topk by (reporter, request_protocol) (1, {metric})");
        let found = self.gather(
            &text,
            at,
            |found: &mut (bool, bool, [bool; 18]), item: Item| {
                found.0 = true;
                found.1 |= item.metric.request_protocol.as_deref() == Some("grpc");
                for (seen, (_, read, _)) in found.2.iter_mut().zip(&LABELS) {
                    *seen |= read(&item.metric).is_some();
                }
            },
        );
        let Ok(((true, has_grpc, seen), _)) = found.await else {
            return Vec::new();
        };
        let labels = LABELS.iter().zip(seen);
        let labels = labels.map(|((name, _, lost), present)| Label {
            name: (*name).to_owned(),
            // An empty label is none to Prometheus, and it is empty without gRPC.
            present: present || (*name == "grpc_response_status" && !has_grpc),
            lost: (*lost).to_owned(),
        });
        labels.collect()
    }

    /// Returns which program it is, in which version, and how long it keeps samples.
    async fn about_itself(&self) -> Status {
        let is_metricsql = self.dialect().await.is_metricsql;
        if is_metricsql {
            let metrics = self.text("metrics").await.unwrap_or_default();
            return Status {
                storage: Some("VictoriaMetrics".to_owned()),
                version: victoria_version(&metrics),
                retention: victoria_retention(&metrics),
                ..Status::default()
            };
        }
        let (build, runtime, flags) = tokio::join!(
            self.json("api/v1/status/buildinfo"),
            self.json("api/v1/status/runtimeinfo"),
            self.json("api/v1/status/flags"),
        );
        let text = |from: &Option<serde_json::Value>, key: &str| {
            let text = from.as_ref()?.get("data")?.get(key)?.as_str()?;
            Some(text.chars().take(60).collect::<String>()).filter(|it| !it.is_empty())
        };
        let has_flag = |name: &str| {
            let flags = flags.as_ref().and_then(|it| it.get("data"));
            flags.is_some_and(|it| it.get(name).is_some())
        };
        let host = self.reach.base().host_str().unwrap_or_default();
        let storage = match text(&build, "application") {
            Some(application) => application,
            None if has_flag("query.replica-label") => "Thanos".to_owned(),
            None if host.ends_with(".prometheus.monitor.azure.com") => {
                "Azure Monitor managed Prometheus".to_owned()
            }
            None if build.is_some() => "Prometheus".to_owned(),
            None => "speaks Prometheus's API".to_owned(),
        };
        let retention = text(&runtime, "storageRetention")
            .or_else(|| text(&flags, "storage.tsdb.retention.time").filter(|it| it != "0s"))
            .or_else(|| text(&flags, "storage.tsdb.retention.size").filter(|it| it != "0B"));
        Status {
            storage: Some(storage),
            version: text(&build, "version"),
            retention,
            ..Status::default()
        }
    }

    async fn json(&self, path: &str) -> Option<serde_json::Value> {
        serde_json::from_str(&self.text(path).await?).ok()
    }

    /// Returns a text below the source's address, as far as it is worth reading; nothing where there is none.
    async fn text(&self, path: &str) -> Option<String> {
        let url = self.reach.base().join(path).ok()?;
        let mut response = self.send(&url, &[]).await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_TEXT {
                break;
            }
        }
        Some(String::from_utf8_lossy(&body).into_owned())
    }
}

/// Reads the version from VictoriaMetrics's own metrics; some builds have none.
fn victoria_version(metrics: &str) -> Option<String> {
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("vm_app_version{"))?;
    let said = |start| quoted(line, start).filter(|it| !it.is_empty());
    said("short_version=\"").or_else(|| said("{version=\""))
}

/// Reads how long samples are kept from VictoriaMetrics's own metrics, which tell its flags; a bare number means
/// months.
fn victoria_retention(metrics: &str) -> Option<String> {
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("flag{name=\"retentionPeriod\""))?;
    let value = quoted(line, "value=\"")?;
    Some(match value.parse::<f64>() {
        Ok(1.0) => "1 month".to_owned(),
        Ok(months) => format!("{months} months"),
        Err(_) => value,
    })
}

/// Returns the text behind `start` up to the next quote.
fn quoted(line: &str, start: &str) -> Option<String> {
    let (_, rest) = line.split_once(start)?;
    let (value, _) = rest.split_once('"')?;
    Some(value.chars().take(60).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn victoria_metrics_tells_version_and_retention() {
        let metrics = "vm_x 1\nvm_app_version{version=\"victoria-metrics-2024-tags-v1.97.1-0\", short_version=\"v1.97.1\"} 1\n";
        assert_eq!(victoria_version(metrics).as_deref(), Some("v1.97.1"));
        let bare = "vm_app_version{version=\"tags-v1\", short_version=\"\"} 1";
        assert_eq!(victoria_version(bare).as_deref(), Some("tags-v1"));
        assert_eq!(victoria_version("nothing"), None);
        for (flag, wanted) in [("1", "1 month"), ("3", "3 months"), ("100y", "100y")] {
            let line =
                format!("flag{{name=\"retentionPeriod\", value=\"{flag}\", is_set=\"false\"}} 1\n");
            assert_eq!(victoria_retention(&line).as_deref(), Some(wanted));
        }
        assert_eq!(
            victoria_version("vm_app_version{version=\"\", short_version=\"\"} 1"),
            None
        );
        assert_eq!(victoria_retention(""), None);
    }

    #[test]
    fn every_metric_is_named_once() {
        let all = TRAFFIC.iter().chain(&BESIDES).chain(&AFTER_THE_FACT);
        let names: std::collections::BTreeSet<&str> = all.clone().map(|it| it.0).collect();
        assert_eq!(names.len(), all.count());
        assert!(is_optional(breakers::EJECTED_NOW) && !is_optional(promql::REQUESTS));
    }
}
