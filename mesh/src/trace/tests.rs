//! Whole traces: trees of what may be anything, and what they mean in a mesh.

use std::sync::Arc;

use proptest::prelude::*;

use crate::api::TracesQuery;
use crate::api::trace::TraceDetails;
use crate::graph::Facts;
use crate::telemetry::{
    Bucket, Flags, Histogram, LatencySample, Peer, Protocol, Reporter, Response, Sample,
    ServiceRef, TrafficKey,
};
use crate::units::Window;

use super::*;

/// A span that is being made.
#[derive(Debug)]
pub struct Made(pub Span);

/// Makes a span of process `web.shop` that lasts from 0 to 100 ms.
pub fn span(id: &str, parent: Option<&str>) -> Made {
    Made(Span {
        id: id.into(),
        parent: parent.map(Into::into),
        operation: "op".into(),
        start_us: 0,
        duration_us: 100_000,
        ..Span::default()
    })
    .by("web.shop")
}

impl Made {
    pub fn by(mut self, service: &str) -> Made {
        self.0.process = Arc::new(Process {
            service: service.to_owned(),
            tags: Vec::new(),
        });
        self
    }

    fn lasting(mut self, from_ms: i64, to_ms: i64) -> Made {
        self.0.start_us = from_ms * 1000;
        self.0.duration_us = (to_ms - from_ms) * 1000;
        self
    }

    pub fn kind(mut self, kind: SpanKind) -> Made {
        self.0.kind = kind;
        self
    }

    pub fn tags(mut self, tags: &[(&str, &str)]) -> Made {
        self.0.tags.extend(tags.iter().map(|(key, value)| Tag {
            key: (*key).into(),
            value: (*value).into(),
        }));
        self
    }

    /// The caller's side of a call, by the sidecar of a pod.
    fn client(self, pod: &str, upstream: &str, status: &str) -> Made {
        self.kind(SpanKind::Client).tags(&[
            (
                "node_id",
                &format!("sidecar~10.0.0.1~{pod}~shop.svc.cluster.local"),
            ),
            ("upstream_cluster", upstream),
            ("http.status_code", status),
        ])
    }

    /// The callee's side.
    pub fn server(self, pod: &str, status: &str) -> Made {
        self.kind(SpanKind::Server).tags(&[
            (
                "node_id",
                &format!("sidecar~10.0.0.2~{pod}~shop.svc.cluster.local"),
            ),
            ("upstream_cluster", "inbound|8080||"),
            ("http.status_code", status),
        ])
    }
}

pub fn trace(spans: Vec<Made>) -> Trace {
    Trace {
        id: "abc".to_owned(),
        spans: spans.into_iter().map(|it| it.0).collect(),
        warnings: Vec::new(),
    }
}

/// Who is there, as `id@depth`, in the order of the rows.
fn rows(details: &TraceDetails) -> Vec<String> {
    let spans = details.spans.iter();
    spans.map(|it| format!("{}@{}", it.id, it.depth)).collect()
}

fn told(trace: &Trace) -> TraceDetails {
    details(trace, &Known::default())
}

#[test]
fn parents_come_before_children_and_siblings_by_their_beginning() {
    let told = told(&trace(vec![
        span("late", Some("root")).lasting(60, 90),
        span("early", Some("root")).lasting(10, 50),
        span("below", Some("early")).lasting(20, 30),
        span("root", None),
    ]));
    assert_eq!(rows(&told), ["root@0", "early@1", "below@2", "late@1"]);
    assert_eq!(told.spans[0].n_below, 3);
    assert_eq!(told.spans[1].n_below, 1);
    assert_eq!(told.duration_us, 100_000);
    assert!(told.warnings.is_empty());
}

#[test]
fn what_is_no_tree_is_made_one_and_said() {
    let told = told(&trace(vec![
        span("a", Some("b")).lasting(5, 10),
        span("b", Some("a")).lasting(0, 10),
        span("own", Some("own")),
        span("lost", Some("gone")),
        span("twice", None),
        span("twice", None),
    ]));
    assert_eq!(told.spans.len(), 6);
    assert_eq!(
        told.warnings,
        [
            "1 span has an id that another span has, too.",
            "1 span says to be its own parent.",
            "1 circle of spans that are each other's parents was opened at the earliest of them.",
            "The parent of 1 span is not in this trace: headers were not passed on, or spans were lost.",
        ]
    );
    let circle = told.spans.iter().find(|it| it.id == "a").unwrap();
    assert_eq!(circle.depth, 1);
    assert!(told.spans.iter().any(|it| it.id == "twice~2"));
}

