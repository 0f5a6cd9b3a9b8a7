//! The patch that sets the weights of one rule.

use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::{Value, json};

use super::journal::{JOURNAL, Journal};
use crate::api::routes::{Change, RouteKind};
use crate::object::resource_version;
use crate::routing::weights::Absent;
use crate::routing::{Rule, destination_pointer};

/// The most that all weights of a rule may add up to: what Envoy's and Istio's 32 bits hold.
const MAX_SUM: u64 = i32::MAX as u64;

/// The most that one weight of a Gateway API route may be
/// (<https://gateway-api.sigs.k8s.io/reference/spec/#backendref>).
const MAX_BACKEND_WEIGHT: u32 = 1_000_000;

/// Why weights can't be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWeights {
    /// There is nothing to share out.
    #[error("rule {0} has one destination, which takes all of its calls")]
    Lone(String),
    /// There is nobody to share it out to.
    #[error("rule {rule} has no destination: it {does}")]
    Nowhere {
        /// The rule.
        rule: String,
        /// What becomes of its calls instead.
        does: String,
    },
    /// Too few or too many.
    #[error("rule {rule} has {has} destinations, but there are {given} weights")]
    Count {
        /// The rule.
        rule: String,
        /// How many destinations it has.
        has: usize,
        /// How many weights were given.
        given: usize,
    },
    /// Nothing would go anywhere.
    #[error("all weights are zero, so the rule would send its calls nowhere")]
    AllZero,
    /// One number is too large for its kind of route.
    #[error("a weight of {0} is more than the 1000000 that the Gateway API takes")]
    TooHeavy(u32),
    /// The numbers are too large.
    #[error("the weights add up to {0}, more than 2147483647")]
    TooLarge(u64),
}

/// Returns the weights as they are to be written, or why they can't be.
pub fn checked(rule: &Rule, weights: &[u32]) -> Result<Vec<Option<u32>>, BadWeights> {
    let place = rule.place.to_string();
    let has = rule.destinations.len();
    match has {
        0 => {
            let does = rule.action.words();
            let does = does.unwrap_or_else(|| "sends its calls nowhere".to_owned());
            return Err(BadWeights::Nowhere { rule: place, does });
        }
        1 => return Err(BadWeights::Lone(place)),
        _ => {}
    }
    if has != weights.len() {
        return Err(BadWeights::Count {
            rule: place,
            has,
            given: weights.len(),
        });
    }
    let heaviest = weights.iter().copied().max().unwrap_or(0);
    if rule.absent_weight == Absent::One && heaviest > MAX_BACKEND_WEIGHT {
        return Err(BadWeights::TooHeavy(heaviest));
    }
    match weights.iter().map(|w| u64::from(*w)).sum::<u64>() {
        0 => Err(BadWeights::AllZero),
        sum if sum > MAX_SUM => Err(BadWeights::TooLarge(sum)),
        _ => Ok(weights.iter().copied().map(Some).collect()),
    }
}

/// Returns the patch that sets the weights of `rule` in `object` and records it, all or nothing.
///
/// It holds only for the version of the object that it was made for (else 409), and only where each
/// destination is still the one that was seen (else 422). `None` removes a weight.
pub fn set_weights(
    object: &Value,
    kind: RouteKind,
    rule: &Rule,
    to: &[Option<u32>],
    record: &Change,
) -> Patch {
    let mut patch = vec![replace(
        "/metadata/resourceVersion",
        resource_version(object).into(),
    )];
    for (idx, weight) in to.iter().enumerate() {
        let at = destination_pointer(kind, rule.place, idx);
        let Some(live) = object.pointer(&at) else {
            continue;
        };
        patch.extend(same_destination(kind, &at, live));
        let pointer = format!("{at}/weight");
        match weight {
            // `add` replaces as well.
            Some(weight) => patch.push(add(&pointer, (*weight).into())),
            None if live.get("weight").is_some() => {
                patch.push(remove(&pointer));
            }
            None => {}
        }
    }
    if object.pointer("/metadata/annotations").is_none() {
        patch.push(add("/metadata/annotations", json!({})));
    }
    let journal = Journal::of(object).with(record);
    patch.push(add(&annotation_pointer(JOURNAL), journal.into()));
    Patch(patch)
}

/// Tests that a destination is still the same, but for its weight.
fn same_destination(kind: RouteKind, at: &str, live: &Value) -> Vec<PatchOperation> {
    match kind {
        RouteKind::VirtualService => {
            let destination = live.get("destination").cloned().unwrap_or(Value::Null);
            vec![test(&format!("{at}/destination"), destination)]
        }
        // A backendRef's weight stands beside its name: its other fields are tested one by one.
        RouteKind::HttpRoute | RouteKind::GrpcRoute => live
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(field, _)| *field != "weight")
            .map(|(field, value)| test(&format!("{at}/{}", escaped(field)), value.clone()))
            .collect(),
    }
}

/// Returns the pointer of an annotation.
pub(super) fn annotation_pointer(name: &str) -> String {
    format!("/metadata/annotations/{}", escaped(name))
}

/// Escapes a name for a JSON pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

pub(super) fn path(pointer: &str) -> PointerBuf {
    // Every pointer here starts with a slash and escapes names; the root stands for one that did not.
    PointerBuf::parse(pointer).unwrap_or_default()
}

pub(super) fn add(pointer: &str, value: Value) -> PatchOperation {
    PatchOperation::Add(AddOperation {
        path: path(pointer),
        value,
    })
}

pub(super) fn remove(pointer: &str) -> PatchOperation {
    PatchOperation::Remove(RemoveOperation {
        path: path(pointer),
    })
}

pub(super) fn replace(pointer: &str, value: Value) -> PatchOperation {
    PatchOperation::Replace(ReplaceOperation {
        path: path(pointer),
        value,
    })
}

pub(super) fn test(pointer: &str, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation {
        path: path(pointer),
        value,
    })
}
