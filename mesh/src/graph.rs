//! The graph: who calls whom, how often, how well, how fast. Samples in, wire out; pure.
//!
//! [`answer`] projects samples on nodes ([`identity`]), keeps what each proxy reports apart
//! ([`views`]), judges, then folds, hides and filters.

use std::collections::BTreeMap;

use crate::api;
use crate::api::Notice;
use crate::api::graph::{Include, LayoutState, NamespaceBox};
use crate::api::query::{By, Fold, GraphQuery};
use crate::api::{HealthStatus, NodeKind};
use crate::health;
use crate::layout::node_size;
use crate::telemetry::{LatencySample, Sample};
use crate::units::{UnixMillis, Window, six_digits};

mod filter;
mod identity;
mod series;
mod views;

#[cfg(test)]
mod tests;

pub use identity::{outbound_selector, selector};
pub use series::series;

use identity::Identity;
use views::{Edge, Views};

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
}

/// Returns whether some call's health can't be told from the window alone (rule R10).
pub fn needs_hour(facts: &Facts) -> bool {
    facts.window < Window::HOUR
        && Views::of(facts, By::Workload, &[])
            .edges()
            .any(|edge| health::is_uncertain(edge.shown().outcome()))
}

/// Returns the graph that `query` asks for, without positions. The window ends at `at`.
pub fn answer(
    facts: &Facts,
    query: &GraphQuery,
    at: UnixMillis,
    generated_at: UnixMillis,
    mut notices: Vec<Notice>,
) -> api::Graph {
    let with_latency = query.includes(Include::Latency) && facts.latency.is_some();
    let folded: Vec<String> = match &query.fold {
        Fold::None => Vec::new(),
        Fold::Namespaces(names) => names.clone(),
        Fold::Auto => well_namespaces(facts, query),
    };
    let views = Views::of(facts, query.by, &folded);
    let hour = facts.hour.as_ref().map(|requests| {
        let facts = Facts {
            window: Window::HOUR,
            requests: requests.clone(),
            hour: None,
            latency: None,
        };
        Views::of(&facts, query.by, &folded)
    });
    let mut edges: Vec<api::Edge> = views
        .edges()
        .map(|edge| draw_edge(edge, facts.window, hour.as_ref(), with_latency))
        .collect();
    edges.sort_by(|a, b| a.id.cmp(&b.id));
    let mut nodes = draw_nodes(&views, &edges, facts.window, hour.as_ref(), with_latency);
    filter::apply(query, &mut nodes, &mut edges, &mut notices);
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

/// Returns the namespaces that traffic was seen in, sorted by name, with the worst health inside.
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
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

/// Returns the namespaces to fold: none in a small graph, all that are well in a large one.
fn well_namespaces(facts: &Facts, query: &GraphQuery) -> Vec<String> {
    let unfolded = GraphQuery {
        fold: Fold::None,
        include: vec![Include::Traffic],
        ..query.clone()
    };
    let graph = answer(facts, &unfolded, UnixMillis(0), UnixMillis(0), Vec::new());
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

fn draw_edge(edge: &Edge, window: Window, hour: Option<&Views>, with_latency: bool) -> api::Edge {
    let shown = edge.shown();
    let hour = hour
        .and_then(|views| views.edge(&edge.from, &edge.to, edge.protocol))
        .map(|edge| edge.shown().outcome());
    let latency = with_latency.then(|| edge.latency()).flatten();
    api::Edge {
        id: format!(
            "{}->{}:{}",
            edge.from.id(),
            edge.to.id(),
            edge.protocol.as_str()
        ),
        from: edge.from.id(),
        to: edge.to.id(),
        protocol: edge.protocol.as_str().to_owned(),
        view: edge.view(),
        traffic: shown.to_wire(window, latency),
        mtls_ratio: edge.mtls_ratio().map(six_digits),
        server_view: edge.server_view(window),
        health: health::judge(shown.outcome(), window, hour),
        points: None,
    }
}

fn draw_nodes(
    views: &Views,
    edges: &[api::Edge],
    window: Window,
    hour: Option<&Views>,
    with_latency: bool,
) -> Vec<api::Node> {
    let mut worst_into: BTreeMap<&str, &api::Edge> = BTreeMap::new();
    for edge in edges {
        let worst = worst_into.entry(&edge.to).or_insert(edge);
        if edge.health.status < worst.health.status {
            *worst = edge;
        }
    }
    let mut nodes: Vec<api::Node> = views
        .nodes()
        .map(|(identity, node)| {
            let id = identity.id();
            let calls = if node.inbound.is_some() {
                &node.inbound
            } else {
                &node.outbound
            };
            let outcome = calls
                .as_ref()
                .map(|it| it.totals.outcome())
                .unwrap_or_default();
            let hour = hour
                .and_then(|views| views.node(identity))
                .and_then(|node| {
                    let calls = node.inbound.as_ref().or(node.outbound.as_ref());
                    calls.map(|it| it.totals.outcome())
                });
            let mut judged = health::judge(outcome, window, hour);
            // A small caller whose every call fails must not drown among the others.
            if node.inbound.is_some()
                && let Some(worst) = worst_into.get(id.as_str())
                && worst.health.status < judged.status
                && worst.health.status <= HealthStatus::Degraded
            {
                let caller = views.name_of(&worst.from);
                judged = api::Health {
                    status: worst.health.status,
                    reason: format!("calls from {caller}: {}", worst.health.reason),
                };
            }
            if let Some(inside) = &node.inside {
                let inside = health::judge(inside.outcome(), window, None);
                let worse = inside.status < judged.status;
                if (worse && inside.status <= HealthStatus::Unjudged)
                    || judged.status >= HealthStatus::Idle
                {
                    judged = api::Health {
                        status: inside.status,
                        reason: format!("calls inside: {}", inside.reason),
                    };
                }
            }
            let kind = identity.kind();
            let name = identity.name().to_owned();
            let version = identity
                .version()
                .or(node.version.as_deref())
                .map(str::to_owned);
            let (w, h) = node_size(kind, &name, version.as_deref());
            let mut badges = identity.badges();
            if node.mtls_missing {
                badges.push("mtls_missing".to_owned());
            }
            let draw = |calls: &Option<views::Calls>| {
                calls.as_ref().map(|it| {
                    let latency = with_latency.then_some(it.histogram.as_ref()).flatten();
                    it.totals.to_wire(window, latency)
                })
            };
            api::Node {
                id,
                kind,
                name,
                cluster: identity.cluster().unwrap_or("-").to_owned(),
                namespace: identity.namespace().unwrap_or("-").to_owned(),
                app: identity.app().or(node.app.as_deref()).map(str::to_owned),
                workload: identity.workload().map(str::to_owned),
                version,
                service: identity
                    .service()
                    .or(node.service.as_deref())
                    .map(str::to_owned),
                health: judged,
                badges,
                explanation: explanation(identity, node),
                inbound: draw(&node.inbound),
                outbound: draw(&node.outbound),
                x: None,
                y: None,
                w,
                h,
            }
        })
        .collect();
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    nodes
}

/// Says why a node is special, where it is (rule R7).
fn explanation(identity: &Identity, node: &views::Node) -> Option<String> {
    match identity {
        Identity::Unknown { .. } => Some(if node.inbound.is_some() {
            "The proxies do not say who took these calls: no route matched them.".to_owned()
        } else {
            "No sidecar: these callers carry none, so only the called side reports them.".to_owned()
        }),
        Identity::Egress { name, .. } if &**name == identity::BLACK_HOLE => {
            Some("Calls to hosts that the mesh does not know; the mesh refuses them.".to_owned())
        }
        Identity::Egress { .. } => {
            Some("Calls to hosts that the mesh does not know; they pass through unseen.".to_owned())
        }
        Identity::Service { .. } if node.without_endpoint && node.inbound.is_some() => {
            let flags: Vec<&str> = node
                .inbound
                .iter()
                .flat_map(|it| it.totals.flags.keys())
                .filter_map(|flag| flag_in_words(flag))
                .collect();
            let why = if flags.is_empty() {
                String::new()
            } else {
                format!(": {}", flags.join(", "))
            };
            Some(format!("No endpoint of the service took these calls{why}."))
        }
        _ => None,
    }
}

fn flag_in_words(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "UH" => "no healthy endpoint (UH)",
        "UF" => "could not connect (UF)",
        "UO" => "circuit breaker open (UO)",
        "UC" => "connection broke (UC)",
        "UT" => "timed out (UT)",
        "URX" => "retries used up (URX)",
        "NR" => "no route (NR)",
        "NC" => "no such subset (NC)",
        "FI" => "fault injected (FI)",
        "DI" => "delay injected (DI)",
        "DC" => "the client went away (DC)",
        _ => return None,
    })
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
