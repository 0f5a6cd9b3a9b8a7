//! The page of one trace.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::ev;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use mesh::api::trace::{Rank, Ranks, TraceDetails};

use super::details::Details;
use super::finder::{self, Finder};
use super::hue::hue;
use super::tree::{Tree, Walk};
use super::versus::Versus;
use crate::inventory::Ask;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::links::is_web;
use crate::live;
use crate::shell::clock::day_and_time;
use crate::shell::place::{Place, Step, use_place};
use crate::shell::set_title;
use crate::trace::store::{Store, follow, is_same};
use crate::trace::words::{grouped, micros, n_of};
use crate::ui::{Icon, Symbol};
use crate::url;

/// One trace.
#[component]
pub fn TracePage() -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let with = Memo::new(move |_| place.address_or_default().with);
    // A trace is past: it is asked for once, and again when a person wants it. The rows that a screen holds come first,
    // unless the address speaks of others.
    follow(
        store.one,
        Memo::new(move |_| {
            let id = id.get();
            let whole = Ask::plain(url::trace(&id), true);
            let at = place.now();
            let is_top =
                at.selected.is_none() && at.with.is_none() && at.text.is_none() && !at.failed;
            Some(match is_top {
                true => whole.after(url::trace_first(&id), TraceDetails::is_part),
                false => whole,
            })
        }),
    );
    follow(
        store.other,
        Memo::new(move |_| with.get().map(|id| Ask::plain(url::trace(&id), true))),
    );
    let frame = Frame::new(
        store.one,
        move |it: &TraceDetails| id.with(|id| is_same(id, &it.id)),
        |it| it.spans.is_empty(),
    );
    let trace = frame.answer;
    let root = Memo::new(move |_| trace.with(|it| it.as_ref().map(|it| root(it))));
    Effect::new(move |_| {
        let root = root.get();
        set_title(&root.map_or_else(
            || "Trace".to_owned(),
            |(service, operation)| format!("{service}: {operation}"),
        ));
    });
    let others = Others {
        what: "Trace",
        empty: nothing,
        unknown: |problem| {
            unknown(
                "There is no such trace",
                "traces",
                "Search for traces",
                problem,
            )
        },
    };
    let walk = walk(trace);
    let selected = Memo::new(move |_| place.address_or_default().selected);
    let has_two = Memo::new(move |_| with.with(Option::is_some));
    let ready = move || {
        view! {
            <div class="trace">
                <Facts trace />
                <Show when=move || has_two.get()>
                    <div class="trace__versus"><Versus trace other=store.other /></div>
                </Show>
                <Tools walk />
                <div class="trace__body">
                    <Tree walk />
                    <Show when=move || selected.with(Option::is_some)>
                        <Details walk selected on_close=Callback::new(move |()| close(place, walk)) />
                    </Show>
                </div>
            </div>
        }
        .into_any()
    };
    let escape = window_event_listener(ev::keydown, move |event| {
        let is_open = selected.get_untracked().is_some();
        if event.key() == "Escape" && !event.default_prevented() && is_open {
            close(place, walk);
        }
    });
    on_cleanup(move || escape.remove());
    frame.view(
        |it| it.notices.clone(),
        head(place, id, root, trace),
        others,
        ready,
    )
}

fn close(place: Place, walk: Walk) {
    place.change(Step::Replace, |address| address.selected = None);
    walk.focus();
}

