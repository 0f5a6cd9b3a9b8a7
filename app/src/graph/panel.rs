//! The side panel: one node or edge with all that is known about it.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::graph::{Bounds, Include, Traffic, View};
use mesh::api::{self, Edge, Health, Node};
use wasm_bindgen::JsCast;

use super::charts::Charts;
use super::words::{self, Fault, NodeNames};
use crate::numbers;
use crate::shell::{store, stored};
use crate::ui::icon::health_word;
use crate::ui::{HealthMark, Icon, Symbol};

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
    let kind = Memo::new(move |_| match subject.get() {
        Some(Subject::Node(node)) => {
            let place = match (node.namespace.as_str(), node.cluster.as_str()) {
                ("-", _) => String::new(),
                (namespace, "-") => format!(" in {namespace}"),
                (namespace, cluster) => format!(" in {namespace}, {cluster}"),
            };
            format!("{}{place}", words::kind(node.kind))
        }
        Some(Subject::Edge(edge)) => {
            let seen = match edge.view {
                View::Client => "as the caller’s side reports it",
                View::Server => "as the callee’s side reports it: the caller has no sidecar",
            };
            format!("{} calls, {seen}", edge.protocol)
        }
        None => String::new(),
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
                    None => view! {
                        <p class="panel__note">
                            "What this link selects has no traffic in this window, or is filtered out. \
                             Look back further, or show more namespaces."
                        </p>
                    }
                    .into_any(),
                }}
                <Charts id=selected />
            </div>
        </aside>
    }
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
        let badges = node
            .badges
            .iter()
            .map(|badge| view! { <li class="chip">{words::badge(badge)}</li> })
            .collect_view();
        let callers: Vec<&Edge> = g.edges.iter().filter(|e| e.to == node.id).collect();
        let callees: Vec<&Edge> = g.edges.iter().filter(|e| e.from == node.id).collect();
        let caller_list = neighbours("Called by", callers, |e| names.name(&e.from), on_select);
        let callee_list = neighbours("Calls", callees, |e| names.name(&e.to), on_select);
        let main = node.inbound.as_ref().or(node.outbound.as_ref());
        view! {
            {node.explanation.clone().map(|text| view! { <p class="panel__note">{text}</p> })}
            {(!node.badges.is_empty()).then(|| view! { <ul class="chips">{badges}</ul> })}
            <dl class="facts">{facts}</dl>
            {node.inbound.as_ref().map(|t| figures("Calls to it", t, has_latency, tcp_only(g, &node.id)))}
            {node.outbound.as_ref().map(|t| figures("Calls it makes", t, has_latency, false))}
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
            <dl class="facts">{ends}</dl>
            {figures("Calls", &edge.traffic, has_latency, edge.protocol == "tcp")}
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

/// Whether all calls to a node are TCP, of which requests can't be counted.
fn tcp_only(graph: &api::Graph, id: &str) -> bool {
    let mut to_it = graph.edges.iter().filter(|e| e.to == id).peekable();
    to_it.peek().is_some() && to_it.all(|e| e.protocol == "tcp")
}

fn figure(label: &'static str, value: String) -> impl IntoView {
    view! { <div class="figures__item"><dt>{label}</dt><dd class="figure">{value}</dd></div> }
}

/// Writes a quantile; where only its bucket is known, the bucket.
fn quantile(value: Option<f64>, bounds: Option<Bounds>) -> String {
    match (value, bounds) {
        (Some(ms), _) => numbers::millis(ms),
        (
            None,
            Some(Bounds {
                low_ms,
                high_ms: None,
            }),
        ) => numbers::longer_than(low_ms),
        (
            None,
            Some(Bounds {
                low_ms,
                high_ms: Some(high),
            }),
        ) => {
            format!("{} to {}", numbers::millis(low_ms), numbers::millis(high))
        }
        (None, None) => numbers::NO_DATA.to_owned(),
    }
}

/// Writes the rate of an edge. Of TCP, requests can't be counted: that is no data, not zero.
pub fn rate_of(edge: &Edge) -> String {
    if edge.protocol == "tcp" && edge.traffic.requests == 0.0 {
        numbers::NO_DATA.to_owned()
    } else {
        numbers::rate(edge.traffic.rps)
    }
}

/// Writes p50, p95 and p99 of some traffic.
pub fn quantiles(traffic: &Traffic) -> [String; 3] {
    let l = &traffic.latency;
    let bounds = |idx: usize| l.latency_bounds.and_then(|b| b.get(idx).copied());
    [(l.p50_ms, 0), (l.p95_ms, 1), (l.p99_ms, 2)].map(|(value, idx)| quantile(value, bounds(idx)))
}

fn figures(title: &'static str, traffic: &Traffic, has_latency: bool, tcp: bool) -> AnyView {
    if tcp && traffic.requests == 0.0 {
        return view! {
            <section class="panel__section">
                <h3>{title}</h3>
                <p class="panel__note">"TCP: its requests can’t be told apart, so there are no request figures."</p>
            </section>
        }
        .into_any();
    }
    let [p50, p95, p99] = if has_latency {
        quantiles(traffic)
    } else {
        ["…", "…", "…"].map(str::to_owned)
    };
    let bounds = traffic.latency.latency_bounds.map(|b| {
        let words = ["p50", "p95", "p99"]
            .iter()
            .zip(b)
            .map(|(name, b)| format!("{name} {}", quantile(None, Some(b))))
            .collect::<Vec<_>>()
            .join(", ");
        format!(
            "Latency is merged from the histogram buckets of all series, then read once: {words}."
        )
    });
    let share = |label: &'static str, ratio: Option<f64>| {
        ratio.filter(|r| *r > 0.0).map(|r| {
            figure(
                label,
                numbers::share_of(Some(r), r * traffic.requests, traffic.requests),
            )
        })
    };
    let errors = if traffic.errors > 0.0 {
        format!(
            "{} of {}",
            numbers::count(traffic.errors),
            numbers::count(traffic.requests)
        )
    } else {
        numbers::count(traffic.errors)
    };
    let error_share = traffic
        .error_ratio
        .map_or_else(|| numbers::NO_DATA.to_owned(), numbers::share);
    view! {
        <section class="panel__section">
            <h3>{title}</h3>
            <dl class="figures">
                {figure("Rate", numbers::rate(traffic.rps))}
                {figure("Errors", errors)}
                {figure("Error share", error_share)}
                {figure("p50", p50)}
                {figure("p95", p95)}
                {figure("p99", p99)}
                {share("Client errors", traffic.client_error_ratio)}
                {share("Client went away", traffic.gone_ratio)}
            </dl>
            {measured(traffic, bounds)}
        </section>
    }
    .into_any()
}

