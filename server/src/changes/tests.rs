//! Changes against a cluster whose objects another hand writes meanwhile.

mod copies;
mod edits;

use std::sync::Arc;

use axum::body::Body as RawBody;
use axum::http::Request;
use http_body_util::BodyExt;
use mesh::object::ObjectKey;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::cluster::Cluster;
use crate::cluster::demo::DemoCluster;
use crate::http::{App, Hosts, router};
use crate::sources::Metrics;
use crate::sources::demo::Demo;

struct World {
    app: App,
    cluster: Arc<DemoCluster>,
}

fn world() -> World {
    let mesh = Arc::new(Demo::new(7));
    let cluster = Arc::new(DemoCluster::new(Arc::clone(&mesh), false));
    let metrics = Metrics::Demo(mesh);
    let (stop, stopping) = watch::channel(false);
    // The server runs for as long as the test does.
    std::mem::forget(stop);
    let seam = Cluster::Demo(Arc::clone(&cluster));
    World {
        app: App::new(
            metrics,
            None,
            Some(seam),
            Default::default(),
            Default::default(),
            stopping,
        ),
        cluster,
    }
}

impl World {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(body.map_or_else(RawBody::empty, |b| RawBody::from(b.to_string())))
            .unwrap();
        let service = router(self.app.clone(), Hosts::default(), "");
        let answer = service.oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn get(&self, path: &str) -> Value {
        let (status, json) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }

    /// What another hand does to an object.
    fn patch(&self, key: &ObjectKey, operations: Value) {
        let patch = serde_json::from_value(operations).unwrap();
        self.cluster.patch(key, &patch, false).unwrap();
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        kind: "VirtualService".to_owned(),
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

const BACKEND: &str = "routes/default/virtualservice/backend-routing";

fn to_70_30(route: &Value, with_identity: bool) -> Value {
    let mut body = json!({
        "resource_version": route["resource_version"], "rule": "http/0", "weights": [70, 30],
    });
    if with_identity {
        body["uid"] = route["uid"].clone();
        body["generation"] = route["generation"].clone();
    }
    body
}

#[tokio::test]
async fn w8_another_version_of_the_same_specification_is_no_conflict() {
    let world = world();
    let seen = world.get(BACKEND).await;
    let note =
        json!([{"op": "add", "path": "/metadata/annotations", "value": {"who": "status writer"}}]);
    world.patch(&key("backend-routing"), note);
    let path = format!("{BACKEND}/weights");
    let (status, json) = world.ask("PUT", &path, Some(to_70_30(&seen, false))).await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (409, &json!("conflict")),
        "{json}"
    );
    let (status, json) = world.ask("PUT", &path, Some(to_70_30(&seen, true))).await;
    assert_eq!(status, 200, "{json}");
    let live = world.cluster.get(&key("backend-routing")).unwrap();
    assert_eq!(
        live["metadata"]["annotations"]["who"], "status writer",
        "nothing is lost"
    );
}

#[tokio::test]
async fn w8_another_object_of_the_same_name_is_a_conflict() {
    let world = world();
    let seen = world.get(BACKEND).await;
    let live = world.cluster.get(&key("backend-routing")).unwrap();
    let version = mesh::object::resource_version(&live);
    world
        .cluster
        .delete(&key("backend-routing"), version, false)
        .unwrap();
    world.cluster.create(&live, false).unwrap();
    let again = world.get(BACKEND).await;
    assert_eq!(
        again["generation"], seen["generation"],
        "it starts counting anew"
    );
    let path = format!("{BACKEND}/weights");
    let (status, json) = world.ask("PUT", &path, Some(to_70_30(&seen, true))).await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (409, &json!("conflict")),
        "{json}"
    );
}

#[tokio::test]
async fn w5_what_a_controller_steers_is_locked() {
    let world = world();
    let marks = json!([{"op": "add", "path": "/metadata/annotations",
        "value": {"argo-rollouts.argoproj.io/managed-by-rollouts": "backend"}}]);
    world.patch(&key("backend-routing"), marks);
    let seen = world.get(BACKEND).await;
    assert_eq!(seen["owner"]["effect"], "locks");
    let path = format!("{BACKEND}/weights");
    let (status, json) = world.ask("PUT", &path, Some(to_70_30(&seen, true))).await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (422, &json!("owned")),
        "{json}"
    );
    let hint = json["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("promote backend -n default"), "{hint}");
}

#[tokio::test]
async fn w1_a_route_of_the_gateway_api_is_steered_and_taken_back() {
    let world = world();
    let route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": "default"},
        "spec": {"parentRefs": [{"kind": "Service", "group": "", "name": "backend"}],
                 "rules": [{"backendRefs": [{"name": "backend", "port": 80}, {"name": "frontend", "port": 80}]}]},
    });
    world.cluster.create(&route, false).unwrap();
    let path = "routes/default/httproute/r";
    let seen = world.get(path).await;
    let shares: Vec<&Value> = seen["rules"][0]["destinations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["share"])
        .collect();
    assert_eq!(shares, [0.5, 0.5], "an absent weight is one");
    let (status, json) = world
        .ask(
            "PUT",
            &format!("{path}/weights"),
            Some(to_70_30(&seen, true)),
        )
        .await;
    assert_eq!(status, 200, "{json}");
    let now = world.get(path).await;
    assert_eq!(now["rules"][0]["destinations"][1]["weight"], 30);
    let undo = json!({"change": json["change"], "resource_version": now["resource_version"]});
    let (status, json) = world.ask("POST", &format!("{path}/undo"), Some(undo)).await;
    assert_eq!(status, 200, "{json}");
    let http_route = ObjectKey {
        kind: "HTTPRoute".to_owned(),
        name: "r".to_owned(),
        ..key("")
    };
    assert_eq!(
        world.cluster.get(&http_route).unwrap()["spec"],
        route["spec"],
        "absent weights are absent again"
    );
}

