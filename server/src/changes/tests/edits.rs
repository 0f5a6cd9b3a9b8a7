//! Rules, splits, breakers, gateways and whole objects, changed through the API.

use super::*;

pub const VS: &str = "default/virtualservice/backend-routing";
const RULE: &str = "default/destinationrule/backend-destination";

pub fn place(id: &str) -> Value {
    let mut parts = id.split('/');
    let mut next = || parts.next().unwrap();
    json!({"namespace": next(), "kind": next(), "name": next()})
}

fn object_key(kind: &str, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn rule() -> ObjectKey {
    object_key("DestinationRule", "default", "backend-destination")
}

/// Everything of an object that is not the server's or ours.
fn said(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    for kept in [
        "resourceVersion",
        "generation",
        "managedFields",
        "uid",
        "creationTimestamp",
    ] {
        metadata.remove(kept);
    }
    if let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove("pidali.dev/journal");
        if annotations.is_empty() {
            metadata.remove("annotations");
        }
    }
    object
}

impl World {
    pub fn version(&self, key: &ObjectKey) -> String {
        let live = self.cluster.get(key).unwrap();
        mesh::object::resource_version(&live).to_owned()
    }

    pub async fn change(&self, edit: Value) -> (u16, Value) {
        self.ask("POST", "changes", Some(json!({"edits": [edit]})))
            .await
    }

    async fn undo(&self, id: &str, key: &ObjectKey, change: &Value) -> (u16, Value) {
        let body = json!({"change": change, "resource_version": self.version(key)});
        self.ask("POST", &format!("objects/{id}/undo"), Some(body))
            .await
    }

    fn copies(&self) -> usize {
        let change = |n: &ObjectKey| n.kind == "ControllerRevision";
        self.cluster.keys().into_iter().filter(change).count()
    }
}

fn testers(version: &str) -> Value {
    json!({
        "kind": "put_rule", "object": place(VS), "resource_version": version, "rule": "http/0", "new": true,
        "spec": {
            "matches": [{"headers": {"x-testing": {"exact": "true"}}}],
            "destinations": [{"host": "backend", "subset": "v2"}],
        },
    })
}

#[tokio::test]
async fn testers_get_a_rule_of_their_own_which_is_previewed_recorded_and_taken_back() {
    let world = world();
    let backend = key("backend-routing");
    let before = world.cluster.get(&backend).unwrap();
    let edit = testers(&world.version(&backend));
    let preview = json!({"edits": [edit.clone()], "dry_run": true});
    let (status, json) = world.ask("POST", "changes", Some(preview)).await;
    assert_eq!(status, 200, "{json}");
    let result = &json["results"][0];
    assert_eq!(
        (&result["outcome"], &result["server_checked"]),
        (&json!("previewed"), &json!(true))
    );
    let added: Vec<&str> = result["diff"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|l| l["op"] == "add")
        .filter_map(|l| l["text"].as_str())
        .map(str::trim)
        .collect();
    assert!(
        added.contains(&"x-testing:") || added.iter().any(|l| l.contains("x-testing")),
        "{added:?}"
    );
    assert_eq!(
        world.cluster.get(&backend).unwrap(),
        before,
        "a preview writes nothing"
    );
    assert_eq!(world.copies(), 0);

    let (status, json) = world.change(edit.clone()).await;
    assert_eq!(status, 200, "{json}");
    let live = world.cluster.get(&backend).unwrap();
    assert_eq!(
        live["spec"]["http"][0]["route"][0]["destination"]["subset"],
        "v2"
    );
    assert_eq!(live["spec"]["http"][1], before["spec"]["http"][0]);
    assert_eq!(world.copies(), 1);
    let history = world.get(&format!("objects/{VS}/history")).await;
    assert_eq!(history["items"][0]["what"], "added rule http/0");
    assert_eq!(world.get(&format!("routes/{VS}/history")).await, history);

    // The version that was seen is gone: the draft is not written over it.
    let (status, stale) = world.change(edit).await;
    assert_eq!((status, &stale["error"]["kind"]), (409, &json!("conflict")));

    let (status, json) = world.undo(VS, &backend, &json["change"]).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(said(&world.cluster.get(&backend).unwrap()), said(&before));
}

