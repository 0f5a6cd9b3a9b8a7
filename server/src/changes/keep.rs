//! Copies of objects from before a structural change, as ControllerRevisions (rule W6): what they replaced
//! can be put back.

use std::collections::BTreeSet;

use mesh::api::objects::ObjectRef;
use mesh::changes::journal::Journal;
use mesh::changes::whole::{self, Move};
use mesh::object::{self, ObjectKey, annotation, text_at};
use serde_json::{Value, json};
use tracing::warn;

use crate::cluster::{Cluster, key_of};

/// The label that names the change.
const CHANGE: &str = "pidali.dev/change";
/// The annotation with the fields that the change set, as they are taken back.
const BACK: &str = "pidali.dev/back";

/// The annotation that says how far the change came that a copy is from before: `pending`, then `applied@` with the
/// version of the object that it made. A copy that stays pending is of a change that never was, or was not noted.
const STATE: &str = "pidali.dev/state";

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
            "annotations": {STATE: "pending"},
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
        revision["metadata"]["annotations"][BACK] = text.into();
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

/// Notes on the copies of a change that it came to be, as a version of the object. The change stands whether that
/// succeeds or not.
pub async fn note_applied(cluster: &Cluster, copies: &[&Value], version: &str) {
    let path = format!("/metadata/annotations/{}", STATE.replace('/', "~1"));
    let note = json!([{"op": "add", "path": path, "value": format!("applied@{version}")}]);
    let Ok(note) = serde_json::from_value(note) else {
        return;
    };
    for copy in copies {
        let key = ObjectKey::of(copy);
        if let Err(error) = cluster.patch(&key, &note, false).await {
            warn!(copy = key.name, why = %error, "A copy could not be noted as applied");
        }
    }
}

/// Removes the copies from before changes that the journal of an object has forgotten: nothing takes those back any
/// more. `before` and `after` are the object around a change.
pub async fn prune(cluster: &Cluster, before: &Value, after: &Value) {
    let remembered = Journal::of(after);
    let forgotten = Journal::of(before).changes.into_iter();
    let forgotten =
        forgotten.filter(|it| it.what.is_some() && remembered.find(&it.change).is_none());
    let own = ObjectKey::of(after);
    for change in forgotten {
        let others = change
            .together
            .iter()
            .filter_map(|id| id.parse::<ObjectRef>().ok());
        let others = others
            .map(|it| key_of(&it))
            .filter(|it| it.namespace == own.namespace);
        let keys: BTreeSet<ObjectKey> = others.chain([own.clone()]).collect();
        for key in keys {
            let revision = ObjectKey {
                kind: "ControllerRevision".to_owned(),
                namespace: key.namespace.clone(),
                name: name(&key, &change.change),
            };
            let Ok(found) = cluster.get(&revision).await else {
                continue;
            };
            let owner = text_at(&found, "/metadata/ownerReferences/0/uid");
            if owner.is_none() || owner != object::uid(after) {
                continue;
            }
            let version = object::resource_version(&found);
            if let Err(error) = cluster.delete(&revision, version, false).await {
                warn!(copy = revision.name, why = %error, "A copy that nothing needs could not be removed");
            }
        }
    }
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
