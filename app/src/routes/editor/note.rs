//! What came of the last change from this page.

use leptos::prelude::*;
use mesh::api::HealthStatus;
use mesh::api::changes::Edit;
use mesh::api::routes::RouteRef;

use super::helm::{Helm, Note};
use crate::routes::checks::check_list;
use crate::routes::proposal::{Proposal, What};
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
            Note::Done { text, restore } => view! {
                <div class="note note--done" role="status">
                    <Icon symbol=Symbol::Tick />
                    <p class="note__text">{text}</p>
                    {restore.map(|change| view! {
                        <button type="button" class="button" on:click=move |_| restore_join(helm, change.clone())>
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
                            {refused.problem.hint.map(|hint| view! { <p>{hint}</p> })}
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
fn restore_join(helm: Helm, change: String) {
    let Some(route) = helm.route.get_untracked() else {
        return;
    };
    let Ok(object) = route.id.parse::<RouteRef>() else {
        return;
    };
    helm.note.set(None);
    helm.proposal.set(Some(Proposal {
        title: "Put both routes back".to_owned(),
        gist: "both routes as they were".to_owned(),
        what: What::Edits(vec![Edit::Restore {
            object,
            resource_version: route.resource_version,
            change,
        }]),
        touches: vec![route.id],
        settles: Vec::new(),
    }));
}
