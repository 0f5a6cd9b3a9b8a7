//! The http rules of a VirtualService as a hand edits them: put, moved, removed. An object and an edit in, a new
//! object out; what an edit does not name stays as it is, in this rule and in all others.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>.

use serde_json::{Value, json};

use crate::api::rules::{Fault, RuleSpec};
use crate::object::list_at;
use crate::routing::{RuleList, RulePlace};

mod faults;
mod read;
mod write;

pub(super) use faults::duration_fault;
pub use faults::faults;
pub(super) use write::{put_text, put_value};

use faults::{against, fault};

/// Why a rule can't be edited so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// There is none at that place.
    #[error("there is no rule `{0}`")]
    NoRule(String),
    /// Rules for connections have other fields.
    #[error("`{0}` is a rule for connections, and only http rules can be written here")]
    NotHttp(String),
    /// A route without a rule is none.
    #[error("it is the only rule, and a route must have one")]
    OnlyOne,
    /// A rule stands in one list.
    #[error("`{0}` and `{1}` are in different lists")]
    OtherList(String, String),
    /// Some of its fields are wrong.
    #[error("{}", .0.first().map(|f| format!("{} {}", f.field, f.problem)).unwrap_or_default())]
    Faulty(Vec<Fault>),
}

/// Returns what an http rule says, as far as a hand can edit it.
///
/// # Errors
/// Where there is no such rule.
pub fn read(object: &Value, place: RulePlace) -> Result<RuleSpec, BadRule> {
    let rule = rule_at(object, place)?;
    Ok(read::rule(rule))
}

/// Returns the object with the rule at `place` saying what `spec` does.
///
/// # Errors
/// Where there is no such rule, or `spec` can't be taken.
pub fn put(object: &Value, place: RulePlace, spec: &RuleSpec) -> Result<Value, BadRule> {
    let rule = rule_at(object, place)?;
    let mut found = faults(spec);
    found.extend(against(rule, spec));
    if !found.is_empty() {
        return Err(BadRule::Faulty(found));
    }
    let written = write::rule(rule, &read(object, place)?, spec);
    Ok(with_rules(object, place.list, |rules| {
        if let Some(rule) = rules.get_mut(place.idx) {
            *rule = written;
        }
    }))
}

/// Returns the object with a new rule before the one at `place`, or behind the last.
///
/// # Errors
/// Where there is no such place, or `spec` can't be taken.
pub fn add(object: &Value, place: RulePlace, spec: &RuleSpec) -> Result<Value, BadRule> {
    if place.list != RuleList::Http {
        return Err(BadRule::NotHttp(place.to_string()));
    }
    let n = list_at(object, "/spec/http").len();
    if n < place.idx {
        return Err(BadRule::NoRule(place.to_string()));
    }
    let mut found = faults(spec);
    if spec.destinations.is_empty() {
        found.push(fault(
            "destinations",
            "are missing: a new rule sends its calls somewhere",
        ));
    }
    if !found.is_empty() {
        return Err(BadRule::Faulty(found));
    }
    let written = write::rule(&json!({}), &RuleSpec::default(), spec);
    Ok(with_rules(object, place.list, |rules| {
        rules.insert(place.idx, written);
    }))
}

/// Returns the object with a rule at another place of its list.
///
/// # Errors
/// Where one of the places is not there.
pub fn shift(object: &Value, from: RulePlace, to: RulePlace) -> Result<Value, BadRule> {
    if from.list != to.list {
        return Err(BadRule::OtherList(from.to_string(), to.to_string()));
    }
    let n = list_at(object, &format!("/spec/{}", from.list.as_str())).len();
    for place in [from, to] {
        if n <= place.idx {
            return Err(BadRule::NoRule(place.to_string()));
        }
    }
    Ok(with_rules(object, from.list, |rules| {
        let rule = rules.remove(from.idx);
        rules.insert(to.idx, rule);
    }))
}

/// Returns the object without a rule.
///
/// # Errors
/// Where it is not there, or the only one.
pub fn remove(object: &Value, place: RulePlace) -> Result<Value, BadRule> {
    let pointer = |list: RuleList| format!("/spec/{}", list.as_str());
    let n = list_at(object, &pointer(place.list)).len();
    if n <= place.idx {
        return Err(BadRule::NoRule(place.to_string()));
    }
    let all: usize = RuleList::ALL
        .iter()
        .map(|list| list_at(object, &pointer(*list)).len())
        .sum();
    if all == 1 {
        return Err(BadRule::OnlyOne);
    }
    Ok(with_rules(object, place.list, |rules| {
        rules.remove(place.idx);
    }))
}
fn rule_at(object: &Value, place: RulePlace) -> Result<&Value, BadRule> {
    if place.list != RuleList::Http {
        return Err(BadRule::NotHttp(place.to_string()));
    }
    let found = list_at(object, "/spec/http").nth(place.idx);
    found.ok_or_else(|| BadRule::NoRule(place.to_string()))
}

fn with_rules(object: &Value, list: RuleList, edit: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut object = object.clone();
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let rules = spec.entry(list.as_str()).or_insert_with(|| json!([]));
        if let Some(rules) = rules.as_array_mut() {
            edit(rules);
            if rules.is_empty() {
                spec.remove(list.as_str());
            }
        }
    }
    object
}
