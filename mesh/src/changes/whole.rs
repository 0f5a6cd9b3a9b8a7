//! Making one object another as a whole: what differs, as the least that must be written, and its inverse.
//!
//! Only the specification, labels and annotations are anybody's to change; what the server keeps is left to
//! it, and our own annotations are no one's but ours. Fields that nobody knows are kept as they are.

use json_patch::{Patch, PatchOperation};
use serde_json::{Map, Value, json};

use super::journal::{JOURNAL, Journal};
use super::weights::{add, annotation_pointer, escaped, remove, replace};
use crate::api::routes::Change;
use crate::object::{ObjectKey, resource_version, text_at, uid};

/// Annotations that begin with this are ours.
pub const OURS: &str = "pidali.dev/";

/// What the server keeps of an object's metadata: not looked at.
const SERVERS: [&str; 5] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
];

/// Why an object can't be made what a manifest says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadManifest {
    /// It is a text or a list, or nothing.
    #[error("it is no object with fields")]
    NoObject,
    /// It is another object.
    #[error("it names {manifest}, but {asked} is to be changed")]
    Another {
        /// Which the manifest names.
        manifest: String,
        /// Which was asked for.
        asked: String,
    },
    /// It is of another API.
    #[error("its apiVersion is `{0}`, not one of {1}")]
    AnotherApi(String, String),
    /// It is an object that was there before under this name.
    #[error("it has another uid: an object of that name was there before")]
    AnotherUid,
    /// A field that is not anybody's to change here.
    #[error("it changes {0}; only spec, labels and annotations can be changed here")]
    NotOurs(String),
    /// Our own record.
    #[error("it changes the annotation {0}, which is the record of changes")]
    Record(String),
}

/// One field that changes. For items of lists, the ones before it in a list of moves are in effect already.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// A JSON pointer.
    pub path: String,
    /// What is there before; nothing where it comes.
    pub was: Option<Value>,
    /// What is there after; nothing where it goes.
    pub is: Option<Value>,
    /// How many items the list has before, where it is an item that comes or goes.
    pub of: Option<usize>,
}

/// A field that is no longer what a change made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Which.
    pub path: String,
    /// What was there before the change.
    pub before: Option<Value>,
    /// What the change made it.
    pub after: Option<Value>,
    /// What is there now.
    pub now: Option<Value>,
}

/// Returns the object that `manifest` makes of `live`; of nothing, where there is none.
///
/// # Errors
/// Where the manifest is of another object, or changes what is not anybody's to change.
pub fn wanted(
    live: Option<&Value>,
    key: &ObjectKey,
    group: &str,
    manifest: &Value,
) -> Result<Value, BadManifest> {
    let fields = manifest.as_object().ok_or(BadManifest::NoObject)?;
    let mut its = ObjectKey::of(manifest);
    if its.namespace.is_empty() {
        its.namespace.clone_from(&key.namespace);
    }
    if its != *key {
        return Err(BadManifest::Another {
            manifest: its.to_string(),
            asked: key.to_string(),
        });
    }
    let api = text_at(manifest, "/apiVersion").unwrap_or_default();
    if api.split_once('/').map(|(group, _)| group) != Some(group) {
        return Err(BadManifest::AnotherApi(api.to_owned(), group.to_owned()));
    }
    for field in fields.keys() {
        let known = ["apiVersion", "kind", "metadata", "spec", "status"];
        if !known.contains(&field.as_str()) {
            return Err(BadManifest::NotOurs(field.clone()));
        }
    }
    let nothing = Map::new();
    let metadata = fields.get("metadata").and_then(Value::as_object);
    let metadata = metadata.unwrap_or(&nothing);
    let of_live = live.and_then(|live| live.get("metadata")?.as_object());
    if let Some(live) = live
        && let Some(its_uid) = uid(manifest)
        && uid(live) != Some(its_uid)
    {
        return Err(BadManifest::AnotherUid);
    }
    for (field, value) in metadata {
        let is_ours_to_change = ["labels", "annotations"].contains(&field.as_str());
        let is_known = ["name", "namespace", "uid"].contains(&field.as_str());
        let is_servers = SERVERS.contains(&field.as_str());
        let is_same = value.is_null() || of_live.and_then(|live| live.get(field)) == Some(value);
        if !(is_ours_to_change || is_known || is_servers || is_same) {
            return Err(BadManifest::NotOurs(format!("metadata.{field}")));
        }
    }
    let mut object = live.cloned().unwrap_or_else(|| {
        json!({
            "apiVersion": api,
            "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace},
        })
    });
    let annotations = annotations(of_live, metadata)?;
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        set(metadata, "annotations", annotations);
        let labels = fields.get("metadata").and_then(|m| m.get("labels"));
        set(metadata, "labels", labels.cloned().map(without_nulls));
    }
    if let Some(object) = object.as_object_mut() {
        set(
            object,
            "spec",
            fields.get("spec").cloned().map(without_nulls),
        );
    }
    Ok(object)
}

