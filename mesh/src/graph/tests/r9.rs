//! R9: bytes, connections, messages.

use expect_test::expect;

use super::*;
use crate::api::graph::View;

const WEB_DB: &str = "c/shop/web->c/shop/db:tcp";

#[test]
fn r9_a_pair_over_tcp() {
    golden(
        "web =tcp=> db : 30000 B up, 90000 B down, 30 opened, 28 closed
         cron =tcp=> db : 300 B up, 12 opened, 12 closed, server only
         web =tcp=> (cache) : 40 opened, 40 closed, flag UF, client only",
        expect![[r#"
            c/shop/cron : Workload Healthy, out 1 B/s up 0 B/s down 12 opened 12 closed
            c/shop/db : Workload Healthy, in 101 B/s up 300 B/s down 42 opened 40 closed
            c/shop/service/cache : Service Failing, in 0 B/s up 0 B/s down 40 opened 40 closed 40 failed
                No endpoint of the service took these calls: could not connect (UF).
            c/shop/web : Workload Failing, out 100 B/s up 300 B/s down 70 opened 68 closed 40 failed
            c/shop/cron->c/shop/db:tcp : Server, 1 B/s up, 0 B/s down, 12 opened, 12 closed, mtls 1, Healthy: none of 12 connections failed in 5m
            c/shop/web->c/shop/db:tcp : Client, 100 B/s up, 300 B/s down, 30 opened, 28 closed, mtls 1, Healthy: none of 30 connections failed in 5m
                server: 100 B/s up 300 B/s down 30 opened 28 closed: as the client
            c/shop/web->c/shop/service/cache:tcp : Client, 0 B/s up, 0 B/s down, 40 opened, 40 closed, 40 failed, Failing: 40 of 40 connections failed (100 %) in 5m
        "#]],
    );
}

#[test]
fn r9_views_are_not_added() {
    let graph = graph(
        "web =tcp=> db : 30000 B up, 90000 B down, 30 opened, 28 closed, client only
         web =tcp=> db : 15000 B up, 90000 B down, 20 opened, 28 closed, server only",
    );
    let db = edge(&graph, WEB_DB);
    assert_eq!(db.view, View::Client);
    assert_eq!(db.flow.client_to_server_bps, Some(100.0));
    assert_eq!(db.flow.server_to_client_bps, Some(300.0));
    assert_eq!(db.flow.connections_opened, Some(30.0));
    let server = db.server_view.as_ref().unwrap();
    assert_eq!(server.flow.client_to_server_bps, Some(50.0));
    let why = server.difference.as_deref().unwrap();
    assert!(why.starts_with("The server saw fewer connections"), "{why}");
}

#[test]
fn r9_what_flows_to_a_node_and_from_it() {
    let graph = graph(
        "web =tcp=> db : 30000 B up, 9000 B down, 30 opened
         cron =tcp=> db : 3000 B up, 3 opened
         db =tcp=> disk : 600 B up, 6 opened",
    );
    let db = node(&graph, "c/shop/db");
    assert_eq!(db.inbound_flow.client_to_server_bps, Some(110.0));
    assert_eq!(db.inbound_flow.connections_opened, Some(33.0));
    assert_eq!(db.outbound_flow.client_to_server_bps, Some(2.0));
    assert_eq!(
        (&db.inbound, &db.outbound),
        (&None, &None),
        "requests are not counted, rather than none"
    );
    assert_eq!(db.health.reason, "none of 33 connections failed in 5m");
}

#[test]
fn r9_connections_that_were_cut_off_are_no_failures() {
    for flag in ["DC", "UC", "DT"] {
        let graph = graph(&format!(
            "web =tcp=> db : 9 B up, 40 opened, 40 closed, flag {flag}"
        ));
        let db = edge(&graph, WEB_DB);
        assert_eq!(db.health.status, HealthStatus::Healthy, "{flag}");
        assert_eq!(db.flow.connections_failed, Some(0.0), "{flag}");
        assert!(db.traffic.flags.contains_key(flag), "said all the same");
    }
}

#[test]
fn r9_connections_that_never_were_are_failures() {
    for flag in ["UF", "UH", "UO", "NR", "NC", "UF+URX"] {
        let graph = graph(&format!(
            "web =tcp=> db : 90 opened, 90 closed
             web =tcp=> db : 30 closed, flag {flag}"
        ));
        let db = edge(&graph, WEB_DB);
        assert_eq!(db.health.status, HealthStatus::Failing, "{flag}");
        assert_eq!(db.flow.connections_failed, Some(30.0));
        assert_eq!(
            db.health.reason,
            "30 of 90 connections failed (33.3 %) in 5m"
        );
        let inbound = node(&graph, "c/shop/db");
        assert_eq!(inbound.health.status, HealthStatus::Failing);
    }
    let few = graph("web =tcp=> db : 4 opened\n web =tcp=> db : 1 closed, flag UF");
    assert_eq!(
        few.edges[0].health.reason,
        "too few connections to judge: 1 of 4 failed in 5m"
    );
}

#[test]
fn r9_long_connections_are_in_use_and_still_ones_idle() {
    let graph = graph("web =tcp=> db : 9 B up\n web =tcp=> cache : 0 B up");
    let db = edge(&graph, WEB_DB);
    assert_eq!(db.health.status, HealthStatus::Healthy);
    assert_eq!(
        db.health.reason,
        "connections opened earlier are in use, none failed in 5m"
    );
    let cache = edge(&graph, "c/shop/web->c/shop/cache:tcp");
    assert_eq!(cache.health.status, HealthStatus::Idle);
}

#[test]
fn r9_failing_connections_do_not_hide_behind_requests() {
    let graph = graph(
        "web -> db : 900 requests
         web =tcp=> db : 40 opened, 40 closed, flag UF",
    );
    for end in ["c/shop/web", "c/shop/db"] {
        assert_eq!(
            node(&graph, end).health.status,
            HealthStatus::Failing,
            "{end}"
        );
    }
    let turned = self::graph(
        "web -> db : 900 requests, 400 x 503
         web =tcp=> db : 40 opened, 40 closed",
    );
    let db = node(&turned, "c/shop/db");
    assert_eq!(db.health.status, HealthStatus::Failing, "nor the other way");
}

#[test]
fn r9_one_closed_connection_is_something() {
    let graph = graph("web =tcp=> db : 1 closed");
    assert_eq!(
        graph.edges[0].health.reason,
        "connections opened earlier are in use, none failed in 5m"
    );
}

#[test]
fn r9_messages_are_of_the_view() {
    let text = "web =grpc=> users : 100 requests, 900 messages up, 300 messages down, client only
                web =grpc=> users : 50 requests, 450 messages up, 150 messages down, server only";
    let both = graph(text);
    let users = &both.edges[0];
    assert_eq!(users.flow.messages_to_server_ps, Some(3.0));
    assert_eq!(users.flow.messages_to_client_ps, Some(1.0));
    let server = users.server_view.as_ref().unwrap();
    assert_eq!(server.flow.messages_to_server_ps, Some(1.5));
    let inbound = node(&both, "c/shop/users").inbound_flow;
    assert_eq!(inbound.messages_to_server_ps, Some(3.0));
    // The client counts nothing: the server's messages go with the server's requests.
    let still = graph(&text.replace("100 requests", "0 requests"));
    let users = &still.edges[0];
    assert_eq!((users.view, users.traffic.requests), (View::Server, 50.0));
    assert_eq!(users.flow.messages_to_server_ps, Some(1.5));
    // Messages alone make no edge.
    let mut mesh = facts(text);
    mesh.requests.clear();
    assert_eq!(draw(&mesh, By::Workload).edges, []);
}
