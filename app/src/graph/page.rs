//! The graph's page: picture or table, panel, and what to say when there is neither.

use std::sync::Arc;

use leptos::ev;
use leptos::prelude::*;
use mesh::api::query::By;
use mesh::api::{self, HealthStatus};
use mesh::units::Window;

use super::canvas::GraphCanvas;
use super::legend::Legend;
use super::panel::Panel;
use super::skeleton::GraphSkeleton;
use super::store::Store;
use super::table::EdgeTable;
use super::words;
use crate::live::{self, BadLink, Failure, Hears, Phase, Progress, Strip};
use crate::numbers;
use crate::shell::clock::use_clock;
use crate::shell::nothing::AllNamespaces;
use crate::shell::place::{Step, use_place};
use crate::shell::theme::Theme;
use crate::shell::{announce, set_title};
use crate::trace::{self, PathStrip};
use crate::ui::state::{Message, Skeleton};
use crate::ui::{HealthMark, Icon, Segmented, Symbol};
use crate::url::{Refresh, View};

/// The graph and its twin table.
#[component]
pub fn GraphPage() -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let clock = use_clock();

    let asked = Memo::new(move |_| place.query());
    let refresh = Memo::new(move |_| place.address_or_default().refresh);
    Effect::new(move |_| {
        if let Some(query) = asked.get() {
            store.follow(query, refresh.get());
        }
    });
    Effect::new(move |_| store.tick(clock.get()));
    let live = Signal::derive(move || {
        refresh.get() == Refresh::Live && asked.with(|q| q.as_ref().is_some_and(|q| q.at.is_none()))
    });
    let hears = Hears {
        changed: Callback::new(move |_| store.hint()),
        is_open: Callback::new(move |open| store.stream_is(open)),
    };
    live::listen("graph", live, hears);

    let selected = Memo::new(move |_| place.address_or_default().selected);
    let select = Callback::new(move |id: Option<String>| {
        // "Back" closes the panel; going from one thing to the next leaves no trail.
        let opens = id.is_some() && selected.get_untracked().is_none();
        let step = if opens { Step::Push } else { Step::Replace };
        place.change(step, |address| address.selected = id);
    });
    let escape = window_event_listener(ev::keydown, move |event| {
        if event.key() == "Escape"
            && !event.default_prevented()
            && selected.get_untracked().is_some()
        {
            select.run(None);
        }
    });
    on_cleanup(move || escape.remove());

    tell(store, selected.into());
    let way = trace::way();

    let view = Memo::new(move |_| place.address_or_default().view);
    let theme = use_context::<Signal<Theme>>().unwrap_or_default();
    let (rearrange, fit) = (RwSignal::new(0u32), RwSignal::new(0u32));
    let is_empty = Memo::new(move |_| {
        store
            .answer
            .with(|g| g.as_ref().is_some_and(|g| g.nodes.is_empty()))
    });
    let has_graph = Memo::new(move |_| store.answer.with(Option::is_some));
    let drawn = Memo::new(move |_| {
        has_graph.get() && !is_empty.get() && !matches!(store.phase.get(), Phase::Failed { .. })
    });
    let notices = Memo::new(move |_| {
        store
            .answer
            .with(|g| g.as_ref().map(|g| g.notices.clone()).unwrap_or_default())
    });
    let bad = Memo::new(move |_| place.address().err());
    let failed = Memo::new(move |_| match store.phase.get() {
        Phase::Failed { problem, .. } => Some(problem),
        _ => None,
    });

    let body = move || {
        if let Some(error) = bad.get() {
            return view! { <BadLink error way_on="Start from the whole mesh" /> }.into_any();
        }
        if let Some(problem) = failed.get() {
            return view! { <Failure problem standing=store.standing() /> }.into_any();
        }
        if !has_graph.get() {
            return match view.get() {
                View::Graph => view! { <GraphSkeleton /> }.into_any(),
                View::Table => view! {
                    <div class="page__pad"><Skeleton lines=9 label="Loading the table" /></div>
                }
                .into_any(),
            };
        }
        if is_empty.get() {
            return view! { <Empty /> }.into_any();
        }
        match view.get() {
            View::Graph => view! {
                <GraphCanvas graph=store.answer selected way on_select=select theme rearrange fit />
            }
            .into_any(),
            View::Table => {
                view! { <EdgeTable graph=store.answer selected on_select=select /> }.into_any()
            }
        }
    };
    let panel_open = Memo::new(move |_| {
        selected.with(Option::is_some) && has_graph.get() && bad.with(Option::is_none)
    });
    view! {
        <div class="graph-page" aria-busy=move || store.busy.get().to_string()>
            <div class="toolbar">
                <h1 class="toolbar__title">"Traffic graph"</h1>
                <Tally graph=store.answer />
                <div class="toolbar__tools">
                    <ByChoice />
                    <IdleChoice />
                    <Segmented
                        label="Show as"
                        name="view"
                        options=vec![("graph", "Graph"), ("table", "Table")]
                        value=Signal::derive(move || match view.get() {
                            View::Graph => "graph",
                            View::Table => "table",
                        })
                        on_choose=Callback::new(move |chosen: &'static str| {
                            place.change(Step::Push, |address| {
                                address.view = if chosen == "table" { View::Table } else { View::Graph };
                            });
                        })
                    />
                    <Show when=move || view.get() == View::Graph && drawn.get()>
                        <button
                            type="button"
                            class="button button--icon"
                            aria-label="Zoom to fit"
                            title="Zoom to fit"
                            on:click=move |_| fit.update(|n| *n += 1)
                        >
                            <Icon symbol=Symbol::Fit />
                        </button>
                        <button
                            type="button"
                            class="button button--icon"
                            aria-label="Re-arrange"
                            title="Re-arrange: take a fresh layout"
                            on:click=move |_| rearrange.update(|n| *n += 1)
                        >
                            <Icon symbol=Symbol::Arrange />
                        </button>
                        <Legend />
                    </Show>
                </div>
                <Progress standing=store.standing() />
            </div>
            <Strip standing=store.standing() said=notices />
            <PathStrip graph=store.answer on_select=select />
            <div class="graph-page__body">
                <div class="graph-page__picture">{body}</div>
                <Show when=move || panel_open.get()>
                    <Panel graph=store.answer selected on_select=select />
                </Show>
            </div>
        </div>
    }
}

