//! The control plane, what proxies cost, and their circuit breakers.

use std::collections::BTreeSet;

use mesh::telemetry::{
    BreakerSample, Breakers, ControlPlane, ControlPlaneReport, Proxies, ProxySample,
};

use super::answers::{label, scraped};
use super::limits::joined;
use super::*;

fn control_plane(world: &World, secs: u32) -> ControlPlaneReport {
    world.control_plane(&ControlPlane {
        window: window(secs),
        at: world.now(),
    })
}

fn proxies(world: &World, secs: u32) -> Vec<ProxySample> {
    world.proxies(&Proxies {
        window: window(secs),
        at: world.now(),
    })
}

fn breakers(world: &World, secs: u32) -> Vec<BreakerSample> {
    world.breakers(&Breakers {
        window: window(secs),
        at: world.now(),
    })
}

fn pushed(report: &ControlPlaneReport, kind: &str) -> f64 {
    let mut pushes = report.pushes.iter();
    pushes.find(|(its, _)| its == kind).unwrap().1
}

#[test]
fn the_control_plane_counts_proxies_and_what_it_sends_them() {
    let mut world = builtin();
    let report = control_plane(&world, 3600);
    let n_proxies = proxies(&world, 60).len() as f64;
    assert_eq!(report.connected_proxies, Some(n_proxies));
    let [istiod] = report.istiods.as_slice() else {
        panic!("{:?}", report.istiods);
    };
    assert!(istiod.is_up && istiod.pod.starts_with("istiod-"));
    assert_eq!(istiod.version.as_deref(), Some("1.27.0"));
    assert_eq!(istiod.connected_proxies, Some(n_proxies));
    assert!(60.0 < istiod.uptime_secs.unwrap());
    let builds: Vec<(&str, &str)> = report
        .builds
        .iter()
        .map(|b| (b.component.as_str(), b.version.as_str()))
        .collect();
    assert_eq!(
        builds,
        [
            ("pilot", "1.27.0"),
            ("proxy", "1.27.0"),
            ("ztunnel", "1.27.0")
        ]
    );
    let n_built: f64 = report.builds.iter().map(|b| b.pods).sum();
    assert_eq!(n_built, n_proxies + 1.0);

    // Pods that come and go move endpoints; who comes gets everything.
    assert!(pushed(&report, "cds") < pushed(&report, "eds"));
    assert!(0.0 < pushed(&report, "cds"));
    let convergence = report.convergence.as_ref().unwrap();
    assert_eq!(convergence.count(), pushed(&report, "eds"));
    let secs = report.root_cert_expires_in_secs.unwrap();
    world.advance_to(later(60));
    let written = |world: &World| pushed(&control_plane(world, 30), "cds");
    assert!(written(&world) < n_proxies);
    let later_report = control_plane(&world, 30);
    assert_eq!(later_report.root_cert_expires_in_secs.unwrap(), secs - 60.0);
    // What is written goes to everyone.
    world.set_objects(&changed("backend-routing", |o| set_weights(o, [50, 50])));
    world.advance_to(later(61));
    assert!(n_proxies <= written(&world));
}

#[test]
fn without_an_istiod_nothing_is_sent_and_then_everything() {
    let mut world = builtin();
    world.set_objects(&changed("istiod", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["replicas"] = 0.into();
        }
    }));
    world.advance_to(later(60));
    let report = control_plane(&world, 30);
    assert_eq!(report.istiods, []);
    assert_eq!(report.connected_proxies, None);
    assert_eq!(pushed(&report, "eds"), 0.0);
    assert_eq!(report.convergence, None);
    let is_exposed = |world: &World| world.expose().contains("\npilot_xds{");
    assert!(!is_exposed(&world));

    world.set_objects(&Objects::builtin());
    world.advance_to(later(63));
    let report = control_plane(&world, 30);
    assert!(!report.istiods[0].is_up, "it is starting");
    assert_eq!(report.connected_proxies, Some(0.0));
    world.advance_to(later(70));
    let report = control_plane(&world, 30);
    assert_eq!(
        Some(pushed(&report, "lds")),
        report.connected_proxies,
        "everyone comes back"
    );
    assert!(is_exposed(&world));
}

