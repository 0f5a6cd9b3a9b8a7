//! A change and its inverse, over objects of every kind.

use proptest::prelude::*;
use serde_json::{Value, json};

mod edits;

use super::journal::{JOURNAL, Journal};
use super::*;
use crate::api::routes::{Change, RouteKind};
use crate::routing::{RouteView, Rule};

fn record(id: &str, rule: &Rule, after: &[Option<u32>]) -> Change {
    Change {
        change: id.to_owned(),
        at_ms: 1_000,
        who: "someone".to_owned(),
        reason: None,
        rule: rule.place.to_string(),
        destinations: rule.destination_keys(),
        before: rule.destinations.iter().map(|d| d.weight).collect(),
        after: after.to_vec(),
        what: None,
        made: false,
        undoes: None,
        together: Vec::new(),
    }
}

/// Applies a patch as an API server does: the version is the precondition.
fn apply(object: &Value, patch: &json_patch::Patch) -> Value {
    let mut fresh = object.clone();
    json_patch::patch(&mut fresh, patch).unwrap();
    assert_eq!(
        fresh["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"],
        "the patch names the version that it was made for"
    );
    let next = object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse::<u64>()
        .unwrap()
        + 1;
    fresh["metadata"]["resourceVersion"] = json!(next.to_string());
    fresh
}

/// Takes away what a change may touch beside weights.
fn without_record(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("resourceVersion");
    if let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(JOURNAL);
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object
}

fn without_weights(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "weight")
            .map(|(name, value)| (name.clone(), without_weights(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(without_weights).collect(),
        other => other.clone(),
    }
}

fn weight() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(0u32..1_000)
}

/// A VirtualService with fields that we know, and some that nobody does.
fn virtual_service() -> impl Strategy<Value = (RouteKind, Value)> {
    let destination = (
        "[a-z]{1,6}",
        prop::option::of("[a-z0-9]{1,4}"),
        weight(),
        any::<bool>(),
    );
    let rule = (
        prop::collection::vec(destination, 2..5),
        any::<bool>(),
        any::<bool>(),
    );
    (
        prop::collection::vec(rule, 1..4),
        0usize..3,
        any::<bool>(),
        1u64..1_000,
    )
        .prop_map(|(rules, list, annotated, version)| {
            let list = ["http", "tls", "tcp"][list];
            let rules: Vec<Value> = rules
                .into_iter()
                .map(|(destinations, matched, odd)| {
                    let route: Vec<Value> = destinations
                        .into_iter()
                        .map(|(host, subset, weight, port)| {
                            let mut destination = json!({"host": host});
                            if let Some(subset) = subset {
                                destination["subset"] = json!(subset);
                            }
                            if port {
                                destination["port"] = json!({"number": 8080});
                            }
                            let mut out = json!({"destination": destination, "headers": {"x": {}}});
                            if let Some(weight) = weight {
                                out["weight"] = json!(weight);
                            }
                            out
                        })
                        .collect();
                    let mut rule = json!({"route": route});
                    if matched {
                        rule["match"] = json!([{"port": 80}]);
                    }
                    if odd {
                        rule["fieldOfTomorrow"] = json!({"weight": 7, "deep": [1, null, "x"]});
                    }
                    rule
                })
                .collect();
            let mut object = json!({
                "apiVersion": "networking.istio.io/v1",
                "kind": "VirtualService",
                "metadata": {"name": "r", "namespace": "n", "resourceVersion": version.to_string()},
                "spec": {"hosts": ["r"], "another": true},
            });
            object["spec"][list] = rules.into();
            if annotated {
                object["metadata"]["annotations"] = json!({"example.com/a~b": "x/y"});
            }
            (RouteKind::VirtualService, object)
        })
}

