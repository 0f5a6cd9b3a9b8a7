//! Copies of objects from before a structural change, as ControllerRevisions (rule W6): what they replaced
//! can be put back.

use mesh::api::objects::ObjectRef;
use mesh::changes::whole::{self, Move};
use mesh::object::{self, ObjectKey, annotation, text_at};
use serde_json::{Value, json};

use crate::cluster::{Cluster, key_of};

/// The label that names the change.
const CHANGE: &str = "pidali.dev/change";
/// The annotation with the fields that the change set, as they are taken back.
const BACK: &str = "pidali.dev/back";

/// What was kept of an object from before a change.
pub struct Kept {
    /// The object as it was.
    pub object: Value,
    /// What takes the change back, field by field; nothing where it was not a change of fields.
    pub back: Option<Vec<Move>>,
}

/// Returns the ControllerRevision that keeps a copy of `object`, and `back`, which takes the change back; it
/// belongs to `leader`, which stays.
pub fn copy(object: &Value, leader: &Value, change: &str, back: Option<&[Move]>) -> Value {
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
    let mut revision = json!({
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
    });
    if let Some(back) = back {
        let text = whole::to_json(back).to_string();
        revision["metadata"]["annotations"] = json!({BACK: text});
    }
    revision
}

/// Returns what is kept of an object from before a change of `leader`: what belongs to it and holds that very
/// object. Anyone may write ControllerRevisions; what they hold is not trusted beyond that.
pub async fn find(cluster: &Cluster, leader: &Value, id: &str, change: &str) -> Option<Kept> {
    let key = key_of(&id.parse::<ObjectRef>().ok()?);
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
    (is_ours && ObjectKey::of(data) == key).then(|| Kept {
        object: data.clone(),
        back: annotation(&found, BACK)
            .and_then(|text| whole::from_json(&serde_json::from_str(text).ok()?)),
    })
}

/// Names of objects are at most 253 characters long; ids of changes are 15.
fn name(key: &ObjectKey, change: &str) -> String {
    let short: String = key.name.chars().take(200).collect();
    let kind = match key.kind.as_str() {
        "VirtualService" => String::new(),
        // Objects of several kinds may share a name.
        kind => format!("{}-", kind.to_ascii_lowercase()),
    };
    format!("pidali-{kind}{short}-{change}")
}
