//! What flows without requests, in figures: bytes and connections over TCP, messages inside gRPC calls.

use mesh::api::graph::{Flow, Traffic};
use mesh::api::{Edge, Node};

use crate::numbers;

/// Writes how much an edge carries: requests, or over TCP the bytes of both ways. Of TCP, requests can't be
/// counted: without bytes that is no data, not zero.
pub fn rate(edge: &Edge) -> String {
    // What was sampled is no rate.
    if let Some(traced) = &edge.traced {
        return match traced.n_calls {
            1 => "1 sampled".to_owned(),
            n => format!("{} sampled", numbers::count(n as f64)),
        };
    }
    if edge.protocol == "tcp" && edge.traffic.requests == 0.0 {
        bytes(&edge.flow).map_or_else(|| numbers::NO_DATA.to_owned(), numbers::bytes_rate)
    } else {
        numbers::rate(edge.traffic.rps)
    }
}

/// Writes what comes to a node, or where nothing does, what leaves it: requests before bytes; with p95 where it
/// is wanted and known. Nothing where the node stands still.
pub fn node_rate(node: &Node, with_p95: bool) -> Option<String> {
    let counts = |traffic: &Option<Traffic>| {
        let traffic = traffic.as_ref().filter(|it| it.requests > 0.0)?;
        let rate = numbers::rate(traffic.rps);
        Some(match traffic.latency.p95_ms.filter(|_| with_p95) {
            Some(p95) => format!("{rate} · {}", numbers::millis(p95)),
            None => rate,
        })
    };
    let flows = |flow| bytes(flow).filter(|it| *it > 0.0).map(numbers::bytes_rate);
    counts(&node.inbound)
        .or_else(|| flows(&node.inbound_flow))
        .or_else(|| counts(&node.outbound))
        .or_else(|| flows(&node.outbound_flow))
}

/// Bytes per second, both ways.
fn bytes(flow: &Flow) -> Option<f64> {
    match (flow.client_to_server_bps, flow.server_to_client_bps) {
        (None, None) => None,
        (there, back) => Some(there.unwrap_or(0.0) + back.unwrap_or(0.0)),
    }
}

/// Returns what is known of a flow, each figure with its label.
pub fn figures(flow: &Flow) -> Vec<(&'static str, String)> {
    let all = [
        (
            "To the server",
            flow.client_to_server_bps.map(numbers::bytes_rate),
        ),
        (
            "To the client",
            flow.server_to_client_bps.map(numbers::bytes_rate),
        ),
        ("Opened", flow.connections_opened.map(numbers::count)),
        ("Closed", flow.connections_closed.map(numbers::count)),
        (
            "Failed",
            flow.connections_failed
                .filter(|it| *it > 0.0)
                .map(numbers::count),
        ),
        (
            "Messages to the server",
            flow.messages_to_server_ps.map(numbers::messages),
        ),
        (
            "Messages to the client",
            flow.messages_to_client_ps.map(numbers::messages),
        ),
    ];
    let known = all.into_iter();
    known
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::{edge, node};

    fn flow() -> Flow {
        Flow {
            client_to_server_bps: Some(1_000.0),
            server_to_client_bps: Some(234_000.0),
            connections_opened: Some(0.0),
            ..Flow::default()
        }
    }

    #[test]
    fn over_tcp_bytes_stand_for_requests() {
        let mut tcp = edge("ledger", "postgres", 0.0);
        tcp.protocol = "tcp".to_owned();
        assert_eq!(rate(&tcp), "–");
        tcp.flow = flow();
        assert_eq!(rate(&tcp), "235 kB/s");
        assert_eq!(
            figures(&tcp.flow),
            [
                ("To the server", "1.00 kB/s".to_owned()),
                ("To the client", "234 kB/s".to_owned()),
                ("Opened", "0".to_owned()),
            ]
        );
        assert_eq!(rate(&edge("a", "b", 12.4)), "12.4 rps");
    }

    #[test]
    fn a_node_says_its_requests_before_its_bytes() {
        let mut postgres = node("postgres", 0, 0);
        assert_eq!(node_rate(&postgres, true), None);
        postgres.inbound_flow = flow();
        assert_eq!(node_rate(&postgres, true).as_deref(), Some("235 kB/s"));
        postgres.inbound = Some(Traffic {
            rps: 3.0,
            requests: 180.0,
            ..Traffic::default()
        });
        assert_eq!(node_rate(&postgres, true).as_deref(), Some("3.00 rps"));
    }
}
