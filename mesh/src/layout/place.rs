//! Places a [`Shape`] with dugong, a port of dagre, and stands in for it where it fails.
//!
//! dugong's own cycle breaking takes about 20 s on a cyclic mesh of 1,000; `acyclicer = greedy` takes
//! about one. Above [`MAX_AT_ONCE`] nodes every namespace is laid out alone and then the namespaces
//! among themselves, which is both faster and easier to read.

use std::collections::{BTreeMap, BTreeSet};

use dugong::graphlib::{Graph as Dag, GraphOptions};
use dugong::{EdgeLabel, GraphLabel, NodeLabel, RankDir};

use crate::api::graph::{Graph, LayoutState};

use super::bands::banded;
use super::line::Card;
use super::ways::Ways;
use super::{BOX_PADDING as PADDING, BOX_TITLE as TITLE, Id, Shape, ShapeNode};

/// More nodes than this are not laid out in one go.
const MAX_AT_ONCE: usize = 150;
pub(super) const NODE_GAP: f64 = 28.0;
/// Room for two short lines of figures on an edge.
pub(super) const RANK_GAP: f64 = 132.0;

/// Between namespaces that stand in rows.
const BOX_GAP: i32 = 96;
/// Namespaces wider than this, in heights, are broken into rows.
const WIDEST: f64 = 2.4;

/// Where everything is drawn, in whole pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// Node id → centre.
    nodes: BTreeMap<Id, (i32, i32)>,
    /// Edge id → control points from border to border.
    edges: BTreeMap<Id, Vec<[i32; 2]>>,
    /// Cluster and namespace → box.
    boxes: BTreeMap<(Id, Id), Rect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rect {
    x: i32,
    y: i32,
    w: i32,
    h: i32,
}

impl Placement {
    /// Writes the positions into `graph` and returns whether every node has one. If not, `graph` is
    /// left as it was.
    pub fn apply(&self, graph: &mut Graph) -> bool {
        let known = |id: &str| self.nodes.contains_key(id);
        if !graph.nodes.iter().all(|node| known(&node.id)) {
            return false;
        }
        for node in &mut graph.nodes {
            if let Some(&(x, y)) = self.nodes.get(node.id.as_str()) {
                (node.x, node.y) = (Some(x), Some(y));
            }
        }
        for edge in &mut graph.edges {
            edge.points = self.edges.get(edge.id.as_str()).cloned();
        }
        for ns in &mut graph.namespaces {
            let key = (
                Id::from(ns.cluster.as_str()),
                Id::from(ns.namespace.as_str()),
            );
            if let Some(rect) = self.boxes.get(&key) {
                (ns.x, ns.y) = (Some(rect.x), Some(rect.y));
                (ns.w, ns.h) = (Some(rect.w), Some(rect.h));
            }
        }
        graph.layout = LayoutState::Ready;
        true
    }
}

/// Returns where to draw `shape`. Every node of it is placed, whatever dugong makes of it.
pub fn place(shape: &Shape) -> Placement {
    let small = shape.nodes.len() <= MAX_AT_ONCE;
    match small.then(|| banded(shape)).flatten() {
        Some(centres) => finish(shape, centres, true),
        None => finish(shape, nested(shape), false),
    }
}

/// A box to place: its size, and where its top left corner came to stand.
pub(super) struct Item {
    pub(super) w: i32,
    pub(super) h: i32,
}

