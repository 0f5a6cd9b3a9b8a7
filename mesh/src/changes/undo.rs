//! Taking a change of weights back (rule W7).

use serde_json::Value;

use super::journal::Journal;
use crate::api::routes::Change;
use crate::routing::Rule;

/// Why a change can't be taken back as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotUndo {
    /// The object records no such change.
    #[error("the object records no change `{0}`")]
    NotRecorded(String),
    /// It was no change of weights.
    #[error("change `{0}` moved no weights: it is taken back as a whole")]
    NotWeights(String),
    /// No rule has those destinations any more.
    #[error("no rule of the object sends to {} any more", .0.join(" and "))]
    RuleGone(Vec<String>),
    /// Someone changed the same weights since.
    #[error("the weights are no longer those that the change set")]
    ChangedSince {
        /// What was there before the change.
        before: Vec<Option<u32>>,
        /// What it set.
        after: Vec<Option<u32>>,
        /// What is there now.
        now: Vec<Option<u32>>,
    },
}

/// Returns the rule and the weights that take `change` back.
///
/// The rule is found by its destinations where it was moved in the list. Weights that someone changed
/// since are only written over when `over` names them as they are now.
pub fn undo<'a>(
    object: &Value,
    rules: &'a [Rule],
    change: &str,
    over: Option<&[Option<u32>]>,
) -> Result<(&'a Rule, Change), CannotUndo> {
    let journal = Journal::of(object);
    let recorded = journal
        .find(change)
        .ok_or_else(|| CannotUndo::NotRecorded(change.chars().take(40).collect()))?;
    // A record that someone wrote may say anything.
    let n = recorded.destinations.len();
    if recorded.what.is_some() || n < 2 || recorded.before.len() != n {
        return Err(CannotUndo::NotWeights(recorded.change.clone()));
    }
    let rule = rule_of(rules, recorded)
        .ok_or_else(|| CannotUndo::RuleGone(recorded.destinations.clone()))?;
    let now: Vec<Option<u32>> = rule.destinations.iter().map(|d| d.weight).collect();
    let is_back = now == recorded.before;
    if now != recorded.after && !is_back && over != Some(now.as_slice()) {
        return Err(CannotUndo::ChangedSince {
            before: recorded.before.clone(),
            after: recorded.after.clone(),
            now,
        });
    }
    Ok((rule, recorded.clone()))
}

/// Returns the rule that a change was of: at its old place, or the only one with its destinations.
fn rule_of<'a>(rules: &'a [Rule], change: &Change) -> Option<&'a Rule> {
    let has = |rule: &&Rule| rule.destination_keys() == change.destinations;
    let mut found = rules.iter().filter(has);
    let at_its_place = rules
        .iter()
        .find(|rule| rule.place.to_string() == change.rule);
    match at_its_place.filter(has) {
        Some(rule) => Some(rule),
        None => found.next().filter(|_| found.next().is_none()),
    }
}
