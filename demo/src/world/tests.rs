use std::collections::{BTreeMap, BTreeSet};

use mesh::telemetry::{
    DurationBuckets, Protocol, Reporter, Requests, Sample, Selector, Series, Side, SideKind,
};
use mesh::units::Window;

use super::*;

/// 24 November 2026, 10:00 UTC.
const NOW: UnixMillis = UnixMillis(1_795_514_400_000);

fn builtin() -> World {
    World::new(7, NOW, &Objects::builtin())
}

fn window(secs: u32) -> Window {
    Window::from_secs(secs).unwrap()
}

fn later(secs: i64) -> UnixMillis {
    UnixMillis(NOW.0 + secs * 1000)
}

/// Returns the built-in objects with a piece of one object's text replaced.
fn changed(name: &str, edit: impl Fn(&mut Value)) -> Objects {
    let mut n_changed = 0;
    let builtin = Objects::builtin();
    let values = builtin.iter().cloned().map(|mut object| {
        if place(&object).2 == name {
            edit(&mut object);
            n_changed += 1;
        }
        object
    });
    let objects = Objects::from_values(values.collect()).unwrap();
    assert!(0 < n_changed, "{name} is there");
    objects
}

fn set_weights(object: &mut Value, weights: [u64; 2]) {
    if let Some(route) = object.pointer_mut("/spec/http/0/route") {
        for (idx, weight) in weights.into_iter().enumerate() {
            route[idx]["weight"] = weight.into();
        }
    }
}

/// Sums the client's view by source and destination workload; what no endpoint took goes to its
/// service with a star.
fn by_edge(samples: &[Sample]) -> BTreeMap<(String, String), f64> {
    let mut edges = BTreeMap::new();
    for Sample { key, value } in samples {
        if key.reporter == Reporter::Source {
            let to = match (&key.destination.workload, &key.service) {
                (Some(workload), _) => workload.to_string(),
                (None, Some(service)) => format!("*{}", service.name),
                (None, None) => "*".to_owned(),
            };
            let from = key.source.workload.as_ref().unwrap().to_string();
            *edges.entry((from, to)).or_insert(0.0) += value;
        }
    }
    edges
}

/// Reads an exposition: metric and labels to value.
fn scraped(text: &str) -> BTreeMap<String, f64> {
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
fn label<'a>(series: &'a str, name: &str) -> &'a str {
    let start = series
        .find(&format!(",{name}=\""))
        .map(|at| at + name.len() + 3);
    start.map_or("", |start| series[start..].split('"').next().unwrap())
}

#[test]
fn an_hour_is_played_in_less_than_a_second_and_fits_into_ten_megabytes() {
    let begun = std::time::Instant::now();
    let world = builtin();
    let took = begun.elapsed();
    let bytes = world.history.bytes();
    println!(
        "{took:?}, {bytes} bytes, {} series",
        world.ledger.rows().len()
    );
    assert!(took.as_millis() < 1000, "{took:?}");
    assert!(bytes < 10 << 20, "{bytes} bytes");
    assert_eq!(world.now(), NOW);
    assert_eq!(world.oldest(), NOW.before(Window::HOUR));
    assert_eq!(world.complaints(), []);
}

#[test]
fn the_mesh_of_the_story_is_there() {
    let world = builtin();
    let samples = world.requests(&Requests {
        window: Window::HOUR,
        at: NOW,
    });
    let edges = by_edge(&samples);
    println!("{} edges", edges.len());
    for ((from, to), n) in &edges {
        println!("{from} -> {to}: {:.2} rps", n / 3600.0);
    }
    assert!((40..=70).contains(&edges.len()), "{} edges", edges.len());
    let rps = |from: &str, to: &str| edges[&(from.to_owned(), to.to_owned())] / 3600.0;
    let frontend = rps("frontend", "backend-v1") + rps("frontend", "backend-v2");
    assert!((24.0..36.0).contains(&frontend), "{frontend}");
    let ingress =
        rps("istio-ingressgateway", "backend-v1") + rps("istio-ingressgateway", "backend-v2");
    assert!((8.0..12.0).contains(&ingress), "{ingress}");
    assert!(
        0.0 < rps("orders", "users") && 0.0 < rps("users", "orders"),
        "a cycle"
    );
    let notified = rps("scheduler", "notifications") * 3600.0;
    assert!(
        (10.0..=60.0).contains(&notified),
        "{notified} notifications"
    );

    let errors = |workload: &str| {
        let to = |s: &&Sample| {
            s.key.reporter == Reporter::Source
                && s.key
                    .destination
                    .workload
                    .as_ref()
                    .is_some_and(|w| w.as_str() == workload)
        };
        let sum = |wanted: fn(u16) -> bool| -> f64 {
            let counted = samples.iter().filter(to);
            counted
                .filter(|s| wanted(s.key.response.http.unwrap()))
                .map(|s| s.value)
                .sum()
        };
        sum(|code| 500 <= code) / sum(|_| true)
    };
    assert!(errors("backend-v1") < 0.002 && errors("backend-v2") < 0.002);
    assert!(
        (0.03..0.10).contains(&errors("payments-v2")),
        "{}",
        errors("payments-v2")
    );
    assert!(errors("payments-v1") < 0.006);
}

