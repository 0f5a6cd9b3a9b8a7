//! The picture as a list of things to draw, whatever draws them: the canvas, or a file.
//!
//! Pure: the same graph, places and look give the same list.

mod card;
mod edge;
mod label;
mod palette;
mod shape;
mod svg;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mesh::api::{self, HealthStatus};
use mesh::layout::{BOX_PADDING, BOX_TITLE};

use super::positions::Positions;
use shape::{cut, text_width};

pub use edge::Curve;
pub use palette::{Ink, colour};
pub use shape::{Anchor, Item, Outline, Point, Rect, Stroke};
pub use svg::to_svg;

/// What decides how the picture is drawn, besides what is in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look<'a> {
    /// Screen pixels for one of the picture's: far away, small things are left out.
    pub scale: f64,
    /// The part that is needed.
    pub seen: Rect,
    /// What is selected; what is more than one call away from it steps back.
    pub selected: Option<&'a str>,
    /// The ids of nodes and edges that a trace passed; what is none of them steps back.
    pub way: Option<&'a BTreeSet<String>>,
}

/// How much of what has stepped back is left.
const AWAY: f64 = 0.16;

/// A graph in its places.
#[derive(Clone, Debug)]
pub struct Picture {
    graph: Arc<api::Graph>,
    /// By the place of the node in the graph.
    cards: Vec<Rect>,
    /// By the place of the edge in the graph.
    lines: Vec<Curve>,
    /// Caller and callee of each edge, by their places in the graph.
    ends: Vec<(usize, usize)>,
    /// The share of an edge in its caller's calls to all versions of one app, where it calls several.
    shares: Vec<Option<f64>>,
    boxes: Vec<(usize, Rect)>,
    by_id: BTreeMap<String, Found>,
    bounds: Rect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Node(usize),
    Edge(usize),
}

impl Picture {
    /// Puts a graph into its places. What has no place is left out; [`Positions`] has one for everything.
    pub fn new(graph: Arc<api::Graph>, positions: &Positions) -> Picture {
        let cards: Vec<Rect> = graph
            .nodes
            .iter()
            .map(|n| {
                let [x, y] = positions.node(&n.id).unwrap_or_default();
                let (w, h) = (f64::from(n.w), f64::from(n.h));
                Rect::new(f64::from(x) - w / 2.0, f64::from(y) - h / 2.0, w, h)
            })
            .collect();
        let mut by_id: BTreeMap<String, Found> = BTreeMap::new();
        for (idx, node) in graph.nodes.iter().enumerate() {
            by_id.insert(node.id.clone(), Found::Node(idx));
        }
        let place = |id: &str| match by_id.get(id) {
            Some(Found::Node(idx)) => *idx,
            _ => usize::MAX,
        };
        let ends: Vec<(usize, usize)> = graph
            .edges
            .iter()
            .map(|e| (place(&e.from), place(&e.to)))
            .collect();
        let lines: Vec<Curve> = graph
            .edges
            .iter()
            .map(|e| Curve::through(positions.line(&e.id).unwrap_or_default()))
            .collect();
        for (idx, edge) in graph.edges.iter().enumerate() {
            by_id.insert(edge.id.clone(), Found::Edge(idx));
        }
        let boxes = boxes(&graph, &cards, positions.is_layout());
        let bounds = boxes
            .iter()
            .map(|(_, r)| *r)
            .chain(cards.iter().copied())
            .reduce(Rect::joined)
            .unwrap_or_default();
        let shares = edge::shares(&graph, &ends);
        Picture {
            graph,
            cards,
            lines,
            ends,
            shares,
            boxes,
            by_id,
            bounds,
        }
    }

    /// The graph.
    pub fn graph(&self) -> &api::Graph {
        &self.graph
    }

    /// What it takes to show all of it.
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// Where calls come in: the middle of the card that stands furthest left.
    pub fn start(&self) -> Point {
        let first = self.cards.iter().min_by(|a, b| a.x.total_cmp(&b.x));
        first.map_or_else(|| self.bounds.centre(), |card| card.centre())
    }

    /// The share of an edge in its caller's calls to all versions of one app, where it calls several.
    pub fn share(&self, edge: &str) -> Option<f64> {
        match self.by_id.get(edge)? {
            Found::Edge(idx) => *self.shares.get(*idx)?,
            Found::Node(_) => None,
        }
    }

