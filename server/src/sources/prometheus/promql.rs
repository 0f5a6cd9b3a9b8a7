//! The questions in PromQL. Values enter it only through [`matcher()`].

use mesh::telemetry::{Selector, Side, SideKind};
use mesh::units::Window;

mod matcher;
mod unseen;

pub use matcher::{matcher, one_of};
pub use unseen::{
    BACK_TO_ZERO, EXTRAPOLATED, EXTRAPOLATED_AT, HAS_ENDED, Place, Unseen, WAS_SCRAPED, beginnings,
    counts_new_series, increase_from_zero, is_fresh_target, targets_with_news,
};

/// Istio's counter of requests.
pub const REQUESTS: &str = "istio_requests_total";
/// Istio's histogram of durations.
pub const DURATIONS: &str = "istio_request_duration_milliseconds_bucket";
/// How long a proxy runs, in seconds.
pub const UPTIME: &str = "envoy_server_uptime";

/// Istio's counters of what flows over TCP: which metric tells of which flow.
///
/// Istio names them after the server: what it received came from the client, for both reporters (rule R9).
pub const TCP: [(&str, &str); 4] = [
    ("istio_tcp_received_bytes_total", "to_server"),
    ("istio_tcp_sent_bytes_total", "to_client"),
    ("istio_tcp_connections_opened_total", "opened"),
    ("istio_tcp_connections_closed_total", "closed"),
];
/// Istio's counters of the messages in gRPC calls, with which way they went.
pub const MESSAGES: [(&str, &str); 2] = [
    ("istio_request_messages_total", "to_server"),
    ("istio_response_messages_total", "to_client"),
];

const PEERS: &str = "reporter, source_workload, source_workload_namespace, source_canonical_service, \
     source_canonical_revision, source_cluster, destination_workload, destination_workload_namespace, \
     destination_canonical_service, destination_canonical_revision, destination_cluster, \
     destination_service_name, destination_service_namespace, request_protocol";
const ENDING: &str = "response_code, grpc_response_status, response_flags";
const POLICY: &str = "connection_security_policy";
/// The label of a scraped pod that tells the sides of an Argo Rollout apart (rule R6), as relabelling by `labelmap`
/// writes it. The callee's own report is asked for it: a caller's would say of which side that is.
const TEMPLATE: &str = "rollouts_pod_template_hash";
/// The upper edges of buckets below 1,000 ms, as any version of a source writes them (`500`, `500.0`).
const BELOW_SECOND: &str = "[0-9]{1,3}([.][0-9]*)?";
/// TCP has metrics of its own.
const PROTOCOLS: &str = "request_protocol=~\"http|grpc\"";

/// Who answers, as far as it changes the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Stands before the names of Istio's metrics, where they were aggregated by rules of that name.
    pub prefix: String,
    /// Whether `increase()` is MetricsQL's: exact, but with a guess of its own at the first value of a series.
    pub is_metricsql: bool,
    /// Whether `increase()` assumes that a counter came from zero however long before its first sample that would
    /// have been, up to 1.1 intervals, as Prometheus 2.42 does: later ones assume it within half an interval
    /// ([`EXTRAPOLATED`] tells).
    pub goes_back_to_zero: bool,
}

/// Whose view of the requests is asked (rule R2). Together they are all reporters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The client's: sidecars, gateways and waypoints.
    Client,
    /// The server's.
    Server,
}

/// Whose durations are asked, and which buckets of them. Together they are all that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durations {
    /// The client's view (sidecars, gateways and waypoints), its buckets below a second: nine of Istio's twenty.
    ClientBelowSecond,
    /// The client's view, the other buckets.
    ClientFromSecond,
    /// The server's view, all buckets, where the caller has no proxy.
    WithoutCaller,
}

impl Dialect {
    pub(super) fn named(&self, metric: &str) -> String {
        format!("{}{metric}", self.prefix)
    }