#[test]
fn worlds_of_one_seed_agree() {
    let one = {
        let mut world = builtin();
        world.advance_to(later(600));
        world
    };
    let other = {
        let mut world = builtin();
        for tenth in 1..=6000 {
            world.advance_to(UnixMillis(NOW.0 + tenth * 100));
        }
        // Going back changes nothing.
        world.advance_to(NOW);
        world
    };
    assert_eq!(one.now(), later(600));
    assert!(one.expose() == other.expose(), "one jump and many agree");

    // A world that began at another time has counted the same calls where both remember.
    let late = World::new(7, later(600), &Objects::builtin());
    let query = Requests {
        window: window(3000),
        at: NOW,
    };
    let overlap = Requests {
        window: window(2400),
        at: later(-100),
    };
    assert_eq!(builtin().requests(&overlap), late.requests(&overlap));
    assert_ne!(
        builtin().requests(&query),
        World::new(8, NOW, &Objects::builtin()).requests(&query)
    );
}

#[test]
fn after_a_long_sleep_the_last_hour_is_played_and_no_more() {
    let mut world = builtin();
    let begun = std::time::Instant::now();
    let awake = later(40 * 3600);
    world.advance_to(awake);
    assert!(begun.elapsed().as_millis() < 1500, "{:?}", begun.elapsed());
    assert_eq!(world.oldest(), awake.before(Window::HOUR));
    let fresh = World::new(7, awake, &Objects::builtin());
    let query = Requests {
        window: Window::HOUR,
        at: awake,
    };
    assert_eq!(world.requests(&query), fresh.requests(&query));
}

#[test]
fn weights_are_obeyed_from_the_next_step_on() {
    let mut world = builtin();
    let measured = |world: &World, from: &str| {
        let edges = by_edge(&world.requests(&Requests {
            window: window(600),
            at: world.now(),
        }));
        let n = |to: &str| edges[&(from.to_owned(), to.to_owned())];
        let total = n("backend-v1") + n("backend-v2");
        (n("backend-v2") / total, total)
    };
    // Two in a hundred of the frontend's calls carry a header that nothing matches yet.
    let near = |(share, n): (f64, f64), wanted: f64| {
        let sigma = (wanted * (1.0 - wanted) / n).sqrt();
        assert!(
            (share - wanted).abs() < 4.0 * sigma,
            "{share} of {n}, wanted {wanted}"
        );
    };
    near(measured(&world, "frontend"), 0.1);
    near(measured(&world, "istio-ingressgateway"), 0.1);

    world.set_objects(&changed("backend-routing", |o| set_weights(o, [50, 50])));
    world.advance_to(later(600));
    near(measured(&world, "frontend"), 0.5);
    near(measured(&world, "istio-ingressgateway"), 0.1);

    // Testers go to v2, everyone else to v1.
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"] = serde_json::json!([
            {"match": [{"headers": {"x-testing": {"exact": "true"}}}],
             "route": [{"destination": {"host": "backend", "subset": "v2"}}]},
            {"route": [{"destination": {"host": "backend", "subset": "v1"}}]},
        ]);
    }));
    world.advance_to(later(1200));
    near(measured(&world, "frontend"), 0.02);
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
            _ => "source",
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
    println!("{} bytes exposed", text.len());
}