/// The walk over the tree, as the address says: what is looked for, what is selected.
fn walk(trace: Memo<Option<Arc<TraceDetails>>>) -> Walk {
    let place = use_place();
    let looked_for = Memo::new(move |_| {
        let address = place.address_or_default();
        (address.text.unwrap_or_default(), address.failed)
    });
    let matches = Memo::new(move |_| {
        let trace = trace.get()?;
        let (words, failed) = looked_for.get();
        finder::matches(&trace, &words, failed).map(Arc::new)
    });
    // Asked after the tree is here: it waits for metrics, and nobody waits for it.
    let asked = Memo::new(move |_| trace.with(|it| it.as_ref().map(|it| url::ranks(&it.id))));
    let told = live::once::<Ranks>(asked);
    let ranks = Memo::new(move |_| {
        told.with(|told| {
            let items = told.iter().flatten().flat_map(|it| it.items.iter());
            Arc::new(
                items
                    .map(|it| (it.span.clone(), it.clone()))
                    .collect::<BTreeMap<String, Rank>>(),
            )
        })
    });
    let open = Callback::new(move |span: usize| {
        let id = trace.with_untracked(|it| it.as_ref()?.spans.get(span).map(|it| it.id.clone()));
        place.change(Step::Replace, |address| {
            address.selected = id.map(Into::into)
        });
    });
    let walk = Walk::new(trace, matches, ranks, open);
    // A link may name a span: it is brought into view once, and again for another trace.
    Effect::new(move |before: Option<Option<String>>| {
        let id = trace.with(|it| it.as_ref().map(|it| it.id.clone()));
        if before.flatten() != id {
            walk.folded.set(std::collections::BTreeSet::new());
            let selected = place.now().selected;
            let at = trace.with_untracked(|it| {
                it.as_ref()?
                    .spans
                    .iter()
                    .position(|it| Some(it.id.as_str()) == selected.as_deref())
            });
            request_animation_frame(move || walk.go(at.unwrap_or(0)));
        }
        id
    });
    walk
}

fn root(trace: &TraceDetails) -> (String, String) {
    let root = trace.spans.first().cloned().unwrap_or_default();
    let service = trace
        .services
        .get(root.service as usize)
        .map(|it| it.name.clone());
    let operation = trace.operations.get(root.operation as usize).cloned();
    (service.unwrap_or_default(), operation.unwrap_or_default())
}

fn head(
    place: Place,
    id: Memo<String>,
    root: Memo<Option<(String, String)>>,
    trace: Memo<Option<Arc<TraceDetails>>>,
) -> AnyView {
    let link =
        Memo::new(move |_| trace.with(|it| it.as_ref()?.link.clone().filter(|it| is_web(it))));
    let has_edges =
        Memo::new(move |_| trace.with(|it| it.as_ref().is_some_and(|it| !it.edges.is_empty())));
    view! {
        <header class="thing__head">
            <div class="thing__names">
                <nav class="thing__way" aria-label="Where this is">
                    <a href=move || place.href("traces")>"Traces"</a>
                    <span aria-hidden="true">" / "</span>
                    <span class="figure">{move || id.get()}</span>
                </nav>
                <h1 class="thing__title">
                    {move || match root.get() {
                        Some((service, operation)) => view! { {service}": "<span class="trace__operation">{operation}</span> }.into_any(),
                        None => "Trace".into_any(),
                    }}
                </h1>
            </div>
            <div class="thing__actions">
                {move || link.get().map(|href| view! {
                    <a class="button" href=href target="_blank" rel="noopener noreferrer">
                        "Open in Jaeger"<span class="visually-hidden">", in a new tab"</span>
                    </a>
                })}
                {move || has_edges.get().then(|| view! {
                    <a class="button button--primary" href=move || place.path_href(&id.get())>
                        <Icon symbol=Symbol::Graph />"Show its path on the graph"
                    </a>
                })}
            </div>
        </header>
    }
    .into_any()
}

