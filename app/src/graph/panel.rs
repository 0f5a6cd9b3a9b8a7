//! The side panel: one node or edge with all that is known about it.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::graph::{Flow, Include, Traffic, View};
use mesh::api::links::LinksQuery;
use mesh::api::query::By;
use mesh::api::{self, Edge, Health, Node, NodeKind, TracesQuery};
use wasm_bindgen::JsCast;

use super::charts::Charts;
use super::flow;
use super::words::{self, NodeNames};
use crate::links::Dashboards;
use crate::numbers;
use crate::queries::Behind;
use crate::shell::nothing::AllNamespaces;
use crate::shell::place::{Step, use_place};
use crate::shell::{store, stored};
use crate::trace::Beside;
use crate::ui::icon::health_word;
use crate::ui::{HealthMark, Icon, Symbol};
use figures::{figure, flags, mtls, responses};
use versions::versions;

pub use figures::{figures, quantiles};

mod figures;
mod versions;

/// Where the browser keeps the panel's width, and its bounds in pixels.
const WIDTH_KEY: &str = "pidali-panel";
const MIN_WIDTH: i32 = 320;
const MAX_WIDTH: i32 = 720;

fn edge_of(event: &web_sys::PointerEvent) -> Option<web_sys::Element> {
    event.current_target()?.dyn_into().ok()
}

/// What the panel is about.
#[derive(Clone, PartialEq)]
enum Subject {
    Node(Box<Node>),
    Edge(Box<Edge>),
}

