//! What can be done with a split; always in sight.

use leptos::prelude::*;
use mesh::api::routes::RouteKind;

use super::HEADING;
use super::lever::Lever;
use crate::routes::draft::Drift;
use crate::routes::split;
use crate::routes::words;
use crate::ui::drawer::focus;
use crate::ui::{Icon, Symbol};

/// The buttons of one split: look at the draft, discard it, roll back.
#[component]
pub fn Actions(
    split: Lever,
    /// Whether the route has other splits, so that the rule must be named.
    #[prop(into)]
    is_one_of_many: Signal<bool>,
) -> impl IntoView {
    let gist = Memo::new(move |_| {
        split
            .draft
            .with(|d| d.as_ref().filter(|d| d.is_changed())?.gist())
    });
    let drifted = Memo::new(move |_| {
        let changed = split
            .draft
            .with(|d| d.as_ref().is_some_and(|d| d.is_changed()));
        changed && split.drift.with(|d| !matches!(d, Drift::None(_)))
    });
    let still = Memo::new(move |_| split.helm.busy.get() || split.helm.is_locked());
    let is_back = Memo::new(move |_| split.is_back());
    let back = Memo::new(move |_| split.back_name());
    let rule = move || {
        is_one_of_many
            .get()
            .then(|| split.at.with_value(|at| at.rule.clone()))
    };
    view! {
        <div class="actions" role="group" aria-label=move || rule().unwrap_or_else(|| "Change".to_owned())>
            {move || rule().map(|rule| view! { <span class="actions__rule">{rule}</span> })}
            <button
                type="button"
                class="button button--primary actions__main"
                disabled=move || still.get() || drifted.get() || gist.with(Option::is_none)
                on:click=move |_| split.propose()
            >
                {move || match gist.get() {
                    Some(gist) => format!("Send {gist}"),
                    None => "No change".to_owned(),
                }}
            </button>
            <button
                type="button"
                class="button"
                disabled=move || gist.with(Option::is_none)
                on:click=move |_| {
                    split.discard();
                    split.helm.say("Draft discarded.".to_owned());
                    // What was pressed is disabled now.
                    focus(HEADING);
                }
            >
                "Discard draft"
            </button>
            <Along split />
            <button
                type="button"
                class="button actions__back"
                class:button--busy=move || split.helm.busy.get()
                disabled=move || still.get() || is_back.get() || back.with(Option::is_none)
                title=move || is_back.get().then_some("It has all calls already")
                on:click=move |_| {
                    split.roll_back();
                    focus(HEADING);
                }
            >
                <Icon symbol=Symbol::Undo />
                {move || back.get().map_or_else(
                    || "Roll back".to_owned(),
                    |name| format!("Roll back: 100 % to {name}"),
                )}
            </button>
        </div>
    }
}

/// Whether the same split in other objects goes along.
#[component]
fn Along(split: Lever) -> impl IntoView {
    let names = Memo::new(move |_| {
        let all = split.helm.store.all();
        split.siblings.with(|siblings| {
            let names = siblings.iter().filter_map(|s| {
                let route = all.iter().find(|r| r.id == s.at.route)?;
                Some(route.name.clone())
            });
            names.collect::<Vec<_>>()
        })
    });
    let together = Memo::new(move |_| split.is_together());
    view! {
        <Show when=move || names.with(|n| !n.is_empty())>
            <label class="tick">
                <input
                    type="checkbox"
                    disabled=move || split.helm.busy.get()
                    on:change=move |event| split.set_together(event_target_checked(&event))
                    prop:checked=move || together.get()
                />
                <span>"Move "{move || names.with(|n| words::and(n))}" with it"</span>
            </label>
        </Show>
    }
}

/// The same split in other objects: how it stands there, and the way to have only one.
#[component]
pub fn Siblings(split: Lever) -> impl IntoView {
    let lines = move || {
        let all = split.helm.store.all();
        let kind = split.helm.route.with(|r| r.as_ref().map(|r| r.kind));
        split
            .siblings
            .get()
            .into_iter()
            .filter_map(|sibling| {
                let route = all.iter().find(|r| r.id == sibling.at.route)?.clone();
                let rule = split::rule(&route, &sibling.at.rule)?;
                let said = format!(
                    "{} splits the same for {}: {}.",
                    route.name,
                    words::followers(&route),
                    words::shares_of(route.kind, rule)
                );
                let joins = kind == Some(RouteKind::VirtualService)
                    && route.kind == RouteKind::VirtualService;
                Some((said, joins, sibling))
            })
            .collect::<Vec<_>>()
    };
    // Compared, so that a refresh of figures leaves the button and the focus on it alone.
    let lines = Memo::new(move |_| lines());
    move || {
        lines
            .get()
            .into_iter()
            .map(|(said, joins, sibling)| {
                view! {
                    <div class="sibling">
                        <Icon symbol=Symbol::Routes />
                        <p>{said}</p>
                        {joins.then(|| view! {
                            <button
                                type="button"
                                class="button"
                                disabled=move || split.helm.busy.get() || split.helm.is_locked()
                                on:click=move |_| split.propose_join(&sibling)
                            >
                                "Join into one route…"
                            </button>
                        })}
                    </div>
                }
            })
            .collect_view()
    }
}
