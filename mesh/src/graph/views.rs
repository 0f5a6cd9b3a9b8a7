//! What each proxy reports of each call, kept apart (rules R2, R3, R4, R8).

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashMapExt};

use crate::api;
use crate::api::graph::{Bounds, Latency, ServerView, View};
use crate::api::query::By;
use crate::health::Outcome;
use crate::telemetry::{
    Flags, Histogram, Mtls, Peer, Protocol, Quantile, Reporter, Response, ServiceRef, TrafficKey,
};
use crate::units::{Ratio, Window, six_digits};

use petgraph::graph::{DiGraph, NodeIndex};

use super::Facts;
use super::identity::{Identity, Projection};

/// The two views differ when they are further apart than this share.
const DIFFERENCE: f64 = 0.1;
/// Views of fewer requests than this are not compared.
const MIN_COMPARED: f64 = 5.0;

/// How a call ended, for the counts (rule R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Fine.
    Fine,
    /// The server failed.
    ServerError,
    /// The client asked wrongly.
    ClientError,
    /// The client went away before the answer.
    Gone,
}

impl Ending {
    /// Returns how a call with these codes and flags ended.
    pub fn of(response: Response, flags: &Flags) -> Ending {
        if flags.contains("DC") {
            return Ending::Gone;
        }
        match (response.grpc, response.http) {
            (Some(0), _) => Ending::Fine,
            (Some(2 | 4 | 12 | 13 | 14 | 15), _) => Ending::ServerError,
            (Some(_), _) => Ending::ClientError,
            (None, Some(0 | 500..=599)) => Ending::ServerError,
            (None, Some(400..=499)) => Ending::ClientError,
            (None, _) => Ending::Fine,
        }
    }
}

/// Counts of some calls in the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    requests: f64,
    errors: f64,
    client_errors: f64,
    gone: f64,
    /// Few: a list is smaller and faster than a map, and sorted on its way out.
    responses: Vec<(Response, f64)>,
    /// By response flag, in no order.
    flags: Vec<(String, f64)>,
}

fn add_to<K, Q>(list: &mut Vec<(K, f64)>, key: &Q, count: f64)
where
    K: std::borrow::Borrow<Q>,
    Q: PartialEq + ToOwned<Owned = K> + ?Sized,
{
    match list.iter_mut().find(|(known, _)| known.borrow() == key) {
        Some((_, sum)) => *sum += count,
        None => list.push((key.to_owned(), count)),
    }
}

impl Totals {
    fn add(&mut self, response: Response, flags: &Flags, count: f64) {
        self.requests += count;
        match Ending::of(response, flags) {
            Ending::Fine => {}
            Ending::ServerError => self.errors += count,
            Ending::ClientError => self.client_errors += count,
            Ending::Gone => self.gone += count,
        }
        add_to(&mut self.responses, &response, count);
        for flag in flags.iter() {
            add_to(&mut self.flags, flag, count);
        }
    }

    fn merge(&mut self, other: &Totals) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.gone += other.gone;
        for (response, count) in &other.responses {
            add_to(&mut self.responses, response, *count);
        }
        for (flag, count) in &other.flags {
            add_to(&mut self.flags, flag.as_str(), *count);
        }
    }

    /// Returns the response flags that were seen, sorted.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        let flags: BTreeSet<&str> = self.flags.iter().map(|(flag, _)| flag.as_str()).collect();
        flags.into_iter()
    }

    /// Returns what health is judged by.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            requests: self.requests,
            errors: self.errors,
        }
    }

    /// Returns the figures as they go over the wire.
    pub fn to_wire(&self, window: Window, latency: Option<&Histogram>) -> api::graph::Traffic {
        let secs = f64::from(window.secs());
        let ratio = |part: f64| Ratio::of(part, self.requests).map(|r| six_digits(r.get()));
        let mut responses = BTreeMap::new();
        for (response, count) in &self.responses {
            *responses.entry(code(*response)).or_insert(0.0) += count / secs;
        }
        responses.retain(|_, rps: &mut f64| {
            *rps = six_digits(*rps);
            *rps > 0.0
        });
        api::graph::Traffic {
            rps: six_digits(self.requests / secs),
            requests: six_digits(self.requests),
            errors: six_digits(self.errors),
            error_ratio: ratio(self.errors),
            client_error_ratio: ratio(self.client_errors),
            gone_ratio: ratio(self.gone),
            responses,
            flags: self
                .flags
                .iter()
                .filter(|(_, count)| *count > 0.0)
                .map(|(flag, count)| (flag.clone(), six_digits(count / secs)))
                .collect(),
            latency: latency
                .filter(|_| self.requests > 0.0)
                .map(quantiles)
                .unwrap_or_default(),
        }
    }
}

