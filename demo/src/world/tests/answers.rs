//! Answers: samples, series, exposition and truth tell the same counts.

use std::collections::BTreeMap;

use mesh::telemetry::{DurationBuckets, Protocol, Selector, Series, Side, SideKind};

use super::*;

/// Reads an exposition: metric and labels to value.
pub(super) fn scraped(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples: Vec<(String, f64)> = lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            (series.to_owned(), value.parse().unwrap())
        })
        .collect();
    let n_samples = samples.len();
    let map: BTreeMap<_, _> = samples.into_iter().collect();
    assert_eq!(map.len(), n_samples, "no series is exposed twice");
    map
}

/// Returns the value of a label in a series as exposed.
pub(super) fn label<'a>(series: &'a str, name: &str) -> &'a str {
    let start = series
        .find(&format!(",{name}=\""))
        .map(|at| at + name.len() + 3);
    start.map_or("", |start| series[start..].split('"').next().unwrap())
}

#[test]
fn what_proxies_expose_is_what_requests_say() {
    let mut world = builtin();
    let names = |world: &World| -> Vec<String> {
        let pods = world.fleet.workloads.iter().flat_map(|w| &w.pods);
        pods.map(|pod| pod.name.clone()).collect()
    };
    // Find a minute in which no pod is replaced.
    let (before, after) = loop {
        let (pods, before) = (names(&world), scraped(&world.expose()));
        world.advance_to(UnixMillis(world.now().0 + 60_000));
        if pods == names(&world) {
            break (before, scraped(&world.expose()));
        }
    };
    let mut exposed = BTreeMap::new();
    let mut timed = BTreeMap::new();
    for (series, value) in &after {
        let increase = value - before.get(series).copied().unwrap_or(0.0);
        let key = || {
            [
                "reporter",
                "source_workload",
                "destination_workload",
                "response_code",
                "response_flags",
                "grpc_response_status",
            ]
            .map(|name| label(series, name).to_owned())
        };
        if series.starts_with("istio_requests_total{") && 0.0 < increase {
            *exposed.entry(key()).or_insert(0.0) += increase;
        }
        if series.contains("_milliseconds_count{") && 0.0 < increase {
            *timed.entry(key()).or_insert(0.0) += increase;
        }
    }
    let mut said = BTreeMap::new();
    let samples = world.requests(&Requests {
        window: window(60),
        at: world.now(),
    });
    assert!(samples.is_sorted_by(|a, b| a.key < b.key));
    for Sample { key, value } in samples {
        let reporter = match key.reporter {
            Reporter::Destination => "destination",
            Reporter::Waypoint => "waypoint",
            Reporter::Source => "source",
        };
        let workload = |peer: &mesh::telemetry::Peer| {
            peer.workload
                .as_ref()
                .map_or("unknown".to_owned(), |w| w.to_string())
        };
        let key = [
            reporter.to_owned(),
            workload(&key.source),
            workload(&key.destination),
            key.response.http.unwrap().to_string(),
            key.flags.to_string(),
            key.response.grpc.map_or(String::new(), |s| s.to_string()),
        ];
        *said.entry(key).or_insert(0.0) += value;
    }
    assert_eq!(exposed, said);
    assert_eq!(timed, said);
}

