//! What holds of every mesh.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::telemetry::Histogram;
use crate::units::Ratio;

/// A mesh of calls of all kinds, as lines: callers without sidecars, tunnels, hops, gateways, hosts outside.
fn meshes() -> impl Strategy<Value = String> {
    let line = (0usize..7, 0usize..7, 0u32..500, 0u32..5, 0usize..9);
    prop::collection::vec(line, 1..25).prop_map(|lines| {
        let names = [
            "web",
            "cart-v1",
            "cart-v2",
            "db",
            "far/db",
            "waypoint",
            "istio-ingressgateway",
        ];
        let mut out = String::new();
        for (from, to, n, bad, kind) in lines {
            let (from, to) = (names[from], names[to]);
            let total = n + bad;
            let _ = match kind {
                0 | 1 => writeln!(
                    out,
                    "{from} -> {to} : {total} requests, {bad} x 503, took {n}/{bad}/0/1"
                ),
                2 => writeln!(
                    out,
                    "{from} =grpc=> {to} : {total} requests, {bad} x 14, {n} messages up"
                ),
                3 => writeln!(out, "(?) -> {to} : {total} requests, server only"),
                4 => writeln!(
                    out,
                    "{from} -> (api.example.com) : {total} requests, client only"
                ),
                5 => writeln!(
                    out,
                    "{from} =tcp=> {to} : {n} B up, {total} opened, {bad} closed"
                ),
                6 => writeln!(out, "{from} =tcp=> {to} : {n} B up, {total} opened, tunnel"),
                7 => writeln!(
                    out,
                    "{from} -> {to} : {total} requests, waypoint and server, plain"
                ),
                _ => writeln!(
                    out,
                    "{from} -> (stock) : {total} requests, {bad} x 503 UH, client only"
                ),
            };
        }
        out
    })
}

fn sums(graph: &api::Graph) -> [f64; 4] {
    let sum = |of: fn(&Edge) -> f64| graph.edges.iter().map(of).sum::<f64>();
    [
        sum(|it| it.traffic.requests),
        sum(|it| it.traffic.errors),
        sum(|it| it.flow.client_to_server_bps.unwrap_or_default()),
        sum(|it| it.flow.connections_opened.unwrap_or_default()),
    ]
}

fn is_close(a: [f64; 4], b: [f64; 4]) -> bool {
    a.iter()
        .zip(b)
        .all(|(a, b)| (a - b).abs() <= 1e-4 * a.abs().max(b))
}

proptest! {
    #[test]
    fn r2_counts_are_kept_whatever_the_projection(
        calls in prop::collection::vec((0usize..6, 0usize..6, 1u32..500, 0u32..5), 1..30),
    ) {
        let text: Vec<String> = calls
            .iter()
            .map(|(a, b, n, bad)| {
                format!("w{a} -> s{}-v{} : {} requests, {bad} x 503", b / 2, b % 2, n + bad)
            })
            .collect();
        let mesh = facts(&text.join("\n"));
        let total: f64 = calls.iter().map(|(_, _, n, bad)| f64::from(n + bad)).sum();
        let errors: f64 = calls.iter().map(|(_, _, _, bad)| f64::from(*bad)).sum();
        for by in By::ALL {
            let [requests, failed, ..] = sums(&draw(&mesh, by));
            prop_assert!((requests - total).abs() < 1e-6 * total, "{by:?}: {requests} of {total}");
            prop_assert_eq!(failed, errors);
        }
    }

    /// Where both sides agree, projections and folding of hops leave the same calls and bytes.
    #[test]
    fn r6_all_projections_tell_of_the_same_calls(text in meshes()) {
        // Of edges that several reports meet in, who speaks hangs on who reports: here all do.
        let told = text.lines().filter(|it| !it.contains("waypoint and server"));
        let mesh = facts(&told.collect::<Vec<_>>().join("\n"));
        let whole = sums(&draw(&mesh, By::Workload));
        for by in By::ALL {
            let graph = draw(&mesh, by);
            prop_assert!(is_close(sums(&graph), whole), "{by:?}:\n{}", picture(&graph));
        }
    }

    #[test]
    fn r6_the_order_of_samples_does_not_matter(text in meshes(), turn in 0usize..40) {
        let mesh = facts(&text);
        let mut turned = mesh.clone();
        let rotate = |n: usize| if n == 0 { 0 } else { turn % n };
        let n = rotate(turned.requests.len());
        turned.requests.rotate_left(n);
        turned.tcp.reverse();
        turned.latency.iter_mut().for_each(|it| it.reverse());
        for by in By::ALL {
            prop_assert_eq!(picture(&draw(&turned, by)), picture(&draw(&mesh, by)), "{:?}", by);
        }
    }

    /// Every pair that somebody reports is an edge, or is folded: a hop of a waypoint that speaks, a tunnel
    /// beneath requests. What is drawn is sorted, and every end is a node.
    #[test]
    fn r7_no_edge_is_lost(text in meshes()) {
        let mesh = facts(&text);
        let graph = draw(&mesh, By::Workload);
        let keys = mesh.requests.iter().map(|it| (&it.key, false));
        let keys = keys.chain(mesh.tcp.iter().map(|it| (&it.key, it.is_tunnel)));
        let name = |peer: &crate::telemetry::Peer| {
            let namespace = peer.namespace.as_ref()?;
            Some(format!("c/{namespace}/{}", peer.workload.as_ref()?))
        };
        for (key, is_tunnel) in keys {
            let (Some(from), Some(to)) = (name(&key.source), name(&key.destination)) else { continue };
            let drawn = |protocol: &str| ids(&graph).contains(&format!("{from}->{to}:{protocol}").as_str());
            let beneath = is_tunnel && (drawn("http") || drawn("grpc"));
            let is_hop = [&from, &to].iter().any(|it| it.ends_with("/waypoint"));
            prop_assert!(
                drawn(key.protocol.as_str()) || beneath || is_hop,
                "{from} {to}:\n{}", picture(&graph)
            );
        }
        let nodes: Vec<&str> = graph.nodes.iter().map(|it| it.id.as_str()).collect();
        prop_assert!(nodes.is_sorted() && ids(&graph).is_sorted());
        for edge in &graph.edges {
            prop_assert!(nodes.contains(&edge.from.as_str()) && nodes.contains(&edge.to.as_str()));
        }
    }

    /// A node's latency is that of all its calls put together.
    #[test]
    fn r3_merged_buckets_are_the_quantiles_of_the_union(
        callers in prop::collection::vec(prop::array::uniform4(0u32..50), 1..6),
    ) {
        let text: Vec<String> = callers
            .iter()
            .enumerate()
            .map(|(n, [a, b, c, d])| format!("w{n} -> cart : 9 requests, took {a}/{b}/{c}/{}", d + 1))
            .collect();
        let union = [0, 1, 2, 3].map(|at| {
            callers.iter().map(|it| it[at] + u32::from(at == 3)).sum::<u32>()
        });
        let [a, b, c, d] = union;
        let whole = facts(&format!("w -> cart : 9 requests, took {a}/{b}/{c}/{d}"));
        let whole: &Histogram = &whole.latency.as_ref().unwrap()[0].histogram;
        let graph = graph(&text.join("\n"));
        let latency = &node(&graph, "c/shop/cart").inbound.as_ref().unwrap().latency;
        for (share, told) in [(0.5, latency.p50_ms), (0.95, latency.p95_ms), (0.99, latency.p99_ms)] {
            let wanted = whole.quantile(Ratio::new(share).unwrap()).value_ms.map(six_digits);
            prop_assert_eq!(told, wanted);
        }
    }
}
