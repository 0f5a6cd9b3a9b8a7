//! The record of changes that an object carries itself: an annotation, written in the same patch as the
//! weights, so that record and change are one (rule W6).

use serde_json::Value;

use crate::api::routes::Change;
use crate::object::annotation;

/// The annotation.
pub const JOURNAL: &str = "pidali.dev/journal";
/// How many changes are kept.
const MAX_CHANGES: usize = 20;
/// How long the annotation may be, in bytes; all annotations of an object share 256 KiB.
const MAX_BYTES: usize = 8 * 1024;
/// A longer reason is refused.
pub const MAX_REASON: usize = 500;

/// What an object says of its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// The changes, oldest first.
    pub changes: Vec<Change>,
    /// The annotation is there but can't be read: the next change starts it anew.
    pub is_unreadable: bool,
}

impl Journal {
    /// Returns the journal of an object; empty where it has none.
    pub fn of(object: &Value) -> Journal {
        let Some(text) = annotation(object, JOURNAL) else {
            return Journal::default();
        };
        // One odd entry does not take the others along.
        let entries: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
        let changes: Vec<Change> = entries
            .iter()
            .filter_map(|entry| serde_json::from_value(entry.clone()).ok())
            .collect();
        Journal {
            is_unreadable: changes.is_empty() && text.trim() != "[]",
            changes,
        }
    }

    /// Returns a change by its id.
    pub fn find(&self, change: &str) -> Option<&Change> {
        self.changes.iter().rev().find(|c| c.change == change)
    }

    /// Returns the newest change of a rule.
    pub fn last_of(&self, rule: &str) -> Option<&Change> {
        self.changes.iter().rev().find(|c| c.rule == rule)
    }

    /// Returns the annotation's text with one more change. The oldest give way: past 20, and past 8 KiB.
    pub fn with(&self, change: &Change) -> String {
        let kept = self.changes.len().saturating_sub(MAX_CHANGES - 1);
        let mut lines: Vec<String> = self
            .changes
            .iter()
            .skip(kept)
            .chain([change])
            // A change is made of texts and numbers: it can always be written.
            .filter_map(|c| serde_json::to_string(c).ok())
            .collect();
        let len = |lines: &[String]| lines.iter().map(|l| l.len() + 1).sum::<usize>() + 1;
        while lines.len() > 1 && len(&lines) > MAX_BYTES {
            lines.remove(0);
        }
        format!("[{}]", lines.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn change(n: usize, reason: &str) -> Change {
        Change {
            change: format!("c{n}"),
            at_ms: 1000,
            who: "someone".to_owned(),
            reason: Some(reason.to_owned()),
            rule: "http/0".to_owned(),
            destinations: vec!["backend v1".to_owned(), "backend v2".to_owned()],
            before: vec![Some(90), None],
            after: vec![Some(70), Some(30)],
            what: None,
            made: false,
            undoes: None,
            together: Vec::new(),
        }
    }

    fn object(journal: &str) -> Value {
        json!({"metadata": {"annotations": {JOURNAL: journal}}})
    }

    #[test]
    fn w6_the_last_twenty_changes_are_kept_within_eight_kibibytes() {
        let mut object = object("[]");
        for n in 0..30 {
            let text = Journal::of(&object).with(&change(n, "because"));
            object = json!({"metadata": {"annotations": {JOURNAL: text}}});
        }
        let journal = Journal::of(&object);
        let ids: Vec<&str> = journal.changes.iter().map(|c| c.change.as_str()).collect();
        assert_eq!((ids.len(), ids[0], ids[19]), (20, "c10", "c29"));
        assert_eq!(journal.find("c12"), Some(&change(12, "because")));
        assert_eq!(journal.find("c1"), None);

        for n in 0..30 {
            let text = Journal::of(&object).with(&change(n, &"x".repeat(MAX_REASON)));
            assert!(text.len() <= MAX_BYTES, "{}", text.len());
            object = json!({"metadata": {"annotations": {JOURNAL: text}}});
        }
        let journal = Journal::of(&object);
        assert!(journal.changes.len() > 8);
        assert_eq!(
            journal.last_of("http/0").map(|c| c.change.as_str()),
            Some("c29")
        );
    }

    #[test]
    fn a_journal_that_someone_spoiled_is_said_to_be_and_started_anew() {
        let spoiled = Journal::of(&object("[{]"));
        assert!(spoiled.is_unreadable && spoiled.changes.is_empty());
        let text = spoiled.with(&change(1, "anew"));
        assert_eq!(Journal::of(&object(&text)).changes, [change(1, "anew")]);
        assert_eq!(Journal::of(&json!({})), Journal::default());
    }
}
