//! What is set, what holds of it, and how it acted.

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::telemetry::{Flags, Mtls, Protocol, Response, Sample, ServiceRef, TrafficKey};
use crate::units::{UnixMillis, Window};

const OBJECTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: default}, spec: {selector: {app: backend}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: quiet, namespace: shop}, spec: {selector: {app: quiet}, ports: [{port: 80}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: versions, namespace: default, creationTimestamp: '2026-01-01T00:00:00Z'}, spec: {host: backend, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: DEFAULT}}}, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 7}}}]}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: breaker, namespace: default, creationTimestamp: '2026-02-01T00:00:00Z'}, spec: {host: backend, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}, http: {http1MaxPendingRequests: 50}}, outlierDetection: {consecutive5xxErrors: 3, baseEjectionTime: 60s}}}}
";

fn objects(text: &str) -> (Inventory, Routing) {
    let objects: Vec<Value> = text
        .split("\n---\n")
        .map(|part| serde_saphyr::from_str(part).unwrap())
        .collect();
    let inventory = Inventory::read(objects.iter());
    (inventory, Routing::read(objects.iter(), hosts::DOMAIN))
}

fn call(reporter: Reporter, caller: &str, flags: &str, value: f64) -> Sample {
    let peer = Peer {
        namespace: Some("default".into()),
        workload: Some(caller.into()),
        ..Peer::default()
    };
    let key = TrafficKey {
        reporter,
        source: peer,
        destination: Peer::default(),
        service: Some(ServiceRef {
            namespace: Some("default".into()),
            name: "backend".into(),
        }),
        protocol: Protocol::Http,
        response: Response::default(),
        flags: Flags::parse(flags),
        mtls: Mtls::Unknown,
        template: None,
    };
    Sample {
        key: Arc::new(key),
        value,
    }
}

fn facts(requests: Vec<Sample>) -> Facts {
    Facts {
        requests,
        ..Facts::default()
    }
}

fn sample(subset: Option<&str>, pending: f64, ejected: f64) -> BreakerSample {
    BreakerSample {
        namespace: "default".into(),
        port: 80,
        subset: subset.map(str::to_owned),
        service: None,
        host: "backend.default.svc.cluster.local".to_owned(),
        pending_overflow: pending,
        connection_overflow: 0.0,
        retry_overflow: 0.0,
        ejections: 0.0,
        ejected_now: ejected,
        open_now: 0.0,
    }
}

fn told(
    text: &str,
    facts: Option<&Facts>,
    told: &Told,
    namespaces: &[&str],
) -> api::breakers::Breakers {
    let (inventory, routing) = objects(text);
    let objects = Objects {
        inventory: &inventory,
        routing: &routing,
        domain: hosts::DOMAIN,
    };
    let ask = Breakers {
        window: Window::default(),
        at: UnixMillis(0),
    };
    let query = InventoryQuery {
        namespaces: namespaces.iter().map(|it| (*it).to_owned()).collect(),
        ..InventoryQuery::default()
    };
    answer(Some(objects), facts, told, &ask, &query, Vec::new())
}

#[test]
fn limits_that_istio_merges_away_are_said_to_be_without_effect() {
    let answer = told(OBJECTS, Some(&facts(Vec::new())), &Told::default(), &[]);
    assert_eq!((answer.items.len(), answer.without), (1, 1));
    let backend = &answer.items[0];
    assert_eq!(backend.ineffective[0].rule, "default/breaker");
    assert_eq!(backend.ineffective[0].instead, "default/versions");
    assert_eq!(backend.ineffective[0].limits.max_connections, Some(100));
    assert_eq!(backend.health.status, HealthStatus::Degraded);
    // The subset's own ejection holds.
    assert_eq!(backend.parts.len(), 1);
    assert_eq!(backend.parts[0].subset.as_deref(), Some("v2"));
    let ejection = backend.parts[0].limits.ejection.as_ref().unwrap();
    assert_eq!(ejection.consecutive_5xx, Some(7));
}

#[test]
fn the_older_rule_holds_where_it_is_the_breaker() {
    let turned = OBJECTS.replace("2026-02-01", "2025-02-01");
    let answer = told(&turned, Some(&facts(Vec::new())), &Told::default(), &[]);
    let backend = &answer.items[0];
    assert!(backend.ineffective.is_empty(), "the other writes no limit");
    assert_eq!(backend.parts[0].rule.as_deref(), Some("default/breaker"));
    assert_eq!(backend.parts[0].limits.max_pending_requests, Some(50));
    // The subset has an ejection of its own, and the host's pool.
    assert_eq!(backend.parts[1].limits.max_connections, Some(100));
    let ejection = backend.parts[1].limits.ejection.as_ref().unwrap();
    assert_eq!(
        (ejection.consecutive_5xx, &ejection.base_time),
        (Some(7), &None)
    );
}

#[test]
fn r2_what_both_sides_report_is_counted_once() {
    let facts = facts(vec![
        call(Reporter::Source, "web", "-", 90.0),
        call(Reporter::Source, "web", "UO", 10.0),
        call(Reporter::Source, "web", "UH", 5.0),
        call(Reporter::Destination, "web", "-", 90.0),
        call(Reporter::Destination, "cron", "-", 7.0),
    ]);
    let answer = told(OBJECTS, Some(&facts), &Told::default(), &[]);
    let backend = &answer.items[0];
    assert_eq!(backend.requests, Some(112.0));
    assert_eq!(backend.overflowed, Some(10.0));
    assert_eq!(backend.unhealthy, Some(5.0));
    assert_eq!(backend.health.status, HealthStatus::Failing);
    assert_eq!(
        backend.health.reason,
        "The breaker refused 10 of 112 calls (UO)."
    );
}

#[test]
fn figures_that_are_not_exposed_are_unknown_and_the_way_to_them_is_said() {
    let exposed = Exposed {
        pending_overflow: true,
        ejected_now: true,
        ..Exposed::default()
    };
    let samples = vec![
        sample(Some("v1"), 3.0, 1.0),
        sample(Some("v1"), 4.0, 1.0),
        sample(None, 0.0, 0.0),
    ];
    let said = Told { samples, exposed };
    let answer = told(OBJECTS, None, &said, &[]);
    let backend = &answer.items[0];
    assert_eq!(backend.requests, None);
    let v1 = backend
        .parts
        .iter()
        .find(|p| p.subset.as_deref() == Some("v1"));
    let stats = v1.unwrap().stats.unwrap();
    assert_eq!(stats.pending_overflow, Some(7.0));
    assert_eq!(stats.connection_overflow, None);
    assert_eq!(
        stats.ejected_now,
        Some(1.0),
        "the same endpoint, seen twice"
    );
    assert_eq!(backend.health.status, HealthStatus::Degraded);
    let texts: Vec<&str> = answer.expose.iter().map(|it| it.text.as_str()).collect();
    assert!(texts.iter().all(|text| text.contains("proxyStatsMatcher:")));
    for text in texts {
        let read: Value = serde_saphyr::from_str(text).unwrap();
        assert!(read.is_object(), "{text}");
    }
    let everything = Exposed {
        pending_overflow: true,
        connection_overflow: true,
        retry_overflow: true,
        ejections: true,
        ejected_now: true,
        open_now: true,
    };
    let said = Told {
        samples: Vec::new(),
        exposed: everything,
    };
    assert!(told(OBJECTS, None, &said, &[]).expose.is_empty());
}

#[test]
fn only_the_namespaces_asked_for_are_told() {
    let answer = told(OBJECTS, None, &Told::default(), &["shop"]);
    assert_eq!((answer.items.len(), answer.without), (0, 1));
}