/// What is known of the whole trace.
#[component]
fn Facts(trace: Memo<Option<Arc<TraceDetails>>>) -> impl IntoView {
    move || {
        let trace = trace.get()?;
        let services = trace.services.iter().zip(0u32..).map(|(it, at)| {
            let failed = (it.n_errors > 0).then(|| view! {
                <span class="trace__failed">{n_of(it.n_errors as usize, "error", "errors")}</span>
            });
            view! {
                <li class="trace__service">
                    <span class=format!("span__swatch {}", hue(at))></span>
                    <b>{it.name.clone()}</b>
                    <span class="figure">{grouped(it.n_spans as usize)}</span>
                    {failed}
                </li>
            }
        });
        let warnings = trace.warnings.iter();
        let warnings = warnings
            .map(|it| view! { <li class="trace__warning"><Icon symbol=Symbol::Info /><span>{it.clone()}</span></li> })
            .collect_view();
        let part = trace.is_part().then(|| {
            format!(
                "The first {} spans are shown until the others are here.",
                grouped(trace.spans.len())
            )
        });
        let errors = match trace.n_errors {
            0 => "0".into_any(),
            n => view! { <span class="trace__failed"><Icon symbol=Symbol::Close />{grouped(n as usize)}</span> }.into_any(),
        };
        let fact = |label: &'static str, value: AnyView| {
            view! { <div class="totals__item"><dt>{label}</dt><dd class="figure">{value}</dd></div> }
        };
        Some(view! {
            <section class="trace__facts" aria-label="The whole trace">
                <dl class="totals">
                    {fact("Started", day_and_time(trace.start_us as f64 / 1000.0).into_any())}
                    {fact("Duration", micros(trace.duration_us).into_any())}
                    {fact("Spans", grouped(trace.n_spans as usize).into_any())}
                    {fact("Errors", errors)}
                </dl>
                <ul class="trace__services" aria-label="Services, with their spans">{services.collect_view()}</ul>
                <p class="trace__part" role="status">{part}</p>
                <ul class="trace__warnings">{warnings}</ul>
            </section>
        })
    }
}

/// Finding spans, folding them, and choosing a trace to compare with.
#[component]
fn Tools(walk: Walk) -> impl IntoView {
    view! {
        <div class="toolbar trace__tools">
            <Finder walk />
            <div class="toolbar__tools">
                <span class="trace__key"><svg class="trace__sign" viewBox="0 0 24 8" aria-hidden="true"><rect class="span__critical" width="24" height="4" y="2" /></svg>"critical path"</span>
                <button type="button" class="button" on:click=move |_| walk.turn_all(true)>"Fold all"</button>
                <button type="button" class="button" on:click=move |_| walk.turn_all(false)>"Unfold all"</button>
                <With walk />
            </div>
        </div>
    }
}

/// Another trace to compare with: one of those found last, or any by its id.
#[component]
fn With(walk: Walk) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let text = RwSignal::new(String::new());
    let own = Memo::new(move |_| {
        walk.trace
            .with(|it| it.as_ref().map(|it| it.id.clone()))
            .unwrap_or_default()
    });
    let offered = move || {
        let found = store.found.answer.get()?;
        let rows = found
            .items
            .iter()
            .filter(|row| row.id != own.get())
            .take(60);
        let options = rows.map(|row| {
            let label = format!(
                "{}: {}, {}",
                row.service,
                row.operation,
                micros(row.duration_us)
            );
            view! { <option value=row.id.clone()>{label}</option> }
        });
        Some(options.collect_view())
    };
    view! {
        <form
            class="trace__with"
            on:submit=move |event| {
                event.prevent_default();
                let with = text.get_untracked().trim().to_owned();
                if !with.is_empty() {
                    place.change(Step::Push, |address| address.with = Some(with));
                    text.set(String::new());
                }
            }
        >
            <input
                class="field__input"
                type="text"
                list="traces-found"
                aria-label="The id of a trace to compare with"
                placeholder="Id of another trace"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
            <datalist id="traces-found">{offered}</datalist>
            <button type="submit" class="button">"Compare"</button>
        </form>
    }
}

/// A trace without spans.
fn nothing() -> AnyView {
    let place = use_place();
    view! {
        <crate::ui::state::Message
            title="An empty trace"
            text="The tracing backend knows this trace, and has no span of it: they may still be on their way."
        >
            <a class="button button--primary" href=move || place.href("traces")>"Search for traces"</a>
        </crate::ui::state::Message>
    }
    .into_any()
}
