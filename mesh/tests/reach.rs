//! A rule that is told to be never reached is never what decides: told and decided by different code.

use std::collections::BTreeMap;

use mesh::routing::hosts::DOMAIN;
use mesh::routing::virtual_service::VirtualService;
use mesh::routing::{Request, Routing, RuleList, Verdict, unreachable};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(values)
}

fn condition(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    (one_of(&["exact", "prefix", "prefix"]), one_of(values))
        .prop_map(|(how, text)| json!({how: text}))
}

/// One set of conditions from a vocabulary so small that sets meet.
fn matches() -> impl Strategy<Value = Value> {
    let field = prop_oneof![
        condition(&["/", "/a", "/a/b", "/b"]).prop_map(|c| ("uri", c)),
        condition(&["GET", "POST"]).prop_map(|c| ("method", c)),
        condition(&["1", "12"]).prop_map(|c| ("headers", json!({"x": c}))),
        Just(("headers", json!({"x": {}}))),
        condition(&["1"]).prop_map(|c| ("withoutHeaders", json!({"x": c}))),
        one_of(&["a", "b"]).prop_map(|app| ("sourceLabels", json!({"app": app}))),
        one_of(&["default", "shop"]).prop_map(|ns| ("sourceNamespace", json!(ns))),
        one_of(&["mesh", "edge", "other"]).prop_map(|gateway| ("gateways", json!([gateway]))),
        prop::sample::select(&[80, 8080][..]).prop_map(|port| ("port", json!(port))),
    ];
    prop::collection::vec(field, 0..3).prop_map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        Value::from(fields.collect::<Map<_, _>>())
    })
}

fn object() -> impl Strategy<Value = Value> {
    let rule = prop::collection::vec(matches(), 0..3).prop_map(
        |matches| json!({"match": matches, "route": [{"destination": {"host": "backend"}}]}),
    );
    prop::collection::vec(rule, 1..5).prop_map(|rules| {
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "backend", "namespace": "default"},
            "spec": {"hosts": ["backend"], "gateways": ["mesh", "edge"], "http": rules}
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn what_is_never_reached_never_decides(
        object in object(),
        namespace in one_of(&["default", "shop"]),
        app in one_of(&["a", "b"]),
        from_gateway in any::<bool>(),
        port in prop::sample::select(&[80u16, 8080][..]),
        method in one_of(&["GET", "POST"]),
        path in one_of(&["/", "/a", "/a/b", "/ab", "/b"]),
        header in prop::option::of(one_of(&["1", "12", "2"])),
    ) {
        let others = [
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend", "namespace": "default"},
                "spec": {"ports": [{"name": "http", "port": 80}, {"name": "http-b", "port": 8080}]}}),
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "default"},
                "spec": {"servers": [{"port": {"number": 80, "name": "a", "protocol": "HTTP"}, "hosts": ["*"]},
                    {"port": {"number": 8080, "name": "b", "protocol": "HTTP"}, "hosts": ["*"]}]}}),
        ];
        let routing = Routing::read(others.iter().chain([&object]), DOMAIN);
        prop_assert!(routing.problems.is_empty(), "{:?}", routing.problems);
        let labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let headers: Vec<(&str, &str)> = header.into_iter().map(|value| ("x", value)).collect();
        let verdict = routing.decide(&Request {
            namespace,
            labels: &labels,
            from_gateway,
            protocol: RuleList::Http,
            host: "backend.default.svc.cluster.local",
            port,
            sni: "",
            scheme: "http",
            method,
            path,
            headers: &headers,
        });
        let never = unreachable(&VirtualService::read(&object).unwrap());
        if let Verdict::Route(route) = verdict
            && let Some(rule) = route.rule
        {
            prop_assert!(!never.contains(&rule.place), "{} decides: {never:?}", rule.place);
        }
    }
}