#[test]
fn the_canary_without_a_ready_pod_is_told_by_its_callers_alone() {
    let mut world = builtin();
    let samples = world.requests(&Requests {
        window: Window::HOUR,
        at: NOW,
    });
    let refused: Vec<&Sample> = samples
        .iter()
        .filter(|s| s.key.flags.contains("UH"))
        .collect();
    let callers: BTreeSet<&str> = refused
        .iter()
        .filter(|s| s.key.service.as_ref().unwrap().name.as_str() == "stock")
        .map(|s| s.key.source.workload.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(callers, ["cart", "catalog", "scheduler"].into());
    for sample in refused {
        assert_eq!(sample.key.reporter, Reporter::Source);
        assert_eq!(sample.key.destination, mesh::telemetry::Peer::default());
        assert_eq!(sample.key.response.http, Some(503));
    }
    let of_v2 = |world: &World, secs| {
        let all = world.requests(&Requests {
            window: window(secs),
            at: world.now(),
        });
        by_edge(&all).keys().any(|(_, to)| to == "stock-v2")
    };
    assert!(!of_v2(&world, 3600));

    // Once the image is there, the pod becomes ready and takes its share.
    world.set_objects(&changed("stock-v2", |o| {
        o["status"] = serde_json::json!({"readyReplicas": 1})
    }));
    world.advance_to(later(120));
    assert!(of_v2(&world, 120));
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
        .filter(|s| s.key.reporter == Reporter::Source)
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

#[test]
fn pods_come_and_go_and_never_share_a_name() {
    let mut world = builtin();
    let names = |world: &World| -> BTreeSet<(String, String)> {
        let mut names = BTreeSet::new();
        for workload in &world.fleet.workloads {
            for pod in &workload.pods {
                let name = (workload.deployment.namespace.clone(), pod.name.clone());
                assert!(names.insert(name), "{} is there once", pod.name);
            }
        }
        names
    };
    let mut present = names(&world);
    let n_pods = present.len();
    let mut n_replaced = 0;
    for minute in 1..=240 {
        world.advance_to(later(minute * 60));
        let next = names(&world);
        assert_eq!(next.len(), n_pods);
        n_replaced += next.difference(&present).count();
        present = next;
    }
    println!("{n_pods} pods, {n_replaced} replaced in four hours");
    assert!((10..=50).contains(&n_replaced), "{n_replaced}");

    // Scaling keeps the pods that stay.
    world.set_objects(&changed("web", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["replicas"] = 6.into();
        }
    }));
    let scaled = names(&world);
    assert!(scaled.is_superset(&present));
    assert_eq!(scaled.len(), n_pods + 3);
}

#[test]
fn what_can_not_be_followed_is_named_and_changes_nothing_else() {
    let mut world = builtin();
    world.set_objects(&changed("backend-routing", |o| set_weights(o, [0, 0])));
    let complaints: Vec<String> = world
        .complaints()
        .iter()
        .map(|c| format!("{} {}/{}: {}", c.kind, c.namespace, c.name, c.reason))
        .collect();
    assert_eq!(
        complaints,
        ["VirtualService default/backend-routing: http/0: the weights add up to 0"]
    );
    world.advance_to(later(60));
    let edges = by_edge(&world.requests(&Requests {
        window: window(60),
        at: world.now(),
    }));
    // Without the VirtualService, the service's four pods share the calls.
    let n = |to: &str| edges[&("frontend".to_owned(), to.to_owned())];
    assert!((0.7..1.4).contains(&(n("backend-v1") / n("backend-v2"))));
}

#[test]
fn an_abort_and_a_delay_are_injected_and_flagged() {
    let mut world = builtin();
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"][0]["fault"] = serde_json::json!({
            "delay": {"percentage": {"value": 50}, "fixedDelay": "2s"},
            "abort": {"percentage": {"value": 20}, "httpStatus": 418},
        });
    }));
    world.advance_to(later(300));
    let samples = world.requests(&Requests {
        window: window(300),
        at: world.now(),
    });
    let from_frontend = |flag: &str| -> f64 {
        samples
            .iter()
            .filter(|s| {
                s.key.reporter == Reporter::Source
                    && s.key
                        .source
                        .workload
                        .as_ref()
                        .is_some_and(|w| w.as_str() == "frontend")
                    && (flag.is_empty() || s.key.flags.contains(flag))
            })
            .map(|s| s.value)
            .sum()
    };
    let share = |flag| from_frontend(flag) / from_frontend("");
    assert!((0.46..0.54).contains(&share("DI")), "{}", share("DI"));
    assert!((0.17..0.23).contains(&share("FI")), "{}", share("FI"));
    let aborted = samples.iter().filter(|s| s.key.flags.contains("FI"));
    for sample in aborted {
        assert_eq!(sample.key.response.http, Some(418));
        assert_eq!(sample.key.destination.workload, None);
    }
}

