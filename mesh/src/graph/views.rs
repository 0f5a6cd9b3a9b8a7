//! What each proxy reports of each call, kept apart (rules R2, R8).

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::api::graph::{ServerView, View};
use crate::api::query::By;
use crate::telemetry::{Histogram, Mtls, Protocol, Reporter, TrafficKey};
use crate::units::{Ratio, Window, six_digits};

use super::Facts;
use super::ends::{About, Ends};
use super::identity::{Identity, Projection};
use super::totals::Totals;

/// The two views differ when they are further apart than this share.
const DIFFERENCE: f64 = 0.1;
/// Views of fewer requests than this are not compared.
const MIN_COMPARED: f64 = 5.0;

/// One report of an edge: counts and durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The counts.
    pub totals: Totals,
    /// The durations, where they were asked.
    pub histogram: Option<Histogram>,
}

impl Calls {
    /// Adds another report of the same side.
    pub fn merge(&mut self, other: &Calls) {
        self.totals.merge(&other.totals);
        if let Some(histogram) = &other.histogram {
            merge_histogram(&mut self.histogram, histogram);
        }
    }
}

/// Adds durations to those known.
pub fn merge_histogram(into: &mut Option<Histogram>, other: &Histogram) {
    match into {
        Some(known) => known.merge(other),
        None => *into = Some(other.clone()),
    }
}

/// All calls of one protocol between two nodes, by who reports them.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The caller.
    pub from: Identity,
    /// The callee.
    pub to: Identity,
    /// The protocol.
    pub protocol: Protocol,
    client: Option<Calls>,
    waypoint: Option<Calls>,
    server: Option<Calls>,
    mutual: f64,
    mtls_known: f64,
}

impl Edge {
    /// The report that is shown: the first in this order that counted something. A series that only
    /// repeats an old count must not hide another side's news.
    fn chosen(&self) -> Option<(View, &Calls)> {
        let sides = || {
            [
                (View::Client, &self.client),
                (View::Client, &self.waypoint),
                (View::Server, &self.server),
            ]
            .into_iter()
            .filter_map(|(view, calls)| Some((view, calls.as_ref()?)))
        };
        let busy = sides().find(|(_, calls)| calls.totals.requests > 0.0);
        busy.or_else(|| sides().next())
    }

    /// Returns the report that is shown.
    pub fn calls(&self) -> Option<&Calls> {
        self.chosen().map(|(_, calls)| calls)
    }

    /// Returns whose report is shown.
    pub fn view(&self) -> View {
        self.chosen().map_or(View::Server, |(view, _)| view)
    }

    /// Returns the counts that are shown: the client's; the waypoint's or the server's where there are
    /// none. Views are never added.
    pub fn shown(&self) -> &Totals {
        static NONE: Totals = Totals::NONE;
        self.calls().map_or(&NONE, |calls| &calls.totals)
    }

    /// Returns the durations of the view shown.
    pub fn latency(&self) -> Option<&Histogram> {
        self.calls().and_then(|calls| calls.histogram.as_ref())
    }

    /// Returns the share under mutual TLS, as the server reports it.
    pub fn mtls_ratio(&self) -> Option<f64> {
        Ratio::of(self.mutual, self.mtls_known).map(Ratio::get)
    }

    /// Returns the server's own report beside the client's, with why they differ.
    pub fn server_view(&self, window: Window) -> Option<ServerView> {
        if self.view() == View::Server {
            return None;
        }
        let server = &self.server.as_ref()?.totals;
        let client = self.shown();
        let larger = server.requests.max(client.requests);
        let differ = larger >= MIN_COMPARED
            && (server.requests - client.requests).abs() > DIFFERENCE * larger;
        let difference = differ.then(|| {
            if server.requests > client.requests {
                "The server saw more requests than the client sent: retries and mirrored requests \
                 are counted there."
            } else {
                "The server saw fewer requests than the client sent: some failed before they reached \
                 it, or were sent to an alias host."
            }
            .to_owned()
        });
        Some(ServerView {
            rps: six_digits(server.requests / f64::from(window.secs())),
            requests: six_digits(server.requests),
            errors: six_digits(server.errors),
            error_ratio: Ratio::of(server.errors, server.requests).map(|r| six_digits(r.get())),
            difference,
        })
    }
}

/// What is known of a node beside its identity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Calls to it, over all callers.
    pub inbound: Option<Calls>,
    /// Calls it makes.
    pub outbound: Option<Calls>,
    /// The app behind it, where it is one.
    pub app: Option<String>,
    /// The version behind it, where it is one.
    pub version: Option<String>,
    /// The service that calls to it were addressed to, where it is one.
    pub service: Option<String>,
    /// Whether calls to it came without mutual TLS.
    pub mtls_missing: bool,
    /// Whether no workload stands behind the calls to it.
    pub without_endpoint: bool,
    /// Calls inside it, where it is a folded namespace.
    pub inside: Option<Totals>,
}

/// All edges and nodes of one projection, as a directed graph. Its indices follow the order of
/// identities and stay in this module's parent.
pub struct Views {
    mesh: DiGraph<(Identity, Node), Edge>,
    places: HashMap<Identity, NodeIndex>,
}

