//! The split changed under a draft: both sides, and the person chooses.

use leptos::prelude::*;
use mesh::api::HealthStatus;

use super::lever::Lever;
use crate::routes::draft::{Base, Drift};
use crate::routes::sides::{Side, last_write, sides};
use crate::shell::clock::time_with_seconds;
use crate::ui::HealthMark;

/// What changed meanwhile, with both ways on. Nothing of either side is lost before one is chosen.
#[component]
pub fn DriftBox(split: Lever) -> impl IntoView {
    let drift = Memo::new(move |_| {
        let changed = split
            .draft
            .with(|d| d.as_ref().is_some_and(|d| d.is_changed()));
        split.drift.with(|drift| match drift {
            Drift::None(_) => None,
            other => changed.then(|| other.clone()),
        })
    });
    let by = move || {
        split
            .helm
            .route
            .with(|r| last_write(r.as_ref()?, time_with_seconds))
            .map(|who| format!(" Last written by {who}."))
    };
    move || {
        let drift = drift.get()?;
        let draft = split.draft.get_untracked()?;
        let yours = Side {
            name: "Your draft".to_owned(),
            destinations: draft.base.names(),
            shares: Some(draft.shares.clone()),
        };
        let side = |name: &str, base: &Base| Side {
            name: name.to_owned(),
            destinations: base.names(),
            shares: base.shares.clone(),
        };
        let was = side("When you began", &draft.base);
        let (title, text, table, keeps) = match &drift {
            Drift::Moved(now) => (
                "Someone moved this split while you were drafting.",
                "",
                sides(&[yours, side("There now", now), was]),
                true,
            ),
            Drift::Rebuilt(now) => (
                "This rule is another one now.",
                " Your draft does not fit what it leads to now.",
                sides(&[yours, side("There now", now), was]),
                false,
            ),
            _ => (
                "This rule is gone.",
                " What you drafted has nowhere to go.",
                sides(&[yours, was]),
                false,
            ),
        };
        let is_gone = matches!(drift, Drift::Gone);
        Some(view! {
            <section class="drift" role="alert">
                <div class="drift__head">
                    <HealthMark status=Signal::stored(HealthStatus::Degraded) quiet=true />
                    <p><b>{title}</b>{text}{by}</p>
                </div>
                {table}
                <div class="drift__actions">
                    {keeps.then(|| view! {
                        <button type="button" class="button" on:click=move |_| split.keep_mine()>
                            "Keep mine on top of theirs"
                        </button>
                    })}
                    <button type="button" class="button" on:click=move |_| split.discard()>
                        {if is_gone { "Discard draft" } else { "Take theirs" }}
                    </button>
                </div>
            </section>
        })
    }
}
