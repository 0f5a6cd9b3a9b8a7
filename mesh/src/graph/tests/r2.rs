//! R2: views are never added.

use expect_test::expect;

use super::*;
use crate::api::NodeKind;
use crate::api::graph::View;

const WEB_CART: &str = "c/shop/web->c/shop/cart:http";

#[test]
fn r2_a_pair_with_sidecars() {
    golden(
        "web -> cart : 2 rps, 12 x 503 UO, server 588
         cart =grpc=> users : 300 requests, 3 x 14, 900 messages up, 300 messages down",
        expect![[r#"
            c/shop/cart : Workload Degraded, in 600 requests 12 errors, out 300 requests 3 errors 3 messages/s up 1 messages/s down
            c/shop/users : Workload Healthy, in 300 requests 3 errors 3 messages/s up 1 messages/s down
            c/shop/web : Workload Degraded, out 600 requests 12 errors
            c/shop/cart->c/shop/users:grpc : Client, 300 requests, 3 errors, 3 messages/s up, 1 messages/s down, mtls 1, Healthy: 3 of 300 requests failed (1.0 %) in 5m
                server: 300 requests 3 errors 3 messages/s up 1 messages/s down: as the client
            c/shop/web->c/shop/cart:http : Client, 600 requests, 12 errors, mtls 1, Degraded: 12 of 600 requests failed (2.0 %) in 5m
                server: 588 requests 12 errors: as the client
        "#]],
    );
}

#[test]
fn r2_the_views_of_client_and_server_are_never_added() {
    let graph = graph(
        "web -> cart : 600 requests, server 400
         (cron) -> cart : 30 requests, server only",
    );
    let web = edge(&graph, WEB_CART);
    assert_eq!((web.view, web.traffic.requests), (View::Client, 600.0));
    let server = web.server_view.as_ref().unwrap();
    assert_eq!(
        (server.requests, server.rps),
        (400.0, six_digits(4.0 / 3.0))
    );
    assert_eq!((server.errors, server.error_ratio), (0.0, Some(0.0)));
    let cron = edge(&graph, "c/-/unknown->c/shop/cart:http");
    assert_eq!((cron.view, cron.traffic.requests), (View::Server, 30.0));
    assert_eq!(cron.server_view, None);
    let inbound = node(&graph, "c/shop/cart").inbound.as_ref().unwrap();
    assert_eq!(inbound.requests, 630.0);
}

#[test]
fn r2_a_client_series_that_stands_still_hides_nothing() {
    let graph = graph(
        "web -> cart : 0 requests, client only
         web -> cart : 40 requests, 4 x 500, server only
         web =tcp=> db : 0 B up, client only
         web =tcp=> db : 300 B up, server only",
    );
    let cart = edge(&graph, WEB_CART);
    assert_eq!((cart.view, cart.traffic.requests), (View::Server, 40.0));
    assert_eq!(cart.traffic.errors, 4.0);
    let db = edge(&graph, "c/shop/web->c/shop/db:tcp");
    assert_eq!(
        (db.view, db.flow.client_to_server_bps),
        (View::Server, Some(1.0))
    );
}

#[test]
fn r2_a_waypoint_speaks_where_no_client_does() {
    let text = "web -> cart : 40 requests, waypoint only
                web -> cart : 44 requests, server only";
    let alone = graph(text);
    let cart = edge(&alone, WEB_CART);
    assert_eq!((cart.view, cart.traffic.requests), (View::Client, 40.0));
    assert_eq!(cart.server_view.as_ref().unwrap().requests, 44.0);
    let beside = graph(&format!("{text}\n web -> cart : 50 requests, client only"));
    assert_eq!(edge(&beside, WEB_CART).traffic.requests, 50.0);
}

#[test]
fn r2_calls_that_no_endpoint_took_lead_to_the_service() {
    let graph = graph("web -> (stock) : 40 requests, 40 x 503 UH, client only");
    assert_eq!(graph.edges[0].to, "c/shop/service/stock");
    let stock = node(&graph, "c/shop/service/stock");
    assert_eq!(stock.kind, NodeKind::Service);
    assert_eq!(
        stock.explanation.as_deref(),
        Some("No endpoint of the service took these calls: no healthy endpoint (UH).")
    );
}

#[test]
fn r2_a_difference_beyond_a_tenth_is_explained() {
    let why = |text: &str| {
        let graph = graph(text);
        edge(&graph, WEB_CART)
            .server_view
            .clone()
            .unwrap()
            .difference
    };
    assert_eq!(why("web -> cart : 600 requests, server 545"), None);
    assert_eq!(
        why("web -> cart : 4 requests, server 2"),
        None,
        "too few to say"
    );
    let fewer = why("web -> cart : 600 requests, 100 x 503 UO, server 500").unwrap();
    assert_eq!(
        fewer,
        "The server saw fewer requests than the client sent: some failed before they reached it: \
         circuit breaker open (UO)."
    );
    let more = why("web -> cart : 600 requests, 20 x 503 URX, server 700").unwrap();
    assert!(more.contains("retries and mirrored requests"), "{more}");
    assert!(more.ends_with("Retries were used up here (URX)."), "{more}");
}

#[test]
fn r2_two_names_of_one_workload_are_explained() {
    // The client counts by the name it calls, the server by its own.
    let text = "web -> cart : 100 requests
                web -> cart : 300 requests, as cart.example.com";
    let by_service = draw(&facts(text), By::Service);
    let own = edge(&by_service, "c/shop/app/web->c/shop/service/cart:http");
    assert_eq!(own.traffic.requests, 100.0);
    let server = own.server_view.as_ref().unwrap();
    assert_eq!(server.requests, 400.0);
    let why = server.difference.as_deref().unwrap();
    assert!(
        why.ends_with(
            "It is called under 2 names (cart, cart.example.com): what the client counts under one, the \
             server may count under another."
        ),
        "{why}"
    );
    let by_workload = graph(text);
    let whole = edge(&by_workload, WEB_CART);
    assert_eq!(whole.traffic.requests, 400.0);
    assert_eq!(whole.server_view.as_ref().unwrap().difference, None);
}