fn code(response: Response) -> String {
    match (response.grpc, response.http) {
        (Some(status), _) => format!("grpc {status}"),
        (None, Some(code)) => code.to_string(),
        (None, None) => "-".to_owned(),
    }
}

/// Returns p50, p95 and p99 with the buckets they fall in.
pub fn quantiles(histogram: &Histogram) -> Latency {
    let at = |share: f64| {
        let share = Ratio::new(share)?;
        Some(histogram.quantile(share))
    };
    let (Some(p50), Some(p95), Some(p99)) = (at(0.5), at(0.95), at(0.99)) else {
        return Latency::default();
    };
    let bounds = |q: &Quantile| Bounds {
        low_ms: six_digits(q.low_ms),
        high_ms: q.high_ms.map(six_digits),
    };
    Latency {
        p50_ms: p50.value_ms.map(six_digits),
        p95_ms: p95.value_ms.map(six_digits),
        p99_ms: p99.value_ms.map(six_digits),
        latency_bounds: Some([bounds(&p50), bounds(&p95), bounds(&p99)]),
    }
}

/// One report of an edge: counts and durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The counts.
    pub totals: Totals,
    /// The durations, where they were asked.
    pub histogram: Option<Histogram>,
}

impl Calls {
    fn merge(&mut self, other: &Calls) {
        self.totals.merge(&other.totals);
        if let Some(histogram) = &other.histogram {
            merge_histogram(&mut self.histogram, histogram);
        }
    }
}

