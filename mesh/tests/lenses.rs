//! No object, however wrong, makes a lens panic: what can't be read is said, and what can be is readable on.

use std::collections::BTreeMap;

use mesh::inventory::Inventory;
use mesh::routing::destination_rule::{self, DestinationRule};
use mesh::routing::gateway::Gateway;
use mesh::routing::http_route::HttpRoute;
use mesh::routing::service_entry::ServiceEntry;
use mesh::routing::virtual_service::VirtualService;
use mesh::routing::{self, Request, Routing, RuleList};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Fields that lenses step into: arbitrary JSON of arbitrary names would never get past the first step.
const FIELDS: [&str; 44] = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "spec",
    "status",
    "hosts",
    "gateways",
    "http",
    "tls",
    "tcp",
    "match",
    "matches",
    "route",
    "rules",
    "backendRefs",
    "destination",
    "host",
    "subset",
    "port",
    "number",
    "weight",
    "headers",
    "uri",
    "path",
    "exact",
    "prefix",
    "regex",
    "sniHosts",
    "fault",
    "delay",
    "abort",
    "percentage",
    "value",
    "fixedDelay",
    "httpStatus",
    "timeout",
    "retries",
    "subsets",
    "trafficPolicy",
    "servers",
    "selector",
    "filters",
    "type",
];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("backend".to_owned()),
        Just("*".to_owned()),
        Just("1.5s".to_owned()),
        Just("Exact".to_owned()),
        Just("mesh".to_owned()),
        ".{0,8}",
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2i64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let field = prop_oneof![
            4 => prop::sample::select(&FIELDS[..]).prop_map(str::to_owned),
            1 => words(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((field, inner), 0..6)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A good object of each kind, to be broken in one place.
fn good() -> [Value; 5] {
    let backend = json!({"host": "backend", "subset": "v1", "port": {"number": 80}});
    [
        json!({"kind": "VirtualService", "metadata": {"name": "a", "namespace": "n"}, "spec": {
            "hosts": ["backend", "*.example.com"], "gateways": ["mesh", "edge"], "exportTo": ["."],
            "http": [{
                "match": [{"uri": {"regex": "/a+"}, "headers": {"x": {"exact": "y"}}, "withoutHeaders": {"z": {}},
                    "queryParams": {"q": {"prefix": "p"}}, "gateways": ["edge"], "sourceLabels": {"a": "b"}, "port": 80}],
                "route": [{"destination": backend, "weight": 1}, {"destination": backend, "weight": 2}],
                "timeout": "1s", "retries": {"attempts": 2, "perTryTimeout": "1s"}, "rewrite": {"uri": "/"},
                "fault": {"delay": {"percentage": {"value": 1}, "fixedDelay": "1s"}, "abort": {"percentage": {"value": 1}, "httpStatus": 500}},
                "mirrors": [{"destination": backend, "percentage": {"value": 1}}], "headers": {"request": {"set": {"a": "b"}}}
            }, {"redirect": {"uri": "/"}}, {"directResponse": {"status": 403}}, {"delegate": {"name": "b"}}],
            "tls": [{"match": [{"sniHosts": ["a.example.com"]}], "route": [{"destination": backend}]}],
            "tcp": [{"route": [{"destination": backend}]}]}}),
        json!({"kind": "DestinationRule", "metadata": {"name": "a", "namespace": "n"}, "spec": {
            "host": "backend", "workloadSelector": {"matchLabels": {"a": "b"}}, "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
            "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {"http2MaxRequests": 1}},
                "outlierDetection": {"interval": "1s"}, "portLevelSettings": [{"port": {"number": 80}}]}}}),
        json!({"kind": "Gateway", "metadata": {"name": "a", "namespace": "n"}, "spec": {"selector": {"a": "b"}, "servers": [
            {"port": {"number": 443, "protocol": "HTTPS", "name": "h"}, "hosts": ["./*"], "tls": {"mode": "SIMPLE"}}]}}),
        json!({"kind": "HTTPRoute", "metadata": {"name": "a", "namespace": "n"}, "spec": {"parentRefs": [{"name": "g"}], "rules": [{
            "matches": [{"path": {"type": "Exact", "value": "/"}, "headers": [{"name": "a", "value": "b"}]}],
            "backendRefs": [{"name": "b", "port": 80, "weight": 1}],
            "filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "b"}, "fraction": {"numerator": 1, "denominator": 3}}}]}]}}),
        json!({"kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"replicas": 1,
            "template": {"metadata": {"labels": {"a": "b"}}}}, "status": {"readyReplicas": 1}}),
    ]
}

/// Replaces what stands at one place of `object`, counted in the order of the text, by `by`.
fn broken(object: &mut Value, place: &mut usize, by: &Value) -> bool {
    if *place == 0 {
        *object = by.clone();
        return true;
    }
    *place -= 1;
    match object {
        Value::Array(items) => items.iter_mut().any(|item| broken(item, place, by)),
        Value::Object(fields) => fields.values_mut().any(|field| broken(field, place, by)),
        _ => false,
    }
}

/// Looks at an object through every lens, and at all that its views can tell.
fn look(object: &Value) {
    if let Ok(vs) = VirtualService::read(object) {
        let _ = (vs.refusal(), routing::unreachable(&vs));
        for rule in vs.rules.iter() {
            let _ = (
                rule.words(),
                rule.shares(),
                rule.catches_all(),
                rule.stat_prefixes(),
            );
        }
    }
    if let Ok(rule) = DestinationRule::read(object) {
        let _ = (rule.refusal(), destination_rule::merge(&[&rule, &rule]));
    }
    if let Ok(gateway) = Gateway::read(object) {
        let _ = gateway.refusal();
        for server in &gateway.servers {
            let _ = (server.passes(), server.hosts_for("n", "m").count());
        }
    }
    if let Ok(route) = HttpRoute::read(object) {
        for rule in route.rules.iter() {
            let _ = (rule.words(), rule.shares());
        }
    }
    let _ = ServiceEntry::read(object);
    decide(object);
    let inventory = Inventory::read([object].into_iter());
    for service in inventory.services.values() {
        let _ = inventory.workloads_of(service, &service.selector);
    }
    let _ = inventory.stale();
}

/// Asks where calls go by this object alone, beside a service that is there.
fn decide(object: &Value) {
    let service = json!({"kind": "Service", "metadata": {"name": "backend", "namespace": "n"},
        "spec": {"ports": [{"port": 80}, {"name": "tls", "port": 443}, {"name": "tcp", "port": 5432}]}});
    let routing = Routing::read([&service, object].into_iter(), "cluster.local");
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    for (protocol, port) in [
        (RuleList::Http, 80),
        (RuleList::Tls, 443),
        (RuleList::Tcp, 5432),
    ] {
        for from_gateway in [false, true] {
            for host in ["backend.n.svc.cluster.local", "a.example.com", "", "*"] {
                routing.decide(&Request {
                    namespace: "n",
                    labels: &labels,
                    from_gateway,
                    protocol,
                    host,
                    port,
                    sni: host,
                    scheme: "http",
                    method: "GET",
                    path: "/a?q=p",
                    headers: &[("x", "y")],
                });
            }
        }
    }
}

proptest! {
    #[test]
    fn no_value_makes_a_lens_panic(value in json_value(), kind in prop::sample::select(
        &["VirtualService", "DestinationRule", "Gateway", "ServiceEntry", "HTTPRoute", "GRPCRoute", "Service", "Deployment",
          "Rollout", "Pod", "PeerAuthentication", "Namespace"][..],
    )) {
        look(&value);
        look(&json!({"kind": kind, "metadata": {"name": "a"}, "spec": value, "status": value}));
    }

    #[test]
    fn no_good_object_broken_in_one_place_makes_a_lens_panic(
        which in 0usize..5,
        place in 0usize..160,
        by in json_value(),
    ) {
        let mut object = good()[which].clone();
        broken(&mut object, &mut place.clone(), &by);
        look(&object);
    }
}

#[test]
fn the_good_objects_are_good() {
    let [vs, rule, gateway, route, deployment] = good();
    VirtualService::read(&vs).unwrap();
    assert_eq!(DestinationRule::read(&rule).unwrap().refusal(), None);
    assert_eq!(Gateway::read(&gateway).unwrap().refusal(), None);
    HttpRoute::read(&route).unwrap();
    assert_eq!(
        Inventory::read([&deployment].into_iter()).workloads.len(),
        1
    );
}
