//! Objects that are changed as a whole, and edits of rules, breakers, subsets and gateways in them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{breaker, gateway, rules, subsets, whole};
use super::{apply, record, virtual_service, without_record};
use crate::api::routes::RouteKind;
use crate::api::rules::*;
use crate::object::ObjectKey;
use crate::routing::destination_rule::DestinationRule;
use crate::routing::gateway::Gateway;
use crate::routing::{RouteView, RulePlace, VirtualService};

fn place(text: &str) -> RulePlace {
    text.parse().unwrap()
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0u32..5).prop_map(Value::from),
        "[a-c~/]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d~/]{1,2}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn object(spec: Value, labels: Option<Value>, annotations: Option<Value>) -> Value {
    let mut object = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "r", "namespace": "n", "resourceVersion": "7", "uid": "u"},
        "spec": spec, "status": {"seen": 1},
    });
    for (name, value) in [("labels", labels), ("annotations", annotations)] {
        if let Some(value) = value {
            object["metadata"][name] = value;
        }
    }
    object
}

fn a_record() -> crate::api::routes::Change {
    let rule = RouteView::read(RouteKind::VirtualService, &testers()).unwrap();
    let mut record = record("c1", &rule.rules[0], &[]);
    record.what = Some("changed".to_owned());
    record
}

/// No annotations, and none of them, are the same to a server.
fn bare(object: &Value) -> Value {
    let mut object = without_record(object);
    let metadata = object["metadata"].as_object_mut().unwrap();
    if metadata.get("annotations") == Some(&json!({})) {
        metadata.remove("annotations");
    }
    object
}

proptest! {
    #[test]
    fn an_object_becomes_what_is_wanted_and_is_given_back(
        a in json_value(), b in json_value(),
        labels in prop::collection::vec(prop::option::of(prop::collection::btree_map("[a-b/]{1,2}", "[x-y]", 0..3)), 4),
    ) {
        let [la, lb, aa, ab] = &labels[..] else { unreachable!() };
        let live = object(json!({"x": a}), la.as_ref().map(|l| json!(l)), aa.as_ref().map(|l| json!(l)));
        let wanted = object(json!({"x": b}), lb.as_ref().map(|l| json!(l)), ab.as_ref().map(|l| json!(l)));
        let moves = whole::moves(&live, &wanted);
        let changed = apply(&live, &whole::patch(&live, &moves, &a_record()));
        prop_assert_eq!(bare(&changed), bare(&wanted));
        // Kept and read again, they take it back.
        let kept = whole::from_json(&whole::to_json(&whole::inverse(&moves))).unwrap();
        let back = whole::moved(&changed, &kept).unwrap();
        prop_assert_eq!(bare(&back), bare(&live));
        prop_assert_eq!(whole::moves(&live, &live), vec![]);
    }

    /// Rule W1: unknown fields and other rules survive every edit.
    #[test]
    fn an_edit_of_one_rule_touches_nothing_else(
        (_, object) in virtual_service(),
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        timeout in prop::option::of(Just("5s".to_owned())),
        header in prop::option::of("[a-z]{1,5}"),
    ) {
        let n = object["spec"]["http"].as_array().map_or(0, Vec::len);
        if n == 0 {
            prop_assert!(rules::read(&object, place("http/0")).is_err());
            return Ok(());
        }
        let its = place(&format!("http/{}", at.index(n)));
        let now = rules::read(&object, its).unwrap();
        prop_assume!(rules::faults(&now).is_empty());
        prop_assert_eq!(&rules::put(&object, its, &now).unwrap(), &object, "nothing edited is nothing changed");

        let mut wanted = now.clone();
        wanted.timeout = timeout;
        if let Some(header) = header {
            let entry = MatchSpec { headers: [(header, TextMatch::Exact("true".to_owned()))].into(), ..MatchSpec::default() };
            wanted.matches.push(entry);
        }
        wanted.mirror = Some(MirrorSpec { host: "shadow".to_owned(), percent: Some(2.5), ..MirrorSpec::default() });
        let put = rules::put(&object, its, &wanted).unwrap();
        for (idx, (before, after)) in object["spec"]["http"].as_array().unwrap().iter().zip(put["spec"]["http"].as_array().unwrap()).enumerate() {
            if idx == its.idx {
                prop_assert_eq!(before.get("fieldOfTomorrow"), after.get("fieldOfTomorrow"));
                prop_assert_eq!(before.get("route"), after.get("route"));
            } else {
                prop_assert_eq!(before, after);
            }
        }
        let taken_back = whole::moved(&put, &whole::inverse(&whole::moves(&object, &put))).unwrap();
        prop_assert_eq!(&taken_back, &object);
        if now.mirror.is_none() && now.timeout.is_none() {
            // The same by hand: what was written is taken out again.
            let mut again = now.clone();
            again.matches = rules::read(&put, its).unwrap().matches.into_iter().take(now.matches.len()).collect();
            prop_assert_eq!(&rules::put(&put, its, &again).unwrap(), &object);
        }

        let other = place(&format!("http/{}", to.index(n)));
        let shifted = rules::shift(&object, its, other).unwrap();
        prop_assert_eq!(&rules::shift(&shifted, other, its).unwrap(), &object);
        let new = RuleSpec { destinations: vec![DestinationSpec { host: "h".to_owned(), ..DestinationSpec::default() }], ..RuleSpec::default() };
        let added = rules::add(&object, its, &new).unwrap();
        prop_assert_eq!(&rules::remove(&added, its).unwrap(), &object);
    }
}