#[test]
fn what_is_exposed_looks_like_istio() {
    let text = builtin().expose();
    let line = |start: &str, parts: &[&str]| {
        let found = text
            .lines()
            .find(|line| line.starts_with(start) && parts.iter().all(|part| line.contains(part)));
        let (series, _) = found.unwrap().rsplit_once(' ').unwrap();
        // The pod's name hangs on the seed.
        let pod = label(series, "pod");
        series.replace(pod, "POD").replace(",", "\n")
    };
    expect_test::expect![[r#"
        istio_requests_total{namespace="inventory"
        pod="POD"
        reporter="destination"
        source_workload="checkout"
        source_canonical_service="checkout"
        source_canonical_revision="v1"
        source_workload_namespace="shop"
        source_principal="spiffe://cluster.local/ns/shop/sa/checkout"
        source_app="checkout"
        source_version="v1"
        source_cluster="Kubernetes"
        destination_workload="warehouse"
        destination_workload_namespace="inventory"
        destination_principal="spiffe://cluster.local/ns/inventory/sa/warehouse"
        destination_app="warehouse"
        destination_version="v1"
        destination_service="warehouse.inventory.svc.cluster.local"
        destination_canonical_service="warehouse"
        destination_canonical_revision="v1"
        destination_service_name="warehouse"
        destination_service_namespace="inventory"
        destination_cluster="Kubernetes"
        request_protocol="grpc"
        response_code="200"
        grpc_response_status="5"
        response_flags="-"
        connection_security_policy="mutual_tls"}"#]]
    .assert_eq(&line(
        "istio_requests_total{",
        &[
            "reporter=\"destination\"",
            "source_workload=\"checkout\"",
            "destination_workload=\"warehouse\"",
            "grpc_response_status=\"5\"",
        ],
    ));
    expect_test::expect![[r#"
        istio_requests_total{namespace="shop"
        pod="POD"
        reporter="source"
        source_workload="cart"
        source_canonical_service="cart"
        source_canonical_revision="v1"
        source_workload_namespace="shop"
        source_principal="unknown"
        source_app="cart"
        source_version="v1"
        source_cluster="Kubernetes"
        destination_workload="unknown"
        destination_workload_namespace="unknown"
        destination_principal="unknown"
        destination_app="unknown"
        destination_version="unknown"
        destination_service="stock.inventory.svc.cluster.local"
        destination_canonical_service="unknown"
        destination_canonical_revision="latest"
        destination_service_name="stock"
        destination_service_namespace="inventory"
        destination_cluster="unknown"
        request_protocol="http"
        response_code="503"
        response_flags="UH"
        connection_security_policy="unknown"}"#]]
    .assert_eq(&line(
        "istio_requests_total{",
        &["response_flags=\"UH\"", "source_workload=\"cart\""],
    ));
    for wanted in [
        "# TYPE istio_requests_total counter",
        "# TYPE istio_request_duration_milliseconds histogram",
        "le=\"0.5\"",
        "le=\"3600000\"",
        "le=\"+Inf\"",
        "component=\"proxy\",tag=\"1.27.0\"} 1",
    ] {
        assert!(text.contains(wanted), "{wanted}");
    }
}

#[test]
fn the_truth_is_what_requests_and_durations_say() {
    let world = builtin();
    let query = Requests {
        window: window(300),
        at: later(-7),
    };
    let truth = world.truth(query.window, query.at);
    let edges = truth["edges"].as_array().unwrap();
    let ids: Vec<&str> = edges.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted());
    assert!(ids.contains(&"Kubernetes/default/frontend->Kubernetes/default/backend-v1:http"));
    assert!(ids.contains(&"Kubernetes/shop/catalog->Kubernetes/inventory/service/stock:http"));
    let sum = |field: &str| -> f64 { edges.iter().map(|e| e[field].as_f64().unwrap()).sum() };
    let said: f64 = world
        .requests(&query)
        .iter()
        // The client's view; the server's of callers without a proxy.
        .filter(|s| s.key.reporter != Reporter::Destination || s.key.source.workload.is_none())
        .map(|s| s.value)
        .sum();
    assert_eq!(sum("requests"), said);
    assert!(0.0 < sum("errors") && sum("errors") < 0.05 * said);

    let durations = world.durations(&DurationBuckets {
        window: query.window,
        at: query.at,
    });
    assert!(durations.is_sorted_by(|a, b| a.key < b.key));
    for sample in &durations {
        if let (Some(from), Some(to)) = (
            &sample.key.source.workload,
            &sample.key.destination.workload,
        ) {
            let id = format!(
                "Kubernetes/{}/{from}->Kubernetes/{}/{to}:{}",
                sample.key.source.namespace.as_ref().unwrap(),
                sample.key.destination.namespace.as_ref().unwrap(),
                sample.key.protocol.as_str()
            );
            let edge = edges.iter().find(|e| e["id"] == id.as_str()).unwrap();
            let counts: Vec<f64> = sample.histogram.buckets().iter().map(|b| b.count).collect();
            let truth: Vec<f64> = edge["buckets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|b| b["count"].as_f64().unwrap())
                .collect();
            assert_eq!(counts, truth, "{id}");
            assert_eq!(edge["requests"].as_f64().unwrap(), sample.histogram.count());
            let busiest = edge["interval_requests_1s"].as_f64().unwrap();
            assert!(
                sample.histogram.count() / 300.0 <= busiest && busiest <= sample.histogram.count()
            );
        }
    }
}

#[test]
fn a_series_adds_up_to_the_window_it_covers() {
    let world = builtin();
    let side = |namespace: &str, what| {
        Some(Side {
            cluster: None,
            namespace: Some(namespace.into()),
            what,
        })
    };
    let count = |source, destination| {
        let points = world.series(&Series {
            selector: Selector {
                source,
                destination,
                protocol: Some(Protocol::Http),
            },
            at: NOW,
            step_secs: 60,
            n_points: 10,
        });
        assert_eq!(points.len(), 10);
        assert_eq!(points[0].at, later(-540));
        let counts = points.iter().flat_map(|p| &p.counts);
        let client = counts.filter(|c| c.reporter == Reporter::Source);
        client.map(|c| c.value).sum::<f64>()
    };
    let edges = by_edge(&world.requests(&Requests {
        window: window(600),
        at: NOW,
    }));
    let edge = |from: &str, to: &str| edges[&(from.to_owned(), to.to_owned())];
    let frontend = || side("default", SideKind::Workload("frontend".into()));
    let v1 = side("default", SideKind::Version("backend".into(), "v1".into()));
    assert_eq!(count(frontend(), v1), edge("frontend", "backend-v1"));
    let app = side("default", SideKind::App("backend".into()));
    assert_eq!(
        count(frontend(), app),
        edge("frontend", "backend-v1") + edge("frontend", "backend-v2")
    );
    let catalog = || side("shop", SideKind::Workload("catalog".into()));
    let refused = side(
        "inventory",
        SideKind::ServiceWithoutEndpoint("stock".into()),
    );
    assert_eq!(count(catalog(), refused), edge("catalog", "*stock"));
    let stock = side("inventory", SideKind::Service("stock".into()));
    assert_eq!(
        count(catalog(), stock),
        edge("catalog", "*stock") + edge("catalog", "stock-v1")
    );
}
