//! R10: where the window holds too little, the last hour is asked. The thresholds themselves are tested in
//! `crate::health`.

use super::*;

/// Draws `text`, whose last hour is `hour`.
fn with_hour(text: &str, hour: &str) -> api::Graph {
    let mut mesh = facts(text);
    mesh.hour = Some(facts(hour).requests);
    draw(&mesh, By::Workload)
}

#[test]
fn r10_what_is_too_little_is_judged_by_the_last_hour() {
    let text = "web -> cart : 4 requests, 1 x 503";
    let alone = graph(text);
    assert_eq!(
        alone.edges[0].health.reason,
        "too little traffic to judge: 1 of 4 failed in 5m"
    );
    let graph = with_hour(text, "web -> cart : 100 requests, 40 x 503");
    let cart = &graph.edges[0];
    assert_eq!(cart.health.status, HealthStatus::Failing);
    assert!(
        cart.health.reason.ends_with("in the last hour"),
        "{}",
        cart.health.reason
    );
    // What is shown stays the window's.
    assert_eq!((cart.traffic.requests, cart.traffic.errors), (4.0, 1.0));
    assert_eq!(
        node(&graph, "c/shop/cart").health.status,
        HealthStatus::Failing
    );
}

#[test]
fn r10_the_last_hour_knows_hosts_as_the_window_does() {
    // By its look the host is outside, by its ServiceEntry it is not.
    let entry = "entry shop/prices : prices.example.com, internal";
    let graph = with_hour(
        &format!("web -> (prices.example.com) : 4 requests, 1 x 503, client only\n{entry}"),
        "web -> (prices.example.com) : 100 requests, 40 x 503, client only",
    );
    let health = &graph.edges[0].health;
    assert_eq!(health.status, HealthStatus::Failing, "{}", health.reason);
}
