//! The path of a trace over the graph: what of it the picture lifts out, and what is said beside.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use mesh::api;
use mesh::api::query::By;
use mesh::api::trace::{PathEdge, TraceDetails};
use mesh::units::UnixMillis;

use super::store::{Store, follow, is_same};
use super::words::{joined, micros, n_of};
use crate::fetch::Problem;
use crate::graph::words::NodeNames;
use crate::inventory::Ask;
use crate::live::Phase;
use crate::shell::clock::day_and_time;
use crate::shell::place::{Step, use_place};
use crate::ui::{Icon, Symbol};
use crate::url;

/// The ids of the nodes and edges that a trace passed.
pub type Way = Arc<BTreeSet<String>>;

/// Follows the trace that the address names, as long as the graph is seen. Returns what it passed.
pub fn way() -> Memo<Option<Way>> {
    let place = use_place();
    let store = expect_context::<Store>();
    let id = Memo::new(move |_| place.address_or_default().trace);
    follow(
        store.path,
        Memo::new(move |_| id.get().map(|id| Ask::plain(url::trace(&id), true))),
    );
    Memo::new(move |_| {
        let id = id.get()?;
        let is_workloads = place.address_or_default().query.by == By::Workload;
        let trace = store
            .path
            .answer
            .get()
            .filter(|it| is_workloads && is_same(&it.id, &id))?;
        Some(Arc::new(passed(&trace.edges)))
    })
}

fn passed(edges: &[PathEdge]) -> BTreeSet<String> {
    let ids = edges.iter().flat_map(|it| [&it.id, &it.from, &it.to]);
    ids.cloned().collect()
}

/// The edges of a path that the graph does not have.
fn missing<'a>(edges: &'a [PathEdge], graph: &api::Graph) -> Vec<&'a PathEdge> {
    let known: BTreeSet<&str> = graph.edges.iter().map(|it| it.id.as_str()).collect();
    let mut edges: Vec<&PathEdge> = edges.iter().collect();
    edges.retain(|it| !known.contains(it.id.as_str()));
    edges
}

/// Says which trace's path is drawn, with its calls as a list, and the way out.
#[component]
pub fn PathStrip(
    #[prop(into)] graph: Signal<Option<Arc<api::Graph>>>,
    on_select: Callback<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let id = Memo::new(move |_| place.address_or_default().trace);
    let by = Memo::new(move |_| place.address_or_default().query.by);
    let trace = Memo::new(move |_| {
        let id = id.get()?;
        store.path.answer.get().filter(|it| is_same(&it.id, &id))
    });
    let failed: Memo<Option<Problem>> = Memo::new(move |_| match store.path.phase.get() {
        Phase::Failed { problem, .. } => Some(problem),
        _ => None,
    });
    let lost = Memo::new(move |_| {
        let trace = trace.get()?;
        graph.with(|graph| {
            let graph = graph.as_ref()?;
            let names = NodeNames::new(graph);
            let lost = missing(&trace.edges, graph);
            let lost: Vec<String> = lost.into_iter().map(|it| named(it, &names)).collect();
            Some(lost)
        })
    });
    let said = move || {
        match (trace.get(), failed.get()) {
        (Some(trace), _) if by.get() == By::Workload => told(&trace, graph, on_select),
        (Some(_), _) => view! {
            <p class="strip__text">"Paths are drawn from workload to workload. "</p>
            <button
                type="button"
                class="button"
                on:click=move |_| place.change(Step::Push, |a| a.query.by = By::Workload)
            >
                "Show workloads"
            </button>
        }
        .into_any(),
        (None, Some(problem)) => view! {
            <p class="strip__text">
                <b>"The path of a trace can’t be drawn. "</b>{problem.message}" "{problem.hint}
            </p>
            <button type="button" class="button" on:click=move |_| store.path.ask_again()>"Try again"</button>
        }
        .into_any(),
        (None, None) => view! { <p class="strip__text">"Looking for the path of the trace…"</p> }.into_any(),
    }
    };
    let lost_line = move || {
        let lost = lost
            .get()
            .filter(|it| !it.is_empty() && by.get() == By::Workload)?;
        let end = trace
            .get()
            .map(|it| UnixMillis(it.start_us / 1000 + it.duration_us / 1000 + 1000))?;
        Some(view! {
            <p class="strip__text path__lost">
                {format!("Not in this graph: {}. ", joined(&lost))}
                <button
                    type="button"
                    class="link"
                    on:click=move |_| place.change(Step::Push, |a| {
                        a.query.at = Some(end.floor_to(1000));
                        a.query.namespaces.clear();
                        a.query.focus = None;
                    })
                >
                    "Show the mesh of that time"
                </button>
            </p>
        })
    };
    let remove = move |_| place.change(Step::Push, |address| address.trace = None);
    move || {
        id.with(Option::is_some).then(|| {
            view! {
                <div class="strip path" role="region" aria-label="Path of a trace">
                    <span class="strip__mark"><Icon symbol=Symbol::Traces /></span>
                    <div class="path__said">{said}{lost_line}</div>
                    <button type="button" class="button" on:click=remove>"Remove the path"</button>
                </div>
            }
        })
    }
}