#[test]
fn worlds_that_began_at_other_times_agree_on_what_was_sent() {
    let late = World::new(7, later(600), &Objects::builtin());
    let query = ControlPlane {
        window: window(2400),
        at: later(-100),
    };
    let early = builtin().control_plane(&query);
    let late = late.control_plane(&query);
    assert_eq!(
        (early.pushes, early.convergence),
        (late.pushes, late.convergence)
    );
}

#[test]
fn pods_with_a_proxy_cost_and_the_others_do_not() {
    let world = builtin();
    let samples = proxies(&world, 300);
    assert!(samples.is_sorted_by(|a, b| (&a.namespace, &a.pod) < (&b.namespace, &b.pod)));
    let found: BTreeSet<(String, String)> = samples
        .iter()
        .map(|s| (s.namespace.to_string(), s.pod.clone()))
        .collect();
    let without = ["encoder", "gallery", "blobs", "importer", "istiod"];
    let mut wanted = BTreeSet::new();
    for workload in &world.fleet.workloads {
        if !without.contains(&workload.deployment.name.as_str()) {
            let namespace = workload.deployment.namespace.clone();
            let pods = workload.pods.iter();
            wanted.extend(pods.map(|pod| (namespace.clone(), pod.name.clone())));
        }
    }
    assert_eq!(found, wanted);

    let exposed = scraped(&world.expose());
    for sample in &samples {
        let memory = sample.memory_bytes.unwrap();
        assert!((8e6..200e6).contains(&memory), "{sample:?}");
        assert!(sample.allocated_bytes.is_none_or(|own| own < memory));
        let mut its = exposed.iter().filter(|(series, _)| {
            series.starts_with("container_memory_working_set_bytes{")
                && label(series, "pod") == sample.pod
                && label(series, "container") == "istio-proxy"
        });
        assert_eq!(its.next().map(|(_, bytes)| *bytes), Some(memory));
        assert!(its.next().is_none());
    }
    // A busy proxy needs more.
    let most = |name: &str| {
        let its = samples.iter().filter(|s| s.pod.starts_with(name));
        its.filter_map(|s| s.cpu_cores).fold(0.0, f64::max)
    };
    let (gateway, idle) = (most("istio-ingressgateway-"), most("wishlist-"));
    assert!(
        2.0 * idle < gateway && gateway < 0.1,
        "{gateway} against {idle}"
    );
    // Some 38 calls a second come in through two pods.
    let expected = 0.003 + 19.0 * 0.0005;
    assert!(
        (0.5 * expected..2.0 * expected).contains(&gateway),
        "{gateway}"
    );
}