#[tokio::test]
async fn rules_move_change_and_go_and_weights_moved_since_stay() {
    let world = world();
    let backend = key("backend-routing");
    let (_, added) = world.change(testers(&world.version(&backend))).await;
    let edit = |more: Value| {
        let mut edit = json!({"object": place(VS), "resource_version": world.version(&backend)});
        edit.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        edit
    };
    let moved = edit(json!({"kind": "move_rule", "rule": "http/0", "to": "http/1"}));
    let (status, json) = world.change(moved).await;
    // The testers' rule would never be reached behind the one for every call.
    let codes: Vec<&Value> = json["results"][0]["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["code"])
        .collect();
    assert!(
        codes.contains(&&json!("rule_unreachable")),
        "{status} {json}"
    );
    if status == 200 {
        let back = edit(json!({"kind": "move_rule", "rule": "http/1", "to": "http/0"}));
        assert_eq!(world.change(back).await.0, 200);
    }
    let timeout = edit(json!({"kind": "put_rule", "rule": "http/0", "spec": {
        "matches": [{"of": 0, "headers": {"x-testing": {"exact": "true"}}}],
        "destinations": [{"host": "backend", "subset": "v2"}], "timeout": "2s",
    }}));
    let (status, json) = world.change(timeout).await;
    assert_eq!(status, 200, "{json}");
    let set = json["change"].clone();
    // Weights are moved meanwhile: they are none of that change's.
    let weights = edit(json!({"kind": "set_weights", "rule": "http/1", "weights": [80, 20]}));
    let (status, json) = world.change(weights).await;
    assert_eq!(status, 200, "{json}");
    let (status, json) = world.undo(VS, &backend, &set).await;
    assert_eq!(status, 200, "{json}");
    let live = world.cluster.get(&backend).unwrap();
    assert_eq!(live["spec"]["http"][0].get("timeout"), None);
    assert_eq!(live["spec"]["http"][1]["route"][1]["weight"], 20);
    // The rule's own arrival is still there to take back, also behind those.
    let (status, json) = world.undo(VS, &backend, &added["change"]).await;
    assert_eq!(status, 200, "{json}");
    let gone = edit(json!({"kind": "remove_rule", "rule": "http/0"}));
    let (status, json) = world.change(gone).await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (422, &json!("checks")),
        "the only rule stays: {json}"
    );
}

