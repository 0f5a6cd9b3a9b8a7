//! Who tells of whom: ambient, callers without a proxy, services that nobody calls.

use mesh::telemetry::{DurationBuckets, Mtls, Selector, Series, Side, SideKind};

use super::tcp::tcp;
use super::*;

fn is_in(key: &TrafficKey, name: &str) -> bool {
    let peers = [&key.source, &key.destination];
    let in_peers = peers
        .iter()
        .any(|peer| peer.namespace.as_ref().is_some_and(|n| n.as_str() == name));
    in_peers
        || key.service.as_ref().is_some_and(|service| {
            service
                .namespace
                .as_ref()
                .is_some_and(|n| n.as_str() == name)
        })
}

#[test]
fn ambient_pairs_are_told_by_the_waypoint_and_the_tunnels_alone() {
    let world = builtin();
    let samples = hour(&world);
    let its: Vec<&Sample> = samples.iter().filter(|s| is_in(&s.key, "media")).collect();
    assert!(its.iter().all(|s| s.key.reporter == Reporter::Waypoint));
    assert!(its.iter().all(|s| s.key.mtls == Mtls::Mutual));
    let calls = count(&samples, Reporter::Waypoint, "gallery", |_| true);
    assert!((2.0..4.0).contains(&(calls / 3600.0)), "{calls}");
    assert_eq!(
        calls,
        its.iter().map(|s| s.value).sum::<f64>(),
        "one pair calls"
    );

    let durations = world.durations(&DurationBuckets {
        window: Window::HOUR,
        at: NOW,
    });
    let timed: Vec<_> = durations
        .iter()
        .filter(|s| is_in(&s.key, "media"))
        .collect();
    assert_eq!(timed.len(), 1);
    assert_eq!(timed[0].key.reporter, Reporter::Waypoint);
    assert_eq!(timed[0].histogram.count(), calls);

    // What the waypoint reads is carried on both sides of it; the rest goes straight.
    let tunnels = tcp(&world, 3600);
    let tunnels = tunnels.iter().filter(|s| is_in(&s.key, "media"));
    let mut pairs: Vec<(String, String, Reporter)> = tunnels
        .map(|s| {
            assert!(s.is_tunnel);
            let from = s.key.source.workload.as_ref().unwrap().to_string();
            (from, named(&s.key), s.key.reporter)
        })
        .collect();
    pairs.sort();
    let pairs: Vec<(&str, &str, Reporter)> = pairs
        .iter()
        .map(|(from, to, reporter)| (from.as_str(), to.as_str(), *reporter))
        .collect();
    assert_eq!(
        pairs,
        [
            ("encoder", "blobs", Reporter::Source),
            ("encoder", "blobs", Reporter::Destination),
            ("encoder", "waypoint", Reporter::Source),
            ("gallery", "blobs", Reporter::Source),
            ("gallery", "blobs", Reporter::Destination),
            ("waypoint", "gallery", Reporter::Destination),
        ]
    );
    let truth = world.truth(Window::HOUR, NOW);
    let edges = truth["edges"].as_array().unwrap();
    let edge = edges
        .iter()
        .find(|e| e["id"] == "Kubernetes/media/encoder->Kubernetes/media/gallery:http")
        .unwrap();
    assert_eq!(edge["view"], "waypoint");
    assert_eq!(edge["requests"].as_f64(), Some(calls));
}

#[test]
fn a_caller_without_a_proxy_is_told_by_those_it_calls() {
    let world = builtin();
    let samples = hour(&world);
    let named_importer = samples.iter().any(|s| is_in(&s.key, "legacy"));
    assert!(!named_importer, "nobody knows its name");
    let unknown: Vec<&Sample> = samples
        .iter()
        .filter(|s| s.key.source.workload.is_none())
        .collect();
    for sample in &unknown {
        assert_eq!(sample.key.reporter, Reporter::Destination);
        assert_eq!(sample.key.source, mesh::telemetry::Peer::default());
        assert_eq!(sample.key.mtls, Mtls::Plain);
        assert!(["catalog", "stock-v1"].contains(&named(&sample.key).as_str()));
    }
    let n: f64 = unknown.iter().map(|s| s.value).sum();
    assert!((0.9..1.5).contains(&(n / 3600.0)), "{n}");

    let durations = world.durations(&DurationBuckets {
        window: Window::HOUR,
        at: NOW,
    });
    let timed = durations.iter().filter(|s| s.key.source.workload.is_none());
    let timed: Vec<_> = timed.collect();
    assert!(
        timed
            .iter()
            .all(|s| s.key.reporter == Reporter::Destination)
    );
    assert_eq!(timed.iter().map(|s| s.histogram.count()).sum::<f64>(), n);

    let points = world.series(&Series {
        selector: Selector {
            source: Some(Side {
                cluster: Some("Kubernetes".into()),
                namespace: None,
                what: SideKind::Unknown,
            }),
            destination: None,
            protocol: None,
        },
        at: NOW,
        step_secs: 3600,
        n_points: 1,
    });
    assert_eq!(points[0].histogram.as_ref().unwrap().count(), n);
    assert_eq!(points[0].counts.iter().map(|c| c.value).sum::<f64>(), n);

    let truth = world.truth(Window::HOUR, NOW);
    let edges = truth["edges"].as_array().unwrap();
    let edge = edges
        .iter()
        .find(|e| e["id"] == "Kubernetes/-/unknown->Kubernetes/shop/catalog:http")
        .unwrap();
    assert_eq!(edge["view"], "server");
}

#[test]
fn once_its_namespace_is_injected_the_caller_is_known() {
    let mut world = builtin();
    world.set_objects(&changed("legacy", |o| {
        o["metadata"]["labels"]["istio-injection"] = "enabled".into();
    }));
    world.advance_to(later(120));
    let samples = world.requests(&Requests {
        window: window(60),
        at: world.now(),
    });
    assert!(samples.iter().all(|s| s.key.source.workload.is_some()));
    let both = [Reporter::Source, Reporter::Destination];
    for reporter in both {
        let its = samples.iter().filter(|s| {
            s.key.reporter == reporter
                && s.key.source.workload.as_ref().unwrap().as_str() == "importer"
        });
        assert!(0.0 < its.map(|s| s.value).sum::<f64>(), "{reporter:?}");
    }
}

#[test]
fn nobody_calls_the_wish_list_though_it_runs() {
    let world = builtin();
    let is_wishlist = |key: &TrafficKey| {
        let service = key.service.as_ref().map(|s| s.name.to_string());
        named(key) == "wishlist" || service.as_deref() == Some("wishlist")
    };
    assert!(!hour(&world).iter().any(|s| is_wishlist(&s.key)));
    assert!(!tcp(&world, 3600).iter().any(|s| is_wishlist(&s.key)));
    let readiness = world.readiness();
    let its = readiness.iter().find(|r| r.name == "wishlist").unwrap();
    assert_eq!((its.replicas, its.ready), (1, 1));
}
