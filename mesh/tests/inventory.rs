//! Overview, services and workloads: what is said of them, from samples and objects.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use mesh::api::overview::Freshness;
use mesh::api::workload::{InjectionMode, MtlsMode, Pods};
use mesh::api::{HealthStatus, InventoryQuery, NodeKind};
use mesh::calls::When;
use mesh::graph::Facts;
use mesh::inventory::Inventory;
use mesh::routes::{Board, Read};
use mesh::telemetry::{
    Bucket, Flags, Histogram, LatencySample, Mtls, Peer, Protocol, Reporter, Response, Sample,
    ServiceRef, TrafficKey,
};
use mesh::units::UnixMillis;
use mesh::{overview, service, workload};
use serde_json::{Value, json};

/// A peer as `cart-v1` in namespace shop; `-` is one that no proxy knows.
fn peer(name: &str) -> Peer {
    if name == "-" {
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
}

fn key(reporter: Reporter, from: &str, to: &str, service: &str, code: u16) -> TrafficKey {
    TrafficKey {
        reporter,
        source: peer(from),
        destination: peer(to),
        service: Some(ServiceRef {
            namespace: Some("shop".into()),
            name: service.into(),
        }),
        protocol: Protocol::Http,
        response: Response {
            http: Some(code),
            grpc: None,
        },
        flags: Flags::default(),
        mtls: match reporter {
            Reporter::Destination if from == "-" => Mtls::Plain,
            Reporter::Destination => Mtls::Mutual,
            _ => Mtls::Unknown,
        },
        template: None,
    }
}

/// Calls that both proxies report alike; those of an unknown caller only the called one.
fn calls(facts: &mut Facts, from: &str, to: &str, service: &str, (fine, failed): (f64, f64)) {
    let reporters = [Reporter::Source, Reporter::Destination];
    for reporter in reporters.into_iter().skip(usize::from(from == "-")) {
        for (code, value) in [(200, fine), (503, failed)] {
            if value > 0.0 {
                facts.requests.push(Sample {
                    key: Arc::new(key(reporter, from, to, service, code)),
                    value,
                });
            }
        }
    }
    let reporter = if from == "-" {
        Reporter::Destination
    } else {
        Reporter::Source
    };
    let plain = TrafficKey {
        response: Response::default(),
        mtls: Mtls::Unknown,
        ..key(reporter, from, to, service, 200)
    };
    let bucket = |le_ms, share: f64| Bucket {
        le_ms,
        count: share * (fine + failed),
    };
    let buckets = vec![
        bucket(10.0, 0.5),
        bucket(100.0, 1.0),
        bucket(f64::INFINITY, 1.0),
    ];
    facts.latency.get_or_insert_default().push(LatencySample {
        key: Arc::new(plain),
        histogram: Histogram::new(buckets).unwrap(),
    });
}

fn deployment(name: &str, ready: u32, labels: Value) -> Value {
    let (app, version) = name.split_once('-').unwrap();
    let mut all = json!({"app": app, "version": version});
    for (key, value) in labels.as_object().unwrap() {
        all[key] = value.clone();
    }
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": all}}},
        "status": {"replicas": 2, "readyReplicas": ready}
    })
}

fn objects() -> Vec<Arc<Value>> {
    let service = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"selector": {"app": name}, "ports": [{"port": 80, "name": "http"}]}})
    };
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "shop", "labels": {"istio-injection": "enabled"}}}),
        service("cart"),
        service("quiet"),
        deployment("cart-v1", 2, json!({})),
        deployment("cart-v2", 0, json!({})),
        deployment("quiet-v1", 2, json!({"sidecar.istio.io/inject": "false"})),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"hosts": ["cart"], "http": [{"route": [{"destination": {"host": "cart"}}]}]}}),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "cart-rule", "namespace": "shop"},
            "spec": {"host": "cart.shop.svc.cluster.local"}}),
    ];
    objects.into_iter().map(Arc::new).collect()
}