fn gateway_api_route() -> impl Strategy<Value = (RouteKind, Value)> {
    let backend = ("[a-z]{1,6}", prop::option::of("[a-z]{1,4}"), weight());
    (
        prop::collection::vec(prop::collection::vec(backend, 2..5), 1..3),
        any::<bool>(),
        1u64..1_000,
    )
        .prop_map(|(rules, grpc, version)| {
            let rules: Vec<Value> = rules
                .into_iter()
                .map(|backends| {
                    let refs: Vec<Value> = backends
                        .into_iter()
                        .map(|(name, namespace, weight)| {
                            let mut out = json!({"name": name, "port": 80});
                            if let Some(namespace) = namespace {
                                out["namespace"] = json!(namespace);
                            }
                            if let Some(weight) = weight {
                                out["weight"] = json!(weight);
                            }
                            out
                        })
                        .collect();
                    json!({"backendRefs": refs, "timeouts": {"request": "5s"}})
                })
                .collect();
            let kind = if grpc {
                RouteKind::GrpcRoute
            } else {
                RouteKind::HttpRoute
            };
            let object = json!({
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": kind.kind(),
                "metadata": {"name": "r", "namespace": "n", "resourceVersion": version.to_string()},
                "spec": {"parentRefs": [{"name": "g"}], "rules": rules},
            });
            (kind, object)
        })
}

proptest! {
    /// Rules W1 and W7.
    #[test]
    fn a_change_and_its_inverse_give_the_object_back(
        (kind, object) in prop_oneof![virtual_service(), gateway_api_route()],
        at in any::<prop::sample::Index>(),
        weights in prop::collection::vec(0u32..1_000, 5),
    ) {
        let view = RouteView::read(kind, &object).unwrap();
        let rule = &view.rules[at.index(view.rules.len())];
        let weights = &weights[..rule.destinations.len()];
        let Ok(to) = checked(rule, weights) else { return Ok(()) };
        let changed = apply(&object, &set_weights(&object, kind, rule, &to, &record("c1", rule, &to)));

        // Only weights and our record are touched.
        prop_assert_eq!(
            without_weights(&without_record(&changed)),
            without_weights(&without_record(&object))
        );
        let now = RouteView::read(kind, &changed).unwrap();
        for (before, after) in view.rules.iter().zip(now.rules.iter()) {
            let weights: Vec<_> = after.destinations.iter().map(|d| d.weight).collect();
            if before.place == rule.place {
                prop_assert_eq!(&weights, &to);
            } else {
                prop_assert_eq!(before, after, "another rule");
            }
        }
        prop_assert_eq!(Journal::of(&changed).changes.len(), 1);

        let (its, recorded) = undo(&changed, &now.rules, "c1", None).unwrap();
        prop_assert_eq!(its.place, rule.place);
        let back = record("c2", its, &recorded.before);
        let restored = apply(&changed, &set_weights(&changed, kind, its, &recorded.before, &back));
        prop_assert_eq!(without_record(&restored), without_record(&object));
    }
}

fn split() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "backend-routing", "namespace": "default", "resourceVersion": "7"},
        "spec": {"hosts": ["backend"], "http": [{"route": [
            {"destination": {"host": "backend", "subset": "v1"}, "weight": 90},
            {"destination": {"host": "backend", "subset": "v2"}, "weight": 10},
        ]}]},
    })
}

fn moved(object: &Value, id: &str, to: [u32; 2]) -> Value {
    let view = RouteView::read(RouteKind::VirtualService, object).unwrap();
    let rule = &view.rules[0];
    let to = checked(rule, &to).unwrap();
    apply(
        object,
        &set_weights(
            object,
            RouteKind::VirtualService,
            rule,
            &to,
            &record(id, rule, &to),
        ),
    )
}