#[test]
fn a_forgetful_ledger_keeps_every_count() {
    let mut world = builtin();
    // Series that exist only while calls are aborted, and only in pods that then go.
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"][0]["fault"] =
            serde_json::json!({"abort": {"percentage": {"value": 5}, "httpStatus": 418}});
    }));
    world.advance_to(later(60));
    world.set_objects(&changed("frontend", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.26".into();
        }
    }));
    world.advance_to(later(3700));
    let query = Requests {
        window: Window::HOUR,
        at: world.now(),
    };
    let before = (world.requests(&query), world.expose());
    let n_before = world.ledger.rows().len();
    world.compact();
    assert!(world.ledger.rows().len() < n_before);
    assert!(before == (world.requests(&query), world.expose()));
}

#[test]
fn the_story_is_told_whole() {
    let told = include_str!("../../STORY.md");
    for object in Objects::builtin().iter() {
        let (kind, _, name) = place(object);
        assert!(
            told.contains(&format!("`{name}`")),
            "{kind} {name} is in STORY.md"
        );
    }
    for actor in crate::story::ACTORS {
        let deployments = Objects::builtin();
        let found = deployments
            .of_kind("Deployment")
            .any(|d| place(d) == ("Deployment", actor.namespace, actor.workload));
        assert!(found, "{}/{} is deployed", actor.namespace, actor.workload);
    }
}

/// Any JSON: what a person may write into an object.
fn anything() -> impl proptest::strategy::Strategy<Value = Value> {
    use proptest::prelude::*;
    let words = [
        "backend",
        "v1",
        "v9",
        "*",
        "*.",
        "mesh",
        "app-gateway",
        "a/b/c",
        "",
        "5s",
        "-1s",
        "true",
        "\u{e9}",
        "\"\n\\",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..200).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
    ];
    let fields = [
        "hosts",
        "gateways",
        "http",
        "match",
        "route",
        "destination",
        "host",
        "subset",
        "weight",
        "headers",
        "uri",
        "exact",
        "prefix",
        "fault",
        "delay",
        "abort",
        "percentage",
        "value",
        "fixedDelay",
        "httpStatus",
        "grpcStatus",
        "subsets",
        "labels",
        "name",
        "servers",
        "selector",
        "port",
        "number",
        "ports",
        "replicas",
        "template",
        "metadata",
        "redirect",
    ];
    leaf.prop_recursive(6, 60, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(fields.to_vec()), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(300))]

    /// Whatever is written into a routing object, the world goes on.
    #[test]
    fn nothing_written_stops_the_world(
        idx in 0_usize..100,
        pointer in proptest::sample::select(vec![
            "/spec", "/spec/http", "/spec/http/0", "/spec/http/0/route", "/spec/http/0/match",
            "/spec/http/0/route/0", "/spec/http/0/route/0/destination", "/spec/hosts", "/spec/host",
            "/spec/subsets", "/spec/selector", "/spec/servers", "/spec/ports", "/spec/replicas",
            "/spec/template", "/status", "/metadata/labels",
        ]),
        written in anything(),
    ) {
        let mut values: Vec<Value> = Objects::builtin().iter().cloned().collect();
        let idx = idx % values.len();
        if let Some(place) = values[idx].pointer_mut(pointer) {
            *place = written;
        }
        let mut world = FUZZED.with(|world| world.take()).unwrap_or_else(builtin);
        world.set_objects(&Objects::from_values(values).unwrap());
        world.advance_to(UnixMillis(world.now().0 + 1000));
        proptest::prop_assert!(!world.expose().is_empty());
        FUZZED.with(|kept| kept.set(Some(world)));
    }
}

thread_local! {
    /// One world lives through all cases: its ledger and fleet see every change after the other.
    static FUZZED: std::cell::Cell<Option<World>> = const { std::cell::Cell::new(None) };
}