fn merge_histogram(into: &mut Option<Histogram>, other: &Histogram) {
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

    fn calls(&self) -> Option<&Calls> {
        self.chosen().map(|(_, calls)| calls)
    }

    /// Returns whose report is shown.
    pub fn view(&self) -> View {
        self.chosen().map_or(View::Server, |(view, _)| view)
    }

    /// Returns the counts that are shown: the client's; the waypoint's or the server's where there are
    /// none. Views are never added.
    pub fn shown(&self) -> &Totals {
        static NONE: Totals = Totals {
            requests: 0.0,
            errors: 0.0,
            client_errors: 0.0,
            gone: 0.0,
            responses: Vec::new(),
            flags: Vec::new(),
        };
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
                    .or_insert_with(|| ends.edge(from, to, protocol))
                    .count(&sample.key, sample.value);
                continue;
            }
            if !ends.is_repeated {
                about.resize_with(about.len().max(from.max(to) + 1), About::default);
                about[from].caller(&sample.key);
                about[to].callee(&sample.key);
            }
            let place = *places.entry((from, to, protocol)).or_insert_with(|| {
                edges.push((from, to, ends.edge(from, to, protocol)));
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

/// Numbers for identities, so that a pair is spelled once and not once a sample.
struct Ends<'a> {
    projection: &'a Projection<'a>,
    sources: HashMap<(&'a Peer, Option<&'a Peer>), usize>,
    destinations: HashMap<(&'a Peer, Option<&'a ServiceRef>, Option<&'a Peer>), usize>,
    identities: Vec<Identity>,
    numbers: HashMap<Identity, usize>,
    /// Samples come sorted: most are of the same two as the one before.
    last: Option<(&'a TrafficKey, (usize, usize))>,
    /// Whether the last answer was the same as the one before, for the same reasons.
    is_repeated: bool,
}

impl<'a> Ends<'a> {
    fn new(projection: &'a Projection<'a>) -> Ends<'a> {
        Ends {
            projection,
            sources: HashMap::new(),
            destinations: HashMap::new(),
            identities: Vec::new(),
            numbers: HashMap::new(),
            last: None,
            is_repeated: false,
        }
    }

    fn of(&mut self, key: &'a TrafficKey) -> (usize, usize) {
        if let Some((last, ends)) = self.last
            && last.source == key.source
            && last.destination == key.destination
            && last.service == key.service
        {
            self.is_repeated = true;
            return ends;
        }
        self.is_repeated = false;
        // A peer without a cluster borrows the other side's: then both sides matter.
        let from = (
            &key.source,
            key.source.cluster.is_none().then_some(&key.destination),
        );
        let from = match self.sources.get(&from) {
            Some(number) => *number,
            None => {
                let number = self.number(self.projection.source(key));
                self.sources.insert(from, number);
                number
            }
        };
        let to = (
            &key.destination,
            key.service.as_ref(),
            key.destination.cluster.is_none().then_some(&key.source),
        );
        let to = match self.destinations.get(&to) {
            Some(number) => *number,
            None => {
                let number = self.number(self.projection.destination(key));
                self.destinations.insert(to, number);
                number
            }
        };
        self.last = Some((key, (from, to)));
        (from, to)
    }

    /// The place of each identity, by its number, among all in order.
    fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.identities.len()).collect();
        order.sort_by(|a, b| self.identities[*a].cmp(&self.identities[*b]));
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.into_iter().enumerate() {
            ranks[number] = rank;
        }
        ranks
    }

    /// All identities in order.
    fn sorted(self) -> Vec<Identity> {
        let mut identities = self.identities;
        identities.sort();
        identities
    }

    fn number(&mut self, identity: Identity) -> usize {
        *self.numbers.entry(identity).or_insert_with_key(|identity| {
            self.identities.push(identity.clone());
            self.identities.len() - 1
        })
    }

    fn identity(&self, number: usize) -> &Identity {
        // Numbers are only made here.
        &self.identities[number]
    }

    fn edge(&self, from: usize, to: usize, protocol: Protocol) -> Edge {
        Edge {
            from: self.identity(from).clone(),
            to: self.identity(to).clone(),
            protocol,
            client: None,
            waypoint: None,
            server: None,
            mutual: 0.0,
            mtls_known: 0.0,
        }
    }
}

/// What samples say of one node: a value is told only where all agree.
#[derive(Default)]
struct About {
    app: One<String>,
    version: One<String>,
    service: One<String>,
    with_endpoint: bool,
}

impl About {
    fn caller(&mut self, key: &TrafficKey) {
        self.with_endpoint |= key.source.workload.is_some();
        self.peer(&key.source);
    }

    fn callee(&mut self, key: &TrafficKey) {
        self.with_endpoint |= key.destination.workload.is_some();
        self.peer(&key.destination);
        if let Some(service) = &key.service {
            self.service.see(service.name.as_str());
        }
    }

    fn peer(&mut self, peer: &Peer) {
        if let Some(app) = &peer.app {
            self.app.see(app.as_str());
        }
        if let Some(version) = &peer.version {
            self.version.see(version.as_str());
        }
    }

    fn node(about: Option<&About>) -> Node {
        let Some(about) = about else {
            return Node::default();
        };
        Node {
            app: about.app.get(),
            version: about.version.get(),
            service: about.service.get(),
            without_endpoint: !about.with_endpoint,
            ..Node::default()
        }
    }
}

/// A value that may turn out to be several.
#[derive(Default)]
enum One<T> {
    #[default]
    None,
    Just(T),
    Several,
}

impl One<String> {
    fn see(&mut self, text: &str) {
        match self {
            One::None => *self = One::Just(text.to_owned()),
            One::Just(known) if known != text => *self = One::Several,
            One::Just(_) | One::Several => {}
        }
    }

    fn get(&self) -> Option<String> {
        match self {
            One::Just(text) => Some(text.clone()),
            One::None | One::Several => None,
        }
    }
}
