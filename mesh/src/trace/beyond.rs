//! What only traces know of: services without a proxy whose own tracers speak, and who calls whom there.
//!
//! The consumer of a queue, a job, a service outside the mesh: no metric of Istio tells of it. What is found was
//! sampled: it says that there were calls, never how many there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Traced, TracedCall, TracedEnd};
use crate::names::{AppName, ClusterName, NamespaceName, VersionName};
use crate::telemetry::Peer;
use crate::units::Window;

use super::hop::Hop;
use super::known::{Known, Place, Spot};
use super::names::is_of_backend;
use super::path::{Step, steps};
use super::tree::Tree;
use super::{Dependency, Trace};

/// So many calls between tracing names are told; who has more services than that without a proxy has no mesh.
const MAX_CALLS: usize = 400;

/// Returns what some traces, and the backend's own sums, of a window that ends now, know of services that the graph
/// does not.
///
/// Traces tell which workload called; the sums know the tracing name alone, and are heard where no trace was.
pub fn beyond<'a>(
    traces: impl IntoIterator<Item = &'a Trace>,
    dependencies: &[Dependency],
    known: &Known,
    window: Window,
) -> Traced {
    let claims = Claims::of(known);
    let mut heard = Heard::default();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for trace in traces {
        if seen.insert(&trace.id) {
            heard.trace(trace, known, &claims);
        }
    }
    for it in dependencies {
        if is_of_backend(&it.parent) || is_of_backend(&it.child) || it.parent == it.child {
            continue;
        }
        let is_told = heard.pairs.contains(&(it.parent.clone(), it.child.clone()));
        let is_by_proxy =
            heard.by_proxies.contains(&it.parent) || heard.by_proxies.contains(&it.child);
        if is_told || is_by_proxy {
            continue;
        }
        let from = heard.end(&it.parent, &claims);
        let to = heard.end(&it.child, &claims);
        heard.call(from, to, it.n_calls, 0);
    }
    let mut calls: Vec<TracedCall> = heard
        .calls
        .into_iter()
        .map(|((from, to), (n_calls, n_errors))| TracedCall {
            from,
            to,
            n_calls,
            n_errors,
        })
        .collect();
    let n_left_out = calls.len().saturating_sub(MAX_CALLS);
    calls.truncate(MAX_CALLS);
    Traced {
        calls,
        alone: heard.alone.into_iter().take(MAX_CALLS).collect(),
        n_left_out,
        window,
    }
}

/// Returns the tracing names, among those that a backend lists, that nobody in the graph could trace under.
pub fn unclaimed(listed: &[String], known: &Known) -> Vec<String> {
    let claims = Claims::of(known);
    let free = listed.iter();
    let free = free.filter(|it| !is_of_backend(it) && !claims.by_name.contains_key(it.as_str()));
    free.cloned().collect()
}

/// Who could trace under which name.
struct Claims<'a> {
    known: &'a Known,
    by_name: BTreeMap<String, BTreeSet<&'a Place>>,
}

impl<'a> Claims<'a> {
    fn of(known: &'a Known) -> Claims<'a> {
        let mut by_name: BTreeMap<String, BTreeSet<&Place>> = BTreeMap::new();
        for (name, place) in known.tracing_names() {
            by_name.entry(name).or_default().insert(place);
        }
        Claims { known, by_name }
    }

    /// Returns who is meant by a tracing name, where nothing more is known.
    fn end(&self, name: &str) -> TracedEnd {
        let Some(places) = self.by_name.get(name) else {
            return self.unknown(name, None);
        };
        let spots: Vec<Spot> = places.iter().flat_map(|it| self.known.spots(it)).collect();
        match spots.first() {
            Some(first) => TracedEnd::Known {
                peer: peer(first),
                is_one: spots.len() == 1,
            },
            // A service that nobody stands behind.
            None => self.unknown(name, None),
        }
    }

    /// Returns a service that the graph does not know. `app.namespace` is in that namespace where there is one.
    fn unknown(&self, name: &str, hop: Option<&Hop<'_>>) -> TracedEnd {
        let said = hop.and_then(|it| it.namespace);
        let parts = name.rsplit_once('.').map(|it| it.1);
        let namespace = said.or(parts.filter(|it| self.known.has_namespace(it)));
        let cluster = namespace.and_then(|it| self.known.cluster_of(it));
        TracedEnd::Traced {
            cluster: cluster.map(ClusterName::from),
            namespace: namespace.map(NamespaceName::from),
            name: name.into(),
        }
    }

    /// Returns who recorded each span of a tree, in its order.
    fn ends(&self, tree: &Tree<'_>, steps: &[Step<'_>]) -> Vec<Option<TracedEnd>> {
        let mut ends: Vec<Option<TracedEnd>> = Vec::with_capacity(steps.len());
        for (node, step) in tree.nodes.iter().zip(steps) {
            let name = node.span.process.service.as_str();
            if is_of_backend(name) {
                ends.push(None);
                continue;
            }
            if step.spot.is_none()
                && let Some(places) = self.by_name.get(name)
            {
                // An application beside its proxy: that one says which of the workloads it is.
                let above = node.parent.and_then(|it| ends.get(it)?.as_ref());
                let is_beside = above.is_some_and(|it| match it {
                    TracedEnd::Known { peer, is_one: true } => {
                        places.iter().any(|place| is_at(peer, place))
                    }
                    _ => false,
                });
                let end = if is_beside {
                    above.cloned()
                } else {
                    Some(self.end(name))
                };
                ends.push(end);
                continue;
            }
            ends.push(match &step.spot {
                Some(spot) => Some(TracedEnd::Known {
                    peer: peer(spot),
                    is_one: true,
                }),
                // A waypoint, or a proxy without traffic in the window: it is in the mesh.
                None if step.hop.is_by_proxy => None,
                None => Some(self.unknown(name, Some(&step.hop))),
            });
        }
        ends
    }
}

