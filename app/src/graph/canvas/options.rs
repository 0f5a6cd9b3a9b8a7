//! The picture for keys and readers of the screen: a list of services and calls.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use mesh::api;

use crate::graph::flow;
use crate::graph::scene::Picture;
use crate::graph::words;
use crate::numbers;
use crate::ui::icon::health_word;

/// A mesh with more nodes and calls than this is listed around what the keys are at.
const WHOLE: usize = 300;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    id: String,
    text: String,
}

/// The list. It is not seen; what the keys are at is marked in the picture.
#[component]
pub fn Options(
    /// The picture that is shown.
    #[prop(into)]
    picture: Signal<Option<Arc<Picture>>>,
    /// What the keys are at.
    focused: RwSignal<Option<String>>,
    /// What is selected.
    #[prop(into)]
    selected: Signal<Option<String>>,
    /// Hears what is selected.
    on_select: Callback<Option<String>>,
    /// Hears of zooming by keys: a factor, or nothing for all.
    on_zoom: Callback<Option<f64>>,
) -> impl IntoView {
    let lines = Memo::new(move |_| {
        picture.with(|p| {
            let p = p.as_ref()?;
            Some(lines(p, focused.get().or(selected.get()).as_deref()))
        })
    });
    let lines = Memo::new(move |_| lines.get().unwrap_or_default());
    let texts = Memo::new(move |_| -> BTreeMap<String, String> {
        lines.with(|l| l.iter().map(|l| (l.id.clone(), l.text.clone())).collect())
    });
    let go = move |step: isize| {
        lines.with(|lines| {
            let last = lines.len().saturating_sub(1);
            let at =
                focused.with_untracked(|id| lines.iter().position(|l| Some(&l.id) == id.as_ref()));
            let next = match at {
                Some(at) => at.saturating_add_signed(step).min(last),
                None if step < 0 => last,
                None => 0,
            };
            focused.set(lines.get(next).map(|l| l.id.clone()));
        });
    };
    let follow = move |inbound: bool| {
        let next = picture.with_untracked(|p| {
            let graph = p.as_ref()?.graph();
            focused.with_untracked(|id| across(graph, id.as_deref()?, inbound))
        });
        if next.is_some() {
            focused.set(next);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        match event.key().as_str() {
            "ArrowDown" => go(1),
            "ArrowUp" => go(-1),
            "PageDown" => go(10),
            "PageUp" => go(-10),
            "Home" => go(isize::MIN / 2),
            "End" => go(isize::MAX / 2),
            "ArrowRight" => follow(false),
            "ArrowLeft" => follow(true),
            "Enter" | " " => {
                if let Some(id) = focused.get_untracked() {
                    on_select.run(Some(id));
                }
            }
            "+" | "=" => on_zoom.run(Some(1.25)),
            "-" => on_zoom.run(Some(0.8)),
            "0" => on_zoom.run(None),
            _ => return,
        }
        event.prevent_default();
    };
    view! {
        <div
            class="canvas__options"
            role="listbox"
            tabindex="0"
            aria-label="Services and calls"
            aria-describedby="graph-keys"
            aria-activedescendant=move || focused.get().map(|id| dom_id(&id))
            on:keydown=on_key
            on:focus=move |_| {
                if focused.with_untracked(Option::is_none) {
                    let first = selected.get_untracked();
                    focused.set(first.or_else(|| {
                        lines.with_untracked(|l| l.first().map(|l| l.id.clone()))
                    }));
                }
            }
            on:blur=move |_| focused.set(None)
        >
            <For
                each=move || lines.get()
                key=|line| line.id.clone()
                children=move |line| {
                    let id = line.id;
                    let (own, chosen, mine) = (id.clone(), id.clone(), dom_id(&id));
                    // The row stays while its words change.
                    let text = Memo::new(move |_| texts.with(|t| t.get(&own).cloned().unwrap_or_default()));
                    view! {
                        <div
                            role="option"
                            id=mine
                            aria-selected=move || {
                                selected.with(|s| s.as_ref() == Some(&chosen)).to_string()
                            }
                            on:click=move |_| on_select.run(Some(id.clone()))
                        >
                            {text}
                        </div>
                    }
                }
            />
        </div>
        <p id="graph-keys" class="visually-hidden">
            "Up and down go through services and their calls, left and right follow a call, Enter shows \
             the figures, plus and minus zoom, zero shows all."
        </p>
    }
}

/// An id that may stand in the document.
fn dom_id(id: &str) -> String {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    format!("graph-{:016x}", hasher.finish())
}

/// The next thing along the calls: from a node to a call, from a call to a node.
fn across(graph: &api::Graph, id: &str, inbound: bool) -> Option<String> {
    if let Some(edge) = graph.edges.iter().find(|e| e.id == id) {
        return Some(if inbound {
            edge.from.clone()
        } else {
            edge.to.clone()
        });
    }
    let mine = |e: &&api::Edge| if inbound { e.to == id } else { e.from == id };
    let busiest = graph.edges.iter().filter(mine);
    let busiest = busiest.max_by(|a, b| a.traffic.rps.total_cmp(&b.traffic.rps));
    busiest.map(|e| e.id.clone())
}

/// Nodes, each followed by the calls it makes. Of a large mesh: what is bad, and what is around `around`,
/// among it the nodes before and after, so that up and down go on.
fn lines(picture: &Picture, around: Option<&str>) -> Vec<Line> {
    let graph = picture.graph();
    let names = words::NodeNames::new(graph);
    let is_whole = graph.nodes.len() + graph.edges.len() <= WHOLE;
    let mut near: BTreeSet<&str> = BTreeSet::new();
    let mut calls: BTreeMap<&str, Vec<&api::Edge>> = BTreeMap::new();
    for edge in &graph.edges {
        calls.entry(&edge.from).or_default().push(edge);
        let is_near = |id: &str| edge.id == id || edge.from == id || edge.to == id;
        if around.is_some_and(is_near) {
            near.extend([edge.from.as_str(), edge.to.as_str()]);
        }
    }
    let at = graph
        .nodes
        .iter()
        .position(|n| Some(n.id.as_str()) == around);
    let at = at.or_else(|| {
        let from = &graph
            .edges
            .iter()
            .find(|e| Some(e.id.as_str()) == around)?
            .from;
        graph.nodes.iter().position(|n| n.id == *from)
    });
    let at = at.unwrap_or(0);
    let is_shown = |(idx, node): &(usize, &api::Node)| {
        is_whole
            || idx.abs_diff(at) <= 1
            || node.health.status <= api::HealthStatus::Degraded
            || near.contains(node.id.as_str())
    };
    let mut lines = Vec::new();
    for (_, node) in graph.nodes.iter().enumerate().filter(is_shown) {
        lines.push(Line {
            id: node.id.clone(),
            text: node_text(node),
        });
        for edge in calls.get(node.id.as_str()).into_iter().flatten() {
            let is_wanted = is_whole
                || around.is_none_or(|id| edge.id == id || edge.from == id || edge.to == id);
            if is_wanted {
                let text = edge_text(edge, picture.share(&edge.id), &names);
                lines.push(Line {
                    id: edge.id.clone(),
                    text,
                });
            }
        }
    }
    lines
}

fn node_text(node: &api::Node) -> String {
    let mut text = format!(
        "{}, {}",
        words::node_name(node),
        words::kind(node.kind).to_lowercase()
    );
    if node.namespace != "-" {
        text.push_str(&format!(" in {}", node.namespace));
    }
    text.push_str(&format!(": {}", health_word(node.health.status)));
    if let Some(traffic) = &node.inbound {
        text.push_str(&format!(", {}", figures(traffic)));
    } else if let Some(rate) = flow::node_rate(node, false) {
        text.push_str(&format!(", {rate}"));
    }
    text
}

/// What an edge is and does, in one line: `frontend → backend-v2, http: 10 % of the calls to backend, …`.
pub fn edge_text(edge: &api::Edge, share: Option<f64>, names: &words::NodeNames<'_>) -> String {
    let app = names
        .node(&edge.to)
        .and_then(|n| n.app.clone())
        .unwrap_or_default();
    let share = share.map(|s| format!("{} of the calls to {app}, ", numbers::share(s)));
    format!(
        "{}, {}: {}, {}{}",
        names.edge(edge),
        edge.protocol,
        health_word(edge.health.status),
        share.unwrap_or_default(),
        if edge.protocol == "tcp" || words::is_traced(edge) {
            flow::rate(edge)
        } else {
            figures(&edge.traffic)
        },
    )
}

fn figures(traffic: &api::graph::Traffic) -> String {
    let mut text = numbers::rate(traffic.rps);
    if traffic.requests > 0.0 {
        text.push_str(&format!(", {} failed", words::failed(traffic)));
    }
    if let Some(p95) = traffic.latency.p95_ms {
        text.push_str(&format!(", p95 {}", numbers::millis(p95)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::positions::Positions;
    use crate::graph::sample::{edge, graph, node};

    fn shop() -> api::Graph {
        let mut graph = graph(
            vec![
                node("backend-v1", 300, 0),
                node("backend-v2", 300, 90),
                node("front", 0, 0),
            ],
            vec![
                edge("front", "backend-v1", 90.0),
                edge("front", "backend-v2", 10.0),
            ],
        );
        for node in &mut graph.nodes[..2] {
            node.app = Some("backend".to_owned());
        }
        graph
    }

    #[test]
    fn a_reader_hears_the_shares_of_a_canary() {
        let graph = Arc::new(shop());
        let positions = Positions::fresh(&graph).expect("a layout");
        let lines = lines(&Picture::new(graph, &positions), None);
        let texts: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "backend-v1, workload in shop: Healthy",
                "backend-v2, workload in shop: Healthy",
                "front, workload in shop: Healthy",
                "front → backend-v1, http: Healthy, 90 % of the calls to backend, 90.0 rps, – failed",
                "front → backend-v2, http: Healthy, 10 % of the calls to backend, 10.0 rps, – failed",
            ]
        );
    }

    #[test]
    fn in_a_large_mesh_up_and_down_reach_everything() {
        let nodes = (0..400).map(|n| node(&format!("n{n:03}"), n, 0)).collect();
        let edges = (1..400)
            .map(|n| edge("n000", &format!("n{n:03}"), 1.0))
            .collect();
        let mut graph = graph(nodes, edges);
        graph.nodes[300].health.status = api::HealthStatus::Failing;
        let graph = Arc::new(graph);
        let positions = Positions::fresh(&graph).expect("a layout");
        let picture = Picture::new(graph, &positions);
        let around = lines(&picture, Some("n200"));
        let ids: Vec<&str> = around.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(
            ids,
            ["n000", "n000->n200:http", "n199", "n200", "n201", "n300"]
        );
    }

    #[test]
    fn left_and_right_follow_the_calls() {
        let graph = shop();
        let call = across(&graph, "front", false).expect("a call");
        assert_eq!(call, "front->backend-v1:http");
        assert_eq!(across(&graph, &call, false).as_deref(), Some("backend-v1"));
        assert_eq!(across(&graph, &call, true).as_deref(), Some("front"));
        assert_eq!(across(&graph, "front", true), None);
    }
}