/// The flagship: testers by a header, the rest to v1, in this order.
fn testers() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
        "metadata": {"name": "backend-routing", "namespace": "default", "resourceVersion": "7", "uid": "u1"},
        "spec": {"hosts": ["backend"], "http": [
            {"match": [{"headers": {"x-testing": {"exact": "true"}}, "withoutHeaders": {"x-bot": {}}}],
             "route": [{"destination": {"host": "backend", "subset": "v2"}}]},
            {"route": [{"destination": {"host": "backend", "subset": "v1"}, "headers": {"response": {"set": {"a": "b"}}}}]},
        ]},
    })
}

fn told(faults: &[Fault]) -> Vec<String> {
    let told = faults.iter().map(|f| format!("{} {}", f.field, f.problem));
    told.collect()
}

#[test]
fn a_split_becomes_a_route_for_testers() {
    let split = super::split();
    let testers = RuleSpec {
        matches: vec![MatchSpec {
            headers: [("x-testing".to_owned(), TextMatch::Exact("true".to_owned()))].into(),
            ..MatchSpec::default()
        }],
        destinations: vec![DestinationSpec {
            host: "backend".to_owned(),
            subset: Some("v2".to_owned()),
            ..DestinationSpec::default()
        }],
        ..RuleSpec::default()
    };
    let added = rules::add(&split, place("http/0"), &testers).unwrap();
    let mut rest = rules::read(&added, place("http/1")).unwrap();
    rest.destinations.truncate(1);
    rest.destinations[0].weight = None;
    let done = rules::put(&added, place("http/1"), &rest).unwrap();
    assert_eq!(
        done["spec"]["http"],
        json!([
            {"match": [{"headers": {"x-testing": {"exact": "true"}}}],
             "route": [{"destination": {"host": "backend", "subset": "v2"}}]},
            {"route": [{"destination": {"host": "backend", "subset": "v1"}}]},
        ])
    );
    assert_eq!(VirtualService::read(&done).unwrap().refusal(), None);
}

#[test]
fn what_a_rule_does_besides_is_written_as_istio_reads_it() {
    let mut spec = rules::read(&testers(), place("http/0")).unwrap();
    spec.mirror = Some(MirrorSpec {
        host: "backend".to_owned(),
        subset: Some("v1".to_owned()),
        percent: Some(50.0),
        ..MirrorSpec::default()
    });
    spec.delay = Some(DelaySpec {
        percent: 0.5,
        length: "2s".to_owned(),
    });
    spec.abort = Some(AbortSpec {
        percent: 10.0,
        http_status: Some(503),
        grpc_status: None,
    });
    spec.retries = Some(RetriesSpec {
        attempts: 3,
        per_try_timeout: Some("1s".to_owned()),
        retry_on: Some("5xx,503".to_owned()),
    });
    spec.timeout = Some("5s".to_owned());
    let put = rules::put(&testers(), place("http/0"), &spec).unwrap();
    assert_eq!(
        put["spec"]["http"][0],
        json!({
            "match": [{"headers": {"x-testing": {"exact": "true"}}, "withoutHeaders": {"x-bot": {}}}],
            "route": [{"destination": {"host": "backend", "subset": "v2"}}],
            "mirror": {"host": "backend", "subset": "v1"}, "mirrorPercentage": {"value": 50},
            "fault": {"delay": {"percentage": {"value": 0.5}, "fixedDelay": "2s"},
                      "abort": {"percentage": {"value": 10}, "httpStatus": 503}},
            "timeout": "5s",
            "retries": {"attempts": 3, "perTryTimeout": "1s", "retryOn": "5xx,503"},
        })
    );
    let read = rules::read(&put, place("http/0")).unwrap();
    assert_eq!(read, spec);
    let mut plain = read;
    (plain.mirror, plain.delay, plain.abort) = (None, None, None);
    (plain.retries, plain.timeout) = (None, None);
    assert_eq!(
        rules::put(&put, place("http/0"), &plain).unwrap(),
        testers()
    );
}