    /// Where something is; for an edge, the middle of its line.
    pub fn place(&self, id: &str) -> Option<Rect> {
        match *self.by_id.get(id)? {
            Found::Node(idx) => self.cards.get(idx).copied(),
            Found::Edge(idx) => {
                let middle = self.lines.get(idx)?.at(0.5);
                Some(Rect::new(middle.x, middle.y, 0.0, 0.0).grown(20.0))
            }
        }
    }

    /// The cards and their judgements, for a map.
    pub fn cards(&self) -> impl Iterator<Item = (Rect, HealthStatus)> {
        self.cards
            .iter()
            .copied()
            .zip(self.graph.nodes.iter().map(|n| n.health.status))
    }

    /// What is at a point: a card, or a line no further than `reach`.
    pub fn hit(&self, at: Point, reach: f64) -> Option<&str> {
        if let Some(idx) = self.cards.iter().rposition(|card| card.contains(at)) {
            return self.graph.nodes.get(idx).map(|n| n.id.as_str());
        }
        let lines = self.lines.iter().enumerate();
        let near = lines.filter_map(|(idx, line)| Some((idx, line.distance(at, reach)?)));
        let (idx, _) = near.min_by(|a, b| a.1.total_cmp(&b.1))?;
        self.graph.edges.get(idx).map(|e| e.id.as_str())
    }

    /// The picture, without what the pointer and the keys add.
    pub fn scene(&self, look: &Look) -> Vec<Item> {
        let way = look.way.and_then(|ids| self.along(ids));
        let is_passed = |idx: usize| {
            way.as_ref()
                .is_some_and(|way| way.edges.get(idx) == Some(&true))
        };
        let near = self.lifted(way.as_ref(), look.selected);
        let alpha_of = |is_near: bool| if is_near { 1.0 } else { AWAY };
        let node_alpha = |idx: usize| {
            near.as_ref()
                .map_or(1.0, |n| alpha_of(n.nodes.get(idx) == Some(&true)))
        };
        let edge_alpha = |idx: usize| {
            near.as_ref()
                .map_or(1.0, |n| alpha_of(n.edges.get(idx) == Some(&true)))
        };
        let mut items = Vec::new();
        for (idx, rect) in &self.boxes {
            if rect.overlaps(look.seen)
                && let Some(ns) = self.graph.namespaces.get(*idx)
            {
                card::namespace(ns, *rect, look.scale, &mut items);
            }
        }
        // From afar, thousands of calls are a haze, and what fails stands out of it.
        let is_haze = near.is_none() && look.scale < card::NAMED && self.lines.len() > 200;
        let faint = |e: &api::Edge| {
            let is_bad = palette::alarm(e.health.status).is_some();
            if is_haze && !is_bad { 0.22 } else { 1.0 }
        };
        // What stands out lies on top.
        let mut order: Vec<usize> = (0..self.lines.len()).collect();
        let rank = |idx: &usize| {
            let status = self.graph.edges.get(*idx).map(|e| e.health.status);
            let weight = match status {
                Some(HealthStatus::Failing) => 2,
                Some(HealthStatus::Degraded) => 1,
                _ => 0,
            };
            (edge_alpha(*idx) > AWAY, weight)
        };
        order.sort_by_cached_key(rank);
        for idx in order {
            if let (Some(e), Some(line)) = (self.graph.edges.get(idx), self.lines.get(idx))
                && line.bounds().grown(8.0).overlaps(look.seen)
            {
                if is_passed(idx) {
                    edge::draw_halo(e, line, look.scale, &mut items);
                }
                edge::draw(e, line, look.scale, edge_alpha(idx) * faint(e), &mut items);
            }
        }
        for (idx, (node, rect)) in self.graph.nodes.iter().zip(&self.cards).enumerate() {
            if rect.grown(12.0).overlaps(look.seen) {
                let is_selected = look.selected == Some(node.id.as_str());
                card::draw(
                    node,
                    *rect,
                    look.scale,
                    is_selected,
                    node_alpha(idx),
                    &mut items,
                );
            }
        }
        if look.scale < card::NAMED {
            for (idx, rect) in &self.boxes {
                if let Some(ns) = self.graph.namespaces.get(*idx) {
                    card::plate(ns, *rect, look.scale, &mut items);
                }
            }
        }
        let wanted = |idx: usize| match &near {
            Some(near) => near.edges.get(idx) == Some(&true),
            // From further away, only what calls for attention: failures, and the shares of a canary.
            None => {
                let status = self.graph.edges.get(idx).map(|e| e.health.status);
                let is_bad = status.is_some_and(|s| palette::alarm(s).is_some());
                let is_split = self.shares.get(idx).is_some_and(Option::is_some);
                look.scale >= label::CLOSE || (look.scale >= label::NEAR && (is_bad || is_split))
            }
        };
        label::draw_all(self, look, wanted, &mut items);
        items
    }

