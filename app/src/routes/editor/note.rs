//! What came of the last change from this page.

use leptos::prelude::*;
use mesh::api::HealthStatus;

use super::helm::{Helm, Note};
use crate::routes::checks::check_list;
use crate::routes::history::restore;
use crate::ui::state::sentence;
use crate::ui::{HealthMark, Icon, Symbol};

/// That it is done, or why it was refused, with the mend right there.
#[component]
pub fn NoteBox(helm: Helm) -> impl IntoView {
    let close = move || {
        view! {
            <button
                type="button"
                class="button button--quiet button--icon"
                aria-label="Dismiss"
                title="Dismiss"
                on:click=move |_| helm.note.set(None)
            >
                <Icon symbol=Symbol::Close />
            </button>
        }
    };
    move || {
        helm.note.get().map(|note| match note {
            Note::Done { text, restore, .. } => view! {
                <div class="note note--done" role="status">
                    <Icon symbol=Symbol::Tick />
                    <p class="note__text">{text}</p>
                    {restore.map(|change| view! {
                        <button type="button" class="button" on:click=move |_| put_back(helm, &change)>
                            "Put both back…"
                        </button>
                    })}
                    {close()}
                </div>
            }
            .into_any(),
            Note::Refused { tried, refused } => {
                // One look at the worst is enough: each object's checks say the rest.
                let checks: Vec<_> = refused.results.iter().flat_map(|r| r.checks.clone()).collect();
                view! {
                    <div class="note note--refused" role="alert">
                        <HealthMark status=Signal::stored(HealthStatus::Failing) quiet=true />
                        <div class="note__text">
                            <p><b>{tried}": "{refused.problem.title()}"."</b>" "{refused.problem.message}</p>
                            {refused.problem.hint.map(|hint| view! { <p>{sentence(&hint)}</p> })}
                            {check_list(&checks)}
                        </div>
                        {close()}
                    </div>
                }
                .into_any()
            }
        })
    }
}

/// Opens the preview of putting back what a join replaced.
fn put_back(helm: Helm, change: &str) {
    let route = helm.route.get_untracked();
    let proposal = route.and_then(|route| restore(&route, change, "both routes again"));
    if proposal.is_some() {
        helm.note.set(None);
        helm.proposal.set(proposal);
    }
}