/// The evidence for one node or edge.
#[component]
pub fn Panel(
    #[prop(into)] graph: Signal<Option<Arc<api::Graph>>>,
    #[prop(into)] selected: Signal<Option<String>>,
    on_select: Callback<Option<String>>,
) -> impl IntoView {
    let subject = Memo::new(move |_| {
        let id = selected.get()?;
        graph.with(|g| {
            let g = g.as_ref()?;
            let node = g.nodes.iter().find(|n| n.id == id).cloned();
            let edge = || g.edges.iter().find(|e| e.id == id).cloned();
            (node.map(|n| Subject::Node(Box::new(n))))
                .or_else(|| edge().map(|e| Subject::Edge(Box::new(e))))
        })
    });
    let width = RwSignal::new(
        stored(WIDTH_KEY)
            .and_then(|text| text.parse::<i32>().ok())
            .map_or(380, |w| w.clamp(MIN_WIDTH, MAX_WIDTH)),
    );
    let dragged = StoredValue::new(None::<(i32, i32)>);
    let keep_width = move || store(WIDTH_KEY, &width.get_untracked().to_string());
    let title = Memo::new(move |_| match subject.get() {
        Some(Subject::Node(node)) => words::node_name(&node),
        Some(Subject::Edge(edge)) => graph.with(|g| {
            g.as_ref()
                .map_or_else(String::new, |g| NodeNames::new(g).edge(&edge))
        }),
        None => "Not in the picture".to_owned(),
    });
    let place = use_place();
    let kind = Memo::new(move |_| match subject.get() {
        Some(Subject::Node(node)) => {
            let home = match (node.namespace.as_str(), node.cluster.as_str()) {
                ("-", _) => String::new(),
                (namespace, "-") => format!(" in {namespace}"),
                (namespace, cluster) => format!(" in {namespace}, {cluster}"),
            };
            let by = place.address_or_default().query.by;
            let of_it = match node.kind {
                NodeKind::Service if by != By::Service && node.inbound.is_some() => {
                    ": calls that no workload took"
                }
                _ => "",
            };
            format!("{}{home}{of_it}", words::kind(node.kind))
        }
        Some(Subject::Edge(edge)) => {
            let calls = words::calls(&edge);
            match edge.view {
                View::Client => format!("{calls}, as the caller’s side reports it"),
                View::Server => {
                    format!("{calls}, as the callee’s side reports it: the caller has no sidecar")
                }
                View::Traces => calls,
            }
        }
        None => String::new(),
    });
    let links = Memo::new(move |_| {
        let asked = place.query()?;
        match subject.get()? {
            Subject::Node(node) if node.namespace != "-" && !is_traced(&node) => Some(LinksQuery {
                namespace: Some(node.namespace),
                workload: node.workload,
                service: node.service,
                window: asked.window,
                at: asked.at,
            }),
            _ => None,
        }
    });
    let edge = Memo::new(move |_| match subject.get() {
        Some(Subject::Edge(edge)) if edge.protocol != "tcp" => Some(edge.id),
        _ => None,
    });
    // Of what only traces know, there is nothing measured to chart and no query behind it.
    let measured = Memo::new(move |_| match subject.get() {
        Some(Subject::Edge(edge)) if words::is_traced(&edge) => None,
        Some(Subject::Node(node)) if is_traced(&node) => None,
        _ => selected.get(),
    });
    let traced_name = Memo::new(move |_| match subject.get() {
        Some(Subject::Node(node)) if is_traced(&node) => Some(node.name),
        _ => None,
    });
    let p95_ms = Memo::new(move |_| match subject.get() {
        Some(Subject::Edge(edge)) => edge.traffic.latency.p95_ms,
        _ => None,
    });
    let health = Memo::new(move |_| {
        subject.get().map(|s| match s {
            Subject::Node(node) => node.health,
            Subject::Edge(edge) => edge.health,
        })
    });
    view! {
        <aside class="panel" aria-label="Details" style:--panel-width=move || format!("{}px", width.get())>
            <div
                class="panel__edge"
                role="separator"
                tabindex="0"
                aria-orientation="vertical"
                aria-label="Width of the details"
                aria-valuemin=MIN_WIDTH
                aria-valuemax=MAX_WIDTH
                aria-valuenow=move || width.get()
                on:pointerdown=move |event| {
                    event.prevent_default();
                    if let Some(edge) = edge_of(&event) {
                        let _ = edge.set_pointer_capture(event.pointer_id());
                    }
                    dragged.set_value(Some((event.client_x(), width.get_untracked())));
                }
                on:pointermove=move |event| {
                    if let Some((from_x, from_width)) = dragged.get_value() {
                        width.set((from_width + from_x - event.client_x()).clamp(MIN_WIDTH, MAX_WIDTH));
                    }
                }
                on:pointerup=move |_| {
                    dragged.set_value(None);
                    keep_width();
                }
                on:keydown=move |event| {
                    let step = match event.key().as_str() {
                        "ArrowLeft" => 16,
                        "ArrowRight" => -16,
                        _ => return,
                    };
                    event.prevent_default();
                    width.update(|w| *w = (*w + step).clamp(MIN_WIDTH, MAX_WIDTH));
                    keep_width();
                }
            ></div>
            <header class="panel__head">
                <div class="panel__names">
                    <h2 class="panel__title">{move || title.get()}</h2>
                    <p class="panel__kind">{move || kind.get()}</p>
                </div>
                <button
                    type="button"
                    class="button button--quiet button--icon"
                    aria-label="Close details"
                    title="Close (Esc)"
                    on:click=move |_| on_select.run(None)
                >
                    <Icon symbol=Symbol::Close />
                </button>
            </header>
            <div class="panel__body" tabindex="0" role="region" aria-label="Evidence">
                {move || health.get().map(health_line)}
                {move || match subject.get() {
                    Some(Subject::Node(node)) => node_view(&node, graph, on_select),
                    Some(Subject::Edge(edge)) => edge_view(&edge, graph, on_select),
                    None => view! { <NotDrawn /> }.into_any(),
                }}
                <Beside edge p95_ms />
                {move || traced_name.get().map(|name| {
                    let href = move || {
                        let search = TracesQuery { name: Some(name.clone()), ..TracesQuery::default() };
                        place.traces_href(search, |_| ())
                    };
                    view! { <a class="link panel__page" href=href>"Open its traces"</a> }
                })}
                <Show when=move || measured.with(Option::is_some)>
                    <Charts id=measured />
                </Show>
                <Dashboards query=links />
                <Show when=move || measured.with(Option::is_some)>
                    <Behind id=measured />
                </Show>
            </div>
        </aside>
    }
}