#[test]
fn what_the_webhook_refuses_is_said_field_by_field() {
    let mut spec = RuleSpec {
        matches: vec![MatchSpec {
            headers: [
                ("x-a".to_owned(), TextMatch::Prefix(String::new())),
                ("X-B".to_owned(), TextMatch::Exact("1".to_owned())),
            ]
            .into(),
            uri: Some(TextMatch::Regex("(".to_owned())),
            ..MatchSpec::default()
        }],
        destinations: vec![
            DestinationSpec {
                host: "a".to_owned(),
                ..DestinationSpec::default()
            },
            DestinationSpec::default(),
        ],
        mirror: Some(MirrorSpec {
            host: "m".to_owned(),
            percent: Some(101.0),
            ..MirrorSpec::default()
        }),
        delay: Some(DelaySpec {
            percent: 5.0,
            length: "fast".to_owned(),
        }),
        abort: Some(AbortSpec {
            percent: 0.00001,
            http_status: Some(99),
            grpc_status: None,
        }),
        timeout: Some("1us".to_owned()),
        retries: Some(RetriesSpec {
            attempts: 0,
            retry_on: Some("sometimes".to_owned()),
            ..RetriesSpec::default()
        }),
        ..RuleSpec::default()
    };
    let found = told(&rules::faults(&spec));
    let fields: Vec<&str> = found.iter().filter_map(|f| f.split(' ').next()).collect();
    assert_eq!(
        fields,
        [
            "abort.http_status",
            "abort.percent",
            "delay.length",
            "destinations",
            "destinations[1].host",
            "matches[0].headers.X-B",
            "matches[0].headers.x-a",
            "matches[0].uri",
            "mirror.percent",
            "retries.attempts",
            "retries.retry_on",
            "timeout",
        ],
        "{found:#?}"
    );
    spec = RuleSpec {
        timeout: Some("0s".to_owned()),
        ..RuleSpec::default()
    };
    assert!(rules::faults(&spec).is_empty(), "no timeout at all");
    let twice = RuleSpec {
        matches: vec![MatchSpec {
            of: Some(3),
            ..MatchSpec::default()
        }],
        ..rules::read(&testers(), place("http/0")).unwrap()
    };
    assert!(rules::put(&testers(), place("http/0"), &twice).is_err());
    assert_eq!(
        rules::remove(&super::split(), place("http/0")),
        Err(rules::BadRule::OnlyOne)
    );
    assert!(rules::add(&testers(), place("http/3"), &RuleSpec::default()).is_err());
}

