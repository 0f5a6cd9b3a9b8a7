//! One row for each version: its share to move, and the evidence beside it.

use leptos::prelude::*;
use mesh::api::TracesQuery;
use mesh::api::routes::{Destination, Measured};
use wasm_bindgen::JsCast;
use web_sys::{HtmlInputElement, KeyboardEvent};

use super::evidence::{Evidence, scale};
use super::lever::Lever;
use super::spark::Spark;
use crate::numbers;
use crate::routes::hue::Hues;
use crate::trace::Ways;
use crate::ui::{HealthMark, Icon, Symbol};
use mesh::api::HealthStatus;

/// How far an arrow moves a share in its field for numbers, in basis points: one percent; with Shift a
/// tenth of it.
const STEP: i64 = 100;
const FINE_STEP: i64 = 10;

/// The rows of a split. Its destinations stay the same while they live.
#[component]
pub fn Rows(split: Lever, hues: Hues) -> impl IntoView {
    let destinations = split.rule.with_untracked(|r| {
        r.as_ref()
            .map(|r| r.destinations.clone())
            .unwrap_or_default()
    });
    let with_locks = destinations.len() > 2;
    let scale = Memo::new(move |_| {
        split
            .rule
            .with(|r| r.as_ref().map_or(1.0, |r| scale(&r.destinations)))
    });
    let several = Memo::new(move |_| {
        split
            .rule
            .with(|r| r.as_ref().is_some_and(|r| r.callers.len() > 1))
    });
    let rows = destinations
        .iter()
        .enumerate()
        .map(|(at, d)| {
            let hue = hues.hue_of(d);
            view! { <Row split at name=d.name.clone() hue with_locks scale several /> }
        })
        .collect_view();
    view! {
        <div class="rows" class:rows--locks=with_locks>
            <div class="rows__head" aria-hidden="true">
                <span>"Version"</span>
                <span>"Share"</span>
                <span></span>
                {with_locks.then(|| view! { <span></span> })}
                <div class="rows__figures">
                    <span>"Requests"</span>
                    <span>"Errors, 95 % interval"</span>
                    <span>"p50"</span>
                    <span>"p95"</span>
                    <span>"p99"</span>
                </div>
                <span>"Over time"</span>
            </div>
            {rows}
        </div>
    }
}

#[component]
fn Row(
    split: Lever,
    /// Its place among the destinations.
    at: usize,
    name: String,
    hue: &'static str,
    with_locks: bool,
    scale: Memo<f64>,
    several: Memo<bool>,
) -> impl IntoView {
    let destination = Memo::new(move |_| {
        split
            .rule
            .with(|r| r.as_ref()?.destinations.get(at).cloned())
    });
    let share = Memo::new(move |_| {
        split
            .draft
            .with(|d| d.as_ref()?.shares.get(at).copied())
            .unwrap_or(0)
    });
    let locked = Memo::new(move |_| {
        split
            .draft
            .with(|d| d.as_ref()?.locks.get(at).copied())
            .unwrap_or(false)
    });
    let still = Memo::new(move |_| {
        let can_shift = split
            .draft
            .with(|d| d.as_ref().is_some_and(|d| d.can_shift(at)));
        split.helm.is_locked() || split.helm.busy.get() || !can_shift
    });
    let detail = move || destination.with(|d| d.as_ref().and_then(detail));
    let workload = Memo::new(move |_| destination.with(|d| d.as_ref()?.workloads.first().cloned()));
    let groups = Memo::new(move |_| {
        split.rule.with(|r| {
            let callers = r.iter().flat_map(|r| &r.callers);
            let mut groups: Vec<_> = callers.map(|c| (c.id.clone(), c.name.clone())).collect();
            if groups.is_empty() {
                // Without metrics the columns stay, and say that there is no data.
                groups.push((String::new(), String::new()));
            }
            groups
        })
    });
    let search = Memo::new(move |_| destination.with(|d| d.as_ref().and_then(traces)));
    let traces_name = format!("Traces of {name}");
    let lock_name = format!("Lock {name}");
    let (title, label, of_slider) = (name.clone(), name.clone(), name.clone());
    view! {
        <div class=format!("row {hue}") role="group" aria-label=label>
            <div class="row__name">
                <span class="row__title"><span class="swatch row__swatch"></span><b>{title}</b></span>
                {move || detail().map(|text| view! { <span class="row__detail">{text}</span> })}
                {move || destination.with(|d| d.as_ref().map(pods))}
                {move || search.with(Option::is_some).then(|| view! {
                    <Ways
                        search=Signal::derive(move || search.get().unwrap_or_default())
                        label=Some(traces_name.clone())
                        class="link row__traces"
                    />
                })}
            </div>
            <div class="row__slider"><Slider split at name=of_slider share still /></div>
            <div class="row__number"><NumberField split at name share still /></div>
            {with_locks.then(|| view! {
                <button
                    type="button"
                    class="button button--icon button--quiet row__lock"
                    aria-pressed=move || locked.get().to_string()
                    aria-label=lock_name
                    title=move || if locked.get() { "Let it give way" } else { "Keep its share when others move" }
                    disabled=move || split.helm.is_locked() || split.helm.busy.get()
                    on:click=move |_| split.set_lock(at, !locked.get_untracked())
                >
                    {move || {
                        let symbol = if locked.get() { Symbol::Lock } else { Symbol::Unlocked };
                        view! { <Icon symbol /> }
                    }}
                </button>
            })}
            <div class="row__groups">
                <For
                    each=move || groups.get()
                    key=Clone::clone
                    children=move |(id, callers)| {
                        let measured: Signal<Option<Measured>> = Signal::derive(move || {
                            destination.with(|d| {
                                d.as_ref()?.measured.iter().find(|m| m.callers == id).cloned()
                            })
                        });
                        view! {
                            <div class="row__group">
                                {move || several.get().then(|| view! { <span class="row__callers">"calls from "{callers.clone()}</span> })}
                                <Evidence measured scale />
                            </div>
                        }
                    }
                />
            </div>
            <div class="row__spark"><Spark workload /></div>
        </div>
    }
}

