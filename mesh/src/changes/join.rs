//! Joining two VirtualServices that split one service into one, where a single patch moves both groups of
//! callers at once (rules W4 and P3).

use json_patch::Patch;
use serde_json::{Value, json};

use super::journal::{JOURNAL, Journal};
use super::weights::{add, annotation_pointer, replace, test};
use crate::api::routes::Change;
use crate::object::{ObjectKey, resource_version};
use crate::routing::VirtualService;

/// Why two objects can't be joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJoin {
    /// Only VirtualServices have gateways and hosts to put together.
    #[error("only VirtualServices can be joined")]
    NotVirtualServices,
    /// An object can't be joined with itself.
    #[error("a route can't be joined with itself")]
    Same,
    /// Short host names would change their meaning.
    #[error("they are in different namespaces, where the same short names mean different services")]
    OtherNamespace,
    /// One of them can't be read.
    #[error("{0}")]
    Unreadable(String),
    /// They do different things, so that one rule can't speak for both.
    #[error("they differ in more than hosts, gateways and weights: {0}")]
    Differ(String),
}

/// Returns the patch that makes `stays` speak for the hosts and callers of `goes` as well, with the weights
/// that `stays` has.
pub fn join(stays: &Value, goes: &Value, record: &Change) -> Result<Patch, BadJoin> {
    let (key, other) = (ObjectKey::of(stays), ObjectKey::of(goes));
    if key.kind != "VirtualService" || other.kind != "VirtualService" {
        return Err(BadJoin::NotVirtualServices);
    }
    if key == other {
        return Err(BadJoin::Same);
    }
    if key.namespace != other.namespace {
        return Err(BadJoin::OtherNamespace);
    }
    let read = |object: &Value| {
        VirtualService::read(object).map_err(|error| BadJoin::Unreadable(error.to_string()))
    };
    let (first, second) = (read(stays)?, read(goes)?);
    let (a, b) = (without_weights(stays), without_weights(goes));
    if let Some(field) = difference(&a, &b) {
        return Err(BadJoin::Differ(field));
    }
    let union = |mut list: Vec<String>, more: &[String]| {
        list.extend(
            more.iter()
                .filter(|item| !list.contains(item))
                .cloned()
                .collect::<Vec<_>>(),
        );
        list
    };
    let hosts = union(first.hosts.clone(), &second.hosts);
    let gateways = union(first.gateways.clone(), &second.gateways);
    // A gateway of the object's own namespace is written by its short name, as people do.
    let own = format!("{}/", key.namespace);
    let gateways: Vec<&str> = gateways
        .iter()
        .map(|gateway| gateway.strip_prefix(&own).unwrap_or(gateway))
        .collect();
    let live = stays.pointer("/spec/hosts").cloned().unwrap_or(Value::Null);
    let mut patch = vec![
        replace("/metadata/resourceVersion", resource_version(stays).into()),
        test("/spec/hosts", live),
        add("/spec/hosts", json!(hosts)),
        add("/spec/gateways", json!(gateways)),
    ];
    if stays.pointer("/metadata/annotations").is_none() {
        patch.push(add("/metadata/annotations", json!({})));
    }
    let journal = Journal::of(stays).with(record);
    patch.push(add(&annotation_pointer(JOURNAL), journal.into()));
    Ok(Patch(patch))
}

/// Returns the patch that gives an object the specification it had in `before`.
pub fn restore(live: &Value, before: &Value, record: &Change) -> Patch {
    let spec = before.get("spec").cloned().unwrap_or(Value::Null);
    let mut patch = vec![
        replace("/metadata/resourceVersion", resource_version(live).into()),
        add("/spec", spec),
    ];
    if live.pointer("/metadata/annotations").is_none() {
        patch.push(add("/metadata/annotations", json!({})));
    }
    let journal = Journal::of(live).with(record);
    patch.push(add(&annotation_pointer(JOURNAL), journal.into()));
    Patch(patch)
}

/// Returns the specification without what a join puts together.
fn without_weights(object: &Value) -> Value {
    let mut spec = object.get("spec").cloned().unwrap_or(Value::Null);
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("hosts");
        spec.remove("gateways");
        for list in spec.values_mut().filter_map(Value::as_array_mut) {
            for destination in list
                .iter_mut()
                .filter_map(|rule| rule.get_mut("route")?.as_array_mut())
                .flatten()
            {
                if let Some(destination) = destination.as_object_mut() {
                    destination.remove("weight");
                }
            }
        }
    }
    spec
}

/// Returns where two specifications differ.
fn difference(a: &Value, b: &Value) -> Option<String> {
    let (a, b) = (a.as_object()?, b.as_object()?);
    let fields: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differs = fields
        .into_iter()
        .find(|field| a.get(*field) != b.get(*field))?;
    let len = |spec: &serde_json::Map<String, Value>| {
        spec.get(differs)
            .and_then(Value::as_array)
            .map_or(0, Vec::len)
    };
    let (n, m) = (len(a), len(b));
    Some(if n == m {
        format!("their rules under spec.{differs} are not the same")
    } else {
        format!("one has {n} rules under spec.{differs}, the other {m}")
    })
}