#[test]
fn a_manifest_changes_what_is_its_to_change_and_nothing_else() {
    let mut live = testers();
    live["metadata"]["annotations"] = json!({"pidali.dev/journal": "[]", "team": "a"});
    live["metadata"]["ownerReferences"] = json!([{"kind": "X"}]);
    let key = ObjectKey::of(&live);
    let wanted = |edit: &dyn Fn(&mut Value)| {
        let mut manifest = testers();
        edit(&mut manifest);
        whole::wanted(Some(&live), &key, "networking.istio.io", &manifest)
    };
    // Our record may be left out, and is kept; the server's own fields don't count.
    let same = wanted(&|m| m["metadata"]["annotations"] = json!({"team": "b"})).unwrap();
    assert_eq!(
        same["metadata"]["annotations"],
        json!({"pidali.dev/journal": "[]", "team": "b"})
    );
    assert_eq!(
        same["metadata"]["ownerReferences"],
        live["metadata"]["ownerReferences"]
    );
    let paths: Vec<String> = whole::moves(&live, &same)
        .into_iter()
        .map(|m| m.path)
        .collect();
    assert_eq!(paths, ["/metadata/annotations/team"]);
    let fine = wanted(&|m| {
        m["status"] = json!({"seen": 2});
        m["metadata"]["resourceVersion"] = json!("1");
        m["apiVersion"] = json!("networking.istio.io/v1");
        m["spec"]["http"][0]["timeout"] = Value::Null;
    });
    assert_eq!(fine.unwrap()["spec"], live["spec"]);
    for edit in [
        &(|m: &mut Value| m["kind"] = json!("Gateway")) as &dyn Fn(&mut Value),
        &|m| m["metadata"]["name"] = json!("other"),
        &|m| m["metadata"]["namespace"] = json!("other"),
        &|m| m["metadata"]["uid"] = json!("other"),
        &|m| m["metadata"]["finalizers"] = json!(["x"]),
        &|m| m["metadata"]["annotations"] = json!({"pidali.dev/journal": "[1]"}),
        &|m| m["apiVersion"] = json!("gateway.networking.k8s.io/v1"),
        &|m| m["data"] = json!({}),
        &|m| *m = json!("text"),
    ] {
        assert!(wanted(edit).is_err());
    }
}

#[test]
fn w7_someone_elses_change_is_seen_and_all_three_sides_are_told() {
    let live = testers();
    let mut spec = rules::read(&live, place("http/0")).unwrap();
    spec.timeout = Some("5s".to_owned());
    let changed = rules::put(&live, place("http/0"), &spec).unwrap();
    let back = whole::inverse(&whole::moves(&live, &changed));
    // Another field of the same rule is none of the change's.
    let mut beside = changed.clone();
    beside["spec"]["http"][0]["retries"] = json!({"attempts": 1});
    let taken = whole::moved(&beside, &back).unwrap();
    assert_eq!(taken["spec"]["http"][0]["retries"], json!({"attempts": 1}));
    assert_eq!(taken["spec"]["http"][0].get("timeout"), None);
    let mut over = changed;
    over["spec"]["http"][0]["timeout"] = json!("9s");
    let told = whole::moved(&over, &back).unwrap_err();
    assert_eq!(
        told,
        [whole::Changed {
            path: "/spec/http/0/timeout".to_owned(),
            before: None,
            after: Some(json!("5s")),
            now: Some(json!("9s")),
        }]
    );
    // A rule that is to come back has no place among others than it stood among.
    let removed = rules::remove(&live, place("http/0")).unwrap();
    let back = whole::inverse(&whole::moves(&live, &removed));
    let more = rules::add(&removed, place("http/0"), &spec).unwrap();
    assert!(whole::moved(&more, &back).is_err());
    assert_eq!(
        whole::from_json(&json!([{"path": "/metadata/name", "is": "x"}])),
        None
    );
    assert_eq!(
        whole::from_json(
            &json!([{"path": "/metadata/annotations/pidali.dev~1journal", "is": "x"}])
        ),
        None
    );
}

#[test]
fn a_service_is_split_into_subsets_that_are_there_or_made() {
    let versions = |names: &[(&str, u32)]| -> Vec<VersionShare> {
        names
            .iter()
            .map(|(v, weight)| VersionShare {
                version: (*v).to_owned(),
                weight: *weight,
            })
            .collect()
    };
    let known: BTreeSet<String> = ["v1", "v2"].map(str::to_owned).into();
    let both = versions(&[("v1", 90), ("v2", 10)]);
    assert_eq!(subsets::check(&both, &known), Ok(()));
    assert_eq!(
        subsets::check(&versions(&[("v1", 1)]), &known),
        Err(subsets::BadSplit::Lone)
    );
    assert_eq!(
        subsets::check(&versions(&[("v1", 0), ("v2", 0)]), &known),
        Err(subsets::BadSplit::AllZero)
    );
    assert_eq!(
        subsets::check(&versions(&[("v1", 1), ("v3", 0)]), &known),
        Err(subsets::BadSplit::NoVersion("v3".to_owned()))
    );
    let rule = subsets::new_rule("networking.istio.io/v1", "shop", "reviews", "reviews");
    let rule = subsets::with_subsets(&rule, &both).unwrap();
    assert_eq!(
        subsets::with_subsets(&rule, &both).unwrap(),
        rule,
        "once is enough"
    );
    assert_eq!(DestinationRule::read(&rule).unwrap().subsets.len(), 2);
    let mut taken = rule;
    taken["spec"]["subsets"][1]["labels"] = json!({"version": "v9"});
    assert_eq!(
        subsets::with_subsets(&taken, &both),
        Err(subsets::BadSplit::OtherPods("v2".to_owned()))
    );
    let route = subsets::new_route(
        "networking.istio.io/v1",
        "shop",
        "reviews",
        "reviews",
        &both,
    );
    assert_eq!(VirtualService::read(&route).unwrap().refusal(), None);
}

