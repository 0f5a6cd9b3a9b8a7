//! Some of the calls of a window: of one service, of one workload. Facts in, facts and calls out; pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::graph::{Edge, Flow, Graph, View};
use crate::api::query::By;
use crate::api::workload::{Call, Party};
use crate::api::{GraphQuery, Health, Node, NodeKind};
use crate::graph::{self, Facts};
use crate::telemetry::{Mtls, Peer, Reporter, Sample, TrafficKey};
use crate::units::{Ratio, UnixMillis, six_digits};

/// What stands where a name is not known.
pub const UNKNOWN: &str = "-";

/// Cluster, namespace and name, each `-` where it is not known.
pub type Spot<'a> = (&'a str, &'a str, &'a str);

/// Returns the workload that a call went to.
pub fn called(key: &TrafficKey) -> Option<Spot<'_>> {
    spot(&key.destination, &key.source)
}

/// Returns the workload that a call came from.
pub fn calling(key: &TrafficKey) -> Option<Spot<'_>> {
    spot(&key.source, &key.destination)
}

/// Returns the service that a call was addressed to, where it is one of a namespace.
pub fn addressed(key: &TrafficKey) -> Option<Spot<'_>> {
    let service = key.service.as_ref()?;
    let namespace = service.namespace.as_ref()?.as_str();
    let cluster = cluster(&key.destination, &key.source);
    Some((cluster, namespace, service.name.as_str()))
}

fn spot<'a>(peer: &'a Peer, other: &'a Peer) -> Option<Spot<'a>> {
    let workload = peer.workload.as_ref()?.as_str();
    let namespace = peer.namespace.as_ref().map_or(UNKNOWN, |it| it.as_str());
    Some((cluster(peer, other), namespace, workload))
}

/// A peer without a cluster borrows the other side's, as the graph's nodes do.
fn cluster<'a>(peer: &'a Peer, other: &'a Peer) -> &'a str {
    let cluster = peer.cluster.as_ref().or(other.cluster.as_ref());
    cluster.map_or(UNKNOWN, |it| it.as_str())
}

/// Returns the one cluster that the facts are of; `None` where they are of none or of several.
pub fn only_cluster(facts: &Facts) -> Option<&str> {
    let keys = facts.requests.iter().map(|sample| &sample.key);
    let keys = keys.chain(facts.tcp.iter().map(|sample| &sample.key));
    let of_key = keys.flat_map(|key| [&key.source.cluster, &key.destination.cluster]);
    let mut clusters = of_key.flatten().map(|it| it.as_str());
    let first = clusters.next()?;
    clusters.all(|it| it == first).then_some(first)
}

/// Returns the facts of those calls alone that `pick` returns a key for, under that key.
pub fn picked(facts: &Facts, pick: impl Fn(&Arc<TrafficKey>) -> Option<Arc<TrafficKey>>) -> Facts {
    let requests = |samples: &[Sample]| -> Vec<Sample> {
        let kept = samples.iter().filter_map(|sample| {
            let key = pick(&sample.key)?;
            Some(Sample {
                key,
                value: sample.value,
            })
        });
        kept.collect()
    };
    macro_rules! kept {
        ($samples:expr) => {
            $samples
                .iter()
                .filter_map(|sample| {
                    let mut kept = sample.clone();
                    kept.key = pick(&sample.key)?;
                    Some(kept)
                })
                .collect()
        };
    }
    Facts {
        window: facts.window,
        requests: requests(&facts.requests),
        hour: facts.hour.as_deref().map(requests),
        latency: facts.latency.as_ref().map(|samples| kept!(samples)),
        tcp: kept!(facts.tcp),
        messages: facts.messages.as_ref().map(|samples| kept!(samples)),
        inventory: facts.inventory.clone(),
        traced: None,
        objectives: Arc::clone(&facts.objectives),
        scrape_interval_s: facts.scrape_interval_s,
    }
}

/// Returns the key as it is where `wanted` holds.
pub fn as_it_is(
    wanted: impl Fn(&TrafficKey) -> bool,
) -> impl Fn(&Arc<TrafficKey>) -> Option<Arc<TrafficKey>> {
    move |key| wanted(key).then(|| Arc::clone(key))
}

/// Returns the key without the caller's app where `wanted` holds: a caller that is known by its workload alone
/// stays one node, whatever the callees are projected on.
pub fn by_calling_workload(
    wanted: impl Fn(&TrafficKey) -> bool,
) -> impl Fn(&Arc<TrafficKey>) -> Option<Arc<TrafficKey>> {
    move |key| {
        wanted(key).then(|| {
            let mut key = TrafficKey::clone(key);
            key.source.app = None;
            Arc::new(key)
        })
    }
}

/// The time that an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct When {
    /// The end of the window.
    pub at: UnixMillis,
    /// When the answer is made.
    pub generated_at: UnixMillis,
}

impl When {
    /// Returns whether the window tells of now: pods of now say nothing of an earlier one.
    pub fn is_now(self) -> bool {
        graph::is_now(self.at, self.generated_at)
    }

    /// Returns the graph of all namespaces, without positions.
    pub fn drawn(self, facts: &Facts, by: By) -> Graph {
        let query = GraphQuery {
            by,
            ..GraphQuery::default()
        };
        graph::answer(facts, &query, self.at, self.generated_at, Vec::new())
    }
}

