//! What the graph's terms mean, in words.

use std::collections::BTreeMap;

use mesh::api::{self, NodeKind};

use crate::numbers;

/// Returns the word for a kind of node.
pub fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Workload => "Workload",
        NodeKind::Version => "Version",
        NodeKind::App => "App",
        NodeKind::Service => "Service",
        NodeKind::Gateway => "Gateway",
        NodeKind::Waypoint => "Waypoint",
        NodeKind::External => "External host",
        NodeKind::Egress => "Left the mesh",
        NodeKind::Traced => "Seen in traces alone",
        NodeKind::Unknown => "Unknown caller",
        NodeKind::Namespace => "Namespace",
    }
}

/// Returns a node's name, with the version where the name does not say it.
pub fn node_name(node: &api::Node) -> String {
    match &node.version {
        Some(version) if node.kind == NodeKind::Version => format!("{} {version}", node.name),
        _ => node.name.clone(),
    }
}

/// Returns whether only traces tell of an edge: then it has no figures but of what was sampled.
pub fn is_traced(edge: &api::Edge) -> bool {
    edge.view == api::graph::View::Traces
}

/// Returns what an edge is: `http calls`, `calls seen in traces`.
pub fn calls(edge: &api::Edge) -> String {
    if is_traced(edge) {
        "calls seen in traces alone".to_owned()
    } else {
        format!("{} calls", edge.protocol)
    }
}

/// Names of nodes by id, for edges.
#[derive(Default)]
pub struct NodeNames<'a>(BTreeMap<&'a str, &'a api::Node>);

impl<'a> NodeNames<'a> {
    /// Collects the names of a graph.
    pub fn new(graph: &'a api::Graph) -> NodeNames<'a> {
        NodeNames(graph.nodes.iter().map(|n| (n.id.as_str(), n)).collect())
    }

    /// Returns the node of an id.
    pub fn node(&self, id: &str) -> Option<&'a api::Node> {
        self.0.get(id).copied()
    }

    /// Returns the name of a node, or its id where the graph does not have it.
    pub fn name(&self, id: &str) -> String {
        self.node(id).map_or_else(|| id.to_owned(), node_name)
    }

    /// Returns the name of an edge: `frontend → backend-v1`.
    pub fn edge(&self, edge: &api::Edge) -> String {
        format!("{} → {}", self.name(&edge.from), self.name(&edge.to))
    }
}

/// Returns what a response flag of Envoy means; several come joined by commas.
pub fn flag(flag: &str) -> String {
    let known: Vec<&str> = flag.split(',').filter_map(one_flag).collect();
    if known.is_empty() {
        "see Envoy’s list of response flags".to_owned()
    } else {
        known.join("; ")
    }
}

fn one_flag(flag: &str) -> Option<&'static str> {
    Some(match flag.trim() {
        "UO" => "circuit breaker open: too many connections or requests at once",
        "UH" => "no healthy endpoint",
        "UF" => "could not connect",
        "URX" => "retries or connection attempts used up",
        "UT" => "timed out waiting for the answer",
        "UC" => "the callee closed the connection",
        "UR" => "the callee reset the request",
        "LR" => "reset by the caller’s own proxy",
        "NR" => "no route: nothing says where to send it",
        "NC" => "no cluster: the route leads to nowhere",
        "NFCF" => "no filter configuration found",
        "DC" => "the client went away",
        "DT" => "the request or connection lived too long",
        "DI" => "delay injected by a fault rule",
        "FI" => "error injected by a fault rule",
        "RL" => "rate limited",
        "RLSE" => "the rate limit service failed",
        "UAEX" => "denied by authorization",
        "SI" => "idle for too long",
        "IH" => "a header was not valid",
        "DPE" => "the caller did not speak the protocol",
        "UPE" => "the callee did not speak the protocol",
        "UMSDR" => "the callee’s stream lived too long",
        "OM" => "the proxy is short of memory",
        "DF" => "the name could not be resolved",
        "DO" => "dropped because of overload",
        "DR" => "the caller reset the request",
        "-" | "" => "no flag",
        _ => return None,
    })
}

