//! The graph: who calls whom, how often, how well, how fast. Samples in, wire out; pure.
//!
//! [`answer`] leaves out hops that are part of a longer way ([`hops`]), projects samples on nodes ([`project`]),
//! keeps what each proxy reports apart ([`edge`], [`views`]), adds what the cluster knows ([`cluster`]), judges,
//! then folds, hides and filters.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api;
use crate::api::Notice;
use crate::api::graph::{Include, LayoutState, NamespaceBox};
use crate::api::query::{Fold, GraphQuery};
use crate::api::{HealthStatus, NodeKind};
use crate::health::Objectives;
use crate::inventory::Inventory;
use crate::telemetry::{LatencySample, MessageSample, Sample, TcpSample};
use crate::units::{UnixMillis, Window, six_digits};

mod cluster;
mod draw;
mod durations;
mod edge;
mod ends;
mod explain;
mod filter;
mod hops;
mod hosts;
mod identity;
mod judging;
mod named;
mod names;
mod picture;
mod project;
mod roles;
mod select;
mod series;
mod streams;
mod totals;
mod traced;
mod uncertain;
mod views;
mod words;

#[cfg(test)]
mod tests;

pub use durations::edge_durations;
pub use named::{is_id, workload_of};
pub use picture::{Picture, Scope};
pub use select::{outbound_selector, selector, service_id, workload_id};
pub use series::series;
pub use traced::{TRACED, Traced, TracedCall, TracedEnd};
pub use uncertain::{needs_hour, uncertain_workloads};

pub(crate) use edge::{Calls, merge_histogram};
pub(crate) use identity::{BLACK_HOLE, PASSTHROUGH};
pub(crate) use judging::is_now;
pub(crate) use totals::{Totals, quantiles};
pub(crate) use views::Views;

use draw::Drawing;
use judging::Judge;

/// Above this many nodes, `fold=auto` folds the namespaces that are well.
const MAX_UNFOLDED: usize = 300;

/// What the sources know of one window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The window.
    pub window: Window,
    /// Its requests.
    pub requests: Vec<Sample>,
    /// Those of the last hour, where health needs them ([`needs_hour`]).
    pub hour: Option<Vec<Sample>>,
    /// How long its requests took, where that was asked.
    pub latency: Option<Vec<LatencySample>>,
    /// What flowed over TCP.
    pub tcp: Vec<TcpSample>,
    /// The messages in gRPC calls, where they were asked: with latency.
    pub messages: Option<Vec<MessageSample>>,
    /// What the cluster holds, where one is asked.
    pub inventory: Option<Arc<Inventory>>,
    /// What only traces know of, as of now, where somebody keeps them.
    pub traced: Option<Arc<Traced>>,
    /// What is expected where.
    pub objectives: Arc<Objectives>,
    /// The seconds between two scrapes, where they were asked for: when nothing was seen.
    pub scrape_interval_s: Option<f64>,
}

/// Returns the graph that `query` asks for, without positions. The window ends at `at`.
pub fn answer(
    facts: &Facts,
    query: &GraphQuery,
    at: UnixMillis,
    generated_at: UnixMillis,
    notices: Vec<Notice>,
) -> api::Graph {
    let project = |scope: Scope| Arc::new(Picture::of(facts, &scope));
    answer_from(facts, &project, query, at, generated_at, notices)
}

/// Returns what [`answer`] does, of `facts` that `pictures` projects or has projected before.
pub fn answer_from(
    facts: &Facts,
    pictures: &dyn Fn(Scope) -> Arc<Picture>,
    query: &GraphQuery,
    at: UnixMillis,
    generated_at: UnixMillis,
    mut notices: Vec<Notice>,
) -> api::Graph {
    let with_latency = query.includes(Include::Latency) && facts.latency.is_some();
    let folded: Vec<String> = match &query.fold {
        Fold::None => Vec::new(),
        Fold::Namespaces(names) => names.clone(),
        Fold::Auto => well_namespaces(facts, pictures, query),
    };
    if query.fold == Fold::Auto && !folded.is_empty() {
        notices.push(Notice {
            kind: "folded".to_owned(),
            source: "pidali".to_owned(),
            message: format!(
                "The mesh has more than {MAX_UNFOLDED} nodes: {} namespaces that are well are one \
                 node each.",
                folded.len()
            ),
            hint: Some("choose a namespace to look inside".to_owned()),
        });
    }
    let is_now = is_now(at, generated_at);
    let picture = pictures(Scope {
        by: query.by,
        folded,
        idle: query.idle.then(|| query.namespaces.clone()),
        is_now,
    });
    let (views, hour) = (&picture.views, picture.hour.as_ref());
    notices.extend(explain::notices(facts, query, is_now));
    let judge = Judge::of(facts, is_now, with_latency);
    let drawing = Drawing::new(views, facts.window, hour, with_latency, judge);
    let kept = filter::kept(query, views, &mut notices);
    // Edges and nodes are large: there is room for just so many, their keys are sorted, and each is moved once.
    let mut edges = Vec::with_capacity(kept.edges.len() + kept.traced.len());
    edges.extend(kept.edges.iter().filter_map(|e| drawing.edge(*e)));
    edges.extend(kept.traced.iter().filter_map(|e| drawing.traced(e)));
    edges.sort_by_cached_key(|edge: &api::Edge| edge.id.clone());
    let mut nodes = Vec::with_capacity(kept.nodes.len());
    nodes.extend(kept.nodes.iter().filter_map(|n| drawing.node(*n)));
    nodes.sort_by_cached_key(|node: &api::Node| node.id.clone());
    let namespaces = boxes(&nodes);
    let mut include = Vec::new();
    if query.includes(Include::Traffic) || with_latency {
        include.push(Include::Traffic);
    }
    if with_latency {
        include.push(Include::Latency);
    }
    api::Graph {
        nodes,
        edges,
        namespaces,
        notices,
        layout: LayoutState::Pending,
        include,
        window_s: facts.window.secs(),
        at_ms: at.0,
        generated_at_ms: generated_at.0,
    }
}

