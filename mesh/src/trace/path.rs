//! Which edges of the graph a trace's calls are.

use std::collections::BTreeMap;

use foldhash::HashMap;

use crate::api::trace::PathEdge;
use crate::graph::TRACED;

use super::hop::{self, Hop};
use super::known::{Known, Spot};
use super::tree::Tree;

/// One span with what its tags mean in the mesh.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// What it says.
    pub hop: Hop<'a>,
    /// Whose it is.
    pub spot: Option<Spot>,
    /// Whether it failed.
    pub failed: bool,
    /// The edge of the call that it is a side of.
    pub edge: Option<String>,
    /// Whether the call is counted here: by its client, or by its server where no client recorded it.
    pub is_call: bool,
    /// The workload that took the call, where it is known.
    pub callee: Option<Spot>,
}

impl Step<'_> {
    /// Returns the version that took the call, where that is known: the server's, else the subset it was sent to; of a
    /// span that is no call, that of its own process.
    pub fn version(&self) -> Option<&str> {
        if self.hop.upstream.is_some() {
            let callee = self.callee.as_ref().and_then(|it| it.version.as_deref());
            return callee.or_else(|| self.hop.upstream.as_ref()?.subset);
        }
        let own = self.spot.as_ref().and_then(|it| it.version.as_deref());
        self.hop.version.or(own)
    }
}

/// Returns what each span of a tree means, in the tree's order.
pub fn steps<'a>(tree: &Tree<'a>, known: &Known) -> Vec<Step<'a>> {
    let mut spots = Spots::default();
    let mut steps: Vec<Step<'a>> = tree
        .nodes
        .iter()
        .map(|node| {
            let hop = Hop::of(node.span);
            let spot = spots.of(node.span, &hop, known);
            Step {
                failed: hop::failed(node.span, &hop),
                hop,
                spot,
                edge: None,
                is_call: false,
                callee: None,
            }
        })
        .collect();
    for idx in 0..steps.len() {
        if steps[idx].hop.upstream.is_some() {
            let (callee, edge) = sent(tree, &steps, idx, known);
            steps[idx].is_call = edge.is_some();
            steps[idx].edge = edge;
            steps[idx].callee = callee;
        } else if let Some((edge, is_counted)) = taken(tree, &steps, idx, known) {
            steps[idx].is_call = !is_counted;
            steps[idx].edge = Some(edge);
            steps[idx].callee = steps[idx].spot.clone();
        }
    }
    steps
}

/// Many spans are of one pod.
#[derive(Default)]
struct Spots<'a>(HashMap<(&'a str, &'a str, &'a str, &'a str), Option<Spot>>);

impl<'a> Spots<'a> {
    fn of(&mut self, span: &'a super::Span, hop: &Hop<'a>, known: &Known) -> Option<Spot> {
        let key = (
            hop.pod.unwrap_or_default(),
            hop.namespace.unwrap_or_default(),
            hop.app.unwrap_or_default(),
            span.process.service.as_str(),
        );
        let found = self.0.entry(key).or_insert_with(|| known.spot(span, hop));
        found.clone()
    }
}

/// Returns who took the call that a client sent, and its edge.
fn sent(
    tree: &Tree<'_>,
    steps: &[Step<'_>],
    idx: usize,
    known: &Known,
) -> (Option<Spot>, Option<String>) {
    let step = &steps[idx];
    let (Some(caller), Some(upstream)) = (&step.spot, &step.hop.upstream) else {
        return (None, None);
    };
    // The last of several: a retry. What does not say that it took a call is the caller's own work.
    let server = tree
        .children(idx)
        .filter(|child| steps[*child].hop.upstream.is_none() && !steps[*child].hop.is_copy)
        .filter_map(|child| steps[child].spot.as_ref())
        .filter(|spot| spot.id != caller.id)
        .last();
    let is_grpc = step.hop.is_grpc;
    if let Some(server) = server {
        let edge = known.edge(&caller.id, &server.id, is_grpc);
        return (Some(server.clone()), Some(edge));
    }
    let callee = known.callee(&caller.id, upstream, &step.hop.flags);
    let edge = callee.map(|id| known.edge(&caller.id, &id, is_grpc));
    (None, edge)
}

/// Returns the edge of the call that a server took, and whether its client recorded it.
fn taken(tree: &Tree<'_>, steps: &[Step<'_>], idx: usize, known: &Known) -> Option<(String, bool)> {
    let parent = tree.nodes[idx].parent?;
    // A service that only traces know has a node, too.
    let end = |idx: usize| match &steps[idx].spot {
        Some(spot) => Some((spot.id.as_str(), false)),
        None => {
            let id = known.traced(&tree.nodes[idx].span.process.service)?;
            Some((id, true))
        }
    };
    let ((own, is_traced), (caller, is_by_traced)) = (end(idx)?, end(parent)?);
    if caller == own {
        return None;
    }
    if is_traced || is_by_traced {
        return Some((format!("{caller}->{own}:{TRACED}"), false));
    }
    let edge = known.edge(caller, own, steps[idx].hop.is_grpc);
    Some((edge, steps[parent].hop.upstream.is_some()))
}

/// Returns the edges that calls passed, sorted by id, with how many passed and failed.
pub fn edges(steps: &[Step<'_>]) -> Vec<PathEdge> {
    let mut edges: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for step in steps {
        let Some(edge) = step.edge.as_deref() else {
            continue;
        };
        let (n_calls, n_errors) = edges.entry(edge).or_default();
        if step.is_call {
            *n_calls += 1;
            *n_errors += u32::from(step.failed);
        }
    }
    edges
        .into_iter()
        .filter_map(|(id, (n_calls, n_errors))| {
            let (ends, _) = id.rsplit_once(':')?;
            let (from, to) = ends.split_once("->")?;
            Some(PathEdge {
                id: id.to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                n_calls,
                n_errors,
            })
        })
        .collect()
}