/// A web that calls the two versions of a cart, an unknown caller of the first, and a cart that calls a store.
fn shop() -> Facts {
    let mut facts = Facts {
        inventory: Some(Arc::new(Inventory::read(objects().iter().map(|it| &**it)))),
        ..Facts::default()
    };
    calls(&mut facts, "web-v1", "cart-v1", "cart", (900.0, 0.0));
    calls(&mut facts, "web-v1", "cart-v2", "cart", (70.0, 30.0));
    calls(&mut facts, "-", "cart-v1", "cart", (100.0, 0.0));
    calls(&mut facts, "cart-v1", "store-v1", "store", (500.0, 0.0));
    facts
}

const NOW: When = When {
    at: UnixMillis(1_000_000),
    generated_at: UnixMillis(1_000_000),
};

fn cart(facts: &Facts) -> mesh::api::service::ServiceDetails {
    let objects = objects().into_iter().map(|it| Value::clone(&it).into());
    let board = Board::read(Read::all(objects.map(Arc::new).collect()));
    service::details(facts, Some(&board), ("shop", "cart"), NOW, Vec::new()).unwrap()
}

#[test]
fn services_are_listed_worst_first_and_the_idle_ones_of_the_cluster_too() {
    let facts = shop();
    let rows = service::list(&facts, &InventoryQuery::default(), NOW);
    let names: Vec<&str> = rows.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["cart", "store", "quiet"]);
    let cart = &rows[0];
    // 30 of 1100 fail, and two of four pods are missing.
    let inbound = cart.inbound.as_ref().unwrap();
    assert_eq!((inbound.requests, inbound.errors), (1100.0, 30.0));
    assert_eq!(
        cart.pods,
        Some(Pods {
            ready: 2,
            wanted: 4
        })
    );
    assert_eq!(cart.versions, ["v1", "v2"]);
    assert_eq!(cart.mtls.ratio, Some(0.909091));
    let quiet = &rows[2];
    assert_eq!(quiet.health.status, HealthStatus::Idle);
    assert_eq!(quiet.inbound, None);
    assert_eq!(quiet.injection.mode, InjectionMode::None);
    assert_eq!(quiet.id, "c/shop/service/quiet");
    let none = InventoryQuery {
        namespaces: vec!["elsewhere".to_owned()],
        ..InventoryQuery::default()
    };
    assert!(service::list(&facts, &none, NOW).is_empty());
}

#[test]
fn r2_a_services_callers_keep_their_own_views_and_sum_up_to_it() {
    let cart = cart(&shop());
    let callers: Vec<(&str, NodeKind, f64)> = cart
        .inbound
        .iter()
        .map(|call| {
            (
                call.from.name.as_str(),
                call.from.kind,
                call.traffic.requests,
            )
        })
        .collect();
    // Both versions are one callee here; the client's view is shown, never both.
    assert_eq!(
        callers,
        [
            ("web-v1", NodeKind::Workload, 1000.0),
            ("unknown", NodeKind::Unknown, 100.0)
        ]
    );
    assert_eq!(cart.inbound[0].mtls_ratio, Some(1.0));
    assert_eq!(cart.inbound[1].mtls_ratio, Some(0.0));
    let sum: f64 = callers.iter().map(|(_, _, requests)| requests).sum();
    assert_eq!(sum, cart.service.inbound.unwrap().requests);
    let callees: Vec<(&str, &str)> = cart
        .outbound
        .iter()
        .map(|call| (call.from.name.as_str(), call.to.name.as_str()))
        .collect();
    assert_eq!(callees, [("cart-v1", "store")]);
}

#[test]
fn versions_stand_side_by_side_with_the_calls_to_this_service_alone() {
    let mut facts = shop();
    // The same pods serve an alias: not a call to this service.
    calls(&mut facts, "web-v1", "cart-v1", "alias", (50.0, 0.0));
    let cart = cart(&facts);
    let versions: Vec<(&str, f64)> = cart
        .versions
        .iter()
        .map(|row| (row.name.as_str(), row.inbound.as_ref().unwrap().requests))
        .collect();
    assert_eq!(versions, [("cart-v1", 1000.0), ("cart-v2", 100.0)]);
    let canary = &cart.versions[1];
    assert_eq!(canary.health.status, HealthStatus::Failing);
    assert_eq!(canary.inbound.as_ref().unwrap().latency.p50_ms, Some(10.0));
    let governed_by: Vec<(&str, Option<&str>)> = cart
        .governed_by
        .iter()
        .map(|it| (it.name.as_str(), it.route.as_deref()))
        .collect();
    assert_eq!(
        governed_by,
        [
            ("cart-rule", None),
            ("cart", Some("shop/virtualservice/cart"))
        ]
    );
}

