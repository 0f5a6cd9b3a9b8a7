//! Where things stand on the page: a fresh layout moves nothing that is already there.

use std::collections::BTreeMap;

use mesh::api;
use mesh::layout::{Card, line};

/// Places of nodes and lines by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Positions {
    /// Node id → centre.
    nodes: BTreeMap<String, [i32; 2]>,
    /// Edge id → control points.
    lines: BTreeMap<String, Vec<[i32; 2]>>,
    /// Whether everything stands where the layout put it.
    is_layout: bool,
}

/// Between cards, where one is put beside others by hand.
const GAP: i32 = 24;

impl Positions {
    /// Takes the layout of an answer as it is; nothing where it is still being computed.
    pub fn fresh(graph: &api::Graph) -> Option<Positions> {
        let nodes = graph
            .nodes
            .iter()
            .map(|n| Some((n.id.clone(), [n.x?, n.y?])));
        let lines = graph
            .edges
            .iter()
            .filter_map(|e| Some((e.id.clone(), e.points.clone()?)));
        Some(Positions {
            nodes: nodes.collect::<Option<_>>()?,
            lines: lines.collect(),
            is_layout: true,
        })
    }

    /// Keeps what is known where it is and finds a place for what is new, beside what it talks to. Nothing
    /// where neither this nor the answer knows where things stand.
    pub fn adopt(&self, graph: &api::Graph) -> Option<Positions> {
        let fresh = Positions::fresh(graph);
        let known = graph
            .nodes
            .iter()
            .filter(|n| self.nodes.contains_key(&n.id))
            .count();
        if known * 2 < graph.nodes.len() || known == 0 {
            return fresh;
        }
        let moved: BTreeMap<&str, [i32; 2]> = graph
            .nodes
            .iter()
            .filter_map(|n| {
                let (old, new) = (self.nodes.get(&n.id)?, [n.x?, n.y?]);
                Some((n.id.as_str(), [old[0] - new[0], old[1] - new[1]]))
            })
            .collect();
        let is_whole = known == graph.nodes.len();
        if fresh.is_some() && is_whole && moved.values().all(|by| *by == [0, 0]) {
            return fresh;
        }
        let mut cards: BTreeMap<&str, Card> = BTreeMap::new();
        for node in &graph.nodes {
            if let Some(&[x, y]) = self.nodes.get(&node.id) {
                cards.insert(
                    &node.id,
                    Card {
                        x,
                        y,
                        w: node.w,
                        h: node.h,
                    },
                );
            }
        }
        let everyone = median(moved.values().copied());
        for node in graph
            .nodes
            .iter()
            .filter(|n| !self.nodes.contains_key(&n.id))
        {
            let neighbours = graph.edges.iter().filter_map(|e| {
                let other = if e.from == node.id {
                    &e.to
                } else if e.to == node.id {
                    &e.from
                } else {
                    return None;
                };
                moved.get(other.as_str()).copied()
            });
            let by = median(neighbours).or(everyone).unwrap_or_default();
            let (x, y) = match (node.x, node.y) {
                (Some(x), Some(y)) => (x + by[0], y + by[1]),
                // No layout yet: below everything, until there is one.
                _ => below(cards.values()),
            };
            let mut card = Card {
                x,
                y,
                w: node.w,
                h: node.h,
            };
            while cards.values().any(|other| touch(card, *other)) {
                card.y += node.h.max(1) + GAP;
            }
            cards.insert(&node.id, card);
        }
        let mut n_of_pair: BTreeMap<(&str, &str), i32> = BTreeMap::new();
        let lines = graph.edges.iter().filter_map(|e| {
            let nth = n_of_pair.entry((&e.from, &e.to)).or_default();
            *nth += 1;
            let stays = self.nodes.contains_key(&e.from) && self.nodes.contains_key(&e.to);
            if let Some(old) = self.lines.get(&e.id).filter(|_| stays) {
                return Some((e.id.clone(), old.clone()));
            }
            let (from, to) = (cards.get(e.from.as_str())?, cards.get(e.to.as_str())?);
            Some((e.id.clone(), line(*from, *to, (*nth - 1) * 12)))
        });
        let lines = lines.collect();
        let nodes = cards
            .iter()
            .map(|(id, card)| ((*id).to_owned(), [card.x, card.y]))
            .collect();
        Some(Positions {
            nodes,
            lines,
            is_layout: false,
        })
    }

