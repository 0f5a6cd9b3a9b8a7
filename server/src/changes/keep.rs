//! Copies of objects from before a structural change, as ControllerRevisions (rule W6): what they replaced
//! can be put back.

use mesh::api::routes::RouteRef;
use mesh::object::{self, ObjectKey, text_at};
use serde_json::{Value, json};

use crate::cluster::{Cluster, key_of};

/// The label that names the change.
const CHANGE: &str = "pidali.dev/change";

/// Returns the ControllerRevision that keeps a copy of `object`; it belongs to `leader`, which stays.
pub fn copy(object: &Value, leader: &Value, change: &str) -> Value {
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
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name(&key, change),
            "namespace": key.namespace,
            "labels": {CHANGE: change, "app.kubernetes.io/managed-by": "pidali"},
            "ownerReferences": [{
                "apiVersion": text_at(leader, "/apiVersion"),
                "kind": text_at(leader, "/kind"),
                "name": text_at(leader, "/metadata/name"),
                "uid": object::uid(leader),
                "controller": true,
            }],
        },
        "revision": object::generation(object).unwrap_or(1),
        "data": data,
    })
}

/// Returns the copy of a route from before a change of `leader`: one that belongs to it and holds that very
/// route. Anyone may write ControllerRevisions; what they hold is not trusted beyond that.
pub async fn find(cluster: &Cluster, leader: &Value, id: &str, change: &str) -> Option<Value> {
    let key = key_of(&id.parse::<RouteRef>().ok()?);
    let own = ObjectKey::of(leader);
    if key.namespace != own.namespace || key.kind != own.kind {
        return None;
    }
    let revision = ObjectKey {
        kind: "ControllerRevision".to_owned(),
        namespace: key.namespace.clone(),
        name: name(&key, change),
    };
    let found = cluster.get(&revision).await.ok()?;
    let owner = text_at(&found, "/metadata/ownerReferences/0/uid");
    let data = found.get("data")?;
    let is_ours = owner.is_some() && owner == object::uid(leader);
    (is_ours && ObjectKey::of(data) == key).then(|| data.clone())
}

/// Names of objects are at most 253 characters long; ids of changes are 15.
fn name(key: &ObjectKey, change: &str) -> String {
    let short: String = key.name.chars().take(200).collect();
    format!("pidali-{short}-{change}")
}