#[test]
fn calls_that_no_endpoint_took_are_a_row_of_their_own() {
    let mut facts = shop();
    for value in [4.0, 5.0] {
        let mut key = key(Reporter::Source, "web-v1", "-", "cart", 503);
        key.flags = Flags::parse("UH");
        facts.requests.push(Sample {
            key: Arc::new(key),
            value,
        });
    }
    let cart = cart(&facts);
    let last = cart.versions.last().unwrap();
    assert_eq!(last.kind, NodeKind::Service);
    assert_eq!(last.inbound.as_ref().unwrap().errors, 9.0);
    assert!(
        last.health
            .reason
            .starts_with("no endpoint took these calls"),
        "{}",
        last.health.reason
    );
}

#[test]
fn a_workload_says_whom_it_serves_who_calls_it_and_whom_it_calls() {
    let facts = shop();
    let it = workload::details(&facts, "shop", "cart-v1", NOW, Vec::new()).unwrap();
    assert_eq!(it.serves, ["shop/cart"]);
    let ends = |calls: &[mesh::api::workload::Call]| -> Vec<String> {
        let ends = calls
            .iter()
            .map(|it| format!("{} {}", it.from.name, it.to.name));
        ends.collect()
    };
    assert_eq!(ends(&it.inbound), ["web-v1 cart-v1", "unknown cart-v1"]);
    assert_eq!(ends(&it.outbound), ["cart-v1 store"]);
    let versions: Vec<&str> = it.versions.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(versions, ["cart-v1", "cart-v2"]);
    assert_eq!(it.workload.injection.mode, InjectionMode::Sidecar);
    assert!(workload::details(&facts, "shop", "nobody", NOW, Vec::new()).is_none());
    assert!(service::details(&facts, None, ("shop", "nobody"), NOW, Vec::new()).is_none());
}

#[test]
fn r10_pods_that_are_not_ready_are_no_health() {
    let facts = shop();
    let rows = workload::list(&facts, &InventoryQuery::default(), NOW);
    let canary = rows.iter().find(|it| it.name == "cart-v2").unwrap();
    assert_eq!(canary.health.status, HealthStatus::Failing);
    assert_eq!(rows[0].name, "cart-v2");
    let mut idle = Facts {
        inventory: facts.inventory.clone(),
        ..Facts::default()
    };
    let reason = |facts: &Facts| {
        let it = workload::details(facts, "shop", "cart-v2", NOW, Vec::new()).unwrap();
        (it.workload.health.status, it.workload.health.reason)
    };
    assert_eq!(
        reason(&idle),
        (
            HealthStatus::Failing,
            "no pod is ready: 0 of 2; no requests in 5m".to_owned()
        )
    );
    // Without a cluster nothing is said of pods.
    idle = shop();
    idle.inventory = None;
    let rows = workload::list(&idle, &InventoryQuery::default(), NOW);
    assert!(rows.iter().all(|it| it.pods.is_none()));
    assert_eq!(rows[0].injection.mode, InjectionMode::Sidecar);
}

#[test]
fn the_mode_in_force_is_told_with_the_object_that_says_so_and_is_of_now() {
    let mut objects = objects();
    objects.push(Arc::new(json!({
        "apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
        "metadata": {"name": "strict", "namespace": "shop"}, "spec": {"mtls": {"mode": "STRICT"}}
    })));
    let mut facts = shop();
    facts.inventory = Some(Arc::new(Inventory::read(objects.iter().map(|it| &**it))));
    let it = cart(&facts).service.mtls;
    assert_eq!(it.mode, Some(MtlsMode::Strict));
    assert_eq!(it.said_by.unwrap().name, "strict");
    let past = When {
        generated_at: UnixMillis(90_000_000),
        ..NOW
    };
    let rows = service::list(&facts, &InventoryQuery::default(), past);
    let then = rows.iter().find(|it| it.name == "cart").unwrap();
    assert_eq!((then.mtls.mode, then.pods), (None, None));
    assert_eq!(then.mtls.ratio, Some(0.909091));
    // Without an object, Istio's own default holds.
    let it = cart(&shop()).service.mtls;
    assert_eq!((it.mode, it.said_by), (Some(MtlsMode::Permissive), None));
}

