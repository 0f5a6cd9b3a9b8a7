//! What really happened, for tests and benches to compare a graph with.

use std::collections::BTreeMap;

use mesh::telemetry::{Peer, Protocol, TrafficKey};
use mesh::units::{UnixMillis, Window};
use serde_json::{Value, json};

use crate::answers::Steps;
use crate::history::{EDGES_MS, N_BUCKETS};
use crate::ledger::CLUSTER;
use crate::{STEP_MS, World};

#[derive(Default)]
struct Edge {
    requests: u64,
    errors: u64,
    responses: BTreeMap<String, u64>,
    buckets: [u64; N_BUCKETS],
    /// The count of the second being read, and the most of any second before.
    second: (i64, u64),
    busiest_second: u64,
}

impl World {
    /// Returns the realised counts of every edge over `(at - window, at]`, as the clients' proxies
    /// reported them.
    pub fn truth(&self, window: Window, at: UnixMillis) -> Value {
        let steps = Steps::within(window.millis(), at);
        let names: Vec<(String, String, bool)> = self
            .ledger
            .rows()
            .iter()
            .map(|row| {
                let key = &row.client;
                (edge_id(key), response_word(key), is_error(key))
            })
            .collect();
        let mut edges = BTreeMap::<&str, Edge>::new();
        self.history.each(steps.first, steps.last, |step, entry| {
            let Some((id, response, is_error)) = names.get(entry.series.0 as usize) else {
                return;
            };
            let n = entry.by_client();
            if n == 0 {
                return;
            }
            let edge = edges.entry(id).or_default();
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
        json!({"window_s": window.secs(), "at_ms": at.0, "edges": edges})
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
            "view": "client",
            "requests": self.requests,
            "errors": self.errors,
            "responses": self.responses,
            "interval_requests_1s": self.busiest_second,
            "buckets": buckets,
        })
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
        let namespace = service.namespace.as_ref()?;
        Some(format!("{CLUSTER}/{namespace}/service/{}", service.name))
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
