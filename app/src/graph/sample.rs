//! Small graphs for tests.

use mesh::api::graph::Traffic;
use mesh::api::graph::{LayoutState, View};
use mesh::api::{Edge, Graph, Health, HealthStatus, Node, NodeKind};

fn healthy() -> Health {
    Health {
        status: HealthStatus::Healthy,
        reason: "0 of 100 requests failed in 5m".to_owned(),
    }
}

/// A workload named by its id, centred at a point.
pub fn node(id: &str, x: i32, y: i32) -> Node {
    Node {
        id: id.to_owned(),
        kind: NodeKind::Workload,
        name: id.to_owned(),
        cluster: "c".to_owned(),
        namespace: "shop".to_owned(),
        app: None,
        workload: None,
        version: None,
        service: None,
        health: healthy(),
        badges: vec![],
        explanation: None,
        inbound: None,
        outbound: None,
        inbound_flow: mesh::api::graph::Flow::default(),
        outbound_flow: mesh::api::graph::Flow::default(),
        x: Some(x),
        y: Some(y),
        w: 120,
        h: 44,
    }
}

/// HTTP calls at a rate.
pub fn edge(from: &str, to: &str, rps: f64) -> Edge {
    Edge {
        id: format!("{from}->{to}:http"),
        from: from.to_owned(),
        to: to.to_owned(),
        protocol: "http".to_owned(),
        view: View::Client,
        traced: None,
        traffic: Traffic {
            rps,
            requests: rps * 60.0,
            ..Traffic::default()
        },
        flow: mesh::api::graph::Flow::default(),
        badges: vec![],
        mtls_ratio: None,
        server_view: None,
        health: healthy(),
        points: Some(vec![[0, 0], [100, 0], [200, 0], [300, 0]]),
    }
}

/// A graph of these.
pub fn graph(nodes: Vec<Node>, edges: Vec<Edge>) -> Graph {
    Graph {
        nodes,
        edges,
        namespaces: vec![],
        notices: vec![],
        layout: LayoutState::Ready,
        include: vec![],
        window_s: 60,
        at_ms: 0,
        generated_at_ms: 0,
    }
}