#[test]
fn w1_a_patch_holds_for_one_version_and_the_same_destinations_only() {
    let object = split();
    let view = RouteView::read(RouteKind::VirtualService, &object).unwrap();
    let rule = &view.rules[0];
    let to = checked(rule, &[70, 30]).unwrap();
    let patch = set_weights(
        &object,
        RouteKind::VirtualService,
        rule,
        &to,
        &record("c", rule, &to),
    );
    let ops: Vec<Value> = serde_json::from_value(serde_json::to_value(&patch).unwrap()).unwrap();
    let told: Vec<String> = ops
        .iter()
        .map(|op| {
            format!(
                "{} {}",
                op["op"].as_str().unwrap(),
                op["path"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "replace /metadata/resourceVersion",
            "test /spec/http/0/route/0/destination",
            "add /spec/http/0/route/0/weight",
            "test /spec/http/0/route/1/destination",
            "add /spec/http/0/route/1/weight",
            "add /metadata/annotations",
            "add /metadata/annotations/pidali.dev~1journal",
        ]
    );
    // Renamed, reordered or removed underneath: all or nothing.
    for (pointer, other) in [
        ("/spec/http/0/route/1/destination/subset", json!("v3")),
        ("/spec/http/0/route/0/destination/host", json!("other")),
        ("/spec/http/0/route", json!([])),
    ] {
        let mut other_object = object.clone();
        *other_object.pointer_mut(pointer).unwrap() = other;
        let before = other_object.clone();
        assert!(
            json_patch::patch(&mut other_object, &patch).is_err(),
            "{pointer}"
        );
        assert_eq!(other_object, before, "{pointer}");
    }
}

#[test]
fn w7_an_undo_finds_its_rule_again_and_never_writes_over_another_hand() {
    let once = moved(&split(), "c1", [70, 30]);
    let rules = |object: &Value| {
        RouteView::read(RouteKind::VirtualService, object)
            .unwrap()
            .rules
    };
    // A rule was put before it.
    let mut reordered = once.clone();
    let testers = json!({"match": [{"headers": {"x-testing": {"exact": "true"}}}],
                         "route": [{"destination": {"host": "backend", "subset": "v2"}}]});
    reordered["spec"]["http"]
        .as_array_mut()
        .unwrap()
        .insert(0, testers);
    let (at, now) = (rules(&reordered), &reordered);
    let (rule, recorded) = undo(now, &at, "c1", None).unwrap();
    assert_eq!(
        (rule.place.to_string().as_str(), recorded.before),
        ("http/1", vec![Some(90), Some(10)])
    );
    // Someone else moved on.
    let twice = moved(&once, "c2", [50, 50]);
    let at = rules(&twice);
    let since = CannotUndo::ChangedSince {
        before: vec![Some(90), Some(10)],
        after: vec![Some(70), Some(30)],
        now: vec![Some(50), Some(50)],
    };
    assert_eq!(undo(&twice, &at, "c1", None).unwrap_err(), since);
    assert_eq!(
        undo(&twice, &at, "c1", Some(&[Some(70), Some(30)])).unwrap_err(),
        since
    );
    assert!(undo(&twice, &at, "c1", Some(&[Some(50), Some(50)])).is_ok());
    // The subset was renamed: there is no such rule any more.
    let mut renamed = once.clone();
    renamed["spec"]["http"][0]["route"][1]["destination"]["subset"] = json!("v3");
    assert!(matches!(
        undo(&renamed, &rules(&renamed), "c1", None),
        Err(CannotUndo::RuleGone(_))
    ));
    assert!(matches!(
        undo(&once, &rules(&once), "c9", None),
        Err(CannotUndo::NotRecorded(_))
    ));
}

#[test]
fn w3_what_weights_can_not_be() {
    let view = RouteView::read(RouteKind::VirtualService, &split()).unwrap();
    let rule = &view.rules[0];
    assert_eq!(checked(rule, &[0, 0]), Err(BadWeights::AllZero));
    assert!(matches!(
        checked(rule, &[1]),
        Err(BadWeights::Count {
            has: 2,
            given: 1,
            ..
        })
    ));
    assert!(matches!(
        checked(rule, &[u32::MAX, u32::MAX]),
        Err(BadWeights::TooLarge(_))
    ));
    let mut lone = split();
    lone["spec"]["http"][0]["route"]
        .as_array_mut()
        .unwrap()
        .pop();
    let view = RouteView::read(RouteKind::VirtualService, &lone).unwrap();
    assert_eq!(
        checked(&view.rules[0], &[1]),
        Err(BadWeights::Lone("http/0".to_owned()))
    );
    // Where nothing is sent, what is done instead is said.
    for (rule, does) in [
        (
            json!({"directResponse": {"status": 410}}),
            "answers 410 itself",
        ),
        (
            json!({"redirect": {"uri": "/new"}}),
            "redirects to /new (301)",
        ),
        (
            json!({"delegate": {"name": "part"}}),
            "is decided by VirtualService default/part",
        ),
        (json!({}), "sends its calls nowhere"),
    ] {
        let mut elsewhere = split();
        elsewhere["spec"]["http"] = json!([rule]);
        let view = RouteView::read(RouteKind::VirtualService, &elsewhere).unwrap();
        let said = checked(&view.rules[0], &[1, 1]).unwrap_err().to_string();
        assert_eq!(said, format!("rule http/0 has no destination: it {does}"));
    }
}

#[test]
fn what_a_join_deleted_comes_back_in_its_own_numbers_unless_they_were_changed_since() {
    let of = |name: &str, old: u32, new: u32| {
        json!({
            "kind": "VirtualService",
            "metadata": {"name": name, "namespace": "data", "resourceVersion": "1"},
            "spec": {"hosts": [name], "tcp": [{"route": [
                {"destination": {"host": "postgres", "subset": "old"}, "weight": old},
                {"destination": {"host": "postgres", "subset": "new"}, "weight": new},
            ]}]},
        })
    };
    let (before, copy) = (of("postgres", 90, 10), of("reports", 9, 1));
    assert_eq!(parted(&before, &before, &copy), copy);
    let moved = of("postgres", 20, 80);
    assert_eq!(parted(&moved, &before, &copy), of("reports", 20, 80));
}

#[test]
fn two_splits_of_one_service_are_joined_where_they_differ_in_nothing_else() {
    let mut external = split();
    external["metadata"] =
        json!({"name": "app-external", "namespace": "default", "resourceVersion": "9"});
    external["spec"]["hosts"] = json!(["app.example.com"]);
    external["spec"]["gateways"] = json!(["app-gateway"]);
    let view = RouteView::read(RouteKind::VirtualService, &split()).unwrap();
    let record = record("c1", &view.rules[0], &[]);
    let joined = apply(&split(), &join(&split(), &external, &record).unwrap());
    assert_eq!(
        joined["spec"]["hosts"],
        json!(["backend", "app.example.com"])
    );
    assert_eq!(joined["spec"]["gateways"], json!(["mesh", "app-gateway"]));
    assert_eq!(joined["spec"]["http"], split()["spec"]["http"]);
    assert!(is_still_joined(&joined, &[&split(), &external]));
    // What was moved since stays so, for both.
    let later = moved(&joined, "c3", [20, 80]);
    let back = apply(&later, &part(&later, &split(), &record));
    assert_eq!(
        (&back["spec"]["hosts"], back["spec"].get("gateways")),
        (&json!(["backend"]), None)
    );
    let other = parted(&later, &split(), &external);
    assert_eq!(other["spec"]["http"], back["spec"]["http"]);
    assert_eq!(other["spec"]["gateways"], json!(["app-gateway"]));
    let mut grown = later.clone();
    grown["spec"]["hosts"]
        .as_array_mut()
        .unwrap()
        .push(json!("third"));
    assert!(!is_still_joined(&grown, &[&split(), &external]));

    let refused = |edit: &dyn Fn(&mut Value)| {
        let mut other = external.clone();
        edit(&mut other);
        join(&split(), &other, &record).unwrap_err()
    };
    assert_eq!(
        refused(&|o| o["metadata"]["namespace"] = json!("shop")),
        BadJoin::OtherNamespace
    );
    assert!(matches!(
        refused(&|o| o["spec"]["http"][0]["timeout"] = json!("1s")),
        BadJoin::Differ(_)
    ));
    assert!(matches!(
        refused(&|o| o["spec"]["tcp"] = json!([])),
        BadJoin::Differ(_)
    ));
    assert_eq!(
        refused(&|o| o["kind"] = json!("HTTPRoute")),
        BadJoin::NotVirtualServices
    );
    assert_eq!(
        join(&split(), &split(), &record).unwrap_err(),
        BadJoin::Same
    );
}
