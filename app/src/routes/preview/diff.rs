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
            let text = line.text.clone();
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