/// Returns the centre of every node: each namespace alone, then the namespaces among themselves, with
/// nodes outside every namespace standing as boxes of their own.
fn nested(shape: &Shape) -> BTreeMap<Id, (i32, i32)> {
    // What stands in the outer picture: a namespace, or a node outside all.
    let outer_of = |id: &Id, node: &ShapeNode| match &node.namespace {
        Some((cluster, namespace)) => Outer::Namespace(cluster.clone(), namespace.clone()),
        None => Outer::Node(Id::clone(id)),
    };
    let mut members: BTreeMap<Outer, Vec<&Id>> = BTreeMap::new();
    let mut home: BTreeMap<&str, Outer> = BTreeMap::new();
    for (id, node) in &shape.nodes {
        let outer = outer_of(id, node);
        members.entry(outer.clone()).or_default().push(id);
        home.insert(id, outer);
    }
    let mut inner_edges: BTreeMap<&Outer, BTreeSet<(&str, &str)>> = BTreeMap::new();
    let mut outer_edges: BTreeMap<(&Outer, &Outer), usize> = BTreeMap::new();
    for (from, to) in shape.edges.values() {
        let (Some(a), Some(b)) = (home.get(&**from), home.get(&**to)) else {
            continue;
        };
        if a == b {
            if from != to {
                inner_edges.entry(a).or_default().insert((from, to));
            }
        } else {
            *outer_edges.entry((a, b)).or_default() += 1;
        }
    }
    // Inside each namespace.
    let mut inside: BTreeMap<&Outer, BTreeMap<&str, (i32, i32)>> = BTreeMap::new();
    let mut sizes: BTreeMap<&Outer, Item> = BTreeMap::new();
    for (outer, ids) in &members {
        let items: BTreeMap<&str, Item> = ids
            .iter()
            .filter_map(|id| {
                let node = shape.nodes.get(*id)?;
                let item = Item {
                    w: node.w,
                    h: node.h,
                };
                Some((&***id, item))
            })
            .collect();
        let edges: Vec<(&str, &str, usize)> = inner_edges
            .get(outer)
            .into_iter()
            .flatten()
            .map(|(a, b)| (*a, *b, 1))
            .collect();
        let (mut centres, w, h) = layered(&items, &edges);
        let (dx, dy, pad_w, pad_h) = match outer {
            Outer::Namespace(..) => (PADDING, PADDING + TITLE, 2 * PADDING, 2 * PADDING + TITLE),
            Outer::Node(_) => (0, 0, 0, 0),
        };
        for centre in centres.values_mut() {
            *centre = (centre.0 + dx, centre.1 + dy);
        }
        sizes.insert(
            outer,
            Item {
                w: w + pad_w,
                h: h + pad_h,
            },
        );
        inside.insert(outer, centres);
    }
    let edges: Vec<(&Outer, &Outer, usize)> =
        outer_edges.iter().map(|((a, b), n)| (*a, *b, *n)).collect();
    let (mut outer_centres, w, h) = layered(&sizes, &edges);
    if f64::from(w) > WIDEST * f64::from(h) {
        outer_centres = wrapped(&sizes, &outer_centres);
    }
    let mut out = BTreeMap::new();
    for (outer, centres) in inside {
        let (Some((cx, cy)), Some(size)) = (outer_centres.get(outer), sizes.get(outer)) else {
            continue;
        };
        let (left, top) = (cx - size.w / 2, cy - size.h / 2);
        for (id, (x, y)) in centres {
            let Some((id, _)) = shape.nodes.get_key_value(id) else {
                continue;
            };
            out.insert(Id::clone(id), (left + x, top + y));
        }
    }
    out
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outer {
    Namespace(Id, Id),
    Node(Id),
}

/// Returns centres, width and height of `items`, laid out in layers from left to right. Falls back to
/// a grid where dugong fails or leaves a box unplaced.
fn layered<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    edges: &[(K, K, usize)],
) -> (BTreeMap<K, (i32, i32)>, i32, i32) {
    let connected: BTreeSet<K> = edges.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
    let mut centres = BTreeMap::new();
    if !connected.is_empty() {
        match with_dugong(items, &connected, edges) {
            Some(placed) => centres = placed,
            None => grid(items, connected.iter().copied(), 0, &mut centres),
        }
    }
    // What calls nobody here would only stretch one layer: it stands in rows below.
    let bottom = extent(items, &centres).1;
    let alone: Vec<K> = items
        .keys()
        .copied()
        .filter(|k| !connected.contains(k))
        .collect();
    let top = if bottom > 0 {
        bottom + NODE_GAP as i32
    } else {
        0
    };
    grid(items, alone.into_iter(), top, &mut centres);
    let (w, h) = extent(items, &centres);
    (centres, w, h)
}

/// Breaks a strip into rows, in the order in which its boxes stand: on a screen, a strip is a line.
fn wrapped<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    strip: &BTreeMap<K, (i32, i32)>,
) -> BTreeMap<K, (i32, i32)> {
    let mut order: Vec<(i32, i32, K)> = strip.iter().map(|(k, (x, y))| (*x, *y, *k)).collect();
    order.sort();
    let mut centres = BTreeMap::new();
    let keys = order.into_iter().map(|(_, _, key)| key);
    rows(items, keys, 0, BOX_GAP, &mut centres);
    centres
}

