//! What the table of cases does not hold: what only this reading knows.

use serde_json::json;

use super::*;

fn objects(more: &[Value]) -> Vec<Value> {
    let mut all = vec![
        json!({"kind": "Service", "metadata": {"name": "backend", "namespace": "default"},
            "spec": {"selector": {"app": "backend"}, "ports": [{"port": 80}]}}),
    ];
    all.extend(more.iter().cloned());
    all
}

fn rule(name: &str, namespace: &str, spec: Value) -> Value {
    json!({"kind": "DestinationRule", "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

fn call<'a>(labels: &'a BTreeMap<String, String>, host: &'a str) -> Request<'a> {
    Request {
        namespace: "default",
        labels,
        from_gateway: false,
        protocol: RuleList::Http,
        host,
        port: 80,
        sni: host,
        scheme: "http",
        method: "GET",
        path: "/",
        headers: &[],
    }
}

#[test]
fn rules_of_the_root_namespace_come_last() {
    let host = "backend.default.svc.cluster.local";
    let wide = rule(
        "wide",
        "istio-system",
        json!({"host": "*.local", "subsets": [{"name": "wide"}]}),
    );
    let routing = Routing::read(objects(std::slice::from_ref(&wide)).iter(), hosts::DOMAIN);
    let names = |routing: &Routing| -> Vec<String> {
        let subsets = routing.subsets(host, "shop");
        subsets.into_keys().collect()
    };
    assert_eq!(names(&routing), ["wide"]);
    assert!(
        routing.destination_rules_of(host).is_empty(),
        "of this very host"
    );
    let beside = rule(
        "beside",
        "default",
        json!({"host": "backend", "subsets": [{"name": "v1"}]}),
    );
    let routing = Routing::read(objects(&[wide, beside]).iter(), hosts::DOMAIN);
    assert_eq!(names(&routing), ["v1"]);
}

#[test]
fn a_rule_that_selects_callers_gives_subsets_to_them_alone() {
    let selecting = rule(
        "selecting",
        "default",
        json!({"host": "backend", "workloadSelector": {"matchLabels": {"app": "web"}}, "subsets": [{"name": "own"}]}),
    );
    let split = json!({"kind": "VirtualService", "metadata": {"name": "a", "namespace": "default"},
        "spec": {"hosts": ["backend"], "http": [{"route": [{"destination": {"host": "backend", "subset": "own"}}]}]}});
    let routing = Routing::read(objects(&[selecting, split]).iter(), hosts::DOMAIN);
    for (app, has) in [("web", true), ("cron", false)] {
        let labels = BTreeMap::from([("app".to_owned(), app.to_owned())]);
        let verdict = routing.decide(&call(&labels, "backend.default.svc.cluster.local"));
        let Verdict::Route(route) = verdict else {
            panic!("{app}: {verdict:?}");
        };
        assert_eq!(route.shares[0].target.is_some(), has, "{app}");
    }
}

#[test]
fn a_host_of_a_service_entry_can_be_sent_to_and_others_pass_through() {
    let entry = json!({"kind": "ServiceEntry", "metadata": {"name": "pay", "namespace": "default"},
        "spec": {"hosts": ["pay.example.com"], "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}});
    let split = json!({"kind": "VirtualService", "metadata": {"name": "a", "namespace": "default"},
        "spec": {"hosts": ["backend"], "http": [{"route": [{"destination": {"host": "pay.example.com", "port": {"number": 443}}}]}]}});
    let routing = Routing::read(objects(&[entry, split]).iter(), hosts::DOMAIN);
    let labels = BTreeMap::new();
    let verdict = routing.decide(&call(&labels, "backend.default.svc.cluster.local"));
    let Verdict::Route(route) = verdict else {
        panic!("{verdict:?}");
    };
    let target = route.shares[0].target.as_ref().unwrap();
    assert_eq!((&target.service, route.shares[0].port), (&None, 443));
    let verdict = routing.decide(&call(&labels, "www.example.org"));
    assert_eq!(verdict, Verdict::Passthrough);
}

#[test]
fn a_gateway_that_redirects_answers_before_any_rule() {
    let gateway = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "default"},
        "spec": {"servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["a.example.com"], "tls": {"httpsRedirect": true}}]}});
    let routing = Routing::read(objects(&[gateway]).iter(), hosts::DOMAIN);
    let labels = BTreeMap::new();
    let request = Request {
        from_gateway: true,
        ..call(&labels, "a.example.com")
    };
    let redirect = Verdict::Answer {
        status: 301,
        rule: None,
    };
    assert_eq!(routing.decide(&request), redirect);
    let other = Request {
        host: "b.example.com",
        ..request
    };
    assert_eq!(routing.decide(&other), Verdict::NoRoute);
}

#[test]
fn what_the_gateway_api_calls_a_gateway_is_another_kind() {
    let theirs = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "edge", "namespace": "default"}, "spec": {"listeners": []}});
    let routing = Routing::read(objects(&[theirs]).iter(), hosts::DOMAIN);
    assert!(routing.gateways.is_empty() && routing.problems.is_empty());
}

#[test]
fn an_object_that_can_not_be_taken_is_told_and_counts_as_not_there() {
    let broken = json!({"kind": "VirtualService", "metadata": {"name": "a", "namespace": "default"},
        "spec": {"hosts": ["backend"], "http": [{"route": [{"destination": {"host": "backend"}, "weight": "ten"}]}]}});
    let routing = Routing::read(objects(&[broken]).iter(), hosts::DOMAIN);
    let told: Vec<String> = routing
        .problems
        .iter()
        .map(|(object, why)| format!("{object} {why}"))
        .collect();
    assert_eq!(
        told,
        ["VirtualService default/a /spec/http/0/route/0/weight: is not a whole number"]
    );
    assert!(routing.virtual_services.is_empty());
}
