//! The questions in PromQL. Values enter it only through [`matcher`].

use mesh::telemetry::{Selector, Side, SideKind};
use mesh::units::Window;

/// Istio's counter of requests.
pub const REQUESTS: &str = "istio_requests_total";
/// Istio's histogram of durations.
pub const DURATIONS: &str = "istio_request_duration_milliseconds_bucket";
/// How long a proxy runs, in seconds.
pub const UPTIME: &str = "envoy_server_uptime";

const PEERS: &str = "reporter, source_workload, source_workload_namespace, source_canonical_service, \
     source_canonical_revision, source_cluster, destination_workload, destination_workload_namespace, \
     destination_canonical_service, destination_canonical_revision, destination_cluster, \
     destination_service_name, destination_service_namespace, request_protocol";
const ENDING: &str = "response_code, grpc_response_status, response_flags";
/// TCP has metrics of its own.
const PROTOCOLS: &str = "request_protocol=~\"http|grpc\"";

/// Returns the increase of `metric` over `window`, where a series born inside the window counts from
/// zero (rule R5): `increase()` misses the first value of a series, and a first failure has no other.
///
/// A series is born when it was not there at the window's start although its target was scraped then,
/// or when its proxy is younger than the window. A proxy that was only scraped for the first time is
/// neither, and its past is not counted.
fn increase(metric: &str, window: Window) -> String {
    let w = window.to_string();
    let secs = window.secs();
    format!(
        "((({metric} unless {metric} offset {w}) and on (job, instance) (up offset {w} == 1)) \
         or (({metric} unless {metric} offset {w}) and on (namespace, pod) ({UPTIME} < {secs})) \
         or increase({metric}[{w}]))"
    )
}

/// Asks for the number of requests of the whole mesh.
pub fn requests(window: Window) -> String {
    let metric = format!("{REQUESTS}{{{PROTOCOLS}}}");
    let counted = increase(&metric, window);
    format!("sum by ({PEERS}, {ENDING}, connection_security_policy) ({counted})")
}

/// Asks for the durations of the whole mesh: the client's view, and the server's where the caller has no
/// proxy.
pub fn durations(window: Window) -> String {
    let client = format!("{DURATIONS}{{{PROTOCOLS}, reporter!=\"destination\"}}");
    let server = format!(
        "{DURATIONS}{{{PROTOCOLS}, reporter=\"destination\", source_workload=\"unknown\"}}"
    );
    let (client, server) = (increase(&client, window), increase(&server, window));
    format!("sum by (le, {PEERS}) ({client} or {server})")
}

/// Asks how many targets were scraped for the first time within the window although their proxies are
/// older than it.
pub fn first_scraped(window: Window) -> String {
    let (w, secs) = (window.to_string(), window.secs());
    format!(
        "count((up unless on (job, instance) (up offset {w})) \
         and on (job, instance) ({UPTIME} >= {secs}))"
    )
}

/// Asks which of the metrics we read there are.
pub fn present() -> String {
    format!("count by (__name__) ({{__name__=~\"{REQUESTS}|{DURATIONS}|{UPTIME}\"}})")
}

/// Asks for the counts of `selector` over `range_secs` at each point.
pub fn series_counts(selector: &Selector, range_secs: u32) -> String {
    let matchers = matchers(selector);
    format!(
        "sum by (reporter, request_protocol, {ENDING}) \
         (increase({REQUESTS}{{{matchers}}}[{range_secs}s]))"
    )
}

/// Asks for the durations of `selector` over `range_secs` at each point.
pub fn series_buckets(selector: &Selector, range_secs: u32) -> String {
    let matchers = matchers(selector);
    format!("sum by (le, reporter) (increase({DURATIONS}{{{matchers}}}[{range_secs}s]))")
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

/// Writes `label="value"`, escaped: the one door for values.
fn matcher(label: &str, value: &str) -> String {
    let mut out = String::with_capacity(label.len() + value.len() + 3);
    out.push_str(label);
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a matcher as Prometheus's lexer does: to the first quote that no backslash escapes.
    fn read(text: &str) -> (String, String, String) {
        let (label, rest) = text.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    'n' => value.push('\n'),
                    c => value.push(c),
                },
                c => value.push(c),
            }
        }
        (label.to_owned(), value, chars.collect())
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_quotes(value in "(.|\n|[\"\\\\{}]){0,30}") {
            let text = matcher("pod", &value);
            prop_assert_eq!(read(&text), ("pod".to_owned(), value, String::new()));
        }
    }

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
            series_counts(&selector, 60)
                .contains(r#"source_workload_namespace="a\"} or {b=\\\"", source_workload="w""#)
        );
    }
}