fn extent<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    centres: &BTreeMap<K, (i32, i32)>,
) -> (i32, i32) {
    centres.iter().fold((0, 0), |(w, h), (key, (x, y))| {
        let (iw, ih) = items.get(key).map_or((0, 0), |i| (i.w, i.h));
        (
            w.max(x + iw.div_euclid(2) + iw % 2),
            h.max(y + ih.div_euclid(2) + ih % 2),
        )
    })
}

pub(super) fn with_dugong<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    connected: &BTreeSet<K>,
    edges: &[(K, K, usize)],
) -> Option<BTreeMap<K, (i32, i32)>> {
    let mut dag: Dag<NodeLabel, EdgeLabel, GraphLabel> = Dag::new(GraphOptions {
        multigraph: false,
        compound: false,
        directed: true,
    });
    dag.set_graph(GraphLabel {
        rankdir: RankDir::LR,
        nodesep: NODE_GAP,
        ranksep: RANK_GAP,
        edgesep: 12.0,
        // Its default cycle breaking is quadratic on a cyclic mesh.
        acyclicer: Some("greedy".to_owned()),
        ranker: (connected.len() > MAX_AT_ONCE).then(|| "longest-path".to_owned()),
        ..GraphLabel::default()
    });
    let names: BTreeMap<K, String> = connected
        .iter()
        .enumerate()
        .map(|(idx, key)| (*key, format!("n{idx}")))
        .collect();
    for (key, name) in &names {
        let item = items.get(key)?;
        dag.set_node(
            name.clone(),
            NodeLabel {
                width: f64::from(item.w),
                height: f64::from(item.h),
                ..NodeLabel::default()
            },
        );
    }
    for (from, to, n_calls) in edges {
        dag.set_edge_with_label(
            names.get(from)?.clone(),
            names.get(to)?.clone(),
            EdgeLabel {
                minlen: 1,
                weight: (*n_calls).min(8) as f64,
                ..EdgeLabel::default()
            },
        );
    }
    dugong::layout(&mut dag).ok()?;
    names
        .iter()
        .map(|(key, name)| {
            let node = dag.node(name)?;
            let (x, y) = (node.x?, node.y?);
            let sane = |v: f64| v.is_finite() && v.abs() < 1.0e6;
            (sane(x) && sane(y)).then_some((*key, (x.round() as i32, y.round() as i32)))
        })
        .collect()
}

/// Places `keys` in rows below `top`, about as wide as high.
fn grid<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    keys: impl Iterator<Item = K>,
    top: i32,
    centres: &mut BTreeMap<K, (i32, i32)>,
) {
    rows(items, keys, top, NODE_GAP as i32, centres);
}

fn rows<K: Ord + Copy>(
    items: &BTreeMap<K, Item>,
    keys: impl Iterator<Item = K>,
    top: i32,
    gap: i32,
    centres: &mut BTreeMap<K, (i32, i32)>,
) {
    let keys: Vec<K> = keys.collect();
    let area: f64 = keys
        .iter()
        .filter_map(|k| items.get(k))
        .map(|i| f64::from(i.w + gap) * f64::from(i.h + gap))
        .sum();
    // A screen is wider than high.
    let row_width = (area * 1.6).sqrt() as i32;
    let (mut x, mut y, mut row_height) = (0, top, 0);
    for key in keys {
        let Some(item) = items.get(&key) else {
            continue;
        };
        if x > 0 && x + item.w > row_width {
            (x, y, row_height) = (0, y + row_height + gap, 0);
        }
        centres.insert(key, (x + item.w / 2, y + item.h / 2));
        x += item.w + gap;
        row_height = row_height.max(item.h);
    }
}

