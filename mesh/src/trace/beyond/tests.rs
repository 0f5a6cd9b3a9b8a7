//! What only traces know of: `web` calls `api` in two versions, as the metrics say; `mailer` has no proxy.

use std::sync::Arc;

use super::super::tests::{Made, facts, mesh, span, trace};
use super::super::{SpanKind, Trace, details, names, row};
use super::*;
use crate::api::query::By;
use crate::api::{self, Graph, GraphQuery, HealthStatus, NodeKind, TracesQuery};
use crate::graph::{Facts, answer};
use crate::units::UnixMillis;

const API_V1: &str = "api-v1-5d8f9c7b6-bbbbb.shop";
const MAILER: &str = "-/-/traced/mailer";

fn of(traces: &[Trace], sums: &[(&str, &str, u64)]) -> Traced {
    let sums: Vec<Dependency> = sums
        .iter()
        .map(|(parent, child, n_calls)| Dependency {
            parent: (*parent).to_owned(),
            child: (*child).to_owned(),
            n_calls: *n_calls,
        })
        .collect();
    beyond(traces, &sums, &mesh(), Window::default())
}

/// `api-v1` takes a call, and `mailer` a message that it sent.
fn mail(status: &str) -> Trace {
    trace(vec![
        span("in", None).by("api.shop").server(API_V1, "200"),
        consumed("mail", "in").tags(&[("otel.status_code", status)]),
    ])
}

fn consumed(id: &str, parent: &str) -> Made {
    span(id, Some(parent)).by("mailer").kind(SpanKind::Consumer)
}

/// The calls as `api-v1 -> mailer: 2 (1)`; `api?` where the workload is not known.
fn told(traced: &Traced) -> Vec<String> {
    let name = |end: &TracedEnd| match end {
        TracedEnd::Known { peer, is_one: true } => peer.workload.as_ref().unwrap().to_string(),
        TracedEnd::Known { peer, .. } => format!("{}?", peer.app.as_ref().unwrap()),
        TracedEnd::Traced { name, .. } => name.to_string(),
    };
    let calls = traced.calls.iter();
    calls
        .map(|it| {
            let (from, to) = (name(&it.from), name(&it.to));
            format!("{from} -> {to}: {} ({})", it.n_calls, it.n_errors)
        })
        .collect()
}

#[test]
fn a_service_without_a_proxy_is_found_with_those_who_call_it() {
    let mut second = mail("ERROR");
    second.id = "def".to_owned();
    // A search by another name gives the same trace again.
    let traced = of(&[mail("OK"), second, mail("OK")], &[]);
    assert_eq!(told(&traced), ["api-v1 -> mailer: 2 (1)"]);
    assert!(traced.alone.is_empty());
}

#[test]
fn an_application_beside_its_proxy_is_that_workload() {
    let own = trace(vec![
        span("in", None).by("api.shop").server(API_V1, "200"),
        span("work", Some("in")).by("api"),
        consumed("mail", "work"),
    ]);
    assert_eq!(told(&of(&[own], &[])), ["api-v1 -> mailer: 1 (0)"]);
    // Without its proxy, it may be either version.
    let alone = trace(vec![span("work", None).by("api"), consumed("mail", "work")]);
    assert_eq!(told(&of(&[alone], &[])), ["api? -> mailer: 1 (0)"]);
}

#[test]
fn calls_within_the_mesh_are_not_told() {
    let traced = of(
        &[super::super::tests::purchase()],
        &[("web.shop", "api.shop", 7)],
    );
    assert_eq!(traced.calls, []);
    assert_eq!(traced.alone, []);
}

#[test]
fn sums_are_heard_where_no_trace_was() {
    let sums = [
        ("api.shop", "mailer", 90),
        ("api.shop", "billing", 3),
        ("jaeger-query", "jaeger", 9),
        ("billing", "billing", 9),
    ];
    let traced = of(&[mail("OK")], &sums);
    // Which version called `mailer`, the trace knows; of `billing` nobody does.
    assert_eq!(
        told(&traced),
        ["api? -> billing: 3 (0)", "api-v1 -> mailer: 1 (0)"]
    );
}

