//! Where nodes and edges are drawn: layered, left to right, namespaces as boxes.
//!
//! Depends on topology and sizes only, never on rates: a refresh recolours, it does not rearrange.
//! [`Shape`] is all that a layout may look at, and the key it is cached by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashSet;

use crate::api::NodeKind;
use crate::api::graph::{Graph, LayoutState};

#[cfg(feature = "layout")]
mod bands;
mod line;
#[cfg(feature = "layout")]
mod place;
#[cfg(feature = "layout")]
mod ways;

pub use line::{Card, line};
#[cfg(feature = "layout")]
pub use place::{Placement, place};

/// Between a namespace's border and its nodes, in pixels.
pub const BOX_PADDING: i32 = 20;
/// And more at the top, for its name.
pub const BOX_TITLE: i32 = 26;

/// Returns the width and height of a node in whole pixels, from what is written on it.
///
/// The page draws 13 px Inter, whose average advance is about 7 px; names longer than the card are
/// cut with an ellipsis.
pub fn node_size(kind: NodeKind, name: &str, version: Option<&str>) -> (i32, i32) {
    let n_chars = name.chars().count() + version.map_or(0, |v| v.chars().count() + 3);
    let text = i32::try_from(n_chars).unwrap_or(i32::MAX).min(30) * 7;
    let width = (text + 48).clamp(112, 240);
    match kind {
        NodeKind::Namespace => (width + 24, 64),
        // Their outlines leave less room.
        NodeKind::Service | NodeKind::Gateway | NodeKind::Waypoint => ((width + 24).min(240), 44),
        _ => (width, 44),
    }
}

/// An id, a cluster or a namespace. Shapes and placements of many windows are remembered, and share them.
type Id = Arc<str>;

/// Texts that many shapes share.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    known: HashSet<Id>,
    /// How many were in use when that was looked at last.
    n_used: usize,
}

impl Ids {
    fn share(&mut self, text: &str) -> Id {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        // Those that nobody uses any more go when they could be as many as the others.
        if self.known.len() >= 2 * self.n_used.max(1_000) {
            self.known.retain(|id| Arc::strong_count(id) > 1);
            self.n_used = self.known.len();
        }
        let new: Id = text.into();
        self.known.insert(Arc::clone(&new));
        new
    }
}

/// What a layout depends on: which nodes of which size there are, in which box, and who calls whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    nodes: BTreeMap<Id, ShapeNode>,
    /// Edge id → ids of caller and callee.
    edges: BTreeMap<Id, (Id, Id)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ShapeNode {
    /// Cluster and namespace of the box around it, if it stands in one.
    namespace: Option<(Id, Id)>,
    w: i32,
    h: i32,
}

impl Shape {
    /// Returns the shape of `graph`.
    pub fn of(graph: &Graph) -> Shape {
        Shape::sharing(graph, &mut Ids::default())
    }

    /// Returns the shape of `graph`, whose ids are shared with the shapes that `ids` knows.
    pub fn sharing(graph: &Graph, ids: &mut Ids) -> Shape {
        let boxes: BTreeSet<(&str, &str)> = graph
            .namespaces
            .iter()
            .map(|b| (b.cluster.as_str(), b.namespace.as_str()))
            .collect();
        let mut nodes: BTreeMap<Id, ShapeNode> = BTreeMap::new();
        for node in &graph.nodes {
            let (cluster, namespace) = (node.cluster.as_str(), node.namespace.as_str());
            let is_boxed =
                boxes.contains(&(cluster, namespace)) && node.kind != NodeKind::Namespace;
            let shape = ShapeNode {
                namespace: is_boxed.then(|| (ids.share(cluster), ids.share(namespace))),
                w: node.w.clamp(1, 1000),
                h: node.h.clamp(1, 1000),
            };
            nodes.insert(ids.share(&node.id), shape);
        }
        let mut edges = BTreeMap::new();
        for edge in &graph.edges {
            let ends = (ids.share(&edge.from), ids.share(&edge.to));
            if nodes.contains_key(&ends.0) && nodes.contains_key(&ends.1) {
                edges.insert(ids.share(&edge.id), ends);
            }
        }
        Shape { nodes, edges }
    }

    /// Adds what `other` has. The union of the last windows is laid out, so that a rare edge does not
    /// make the picture jump.
    pub fn join(&mut self, other: &Shape) {
        for (id, node) in &other.nodes {
            self.nodes
                .entry(id.clone())
                .and_modify(|mine| {
                    mine.w = mine.w.max(node.w);
                    mine.h = mine.h.max(node.h);
                })
                .or_insert_with(|| node.clone());
        }
        for (id, ends) in &other.edges {
            self.edges.entry(id.clone()).or_insert_with(|| ends.clone());
        }
    }

    /// Returns how many nodes there are.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }
}

/// Takes every position out of `graph`, as it is before a layout.
pub fn clear(graph: &mut Graph) {
    graph.layout = LayoutState::Pending;
    for node in &mut graph.nodes {
        (node.x, node.y) = (None, None);
    }
    for edge in &mut graph.edges {
        edge.points = None;
    }
    for ns in &mut graph.namespaces {
        (ns.x, ns.y, ns.w, ns.h) = (None, None, None, None);
    }
}