fn named(edge: &PathEdge, names: &NodeNames<'_>) -> String {
    let name = |id: &str| match names.node(id) {
        Some(_) => names.name(id),
        None => id.rsplit('/').next().unwrap_or(id).to_owned(),
    };
    format!("{} → {}", name(&edge.from), name(&edge.to))
}

fn told(
    trace: &TraceDetails,
    graph: Signal<Option<Arc<api::Graph>>>,
    on_select: Callback<Option<String>>,
) -> AnyView {
    let place = use_place();
    let root = trace.spans.first();
    let name = root.and_then(|root| {
        let service = &trace.services.get(root.service as usize)?.name;
        Some(format!(
            "{service}: {}",
            trace.operations.get(root.operation as usize)?
        ))
    });
    let href = place.trace_href(&trace.id);
    let failed = trace.edges.iter().filter(|it| it.n_errors > 0).count();
    let failed = (failed > 0).then(|| {
        view! { <span class="trace__failed">{format!(", {} with failures", n_of(failed, "edge", "edges"))}</span> }
    });
    let facts = format!(
        " of {}, {}, over {}",
        day_and_time(trace.start_us as f64 / 1000.0),
        micros(trace.duration_us),
        n_of(trace.edges.len(), "edge", "edges"),
    );
    let edges = graph.with_untracked(|graph| {
        let names = graph.as_deref().map(NodeNames::new).unwrap_or_default();
        let all = trace
            .edges
            .iter()
            .map(|edge| call(edge, named(edge, &names), on_select));
        all.collect_view()
    });
    view! {
        <p class="strip__text">
            <b>"Path of "</b>
            <a class="link" href=href>{name.unwrap_or_else(|| trace.id.clone())}</a>
            {facts}{failed}"."
        </p>
        <details class="path__calls"><summary>"Its calls"</summary><ul>{edges}</ul></details>
    }
    .into_any()
}

fn call(edge: &PathEdge, name: String, on_select: Callback<Option<String>>) -> AnyView {
    let id = edge.id.clone();
    let calls = n_of(edge.n_calls as usize, "call", "calls");
    let failed = (edge.n_errors > 0).then(
        || view! { <span class="trace__failed">{format!(", {} failed", edge.n_errors)}</span> },
    );
    view! {
        <li>
            <button type="button" class="link" on:click=move |_| on_select.run(Some(id.clone()))>{name}</button>
            <span class="figure">{format!(" {calls}")}</span>{failed}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample;

    fn step(from: &str, to: &str) -> PathEdge {
        PathEdge {
            id: format!("{from}->{to}:http"),
            from: from.to_owned(),
            to: to.to_owned(),
            n_calls: 1,
            n_errors: 0,
        }
    }

    #[test]
    fn a_path_is_its_edges_and_their_ends_and_what_the_graph_lacks_is_told() {
        let path = [step("web", "cart"), step("cart", "db")];
        assert_eq!(
            passed(&path).into_iter().collect::<Vec<_>>(),
            ["cart", "cart->db:http", "db", "web", "web->cart:http"]
        );
        let nodes = vec![sample::node("web", 0, 0), sample::node("cart", 1, 0)];
        let graph = sample::graph(nodes, vec![sample::edge("web", "cart", 1.0)]);
        let lost: Vec<&str> = missing(&path, &graph)
            .into_iter()
            .map(|it| it.id.as_str())
            .collect();
        assert_eq!(lost, ["cart->db:http"]);
        assert_eq!(named(&path[1], &NodeNames::new(&graph)), "cart → db");
    }
}
