//! Joining two VirtualServices that split one service into one, where a single patch moves both groups of
//! callers at once (rules W4 and P3).

use std::collections::BTreeSet;

use json_patch::Patch;
use serde_json::{Value, json};

use super::journal::{JOURNAL, Journal};
use super::weights::{add, annotation_pointer, remove, replace, test};
use crate::api::routes::Change;
use crate::object::{ObjectKey, label, list_at, resource_version};
use crate::routing::{Rule, RuleList, VirtualService};

/// Names the control plane that an object is for.
const REVISION: &str = "istio.io/rev";

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
    /// One group of callers would be moved by it.
    #[error("they are at different shares; bring both to the same ones first")]
    OtherShares,
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
    if label(stays, REVISION) != label(goes, REVISION) {
        return Err(BadJoin::Differ(
            "they are for different revisions of Istio".to_owned(),
        ));
    }
    let shares =
        |view: &VirtualService| -> Vec<_> { view.rules.iter().map(Rule::shares).collect() };
    if shares(&first) != shares(&second) {
        return Err(BadJoin::OtherShares);
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

/// Returns the patch that takes a join back: `joined` speaks again for the hosts and callers that it spoke
/// for in `before`. Its rules stay as they are now.
pub fn part(joined: &Value, before: &Value, record: &Change) -> Patch {
    let hosts = before.pointer("/spec/hosts").cloned();
    let mut patch = vec![
        replace("/metadata/resourceVersion", resource_version(joined).into()),
        add("/spec/hosts", hosts.unwrap_or(Value::Null)),
    ];
    match before.pointer("/spec/gateways") {
        Some(gateways) => patch.push(add("/spec/gateways", gateways.clone())),
        None if joined.pointer("/spec/gateways").is_some() => patch.push(remove("/spec/gateways")),
        None => {}
    }
    if joined.pointer("/metadata/annotations").is_none() {
        patch.push(add("/metadata/annotations", json!({})));
    }
    let journal = Journal::of(joined).with(record);
    patch.push(add(&annotation_pointer(JOURNAL), journal.into()));
    Patch(patch)
}

/// Returns the object that a join deleted: as its `copy` says it, but with the rules that speak for its callers
/// now, where these are others than those that the object that stayed had `before`.
pub fn parted(joined: &Value, before: &Value, copy: &Value) -> Value {
    let mut copy = copy.clone();
    if let Some(spec) = copy.get_mut("spec").and_then(Value::as_object_mut) {
        for list in RuleList::ALL.map(RuleList::as_str) {
            let rules = |object: &Value| object.pointer(&format!("/spec/{list}")).cloned();
            // The same shares may be said in other numbers, which it gets back.
            if let Some(now) = rules(joined).filter(|now| Some(now) != rules(before).as_ref()) {
                spec.insert(list.to_owned(), now);
            }
        }
    }
    copy
}

/// Returns whether `joined` still speaks for just the hosts of what was joined.
pub fn is_still_joined(joined: &Value, copies: &[&Value]) -> bool {
    let hosts = |object: &Value| -> BTreeSet<String> {
        let hosts = list_at(object, "/spec/hosts").filter_map(Value::as_str);
        hosts.map(str::to_owned).collect()
    };
    let were: BTreeSet<String> = copies.iter().flat_map(|copy| hosts(copy)).collect();
    hosts(joined) == were
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
    let fields: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
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