/// Returns the annotations of a manifest with ours as they are: those can be left out, but not changed.
fn annotations(
    live: Option<&Map<String, Value>>,
    manifest: &Map<String, Value>,
) -> Result<Option<Value>, BadManifest> {
    let of = |metadata: &Map<String, Value>| metadata.get("annotations")?.as_object().cloned();
    let live = live.and_then(of);
    let written = of(manifest);
    let mut wanted = written.unwrap_or_default();
    wanted.retain(|_, value| !value.is_null());
    let ours = |fields: &Map<String, Value>| -> Map<String, Value> {
        let ours = fields.iter().filter(|(name, _)| name.starts_with(OURS));
        ours.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let kept = live.as_ref().map(ours).unwrap_or_default();
    for (name, value) in ours(&wanted) {
        if kept.get(&name) != Some(&value) {
            return Err(BadManifest::Record(name));
        }
    }
    wanted.extend(kept);
    Ok((!wanted.is_empty()).then(|| wanted.into()))
}

fn set(fields: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    match value {
        Some(value) if !value.is_null() => {
            fields.insert(name.to_owned(), value);
        }
        _ => {
            fields.remove(name);
        }
    }
}

/// To a server, `null` is the same as absent.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Returns what must be written to make `live` what is `wanted`: as little as possible, in order.
pub fn moves(live: &Value, wanted: &Value) -> Vec<Move> {
    let mut found = Vec::new();
    differ("/spec", live.get("spec"), wanted.get("spec"), &mut found);
    let at = |object: &Value, field: &str| object.get("metadata")?.get(field).cloned();
    let (labels, other) = (at(live, "labels"), at(wanted, "labels"));
    differ(
        "/metadata/labels",
        labels.as_ref(),
        other.as_ref(),
        &mut found,
    );
    // The record needs annotations to be there: they never come or go as a whole.
    let named = |object: &Value| {
        let fields = at(object, "annotations").unwrap_or_else(|| json!({}));
        let mut fields = fields.as_object().cloned().unwrap_or_default();
        fields.retain(|name, _| !name.starts_with(OURS));
        Value::from(fields)
    };
    differ(
        "/metadata/annotations",
        Some(&named(live)),
        Some(&named(wanted)),
        &mut found,
    );
    found
}

fn differ(path: &str, was: Option<&Value>, is: Option<&Value>, found: &mut Vec<Move>) {
    match (was, is) {
        (Some(Value::Object(was)), Some(Value::Object(is))) => {
            for (name, value) in was {
                let path = format!("{path}/{}", escaped(name));
                differ(&path, Some(value), is.get(name), found);
            }
            for (name, value) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
                let path = format!("{path}/{}", escaped(name));
                differ(&path, None, Some(value), found);
            }
        }
        (Some(Value::Array(was)), Some(Value::Array(is))) => lists(path, was, is, found),
        (was, is) if was == is => {}
        (was, is) => found.push(Move {
            path: path.to_owned(),
            was: was.cloned(),
            is: is.cloned(),
            of: None,
        }),
    }
}

/// Items of lists have no names: one that differs alone is the same item changed, several are others.
fn lists(path: &str, was: &[Value], is: &[Value], found: &mut Vec<Move>) {
    let both = was.iter().zip(is);
    let start = both.clone().take_while(|(was, is)| was == is).count();
    let rest = was.len().min(is.len()) - start;
    let from_behind = was.iter().rev().zip(is.iter().rev());
    let end = from_behind
        .take(rest)
        .take_while(|(was, is)| was == is)
        .count();
    let gone = was.get(start..was.len() - end).unwrap_or_default();
    let come = is.get(start..is.len() - end).unwrap_or_default();
    if let ([one], [other]) = (gone, come) {
        differ(&format!("{path}/{start}"), Some(one), Some(other), found);
        return;
    }
    let mut len = was.len();
    let swapped = gone.len().min(come.len());
    for (idx, (was, is)) in gone.iter().zip(come).enumerate() {
        if was != is {
            found.push(Move {
                path: format!("{path}/{}", start + idx),
                was: Some(was.clone()),
                is: Some(is.clone()),
                of: None,
            });
        }
    }
    for (idx, value) in gone.iter().enumerate().skip(swapped).rev() {
        found.push(Move {
            path: format!("{path}/{}", start + idx),
            was: Some(value.clone()),
            is: None,
            of: Some(len),
        });
        len -= 1;
    }
    for (idx, value) in come.iter().enumerate().skip(swapped) {
        found.push(Move {
            path: format!("{path}/{}", start + idx),
            was: None,
            is: Some(value.clone()),
            of: Some(len),
        });
        len += 1;
    }
}