/// Draws the boxes and the edges around placed nodes; in columns, edges go around cards.
fn finish(shape: &Shape, nodes: BTreeMap<Id, (i32, i32)>, in_columns: bool) -> Placement {
    let mut boxes: BTreeMap<(Id, Id), (i32, i32, i32, i32)> = BTreeMap::new();
    for (id, (x, y)) in &nodes {
        let Some(node) = shape.nodes.get(id) else {
            continue;
        };
        let Some(key) = &node.namespace else { continue };
        let (l, t) = (x - node.w / 2, y - node.h / 2);
        let (r, b) = (l + node.w, t + node.h);
        boxes
            .entry(key.clone())
            .and_modify(|e| *e = (e.0.min(l), e.1.min(t), e.2.max(r), e.3.max(b)))
            .or_insert((l, t, r, b));
    }
    let boxes = boxes
        .into_iter()
        .map(|(key, (l, t, r, b))| {
            let rect = Rect {
                x: l - PADDING,
                y: t - PADDING - TITLE,
                w: r - l + 2 * PADDING,
                h: b - t + 2 * PADDING + TITLE,
            };
            (key, rect)
        })
        .collect();
    let card = |id: &Id| {
        let (&(x, y), node) = (nodes.get(id)?, shape.nodes.get(id)?);
        let (w, h) = (node.w, node.h);
        Some(Card { x, y, w, h })
    };
    let obstacles = nodes.keys().filter(|_| in_columns).filter_map(card);
    let mut ways = Ways::new(obstacles);
    let mut n_of_pair: BTreeMap<(&str, &str), i32> = BTreeMap::new();
    let edges = shape
        .edges
        .iter()
        .filter_map(|(id, (from, to))| {
            let nth = n_of_pair.entry((from, to)).or_default();
            *nth += 1;
            // Calls of two protocols between one pair run side by side, and so do the two ways of a
            // cycle.
            let lane = (*nth - 1) * 12 + if from > to { 6 } else { 0 };
            Some((id.clone(), ways.line(card(from)?, card(to)?, lane)))
        })
        .collect();
    Placement {
        nodes,
        edges,
        boxes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(n_nodes: usize, n_namespaces: usize, edges: &[(usize, usize)]) -> Shape {
        let nodes = (0..n_nodes)
            .map(|n| {
                let namespace = (n % (n_namespaces + 1)).checked_sub(1);
                let node = ShapeNode {
                    namespace: namespace.map(|ns| ("c".into(), format!("ns{ns}").into())),
                    w: 120,
                    h: 44,
                };
                (format!("n{n:04}").into(), node)
            })
            .collect();
        let edges = edges
            .iter()
            .map(|(a, b)| {
                let id = |n: &usize| Id::from(format!("n{:04}", n % n_nodes));
                let (a, b) = (id(a), id(b));
                (format!("{a}->{b}:http").into(), (a, b))
            })
            .collect();
        Shape { nodes, edges }
    }

    fn overlap(a: &Rect, b: &Rect) -> bool {
        a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn every_node_has_a_place_of_its_own_inside_its_namespace(
            n_nodes in 1usize..60,
            n_namespaces in 0usize..5,
            edges in prop::collection::vec((0usize..60, 0usize..60), 0..120),
        ) {
            let shape = shape(n_nodes, n_namespaces, &edges);
            let placed = place(&shape);
            let rects: Vec<(&Id, Rect)> = placed
                .nodes
                .iter()
                .map(|(id, (x, y))| (id, Rect { x: x - 60, y: y - 22, w: 120, h: 44 }))
                .collect();
            prop_assert_eq!(rects.len(), n_nodes);
            prop_assert_eq!(placed.edges.len(), shape.edges.len());
            for (idx, (id, a)) in rects.iter().enumerate() {
                for (other, b) in &rects[idx + 1..] {
                    prop_assert!(!overlap(a, b), "{} over {}", id, other);
                }
                for (key, rect) in &placed.boxes {
                    let mine = shape.nodes[*id].namespace.as_ref() == Some(key);
                    prop_assert_eq!(overlap(a, rect), mine, "{} and the box of {:?}", id, key);
                }
            }
        }
    }

    #[test]
    fn a_layout_depends_on_nothing_but_the_shape() {
        let edges: Vec<(usize, usize)> = (0..90).map(|n| (n, (n * 7 + 3) % 60)).collect();
        assert_eq!(place(&shape(60, 4, &edges)), place(&shape(60, 4, &edges)));
    }

    #[test]
    fn callers_stand_left_of_their_callees() {
        let placed = place(&shape(4, 1, &[(1, 3), (3, 0), (0, 2)]));
        let x = |id: &str| placed.nodes[id].0;
        assert!(x("n0001") < x("n0003"));
    }

    #[test]
    fn a_joined_shape_holds_what_either_has() {
        let mut all = shape(3, 1, &[(0, 1)]);
        all.join(&shape(5, 1, &[(3, 4)]));
        assert_eq!(all.n_nodes(), 5);
        assert_eq!(place(&all).edges.len(), 2);
    }
}