/// Returns the namespaces that traffic was seen in, and those that the cluster holds workloads in (but Kubernetes' own),
/// sorted by name, with the worst health inside.
pub fn namespaces(facts: &Facts) -> Vec<api::namespaces::Namespace> {
    let graph = answer(
        facts,
        &GraphQuery::default(),
        UnixMillis(0),
        UnixMillis(0),
        Vec::new(),
    );
    let mut out: Vec<api::namespaces::Namespace> = Vec::new();
    for ns in &graph.namespaces {
        let rps: f64 = graph
            .nodes
            .iter()
            .filter(|node| node.namespace == ns.namespace && node.cluster == ns.cluster)
            .filter_map(|node| node.inbound.as_ref())
            .map(|inbound| inbound.rps)
            .sum();
        match out.iter_mut().find(|known| known.name == ns.namespace) {
            Some(known) => {
                known.status = known.status.min(ns.status);
                known.rps = six_digits(known.rps + rps);
            }
            None => out.push(api::namespaces::Namespace {
                name: ns.namespace.clone(),
                status: ns.status,
                rps: six_digits(rps),
            }),
        }
    }
    let held = facts.inventory.iter().flat_map(|it| it.workloads.values());
    for workload in held.filter(|it| !cluster::is_kubernetes_own(&it.namespace)) {
        if !out.iter().any(|known| known.name == workload.namespace) {
            out.push(api::namespaces::Namespace {
                name: workload.namespace.clone(),
                status: HealthStatus::Idle,
                rps: 0.0,
            });
        }
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

/// Returns the namespaces to fold: none in a small graph, all that are well in a large one.
fn well_namespaces(
    facts: &Facts,
    pictures: &dyn Fn(Scope) -> Arc<Picture>,
    query: &GraphQuery,
) -> Vec<String> {
    let unfolded = GraphQuery {
        fold: Fold::None,
        include: vec![Include::Traffic],
        ..query.clone()
    };
    let (at, now) = (UnixMillis(0), UnixMillis(0));
    let graph = answer_from(facts, pictures, &unfolded, at, now, Vec::new());
    if graph.nodes.len() <= MAX_UNFOLDED {
        return Vec::new();
    }
    // What can't be judged yet may be ill: only what is surely well is folded away.
    let ill = |name: &str| {
        graph
            .namespaces
            .iter()
            .any(|ns| ns.namespace == name && ns.status <= HealthStatus::Unjudged)
    };
    let mut names: Vec<String> = graph
        .namespaces
        .iter()
        .filter(|ns| !ill(&ns.namespace))
        .map(|ns| ns.namespace.clone())
        .collect();
    names.dedup();
    names
}

/// Returns a box for each namespace of `nodes`, with the worst health inside.
fn boxes(nodes: &[api::Node]) -> Vec<NamespaceBox> {
    let mut boxes: BTreeMap<(&str, &str), HealthStatus> = BTreeMap::new();
    for node in nodes {
        if node.namespace == "-" || node.kind == NodeKind::Namespace {
            continue;
        }
        boxes
            .entry((&node.cluster, &node.namespace))
            .and_modify(|status| *status = (*status).min(node.health.status))
            .or_insert(node.health.status);
    }
    boxes
        .into_iter()
        .map(|((cluster, namespace), status)| NamespaceBox {
            cluster: cluster.to_owned(),
            namespace: namespace.to_owned(),
            status,
            x: None,
            y: None,
            w: None,
            h: None,
        })
        .collect()
}
