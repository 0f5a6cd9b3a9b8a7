//! R8: the share under mutual TLS.

use super::*;

#[test]
fn r8_the_mtls_share_is_the_servers_word() {
    let graph = graph(
        "web -> cart : 75 requests
         cron -> cart : 25 requests, plain
         both -> cart : 30 requests, server only
         both -> cart : 10 requests, plain, server only
         mute -> cart : 10 requests, client only",
    );
    let ratios: Vec<Option<f64>> = graph.edges.iter().map(|e| e.mtls_ratio).collect();
    assert_eq!(ratios, [Some(0.75), Some(0.0), None, Some(1.0)]);
    assert_eq!(node(&graph, "c/shop/cart").badges, ["mtls_missing"]);
}

#[test]
fn r8_the_share_of_what_is_folded_is_of_all_its_calls() {
    let mesh = facts(
        "bank/pay -> cart : 30 requests
         bank/pay -> users : 10 requests, plain",
    );
    let graph = ask(&mesh, |query| {
        query.fold = Fold::Namespaces(vec!["shop".to_owned()]);
    });
    let folded = edge(&graph, "c/bank/pay->c/shop/namespace/all:http");
    assert_eq!(folded.mtls_ratio, Some(0.75));
}

#[test]
fn r8_a_waypoints_word_does_not_count() {
    let text = "web -> cart : 75 requests, plain, waypoint only";
    let alone = graph(text);
    assert_eq!(alone.edges[0].mtls_ratio, None);
    assert_eq!(node(&alone, "c/shop/cart").badges, [""; 0]);
    // The callee's own proxy knows how the way to it is sealed, though it does not know whose calls it is.
    let hop = graph(&format!(
        "{text}\n waypoint =tcp=> cart : 9 B up, 3 opened, tunnel"
    ));
    assert_eq!(hop.edges.len(), 1);
    assert_eq!(hop.edges[0].mtls_ratio, Some(1.0));
    let mixed = graph(&format!(
        "{text}
         waypoint =tcp=> cart : 9 B up, 3 opened, tunnel
         waypoint =tcp=> cart : 9 B up, 1 opened, plain, tunnel"
    ));
    assert_eq!(mixed.edges[0].mtls_ratio, Some(0.75));
    // Connections that are older than the window tell it as well.
    for (word, share) in [("tunnel", 1.0), ("plain, tunnel", 0.0)] {
        let old = graph(&format!("{text}\n waypoint =tcp=> cart : 9 B up, {word}"));
        assert_eq!(old.edges[0].mtls_ratio, Some(share), "{word}");
    }
}

#[test]
fn r8_over_tcp_connections_count() {
    let graph = graph(
        "web =tcp=> db : 1000000 B up, 1 opened, plain
         web =tcp=> db : 10 B up, 3 opened
         cron =tcp=> db : 9 B up, 1 closed
         late =tcp=> db : 9 B up, plain
         mix =tcp=> db : 9 B up, plain
         mix =tcp=> db : 9 B up",
    );
    let ratios: Vec<Option<f64>> = graph.edges.iter().map(|e| e.mtls_ratio).collect();
    // Of connections opened before the window, it is known only if all are alike.
    assert_eq!(ratios, [Some(1.0), Some(0.0), None, Some(0.75)]);
}
