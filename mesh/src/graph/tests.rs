//! Rules of the graph, told in a small language of meshes.

use std::sync::Arc;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::identity::Identity;
use super::*;
use crate::api::query::By;
use crate::api::query::SeriesQuery;
use crate::telemetry::{
    Bucket, Flags, Histogram, LatencySample, Mtls, Peer, Protocol, Reporter, Response, ServiceRef,
    TrafficKey,
};
use crate::telemetry::{SeriesCount, SeriesPoint};

const WINDOW_SECS: f64 = 300.0;

/// Reads lines such as `web -> cart-v1 : 600 requests, 30 x 503 UO, server 400`, each a call over
/// HTTP by both reporters; a line with `grpc` is over gRPC; `source only` and `destination only` say
/// who reports; `(none)` is no workload.
fn mesh(text: &str) -> Facts {
    let mut requests = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let (ends, what) = line.split_once(" : ").unwrap();
        let (from, to) = ends.split_once("->").unwrap();
        let (from, to) = (from.trim(), to.trim());
        let peer = |name: &str| {
            if name.starts_with('(') {
                return Peer::default();
            }
            let (app, version) = name.split_once("-v").unwrap_or((name, "1"));
            Peer {
                cluster: Some("c".into()),
                namespace: Some("shop".into()),
                workload: Some(name.into()),
                app: Some(app.into()),
                version: Some(format!("v{version}").as_str().into()),
            }
        };
        let service = to.trim_matches(['(', ')']).split("-v").next().unwrap();
        let words: Vec<&str> = what.split(',').map(str::trim).collect();
        let has = |word: &str| words.contains(&word);
        let grpc = has("grpc");
        let number = |text: &str| text.parse::<f64>().unwrap();
        let total = number(words[0].split(' ').next().unwrap());
        let server_total = words
            .iter()
            .find_map(|w| w.strip_prefix("server "))
            .map_or(total, number);
        for reporter in [Reporter::Source, Reporter::Destination] {
            let silent = match reporter {
                Reporter::Destination => has("source only"),
                _ => has("destination only"),
            };
            if silent {
                continue;
            }
            let mut rest = if reporter == Reporter::Destination {
                server_total
            } else {
                total
            };
            let mut push = |response: Response, flags: &str, value: f64| {
                requests.push(Sample {
                    key: Arc::new(TrafficKey {
                        reporter,
                        source: peer(from),
                        destination: peer(to),
                        service: Some(ServiceRef {
                            namespace: Some("shop".into()),
                            name: service.into(),
                        }),
                        protocol: if grpc { Protocol::Grpc } else { Protocol::Http },
                        response,
                        flags: Flags::parse(flags),
                        mtls: match reporter {
                            Reporter::Destination if has("plain") => Mtls::Plain,
                            Reporter::Destination => Mtls::Mutual,
                            _ => Mtls::Unknown,
                        },
                    }),
                    value,
                });
            };
            for (n, code) in words.iter().filter_map(|w| w.split_once(" x ")) {
                let (code, flags) = code.split_once(' ').unwrap_or((code, "-"));
                let response = if grpc {
                    Response {
                        http: Some(200),
                        grpc: code.parse().ok(),
                    }
                } else {
                    Response {
                        http: code.parse().ok(),
                        grpc: None,
                    }
                };
                rest -= number(n);
                push(response, flags, number(n));
            }
            let fine = Response {
                http: Some(200),
                grpc: grpc.then_some(0),
            };
            push(fine, "-", rest);
        }
    }
    Facts {
        requests,
        ..Facts::default()
    }
}

fn graph(facts: &Facts, by: By) -> api::Graph {
    let query = GraphQuery {
        by,
        ..GraphQuery::default()
    };
    answer(facts, &query, UnixMillis(0), UnixMillis(0), Vec::new())
}

fn check(text: &str, by: By, expected: Expect) {
    let graph = graph(&mesh(text), by);
    let mut out = String::new();
    for edge in &graph.edges {
        let t = &edge.traffic;
        out += &format!(
            "{} {:?}: {} requests, {} errors, {:?} ({})\n",
            edge.id, edge.view, t.requests, t.errors, edge.health.status, edge.health.reason
        );
    }
    expected.assert_eq(&out);
}