/// Returns what takes moves back, in order.
pub fn inverse(moves: &[Move]) -> Vec<Move> {
    let back = |it: &Move| {
        let of = it.of.map(|of| match (&it.was, &it.is) {
            (None, _) => of + 1,
            _ => of - 1,
        });
        Move {
            path: it.path.clone(),
            was: it.is.clone(),
            is: it.was.clone(),
            of,
        }
    };
    moves.iter().rev().map(back).collect()
}

/// Returns the object after moves, each of which must find what it changes.
///
/// # Errors
/// All fields that are not what the moves expect.
pub fn moved(object: &Value, moves: &[Move]) -> Result<Value, Vec<Changed>> {
    let mut work = object.clone();
    let mut changed = Vec::new();
    for step in moves {
        let now = value_at(&work, step);
        let is_as_expected = match step.of {
            // Among fewer or more items its place says nothing.
            Some(of) => items(&work, step) == Some(of) && (step.was.is_none() || now == step.was),
            None => now == step.was,
        };
        let patch = Patch(vec![operation(step)]);
        if !is_as_expected || json_patch::patch(&mut work, &patch).is_err() {
            changed.push(Changed {
                path: step.path.clone(),
                before: step.is.clone(),
                after: step.was.clone(),
                now,
            });
        }
    }
    if changed.is_empty() {
        Ok(work)
    } else {
        Err(changed)
    }
}

fn value_at(object: &Value, step: &Move) -> Option<Value> {
    let found = object.pointer(&step.path).cloned();
    let empty = || (step.path == "/metadata/annotations").then(|| json!({}));
    found.or_else(empty)
}

fn items(object: &Value, step: &Move) -> Option<usize> {
    let (list, _) = step.path.rsplit_once('/')?;
    Some(object.pointer(list)?.as_array()?.len())
}

fn operation(step: &Move) -> PatchOperation {
    match (&step.was, &step.is) {
        (_, None) => remove(&step.path),
        (None, Some(value)) => add(&step.path, value.clone()),
        (Some(_), Some(value)) => replace(&step.path, value.clone()),
    }
}

/// Returns the patch of moves with their record, which holds only for this version of the object.
pub fn patch(live: &Value, moves: &[Move], record: &Change) -> Patch {
    let mut operations = vec![replace(
        "/metadata/resourceVersion",
        resource_version(live).into(),
    )];
    if live.pointer("/metadata/annotations").is_none() {
        operations.push(add("/metadata/annotations", json!({})));
    }
    operations.extend(moves.iter().map(operation));
    let journal = Journal::of(live).with(record);
    operations.push(add(&annotation_pointer(JOURNAL), journal.into()));
    Patch(operations)
}

/// Returns a new object with the record that it was made.
pub fn made(wanted: &Value, record: &Change) -> Value {
    let mut object = wanted.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let annotations = metadata
            .entry("annotations")
            .or_insert_with(|| json!({}))
            .as_object_mut();
        if let Some(annotations) = annotations {
            let journal = Journal::of(wanted).with(record);
            annotations.insert(JOURNAL.to_owned(), journal.into());
        }
    }
    object
}

/// Returns moves as they are kept.
pub fn to_json(moves: &[Move]) -> Value {
    moves
        .iter()
        .map(|it| json!({"path": it.path, "was": it.was, "is": it.is, "of": it.of}))
        .collect()
}

/// Reads moves as they are kept; nothing where they are not such, or touch what is not anybody's to change.
pub fn from_json(value: &Value) -> Option<Vec<Move>> {
    let read = |it: &Value| {
        let path = text_at(it, "/path")?;
        let is_open = ["/spec", "/metadata/labels", "/metadata/annotations"]
            .iter()
            .any(|open| {
                path.strip_prefix(open)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            });
        let is_ours = path.starts_with(&annotation_pointer(OURS));
        if !is_open || is_ours || path == "/metadata/annotations" {
            return None;
        }
        let value = |name: &str| it.get(name).filter(|value| !value.is_null()).cloned();
        Some(Move {
            path: path.to_owned(),
            was: value("was"),
            is: value("is"),
            of: match it.get("of").filter(|of| !of.is_null()) {
                None => None,
                Some(of) => Some(usize::try_from(of.as_u64()?).ok()?),
            },
        })
    };
    value.as_array()?.iter().map(read).collect()
}
