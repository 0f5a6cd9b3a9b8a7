//! The drawer that shows what a change would do, before it is made.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::HealthStatus;
use mesh::api::changes::{Changes, Outcome};

use super::editor::{HEADING, Helm};
use super::history::take_back;
use super::proposal::{Proposal, What};
use super::sides::{Side, sides};
use super::split;
use crate::fetch::Refused;
use crate::ui::state::{Skeleton, sentence};
use crate::ui::{Drawer, HealthMark};

use result::result;

mod diff;
mod result;

/// The drawer, while there is a change to look at.
#[component]
pub fn Preview(helm: Helm) -> impl IntoView {
    let open = Memo::new(move |_| helm.proposal.with(Option::is_some));
    view! {
        <Show when=move || open.get()>
            <Sheet helm />
        </Show>
    }
}

/// What the server says of the change.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    /// It would work.
    Works(Changes),
    /// It would not, or did not.
    Refused(Refused),
}

#[component]
fn Sheet(helm: Helm) -> impl IntoView {
    let said = RwSignal::new(None::<Said>);
    let reason = RwSignal::new(String::new());
    let without_record = RwSignal::new(false);
    let title = Memo::new(move |_| {
        helm.proposal
            .with(|p| p.as_ref().map(|p| p.title.clone()).unwrap_or_default())
    });
    let gist = Memo::new(move |_| {
        helm.proposal
            .with(|p| p.as_ref().map(|p| p.gist.clone()).unwrap_or_default())
    });
    let takes_a_reason = Memo::new(move |_| {
        helm.proposal
            .with(|p| p.as_ref().is_some_and(Proposal::takes_a_reason))
    });
    look(helm, said, without_record);
    // Asked only where a change can't be recorded: whoever ticks it has read why.
    let asks_for_record = Memo::new(move |before: Option<&bool>| {
        let is_unrecorded =
            |it: &Said| matches!(it, Said::Refused(refused) if refused.problem.kind == "no_record");
        said.with(|it| it.as_ref().is_some_and(is_unrecorded))
            || without_record.get()
            // It stays where it was while the question is asked anew.
            || before == Some(&true) && said.with(Option::is_none)
    });
    let apply = move || {
        let Some(proposal) = helm.proposal.get_untracked() else {
            return;
        };
        if helm.busy.get_untracked() {
            return;
        }
        helm.busy.set(true);
        spawn_local(async move {
            let why = reason.get_untracked().trim().to_owned();
            let why = Some(why).filter(|w| !w.is_empty());
            let without = without_record.get_untracked();
            match proposal.send(false, why, without).await {
                Ok(changes) => {
                    let done = done(&proposal, &changes);
                    helm.applied(&proposal, &changes, done).await;
                    helm.proposal.try_set(None);
                }
                Err(refused) => {
                    // So that both sides can be seen behind the drawer.
                    helm.refresh(&proposal.touches).await;
                    said.try_set(Some(Said::Refused(refused)));
                }
            }
            helm.busy.try_set(false);
        });
    };
    let of_draft = Memo::new(move |_| {
        helm.proposal
            .with(|p| p.as_ref().is_some_and(|p| !p.settles.is_empty()))
    });
    let works = Memo::new(move |_| said.with(|s| matches!(s, Some(Said::Works(_)))));
    // A write on its way can't be called back by looking away.
    let close = Callback::new(move |()| {
        if !helm.busy.get_untracked() {
            helm.proposal.set(None);
        }
    });
    view! {
        <Drawer title fallback=HEADING on_close=close>
            <div class="drawer__body" aria-busy=move || said.with(Option::is_none).to_string()>
                {move || match said.get() {
                    None => view! { <Skeleton lines=6 label="Asking what this would do" /> }.into_any(),
                    Some(Said::Works(changes)) => worked(&changes),
                    Some(Said::Refused(refused)) => refusal(helm, refused),
                }}
            </div>
            <form
                class="drawer__foot"
                on:submit=move |event| {
                    event.prevent_default();
                    apply();
                }
            >
                <Show when=move || asks_for_record.get()>
                    <label class="tick">
                        <input
                            type="checkbox"
                            disabled=move || helm.busy.get()
                            on:change=move |event| without_record.set(event_target_checked(&event))
                            prop:checked=move || without_record.get()
                        />
                        <span>"Without record: nothing here will take it back"</span>
                    </label>
                </Show>
                <Show when=move || works.get() && takes_a_reason.get()>
                    <label class="field">
                        <span class="field__label">"Why, for the record"</span>
                        <input
                            class="field__input"
                            type="text"
                            maxlength="200"
                            autocomplete="off"
                            disabled=move || helm.busy.get()
                            on:input=move |event| reason.set(event_target_value(&event))
                            prop:value=move || reason.get()
                        />
                    </label>
                </Show>
                <div class="drawer__actions">
                    <Show when=move || works.get()>
                        <button type="submit" class="button button--primary" disabled=move || helm.busy.get()>
                            {move || if helm.busy.get() {
                                "Applying…".to_owned()
                            } else {
                                format!("Apply: {}", gist.get())
                            }}
                        </button>
                    </Show>
                    <button
                        type="button"
                        class="button"
                        disabled=move || helm.busy.get()
                        on:click=move |_| close.run(())
                    >
                        {move || if of_draft.get() { "Back to the draft" } else { "Back" }}
                    </button>
                </div>
            </form>
        </Drawer>
    }
}

