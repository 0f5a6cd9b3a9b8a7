//! What really happened, for tests and benches to compare a graph with.

use std::collections::BTreeMap;

use mesh::telemetry::{Peer, Protocol, TrafficKey};
use mesh::units::{UnixMillis, Window};
use serde_json::{Value, json};

use crate::answers::Steps;
use crate::deployments::Proxy;
use crate::history::{EDGES_MS, N_BUCKETS};
use crate::ledger::{CLUSTER, Row, WireId};
use crate::wires::Flow;
use crate::{STEP_MS, World};

#[derive(Default)]
struct Edge {
    /// Whose counts they are.
    view: &'static str,
    requests: u64,
    errors: u64,
    responses: BTreeMap<String, u64>,
    buckets: [u64; N_BUCKETS],
    /// The count of the second being read, and the most of any second before.
    second: (i64, u64),
    busiest_second: u64,
}

impl World {
    /// Returns the realised counts of every edge over `(at - window, at]`: of calls under `edges`, of
    /// connections under `tcp`. They are as the clients' proxies reported them (`view` is `client`), or the
    /// waypoint between, or the servers' where the caller has no proxy.
    pub fn truth(&self, window: Window, at: UnixMillis) -> Value {
        let steps = Steps::within(window.millis(), at);
        let rows = self.ledger.rows().iter();
        let names: Vec<(&Row, String, String, bool)> = rows
            .map(|row| {
                let key = &row.client;
                (row, edge_id(key), response_word(key), is_error(key))
            })
            .collect();
        let mut edges = BTreeMap::<&str, Edge>::new();
        self.history.each(steps.first, steps.last, |step, entry| {
            let Some((row, id, response, is_error)) = names.get(entry.series.0 as usize) else {
                return;
            };
            let n = row.seen(&entry);
            if n == 0 {
                return;
            }
            let edge = edges.entry(id).or_default();
            edge.view = view(row);
            edge.requests += n;
            if *is_error {
                edge.errors += n;
            }
            match edge.responses.get_mut(response) {
                Some(count) => *count += n,
                None => {
                    edge.responses.insert(response.clone(), n);
                }
            }
            if let Some(count) = edge.buckets.get_mut(entry.bucket) {
                *count += n;
            }
            // Seconds are counted back from `at`.
            let second = (steps.last - step) / (1000 / STEP_MS);
            if edge.second.0 != second {
                edge.second = (second, 0);
            }
            edge.second.1 += n;
            edge.busiest_second = edge.busiest_second.max(edge.second.1);
        });
        let edges: Vec<Value> = edges.iter().map(|(id, edge)| edge.json(id)).collect();
        json!({
            "window_s": window.secs(),
            "at_ms": at.0,
            "edges": edges,
            "tcp": self.true_wires(steps),
        })
    }
}

impl Edge {
    fn json(&self, id: &str) -> Value {
        let mut sum = 0;
        let les = EDGES_MS.into_iter().map(Some).chain([None]);
        let buckets: Vec<Value> = les
            .zip(self.buckets)
            .map(|(le_ms, n)| {
                sum += n;
                json!({"le_ms": le_ms, "count": sum})
            })
            .collect();
        json!({
            "id": id,
            "view": self.view,
            "requests": self.requests,
            "errors": self.errors,
            "responses": self.responses,
            "interval_requests_1s": self.busiest_second,
            "buckets": buckets,
        })
    }
}

impl World {
    /// Returns the connections of each pair. Those to and from waypoints are left out: they carry calls
    /// that are told already.
    fn true_wires(&self, steps: Steps) -> Vec<Value> {
        let mut edges = BTreeMap::<String, (&str, bool, Flow)>::new();
        for (wire, flow) in self.wires.sums(steps.first, steps.last) {
            if self.is_hop(wire) {
                continue;
            }
            let (view, told) = match self.ledger.wire_keys(wire) {
                [Some(client), _] => ("client", client),
                [None, Some(server)] => ("server", server),
                [None, None] => continue,
            };
            let edge = edges.entry(edge_id(&told.0)).or_default();
            (edge.0, edge.1) = (view, told.1);
            edge.2.add(flow);
        }
        let edges = edges.into_iter();
        edges
            .map(|(id, (view, is_tunnel, flow))| {
                json!({
                    "id": id,
                    "view": view,
                    "is_tunnel": is_tunnel,
                    "to_server_bytes": flow.to_server,
                    "to_client_bytes": flow.to_client,
                    "opened": flow.opened,
                    "closed": flow.closed,
                })
            })
            .collect()
    }

    /// Returns whether one end is a waypoint.
    fn is_hop(&self, wire: WireId) -> bool {
        let ends = self.ledger.wire_of(wire);
        let ends = ends.map(|wire| [Some(wire.source), wire.destination]);
        let ends = ends.into_iter().flatten().flatten();
        let mut ends = ends.filter_map(|id| self.ledger.identity(id));
        ends.any(|end| end.proxy == Proxy::Waypoint)
    }
}

/// Returns whose counts of a series the truth gives.
fn view(row: &Row) -> &'static str {
    match (row.by_server_alone, row.series.by_waypoint) {
        (true, _) => "server",
        (false, true) => "waypoint",
        (false, false) => "client",
    }
}

/// Returns `from->to:protocol`; a service that no endpoint took calls for is a node of its own.
fn edge_id(key: &TrafficKey) -> String {
    let workload = |peer: &Peer| {
        let namespace = peer.namespace.as_ref()?;
        let workload = peer.workload.as_ref()?;
        Some(format!("{CLUSTER}/{namespace}/{workload}"))
    };
    let service = || {
        let service = key.service.as_ref()?;
        Some(match service.namespace.as_ref() {
            // Names of the cluster's own services have no dot: this is a host of a ServiceEntry.
            Some(namespace) if service.name.as_str().contains('.') => {
                format!("{CLUSTER}/{namespace}/external/{}", service.name)
            }
            Some(namespace) => format!("{CLUSTER}/{namespace}/service/{}", service.name),
            None => format!("{CLUSTER}/-/egress/{}", service.name),
        })
    };
    let unknown = || format!("{CLUSTER}/-/unknown");
    let from = workload(&key.source).unwrap_or_else(unknown);
    let to = workload(&key.destination)
        .or_else(service)
        .unwrap_or_else(unknown);
    format!("{from}->{to}:{}", key.protocol.as_str())
}

fn response_word(key: &TrafficKey) -> String {
    match (key.response.grpc, key.response.http) {
        (Some(status), _) => format!("grpc {status}"),
        (None, Some(code)) => code.to_string(),
        (None, None) => "-".to_owned(),
    }
}

/// Returns whether a call ended with a server error (rule R4).
fn is_error(key: &TrafficKey) -> bool {
    match (key.protocol, key.response.grpc, key.response.http) {
        _ if key.flags.contains("DC") => false,
        (Protocol::Grpc, Some(status), _) => matches!(status, 2 | 4 | 12 | 13 | 14 | 15),
        (_, _, Some(code)) => code == 0 || (500..=599).contains(&code),
        _ => false,
    }
}
