//! Splitting a service without routing: subsets for its versions, and the route that names them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::rules::VersionShare;
use crate::object::{list_at, text_at, texts_at};

/// The label that tells versions apart.
pub const VERSION: &str = "version";

/// Why a service can't be split so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSplit {
    /// There is nothing to share out.
    #[error("a split needs two versions or more")]
    Lone,
    /// One is named twice.
    #[error("version {0} is named twice")]
    Twice(String),
    /// No pod has that label.
    #[error("no workload of the service has the label version={0}")]
    NoVersion(String),
    /// Nothing would go anywhere.
    #[error("all weights are zero, so calls would go nowhere")]
    AllZero,
    /// The name is taken by a subset of other pods.
    #[error("subset {0} is there already, for other pods")]
    OtherPods(String),
    /// A subset is named as hosts are.
    #[error("{0} can't be the name of a subset: lower case letters, digits and dashes")]
    NoName(String),
}

/// Checks what is to be split over; `known` are the versions that pods have.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(versions: &[VersionShare], known: &BTreeSet<String>) -> Result<(), BadSplit> {
    if versions.len() < 2 {
        return Err(BadSplit::Lone);
    }
    let mut seen = BTreeSet::new();
    for share in versions {
        if !seen.insert(&share.version) {
            return Err(BadSplit::Twice(share.version.clone()));
        }
        if !known.contains(&share.version) {
            return Err(BadSplit::NoVersion(share.version.clone()));
        }
        if !is_name(&share.version) {
            return Err(BadSplit::NoName(share.version.clone()));
        }
    }
    if versions.iter().all(|share| share.weight == 0) {
        return Err(BadSplit::AllZero);
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= 63
        && text.chars().all(plain)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Returns a DestinationRule with a subset for each version: those that it has are used as they are.
///
/// # Errors
/// Where a subset of that name is of other pods.
pub fn with_subsets(rule: &Value, versions: &[VersionShare]) -> Result<Value, BadSplit> {
    let mut rule = rule.clone();
    for share in versions {
        let labels = BTreeMap::from([(VERSION.to_owned(), share.version.clone())]);
        let there = list_at(&rule, "/spec/subsets")
            .find(|subset| text_at(subset, "/name") == Some(&share.version));
        if let Some(subset) = there {
            if texts_at(subset, "/labels") != labels {
                return Err(BadSplit::OtherPods(share.version.clone()));
            }
            continue;
        }
        if let Some(spec) = rule.get_mut("spec").and_then(Value::as_object_mut) {
            let subsets = spec.entry("subsets").or_insert_with(|| json!([]));
            if let Some(subsets) = subsets.as_array_mut() {
                subsets.push(json!({"name": share.version, "labels": labels}));
            }
        }
    }
    Ok(rule)
}

/// Returns a new DestinationRule of a host.
pub fn new_rule(api_version: &str, namespace: &str, name: &str, host: &str) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": "DestinationRule",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"host": host},
    })
}

/// Returns a new VirtualService that splits a host over subsets.
pub fn new_route(
    api_version: &str,
    namespace: &str,
    name: &str,
    host: &str,
    versions: &[VersionShare],
) -> Value {
    let route: Vec<Value> = versions
        .iter()
        .map(|share| {
            json!({
                "destination": {"host": host, "subset": share.version},
                "weight": share.weight,
            })
        })
        .collect();
    json!({
        "apiVersion": api_version,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hosts": [host], "http": [{"route": route}]},
    })
}

/// Returns the names of a DestinationRule's subsets.
pub fn names(rule: &Value) -> BTreeSet<String> {
    let subsets = list_at(rule, "/spec/subsets");
    subsets
        .filter_map(|subset| text_at(subset, "/name").map(str::to_owned))
        .collect()
}
