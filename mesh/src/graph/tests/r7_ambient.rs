//! R7: hops that are part of a longer way are folded.

use expect_test::expect;

use super::*;
use crate::api::NodeKind;
use crate::api::graph::View;

/// As a waypoint, its neighbours' node proxies and a sidecar tell of the same calls.
const WAYPOINT: &str = "web -> cart : 600 requests, 6 x 503, waypoint only
    web =tcp=> waypoint : 9000 B up, 30000 B down, 30 opened, 29 closed, tunnel
    waypoint =tcp=> cart : 9100 B up, 30100 B down, 12 opened, 12 closed, tunnel";

#[test]
fn r7_hops_over_a_waypoint_are_folded() {
    golden(
        WAYPOINT,
        expect![[r#"
        c/shop/cart : Workload Healthy, in 600 requests 6 errors
        c/shop/web : Workload Healthy, out 600 requests 6 errors
        c/shop/web->c/shop/cart:http : Client, 600 requests, 6 errors, via_waypoint, mtls 1, Healthy: 6 of 600 requests failed (1.0 %) in 5m
    "#]],
    );
    for by in By::ALL {
        let graph = draw(&facts(WAYPOINT), by);
        assert_eq!(graph.edges.len(), 1, "{by:?}: {:?}", ids(&graph));
        assert_eq!(graph.edges[0].badges, ["via_waypoint"]);
    }
}

#[test]
fn r7_requests_of_sidecars_to_a_waypoint_are_folded() {
    let graph = graph(
        "web -> cart : 600 requests, waypoint and server, took 600/0/0/0
         web -> waypoint : 600 requests, client only, took 0/0/0/600
         waypoint -> cart : 600 requests, server only",
    );
    assert_eq!(ids(&graph), ["c/shop/web->c/shop/cart:http"]);
    let cart = &graph.edges[0];
    assert_eq!((cart.view, cart.traffic.requests), (View::Client, 600.0));
    assert_eq!(
        cart.traffic.latency.p50_ms,
        Some(5.0),
        "the waypoint's durations"
    );
}

#[test]
fn r7_where_the_waypoint_is_silent_hops_stay() {
    let silent = graph(
        "web -> waypoint : 600 requests, client only
         waypoint -> cart : 600 requests, server only",
    );
    assert_eq!(
        ids(&silent),
        [
            "c/shop/waypoint->c/shop/cart:http",
            "c/shop/web->c/shop/waypoint:http",
        ]
    );
    let waypoint = node(&silent, "c/shop/waypoint");
    assert_eq!(waypoint.kind, NodeKind::Waypoint);
    assert!(
        waypoint
            .explanation
            .as_ref()
            .unwrap()
            .starts_with("A waypoint:")
    );
    // It tells of one pair, not of the other.
    let half = graph(&format!(
        "{WAYPOINT}
         cron =tcp=> waypoint : 900 B up, 3 opened, tunnel
         waypoint =tcp=> users : 900 B up, 3 opened, tunnel"
    ));
    assert_eq!(
        ids(&half),
        [
            "c/shop/cron->c/shop/waypoint:tcp",
            "c/shop/waypoint->c/shop/users:tcp",
            "c/shop/web->c/shop/cart:http",
        ]
    );
}

#[test]
fn r7_what_connections_carry_is_not_told_by_connections() {
    // The waypoint tells of bytes alone: the requests of the hop are told by nobody else.
    let graph = graph(
        "web =tcp=> cart : 900 B up, 3 opened, waypoint only
         web -> waypoint : 600 requests, client only
         waypoint =tcp=> cart : 900 B up, 3 opened, tunnel",
    );
    assert_eq!(
        ids(&graph),
        [
            "c/shop/web->c/shop/cart:tcp",
            "c/shop/web->c/shop/waypoint:http",
        ]
    );
}

#[test]
fn r7_a_hop_that_stands_still_is_folded_too() {
    let graph = graph(
        "web -> cart : 600 requests, waypoint only
         web -> waypoint : 0 requests, client only",
    );
    assert_eq!(ids(&graph), ["c/shop/web->c/shop/cart:http"]);
}

#[test]
fn r7_an_app_called_waypoint_is_no_waypoint() {
    let text = "web -> cart : 60 requests, waypoint only
                web -> waypoint : 60 requests
                pods shop/waypoint : 1/1";
    let graph = graph(text);
    assert_eq!(node(&graph, "c/shop/waypoint").kind, NodeKind::Workload);
    let labelled = draw(&facts(&format!("{text}, waypoint")), By::Workload);
    assert_eq!(ids(&labelled), ["c/shop/web->c/shop/cart:http"]);
}

const TUNNEL: &str = "web -> cart : 600 requests, server only
    web =tcp=> cart : 9000 B up, 30000 B down, 30 opened, 29 closed, tunnel";

#[test]
fn r7_a_tunnel_is_folded_under_requests() {
    golden(
        TUNNEL,
        expect![[r#"
        c/shop/cart : Workload Healthy, in 600 requests 30 B/s up 100 B/s down 30 opened 29 closed
        c/shop/web : Workload Healthy, out 600 requests 30 B/s up 100 B/s down 30 opened 29 closed
        c/shop/web->c/shop/cart:http : Server, 600 requests, 30 B/s up, 100 B/s down, 30 opened, 29 closed, tunnel, mtls 1, Healthy: none of 600 requests failed in 5m
    "#]],
    );
    for by in By::ALL {
        let graph = draw(&facts(TUNNEL), by);
        assert_eq!(graph.edges.len(), 1, "{by:?}: {:?}", ids(&graph));
        assert_eq!(graph.edges[0].flow.client_to_server_bps, Some(30.0));
    }
    // A sidecar's connections are their own edge, and a tunnel's where no request is told.
    let apart = graph(
        "web -> cart : 600 requests
         web =tcp=> cart : 9000 B up
         web -> users : 0 requests
         web =tcp=> users : 9000 B up, tunnel",
    );
    assert_eq!(
        ids(&apart),
        [
            "c/shop/web->c/shop/cart:http",
            "c/shop/web->c/shop/cart:tcp",
            "c/shop/web->c/shop/users:http",
            "c/shop/web->c/shop/users:tcp",
        ]
    );
}

#[test]
fn r7_a_tunnel_does_not_silence_the_server() {
    let graph = graph(
        "web -> cart : 600 requests, 60 x 500, server only
         web =tcp=> cart : 9000 B up, 30 opened, tunnel, client only",
    );
    let cart = &graph.edges[0];
    assert_eq!((cart.view, cart.traffic.requests), (View::Server, 600.0));
    assert_eq!(cart.traffic.errors, 60.0);
    assert_eq!(cart.flow.client_to_server_bps, Some(30.0));
    assert_eq!(cart.server_view, None, "it is shown already");
}

#[test]
fn r7_the_views_of_a_tunnel_are_not_added() {
    let graph = graph(TUNNEL);
    let cart = node(&graph, "c/shop/cart");
    assert_eq!(cart.inbound_flow.client_to_server_bps, Some(30.0));
    assert_eq!(cart.inbound_flow.connections_opened, Some(30.0));
}