#[test]
fn breakers_turned_away_what_ended_with_overflow() {
    let mut world = builtin();
    let apart = breakers(&world, 3600);
    assert!(apart.iter().all(|b| b.pending_overflow == 0.0));
    let search: Vec<&BreakerSample> = apart.iter().filter(|b| b.ejections > 0.0).collect();
    assert!(!search.is_empty());
    for sample in search {
        assert_eq!(sample.host, "search.platform.svc.cluster.local");
        assert_eq!((sample.port, sample.subset.as_deref()), (80, None));
    }

    world.set_objects(&joined());
    world.advance_to(later(3600));
    let is_overflow = |key: &TrafficKey| key.flags.contains("UO");
    let turned_away = count(&hour(&world), Reporter::Source, "*backend", is_overflow);
    let joined = breakers(&world, 3600);
    let of_v1: Vec<&BreakerSample> = joined.iter().filter(|b| b.pending_overflow > 0.0).collect();
    let [of_v1] = of_v1.as_slice() else {
        panic!("{of_v1:?}");
    };
    assert_eq!(of_v1.namespace.as_str(), "platform");
    assert_eq!(of_v1.subset.as_deref(), Some("v1"));
    assert_eq!(of_v1.host, "backend.default.svc.cluster.local");
    assert_eq!(of_v1.pending_overflow, turned_away);
    // Who waits was refused a connection, too.
    assert!(of_v1.pending_overflow < of_v1.connection_overflow);

    // The pod says the same, as far back as it lives.
    let overflow = |world: &World| -> f64 {
        let exposed = scraped(&world.expose());
        let its = exposed.iter().filter(|(series, _)| {
            series.starts_with("envoy_cluster_upstream_rq_pending_overflow{")
                && label(series, "cluster_name")
                    == "outbound|80|v1|backend.default.svc.cluster.local"
        });
        its.map(|(_, n)| *n).sum()
    };
    let before = overflow(&world);
    world.advance_to(later(3600 + 120));
    let minutes = breakers(&world, 120);
    let rose: f64 = minutes.iter().map(|b| b.pending_overflow).sum();
    assert!(0.0 < rose);
    let after = overflow(&world);
    assert!(after == before + rose || after < before, "unless it is new");
}

#[test]
fn the_exposition_is_readable_and_has_the_names_that_readers_ask_for() {
    let text = builtin().expose();
    let mut kinds = BTreeMap::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert_eq!(kinds.insert(name, kind), None, "{name} once");
            continue;
        }
        let (name, rest) = line.split_once('{').unwrap();
        let (labels, value) = rest.rsplit_once("} ").unwrap();
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            name.strip_suffix(end)
                .filter(|base| kinds.contains_key(base))
        });
        assert!(kinds.contains_key(base.unwrap_or(name)), "{line}");
        let mut seen = BTreeSet::new();
        for pair in labels.split("\",") {
            let (label, _) = pair.split_once("=\"").unwrap();
            assert!(seen.insert(label), "{label} twice: {line}");
        }
        assert!(seen.contains("namespace") && seen.contains("pod"), "{line}");
    }
    for wanted in [
        "citadel_server_root_cert_expiry_timestamp",
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
        "envoy_cluster_circuit_breakers_default_cx_open",
        "envoy_cluster_outlier_detection_ejections_active",
        "envoy_cluster_outlier_detection_ejections_enforced_total",
        "envoy_cluster_upstream_cx_overflow",
        "envoy_cluster_upstream_rq_pending_overflow",
        "envoy_cluster_upstream_rq_retry_overflow",
        "envoy_server_memory_allocated",
        "envoy_server_uptime",
        "istio_build",
        "istio_request_duration_milliseconds",
        "istio_request_messages_total",
        "istio_requests_total",
        "istio_response_messages_total",
        "istio_tcp_connections_closed_total",
        "istio_tcp_connections_opened_total",
        "istio_tcp_received_bytes_total",
        "istio_tcp_sent_bytes_total",
        "pilot_info",
        "pilot_proxy_convergence_time",
        "pilot_total_xds_internal_errors",
        "pilot_total_xds_rejects",
        "pilot_xds",
        "pilot_xds_pushes",
        "pilot_xds_write_timeout",
        "process_start_time_seconds",
    ] {
        assert!(kinds.contains_key(wanted), "{wanted}");
    }
    for part in [
        "destination_service=\"api.pay.example.com\",",
        "destination_service=\"unknown\",destination_canonical_service=\"unknown\",\
         destination_canonical_revision=\"latest\",destination_service_name=\"PassthroughCluster\"",
        "reporter=\"waypoint\",source_workload=\"encoder\"",
        "reporter=\"destination\",source_workload=\"unknown\"",
        ",app=\"ztunnel\",reporter=\"source\",source_workload=\"gallery\"",
        "pilot_proxy_convergence_time_bucket{",
        "component=\"ztunnel\",tag=\"1.27.0\"} 1",
    ] {
        assert!(text.contains(part), "{part}");
    }
}