/// Asks what the change would do, each time it is another.
fn look(helm: Helm, said: RwSignal<Option<Said>>, without_record: RwSignal<bool>) {
    Effect::new(move |_| {
        let Some(proposal) = helm.proposal.get() else {
            return;
        };
        let without = without_record.get();
        said.set(None);
        spawn_local(async move {
            let got = match proposal.send(true, None, without).await {
                Ok(changes) => Said::Works(changes),
                Err(refused) => {
                    if matches!(refused.problem.kind.as_str(), "conflict" | "changed_since") {
                        helm.refresh(&proposal.touches).await;
                    }
                    Said::Refused(refused)
                }
            };
            // The person may look at another change by now.
            let still = helm
                .proposal
                .try_with_untracked(|p| p.as_ref() == Some(&proposal));
            if still == Some(true) && without_record.try_get_untracked() == Some(without) {
                said.try_set(Some(got));
            }
        });
    });
}

/// Returns what was done, in words.
fn done(proposal: &Proposal, changes: &Changes) -> String {
    let unchanged = |r: &mesh::api::changes::EditResult| r.outcome == Outcome::Unchanged;
    if !changes.results.is_empty() && changes.results.iter().all(unchanged) {
        return "Nothing was written: it is so already.".to_owned();
    }
    format!("Done: {}.", proposal.gist)
}

fn worked(changes: &Changes) -> AnyView {
    let several = changes.results.len() > 1;
    let results = changes
        .results
        .iter()
        .map(|r| result(r, several))
        .collect_view();
    view! {
        <p class="visually-hidden" role="status">"This would work."</p>
        {results}
    }
    .into_any()
}

/// Why it is refused, in words, with the mend; and for an undo over a newer change, all three sides.
fn refusal(helm: Helm, refused: Refused) -> AnyView {
    let Refused { problem, results } = refused;
    let proposal = helm.proposal.get_untracked();
    let conflict = problem.kind == "conflict";
    let mut undone = proposal.map(|p| p.what);
    let restores = problem.kind == "changed_since"
        && matches!(&undone, Some(What::Edits(_)))
        && undone.as_mut().and_then(What::whole) == Some(&mut false);
    let undo = match undone {
        Some(What::Undo { change, .. }) if problem.kind == "changed_since" => Some(change),
        _ => None,
    };
    // Of more than weights, the server's words say all three sides.
    let structural = undo
        .as_ref()
        .is_some_and(|change| change.what.is_some() && !change.made);
    let put_back = (structural || restores).then(|| {
        let anyway = move |_| {
            helm.proposal.update(|proposal| {
                let Some(Proposal { title, what, .. }) = proposal else {
                    return;
                };
                if let Some(whole) = what.whole() {
                    *whole = true;
                    *title = "Put the whole object back as it was".to_owned();
                }
            });
        };
        view! {
            <button type="button" class="button" on:click=anyway>"Put the whole object back…"</button>
        }
    });
    let three = undo.and_then(|change| {
        let route = helm.route.get_untracked()?;
        let rule = split::rule(&route, &change.rule)?.clone();
        let names = split::names(Some(&rule), &change);
        let now = split::weights(&rule);
        let side = |name: &str, weights: &[Option<u32>]| Side {
            name: name.to_owned(),
            destinations: names.clone(),
            shares: split::shares(route.kind, weights),
        };
        let table = sides(&[
            side("Before the change", &change.before),
            side("The change", &change.after),
            Side {
                name: "Now".to_owned(),
                destinations: rule.destinations.iter().map(|d| d.name.clone()).collect(),
                shares: split::shares(route.kind, &now),
            },
        ]);
        let anyway = move |_| {
            helm.proposal.set(Some(take_back(
                &route,
                (*change).clone(),
                Some(now.clone()),
            )));
        };
        Some(view! {
            {table}
            <p>"Undo sets it to what it was before that change, whatever was done since."</p>
            <button type="button" class="button" on:click=anyway>"Undo anyway"</button>
        })
    });
    // A newer change is a question to the person, not a failure.
    let asks = matches!(problem.kind.as_str(), "conflict" | "changed_since");
    let status = if asks {
        HealthStatus::Degraded
    } else {
        HealthStatus::Failing
    };
    let several = results.len() > 1;
    let results = results.iter().map(|r| result(r, several)).collect_view();
    view! {
        <div class="refusal" class:refusal--asks=asks role="alert">
            <HealthMark status=Signal::stored(status) quiet=true />
            <div class="refusal__words">
                <p><b>{problem.title()}"."</b>" "{problem.message}</p>
                {problem.hint.map(|hint| view! { <p class="refusal__hint">{sentence(&hint)}</p> })}
                {conflict.then(|| view! {
                    <p class="refusal__hint">"Your draft is kept. Go back to it to see both sides."</p>
                })}
                {three}
                {put_back}
            </div>
        </div>
        {results}
    }
    .into_any()
}