impl Views {
    /// Projects facts, with the namespaces in `folded` as one node each. Calls inside a folded namespace
    /// are not drawn, but its health knows of them.
    pub fn of(facts: &Facts, by: By, folded: &[String]) -> Views {
        let keys = facts.requests.iter().map(|sample| &*sample.key);
        let projection = Projection::new(by, folded, keys);
        let mut ends = Ends::new(&projection);
        let mut edges: Vec<(usize, usize, Edge)> = Vec::new();
        let mut places: HashMap<(usize, usize, Protocol), usize> = HashMap::new();
        let mut inside: BTreeMap<(usize, Protocol), Edge> = BTreeMap::new();
        let mut about: Vec<About> = Vec::new();
        for sample in &facts.requests {
            let (from, to) = ends.of(&sample.key);
            let protocol = sample.key.protocol;
            if from == to && matches!(ends.identity(from), Identity::Namespace { .. }) {
                inside
                    .entry((from, protocol))
                    .or_insert_with(|| {
                        Edge::between(ends.identity(from), ends.identity(to), protocol)
                    })
                    .count(&sample.key, sample.value);
                continue;
            }
            if !ends.is_repeated {
                about.resize_with(about.len().max(from.max(to) + 1), About::default);
                about[from].caller(&sample.key);
                about[to].callee(&sample.key);
            }
            let place = *places.entry((from, to, protocol)).or_insert_with(|| {
                edges.push((
                    from,
                    to,
                    Edge::between(ends.identity(from), ends.identity(to), protocol),
                ));
                edges.len() - 1
            });
            edges[place].2.count(&sample.key, sample.value);
        }
        for sample in facts.latency.iter().flatten() {
            let (from, to) = ends.of(&sample.key);
            // Durations of calls that were not counted belong to no edge.
            if let Some(place) = places.get(&(from, to, sample.key.protocol)) {
                edges[*place].2.time(&sample.key, &sample.histogram);
            }
        }
        let ranks = ends.ranks();
        // Sums of floats depend on their order; the order must not depend on hashing.
        // An edge is large: the keys are sorted, and each edge moved once.
        edges.sort_by_cached_key(|(from, to, edge)| (ranks[*from], ranks[*to], edge.protocol));
        // By rank: sorted by identity.
        let mut nodes: BTreeMap<usize, Node> = BTreeMap::new();
        let node_of = |number: usize| About::node(about.get(number));
        for (from, to, edge) in &edges {
            let Some(calls) = edge.calls() else { continue };
            let caller = nodes.entry(ranks[*from]).or_insert_with(|| node_of(*from));
            caller.outbound.get_or_insert_default().merge(calls);
            let callee = nodes.entry(ranks[*to]).or_insert_with(|| node_of(*to));
            callee.inbound.get_or_insert_default().merge(calls);
            callee.mtls_missing |= edge.mtls_ratio().is_some_and(|ratio| ratio < 1.0);
        }
        for ((number, _), edge) in &inside {
            let node = nodes.entry(ranks[*number]).or_default();
            node.inside.get_or_insert_default().merge(edge.shown());
        }
        let mut mesh = DiGraph::with_capacity(nodes.len(), edges.len());
        let mut places = HashMap::with_capacity(nodes.len());
        let mut by_rank: Vec<Option<NodeIndex>> = vec![None; ranks.len()];
        let identities = ends.sorted();
        for (rank, node) in nodes {
            let identity = identities[rank].clone();
            let place = mesh.add_node((identity.clone(), node));
            places.insert(identity, place);
            by_rank[rank] = Some(place);
        }
        for (from, to, edge) in edges {
            // Both ends were entered above, for every edge that somebody reports.
            if let (Some(from), Some(to)) = (by_rank[ranks[from]], by_rank[ranks[to]]) {
                mesh.add_edge(from, to, edge);
            }
        }
        Views { mesh, places }
    }

    /// Returns the graph: who calls whom.
    pub fn mesh(&self) -> &DiGraph<(Identity, Node), Edge> {
        &self.mesh
    }

    /// Returns the edges, sorted by caller, callee and protocol.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.mesh.edge_weights()
    }

    /// Returns one edge.
    pub fn edge(&self, from: &Identity, to: &Identity, protocol: Protocol) -> Option<&Edge> {
        let (from, to) = (self.places.get(from)?, self.places.get(to)?);
        let between = self.mesh.edges_connecting(*from, *to);
        let mut edges = between.map(|edge| edge.weight());
        edges.find(|edge| edge.protocol == protocol)
    }

    /// Returns one node.
    pub fn node(&self, identity: &Identity) -> Option<&Node> {
        let (_, node) = self.mesh.node_weight(*self.places.get(identity)?)?;
        Some(node)
    }
}

impl Edge {
    fn between(from: &Identity, to: &Identity, protocol: Protocol) -> Edge {
        Edge {
            from: from.clone(),
            to: to.clone(),
            protocol,
            client: None,
            waypoint: None,
            server: None,
            mutual: 0.0,
            mtls_known: 0.0,
        }
    }

    fn side(&mut self, reporter: Reporter) -> &mut Calls {
        self.side_if_any(reporter).get_or_insert_default()
    }

    fn side_if_any(&mut self, reporter: Reporter) -> &mut Option<Calls> {
        match reporter {
            Reporter::Source => &mut self.client,
            Reporter::Waypoint => &mut self.waypoint,
            Reporter::Destination => &mut self.server,
        }
    }

    fn count(&mut self, key: &TrafficKey, count: f64) {
        self.side(key.reporter)
            .totals
            .add(key.response, &key.flags, count);
        if key.reporter == Reporter::Destination {
            match key.mtls {
                Mtls::Mutual => {
                    self.mutual += count;
                    self.mtls_known += count;
                }
                Mtls::Plain => self.mtls_known += count,
                Mtls::Unknown => {}
            }
        }
    }

    fn time(&mut self, key: &TrafficKey, histogram: &Histogram) {
        // Durations without counts say nothing of who called: they make no view of their own.
        if let Some(calls) = self.side_if_any(key.reporter) {
            merge_histogram(&mut calls.histogram, histogram);
        }
    }
}