    /// Asks for the number of requests of the whole mesh in one view: what counters rose by within the window. What
    /// [`Dialect::unseen`] tells comes on top.
    pub fn requests(&self, window: Window, view: View) -> String {
        let metric = selector(
            &self.named(REQUESTS),
            Some(view.matcher()),
            &Place::Anywhere,
        );
        let rose = self.rose(&metric, window);
        // What servers alone know (rules R6, R8): the rest is answered sooner without it.
        let also = match view {
            View::Client => String::new(),
            View::Server => format!(", {POLICY}, {TEMPLATE}"),
        };
        format!("sum by ({PEERS}, {ENDING}{also}) ({rose})")
    }

    /// What the counters of `metric` rose by, with what was born where that can't be told apart.
    fn rose(&self, metric: &str, window: Window) -> String {
        if self.is_metricsql && self.prefix.is_empty() {
            increase_from_zero(metric, window)
        } else {
            format!("increase({metric}[{window}])")
        }
    }

    /// Asks for the requests to some workloads alone, by name, in whatever namespace; and for those that no
    /// workload took.
    pub fn requests_to(&self, window: Window, workloads: &[&str]) -> String {
        let metric = self.named(REQUESTS);
        let workloads: Vec<&str> = workloads.iter().copied().chain(["unknown"]).collect();
        let matcher = one_of("destination_workload", &workloads);
        format!("sum by ({PEERS}, {ENDING}) (increase({metric}{{{matcher}}}[{window}]))")
    }

    /// Asks for a part of the durations of the whole mesh.
    pub fn durations(&self, window: Window, part: Durations) -> String {
        let metric = self.named(DURATIONS);
        let matchers = part.matchers();
        format!("sum by (le, {PEERS}) (increase({metric}{{{matchers}}}[{window}]))")
    }

    /// Asks for TCP bytes and connections of the whole mesh: what counters rose by. The label `flow` says which;
    /// it starts with `tunnel_` where an ambient node proxy tells it. What [`Dialect::tcp_unseen`] tells comes on top.
    pub fn tcp(&self, window: Window) -> String {
        let by = format!("{PEERS}, response_flags, {POLICY}");
        self.flows(&tcp_flows(), &by, window)
    }

    /// Asks for the messages in gRPC calls of the whole mesh: what counters rose by; the label `flow` says which
    /// way they went. What [`Dialect::messages_unseen`] tells comes on top.
    pub fn messages(&self, window: Window) -> String {
        self.flows(&message_flows(), PEERS, window)
    }

    fn flows(&self, flows: &[Flow], by: &str, window: Window) -> String {
        let parts = flows.iter().map(|flow| {
            let metric = selector(&self.named(flow.metric), flow.matcher, &Place::Anywhere);
            let rose = self.rose(&metric, window);
            flow.labelled(&format!("sum by ({by}) ({rose})"))
        });
        parts.collect::<Vec<_>>().join(" or ")
    }
}

/// One of several counters in one question.
struct Flow {
    metric: &'static str,
    matcher: Option<&'static str>,
    name: String,
}

impl Flow {
    fn labelled(&self, counted: &str) -> String {
        let name = &self.name;
        format!("label_replace({counted}, \"flow\", \"{name}\", \"\", \"\")")
    }
}

fn tcp_flows() -> Vec<Flow> {
    let sides = [("app!=\"ztunnel\"", ""), ("app=\"ztunnel\"", "tunnel_")];
    let flows = TCP.iter().flat_map(|&(metric, flow)| {
        sides.map(|(matcher, tunnel)| Flow {
            metric,
            matcher: Some(matcher),
            name: format!("{tunnel}{flow}"),
        })
    });
    flows.collect()
}

fn message_flows() -> Vec<Flow> {
    let flows = MESSAGES.iter().map(|&(metric, flow)| Flow {
        metric,
        matcher: None,
        name: flow.to_owned(),
    });
    flows.collect()
}

/// Writes the series of `metric` that one matcher leaves at some place.
fn selector(metric: &str, matcher: Option<&str>, place: &Place) -> String {
    let of_place = place.matcher();
    let matchers: Vec<&str> = matcher.into_iter().chain(of_place.as_deref()).collect();
    if matchers.is_empty() {
        metric.to_owned()
    } else {
        format!("{metric}{{{}}}", matchers.join(", "))
    }
}