#[tokio::test]
async fn w7_what_someone_changed_since_is_told_with_all_three_sides() {
    let world = world();
    let backend = key("backend-routing");
    let edit = json!({"kind": "put_rule", "object": place(VS), "resource_version": world.version(&backend), "rule": "http/0",
        "spec": {"destinations": [{"host": "backend", "subset": "v1", "weight": 90}, {"host": "backend", "subset": "v2", "weight": 10}], "timeout": "2s"}});
    let (status, json) = world.change(edit).await;
    assert_eq!(status, 200, "{json}");
    world.patch(
        &backend,
        json!([{"op": "replace", "path": "/spec/http/0/timeout", "value": "9s"}]),
    );
    let (status, told) = world.undo(VS, &backend, &json["change"]).await;
    assert_eq!(
        (status, &told["error"]["kind"]),
        (409, &json!("changed_since")),
        "{told}"
    );
    let message = told["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("nothing") && message.contains("\"2s\"") && message.contains("\"9s\""),
        "{message}"
    );
    let body = json!({"change": json["change"], "resource_version": world.version(&backend), "whole": true});
    let (status, json) = world
        .ask("POST", &format!("objects/{VS}/undo"), Some(body))
        .await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(
        world.cluster.get(&backend).unwrap()["spec"]["http"][0].get("timeout"),
        None
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_by_field_and_changes_nothing() {
    let world = world();
    let backend = key("backend-routing");
    let before = world.cluster.get(&backend).unwrap();
    let version = world.version(&backend);
    let put = |spec: Value| json!({"kind": "put_rule", "object": place(VS), "resource_version": version, "rule": "http/0", "spec": spec});
    let v1 = json!([{"host": "backend", "subset": "v1"}]);
    for (edit, status, field) in [
        (
            put(json!({"destinations": v1, "timeout": "soon"})),
            400,
            "timeout",
        ),
        (
            put(json!({"destinations": v1, "retries": {"attempts": 0, "retry_on": "5xx"}})),
            400,
            "retries.attempts",
        ),
        (put(json!({"destinations": []})), 400, "destinations"),
        (
            put(json!({"destinations": v1, "matches": [{"headers": {"x-a": {"regex": "("}}}]})),
            400,
            "matches[0].headers.x-a",
        ),
        (
            put(json!({"destinations": [{"host": "backend", "subset": "v9"}]})),
            422,
            "",
        ),
        (
            json!({"kind": "move_rule", "object": place(VS), "resource_version": version, "rule": "http/0", "to": "http/7"}),
            404,
            "",
        ),
        (
            json!({"kind": "put_rule", "object": place(RULE), "resource_version": world.version(&rule()), "rule": "http/0", "spec": {"destinations": v1}}),
            400,
            "",
        ),
    ] {
        let (got, json) = world.change(edit.clone()).await;
        assert_eq!(got, status, "{edit} {json}");
        if !field.is_empty() {
            let faults = json["results"][0]["faults"].as_array().unwrap();
            assert!(faults.iter().any(|f| f["field"] == field), "{json}");
        }
    }
    assert_eq!(world.cluster.get(&backend).unwrap(), before);
    assert_eq!(world.copies(), 0);
}

#[tokio::test]
async fn an_object_is_shown_whole_and_edited_as_yaml() {
    let world = world();
    let seen = world.get(&format!("objects/{RULE}")).await;
    assert_eq!(
        (&seen["can_be_changed"], &seen["id"]),
        (&json!(true), &json!(RULE))
    );
    let yaml = seen["yaml"].as_str().unwrap();
    assert!(
        yaml.contains("kind: DestinationRule") && !yaml.contains("managedFields"),
        "{yaml}"
    );
    assert_eq!(seen["object"]["metadata"].get("managedFields"), None);
    let before = world.cluster.get(&rule()).unwrap();
    let apply = |manifest: String, version: Value| json!({"kind": "apply", "object": place(RULE), "resource_version": version, "manifest": manifest});
    let manifest = yaml.replace("host: backend", "host: backend\n  exportTo: [\".\"]");
    let (status, json) = world
        .change(apply(manifest, seen["resource_version"].clone()))
        .await;
    assert_eq!(status, 200, "{json}");
    let live = world.cluster.get(&rule()).unwrap();
    assert_eq!(live["spec"]["exportTo"], json!(["."]));
    let change = json["change"].clone();

    let seen = world.get(&format!("objects/{RULE}")).await;
    let same = seen["yaml"].as_str().unwrap().to_owned();
    let (status, json) = world
        .change(apply(same.clone(), seen["resource_version"].clone()))
        .await;
    assert_eq!(
        (status, &json["results"][0]["outcome"]),
        (200, &json!("unchanged"))
    );
    for (from, to, word) in [
        ("name: backend-destination", "name: other", "names"),
        ("kind: DestinationRule", "kind: Gateway", "names"),
        ("added", "added", ""),
        ("host: backend", "host: [", "YAML"),
        ("pidali.dev/journal: ", "pidali.dev/journal: x", "record"),
        ("host: backend", "hostess: backend", "host is missing"),
    ] {
        if word.is_empty() {
            continue;
        }
        let (status, json) = world
            .change(apply(
                same.replacen(from, to, 1),
                seen["resource_version"].clone(),
            ))
            .await;
        assert!(status >= 400, "{to}: {json}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.contains(word), "{to}: {message}");
    }
    let (status, json) = world.undo(RULE, &rule(), &change).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(said(&world.cluster.get(&rule()).unwrap()), said(&before));
    for (path, status) in [
        ("objects/default/pod/x", 404),
        ("objects/default/destinationrule/none", 404),
        ("objects/default/service/backend", 404),
        (
            "objects/default/destinationrule/backend-destination?x=1",
            400,
        ),
    ] {
        assert_eq!(world.ask("GET", path, None).await.0, status, "{path}");
    }
}

#[tokio::test]
async fn an_object_is_made_and_taken_back_while_it_is_as_it_was_made() {
    let world = world();
    let id = "default/gateway/new";
    let gateway = object_key("Gateway", "default", "new");
    let edit = json!({"kind": "put_gateway", "object": place(id), "spec": {
        "selector": {"istio": "ingressgateway"},
        "servers": [{"port": 80, "name": "http", "protocol": "HTTP", "hosts": ["new.example.com"]}]}});
    let (status, json) = world.change(edit.clone()).await;
    assert_eq!(status, 200, "{json}");
    let made = world.cluster.get(&gateway).unwrap();
    assert_eq!(
        made["spec"]["servers"][0]["hosts"],
        json!(["new.example.com"])
    );
    assert_eq!(world.change(edit).await.0, 409, "it is there already");

    let bind = json!({"kind": "bind", "object": place(VS), "resource_version": world.version(&key("backend-routing")),
        "gateways": ["mesh", "new"], "hosts": ["backend", "new.example.com"]});
    let (status, bound) = world.change(bind).await;
    assert_eq!(status, 200, "{bound}");
    let (status, undone) = world
        .undo(VS, &key("backend-routing"), &bound["change"])
        .await;
    assert_eq!(status, 200, "{undone}");

    world.patch(
        &gateway,
        json!([{"op": "add", "path": "/spec/servers/0/hosts/-", "value": "b.example.com"}]),
    );
    let (status, told) = world.undo(id, &gateway, &json["change"]).await;
    assert_eq!(
        (status, &told["error"]["kind"]),
        (409, &json!("changed_since"))
    );
    let live = world.cluster.get(&gateway).unwrap();
    world
        .cluster
        .delete(&gateway, mesh::object::resource_version(&live), false)
        .unwrap();
    world.cluster.create(&made, false).unwrap();
    let (status, told) = world.undo(id, &gateway, &json["change"]).await;
    assert_eq!(status, 200, "{told}");
    assert!(world.cluster.get(&gateway).is_err());
}

#[tokio::test]
async fn two_rules_of_one_host_are_joined_parted_and_the_breaker_is_set() {
    let world = world();
    let breaker = object_key("DestinationRule", "default", "backend-circuit-breaker");
    let (one, two) = (
        world.cluster.get(&rule()).unwrap(),
        world.cluster.get(&breaker).unwrap(),
    );
    let join = json!({"kind": "join",
        "object": place(RULE), "resource_version": world.version(&rule()),
        "with": place("default/destinationrule/backend-circuit-breaker"), "with_resource_version": world.version(&breaker)});
    let (status, json) = world.change(join).await;
    assert_eq!(status, 200, "{json}");
    assert!(world.cluster.get(&breaker).is_err());
    let joined = world.cluster.get(&rule()).unwrap();
    assert_eq!(
        joined["spec"]["trafficPolicy"]["connectionPool"]["tcp"]["maxConnections"],
        100
    );
    assert_eq!(joined["spec"]["subsets"], one["spec"]["subsets"]);
    let (status, json) = world.undo(RULE, &rule(), &json["change"]).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(said(&world.cluster.get(&rule()).unwrap()), said(&one));
    assert_eq!(said(&world.cluster.get(&breaker).unwrap()), said(&two));

    let set = json!({"kind": "set_breaker", "object": place(RULE), "resource_version": world.version(&rule()), "host": "backend",
        "breaker": {"max_pending_requests": 1, "ejection": {"consecutive_5xx_errors": 3, "interval": "30s"}}});
    let (status, json) = world.change(set).await;
    assert_eq!(status, 200, "{json}");
    let live = world.cluster.get(&rule()).unwrap();
    assert_eq!(
        live["spec"]["trafficPolicy"]["connectionPool"]["http"]["http1MaxPendingRequests"],
        1
    );
    let (status, json) = world.undo(RULE, &rule(), &json["change"]).await;
    assert_eq!(status, 200, "{json}");
    assert_eq!(said(&world.cluster.get(&rule()).unwrap()), said(&one));
}

/// Takes routing of `backend` away, so that it can be split anew.
fn without_routing(world: &World) {
    for key in [
        key("backend-routing"),
        key("app-external"),
        rule(),
        object_key("DestinationRule", "default", "backend-circuit-breaker"),
    ] {
        let version = world.version(&key);
        world.cluster.delete(&key, &version, false).unwrap();
    }
}

fn split() -> Value {
    json!({"kind": "split", "object": place("default/virtualservice/backend"), "service": "backend",
        "versions": [{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}]})
}

#[tokio::test]
async fn w10_a_split_makes_subsets_first_and_is_taken_back_in_reverse() {
    let world = world();
    without_routing(&world);
    let body = json!({"edits": [split()], "dry_run": true});
    let (status, json) = world.ask("POST", "changes", Some(body)).await;
    assert_eq!(status, 200, "{json}");
    let ids: Vec<&Value> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["object"])
        .collect();
    assert_eq!(
        ids,
        [
            "default/destinationrule/backend",
            "default/virtualservice/backend"
        ]
    );
    assert_eq!(json["results"][0].get("waits_s"), None);
    assert!(
        json["results"][1]["waits_s"].as_f64().unwrap() >= 3.0,
        "{json}"
    );
    let started = std::time::Instant::now();
    let (status, json) = world.change(split()).await;
    assert_eq!(status, 200, "{json}");
    assert!(
        started.elapsed().as_secs_f64() >= 3.0,
        "proxies learn of the subsets first"
    );
    let (vs, dr) = (
        key("backend"),
        object_key("DestinationRule", "default", "backend"),
    );
    assert_eq!(
        world.cluster.get(&vs).unwrap()["spec"]["http"][0]["route"][0]["weight"],
        90
    );
    assert_eq!(
        world.cluster.get(&dr).unwrap()["spec"]["subsets"][1]["labels"],
        json!({"version": "v2"})
    );
    let (status, json) = world
        .undo("default/virtualservice/backend", &vs, &json["change"])
        .await;
    assert_eq!(status, 200, "{json}");
    let ids: Vec<&Value> = json["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["object"])
        .collect();
    assert_eq!(
        ids,
        [
            "default/virtualservice/backend",
            "default/destinationrule/backend"
        ]
    );
    assert!(world.cluster.get(&vs).is_err() && world.cluster.get(&dr).is_err());
}

#[tokio::test]
async fn w10_an_interrupted_split_is_resumed_or_undone() {
    for resume in [true, false] {
        let world = world();
        without_routing(&world);
        let left = |n: usize| {
            world
                .cluster
                .writes_left
                .store(n, std::sync::atomic::Ordering::SeqCst)
        };
        left(1);
        let (status, json) = world.change(split()).await;
        left(usize::MAX);
        assert_eq!(status, 422, "{json}");
        let outcomes: Vec<&Value> = json["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| &r["outcome"])
            .collect();
        assert_eq!(outcomes, ["applied", "failed"], "what stands is said");
        let dr = object_key("DestinationRule", "default", "backend");
        if resume {
            let mut again = split();
            again["rule"] = json!({"name": "backend", "resource_version": world.version(&dr)});
            let (status, json) = world.change(again).await;
            assert_eq!(status, 200, "{json}");
            assert!(world.cluster.get(&key("backend")).is_ok());
        } else {
            let (status, json) = world
                .undo("default/destinationrule/backend", &dr, &json["change"])
                .await;
            assert_eq!(status, 200, "{json}");
            assert!(world.cluster.get(&dr).is_err());
        }
    }
}

#[tokio::test]
async fn w5_a_controllers_rules_are_locked_and_others_are_warned_of() {
    let world = world();
    let backend = key("backend-routing");
    world.patch(&backend, json!([{"op": "add", "path": "/metadata/annotations", "value": {"argocd.argoproj.io/tracking-id": "mesh:x"}}]));
    let (status, json) = world.change(testers(&world.version(&backend))).await;
    assert_eq!(status, 200, "{json}");
    let checks = json["results"][0]["checks"].as_array().unwrap();
    assert!(
        checks
            .iter()
            .any(|c| c["code"] == "owned" && c["severity"] == "warning"),
        "{json}"
    );
    world.patch(&backend, json!([{"op": "add", "path": "/metadata/annotations/argo-rollouts.argoproj.io~1managed-by-rollouts", "value": "backend"}]));
    let (status, json) = world.change(testers(&world.version(&backend))).await;
    assert_eq!(
        (status, &json["error"]["kind"]),
        (422, &json!("owned")),
        "{json}"
    );
    // Subsets are steered as well, limits are not.
    world.patch(&rule(), json!([{"op": "add", "path": "/metadata/annotations", "value": {"argo-rollouts.argoproj.io/managed-by-rollouts": "backend"}}]));
    let set = json!({"kind": "set_breaker", "object": place(RULE), "resource_version": world.version(&rule()), "host": "backend", "breaker": {"max_connections": 7}});
    let (status, json) = world.change(set).await;
    assert_eq!(status, 200, "{json}");
}
