//! What can be done with the rules of a route, and with the route as a whole: each opens a form, or the look at what
//! it would do.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::routes::{Route, RouteKind};

use super::helm::Helm;
use super::lever::Lever;
use crate::routes::forms::Form;
use crate::routes::proposal::{Proposal, What};
use crate::ui::{Icon, Symbol};

/// Where a rule stands in its list, and how many there are.
fn standing(route: &Route, rule: &str) -> Option<(&'static str, usize, usize)> {
    let list = ["http", "tls", "tcp"]
        .into_iter()
        .find(|list| rule.split('/').next() == Some(*list))?;
    let idx = rule.rsplit('/').next()?.parse().ok()?;
    let its = route.rules.iter();
    let n = its
        .filter(|r| r.rule.split('/').next() == Some(list))
        .count();
    Some((list, idx, n))
}

fn propose(helm: Helm, title: String, gist: String, edit: impl FnOnce(&Route) -> Option<Edit>) {
    let Some(route) = helm.route.get_untracked() else {
        return;
    };
    let Some(edit) = edit(&route) else { return };
    helm.note.set(None);
    helm.proposal.set(Some(Proposal {
        title,
        gist,
        what: What::Edits(vec![edit]),
        touches: vec![route.id],
        settles: Vec::new(),
    }));
}

/// Whether its rules are VirtualService's, which are written here.
fn is_written(helm: Helm) -> Memo<bool> {
    Memo::new(move |_| {
        helm.route.with(|r| {
            r.as_ref()
                .is_some_and(|r| r.kind == RouteKind::VirtualService)
        })
    })
}

/// The buttons of one rule.
#[component]
pub fn RuleHand(split: Lever) -> impl IntoView {
    let helm = split.helm;
    let shown = is_written(helm);
    let rule = split.at.with_value(|at| at.rule.clone());
    let key = rule.clone();
    let stand = Memo::new(move |_| helm.route.with(|route| standing(route.as_ref()?, &key)));
    let still = Memo::new(move |_| helm.busy.get() || helm.is_locked());
    let rule = StoredValue::new(rule);
    let shift = move |by: isize| {
        let rule = rule.get_value();
        let Some((list, idx, _)) = stand.get_untracked() else {
            return;
        };
        let Some(to) = idx.checked_add_signed(by) else {
            return;
        };
        let to = format!("{list}/{to}");
        propose(
            helm,
            format!("Move {rule} to {to}"),
            format!("{rule} at {to}"),
            |route| {
                Some(Edit::MoveRule {
                    object: route.id.parse().ok()?,
                    resource_version: route.resource_version.clone(),
                    rule: rule.clone(),
                    to: to.clone(),
                })
            },
        );
    };
    let remove = move || {
        let rule = rule.get_value();
        propose(
            helm,
            format!("Remove {rule}"),
            format!("without {rule}"),
            |route| {
                Some(Edit::RemoveRule {
                    object: route.id.parse().ok()?,
                    resource_version: route.resource_version.clone(),
                    rule: rule.clone(),
                })
            },
        );
    };
    let edit = move || {
        helm.note.set(None);
        helm.form.set(Some(Form::Rule {
            route: helm.id.get_value(),
            rule: rule.get_value(),
            new: false,
        }));
    };
    let is_http = move || stand.get().is_some_and(|(list, ..)| list == "http");
    view! {
        <Show when=move || shown.get()>
            <div class="rule-hand" role="group" aria-label=move || format!("Rule {}", rule.get_value())>
                <Show when=is_http>
                    <button type="button" class="button" disabled=move || still.get() on:click=move |_| edit()>
                        "Edit"<span class="visually-hidden">{move || format!(" {}", rule.get_value())}</span>
                    </button>
                </Show>
                <button
                    type="button" class="button"
                    disabled=move || still.get() || stand.get().is_none_or(|(_, idx, _)| idx == 0)
                    on:click=move |_| shift(-1)
                >
                    "Move up"<span class="visually-hidden">{move || format!(" {}", rule.get_value())}</span>
                </button>
                <button
                    type="button" class="button"
                    disabled=move || still.get() || stand.get().is_none_or(|(_, idx, n)| idx + 1 >= n)
                    on:click=move |_| shift(1)
                >
                    "Move down"<span class="visually-hidden">{move || format!(" {}", rule.get_value())}</span>
                </button>
                <button
                    type="button" class="button"
                    disabled=move || still.get() || helm.route.with(|r| r.as_ref().is_none_or(|r| r.rules.len() < 2))
                    on:click=move |_| remove()
                >
                    "Remove"<span class="visually-hidden">{move || format!(" {}", rule.get_value())}</span>
                </button>
            </div>
        </Show>
    }
}

/// The buttons of the route as a whole.
#[component]
pub fn RouteHand(helm: Helm) -> impl IntoView {
    let shown = is_written(helm);
    let still = Memo::new(move |_| helm.busy.get() || helm.is_locked());
    let open = move |form: Form| {
        helm.note.set(None);
        helm.form.set(Some(form));
    };
    view! {
        <div class="rule-hand" role="group" aria-label="Route">
            <Show when=move || shown.get()>
                <button
                    type="button" class="button" disabled=move || still.get()
                    on:click=move |_| open(Form::Rule { route: helm.id.get_value(), rule: "http/0".to_owned(), new: true })
                >
                    <Icon symbol=Symbol::Plus />"Add rule"
                </button>
                <button
                    type="button" class="button" disabled=move || still.get()
                    on:click=move |_| open(Form::Bind(helm.id.get_value()))
                >
                    "Hosts and gateways"
                </button>
            </Show>
            <button type="button" class="button" on:click=move |_| open(Form::Yaml(helm.id.get_value()))>"YAML"</button>
        </div>
    }
}