fn circuit_breaker() -> Value {
    json!({"kind": "DestinationRule", "metadata": {"name": "backend-circuit-breaker", "namespace": "default"},
        "spec": {"host": "backend.default.svc.cluster.local", "trafficPolicy": {
            "connectionPool": {
                "tcp": {"maxConnections": 100},
                "http": {"h2UpgradePolicy": "DEFAULT", "maxRequestsPerConnection": 10, "http1MaxPendingRequests": 50, "http2MaxRequests": 100}},
            "outlierDetection": {"consecutive5xxErrors": 3, "interval": "30s", "baseEjectionTime": "60s", "maxEjectionPercent": 50}}}})
}

#[test]
fn a_breaker_is_set_beside_what_the_policy_says_and_taken_out_again() {
    let rule = circuit_breaker();
    let now = breaker::read(&rule);
    assert_eq!(breaker::put(&rule, &now), rule);
    let off = breaker::put(&rule, &BreakerSpec::default());
    assert_eq!(
        off["spec"]["trafficPolicy"],
        json!({"connectionPool": {"http": {"h2UpgradePolicy": "DEFAULT"}}})
    );
    assert_eq!(breaker::put(&off, &now), rule);
    // A policy that says nothing is none: Istio refuses it.
    let bare = json!({"spec": {"host": "x"}});
    let on = breaker::put(
        &bare,
        &BreakerSpec {
            max_connections: Some(5),
            ..BreakerSpec::default()
        },
    );
    assert_eq!(
        on["spec"]["trafficPolicy"],
        json!({"connectionPool": {"tcp": {"maxConnections": 5}}})
    );
    assert_eq!(breaker::put(&on, &BreakerSpec::default()), bare);
    let wrong = BreakerSpec {
        max_connections: Some(u32::MAX),
        ejection: Some(EjectionSpec {
            interval: Some("often".to_owned()),
            max_ejection_percent: Some(101),
            ..EjectionSpec::default()
        }),
        ..BreakerSpec::default()
    };
    assert_eq!(breaker::faults(&wrong).len(), 3);
}

#[test]
fn two_rules_of_one_host_become_one_that_says_what_both_did() {
    let destination = json!({"kind": "DestinationRule", "metadata": {"name": "backend-destination", "namespace": "default"},
        "spec": {"host": "backend", "trafficPolicy": {"connectionPool": {"http": {"h2UpgradePolicy": "DEFAULT"}}},
                 "subsets": [{"name": "v1", "labels": {"version": "v1"}}]}});
    let full = |host: &str| crate::routing::hosts::full_host(host, "default", "cluster.local");
    let joined = breaker::join(&destination, &circuit_breaker(), full).unwrap();
    assert_eq!(
        joined["spec"]["trafficPolicy"],
        circuit_breaker()["spec"]["trafficPolicy"]
    );
    assert_eq!(joined["spec"]["subsets"], destination["spec"]["subsets"]);
    assert_eq!(joined["spec"]["host"], "backend");
    let mut other = circuit_breaker();
    other["spec"]["trafficPolicy"]["connectionPool"]["http"]["h2UpgradePolicy"] = json!("UPGRADE");
    assert_eq!(
        breaker::join(&destination, &other, full),
        Err(breaker::BadJoin::Differ(
            "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy".to_owned()
        ))
    );
    other["spec"]["host"] = json!("frontend");
    assert!(matches!(
        breaker::join(&destination, &other, full),
        Err(breaker::BadJoin::OtherHosts(..))
    ));
}

