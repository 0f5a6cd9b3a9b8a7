//! The built-in cluster answers as a real API server does.

use super::*;
use serde_json::json;

fn cluster() -> DemoCluster {
    DemoCluster::new(Arc::new(Demo::new(7)), false)
}

fn key() -> ObjectKey {
    ObjectKey {
        kind: "VirtualService".to_owned(),
        namespace: "default".to_owned(),
        name: "backend-routing".to_owned(),
    }
}

fn patch(operations: Value) -> Patch {
    serde_json::from_value(operations).unwrap()
}

fn version(object: &Value) -> &str {
    object::resource_version(object)
}

#[test]
fn a_write_makes_a_version_and_a_stale_one_is_a_conflict() {
    let cluster = cluster();
    let before = cluster.get(&key()).unwrap();
    let operations = |weight: u32| {
        patch(json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version(&before)},
            {"op": "add", "path": "/spec/http/0/route/0/weight", "value": weight},
        ]))
    };
    let watched = cluster.changes();
    let tried = cluster.patch(&key(), &operations(80), true).unwrap();
    assert_ne!(version(&tried.object), version(&before));
    assert_eq!(
        cluster.get(&key()).unwrap(),
        before,
        "a dry run writes nothing"
    );
    assert!(!watched.has_changed().unwrap());

    let written = cluster
        .patch(&key(), &operations(80), false)
        .unwrap()
        .object;
    assert_eq!(cluster.get(&key()).unwrap(), written);
    assert_eq!(written["metadata"]["generation"], 2);
    assert_eq!(written["metadata"]["managedFields"][0]["manager"], "pidali");
    assert!(watched.has_changed().unwrap());
    let stale = cluster.patch(&key(), &operations(70), false).unwrap_err();
    assert_eq!(stale, ClusterError::Conflict(key()));
    assert_eq!(cluster.get(&key()).unwrap(), written);

    // No effect, no version; an annotation is a version but no new specification.
    let same = patch(json!([{"op": "add", "path": "/spec/http/0/route/0/weight", "value": 80}]));
    assert_eq!(cluster.patch(&key(), &same, false).unwrap().object, written);
    let note = patch(json!([{"op": "add", "path": "/metadata/annotations", "value": {"a": "b"}}]));
    let noted = cluster.patch(&key(), &note, false).unwrap().object;
    assert_eq!(noted["metadata"]["generation"], 2);
    assert_ne!(version(&noted), version(&written));
}

#[test]
fn what_is_not_valid_is_refused_whole() {
    let cluster = cluster();
    let before = cluster.get(&key()).unwrap();
    let refusal = |operations: Value| {
        cluster
            .patch(&key(), &patch(operations), false)
            .unwrap_err()
    };
    let weight = |value: Value| json!([{"op": "add", "path": "/spec/http/0/route/0/weight", "value": value}]);
    let is_invalid = |error: ClusterError| matches!(error, ClusterError::Invalid { .. });
    let is_denied = |error: ClusterError| matches!(error, ClusterError::Denied { .. });
    assert!(is_invalid(refusal(weight(json!("80")))));
    assert!(is_invalid(refusal(weight(json!(80.5)))));
    assert!(is_denied(refusal(weight(json!(-1)))));
    assert!(is_denied(refusal(json!([
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 0},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 0},
    ]))));
    assert!(is_denied(refusal(
        json!([{"op": "remove", "path": "/spec/http"}])
    )));
    assert!(is_invalid(refusal(
        json!([{"op": "replace", "path": "/metadata/name", "value": "x"}])
    )));
    assert!(is_invalid(refusal(json!([
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 1},
        {"op": "test", "path": "/spec/http/0/route/0/destination", "value": {"host": "other"}},
    ]))));
    assert_eq!(cluster.get(&key()).unwrap(), before);
}

