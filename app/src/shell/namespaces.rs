//! Which namespaces are shown.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::{HealthStatus, List, namespaces::Namespace};
use web_sys::KeyboardEvent;

use super::place::{Step, use_place};
use crate::fetch::{self, Answer, Problem};
use crate::ui::popover::step;
use crate::ui::state::Skeleton;
use crate::ui::{HealthMark, Icon, Popover, Symbol};
use crate::{numbers, url};

/// A searchable list of namespaces, worst first, of which several may be chosen.
#[component]
pub fn NamespacePicker() -> impl IntoView {
    let place = use_place();
    let chosen = Memo::new(move |_| place.address_or_default().query.namespaces);
    let open = RwSignal::new(false);
    let said = move || {
        chosen.with(|chosen| match chosen.as_slice() {
            [] => "All namespaces".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} + {}", rest.len()),
        })
    };
    view! {
        <Popover
            label="Namespaces:"
            face=move || view! {
                <Icon symbol=Symbol::Namespaces />
                <span class="button__value">{said}</span>
                <Icon symbol=Symbol::Down />
            }
            open
            panel_class="popover__panel--list"
        >
            <NamespaceList chosen />
        </Popover>
    }
}

/// The panel: asked anew each time it opens.
#[component]
fn NamespaceList(chosen: Memo<Vec<String>>) -> impl IntoView {
    let place = use_place();
    let answer = RwSignal::new(None::<Result<Vec<Namespace>, Problem>>);
    let filter = RwSignal::new(String::new());
    let active = RwSignal::new(0usize);
    let field = NodeRef::<html::Input>::new();
    spawn_local(async move {
        let got = fetch::get::<List<Namespace>>(url::NAMESPACES, None, None).await;
        let got = match got {
            Ok(Answer::Fresh { value, .. }) => Ok(sorted(value.items)),
            Ok(Answer::Unchanged) => Ok(Vec::new()),
            Err(problem) => Err(problem),
        };
        answer.try_set(Some(got));
    });

    // What is chosen stays in the list even when it had no traffic: else nobody could unchoose it.
    let shown = Memo::new(move |_| {
        let needle = filter.get().to_lowercase();
        let mut items: Vec<(String, Option<Namespace>)> = answer.with(|answer| match answer {
            Some(Ok(items)) => items
                .iter()
                .map(|n| (n.name.clone(), Some(n.clone())))
                .collect(),
            _ => Vec::new(),
        });
        chosen.with(|chosen| {
            for name in chosen {
                if !items.iter().any(|(n, _)| n == name) {
                    items.push((name.clone(), None));
                }
            }
        });
        items.retain(|(name, _)| name.to_lowercase().contains(&needle));
        items
    });
    let toggle = move |name: &str| {
        place.change(Step::Push, |address| {
            let names = &mut address.query.namespaces;
            match names.iter().position(|n| n == name) {
                Some(idx) => drop(names.remove(idx)),
                None => {
                    names.push(name.to_owned());
                    names.sort_unstable();
                }
            }
        });
    };
    let on_key = move |event: KeyboardEvent| {
        let n = shown.with(Vec::len);
        match event.key().as_str() {
            "ArrowDown" | "ArrowUp" => {
                event.prevent_default();
                if let Some(idx) = step(&event.key(), Some(active.get_untracked()), n) {
                    active.set(idx);
                    reveal(idx);
                }
            }
            "Enter" => {
                event.prevent_default();
                let name = shown.with(|s| s.get(active.get_untracked()).map(|(n, _)| n.clone()));
                if let Some(name) = name {
                    toggle(&name);
                }
            }
            _ => {}
        }
    };
    view! {
        <div class="picker">
            <div class="picker__head">
                <input
                    class="field__input"
                    type="text"
                    node_ref=field
                    role="combobox"
                    aria-expanded="true"
                    aria-controls="namespace-options"
                    aria-autocomplete="list"
                    aria-activedescendant=move || format!("namespace-{}", active.get())
                    aria-label="Find a namespace; Enter shows or hides it"
                    placeholder="Find a namespace"
                    autocomplete="off"
                    spellcheck="false"
                    data-first-focus=""
                    on:keydown=on_key
                    on:input=move |event| {
                        filter.set(event_target_value(&event));
                        active.set(0);
                    }
                />
                <button
                    type="button"
                    class="button"
                    disabled=move || chosen.with(Vec::is_empty)
                    on:click=move |_| {
                        place.change(Step::Push, |a| a.query.namespaces.clear());
                        // It is disabled now, and would lose the focus to nobody.
                        if let Some(field) = field.get_untracked() {
                            let _ = field.focus();
                        }
                    }
                >
                    "Show all"
                </button>
            </div>
            {move || match answer.get() {
                None => view! { <Skeleton lines=4 label="Loading namespaces" /> }.into_any(),
                Some(Err(problem)) => {
                    view! { <p class="picker__note" role="alert">{problem.message}" "{problem.hint}</p> }
                        .into_any()
                }
                Some(Ok(_)) => ().into_any(),
            }}
            <ul
                class="picker__list"
                id="namespace-options"
                role="listbox"
                aria-multiselectable="true"
                aria-label="Namespaces, worst first"
            >
                <For
                    each=move || shown.get().into_iter().enumerate()
                    key=|(idx, (name, facts))| (*idx, name.clone(), facts.is_some())
                    children=move |(idx, (name, facts))| {
                        let this = name.clone();
                        let selected = Memo::new(move |_| chosen.with(|c| c.contains(&this)));
                        let label = name.clone();
                        view! {
                            <li
                                class="picker__option"
                                class:picker__option--active=move || active.get() == idx
                                id=format!("namespace-{idx}")
                                role="option"
                                aria-selected=move || selected.get().to_string()
                                // The focus stays in the field, where Esc and the arrows are heard.
                                on:mousedown=|event| event.prevent_default()
                                on:click=move |_| {
                                    active.set(idx);
                                    toggle(&name);
                                }
                            >
                                <span class="picker__tick">
                                    {move || selected.get().then(|| view! { <Icon symbol=Symbol::Tick /> })}
                                </span>
                                <span class="picker__name">{label}</span>
                                {match facts {
                                    Some(facts) if facts.status != HealthStatus::Idle => view! {
                                        <span class="picker__figure figure">{into(&facts)}</span>
                                        <HealthMark status=Signal::stored(facts.status) />
                                    }.into_any(),
                                    _ => view! { <span class="picker__figure">"no traffic seen"</span> }.into_any(),
                                }}
                            </li>
                        }
                    }
                />
            </ul>
            <Show when=move || {
                shown.with(Vec::is_empty) && answer.with(|a| matches!(a, Some(Ok(_))))
            }>
                <p class="picker__note">"No namespace of this name is known."</p>
            </Show>
            <p class="picker__note">"None chosen shows all."</p>
        </div>
    }
}

/// Writes the rate of the calls into a namespace; one that only calls out has none.
fn into(namespace: &Namespace) -> String {
    if namespace.rps > 0.0 {
        numbers::rate(namespace.rps)
    } else {
        numbers::NO_DATA.to_owned()
    }
}

/// Worst first, then busiest, then by name.
fn sorted(mut items: Vec<Namespace>) -> Vec<Namespace> {
    items.sort_by(|a, b| {
        (a.status.cmp(&b.status))
            .then_with(|| b.rps.total_cmp(&a.rps))
            .then_with(|| a.name.cmp(&b.name))
    });
    items
}

fn reveal(idx: usize) {
    if let Some(option) = document().get_element_by_id(&format!("namespace-{idx}")) {
        let how = web_sys::ScrollIntoViewOptions::new();
        how.set_block(web_sys::ScrollLogicalPosition::Nearest);
        option.scroll_into_view_with_scroll_into_view_options(&how);
    }
}