#[tokio::test]
async fn a_planted_copy_is_not_put_back() {
    let world = world();
    // Whoever may write ControllerRevisions could name a change that there was, or was not.
    let planted = json!({
        "apiVersion": "apps/v1", "kind": "ControllerRevision",
        "metadata": {"name": "pidali-backend-routing-c1", "namespace": "default", "labels": {"pidali.dev/change": "c1"}},
        "revision": 1,
        "data": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "mine", "namespace": "default"}},
    });
    world.cluster.create(&planted, false).unwrap();
    let entry = json!([{
        "change": "c1", "at_ms": 1, "who": "x", "rule": "", "destinations": [], "before": [], "after": [],
        "what": "joined", "together": ["default/virtualservice/backend-routing", "default/rolebinding/mine"],
    }]);
    let journal = json!([{"op": "add", "path": "/metadata/annotations", "value": {"pidali.dev/journal": entry.to_string()}}]);
    world.patch(&key("backend-routing"), journal);
    let seen = world.get(BACKEND).await;
    let undo = json!({"change": "c1", "resource_version": seen["resource_version"]});
    let (status, json) = world
        .ask("POST", &format!("{BACKEND}/undo"), Some(undo))
        .await;
    assert_eq!(status, 404, "{json}");
    let binding = ObjectKey {
        kind: "RoleBinding".to_owned(),
        name: "mine".to_owned(),
        ..key("")
    };
    assert!(world.cluster.get(&binding).is_err());
}

#[tokio::test]
async fn a_record_of_nonsense_breaks_nothing() {
    let world = world();
    for time in [i64::MIN, i64::MAX, 0] {
        let entry = json!([{
            "change": "c1", "at_ms": time, "who": "x", "rule": "http/0", "destinations": ["backend v1"], "before": [], "after": [],
        }, {"odd": true}]);
        let journal = json!([{"op": "add", "path": "/metadata/annotations", "value": {"pidali.dev/journal": entry.to_string()}}]);
        world.patch(&key("backend-routing"), journal);
        let seen = world.get(BACKEND).await;
        world.get("routes").await;
        let undo = json!({"change": "c1", "resource_version": seen["resource_version"]});
        let (status, json) = world
            .ask("POST", &format!("{BACKEND}/undo"), Some(undo))
            .await;
        assert_eq!(status, 400, "{json}");
    }
}

#[tokio::test]
async fn what_stands_after_a_failure_is_said_and_taken_back() {
    let world = world();
    let edit = async |name: &str| {
        let seen = world
            .get(&format!("routes/default/virtualservice/{name}"))
            .await;
        json!({
            "kind": "set_weights", "rule": "http/0", "weights": [70, 30],
            "resource_version": seen["resource_version"],
            "object": {"namespace": "default", "kind": "virtualservice", "name": name},
        })
    };
    let edits = json!([edit("backend-routing").await, edit("app-external").await]);
    world
        .cluster
        .writes_left
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let (status, json) = world
        .ask("POST", "changes", Some(json!({"edits": edits})))
        .await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (422, &json!("admission")),
        "{json}"
    );
    let outcomes: Vec<&Value> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["outcome"])
        .collect();
    assert_eq!(outcomes, ["applied", "failed"]);
    let change = json["change"].as_str().unwrap().to_owned();
    let weights = |name: &str| {
        let live = world.cluster.get(&key(name)).unwrap();
        live["spec"]["http"][0]["route"][1]["weight"].clone()
    };
    assert_eq!(
        (weights("backend-routing"), weights("app-external")),
        (json!(30), json!(10))
    );

    // The half that stands can be taken back, though the other half never was.
    world
        .cluster
        .writes_left
        .store(usize::MAX, std::sync::atomic::Ordering::SeqCst);
    let seen = world.get(BACKEND).await;
    let undo = json!({"change": change, "resource_version": seen["resource_version"]});
    let (status, json) = world
        .ask("POST", &format!("{BACKEND}/undo"), Some(undo))
        .await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(
        (weights("backend-routing"), weights("app-external")),
        (json!(10), json!(10))
    );
}

#[tokio::test]
async fn a_change_leaves_an_event_on_its_object() {
    let world = world();
    let seen = world.get(BACKEND).await;
    let (status, json) = world
        .ask(
            "PUT",
            &format!("{BACKEND}/weights"),
            Some(to_70_30(&seen, true)),
        )
        .await;
    assert_eq!(status, 200, "{json}");
    let event = ObjectKey {
        kind: "Event".to_owned(),
        namespace: "default".to_owned(),
        name: format!("backend-routing.{}", json["change"].as_str().unwrap()),
    };
    let event = world.cluster.get(&event).unwrap();
    assert_eq!(event["involvedObject"]["uid"], seen["uid"]);
    assert_eq!(event["message"], "http/0: 90/10 → 70/30 by you");
}