#[test]
fn a_proxy_under_another_name_is_no_new_service() {
    let renamed = trace(vec![
        span("in", None).by("shopfront").server(API_V1, "200"),
        consumed("mail", "in"),
    ]);
    let traced = of(&[renamed], &[("shopfront", "billing", 2)]);
    assert_eq!(
        told(&traced),
        ["api? -> billing: 2 (0)", "api-v1 -> mailer: 1 (0)"]
    );
}

#[test]
fn a_trace_passes_what_only_traces_know() {
    let first = of(&[mail("OK")], &[]);
    let facts = Facts {
        traced: Some(Arc::new(first.clone())),
        ..facts()
    };
    let known = Known::of(&facts);
    let edges = details(&mail("OK"), &known).edges;
    let ids: Vec<&str> = edges.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, [format!("c/shop/api-v1->{MAILER}:traced")]);
    // A search for that edge asks for both sides.
    let query = TracesQuery::from_pairs([("edge", ids[0])]).unwrap();
    let names = names::candidates(&query, &known);
    assert!(
        ["api.shop", "mailer"]
            .iter()
            .all(|it| names.iter().any(|name| name == it))
    );
    assert!(row(&mail("OK"), &query, &known).is_some());
    // What was found once is found again, not taken for known.
    assert_eq!(beyond(&[mail("OK")], &[], &known, Window::default()), first);
    assert_eq!(unclaimed(&["mailer".to_owned()], &known), ["mailer"]);
}

#[test]
fn calls_that_a_service_makes_are_no_calls_to_it() {
    let printed = trace(vec![
        span("in", None).by("api.shop").server(API_V1, "200"),
        consumed("mail", "in"),
        span("print", Some("mail"))
            .by("printer")
            .kind(SpanKind::Server)
            .tags(&[("otel.status_code", "ERROR")]),
    ]);
    let traced = of(&[printed], &[]);
    assert_eq!(
        told(&traced),
        ["api-v1 -> mailer: 1 (0)", "mailer -> printer: 1 (1)"]
    );
    let facts = Facts {
        traced: Some(Arc::new(traced)),
        ..facts()
    };
    let (query, at) = (GraphQuery::default(), UnixMillis(0));
    let graph = answer(&facts, &query, at, at, Vec::new());
    let mailer = graph.nodes.iter().find(|it| it.id == MAILER).unwrap();
    assert_eq!(
        mailer.health.reason,
        "from traces, sampled: 1 call in 5m, none of them failed"
    );
}

#[test]
fn a_proxy_that_the_graph_does_not_draw_is_no_new_service() {
    // A waypoint, whose hops are part of the calls that it stands in.
    let ambient = trace(vec![
        span("way", None)
            .by("waypoint.media")
            .server("waypoint-5d8f9c7b6-x2x4z.media", "200"),
        span("work", Some("way")).by("encoder"),
    ]);
    let traced = of(
        &[ambient],
        &[
            ("waypoint.media", "gallery", 4),
            ("web.shop", "waypoint.media", 2),
        ],
    );
    assert_eq!(traced.calls, []);
    let names: Vec<String> = traced.alone.iter().map(|it| format!("{it:?}")).collect();
    assert!(
        names.len() == 1 && names[0].contains("encoder"),
        "{names:?}"
    );
}

#[test]
fn who_works_alone_is_there_too() {
    let job = trace(vec![span("night", None).by("cleaner.shop")]);
    let traced = of(&[job], &[]);
    assert_eq!(traced.calls, []);
    let [
        TracedEnd::Traced {
            namespace,
            cluster,
            name,
        },
    ] = traced.alone.as_slice()
    else {
        panic!("{:?}", traced.alone);
    };
    // Its name says where it is, and the graph knows that place.
    assert_eq!(&**name, "cleaner.shop");
    assert_eq!(namespace.as_ref().map(|it| it.as_str()), Some("shop"));
    assert_eq!(cluster.as_ref().map(|it| it.as_str()), Some("c"));
}

#[test]
fn only_names_that_nobody_could_have_are_looked_at() {
    let listed = [
        "api",
        "api-v1.shop",
        "cart.shop",
        "jaeger",
        "mailer",
        "web.shop",
    ];
    let listed = listed.map(str::to_owned);
    assert_eq!(unclaimed(&listed, &mesh()), ["mailer"]);
}