impl View {
    fn matcher(self) -> &'static str {
        match self {
            View::Client => "reporter!=\"destination\"",
            View::Server => "reporter=\"destination\"",
        }
    }
}

impl Durations {
    fn matchers(self) -> String {
        let (view, more) = match self {
            Durations::ClientBelowSecond => (View::Client, format!("le=~\"{BELOW_SECOND}\"")),
            Durations::ClientFromSecond => (View::Client, format!("le!~\"{BELOW_SECOND}\"")),
            Durations::WithoutCaller => (View::Server, "source_workload=\"unknown\"".to_owned()),
        };
        format!("{}, {more}", view.matcher())
    }
}

/// A question that MetricsQL answers and PromQL refuses.
pub const IS_METRICSQL: &str = "median_over_time(up[1m])";

impl Dialect {
    /// Asks for the counts of `selector` over `range_secs` at each point.
    pub fn series_counts(&self, selector: &Selector, range_secs: u32) -> String {
        let matchers = matchers(selector);
        let metric = self.named(REQUESTS);
        format!(
            "sum by (reporter, request_protocol, {ENDING}) \
             (increase({metric}{{{matchers}}}[{range_secs}s]))"
        )
    }

    /// Asks for the durations of `selector` over `range_secs` at each point.
    pub fn series_buckets(&self, selector: &Selector, range_secs: u32) -> String {
        let matchers = matchers(selector);
        let metric = self.named(DURATIONS);
        format!("sum by (le, reporter) (increase({metric}{{{matchers}}}[{range_secs}s]))")
    }
}

fn matchers(selector: &Selector) -> String {
    let mut out = vec![PROTOCOLS.to_owned()];
    if let Some(protocol) = selector.protocol {
        out.push(matcher("request_protocol", protocol.as_str()));
    }
    if let Some(side) = &selector.source {
        side_matchers("source", side, &mut out);
    }
    if let Some(side) = &selector.destination {
        side_matchers("destination", side, &mut out);
    }
    out.join(", ")
}

fn side_matchers(end: &str, side: &Side, out: &mut Vec<String>) {
    let label = |name: &str| format!("{end}_{name}");
    if let Some(cluster) = &side.cluster {
        out.push(matcher(&label("cluster"), cluster.as_str()));
    }
    let mut namespace = |name: &str| match &side.namespace {
        Some(namespace) => out.push(matcher(&label(name), namespace.as_str())),
        // What proxies do not know is written in two ways.
        None => out.push(format!("{}=~\"|unknown\"", label(name))),
    };
    match &side.what {
        SideKind::Workload(workload) => {
            namespace("workload_namespace");
            out.push(matcher(&label("workload"), workload.as_str()));
        }
        SideKind::Version(app, version) => {
            namespace("workload_namespace");
            out.push(matcher(&label("canonical_service"), app.as_str()));
            out.push(matcher(&label("canonical_revision"), version.as_str()));
        }
        SideKind::App(app) => {
            namespace("workload_namespace");
            out.push(matcher(&label("canonical_service"), app.as_str()));
        }
        SideKind::Service(service) => {
            namespace("service_namespace");
            out.push(matcher(&label("service_name"), service.as_str()));
        }
        SideKind::ServiceWithoutEndpoint(service) => {
            namespace("service_namespace");
            out.push(matcher(&label("service_name"), service.as_str()));
            out.push(format!("{}=~\"|unknown\"", label("workload")));
        }
        SideKind::Unknown => out.push(format!("{}=~\"|unknown\"", label("workload"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_with_quotes_and_backslashes_is_only_a_value() {
        let selector = Selector {
            source: Some(Side {
                cluster: None,
                namespace: Some("a\"} or {b=\\\"".into()),
                what: SideKind::Workload("w".into()),
            }),
            destination: None,
            protocol: None,
        };
        assert!(
            Dialect::default()
                .series_counts(&selector, 60)
                .contains(r#"source_workload_namespace="a\"} or {b=\\\"", source_workload="w""#)
        );
    }
}
