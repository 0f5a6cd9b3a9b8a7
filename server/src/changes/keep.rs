//! Copies of objects from before a structural change, as ControllerRevisions (rule W6): what they replaced
//! can be put back.

use std::sync::Arc;

use mesh::object::{ObjectKey, label, text_at};
use serde_json::{Value, json};

/// The label that names the change.
const CHANGE: &str = "pidali.dev/change";

/// Returns the ControllerRevision that keeps a copy of `object`.
pub fn copy(object: &Value, change: &str) -> Value {
    let key = ObjectKey::of(object);
    let mut data = object.clone();
    if let Some(metadata) = data.get_mut("metadata").and_then(Value::as_object_mut) {
        // What only the server writes can't be written again.
        for owned in [
            "managedFields",
            "resourceVersion",
            "uid",
            "generation",
            "creationTimestamp",
        ] {
            metadata.remove(owned);
        }
    }
    if let Some(object) = data.as_object_mut() {
        object.remove("status");
    }
    let revision = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": format!("pidali-{}-{change}", key.name),
            "namespace": key.namespace,
            "labels": {CHANGE: change, "app.kubernetes.io/managed-by": "pidali"},
            "ownerReferences": [],
        },
        "revision": revision,
        "data": data,
    })
}

/// Returns the copies that a change kept, sorted by key.
pub fn copies(objects: &[Arc<Value>], change: &str) -> Vec<(ObjectKey, Value)> {
    let mut found: Vec<(ObjectKey, Value)> = objects
        .iter()
        .filter(|object| text_at(object, "/kind") == Some("ControllerRevision"))
        .filter(|object| label(object, CHANGE) == Some(change))
        .filter_map(|object| {
            let data = object.get("data")?.clone();
            Some((ObjectKey::of(&data), data))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
