//! Objects as they are kept: what nobody looks at goes, so that a store stays small and is the same after a change
//! that means nothing here.

use mesh::object::Stored;
use serde_json::{Map, Value};

use super::kinds::{Kept, Kind};

/// Who wrote an object is kept, which of its fields are whose is not.
const FIELDS: &str = "fieldsV1";
/// The whole object once more; that it was applied from a file is all that is asked of it.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Returns the object as it is kept.
pub fn trimmed(kind: &Kind, object: Value) -> Stored {
    Stored::as_text(&trim(kind, object))
}

/// Returns what is kept of an object.
fn trim(kind: &Kind, mut object: Value) -> Value {
    match kind.kept {
        Kept::Whole | Kept::Nothing => whole(&mut object),
        Kept::Part => part(kind, &mut object),
        Kept::Name => name(&mut object),
    }
    object
}

fn whole(object: &mut Value) {
    if let Some(entries) = object
        .pointer_mut("/metadata/managedFields")
        .and_then(Value::as_array_mut)
    {
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove(FIELDS);
        }
    }
    shorten_applied(object);
}

fn shorten_applied(object: &mut Value) {
    if let Some(applied) = object
        .pointer_mut("/metadata/annotations")
        .and_then(|it| it.get_mut(APPLIED))
    {
        *applied = Value::from("…");
    }
}

fn name(object: &mut Value) {
    keep(object, &["kind", "apiVersion", "metadata", "type"]);
    if let Some(metadata) = object.get_mut("metadata") {
        keep(metadata, &["name", "namespace"]);
    }
}

fn part(kind: &Kind, object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata") {
        keep(
            metadata,
            &[
                "name",
                "namespace",
                "uid",
                "labels",
                "annotations",
                "ownerReferences",
                "creationTimestamp",
                "deletionTimestamp",
            ],
        );
    }
    if let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(APPLIED);
        annotations.remove("deployment.kubernetes.io/revision");
    }
    match kind.kind {
        "Pod" => {
            if let Some(spec) = object.get_mut("spec") {
                pod_spec(spec);
            }
            if let Some(status) = object.get_mut("status") {
                keep(status, &["phase", "conditions", "startTime"]);
                if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut)
                {
                    conditions.retain(|it| it.get("type").and_then(Value::as_str) == Some("Ready"));
                    conditions
                        .iter_mut()
                        .for_each(|it| keep(it, &["type", "status"]));
                }
            }
        }
        "Namespace" => keep(object, &["kind", "apiVersion", "metadata"]),
        "Service" => keep(object, &["kind", "apiVersion", "metadata", "spec"]),
        "MutatingWebhookConfiguration" => {
            keep(object, &["kind", "apiVersion", "metadata"]);
        }
        _ => {
            if let Some(status) = object.get_mut("status") {
                keep(
                    status,
                    &[
                        "replicas",
                        "readyReplicas",
                        "availableReplicas",
                        "desiredNumberScheduled",
                        "numberReady",
                        "selector",
                    ],
                );
            }
            if let Some(spec) = object.pointer_mut("/spec/template/spec") {
                pod_spec(spec);
            }
        }
    }
}

/// What a mesh asks of containers.
fn pod_spec(spec: &mut Value) {
    keep(
        spec,
        &[
            "containers",
            "initContainers",
            "hostNetwork",
            "serviceAccountName",
        ],
    );
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            // Its arguments name the cluster's domain; others may hold anything.
            let is_proxy = container.get("name").and_then(Value::as_str) == Some("istio-proxy");
            let args = container.get("args").cloned().filter(|_| is_proxy);
            keep(
                container,
                &["name", "image", "resources", "restartPolicy", "ports"],
            );
            if let (Some(args), Some(container)) = (args, container.as_object_mut()) {
                container.insert("args".to_owned(), args);
            }
        }
    }
}

/// Leaves these fields of an object.
fn keep(value: &mut Value, fields: &[&str]) {
    if let Value::Object(map) = value {
        let kept = std::mem::take(map)
            .into_iter()
            .filter(|(key, _)| fields.contains(&key.as_str()));
        *map = kept.collect::<Map<String, Value>>();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kept(kind: &str, object: Value) -> Value {
        trim(Kind::named(kind).unwrap(), object)
    }

    #[test]
    fn routes_keep_all_but_whose_fields_are_whose() {
        let object = json!({
            "kind": "VirtualService",
            "metadata": {
                "name": "a", "resourceVersion": "7",
                "annotations": {APPLIED: "{\"a\": 1}", "x": "y"},
                "managedFields": [{"manager": "kubectl", "time": "t", "fieldsV1": {"f:spec": {}}}],
            },
            "spec": {"http": [{"unknown": 1}]},
            "status": {"x": 1},
        });
        let kept = kept("VirtualService", object);
        assert_eq!(
            kept,
            json!({
                "kind": "VirtualService",
                "metadata": {
                    "name": "a", "resourceVersion": "7",
                    "annotations": {APPLIED: "…", "x": "y"},
                    "managedFields": [{"manager": "kubectl", "time": "t"}],
                },
                "spec": {"http": [{"unknown": 1}]},
                "status": {"x": 1},
            })
        );
    }

    #[test]
    fn a_heartbeat_of_a_pod_changes_nothing() {
        let pod = |version: &str, probed: &str| {
            json!({
                "kind": "Pod", "apiVersion": "v1",
                "metadata": {"name": "a", "namespace": "b", "resourceVersion": version, "labels": {"app": "a"}},
                "spec": {"nodeName": "n", "containers": [{"name": "istio-proxy", "env": [{"name": "SECRET", "value": "x"}]}]},
                "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [
                    {"type": "Ready", "status": "True", "lastProbeTime": probed},
                    {"type": "PodScheduled", "status": "True"},
                ]},
            })
        };
        let first = kept("Pod", pod("1", "2026-01-01T00:00:00Z"));
        assert_eq!(first, kept("Pod", pod("2", "2026-01-01T00:01:00Z")));
        assert_eq!(
            first["spec"],
            json!({"containers": [{"name": "istio-proxy"}]})
        );
        let failing = json!({"type": "Ready", "status": "False"});
        let mut other = pod("3", "x");
        other["status"]["conditions"][0] = failing;
        assert_ne!(first, kept("Pod", other));
    }

    #[test]
    fn of_a_secret_only_its_name_is_kept() {
        let secret = json!({
            "kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/tls",
            "metadata": {"name": "a", "namespace": "b", "annotations": {APPLIED: "key"}},
            "data": {"tls.key": "c2VjcmV0"},
        });
        assert_eq!(
            kept("Secret", secret),
            json!({"kind": "Secret", "apiVersion": "v1", "type": "kubernetes.io/tls", "metadata": {"name": "a", "namespace": "b"}})
        );
    }
}