#[test]
fn r2_the_views_of_client_and_server_are_never_added() {
    check(
        "web -> cart-v1 : 600 requests, server 400
         (cron) -> cart-v1 : 30 requests, destination only",
        By::Workload,
        expect![[r#"
            c/-/unknown->c/shop/cart-v1:http Server: 30 requests, 0 errors, Healthy (none of 30 requests failed in 5m)
            c/shop/web->c/shop/cart-v1:http Client: 600 requests, 0 errors, Healthy (none of 600 requests failed in 5m)
        "#]],
    );
    let graph = graph(
        &mesh("web -> cart-v1 : 600 requests, server 400"),
        By::Workload,
    );
    let server = graph.edges[0].server_view.as_ref().unwrap();
    assert_eq!(server.requests, 400.0);
    assert!(server.difference.as_ref().unwrap().contains("fewer"));
}

#[test]
fn r2_calls_that_no_endpoint_took_lead_to_the_service() {
    let facts = mesh("web -> (stock) : 40 requests, 40 x 503 UH, source only");
    let graph = graph(&facts, By::Workload);
    assert_eq!(graph.edges[0].to, "c/shop/service/stock");
    let node = graph
        .nodes
        .iter()
        .find(|n| n.kind == NodeKind::Service)
        .unwrap();
    assert_eq!(
        node.explanation.as_deref(),
        Some("No endpoint of the service took these calls: no healthy endpoint (UH).")
    );
}

#[test]
fn r4_errors_are_the_servers_and_gone_clients_are_nobodys() {
    check(
        "web -> a : 100 requests, 5 x 500, 7 x 404, 3 x 0 UF, 4 x 0 DC
         web -> b : 100 requests, grpc, 2 x 14 UF, 9 x 5, 1 x 13",
        By::Workload,
        expect![[r#"
            c/shop/web->c/shop/a:http Client: 100 requests, 8 errors, Degraded (8 of 100 requests failed (8.0 %) in 5m)
            c/shop/web->c/shop/b:grpc Client: 100 requests, 3 errors, Degraded (3 of 100 requests failed (3.0 %) in 5m)
        "#]],
    );
    let graph = graph(
        &mesh("web -> a : 100 requests, 7 x 404, 4 x 0 DC"),
        By::Workload,
    );
    let traffic = &graph.edges[0].traffic;
    assert_eq!(traffic.client_error_ratio, Some(0.07));
    assert_eq!(traffic.gone_ratio, Some(0.04));
    assert_eq!(traffic.flags["DC"], six_digits(4.0 / WINDOW_SECS));
}

#[test]
fn r5_one_failure_an_hour_is_not_rounded_away() {
    check(
        "web -> rare : 1 requests, 1 x 503",
        By::Workload,
        expect![[r#"
            c/shop/web->c/shop/rare:http Client: 1 requests, 1 errors, Unjudged (too little traffic to judge: 1 of 1 failed in 5m)
        "#]],
    );
    assert!(needs_hour(&mesh("web -> rare : 1 requests, 1 x 503")));
    assert!(!needs_hour(&mesh("web -> busy : 9000 requests, 1 x 503")));
}

#[test]
fn r6_projections_are_of_the_same_facts() {
    let text = "web -> cart-v1 : 90 requests
                web -> cart-v2 : 10 requests
                cart-v1 -> db : 50 requests, grpc";
    check(
        text,
        By::App,
        expect![[r#"
            c/shop/app/cart->c/shop/app/db:grpc Client: 50 requests, 0 errors, Healthy (none of 50 requests failed in 5m)
            c/shop/app/web->c/shop/app/cart:http Client: 100 requests, 0 errors, Healthy (none of 100 requests failed in 5m)
        "#]],
    );
    check(
        text,
        By::Version,
        expect![[r#"
            c/shop/version/cart@v1->c/shop/version/db@v1:grpc Client: 50 requests, 0 errors, Healthy (none of 50 requests failed in 5m)
            c/shop/version/web@v1->c/shop/version/cart@v1:http Client: 90 requests, 0 errors, Healthy (none of 90 requests failed in 5m)
            c/shop/version/web@v1->c/shop/version/cart@v2:http Client: 10 requests, 0 errors, Healthy (none of 10 requests failed in 5m)
        "#]],
    );
    check(
        text,
        By::Service,
        expect![[r#"
            c/shop/app/web->c/shop/service/cart:http Client: 100 requests, 0 errors, Healthy (none of 100 requests failed in 5m)
            c/shop/service/cart->c/shop/service/db:grpc Client: 50 requests, 0 errors, Healthy (none of 50 requests failed in 5m)
        "#]],
    );
}

#[test]
fn r8_the_mtls_share_is_the_servers_word() {
    let graph = graph(
        &mesh("web -> cart : 75 requests\n cron -> cart : 25 requests, plain"),
        By::Workload,
    );
    let ratios: Vec<Option<f64>> = graph.edges.iter().map(|e| e.mtls_ratio).collect();
    assert_eq!(ratios, [Some(0.0), Some(1.0)]);
    let cart = graph.nodes.iter().find(|n| n.name == "cart").unwrap();
    assert_eq!(cart.badges, ["mtls_missing"]);
}

#[test]
fn r10_a_small_caller_whose_every_call_fails_does_not_drown() {
    let graph = graph(
        &mesh("web -> cart : 9000 requests\n cron -> cart : 20 requests, 20 x 503"),
        By::Workload,
    );
    let cart = graph.nodes.iter().find(|n| n.name == "cart").unwrap();
    assert_eq!(cart.health.status, HealthStatus::Failing);
    assert_eq!(
        cart.health.reason,
        "calls from cron: 20 of 20 requests failed (100.0 %) in 5m"
    );
}

#[test]
fn r3_the_latency_of_a_node_is_merged_from_buckets() {
    let mut facts = mesh("web -> cart : 90 requests\n cron -> cart : 10 requests");
    let histogram = |counts: [f64; 3]| {
        let edges = [10.0, 100.0, f64::INFINITY];
        let buckets = edges.iter().zip(counts);
        let buckets = buckets
            .map(|(le_ms, count)| Bucket {
                le_ms: *le_ms,
                count,
            })
            .collect();
        Histogram::new(buckets).unwrap()
    };
    let timed: Vec<LatencySample> = facts
        .requests
        .iter()
        .filter(|s| s.key.reporter == Reporter::Source)
        .map(|s| {
            let from_web = s.key.source.workload.as_ref().unwrap().as_str() == "web";
            LatencySample {
                key: s.key.clone(),
                histogram: histogram(if from_web {
                    [90.0, 90.0, 90.0]
                } else {
                    [0.0, 0.0, 10.0]
                }),
            }
        })
        .collect();
    facts.latency = Some(timed);
    let graph = graph(&facts, By::Workload);
    let inbound = graph
        .nodes
        .iter()
        .find(|n| n.name == "cart")
        .unwrap()
        .inbound
        .clone()
        .unwrap();
    assert!((inbound.latency.p50_ms.unwrap() - 5.5556).abs() < 0.001);
    // The slowest tenth took longer than the largest edge: only a bound is known.
    assert_eq!(inbound.latency.p95_ms, None);
    let bounds = inbound.latency.latency_bounds.unwrap();
    assert_eq!((bounds[1].low_ms, bounds[1].high_ms), (100.0, None));
    assert_eq!(graph.include, [Include::Traffic, Include::Latency]);
}

#[test]
fn a_folded_namespace_is_one_node_and_what_is_unknown_is_said() {
    let facts = mesh("web -> cart : 90 requests\n (cron) -> web : 10 requests, destination only");
    let query = GraphQuery {
        fold: Fold::Namespaces(vec!["shop".to_owned()]),
        namespaces: vec!["no\"pe\\".to_owned(), "shop".to_owned()],
        ..GraphQuery::default()
    };
    let graph = answer(&facts, &query, UnixMillis(0), UnixMillis(0), Vec::new());
    let ids: Vec<&str> = graph.edges.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["c/-/unknown->c/shop/namespace/all:http"]);
    assert!(graph.notices[0].message.contains("no\"pe\\"));
}

fn ask(facts: &Facts, change: impl FnOnce(&mut GraphQuery)) -> api::Graph {
    let mut query = GraphQuery::default();
    change(&mut query);
    answer(facts, &query, UnixMillis(0), UnixMillis(0), Vec::new())
}

fn names(graph: &api::Graph) -> Vec<&str> {
    graph.nodes.iter().map(|n| n.name.as_str()).collect()
}

#[test]
fn r2_a_client_series_that_stands_still_does_not_hide_the_servers_news() {
    let mut facts = mesh("web -> cart : 40 requests");
    for sample in &mut facts.requests {
        if sample.key.reporter == Reporter::Source {
            sample.value = 0.0;
        }
    }
    let edge = &graph(&facts, By::Workload).edges[0];
    assert_eq!(edge.view, api::graph::View::Server);
    assert_eq!(edge.traffic.requests, 40.0);
}

#[test]
fn r2_a_waypoint_speaks_where_no_client_does() {
    let mut facts = mesh("web -> cart : 40 requests, server 44");
    for sample in &mut facts.requests {
        if sample.key.reporter == Reporter::Source {
            let mut key = TrafficKey::clone(&sample.key);
            key.reporter = Reporter::Waypoint;
            sample.key = Arc::new(key);
        }
    }
    let edge = &graph(&facts, By::Workload).edges[0];
    assert_eq!(edge.view, api::graph::View::Client);
    assert_eq!(edge.traffic.requests, 40.0);
    assert_eq!(edge.server_view.as_ref().map(|v| v.requests), Some(44.0));
}

#[test]
fn r2_durations_alone_make_no_view() {
    let mut facts = mesh("web -> cart : 40 requests, destination only");
    let mut key = TrafficKey::clone(&facts.requests[0].key);
    key.reporter = Reporter::Source;
    let bucket = Bucket {
        le_ms: f64::INFINITY,
        count: 7.0,
    };
    facts.latency = Some(vec![LatencySample {
        key: Arc::new(key),
        histogram: Histogram::new(vec![
            Bucket {
                le_ms: 10.0,
                count: 7.0,
            },
            bucket,
        ])
        .unwrap(),
    }]);
    let edge = &graph(&facts, By::Workload).edges[0];
    assert_eq!(
        (edge.view, edge.traffic.requests),
        (api::graph::View::Server, 40.0)
    );
    assert_eq!(
        edge.traffic.latency.p50_ms, None,
        "the client's durations are not the server's"
    );
}

#[test]
fn what_is_hidden_or_out_of_focus_is_left_out() {
    let facts =
        mesh("web -> cart : 9 requests\n cart -> users : 9 requests\n users -> db : 9 requests");
    let id = |name: &str| format!("c/shop/{name}");
    let hidden = ask(&facts, |q| q.hide = vec![id("users")]);
    assert_eq!(names(&hidden), ["cart", "db", "web"]);
    assert_eq!(hidden.edges.len(), 1);
    let focused = ask(&facts, |q| q.focus = Some(id("cart")));
    assert_eq!(names(&focused), ["cart", "users", "web"]);
    let nowhere = ask(&facts, |q| q.focus = Some(id("none")));
    assert_eq!(nowhere.nodes.len(), 4);
    assert!(nowhere.notices[0].message.contains("c/shop/none"));
}

#[test]
fn traffic_alone_is_answered_without_latency() {
    let mut facts = mesh("web -> cart : 90 requests");
    let buckets = vec![
        Bucket {
            le_ms: 5.0,
            count: 90.0,
        },
        Bucket {
            le_ms: f64::INFINITY,
            count: 90.0,
        },
    ];
    facts.latency = Some(vec![LatencySample {
        key: facts.requests[0].key.clone(),
        histogram: Histogram::new(buckets).unwrap(),
    }]);
    assert!(
        ask(&facts, |_| {}).edges[0]
            .traffic
            .latency
            .p50_ms
            .is_some()
    );
    let quick = ask(&facts, |q| q.include = vec![Include::Traffic]);
    assert_eq!(quick.include, [Include::Traffic]);
    assert_eq!(
        quick.edges[0].traffic.latency,
        api::graph::Latency::default()
    );
}

#[test]
fn a_large_mesh_folds_what_is_surely_well_and_nothing_else() {
    let mut text = String::new();
    for n in 0..=MAX_UNFOLDED {
        text += &format!("web -> s{n} : 500 requests\n");
    }
    let mut facts = mesh(&text);
    let mut ill = mesh("sick -> sicker : 3 requests, 2 x 503");
    for sample in &mut ill.requests {
        let mut key = TrafficKey::clone(&sample.key);
        key.source.namespace = Some("ward".into());
        key.destination.namespace = Some("ward".into());
        sample.key = Arc::new(key);
    }
    facts.requests.extend(ill.requests);
    assert!(
        graph(&facts, By::Workload).nodes.len() > MAX_UNFOLDED,
        "only folded when asked"
    );
    let folded = ask(&facts, |q| q.fold = Fold::Auto);
    assert_eq!(names(&folded), ["shop", "sick", "sicker"]);
    assert!(
        folded.notices[0]
            .message
            .contains("1 namespaces that are well")
    );
    let all = &folded.nodes[0];
    assert_eq!(all.kind, NodeKind::Namespace);
    assert_eq!(
        all.health.status,
        HealthStatus::Healthy,
        "{}",
        all.health.reason
    );
    assert!(all.health.reason.starts_with("calls inside: "));
}

#[test]
fn a_series_of_the_callers_view_says_when_the_called_side_saw_more() {
    let point = |source: f64, destination: f64| {
        let count = |reporter: Reporter, value: f64| SeriesCount {
            reporter,
            protocol: Protocol::Http,
            response: Response {
                http: Some(200),
                grpc: None,
            },
            flags: Flags::parse("-"),
            value,
        };
        SeriesPoint {
            at: UnixMillis(0),
            counts: vec![
                count(Reporter::Source, source),
                count(Reporter::Destination, destination),
            ],
            histogram: None,
        }
    };
    let query = SeriesQuery {
        id: "c/shop/cart".to_owned(),
        window: Window::default(),
        at: None,
        by: By::Workload,
        direction: None,
        heatmap: false,
    };
    let of = |points: &[SeriesPoint]| series(&query, 10, points, Vec::new());
    let alike = of(&[point(50.0, 50.0), point(30.0, 31.0)]);
    assert_eq!(alike.rps, [Some(5.0), Some(3.0)]);
    assert!(alike.notices.is_empty());
    let more = of(&[point(50.0, 90.0)]);
    assert_eq!(more.rps, [Some(5.0)]);
    assert!(more.notices[0].message.contains("called side saw more"));
}

#[test]
fn an_id_with_a_sign_for_a_hexadecimal_is_no_id() {
    assert_eq!(Identity::parse("c/shop/a%+1"), None);
    assert!(Identity::parse("c/shop/a%2F").is_some());
}

#[test]
fn nothing_is_zero_and_never_minus_zero() {
    let sum: f64 = std::iter::empty::<f64>().sum();
    assert!(six_digits(sum).is_sign_positive());
}

proptest! {
    #[test]
    fn counts_are_kept_whatever_the_projection_and_the_order(
        calls in prop::collection::vec((0usize..6, 0usize..6, 1u32..500, 0u32..5), 1..30),
        rotate in 0usize..30,
    ) {
        let text: Vec<String> = calls
            .iter()
            .map(|(a, b, n, bad)| {
                format!("w{a} -> s{}-v{} : {} requests, {bad} x 503", b / 2, b % 2, n + bad)
            })
            .collect();
        let facts = mesh(&text.join("\n"));
        let total: f64 = calls.iter().map(|(_, _, n, bad)| f64::from(n + bad)).sum();
        for by in By::ALL {
            let one = graph(&facts, by);
            let sum: f64 = one.edges.iter().map(|e| e.traffic.requests).sum();
            prop_assert!((sum - total).abs() < 1e-6 * total, "{by:?}: {sum} of {total}");
            let mut turned = facts.clone();
            turned.requests.rotate_left(rotate % facts.requests.len());
            prop_assert_eq!(graph(&turned, by), one);
        }
    }

    #[test]
    fn ids_are_injective_and_read_back(
        a in ".{1,8}", b in "[-/%:>@a-z]{1,6}", c in prop::option::of(".{1,8}"),
    ) {
        let text = |t: &str| Arc::<str>::from(t);
        let identity = Identity::Version {
            cluster: c.as_deref().map(text),
            namespace: Some(text(&b)),
            app: text(&a),
            version: c.as_deref().map(text),
        };
        prop_assert_eq!(Identity::parse(&identity.id()), Some(identity.clone()));
        let workload = Identity::Workload {
            cluster: None,
            namespace: Some(text(&a)),
            workload: text(&b),
        };
        prop_assert_eq!(Identity::parse(&workload.id()), Some(workload.clone()));
        let edge = format!("{}->{}:http", workload.id(), workload.id());
        let sides = selector(&edge, By::Workload).unwrap();
        prop_assert_eq!(sides.source, sides.destination);
    }
}