/// Says how the figures are made, for whoever wants to check them.
fn measured(traffic: &Traffic, bounds: Option<String>) -> impl IntoView + use<> {
    let counted = format!(
        "{} requests in the window. Rate = requests / window. Error share = server errors / requests.",
        numbers::count(traffic.requests)
    );
    view! {
        <details class="panel__how">
            <summary>"How these are measured"</summary>
            <p>{counted}</p>
            <p>
                "Server errors are HTTP 5xx, calls without any response unless the client went away, and \
                 gRPC statuses 2, 4, 12, 13, 14 and 15."
            </p>
            {bounds.map(|text| view! { <p>{text}</p> })}
        </details>
    }
}

fn mtls(edge: &Edge) -> impl IntoView + use<> {
    edge.mtls_ratio.map(|ratio| {
        let all = ratio >= 1.0;
        let text = if all {
            "All calls use mutual TLS.".to_owned()
        } else if ratio <= 0.0 {
            "No call uses mutual TLS.".to_owned()
        } else {
            format!(
                "{} of the calls use mutual TLS; the rest is not protected.",
                numbers::share(ratio)
            )
        };
        let symbol = if all { Symbol::Lock } else { Symbol::Unlocked };
        view! { <p class="panel__fact" class:panel__fact--warn=!all><Icon symbol />{text}</p> }
    })
}

/// One version of what was called, and its part of the calls.
struct VersionShare {
    id: String,
    version: String,
    rps: f64,
    traffic: Traffic,
}