/// What the traces of a version are searched by; nothing where its service is not known.
fn traces(d: &Destination) -> Option<TracesQuery> {
    let (namespace, service) = d.service.as_deref()?.split_once('/')?;
    Some(TracesQuery {
        namespace: Some(namespace.to_owned()),
        service: Some(service.to_owned()),
        version: d.version.clone().or_else(|| d.subset.clone()),
        ..TracesQuery::default()
    })
}

/// Where the name does not say it: the version behind a subset, and the port.
fn detail(d: &Destination) -> Option<String> {
    let version = d.version.clone().filter(|v| *v != d.name);
    let port = d.port.map(|p| format!("port {p}"));
    let parts: Vec<String> = version.into_iter().chain(port).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn pods(d: &Destination) -> AnyView {
    let Some(pods) = d.pods else {
        return view! { <span class="row__pods">"pods not known"</span> }.into_any();
    };
    if pods.ready == 0 {
        return view! {
            <span class="row__pods row__pods--none">
                <HealthMark status=Signal::stored(HealthStatus::Failing) quiet=true />
                "no ready pod"
            </span>
        }
        .into_any();
    }
    view! {
        <span class="row__pods">
            <span class="figure">{format!("{} of {}", pods.ready, pods.wanted)}</span>" pods ready"
        </span>
    }
    .into_any()
}

/// The share as a slider. The browser's own keys work: arrows, Page Up and Page Down, Home and End.
#[component]
fn Slider(
    split: Lever,
    at: usize,
    name: String,
    share: Memo<u32>,
    still: Memo<bool>,
) -> impl IntoView {
    view! {
        // The value stands last: before its bounds it would be cut to the browser's own.
        <input
            class="slider"
            type="range"
            min="0"
            max="10000"
            step="100"
            aria-label=format!("{name} share")
            aria-valuetext=move || numbers::basis(share.get())
            disabled=move || still.get()
            on:input=move |event| {
                let Some(slider) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) else {
                    return;
                };
                let Ok(to) = slider.value().parse::<u32>() else {
                    return;
                };
                let now = split.shift(at, to);
                // It moves only as far as the others give way.
                if now != to {
                    slider.set_value(&now.to_string());
                }
            }
            style:--share=move || format!("{}%", numbers::percent(share.get()))
            prop:value=move || share.get().to_string()
        />
    }
}

/// The share as a number of percent. What is typed counts at once; Enter or leaving writes it out.
#[component]
fn NumberField(
    split: Lever,
    at: usize,
    name: String,
    share: Memo<u32>,
    still: Memo<bool>,
) -> impl IntoView {
    // While a person types, the text is theirs: no refresh may write over it.
    let typed = RwSignal::new(None::<String>);
    let before = StoredValue::new(0u32);
    let is_wrong = move || {
        typed.with(|t| {
            t.as_ref()
                .is_some_and(|t| numbers::from_percent(t).is_none())
        })
    };
    let on_key = move |event: KeyboardEvent| {
        let step = if event.shift_key() { FINE_STEP } else { STEP };
        let to = match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                typed.set(None);
                return;
            }
            "Escape" => {
                typed.set(None);
                split.shift(at, before.get_value());
                return;
            }
            "ArrowUp" => i64::from(share.get_untracked()) + step,
            "ArrowDown" => i64::from(share.get_untracked()) - step,
            _ => return,
        };
        event.prevent_default();
        typed.set(None);
        split.shift(at, u32::try_from(to.clamp(0, 10_000)).unwrap_or(0));
    };
    view! {
        <span class="number">
            <input
                class="field__input number__input figure"
                type="number"
                inputmode="decimal"
                min="0"
                max="100"
                step="0.01"
                autocomplete="off"
                aria-label=format!("{name} share, percent")
                aria-invalid=move || is_wrong().to_string()
                disabled=move || still.get()
                on:focus=move |_| before.set_value(share.get_untracked())
                on:input=move |event| {
                    let text = event_target_value(&event);
                    if let Some(to) = numbers::from_percent(&text) {
                        split.shift(at, to);
                    }
                    typed.set(Some(text));
                }
                on:blur=move |_| typed.set(None)
                on:keydown=on_key
                prop:value=move || typed.get().unwrap_or_else(|| numbers::percent(share.get()))
            />
            <span class="number__unit" aria-hidden="true">"%"</span>
        </span>
    }
}