#[test]
fn a_client_and_a_server_may_share_an_id() {
    let told = told(&trace(vec![
        span("x", None)
            .by("api.shop")
            .kind(SpanKind::Server)
            .lasting(10, 90),
        span("x", None).kind(SpanKind::Client),
        span("y", Some("x")).by("api.shop").lasting(20, 40),
    ]));
    assert_eq!(told.spans[0].kind, "client");
    let depths: Vec<u32> = told.spans.iter().map(|it| it.depth).collect();
    assert_eq!(depths, [0, 1, 2]);
}

#[test]
fn a_clock_that_is_wrong_is_corrected_with_all_below_and_said() {
    let told = told(&trace(vec![
        span("call", None).kind(SpanKind::Client),
        // Five seconds late.
        span("serve", Some("call"))
            .by("api.shop")
            .kind(SpanKind::Server)
            .lasting(5010, 5090),
        span("work", Some("serve"))
            .by("api.shop")
            .lasting(5020, 5040),
    ]));
    let at: Vec<i64> = told.spans.iter().map(|it| it.at_us).collect();
    assert_eq!(at, [0, 10_000, 20_000]);
    assert_eq!(told.spans[1].skew_us, -5_000_000);
    assert_eq!(told.spans[2].skew_us, -5_000_000);
    assert_eq!(told.duration_us, 100_000);
    assert_eq!(
        told.warnings,
        ["The clock of api.shop was corrected by -5000 ms."]
    );
}

#[test]
fn the_critical_path_covers_the_root_without_gaps() {
    let told = told(&trace(vec![
        span("root", None),
        span("first", Some("root")).lasting(10, 40),
        // Beside the one that ends later: nobody waited for it.
        span("beside", Some("root")).lasting(45, 60),
        span("last", Some("root")).lasting(50, 90),
        span("inner", Some("last")).lasting(55, 80),
    ]));
    let critical = |id: &str| {
        let found = told.spans.iter().find(|it| it.id == id).unwrap();
        found
            .critical
            .iter()
            .map(|it| it.map(|us| us / 1000))
            .collect::<Vec<_>>()
    };
    assert_eq!(critical("root"), [[0, 10], [40, 50], [90, 100]]);
    assert_eq!(critical("first"), [[10, 40]]);
    assert_eq!(critical("beside"), [] as [[i64; 2]; 0]);
    assert_eq!(critical("last"), [[50, 55], [80, 90]]);
    assert_eq!(critical("inner"), [[55, 80]]);
    // 100 less what its children had: 10 to 40 and 45 to 90.
    assert_eq!(told.spans[0].self_us, 25_000);
}

/// `web` calls `api` in two versions and `cart`, which nobody takes.
pub fn mesh() -> Known {
    Known::of(&facts())
}

pub fn facts() -> Facts {
    let peer = |workload: &str, app: &str, version: Option<&str>| Peer {
        cluster: Some("c".into()),
        namespace: Some("shop".into()),
        workload: Some(workload.into()),
        app: Some(app.into()),
        version: version.map(Into::into),
    };
    let web = || peer("web", "web", Some("v1"));
    let call = |to: Peer, service: &str, http: u16, flags: &str| {
        Arc::new(TrafficKey {
            reporter: Reporter::Source,
            source: web(),
            destination: to,
            service: Some(ServiceRef {
                namespace: Some("shop".into()),
                name: service.into(),
            }),
            protocol: Protocol::Http,
            response: Response {
                http: Some(http),
                grpc: None,
            },
            flags: Flags::parse(flags),
            mtls: crate::telemetry::Mtls::Unknown,
            template: None,
        })
    };
    let keys = [
        call(peer("api-v1", "api", Some("v1")), "api", 200, "-"),
        call(peer("api-v2", "api", Some("v2")), "api", 200, "-"),
        call(Peer::default(), "cart", 503, "UH"),
    ];
    let bucket = |le_ms, count| Bucket { le_ms, count };
    let histogram = Histogram::new(vec![
        bucket(10.0, 90.0),
        bucket(100.0, 98.0),
        bucket(f64::INFINITY, 100.0),
    ]);
    let timed = TrafficKey {
        response: Response::default(),
        flags: Flags::default(),
        ..(*keys[0]).clone()
    };
    Facts {
        window: Window::HOUR,
        requests: keys
            .into_iter()
            .map(|key| Sample { key, value: 100.0 })
            .collect(),
        latency: Some(vec![LatencySample {
            key: Arc::new(timed),
            histogram: histogram.unwrap(),
        }]),
        ..Facts::default()
    }
}

