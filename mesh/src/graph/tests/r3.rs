//! R3: latency is merged from buckets.

use super::*;
use crate::api::graph::{Latency, View};

#[test]
fn r3_the_latency_of_a_node_is_merged_from_buckets() {
    let graph = graph(
        "web -> cart : 90 requests, took 90/0/0/0
         cron -> cart : 10 requests, took 0/0/0/10",
    );
    let inbound = node(&graph, "c/shop/cart").inbound.as_ref().unwrap();
    assert!((inbound.latency.p50_ms.unwrap() - 5.5556).abs() < 0.001);
    // The slowest tenth took longer than the largest edge: only a bound is known.
    assert_eq!(inbound.latency.p95_ms, None);
    let bounds = inbound.latency.latency_bounds.unwrap();
    assert_eq!((bounds[1].low_ms, bounds[1].high_ms), (1000.0, None));
    assert_eq!(graph.include, [Include::Traffic, Include::Latency]);
}

#[test]
fn r3_all_series_of_an_edge_are_merged_whatever_is_folded() {
    let mesh = facts(
        "web-v1 -> cart-v1 : 90 requests, took 90/0/0/0
         web-v2 -> cart-v2 : 10 requests, took 0/0/10/0
         web-v2 -> far/db : 10 requests, took 0/10/0/0",
    );
    let by_app = draw(&mesh, By::App);
    let cart = edge(&by_app, "c/shop/app/web->c/shop/app/cart:http");
    let p95 = cart.traffic.latency.p95_ms.unwrap();
    assert!((p95 - 550.0).abs() < 1.0, "half of the last tenth: {p95}");
    let folded = ask(&mesh, |query| {
        query.fold = Fold::Namespaces(vec!["shop".to_owned()])
    });
    let out = edge(&folded, "c/shop/namespace/all->c/far/db:http");
    assert_eq!(out.traffic.latency.p50_ms, Some(55.0));
}

#[test]
fn r3_durations_alone_make_no_view() {
    let mut mesh = facts("web -> cart : 40 requests, server only");
    let client = facts("web -> cart : 7 requests, client only, took 7/0/0/0");
    mesh.latency = client.latency;
    let graph = draw(&mesh, By::Workload);
    let cart = &graph.edges[0];
    assert_eq!((cart.view, cart.traffic.requests), (View::Server, 40.0));
    assert_eq!(
        cart.traffic.latency,
        Latency::default(),
        "the client's durations are not the server's"
    );
    let alone = Facts {
        requests: Vec::new(),
        ..mesh
    };
    assert_eq!(draw(&alone, By::Workload).edges, []);
}

#[test]
fn r3_without_traffic_there_is_no_latency() {
    let graph = graph("web -> cart : 0 requests, took 3/0/0/0");
    assert_eq!(graph.edges[0].traffic.latency, Latency::default());
}

#[test]
fn r3_traffic_alone_is_answered_without_latency() {
    let mesh = facts("web -> cart : 90 requests, took 90/0/0/0");
    let full = ask(&mesh, |_| {});
    assert!(full.edges[0].traffic.latency.p50_ms.is_some());
    let quick = ask(&mesh, |q| q.include = vec![Include::Traffic]);
    assert_eq!(quick.include, [Include::Traffic]);
    assert_eq!(quick.edges[0].traffic.latency, Latency::default());
}
