//! Which nodes and edges of the mesh a person asked to see.

use std::collections::BTreeSet;

use crate::api::query::GraphQuery;
use crate::api::{Edge, Node, Notice};

/// How many unknown names a notice spells out.
const MAX_NAMED: usize = 5;

/// Leaves what `query` asks for: edges with an end in its namespaces and the nodes at their other end,
/// without what is hidden, around the focus.
pub fn apply(
    query: &GraphQuery,
    nodes: &mut Vec<Node>,
    edges: &mut Vec<Edge>,
    notices: &mut Vec<Notice>,
) {
    if !query.namespaces.is_empty() {
        let asked: BTreeSet<&str> = query.namespaces.iter().map(String::as_str).collect();
        let known: BTreeSet<&str> = nodes.iter().map(|n| n.namespace.as_str()).collect();
        let unknown: Vec<&str> = asked.difference(&known).copied().collect();
        if !unknown.is_empty() {
            notices.push(not_found("namespace", &unknown));
        }
        let inside: BTreeSet<String> = nodes
            .iter()
            .filter(|n| asked.contains(n.namespace.as_str()))
            .map(|n| n.id.clone())
            .collect();
        edges.retain(|e| inside.contains(&e.from) || inside.contains(&e.to));
        let touched: BTreeSet<&str> = edges
            .iter()
            .flat_map(|e| [e.from.as_str(), e.to.as_str()])
            .collect();
        nodes.retain(|n| inside.contains(&n.id) || touched.contains(n.id.as_str()));
    }
    if let Some(focus) = &query.focus {
        if nodes.iter().any(|n| n.id == *focus) {
            edges.retain(|e| e.from == *focus || e.to == *focus);
            let near: BTreeSet<&str> = edges
                .iter()
                .flat_map(|e| [e.from.as_str(), e.to.as_str()])
                .collect();
            nodes.retain(|n| n.id == *focus || near.contains(n.id.as_str()));
        } else {
            notices.push(not_found("focus", &[focus]));
        }
    }
    if !query.hide.is_empty() {
        let hidden = |id: &String| query.hide.contains(id);
        edges.retain(|e| !hidden(&e.from) && !hidden(&e.to));
        nodes.retain(|n| !hidden(&n.id));
    }
}

fn not_found(what: &str, names: &[&str]) -> Notice {
    let mut listed: Vec<String> = names
        .iter()
        .take(MAX_NAMED)
        .map(|name| format!("`{}`", name.chars().take(80).collect::<String>()))
        .collect();
    if names.len() > MAX_NAMED {
        listed.push(format!("and {} more", names.len() - MAX_NAMED));
    }
    Notice {
        kind: "not_found".to_owned(),
        source: "pidali".to_owned(),
        message: format!("No traffic was seen for {what} {}.", listed.join(", ")),
        hint: Some("look at a longer window, or choose another one".to_owned()),
    }
}
