//! R5: small things count.

use super::*;

#[test]
fn r5_one_failure_an_hour_is_not_rounded_away() {
    let mut mesh = facts("web -> rare : 1 requests, 1 x 503");
    assert!(needs_hour(&mesh));
    assert!(uncertain_workloads(&mesh).into_iter().eq(["rare"]));
    mesh.window = Window::HOUR;
    let graph = draw(&mesh, By::Workload);
    let rare = &graph.edges[0];
    assert_eq!((rare.traffic.requests, rare.traffic.errors), (1.0, 1.0));
    assert_eq!(rare.traffic.rps, 0.000_277_778);
    assert_eq!(rare.traffic.responses["503"], 0.000_277_778);
    assert_eq!(
        rare.health.reason,
        "too little traffic to judge: 1 of 1 failed in 1h"
    );
}

#[test]
fn r5_one_failure_of_many_is_not_rounded_away() {
    let mesh = facts("web -> busy : 9000000 requests, 1 x 503");
    assert!(!needs_hour(&mesh), "surely well");
    assert!(uncertain_workloads(&mesh).is_empty());
    let busy = &draw(&mesh, By::Workload).edges[0];
    assert_eq!(busy.traffic.errors, 1.0);
    assert_eq!(busy.traffic.error_ratio, Some(1.111_11e-7));
    assert!(busy.traffic.responses["503"] > 0.0);
    assert!(
        busy.health.reason.starts_with("1 of 9000000 "),
        "{}",
        busy.health.reason
    );
}

#[test]
fn r5_one_byte_and_one_message_are_not_rounded_away() {
    let mut mesh = facts(
        "web =tcp=> db : 1 B up, 1 opened
         web =grpc=> users : 1 requests, 1 messages up",
    );
    mesh.window = Window::MAX;
    let graph = draw(&mesh, By::Workload);
    let db = edge(&graph, "c/shop/web->c/shop/db:tcp");
    assert_eq!(db.flow.client_to_server_bps, Some(1.653_44e-6));
    let users = edge(&graph, "c/shop/web->c/shop/users:grpc");
    assert_eq!(users.flow.messages_to_server_ps, Some(1.653_44e-6));
}