#[test]
fn the_overview_names_what_is_not_well_and_counts_each_call_once() {
    let facts = shop();
    let freshness = Freshness::default();
    let all = overview::answer(
        &facts,
        &InventoryQuery::default(),
        NOW,
        freshness.clone(),
        Vec::new(),
    );
    assert_eq!(all.items.len(), 1);
    let shop = &all.items[0];
    assert_eq!(shop.health.status, HealthStatus::Failing);
    assert!(
        shop.health.reason.starts_with("cart-v2: "),
        "{}",
        shop.health.reason
    );
    assert_eq!(shop.ailing[0].name, "cart-v2");
    assert_eq!(shop.n_ailing, shop.ailing.len());
    assert_eq!((shop.n_services, shop.n_workloads), (3, 5));
    assert_eq!(shop.not_injected, ["quiet-v1"]);
    assert_eq!(shop.injection.mode, InjectionMode::Mixed);
    let calls = all.totals.calls.unwrap();
    assert_eq!((calls.requests, calls.errors), (1600.0, 30.0));
    assert_eq!(calls.latency.p50_ms, Some(10.0));
    let none = InventoryQuery {
        namespaces: vec!["elsewhere".to_owned()],
        ..InventoryQuery::default()
    };
    let none = overview::answer(&facts, &none, NOW, freshness, Vec::new());
    assert!(none.items.is_empty() && none.totals.calls.is_none());
}

#[test]
fn in_several_clusters_one_is_shown_and_the_others_are_named() {
    let mut facts = shop();
    let mut key = key(Reporter::Source, "web-v1", "cart-v1", "cart", 200);
    key.source.cluster = Some("d".into());
    key.destination.cluster = Some("d".into());
    facts.requests.push(Sample {
        key: Arc::new(key),
        value: 10.0,
    });
    let rows = service::list(&facts, &InventoryQuery::default(), NOW);
    let carts: Vec<&str> = rows
        .iter()
        .filter(|it| it.name == "cart")
        .map(|it| it.cluster.as_str())
        .collect();
    assert_eq!(carts, ["c", "d"]);
    // Which of the two the objects are of is not known: no pods are claimed.
    assert!(
        rows.iter()
            .filter(|it| it.name == "cart")
            .all(|it| it.pods.is_none())
    );
    let cart = cart(&facts);
    assert_eq!(cart.service.cluster, "c");
    assert!(cart.notices.iter().any(|it| it.kind == "other_clusters"));
}

/// The same calls in another cluster and namespace.
fn elsewhere(facts: Facts, cluster: &str, namespace: &str) -> Vec<Sample> {
    let moved = facts.requests.into_iter().map(|sample| {
        let mut key = (*sample.key).clone();
        for peer in [&mut key.source, &mut key.destination] {
            peer.cluster = Some(cluster.into());
            peer.namespace = Some(namespace.into());
        }
        if let Some(service) = &mut key.service {
            service.namespace = Some(namespace.into());
        }
        Sample {
            key: Arc::new(key),
            ..sample
        }
    });
    moved.collect()
}

#[test]
fn a_namespace_of_several_clusters_is_listed_once_with_all_its_calls_and_the_worst_of_its_healths()
{
    let of = |counts| {
        let mut facts = Facts::default();
        calls(&mut facts, "web-v1", "cart-v1", "cart", counts);
        facts
    };
    let mut facts = of((300.0, 0.0));
    facts
        .requests
        .extend(elsewhere(of((600.0, 0.0)), "c", "bank"));
    facts
        .requests
        .extend(elsewhere(of((450.0, 450.0)), "d", "shop"));
    let listed = mesh::graph::namespaces(&facts);
    let told: Vec<(&str, f64, HealthStatus)> = listed
        .iter()
        .map(|it| (it.name.as_str(), it.rps, it.status))
        .collect();
    assert_eq!(
        told,
        [
            ("bank", 2.0, HealthStatus::Healthy),
            ("shop", 4.0, HealthStatus::Failing)
        ]
    );
}