fn drawn(pairs: &[(&str, &str)], at: i64) -> Graph {
    let job = trace(vec![span("night", None).by("cleaner.shop")]);
    let ambiguous = trace(vec![span("work", None).by("api"), consumed("mail", "work")]);
    let [job, ambiguous] = [("1", job), ("2", ambiguous)].map(|(id, it)| Trace {
        id: id.to_owned(),
        ..it
    });
    let facts = Facts {
        traced: Some(Arc::new(of(&[mail("ERROR"), job, ambiguous], &[]))),
        ..facts()
    };
    let query = GraphQuery::from_pairs(pairs.iter().copied()).unwrap();
    answer(
        &facts,
        &query,
        UnixMillis(at),
        UnixMillis(1_000_000),
        Vec::new(),
    )
}

fn ids(graph: &Graph) -> (Vec<&str>, Vec<&str>) {
    let is_traced = |kind: NodeKind| kind == NodeKind::Traced;
    let nodes = graph.nodes.iter().filter(|it| is_traced(it.kind));
    let edges = graph.edges.iter().filter(|it| it.traced.is_some());
    (
        nodes.map(|it| it.id.as_str()).collect(),
        edges.map(|it| it.id.as_str()).collect(),
    )
}

#[test]
fn each_projection_draws_it_as_sampled() {
    for (by, caller) in [
        (By::Workload, "c/shop/api-v1"),
        (By::Version, "c/shop/version/api@v1"),
        (By::App, "c/shop/app/api"),
        (By::Service, "c/shop/service/api"),
    ] {
        let graph = drawn(&[("by", by.as_str())], 1_000_000);
        let edge = format!("{caller}->{MAILER}:traced");
        let (nodes, edges) = ids(&graph);
        assert_eq!(nodes, [MAILER, "c/shop/traced/cleaner.shop"], "{by:?}");
        assert_eq!(edges, [edge.as_str()], "{by:?}");
        let edge = graph.edges.iter().find(|it| it.id == edge).unwrap();
        assert_eq!(edge.traffic, api::graph::Traffic::default());
        // Any version may have made the call that only the application told of.
        let n_calls = if matches!(by, By::App | By::Service) {
            2
        } else {
            1
        };
        let traced = edge.traced.unwrap();
        assert_eq!((traced.n_calls, traced.n_errors), (n_calls, 1), "{by:?}");
        assert_eq!(edge.health.status, HealthStatus::NoData);
        assert!(
            edge.health.reason.contains("sampled"),
            "{}",
            edge.health.reason
        );
    }
}

#[test]
fn what_is_measured_stays_as_it_is() {
    let traced = drawn(&[], 1_000_000);
    let query = GraphQuery::default();
    let without = answer(
        &facts(),
        &query,
        UnixMillis(1_000_000),
        UnixMillis(1_000_000),
        Vec::new(),
    );
    let measured = |graph: &Graph| {
        let mut graph = graph.clone();
        graph.nodes.retain(|it| it.kind != NodeKind::Traced);
        graph.edges.retain(|it| it.traced.is_none());
        (graph.nodes, graph.edges)
    };
    assert_eq!(measured(&traced), measured(&without));
}

#[test]
fn an_earlier_window_knows_nothing_of_it() {
    let (nodes, edges) = {
        let graph = drawn(&[], 100_000);
        let (nodes, edges) = ids(&graph);
        (nodes.len(), edges.len())
    };
    assert_eq!((nodes, edges), (0, 0));
}

#[test]
fn it_is_filtered_focused_hidden_and_folded_as_all_else() {
    let count = |pairs: &[(&str, &str)]| {
        let graph = drawn(pairs, 1_000_000);
        let (nodes, edges) = ids(&graph);
        (nodes.len(), edges.len(), graph.nodes.len())
    };
    // Of another namespace it shows what calls from there.
    assert_eq!(count(&[("namespaces", "shop")]).0, 2);
    assert_eq!(count(&[("namespaces", "bank")]).0, 0);
    assert_eq!(count(&[("focus", MAILER)]), (1, 1, 2));
    assert_eq!(count(&[("hide", MAILER)]), (1, 0, 5));
    let graph = drawn(&[("fold", "shop")], 1_000_000);
    assert_eq!(
        ids(&graph).1,
        [format!("c/shop/namespace/all->{MAILER}:traced")]
    );
}
