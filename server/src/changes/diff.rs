//! Two objects as YAML, line by line.

use mesh::api::changes::{DiffLine, DiffOp};
use mesh::wording::count;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// Returns how `before` becomes `after`; an object that is not there is `None`.
pub fn diff(before: Option<&Value>, after: Option<&Value>) -> Vec<DiffLine> {
    let (before, after) = (yaml(before), yaml(after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = Vec::new();
    let mut shown_to = 0;
    let n_lines = before.lines().count();
    for group in diff.grouped_ops(CONTEXT) {
        let start = group.first().map_or(0, |op| op.old_range().start);
        skip(&mut lines, start.saturating_sub(shown_to));
        for op in &group {
            shown_to = op.old_range().end;
            for change in diff.iter_changes(op) {
                lines.push(DiffLine {
                    op: match change.tag() {
                        ChangeTag::Equal => DiffOp::Keep,
                        ChangeTag::Insert => DiffOp::Add,
                        ChangeTag::Delete => DiffOp::Remove,
                    },
                    text: change.value().trim_end_matches('\n').to_owned(),
                });
            }
        }
    }
    if !lines.is_empty() {
        skip(&mut lines, n_lines.saturating_sub(shown_to));
    }
    lines
}

fn skip(lines: &mut Vec<DiffLine>, n: usize) {
    if n > 0 {
        lines.push(DiffLine {
            op: DiffOp::Skip,
            text: format!("{} unchanged", count(n, "line")),
        });
    }
}

/// Returns an object as YAML, without what the server keeps for itself.
fn yaml(object: Option<&Value>) -> String {
    let Some(object) = object else {
        return String::new();
    };
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for kept in ["managedFields", "resourceVersion", "generation", "uid"] {
            metadata.remove(kept);
        }
    }
    // Whatever is JSON can be written as YAML.
    serde_saphyr::to_string(&object).unwrap_or_else(|error| format!("# {error}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_diff_shows_what_changes_with_its_surroundings() {
        let object = |weight: u32| {
            json!({
                "kind": "VirtualService",
                "metadata": {"name": "a", "resourceVersion": weight.to_string()},
                "spec": {"a": 1, "b": 2, "c": 3, "d": 4, "hosts": ["backend"], "weight": weight, "z": 1},
            })
        };
        let lines = diff(Some(&object(90)), Some(&object(70)));
        let text: Vec<String> = lines
            .iter()
            .map(|line| {
                let sign = match line.op {
                    DiffOp::Keep => ' ',
                    DiffOp::Add => '+',
                    DiffOp::Remove => '-',
                    DiffOp::Skip => '@',
                };
                format!("{sign}{}", line.text)
            })
            .collect();
        assert_eq!(
            text,
            [
                "@7 lines unchanged",
                "   d: 4",
                "   hosts:",
                "   - backend",
                "-  weight: 90",
                "+  weight: 70",
                "   z: 1",
            ]
        );
        assert_eq!(diff(Some(&object(1)), Some(&object(1))), []);
        assert!(
            diff(None, Some(&object(1)))
                .iter()
                .all(|line| line.op == DiffOp::Add)
        );
    }
}
