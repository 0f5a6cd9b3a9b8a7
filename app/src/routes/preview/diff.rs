//! The lines of an object that change, in colour and with a sign.

use leptos::prelude::*;
use mesh::api::changes::{DiffLine, DiffOp};

/// The diff of one object; nothing where nothing changes.
pub fn diff(name: &str, lines: &[DiffLine]) -> Option<AnyView> {
    if lines.is_empty() {
        return None;
    }
    let lines = lines
        .iter()
        .map(|line| {
            let text = short(&line.text);
            match line.op {
                DiffOp::Keep => view! {
                    <span class="diff__line"><span class="diff__sign">" "</span>{text}"\n"</span>
                }
                .into_any(),
                DiffOp::Add => view! {
                    <ins class="diff__line diff__line--add"><span class="diff__sign">"+"</span>{text}"\n"</ins>
                }
                .into_any(),
                DiffOp::Remove => view! {
                    <del class="diff__line diff__line--remove"><span class="diff__sign">"−"</span>{text}"\n"</del>
                }
                .into_any(),
                DiffOp::Skip => view! {
                    <span class="diff__line diff__line--skip"><span class="diff__sign">"⋯"</span>{text}"\n"</span>
                }
                .into_any(),
            }
        })
        .collect_view();
    Some(
        view! {
            <div class="diff" role="region" tabindex="0" aria-label=format!("What changes in {name}")>
                <pre class="diff__text">{lines}</pre>
            </div>
        }
        .into_any(),
    )
}

/// The record of changes is one long line that nobody reads here: the history shows it.
fn short(text: &str) -> String {
    const RECORD: &str = "pidali.dev/journal:";
    match text.find(RECORD) {
        Some(at) if text.trim_start().starts_with(RECORD) => {
            let (indent, _) = text.split_at(at);
            format!("{indent}{RECORD} … (the record: who, when, why, before and after)")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn the_record_is_named_and_not_read_out() {
        assert_eq!(
            short("    pidali.dev/journal: \"[{...}]\""),
            "    pidali.dev/journal: … (the record: who, when, why, before and after)"
        );
        assert_eq!(short("      weight: 90"), "      weight: 90");
    }
}