/// Keeps the title of the tab and the live region in step with the picture.
fn tell(store: Store, selected: Signal<Option<String>>) {
    let tally = Memo::new(move |_| {
        store
            .answer
            .with(|g| g.as_ref().map(|g| worst_words(g)).unwrap_or_default())
    });
    let subject = Memo::new(move |_| {
        selected.with(|id| {
            let id = id.as_ref()?;
            store.answer.with(|g| {
                let g = g.as_ref()?;
                let names = words::NodeNames::new(g);
                let edge = g.edges.iter().find(|e| e.id == *id).map(|e| names.edge(e));
                edge.or_else(|| names.node(id).map(words::node_name))
            })
        })
    });
    Effect::new(move |_| {
        let what = subject.get().unwrap_or_else(|| "Graph".to_owned());
        let tally = tally.get();
        set_title(&if tally.is_empty() {
            what
        } else {
            format!("{what} ({tally})")
        });
    });
    Effect::new(move |_| {
        let said = match store.phase.get() {
            Phase::Loading => return,
            Phase::Ready => match tally.get() {
                tally if tally.is_empty() => "Graph up to date. Nothing is failing.".to_owned(),
                tally => format!("Graph up to date. {tally}."),
            },
            Phase::Stale { problem, .. } => {
                format!("The graph is stale. {}", problem.message)
            }
            Phase::Failed { problem, .. } => format!("{}. {}", problem.title(), problem.message),
        };
        announce(said);
    });
}

/// Returns `2 failing, 1 degraded`; empty where all is well.
fn worst_words(graph: &api::Graph) -> String {
    let n = |status| {
        graph
            .nodes
            .iter()
            .filter(|n| n.health.status == status)
            .count()
    };
    [
        (HealthStatus::Failing, "failing"),
        (HealthStatus::Degraded, "degraded"),
    ]
    .into_iter()
    .map(|(status, word)| (n(status), word))
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{n} {word}"))
    .collect::<Vec<_>>()
    .join(", ")
}