pub fn purchase() -> Trace {
    trace(vec![
        span("page", None).server("web-5d8f9c7b6-x2x4z.shop", "500"),
        span("v1", Some("page")).lasting(5, 55).client(
            "web-5d8f9c7b6-x2x4z.shop",
            "outbound|80||api.shop.svc.cluster.local",
            "200",
        ),
        span("v1-in", Some("v1"))
            .by("api.shop")
            .lasting(6, 54)
            .server("api-v1-5d8f9c7b6-bbbbb.shop", "200"),
        span("v2", Some("page")).lasting(60, 70).client(
            "web-5d8f9c7b6-x2x4z.shop",
            "outbound|80|v2|api.shop.svc.cluster.local",
            "503",
        ),
        span("cart", Some("page"))
            .lasting(80, 90)
            .client(
                "web-5d8f9c7b6-x2x4z.shop",
                "outbound|80||cart.shop.svc.cluster.local",
                "503",
            )
            .tags(&[("response_flags", "UH")]),
    ])
}

#[test]
fn calls_are_edges_of_the_graph() {
    let told = details(&purchase(), &mesh());
    let edges: Vec<(&str, u32, u32)> = told
        .edges
        .iter()
        .map(|it| (it.id.as_str(), it.n_calls, it.n_errors))
        .collect();
    assert_eq!(
        edges,
        [
            ("c/shop/web->c/shop/api-v1:http", 1, 0),
            // It recorded nothing, but the subset tells which version was called.
            ("c/shop/web->c/shop/api-v2:http", 1, 1),
            ("c/shop/web->c/shop/service/cart:http", 1, 1),
        ]
    );
    // Both sides of a call are of its edge.
    let of_first: Vec<&str> = told
        .spans
        .iter()
        .filter(|it| it.edge == Some(0))
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!(of_first, ["v1", "v1-in"]);
    let versions: Vec<Option<&str>> = told.spans.iter().map(|it| it.version.as_deref()).collect();
    assert_eq!(
        versions,
        [Some("v1"), Some("v1"), Some("v1"), Some("v2"), None]
    );
}

fn searched(pairs: &[(&str, &str)]) -> Option<String> {
    let query = TracesQuery::from_pairs(pairs.iter().copied()).unwrap();
    let row = row(&purchase(), &query, &mesh())?;
    Some(row.matched.map_or_else(String::new, |it| it.span))
}

#[test]
fn a_search_holds_of_one_call() {
    for (pairs, expected) in [
        (&[][..], Some("")),
        (&[("service", "api"), ("namespace", "shop")], Some("v2")),
        (&[("service", "api"), ("version", "v1")], Some("v1")),
        (
            &[("service", "api"), ("version", "v1"), ("errors", "true")],
            None,
        ),
        (&[("service", "cart"), ("errors", "true")], Some("cart")),
        (&[("workload", "api-v2"), ("namespace", "shop")], None),
        (&[("workload", "api-v1"), ("namespace", "shop")], Some("v1")),
        (&[("edge", "c/shop/web->c/shop/api-v2:http")], Some("v2")),
        (&[("edge", "c/shop/web->c/shop/api-v2:tcp")], None),
        (&[("tag", "response_flags=UH")], Some("cart")),
        (&[("tag", "response_flags=UH"), ("service", "api")], None),
        (&[("min_duration", "80ms")], Some("page")),
        (&[("max_duration", "10ms"), ("errors", "true")], Some("v2")),
        (&[("namespace", "elsewhere")], None),
        (&[("name", "api.shop")], Some("v1-in")),
    ] {
        assert_eq!(searched(pairs).as_deref(), expected, "{pairs:?}");
    }
}

#[test]
fn a_call_stands_among_those_of_its_edge() {
    let ranks = ranks(&purchase(), &mesh(), &facts());
    assert_eq!(ranks.len(), 1);
    assert_eq!(ranks[0].span, "v1");
    assert_eq!((ranks[0].faster_from, ranks[0].faster_to), (0.9, 0.98));
    assert_eq!(ranks[0].n_calls, 100.0);
}

#[test]
fn a_mirrored_copy_is_not_the_callee() {
    let mut trace = purchase();
    let copy = span("copy", Some("v1"))
        .by("api.shop")
        .lasting(6, 90)
        .server("api-v2-5d8f9c7b6-ccccc.shop", "200")
        .tags(&[("http.url", "http://api-shadow:80/")]);
    trace.spans.push(copy.0);
    let told = details(&trace, &mesh());
    let of_call = told.spans.iter().find(|it| it.id == "v1").unwrap();
    let edge = &told.edges[of_call.edge.unwrap() as usize];
    assert_eq!(edge.id, "c/shop/web->c/shop/api-v1:http");
}