#[test]
fn objects_are_made_and_removed_with_a_precondition() {
    let cluster = cluster();
    let live = cluster.get(&key()).unwrap();
    assert_eq!(
        cluster.create(&live, false).unwrap_err(),
        ClusterError::Exists(key())
    );
    assert_eq!(
        cluster.delete(&key(), "1", false).unwrap_err(),
        ClusterError::Conflict(key())
    );
    cluster.delete(&key(), version(&live), true).unwrap();
    cluster.delete(&key(), version(&live), false).unwrap();
    assert_eq!(
        cluster.get(&key()).unwrap_err(),
        ClusterError::NotFound(key())
    );
    let made = cluster.create(&live, false).unwrap().object;
    assert_ne!(made["metadata"]["uid"], live["metadata"]["uid"]);
    assert_eq!(made["spec"], live["spec"]);
}

#[test]
fn the_world_obeys_what_is_written() {
    let cluster = cluster();
    let to_v2 = patch(json!([
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": 0},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": 1},
    ]));
    cluster.patch(&key(), &to_v2, false).unwrap();
    let written = clock::now();
    std::thread::sleep(std::time::Duration::from_millis(2500));
    let world = cluster.world.world();
    let window = mesh::units::Window::MIN;
    let truth = world.truth(
        window,
        mesh::units::UnixMillis(written.0 + window.millis() + 500),
    );
    let to = |end: &str| {
        let edges = truth["edges"].as_array().unwrap().iter();
        let mut its = edges.filter(|e| {
            e["id"]
                .as_str()
                .unwrap()
                .contains(&format!("frontend->Kubernetes/default/{end}:"))
        });
        its.next().map_or(0, |e| e["requests"].as_u64().unwrap())
    };
    assert_eq!(to("backend-v1"), 0, "{truth}");
    assert!(to("backend-v2") > 10, "{truth}");
}

#[test]
fn the_pods_of_a_snapshot_are_those_that_are_ready() {
    let cluster = cluster();
    let ready = |name: &str| {
        let snapshot = cluster.snapshot();
        let found = snapshot
            .objects
            .iter()
            .find(|o| o.key().kind == "Deployment" && o.key().name == name);
        found.unwrap().value()["status"]["readyReplicas"]
            .as_u64()
            .unwrap_or(0)
    };
    assert_eq!(ready("stock-v2"), 0);
    assert!((1..=2).contains(&ready("backend-v1")));
}

#[test]
fn other_ready_pods_are_another_version_of_the_snapshot() {
    let cluster = cluster();
    let before = cluster.snapshot().version;
    assert_eq!(cluster.snapshot().version, before, "nothing changed");
    let watched = cluster.changes();
    // Deployed anew, its pods start: none is ready for some seconds, and nobody wrote that.
    let deployment = ObjectKey {
        kind: "Deployment".to_owned(),
        name: "backend-v2".to_owned(),
        ..key()
    };
    let labels = "/spec/template/metadata/labels/day";
    let restart = patch(json!([{"op": "add", "path": labels, "value": "monday"}]));
    cluster.patch(&deployment, &restart, false).unwrap();
    let starting = cluster.snapshot();
    let ready = |snapshot: &Snapshot| {
        let mut its = snapshot.objects.iter().filter(|o| *o.key() == deployment);
        its.next().unwrap().value()["status"]["readyReplicas"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(ready(&starting), 0);
    std::thread::sleep(std::time::Duration::from_secs(6));
    let started = cluster.snapshot();
    assert_eq!(ready(&started), 2);
    assert!(started.version > starting.version);
    assert!(watched.has_changed().unwrap());
}

#[test]
fn events_do_not_pile_up() {
    let cluster = cluster();
    for n in 0..(MAX_EVENTS + 20) {
        let event =
            json!({"kind": "Event", "metadata": {"namespace": "default", "name": format!("e{n}")}});
        cluster.create(&event, false).unwrap();
    }
    let store = cluster.store();
    let n = store.objects.keys().filter(|k| k.kind == "Event").count();
    assert_eq!(n, MAX_EVENTS);
}
