//! Which nodes and edges of the mesh a person asked to see.

use std::collections::BTreeSet;

use petgraph::graph::{EdgeIndex, NodeIndex};

use crate::api::Notice;
use crate::api::query::GraphQuery;
use crate::wording::listed;

use super::traced::TracedEdge;
use super::views::Views;

/// How many unknown names a notice spells out.
const MAX_NAMED: usize = 5;

/// What of the mesh is drawn.
pub struct Kept {
    /// Nodes.
    pub nodes: Vec<NodeIndex>,
    /// Edges.
    pub edges: Vec<EdgeIndex>,
    /// Edges that bear no rates.
    pub traced: Vec<TracedEdge>,
}

/// What stands between two nodes.
enum Line {
    Measured(EdgeIndex),
    /// By its place.
    Traced(usize),
}

/// Returns what `query` asks for: edges with an end in its namespaces and the nodes at their other end,
/// without what is hidden, around the focus.
pub fn kept(query: &GraphQuery, views: &Views, notices: &mut Vec<Notice>) -> Kept {
    let mesh = views.mesh();
    let namespace = |n: NodeIndex| mesh[n].0.namespace().unwrap_or("-");
    let mut nodes: BTreeSet<NodeIndex> = mesh.node_indices().collect();
    let measured = mesh.edge_indices().filter_map(|edge| {
        let (from, to) = mesh.edge_endpoints(edge)?;
        Some((Line::Measured(edge), [from, to]))
    });
    let traced = views.traced().iter().enumerate();
    let traced = traced.map(|(place, it)| (Line::Traced(place), [it.from, it.to]));
    let mut edges: Vec<(Line, [NodeIndex; 2])> = measured.chain(traced).collect();
    let ends = |edge: &(Line, [NodeIndex; 2])| edge.1;
    if !query.namespaces.is_empty() {
        let asked: BTreeSet<&str> = query.namespaces.iter().map(String::as_str).collect();
        let known: BTreeSet<&str> = mesh.node_indices().map(namespace).collect();
        let unknown: Vec<&str> = asked.difference(&known).copied().collect();
        if !unknown.is_empty() {
            notices.push(not_found("namespace", &unknown));
        }
        nodes.retain(|n| asked.contains(namespace(*n)));
        edges.retain(|e| ends(e).iter().any(|n| nodes.contains(n)));
        nodes.extend(edges.iter().flat_map(ends));
    }
    // Ids are spelled only where somebody names one.
    let named = |id: &String| mesh.node_indices().find(|n| mesh[*n].0.id() == *id);
    if let Some(focus) = &query.focus {
        match named(focus).filter(|n| nodes.contains(n)) {
            Some(focus) => {
                edges.retain(|e| ends(e).contains(&focus));
                nodes = edges.iter().flat_map(ends).chain([focus]).collect();
            }
            None => notices.push(not_found("focus", &[focus])),
        }
    }
    let hidden: BTreeSet<NodeIndex> = query.hide.iter().filter_map(named).collect();
    edges.retain(|e| ends(e).iter().all(|n| !hidden.contains(n)));
    nodes.retain(|n| !hidden.contains(n));
    let mut kept = Kept {
        nodes: nodes.into_iter().collect(),
        edges: Vec::with_capacity(edges.len()),
        traced: Vec::new(),
    };
    for (line, _) in edges {
        match line {
            Line::Measured(edge) => kept.edges.push(edge),
            Line::Traced(place) => kept.traced.extend(views.traced().get(place).cloned()),
        }
    }
    kept
}

fn not_found(what: &str, names: &[&str]) -> Notice {
    let names: Vec<String> = names
        .iter()
        .map(|name| format!("`{}`", name.chars().take(80).collect::<String>()))
        .collect();
    Notice {
        kind: "not_found".to_owned(),
        source: "pidali".to_owned(),
        message: format!(
            "No traffic was seen for {what} {}.",
            listed(&names, MAX_NAMED)
        ),
        hint: Some("look at a longer window, or choose another one".to_owned()),
    }
}
