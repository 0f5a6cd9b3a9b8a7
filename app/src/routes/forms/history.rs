//! What was changed in an object that is no route, by whom and why; each with its way back.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::List;
use mesh::api::routes::Change;

use super::take_back;
use crate::fetch::{self, Answer, Problem};
use crate::routes::editor::Helm;
use crate::shell::clock::day_and_time;
use crate::ui::state::Skeleton;
use crate::ui::{Icon, Symbol};
use crate::url;

/// The changes that the object records, newest first.
#[component]
pub fn ObjectHistory(helm: Helm, id: String) -> impl IntoView {
    let told = RwSignal::new(None::<Result<List<Change>, Problem>>);
    let address = url::object_history(&id);
    spawn_local(async move {
        let got = match fetch::get::<List<Change>>(&address, None, None).await {
            Ok(Answer::Fresh { value, .. }) => Ok(value),
            // Asked without an entity tag, it is never said to be unchanged.
            Ok(Answer::Unchanged) => return,
            Err(problem) => Err(problem),
        };
        told.try_set(Some(got));
    });
    let id = StoredValue::new(id);
    let list = move || {
        match told.get() {
        None => view! { <Skeleton lines=2 label="Loading the history" /> }.into_any(),
        Some(Err(problem)) => {
            view! { <p class="panel__note">{problem.message}" "{problem.hint}</p> }.into_any()
        }
        Some(Ok(list)) if list.items.is_empty() && list.notices.is_empty() => view! {
            <p class="panel__note">
                "No change on record. Each change from here is kept in the object itself, with who, when and why."
            </p>
        }
        .into_any(),
        Some(Ok(list)) => {
            let notices = list.notices.iter();
            let notices = notices.map(|it| view! { <p class="panel__note">{it.message.clone()}" "{it.hint.clone()}</p> });
            let lines = list.items.iter().enumerate();
            let lines = lines.map(|(idx, change)| {
                let undone = list.items.iter().any(|it| it.undoes.as_ref() == Some(&change.change));
                // What was made is unmade only as it was made; what took something back used its copies up.
                let has_way_back = change.undoes.is_none() && !(change.made && idx > 0);
                line(helm, id.get_value(), change, undone, has_way_back && !undone)
            });
            view! {
                {notices.collect_view()}
                <ol class="changes" aria-label="Changes, newest first">{lines.collect_view()}</ol>
            }
            .into_any()
        }
    }
    };
    view! {
        <section class="editor__section" aria-labelledby="object-history">
            <h3 id="object-history">"History"</h3>
            {list}
        </section>
    }
}

fn line(helm: Helm, id: String, change: &Change, undone: bool, can_undo: bool) -> AnyView {
    let said = change.what.clone().unwrap_or_default();
    let label = said.clone();
    let change_id = change.change.clone();
    let undo = move |_| take_back(helm, id.clone(), change_id.clone());
    view! {
        <li class="change">
            <div class="change__words">
                <p class="change__said">
                    <b>{said}</b>{undone.then_some(" undone")}
                </p>
                <p class="change__by">
                    <time>{day_and_time(change.at_ms as f64)}</time>
                    <span>{change.who.clone()}</span>
                    {change.undoes.is_some().then_some("took an earlier change back")}
                </p>
                {change.reason.clone().map(|reason| view! { <p class="change__reason">{reason}</p> })}
            </div>
            {can_undo.then(|| view! {
                <button type="button" class="button" disabled=move || helm.busy.get() on:click=undo>
                    <Icon symbol=Symbol::Undo />
                    "Undo…"
                    <span class="visually-hidden">": "{label}</span>
                </button>
            })}
        </li>
    }
    .into_any()
}