/// How many things there are, and how many of them are bad.
#[component]
fn Tally(#[prop(into)] graph: Signal<Option<Arc<api::Graph>>>) -> impl IntoView {
    let counts = Memo::new(move |_| {
        graph.with(|g| {
            let g = g.as_ref().filter(|g| !g.nodes.is_empty())?;
            let n = |status| g.nodes.iter().filter(|n| n.health.status == status).count();
            let rps: f64 = g.edges.iter().map(|e| e.traffic.rps).sum();
            Some((
                g.nodes.len(),
                g.edges.len(),
                numbers::rate(rps),
                n(HealthStatus::Failing),
                n(HealthStatus::Degraded),
            ))
        })
    });
    move || {
        counts.get().map(|(n_nodes, n_edges, rps, failing, degraded)| {
            let bad = |n: usize, status, word: &'static str| {
                (n > 0).then(|| view! {
                    <span class="tally__bad">
                        <HealthMark status=Signal::stored(status) quiet=true />
                        <span class="figure">{n}</span>" "{word}
                    </span>
                })
            };
            view! {
                <p class="tally">
                    <span><span class="figure">{n_nodes}</span>{plural(n_nodes, " node", " nodes")}</span>
                    <span><span class="figure">{n_edges}</span>{plural(n_edges, " call path", " call paths")}</span>
                    <span class="figure tally__rate" title="Over all call paths">{rps}</span>
                    {bad(failing, HealthStatus::Failing, "failing")}
                    {bad(degraded, HealthStatus::Degraded, "degraded")}
                </p>
            }
        })
    }
}

fn plural(n: usize, one: &'static str, many: &'static str) -> &'static str {
    if n == 1 { one } else { many }
}

/// What a node stands for.
#[component]
fn ByChoice() -> impl IntoView {
    let place = use_place();
    let options = vec![
        (By::Workload.as_str(), "Workload"),
        (By::Version.as_str(), "Version"),
        (By::App.as_str(), "App"),
        (By::Service.as_str(), "Service"),
    ];
    view! {
        <Segmented
            label="One node for each"
            name="by"
            options
            value=Signal::derive(move || place.address_or_default().query.by.as_str())
            on_choose=Callback::new(move |chosen: &'static str| {
                if let Some(by) = By::ALL.into_iter().find(|by| by.as_str() == chosen) {
                    place.change(Step::Push, |address| {
                        address.query.by = by;
                        // Ids differ between projections: what was open is not there any more.
                        address.selected = None;
                    });
                }
            })
        />
    }
}

/// Whether what the cluster holds without traffic is drawn, too.
#[component]
fn IdleChoice() -> impl IntoView {
    let place = use_place();
    let is_on = Signal::derive(move || place.address_or_default().query.idle);
    view! {
        <button
            type="button"
            class="button"
            aria-pressed=move || is_on.get().to_string()
            title="Show services and workloads without traffic, too"
            on:click=move |_| {
                place.change(Step::Push, |address| address.query.idle = !address.query.idle);
            }
        >
            "Idle"
        </button>
    }
}

/// A graph without nodes explains itself.
#[component]
fn Empty() -> impl IntoView {
    let place = use_place();
    let address = place.address_or_default();
    let window = numbers::span(address.query.window.secs());
    let narrowed = !address.query.namespaces.is_empty();
    let text = if narrowed {
        format!("In the last {window}, no sidecar reported a call in the namespaces chosen.")
    } else {
        format!("In the last {window}, no sidecar reported a call.")
    };
    let hint = if narrowed {
        "Show all namespaces, or look back further."
    } else {
        "Look back further, or see what the source of the metrics or the mesh lacks, with the text to paste."
    };
    // The next longer look that is likely to find something.
    let longer = [3600, 86_400, Window::MAX.secs()]
        .into_iter()
        .filter_map(Window::from_secs)
        .find(|longer| address.query.window < *longer);
    view! {
        <Message title="No traffic to draw" text hint=Some(hint.to_owned())>
            <AllNamespaces />
            {longer.map(|longer| view! {
                <button
                    type="button"
                    class=if narrowed { "button" } else { "button button--primary" }
                    on:click=move |_| place.change(Step::Push, |a| a.query.window = longer)
                >
                    {format!("Look back {}", numbers::span(longer.secs()))}
                </button>
            })}
            <a class="button" href=move || place.href("sources")>"See what is missing"</a>
            <a class="button" href=move || place.href("preflight")>"See the preflight"</a>
        </Message>
    }
}
