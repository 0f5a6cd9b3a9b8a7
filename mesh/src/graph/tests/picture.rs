//! Graphs as text, for golden tests.

use std::fmt::Write as _;

use crate::api;
use crate::api::graph::{Flow, Latency, Traffic};

/// Returns all of a graph that a person would see of it: a line for each node and edge.
pub fn picture(graph: &api::Graph) -> String {
    let mut out = String::new();
    for node in &graph.nodes {
        let mut facts = vec![format!("{:?} {:?}", node.kind, node.health.status)];
        facts.extend(node.badges.iter().cloned());
        for (word, traffic, flow) in [
            ("in", &node.inbound, &node.inbound_flow),
            ("out", &node.outbound, &node.outbound_flow),
        ] {
            let figures = figures(traffic.as_ref(), flow);
            if !figures.is_empty() {
                facts.push(format!("{word} {}", figures.join(" ")));
            }
        }
        let _ = writeln!(out, "{} : {}", node.id, facts.join(", "));
        if let Some(text) = &node.explanation {
            let _ = writeln!(out, "    {text}");
        }
    }
    for edge in &graph.edges {
        let mut facts = vec![format!("{:?}", edge.view)];
        let traffic = Some(&edge.traffic).filter(|_| edge.protocol != "tcp");
        facts.extend(figures(traffic, &edge.flow));
        facts.extend(edge.badges.iter().cloned());
        facts.extend(edge.mtls_ratio.map(|ratio| format!("mtls {ratio}")));
        let health = &edge.health;
        let _ = writeln!(
            out,
            "{} : {}, {:?}: {}",
            edge.id,
            facts.join(", "),
            health.status,
            health.reason
        );
        if let Some(server) = &edge.server_view {
            let requests = Traffic {
                requests: server.requests,
                errors: server.errors,
                ..Traffic::default()
            };
            let traffic = Some(&requests).filter(|_| edge.protocol != "tcp");
            let figures = figures(traffic, &server.flow).join(" ");
            let why = server.difference.as_deref().unwrap_or("as the client");
            let _ = writeln!(out, "    server: {figures}: {why}");
        }
    }
    out
}

fn figures(traffic: Option<&Traffic>, flow: &Flow) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(traffic) = traffic {
        out.push(format!("{} requests", traffic.requests));
        if traffic.errors > 0.0 {
            out.push(format!("{} errors", traffic.errors));
        }
        if traffic.latency != Latency::default() {
            out.push(format!("p50 {:?}", traffic.latency.p50_ms));
        }
    }
    let flows = [
        (flow.client_to_server_bps, "B/s up"),
        (flow.server_to_client_bps, "B/s down"),
        (flow.connections_opened, "opened"),
        (flow.connections_closed, "closed"),
        (flow.connections_failed.filter(|n| *n > 0.0), "failed"),
        (flow.messages_to_server_ps, "messages/s up"),
        (flow.messages_to_client_ps, "messages/s down"),
    ];
    let flows = flows.into_iter();
    out.extend(flows.filter_map(|(value, word)| Some(format!("{} {word}", value?))));
    out
}