/// Returns the calls that `keep` keeps, worst first, then busiest.
pub fn calls(graph: &Graph, keep: impl Fn(&Edge) -> bool) -> Vec<Call> {
    let nodes: BTreeMap<&str, &Node> = graph.nodes.iter().map(|it| (it.id.as_str(), it)).collect();
    let party = |id: &str| {
        nodes.get(id).map(|node| Party {
            kind: node.kind,
            namespace: node.namespace.clone(),
            name: node.name.clone(),
        })
    };
    let mut calls: Vec<Call> = graph
        .edges
        .iter()
        // What was sampled has no figures to stand beside others.
        .filter(|edge| edge.view != View::Traces && keep(edge))
        .filter_map(|edge| {
            Some(Call {
                from: party(&edge.from)?,
                to: party(&edge.to)?,
                protocol: edge.protocol.clone(),
                view: edge.view,
                traffic: edge.traffic.clone(),
                flow: edge.flow,
                mtls_ratio: edge.mtls_ratio,
                health: edge.health.clone(),
            })
        })
        .collect();
    calls.sort_by(|a, b| {
        let names = |call: &Call| (call.from.name.clone(), call.to.name.clone());
        (a.health.status.cmp(&b.health.status))
            .then_with(|| b.traffic.rps.total_cmp(&a.traffic.rps))
            .then_with(|| names(a).cmp(&names(b)))
    });
    calls
}

/// Returns the share of calls under mutual TLS by what `of` makes of a call. The called proxies say so: of
/// requests, and of bytes where there were no requests.
pub fn mutual<'a, K: Ord>(
    facts: &'a Facts,
    of: impl Fn(&'a TrafficKey) -> Option<K>,
) -> BTreeMap<K, f64> {
    let requests = facts.requests.iter().map(|it| (&*it.key, it.value));
    let bytes = facts
        .tcp
        .iter()
        .map(|it| (&*it.key, it.to_server_bytes + it.to_client_bytes));
    let mut shares = protected(bytes, &of);
    shares.extend(protected(requests, &of));
    shares
}

fn protected<'a, K: Ord>(
    counts: impl Iterator<Item = (&'a TrafficKey, f64)>,
    of: impl Fn(&'a TrafficKey) -> Option<K>,
) -> BTreeMap<K, f64> {
    let mut seen: BTreeMap<K, (f64, f64)> = BTreeMap::new();
    for (key, count) in counts {
        if key.reporter != Reporter::Destination || key.mtls == Mtls::Unknown {
            continue;
        }
        if let Some(place) = of(key) {
            let (mutual, known) = seen.entry(place).or_default();
            *known += count;
            if key.mtls == Mtls::Mutual {
                *mutual += count;
            }
        }
    }
    let shares = seen.into_iter();
    let shares = shares.filter_map(|(place, (mutual, known))| {
        Some((place, six_digits(Ratio::of(mutual, known)?.get())))
    });
    shares.collect()
}

/// Returns the workloads whose own proxies report calls.
pub fn reporting(facts: &Facts) -> BTreeSet<Spot<'_>> {
    let requests = facts.requests.iter().map(|sample| &*sample.key);
    // What the node's proxy reports says nothing of a sidecar.
    let tcp = facts.tcp.iter().filter(|sample| !sample.is_tunnel);
    let keys = requests.chain(tcp.map(|sample| &*sample.key));
    keys.filter_map(|key| match key.reporter {
        Reporter::Source => calling(key),
        Reporter::Destination => called(key),
        Reporter::Waypoint => None,
    })
    .collect()
}

/// Adds what flows.
pub fn add_flow(sum: &mut Flow, other: &Flow) {
    let add = |sum: &mut Option<f64>, other: Option<f64>| {
        if let Some(other) = other {
            *sum = Some(six_digits(sum.unwrap_or(0.0) + other));
        }
    };
    add(&mut sum.client_to_server_bps, other.client_to_server_bps);
    add(&mut sum.server_to_client_bps, other.server_to_client_bps);
    add(&mut sum.connections_opened, other.connections_opened);
    add(&mut sum.connections_closed, other.connections_closed);
    add(&mut sum.messages_to_server_ps, other.messages_to_server_ps);
    add(&mut sum.messages_to_client_ps, other.messages_to_client_ps);
}

/// Returns whether a node is a workload, whatever its part.
pub fn is_workload(kind: NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::Workload | NodeKind::Gateway | NodeKind::Waypoint
    )
}

/// Sorts worst first: by health, then by the share of errors, then busiest, then by name.
pub fn worst_first<T>(
    rows: &mut [T],
    look: impl Fn(&T) -> (&Health, Option<&crate::api::graph::Traffic>, &str, &str),
) {
    rows.sort_by(|a, b| {
        let (health_a, traffic_a, namespace_a, name_a) = look(a);
        let (health_b, traffic_b, namespace_b, name_b) = look(b);
        let errors = |it: Option<&crate::api::graph::Traffic>| it.and_then(|it| it.error_ratio);
        let rps = |it: Option<&crate::api::graph::Traffic>| it.map_or(0.0, |it| it.rps);
        let falling =
            |a: Option<f64>, b: Option<f64>| b.unwrap_or(0.0).total_cmp(&a.unwrap_or(0.0));
        (health_a.status.cmp(&health_b.status))
            .then_with(|| falling(errors(traffic_a), errors(traffic_b)))
            .then_with(|| rps(traffic_b).total_cmp(&rps(traffic_a)))
            .then_with(|| (namespace_a, name_a).cmp(&(namespace_b, name_b)))
    });
}