    /// Returns a node's centre.
    pub fn node(&self, id: &str) -> Option<[i32; 2]> {
        self.nodes.get(id).copied()
    }

    /// Returns a line's control points.
    pub fn line(&self, id: &str) -> Option<&[[i32; 2]]> {
        self.lines.get(id).map(Vec::as_slice)
    }

    /// Whether the boxes of the answer's layout fit these places.
    pub fn is_layout(&self) -> bool {
        self.is_layout
    }
}

fn below<'a>(cards: impl Iterator<Item = &'a Card>) -> (i32, i32) {
    let corner = cards.fold(None, |corner: Option<(i32, i32)>, c| {
        let (left, bottom) = (c.x, c.y + c.h / 2);
        Some(corner.map_or((left, bottom), |(x, y)| (x.min(left), y.max(bottom))))
    });
    let (x, bottom) = corner.unwrap_or_default();
    (x, bottom + 3 * GAP)
}

fn touch(a: Card, b: Card) -> bool {
    (a.x - b.x).abs() < (a.w + b.w) / 2 + GAP / 2 && (a.y - b.y).abs() < (a.h + b.h) / 2 + GAP / 2
}

fn median(moves: impl Iterator<Item = [i32; 2]>) -> Option<[i32; 2]> {
    let moves: Vec<_> = moves.collect();
    let middle = |axis: usize| {
        let mut all: Vec<i32> = moves.iter().map(|m| m[axis]).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied()
    };
    Some([middle(0)?, middle(1)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::sample::{edge, graph, node};

    #[test]
    fn a_refresh_moves_nothing() {
        let first = graph(
            vec![node("a", 0, 0), node("b", 300, 0)],
            vec![edge("a", "b", 10.0)],
        );
        let before = Positions::fresh(&first).expect("a layout");
        // The fresh layout moved `b` to make room for `c`.
        let second = graph(
            vec![node("a", 0, 0), node("b", 300, 90), node("c", 300, 0)],
            vec![edge("a", "b", 10.0), edge("a", "c", 1.0)],
        );
        let after = before.adopt(&second).expect("a layout");
        assert_eq!(after.node("a"), Some([0, 0]));
        assert_eq!(after.node("b"), Some([300, 0]));
        let c = after.node("c").expect("a place");
        assert_ne!(c, [300, 0], "not on top of another");
        assert!(after.line("a->c:http").is_some());
        assert!(!after.is_layout());
    }

    #[test]
    fn another_mesh_takes_its_own_layout() {
        let first = graph(vec![node("a", 0, 0)], vec![]);
        let second = graph(vec![node("x", 7, 8), node("y", 90, 8)], vec![]);
        let before = Positions::fresh(&first).expect("a layout");
        assert_eq!(
            before.adopt(&second).and_then(|p| p.node("x")),
            Some([7, 8])
        );
    }

    #[test]
    fn without_a_layout_yet_the_new_stands_below() {
        let first = graph(vec![node("a", 0, 0)], vec![]);
        let mut second = graph(vec![node("a", 0, 0), node("b", 0, 0)], vec![]);
        for node in &mut second.nodes {
            (node.x, node.y) = (None, None);
        }
        assert_eq!(Positions::fresh(&second), None);
        let before = Positions::fresh(&first).expect("a layout");
        let b = before
            .adopt(&second)
            .and_then(|p| p.node("b"))
            .expect("a place");
        assert!(b[1] > 40);
    }
}