    /// What is drawn on top for one thing that the pointer or the keys are at.
    pub fn pointed(&self, id: &str, look: &Look) -> Vec<Item> {
        let mut items = Vec::new();
        match self.by_id.get(id) {
            Some(Found::Node(idx)) => {
                if let (Some(node), Some(rect)) = (self.graph.nodes.get(*idx), self.cards.get(*idx))
                {
                    card::ring(node, *rect, look.scale, &mut items);
                }
            }
            Some(Found::Edge(idx)) => {
                if let (Some(e), Some(line)) = (self.graph.edges.get(*idx), self.lines.get(*idx)) {
                    edge::draw_pointed(e, line, look.scale, &mut items);
                    label::draw_one(self, *idx, look.scale, &mut items);
                }
            }
            None => {}
        }
        items
    }

    /// What does not step back: the way of a trace with what is selected, else what is near that; all where there is
    /// neither.
    fn lifted(&self, way: Option<&Near>, selected: Option<&str>) -> Option<Near> {
        let Some(way) = way else {
            return self.near(selected?);
        };
        let mut lifted = way.clone();
        match selected.and_then(|id| self.by_id.get(id)) {
            Some(Found::Node(idx)) => mark(&mut lifted.nodes, *idx),
            Some(Found::Edge(idx)) => {
                mark(&mut lifted.edges, *idx);
                if let Some((from, to)) = self.ends.get(*idx) {
                    mark(&mut lifted.nodes, *from);
                    mark(&mut lifted.nodes, *to);
                }
            }
            None => {}
        }
        Some(lifted)
    }

    /// What a trace passed; nothing where the graph has none of its calls.
    fn along(&self, ids: &BTreeSet<String>) -> Option<Near> {
        let has = |id: &str| ids.contains(id);
        let along = Near {
            nodes: self.graph.nodes.iter().map(|it| has(&it.id)).collect(),
            edges: self.graph.edges.iter().map(|it| has(&it.id)).collect(),
        };
        along.edges.contains(&true).then_some(along)
    }

    /// What is at most one call away.
    fn near(&self, id: &str) -> Option<Near> {
        let found = *self.by_id.get(id)?;
        let mut near = Near {
            nodes: vec![false; self.cards.len()],
            edges: vec![false; self.lines.len()],
        };
        if let Found::Node(node) = found {
            mark(&mut near.nodes, node);
        }
        for (idx, (from, to)) in self.ends.iter().enumerate() {
            let is_near = match found {
                Found::Node(node) => *from == node || *to == node,
                Found::Edge(edge) => idx == edge,
            };
            if is_near {
                mark(&mut near.edges, idx);
                mark(&mut near.nodes, *from);
                mark(&mut near.nodes, *to);
            }
        }
        Some(near)
    }
}

/// By their places in the graph.
#[derive(Clone)]
struct Near {
    nodes: Vec<bool>,
    edges: Vec<bool>,
}

fn mark(list: &mut [bool], at: usize) {
    if let Some(place) = list.get_mut(at) {
        *place = true;
    }
}