#[test]
fn a_port_of_a_gateway_keeps_what_it_says_whatever_others_have_its_number() {
    let server = |port: u16, name: &str, host: &str, tls: Value| json!({"port": {"number": port, "name": name, "protocol": "HTTPS"}, "hosts": [host], "tls": tls});
    let simple = json!({"mode": "SIMPLE", "credentialName": "a-tls"});
    let mutual =
        json!({"mode": "MUTUAL", "credentialName": "b-tls", "minProtocolVersion": "TLSV1_3"});
    let passed = json!({"mode": "PASSTHROUGH"});
    let mut live = gateway::new("networking.istio.io/v1", "default", "edge");
    live["spec"] = json!({"selector": {"istio": "ingressgateway"}, "servers": [
        server(443, "a", "a.example.com", simple.clone()),
        server(443, "b", "b.example.com", mutual.clone()),
        server(443, "c", "c.example.com", passed.clone()),
    ]});
    let now = gateway::read(&live);
    let tls = |to: &GatewaySpec| {
        assert_eq!(
            gateway::faults(to, &now),
            [],
            "nothing was asked for that was not there"
        );
        let put = gateway::put(&live, to);
        let servers = put["spec"]["servers"].as_array().unwrap().iter();
        servers.map(|it| it["tls"].clone()).collect::<Vec<Value>>()
    };
    let all = |of: &[&Value]| of.iter().copied().cloned().collect::<Vec<Value>>();
    let mut hosts = now.clone();
    hosts.servers[1].hosts.push("d.example.com".to_owned());
    assert_eq!(tls(&hosts), all(&[&simple, &mutual, &passed]));
    let mut moved = now.clone();
    moved.servers[1].port = 8443;
    moved.servers.swap(0, 1);
    assert_eq!(tls(&moved), all(&[&mutual, &simple, &passed]));
    let mut fewer = now.clone();
    fewer.servers.remove(0);
    fewer.servers[0].name = "renamed".to_owned();
    assert_eq!(
        tls(&fewer),
        all(&[&mutual, &passed]),
        "of a new name, the one for the same hosts"
    );
    // A port that gets TLS anew needs a certificate.
    let mut more = now.clone();
    more.servers.push(ServerSpec {
        name: "d".to_owned(),
        credential_name: None,
        ..now.servers[1].clone()
    });
    assert_eq!(gateway::faults(&more, &now).len(), 1);
}

#[test]
fn a_gateway_opens_ports_and_a_route_is_bound_to_it() {
    let spec = GatewaySpec {
        selector: [("istio".to_owned(), "ingressgateway".to_owned())].into(),
        servers: vec![
            ServerSpec {
                port: 80,
                name: "http".to_owned(),
                protocol: "HTTP".to_owned(),
                hosts: vec!["app.example.com".to_owned()],
                ..ServerSpec::default()
            },
            ServerSpec {
                port: 443,
                name: "https".to_owned(),
                protocol: "HTTPS".to_owned(),
                hosts: vec!["app.example.com".to_owned()],
                credential_name: Some("app-tls-secret".to_owned()),
                ..ServerSpec::default()
            },
        ],
    };
    let none = GatewaySpec::default();
    assert_eq!(gateway::faults(&spec, &none), []);
    let made = gateway::put(
        &gateway::new("networking.istio.io/v1", "default", "app-gateway"),
        &spec,
    );
    assert_eq!(Gateway::read(&made).unwrap().refusal(), None);
    assert_eq!(gateway::read(&made), spec);
    let mut kept = made.clone();
    kept["spec"]["servers"][1]["tls"]["minProtocolVersion"] = json!("TLSV1_3");
    let mut fewer = spec.clone();
    fewer.servers.remove(0);
    fewer.servers[0].hosts.push("b.example.com".to_owned());
    let put = gateway::put(&kept, &fewer);
    assert_eq!(
        put["spec"]["servers"][0]["tls"],
        json!({"mode": "SIMPLE", "credentialName": "app-tls-secret", "minProtocolVersion": "TLSV1_3"})
    );
    assert_eq!(gateway::faults(&none, &none).len(), 2);
    let mut wrong = spec;
    wrong.servers[1].credential_name = None;
    wrong.servers[0].name = "https".to_owned();
    assert_eq!(told(&gateway::faults(&wrong, &none)).len(), 2);

    let plain = super::split();
    assert_eq!(gateway::bind(&plain, &["mesh".to_owned()], None), plain);
    let bound = gateway::bind(
        &plain,
        &["mesh".to_owned(), "app-gateway".to_owned()],
        Some(&["backend".to_owned(), "app.example.com".to_owned()]),
    );
    assert_eq!(bound["spec"]["gateways"], json!(["mesh", "app-gateway"]));
    assert_eq!(VirtualService::read(&bound).unwrap().hosts.len(), 2);
}