/// Shows how the calls to an app spread over its versions: all calls, or those of one caller.
fn versions(
    graph: &api::Graph,
    callee: &Node,
    of_caller: Option<&Edge>,
    on_select: Callback<Option<String>>,
) -> Option<AnyView> {
    let app = callee.app.as_ref()?;
    let mut shares: Vec<VersionShare> = graph
        .nodes
        .iter()
        .filter(|n| {
            n.app.as_ref() == Some(app)
                && (&n.namespace, &n.cluster) == (&callee.namespace, &callee.cluster)
        })
        .filter_map(|n| {
            let version = n.version.clone()?;
            let (id, traffic) = match of_caller {
                None => (n.id.clone(), n.inbound.clone()?),
                Some(edge) => {
                    let sibling = graph.edges.iter().find(|e| {
                        e.from == edge.from && e.to == n.id && e.protocol == edge.protocol
                    })?;
                    (sibling.id.clone(), sibling.traffic.clone())
                }
            };
            Some(VersionShare {
                id,
                version,
                rps: traffic.rps,
                traffic,
            })
        })
        .collect();
    shares.sort_by(|a, b| (&a.version, &a.id).cmp(&(&b.version, &b.id)));
    let total: f64 = shares.iter().map(|s| s.rps).sum();
    if shares.len() < 2 || total <= 0.0 {
        return None;
    }
    // Widths are SVG attributes: a strict policy allows no style text.
    let mut left = 0.0;
    let bar = shares
        .iter()
        .enumerate()
        .map(|(idx, s)| {
            let width = s.rps / total * 100.0;
            let x = left;
            left += width;
            view! {
                <rect class=version_class(idx) x=format!("{x:.2}") y="0" width=format!("{width:.2}") height="12" />
            }
        })
        .collect_view();
    let rows = shares
        .iter()
        .enumerate()
        .map(|(idx, s)| {
            let id = s.id.clone();
            let [_, p95, _] = quantiles(&s.traffic);
            view! {
                <tr>
                    <th scope="row">
                        <span class=format!("swatch {}", version_class(idx))></span>
                        <button type="button" class="link" on:click=move |_| on_select.run(Some(id.clone()))>
                            {s.version.clone()}
                        </button>
                    </th>
                    <td class="figure">{numbers::share(s.rps / total)}</td>
                    <td class="figure">{numbers::count(s.traffic.requests)}</td>
                    <td class="figure">
                        {numbers::share_of(s.traffic.error_ratio, s.traffic.errors, s.traffic.requests)}
                    </td>
                    <td class="figure">{p95}</td>
                </tr>
            }
        })
        .collect_view();
    let title = match of_caller {
        None => format!("Versions of {app}, share of all calls"),
        Some(_) => format!("Versions of {app}, share of this caller’s calls"),
    };
    let said = shares
        .iter()
        .map(|s| format!("{} {}", s.version, numbers::share(s.rps / total)))
        .collect::<Vec<_>>()
        .join(", ");
    Some(
        view! {
            <section class="panel__section">
                <h3>{title}</h3>
                <svg class="share-bar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label=said>
                    {bar}
                </svg>
                <table class="small-table">
                    <thead>
                        <tr>
                            <th scope="col">"Version"</th>
                            <th scope="col">"Share"</th>
                            <th scope="col">"Requests"</th>
                            <th scope="col">"Errors"</th>
                            <th scope="col">"p95"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}

fn version_class(idx: usize) -> &'static str {
    ["version--1", "version--2", "version--3", "version--4"][idx % 4]
}

fn responses(traffic: &Traffic) -> Option<AnyView> {
    if traffic.responses.is_empty() {
        return None;
    }
    let total: f64 = traffic.responses.values().sum();
    let rows = traffic
        .responses
        .iter()
        .map(|(code, rps)| {
            let class = match words::fault(code) {
                Fault::Server => "code code--server",
                Fault::Client => "code code--client",
                Fault::None => "code",
            };
            let share = if total > 0.0 {
                numbers::share(rps / total)
            } else {
                numbers::NO_DATA.to_owned()
            };
            view! {
                <tr>
                    <th scope="row">
                        <span class=class>{code.clone()}</span>" "
                        <span class="caption">{words::code(code)}</span>
                    </th>
                    <td class="figure">{numbers::rate(*rps)}</td>
                    <td class="figure">{share}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="panel__section">
                <h3>"Responses"</h3>
                <table class="small-table">
                    <thead>
                        <tr><th scope="col">"Code"</th><th scope="col">"Rate"</th><th scope="col">"Share"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
}

fn flags(traffic: &Traffic) -> Option<AnyView> {
    if traffic.flags.is_empty() {
        return None;
    }
    let rows = traffic
        .flags
        .iter()
        .map(|(flag, rps)| {
            view! {
                <tr>
                    <th scope="row"><span class="code">{flag.clone()}</span>" "{words::flag(flag)}</th>
                    <td class="figure">{numbers::rate(*rps)}</td>
                </tr>
            }
        })
        .collect_view();
    Some(
        view! {
            <section class="panel__section">
                <h3>"What the proxies say went wrong"</h3>
                <table class="small-table">
                    <thead><tr><th scope="col">"Flag"</th><th scope="col">"Rate"</th></tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
        .into_any(),
    )
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
                        <span class="figure">{rate_of(edge)}</span>
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_beyond_the_last_bucket_says_so() {
        let last = Bounds {
            low_ms: 3_600_000.0,
            high_ms: None,
        };
        assert_eq!(quantile(None, Some(last)), "> 1 h");
        assert_eq!(quantile(Some(23.0), Some(last)), "23 ms");
        assert_eq!(quantile(None, None), "–");
    }
}