#[test]
fn names_are_tried_against_those_that_are_listed() {
    let query = |pairs: &[(&str, &str)]| TracesQuery::from_pairs(pairs.iter().copied()).unwrap();
    let of_edge = query(&[("edge", "c/shop/web->c/shop/service/cart:http")]);
    assert_eq!(
        names::candidates(&of_edge, &mesh()),
        ["web.shop", "web", "cart.shop", "cart"]
    );
    let listed = ["api.shop".to_owned(), "mailer".to_owned()];
    let table = names::table(&mesh(), &listed);
    let found: Vec<(&str, usize)> = table
        .items
        .iter()
        .map(|it| (it.service.as_str(), it.found.len()))
        .collect();
    assert_eq!(found, [("api", 1), ("cart", 0)]);
    assert!(table.items[0].explanation.is_none());
    assert!(table.items[1].explanation.is_some());
    assert_eq!(table.unclaimed, ["mailer"]);
}

#[test]
fn what_a_span_says_is_told_up_to_a_limit() {
    let long = "x".repeat(200_000);
    let trace = trace(vec![span("a", None).tags(&[
        ("short", "1"),
        ("long", &long),
        ("longer", &long),
    ])]);
    let told = span_of(&trace, "a").unwrap();
    let keys: Vec<&str> = told.tags.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["short", "long"]);
    assert_eq!(told.left_out_bytes, 200_006);
    assert!(span_of(&trace, "b").is_none());
}

fn span_of(trace: &Trace, id: &str) -> Option<crate::api::trace::SpanDetails> {
    details::span(trace, id)
}

fn any_span() -> impl Strategy<Value = Made> {
    let ids = || prop::sample::select(vec!["a", "b", "c", "d", "e", "f", "g"]);
    let times = prop_oneof![0_i64..1000, Just(i64::MIN), Just(i64::MAX), Just(-5)];
    let lengths = prop_oneof![0_i64..1000, Just(i64::MAX), Just(i64::MIN)];
    let kinds = prop::sample::select(vec![SpanKind::Client, SpanKind::Server, SpanKind::Internal]);
    (
        ids(),
        prop::option::of(ids()),
        times,
        lengths,
        kinds,
        prop::sample::select(vec!["web.shop", "api.shop"]),
    )
        .prop_map(|(id, parent, start, length, kind, service)| {
            let mut made = span(id, parent).by(service).kind(kind);
            made.0.start_us = start;
            made.0.duration_us = length;
            made
        })
}

proptest! {
    #[test]
    fn whatever_is_recorded_every_span_is_told_once(spans in prop::collection::vec(any_span(), 0..24)) {
        let n = spans.len();
        let trace = trace(spans);
        let told = told(&trace);
        prop_assert_eq!(told.spans.len(), n);
        let mut ids: Vec<&str> = told.spans.iter().map(|it| it.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), n, "ids are unique");
        for (place, it) in told.spans.iter().enumerate() {
            prop_assert!(it.parent.is_none_or(|parent| (parent as usize) < place));
            prop_assert!(it.at_us >= 0 && it.duration_us >= 0 && it.self_us >= 0);
            prop_assert!(it.at_us + it.duration_us <= told.duration_us);
        }
        // The critical path is the root's time, whole and once.
        let mut parts: Vec<[i64; 2]> = told.spans.iter().flat_map(|it| it.critical.clone()).collect();
        parts.sort_unstable();
        prop_assert!(parts.windows(2).all(|it| it[0][1] <= it[1][0]));
        let total: i64 = parts.iter().map(|it| it[1] - it[0]).sum();
        let root = told.spans.iter().find(|it| it.parent.is_none() && !it.is_orphan);
        let root = root.or_else(|| told.spans.iter().find(|it| it.parent.is_none()));
        prop_assert_eq!(total, root.map_or(0, |it| it.duration_us));
    }
}

#[test]
fn a_chain_as_long_as_a_trace_is_no_danger() {
    let spans = (0..50_000).map(|idx| {
        let parent = (idx > 0).then(|| format!("s{}", idx - 1));
        span(&format!("s{idx}"), parent.as_deref())
    });
    let told = told(&trace(spans.collect()));
    assert_eq!(told.spans.last().unwrap().depth, 49_999);
}