/// The boxes of the layout, or, where cards have moved, boxes around them.
fn boxes(graph: &api::Graph, cards: &[Rect], is_layout: bool) -> Vec<(usize, Rect)> {
    let given = |ns: &api::graph::NamespaceBox| {
        let at = |v: Option<i32>| v.map(f64::from);
        Some(Rect::new(at(ns.x)?, at(ns.y)?, at(ns.w)?, at(ns.h)?))
    };
    let around = |ns: &api::graph::NamespaceBox| {
        let (pad, title) = (f64::from(BOX_PADDING), f64::from(BOX_TITLE));
        let inside = graph.nodes.iter().zip(cards).filter(|(n, _)| {
            n.cluster == ns.cluster
                && n.namespace == ns.namespace
                && n.kind != api::NodeKind::Namespace
        });
        let all = inside.map(|(_, r)| *r).reduce(Rect::joined)?.grown(pad);
        Some(Rect::new(all.x, all.y - title, all.w, all.h + title))
    };
    let boxes = graph.namespaces.iter().enumerate();
    boxes
        .filter_map(|(idx, ns)| {
            // Before its layout is there, an answer has no boxes.
            let rect = given(ns).filter(|_| is_layout).or_else(|| around(ns));
            Some((idx, rect?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::{edge, graph, node};

    fn picture() -> Picture {
        let mut canary = node("backend-v2", 300, 100);
        canary.health.status = HealthStatus::Failing;
        let (mut a, mut b) = (
            edge("front", "backend-v1", 90.0),
            edge("front", "backend-v2", 10.0),
        );
        a.points = Some(vec![[60, 0], [120, 0], [180, 0], [240, 0]]);
        b.points = Some(vec![[60, 0], [120, 30], [180, 70], [240, 100]]);
        let mut far = node("far", 900, 300);
        far.namespace = "other".to_owned();
        let mut graph = graph(
            vec![node("backend-v1", 300, 0), canary, far, node("front", 0, 0)],
            vec![a, b],
        );
        for node in &mut graph.nodes {
            if node.id.starts_with("backend") {
                node.app = Some("backend".to_owned());
            }
        }
        let positions = Positions::fresh(&graph).expect("a layout");
        Picture::new(Arc::new(graph), &positions)
    }

    fn look(selected: Option<&str>) -> Look<'_> {
        Look {
            scale: 1.0,
            seen: Rect::new(-1000.0, -1000.0, 4000.0, 4000.0),
            selected,
            way: None,
        }
    }

    fn texts(items: &[Item]) -> Vec<(&str, f64)> {
        let text = |item| match item {
            &Item::Text {
                ref text, alpha, ..
            } => Some((text.as_str(), alpha)),
            Item::Shape { .. } => None,
        };
        items.iter().filter_map(text).collect()
    }

    #[test]
    fn the_shares_of_a_canary_are_read_off_its_edges() {
        let picture = picture();
        assert_eq!(picture.share("front->backend-v1:http"), Some(0.9));
        assert_eq!(picture.share("front->backend-v2:http"), Some(0.1));
        let scene = picture.scene(&look(None));
        let texts: Vec<&str> = texts(&scene).into_iter().map(|t| t.0).collect();
        assert!(texts.contains(&"90 % · 90.0 rps"), "{texts:?}");
    }

    #[test]
    fn what_is_more_than_one_call_away_from_the_selected_steps_back() {
        let picture = picture();
        let scene = picture.scene(&look(Some("backend-v1")));
        let alpha = |name: &str| texts(&scene).iter().find(|t| t.0 == name).map(|t| t.1);
        assert_eq!(alpha("backend-v1"), Some(1.0));
        assert_eq!(alpha("front"), Some(1.0));
        assert_eq!(alpha("backend-v2"), Some(AWAY));
        assert_eq!(alpha("far"), Some(AWAY));
    }

    #[test]
    fn what_a_trace_did_not_pass_steps_back() {
        let picture = picture();
        let way = ["front", "backend-v2", "front->backend-v2:http"].map(str::to_owned);
        let way: BTreeSet<String> = way.into();
        let seen = |way, selected| {
            let scene = picture.scene(&Look {
                way,
                ..look(selected)
            });
            let away = |name: &str| texts(&scene).iter().any(|t| t.0 == name && t.1 == AWAY);
            ["front", "backend-v1", "backend-v2", "far"].map(away)
        };
        assert_eq!(seen(Some(&way), None), [false, true, false, true]);
        assert_eq!(
            seen(Some(&way), Some("backend-v1")),
            [false, false, false, true]
        );
        let other: BTreeSet<String> = ["x->y:http".to_owned()].into();
        assert_eq!(seen(Some(&other), None), [false; 4]);
    }

    #[test]
    fn cards_and_lines_are_hit() {
        let picture = picture();
        assert_eq!(picture.hit(Point::new(310.0, 5.0), 6.0), Some("backend-v1"));
        assert_eq!(
            picture.hit(Point::new(150.0, 3.0), 6.0),
            Some("front->backend-v1:http")
        );
        assert_eq!(picture.hit(Point::new(150.0, -60.0), 6.0), None);
    }

    #[test]
    fn what_is_not_seen_is_not_drawn() {
        let picture = picture();
        let seen = Rect::new(800.0, 200.0, 300.0, 300.0);
        let scene = picture.scene(&Look { seen, ..look(None) });
        assert_eq!(
            texts(&scene).iter().map(|t| t.0).collect::<Vec<_>>(),
            ["far"]
        );
    }

    #[test]
    fn a_name_too_long_is_cut() {
        let name = "a-very-long-workload-name-that-never-ends";
        let short = cut(name, 13.0, 120.0);
        assert!(
            short.ends_with('…') && text_width(&short, 13.0) <= 125.0,
            "{short}"
        );
        assert_eq!(cut("web", 13.0, 120.0), "web");
    }
}