fn peer(spot: &Spot) -> Peer {
    Peer {
        cluster: Some(spot.cluster.as_str())
            .filter(|it| *it != "-")
            .map(ClusterName::from),
        namespace: Some(spot.namespace.as_str().into()),
        workload: Some(spot.workload.as_str().into()),
        app: spot.app.as_deref().map(AppName::from),
        version: spot.version.as_deref().map(VersionName::from),
    }
}

fn is_at(peer: &Peer, place: &Place) -> bool {
    let namespace = peer.namespace.as_ref().map(|it| it.as_str());
    let workload = peer.workload.as_ref().map(|it| it.as_str());
    namespace == Some(place.0.as_str()) && workload == Some(place.1.as_str())
}

/// What was heard so far.
#[derive(Default)]
struct Heard {
    /// How many calls, and how many of them failed.
    calls: BTreeMap<(TracedEnd, TracedEnd), (u64, u64)>,
    /// Services of whom no call is known.
    alone: BTreeSet<TracedEnd>,
    /// The tracing names of callers and callees that traces told of.
    pairs: BTreeSet<(String, String)>,
    /// The tracing names of proxies that the graph does not know.
    by_proxies: BTreeSet<String>,
    /// Who recorded something under each name.
    recorded: BTreeMap<String, BTreeSet<TracedEnd>>,
}

impl Heard {
    fn trace(&mut self, trace: &Trace, known: &Known, claims: &Claims<'_>) {
        let tree = Tree::of(trace);
        let steps = steps(&tree, known);
        let ends = claims.ends(&tree, &steps);
        for (idx, node) in tree.nodes.iter().enumerate() {
            let Some(Some(to)) = ends.get(idx) else {
                if steps.get(idx).is_some_and(|it| it.hop.is_by_proxy) {
                    self.by_proxies.insert(node.span.process.service.clone());
                }
                continue;
            };
            let own = &node.span.process.service;
            let recorded = self.recorded.entry(own.clone()).or_default();
            recorded.insert(to.clone());
            let from = node
                .parent
                .and_then(|it| Some((it, ends.get(it)?.clone()?)));
            let Some((parent, from)) = from.filter(|it| it.1 != *to) else {
                if to.is_traced() {
                    self.alone.insert(to.clone());
                }
                continue;
            };
            let name = |idx: usize| {
                tree.nodes
                    .get(idx)
                    .map(|it| it.span.process.service.clone())
            };
            if let (Some(caller), Some(callee)) = (name(parent), name(idx)) {
                self.pairs.insert((caller, callee));
            }
            let failed = steps.get(idx).is_some_and(|it| it.failed);
            self.call(from, to.clone(), 1, u64::from(failed));
        }
        let in_calls: BTreeSet<&TracedEnd> =
            self.calls.keys().flat_map(|it| [&it.0, &it.1]).collect();
        self.alone.retain(|it| !in_calls.contains(it));
    }

    /// Returns who is meant by a tracing name: who recorded something under it, or could. Of several workloads of an app
    /// any may be meant, whichever was seen.
    fn end(&self, name: &str, claims: &Claims<'_>) -> TracedEnd {
        let mut recorded = self.recorded.get(name).into_iter().flatten();
        let peer = recorded.find_map(|it| match it {
            TracedEnd::Known { peer, .. } => Some(peer),
            TracedEnd::Traced { .. } => None,
        });
        let place = peer.and_then(|it| Some((it.namespace.as_ref()?, it.app.as_ref()?)));
        match place {
            Some((namespace, app)) => claims.end(&format!("{app}.{namespace}")),
            None => claims.end(name),
        }
    }

    /// Notes calls, unless both sides are in the graph: then the metrics tell of them.
    fn call(&mut self, from: TracedEnd, to: TracedEnd, n_calls: u64, n_errors: u64) {
        if from == to || !(from.is_traced() || to.is_traced()) {
            return;
        }
        for end in [&from, &to] {
            self.alone.remove(end);
        }
        let sums = self.calls.entry((from, to)).or_default();
        sums.0 = sums.0.saturating_add(n_calls);
        sums.1 = sums.1.saturating_add(n_errors);
    }
}

#[cfg(test)]
mod tests;