fn is_traced(node: &Node) -> bool {
    node.kind == NodeKind::Traced
}

fn health_line(health: Health) -> impl IntoView {
    view! {
        <div class=format!("verdict {}", crate::ui::icon::health_class(health.status))>
            <HealthMark status=Signal::stored(health.status) quiet=true />
            <p><b>{health_word(health.status)}</b>" "{health.reason}</p>
        </div>
    }
}

fn node_view(
    node: &Node,
    graph: Signal<Option<Arc<api::Graph>>>,
    on_select: Callback<Option<String>>,
) -> AnyView {
    graph.with_untracked(|g| {
        let Some(g) = g.as_ref() else {
            return ().into_any();
        };
        let names = NodeNames::new(g);
        let has_latency = g.include.contains(&Include::Latency);
        let facts = [
            ("App", &node.app),
            ("Workload", &node.workload),
            ("Version", &node.version),
            ("Service", &node.service),
        ]
        .into_iter()
        .filter_map(|(label, value)| {
            let value = value.clone().filter(|v| *v != node.name)?;
            Some(view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
        })
        .collect_view();
        let callers: Vec<&Edge> = g.edges.iter().filter(|e| e.to == node.id).collect();
        let callees: Vec<&Edge> = g.edges.iter().filter(|e| e.from == node.id).collect();
        let caller_list = neighbours("Called by", callers, |e| names.name(&e.from), on_select);
        let callee_list = neighbours("Calls", callees, |e| names.name(&e.to), on_select);
        let main = node.inbound.as_ref().or(node.outbound.as_ref());
        view! {
            {node.explanation.clone().map(|text| view! { <p class="panel__note">{text}</p> })}
            {own_page(node)}
            {chips(&node.badges)}
            <dl class="facts">{facts}</dl>
            {both_ways("Calls to it", node.inbound.as_ref(), &node.inbound_flow, has_latency)}
            {both_ways("Calls it makes", node.outbound.as_ref(), &node.outbound_flow, has_latency)}
            {versions(g, node, None, on_select)}
            {main.map(responses)}
            {main.map(flags)}
            {caller_list}
            {callee_list}
        }
        .into_any()
    })
}

fn edge_view(
    edge: &Edge,
    graph: Signal<Option<Arc<api::Graph>>>,
    on_select: Callback<Option<String>>,
) -> AnyView {
    graph.with_untracked(|g| {
        let Some(g) = g.as_ref() else {
            return ().into_any();
        };
        let names = NodeNames::new(g);
        let has_latency = g.include.contains(&Include::Latency);
        let ends = [("From", &edge.from), ("To", &edge.to)]
            .into_iter()
            .map(|(label, id)| {
                let node = names.node(id);
                let to_select = id.clone();
                view! {
                    <div>
                        <dt>{label}</dt>
                        <dd>
                            <button
                                type="button"
                                class="link"
                                on:click=move |_| on_select.run(Some(to_select.clone()))
                            >
                                {names.name(id)}
                            </button>
                            {node.filter(|n| n.namespace != "-").map(|n| format!(" in {}", n.namespace))}
                        </dd>
                    </div>
                }
            })
            .collect_view();
        let split = names
            .node(&edge.to)
            .and_then(|callee| versions(g, callee, Some(edge), on_select));
        view! {
            {chips(&edge.badges)}
            <dl class="facts">{ends}</dl>
            {(!words::is_traced(edge)).then(|| {
                figures("Calls", &edge.traffic, &edge.flow, has_latency, edge.protocol == "tcp")
            })}
            {mtls(edge)}
            {split}
            {responses(&edge.traffic)}
            {flags(&edge.traffic)}
            {edge.server_view.as_ref().map(|server| view! {
                <section class="panel__section">
                    <h3>"As the callee’s side reports it"</h3>
                    <dl class="figures">
                        {figure("Rate", numbers::rate(server.rps))}
                        {figure("Errors", numbers::count(server.errors))}
                        {figure("Error share", numbers::share_of(server.error_ratio, server.errors, server.requests))}
                    </dl>
                    {server.difference.clone().map(|why| view! { <p class="panel__note">{why}</p> })}
                </section>
            })}
        }
        .into_any()
    })
}

/// Short facts about a node or an edge, in words.
fn chips(badges: &[String]) -> Option<AnyView> {
    let said = badges
        .iter()
        .map(|badge| view! { <li class="chip">{words::badge(badge)}</li> });
    (!badges.is_empty()).then(|| view! { <ul class="chips">{said.collect_view()}</ul> }.into_any())
}

/// The way to a node's own page, where it has one.
fn own_page(node: &Node) -> Option<AnyView> {
    let section = match node.kind {
        NodeKind::Workload | NodeKind::Gateway | NodeKind::Waypoint => "workloads",
        NodeKind::Service => "services",
        _ => return None,
    };
    if node.namespace == "-" {
        return None;
    }
    let place = use_place();
    let (namespace, name) = (node.namespace.clone(), node.name.clone());
    let href = move || place.thing_href(section, &namespace, &name);
    Some(view! { <a class="link panel__page" href=href>"Open its page"</a> }.into_any())
}

/// The calls to or from a node; of TCP alone, requests can't be counted. Nothing where there are none.
fn both_ways(
    title: &'static str,
    traffic: Option<&Traffic>,
    flow: &Flow,
    has_latency: bool,
) -> Option<AnyView> {
    let has_flow = *flow != Flow::default();
    let is_tcp = has_flow && traffic.is_none_or(|it| it.requests == 0.0);
    let none = Traffic::default();
    let traffic = traffic.or(has_flow.then_some(&none))?;
    Some(figures(title, traffic, flow, has_latency, is_tcp))
}

fn neighbours(
    title: &'static str,
    mut edges: Vec<&Edge>,
    name: impl Fn(&Edge) -> String,
    on_select: Callback<Option<String>>,
) -> Option<AnyView> {
    if edges.is_empty() {
        return None;
    }
    edges.sort_by(|a, b| {
        (a.health.status.cmp(&b.health.status))
            .then_with(|| b.traffic.rps.total_cmp(&a.traffic.rps))
            .then_with(|| a.id.cmp(&b.id))
    });
    let rows = edges
        .into_iter()
        .map(|edge| {
            let id = edge.id.clone();
            view! {
                <li>
                    <button type="button" class="neighbour" on:click=move |_| on_select.run(Some(id.clone()))>
                        <HealthMark status=Signal::stored(edge.health.status) />
                        <span class="neighbour__name">{name(edge)}</span>
                        <span class="neighbour__protocol">{edge.protocol.clone()}</span>
                        <span class="figure">{flow::rate(edge)}</span>
                    </button>
                </li>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="panel__section">
                <h3>{title}</h3>
                <ul class="neighbours">{rows}</ul>
            </section>
        }
        .into_any(),
    )
}

/// Says why what a link selects may not be drawn, with the ways to see it.
#[component]
fn NotDrawn() -> impl IntoView {
    let place = use_place();
    let query = place.now().query;
    view! {
        <p class="panel__note">
            "What this link selects has no traffic in this window, or is filtered out. Look back further, or show more \
             namespaces."
        </p>
        <p class="choices">
            {(!query.idle).then(|| view! {
                <button
                    type="button"
                    class="button"
                    on:click=move |_| place.change(Step::Replace, |address| address.query.idle = true)
                >
                    "Show what is idle"
                </button>
            })}
            <AllNamespaces />
        </p>
    }
}