/// Returns what a response code means: `503` → `Service Unavailable`, `grpc 14` → `unavailable`.
pub fn code(code: &str) -> &'static str {
    if let Some(status) = code.strip_prefix("grpc ") {
        return grpc(status);
    }
    match code {
        "0" => "no response",
        "200" => "OK",
        "201" => "created",
        "202" => "accepted",
        "204" => "no content",
        "206" => "partial content",
        "301" | "302" | "303" | "307" | "308" => "sent elsewhere",
        "304" => "not modified",
        "400" => "bad request",
        "401" => "not signed in",
        "403" => "forbidden",
        "404" => "not found",
        "405" => "method not allowed",
        "408" => "request timed out",
        "409" => "conflict",
        "412" => "precondition failed",
        "413" => "too large",
        "415" => "unknown media type",
        "422" => "not acceptable content",
        "429" => "too many requests",
        "499" => "client closed the request",
        "500" => "internal error",
        "501" => "not implemented",
        "502" => "bad gateway",
        "503" => "unavailable",
        "504" => "gateway timed out",
        other => match other.as_bytes().first() {
            Some(b'2') => "succeeded",
            Some(b'3') => "sent elsewhere",
            Some(b'4') => "client error",
            Some(b'5') => "server error",
            _ => "",
        },
    }
}

fn grpc(status: &str) -> &'static str {
    match status {
        "0" => "OK",
        "1" => "cancelled",
        "2" => "unknown error",
        "3" => "invalid argument",
        "4" => "deadline exceeded",
        "5" => "not found",
        "6" => "already exists",
        "7" => "permission denied",
        "8" => "resource exhausted",
        "9" => "failed precondition",
        "10" => "aborted",
        "11" => "out of range",
        "12" => "unimplemented",
        "13" => "internal error",
        "14" => "unavailable",
        "15" => "data loss",
        "16" => "not signed in",
        _ => "",
    }
}

/// Whether a response is a failure of the server, of the client, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It worked.
    None,
    /// The caller's mistake.
    Client,
    /// The callee failed.
    Server,
}

/// Returns whose failure a response code is; by the same rule as the server's figures.
pub fn fault(code: &str) -> Fault {
    match code.strip_prefix("grpc ") {
        Some("0") => Fault::None,
        Some("2" | "4" | "12" | "13" | "14" | "15") => Fault::Server,
        Some(_) => Fault::Client,
        None if code == "0" => Fault::Server,
        None => match code.as_bytes().first() {
            Some(b'5') => Fault::Server,
            Some(b'4') => Fault::Client,
            _ => Fault::None,
        },
    }
}

/// Returns the share of calls that failed: `5.2 %`, on thin evidence with its counts.
pub fn failed(traffic: &api::graph::Traffic) -> String {
    numbers::share_of(traffic.error_ratio, traffic.errors, traffic.requests)
}

/// Returns what a badge says.
pub fn badge(badge: &str) -> String {
    match badge {
        "mtls_missing" => "Not all calls use mutual TLS".to_owned(),
        "no_sidecar" => "No sidecar".to_owned(),
        "ingress" => "Ingress gateway".to_owned(),
        "egress" => "Egress gateway".to_owned(),
        "tunnel" => "Carried by ztunnel".to_owned(),
        "via_waypoint" => "Through a waypoint".to_owned(),
        "not_injected" => "Not injected: its proxy is missing".to_owned(),
        "dead" => "No pod is ready".to_owned(),
        "ambient" => "Ambient: ztunnel instead of sidecars".to_owned(),
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_words() {
        assert_eq!(flag("UH"), "no healthy endpoint");
        assert_eq!(
            flag("UF,URX"),
            "could not connect; retries or connection attempts used up"
        );
        assert_eq!(flag("ZZ"), "see Envoy’s list of response flags");
    }

    #[test]
    fn a_code_is_the_fault_of_one_side() {
        let of = |codes: &[&str]| codes.iter().map(|c| fault(c)).collect::<Vec<_>>();
        assert_eq!(of(&["200", "302", "grpc 0"]), [Fault::None; 3]);
        assert_eq!(of(&["404", "grpc 5"]), [Fault::Client; 2]);
        assert_eq!(of(&["503", "0", "grpc 14"]), [Fault::Server; 3]);
    }
}
