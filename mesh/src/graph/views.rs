//! All edges and nodes of one projection, with what each proxy reports kept apart (rule R2).

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};
use petgraph::graph::{DiGraph, NodeIndex};

use crate::api::query::By;
use crate::telemetry::{Protocol, Reporter, TrafficKey};

use super::Facts;
use super::cluster::{self, Cluster, Idle};
use super::edge::{Calls, Edge, Sealed};
use super::ends::{About, Ends};
use super::hops::Hops;
use super::hosts::Hosts;
use super::identity::Identity;
use super::names;
use super::project::Projection;
use super::roles::{Role, Roles};
use super::traced::{self, Numbered, Seen, Traced, TracedEdge};

/// The pods behind a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pods {
    /// How many there should be.
    pub wanted: u32,
    /// How many are ready.
    pub ready: u32,
    /// Of so many workloads.
    pub n_workloads: u32,
}

/// What is not injected, in words; empty where nothing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Namespaces, none of whose workloads is.
    pub namespaces: String,
    /// Workloads in other namespaces.
    pub workloads: String,
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
    /// The names it is called by, where there are several (rule R2).
    pub names: Vec<String>,
    /// Whether calls to it came without mutual TLS.
    pub mtls_missing: bool,
    /// Whether no workload stands behind the calls to it.
    pub without_endpoint: bool,
    /// Whether a proxy of its own reports calls.
    pub reports: bool,
    /// Calls inside it, where it is a folded namespace.
    pub inside: Option<Calls>,
    /// Whether it is a gateway or a waypoint.
    pub role: Option<Role>,
    /// Its pods, where the cluster knows it.
    pub pods: Option<Pods>,
    /// Whether the cluster says that none of its pods is in the mesh.
    pub is_outside: bool,
    /// The ServiceEntry that makes it known, as `namespace/name`.
    pub entry: Option<String>,
    /// What traces tell of it, where they alone know of it.
    pub traced: Option<Seen>,
}

impl Node {
    /// Returns whether it is known to have no proxy. A report is better evidence than labels: pods may be
    /// older than those.
    pub fn is_not_injected(&self) -> bool {
        let is_proxied = self.reports || self.role.is_some();
        self.is_outside && !is_proxied && !self.without_endpoint
    }

    /// Returns whether calls are addressed to it and no pod of it is ready.
    pub fn is_dead(&self) -> bool {
        let has_none = |pods: Pods| pods.n_workloads > 0 && pods.ready == 0;
        self.pods.is_some_and(has_none) && self.inbound.as_ref().is_some_and(Calls::is_busy)
    }

    /// Returns whether only the cluster knows of it.
    pub fn is_unseen(&self) -> bool {
        self.inbound.is_none() && self.outbound.is_none() && self.inside.is_none()
    }
}

/// All edges and nodes of one projection, as a directed graph. Its indices stay in this module's parent.
pub struct Views {
    mesh: DiGraph<(Identity, Node), Edge>,
    places: HashMap<Identity, NodeIndex>,
    /// What bears no rates, sorted by caller and callee.
    traced: Vec<TracedEdge>,
    outside: Outside,
}

impl Views {
    /// Projects facts, with the namespaces in `folded` as one node each. Calls inside a folded namespace
    /// are not drawn, but its health knows of them. `idle`: what the cluster knows without traffic; `traced`: what
    /// only traces know.
    pub fn of(
        facts: &Facts,
        by: By,
        folded: &[String],
        idle: Idle<'_>,
        traced: Option<&Traced>,
    ) -> Views {
        let inventory = facts.inventory.as_deref();
        let (roles, hosts) = (Roles::of(inventory), Hosts::of(inventory));
        let requests = facts.requests.iter().map(|sample| &*sample.key);
        let keys = requests.chain(facts.tcp.iter().map(|sample| &*sample.key));
        let projection = Projection::new(by, folded, &roles, &hosts, keys);
        let mut builder = Builder {
            hops: Hops::of(facts, &roles),
            ends: Ends::new(&projection),
            edges: Vec::new(),
            places: HashMap::new(),
            inside: BTreeMap::new(),
            about: Vec::new(),
            last_hops: BTreeMap::new(),
        };
        builder.count(facts);
        builder.connect(facts);
        builder.time(facts);
        builder.arrive();
        let cluster = inventory.map(|it| {
            let (ends, roles) = (&mut builder.ends, &roles);
            cluster::read(it, &projection, roles, ends, idle)
        });
        let traced = traced.map(|it| traced::read(it, &projection, &mut builder.ends));
        let names = if builder.edges.iter().any(|(_, _, edge)| edge.differs()) {
            names::of(facts, &mut builder.ends)
        } else {
            BTreeMap::new()
        };
        let (cluster, traced) = (cluster.unwrap_or_default(), traced.unwrap_or_default());
        builder.finish(&roles, &hosts, cluster, &traced, names)
    }

    /// Returns the graph: who calls whom.
    pub fn mesh(&self) -> &DiGraph<(Identity, Node), Edge> {
        &self.mesh
    }

    /// Returns the edges, sorted by caller, callee and protocol.
    pub fn edges(&self) -> impl Iterator<Item = &Edge> {
        self.mesh.edge_weights()
    }

    /// Returns the edges that bear no rates, sorted by caller and callee.
    pub fn traced(&self) -> &[TracedEdge] {
        &self.traced
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

    /// Forgets what the cluster says of pods: those of now tell nothing of a window that ended long ago.
    pub fn forget_pods(&mut self) {
        for (_, node) in self.mesh.node_weights_mut() {
            node.pods = None;
            node.is_outside = false;
        }
    }

    /// Returns what the cluster holds outside the mesh.
    pub fn outside(&self) -> &Outside {
        &self.outside
    }
}

/// Gathers samples into edges.
struct Builder<'a> {
    hops: Hops<'a>,
    ends: Ends<'a>,
    /// The numbers of caller and callee, and what is reported.
    edges: Vec<(usize, usize, Edge)>,
    places: HashMap<(usize, usize, Protocol), usize>,
    inside: BTreeMap<(usize, Protocol), Edge>,
    about: Vec<About>,
    /// How the ways from waypoints to a callee are sealed.
    last_hops: BTreeMap<usize, Sealed>,
}

impl<'a> Builder<'a> {
    fn count(&mut self, facts: &'a Facts) {
        for sample in &facts.requests {
            let key = &*sample.key;
            if self.hops.is_folded(key) {
                self.arrives(key, |sealed| sealed.count(key, sample.value));
                continue;
            }
            self.edge(key).count(key, sample.value);
        }
    }

    fn connect(&mut self, facts: &'a Facts) {
        for sample in &facts.tcp {
            let key = &*sample.key;
            if self.hops.is_folded(key) {
                self.arrives(key, |sealed| sealed.connect(sample));
                continue;
            }
            if sample.is_tunnel && self.hops.is_beneath(key) {
                let (from, to) = self.ends.of(key);
                let place = [Protocol::Http, Protocol::Grpc]
                    .iter()
                    .find_map(|protocol| self.places.get(&(from, to, *protocol)));
                if let Some((_, _, edge)) = place.and_then(|it| self.edges.get_mut(*it)) {
                    self.about[from].caller(key);
                    self.about[to].callee(key);
                    edge.connect_beneath(sample);
                    continue;
                }
            }
            self.edge(key).connect(sample);
        }
    }

    /// Adds durations and messages. Those of calls that were not counted belong to no edge.
    fn time(&mut self, facts: &'a Facts) {
        for sample in facts.latency.iter().flatten() {
            if let Some(edge) = self.counted(&sample.key) {
                edge.time(&sample.key, &sample.histogram);
            }
        }
        for sample in facts.messages.iter().flatten() {
            if let Some(edge) = self.counted(&sample.key) {
                edge.message(sample);
            }
        }
    }

    fn arrives(&mut self, key: &'a TrafficKey, note: impl FnOnce(&mut Sealed)) {
        if key.reporter == Reporter::Destination {
            let (_, to) = self.ends.of(key);
            note(self.last_hops.entry(to).or_default());
        }
    }

    fn arrive(&mut self) {
        if self.last_hops.is_empty() {
            return;
        }
        for (_, to, edge) in &mut self.edges {
            if let Some(sealed) = self.last_hops.get(to)
                && edge.is_via_waypoint()
            {
                edge.arrive(sealed);
            }
        }
    }

    fn counted(&mut self, key: &'a TrafficKey) -> Option<&mut Edge> {
        if self.hops.is_folded(key) {
            return None;
        }
        let (from, to) = self.ends.of(key);
        let place = *self.places.get(&(from, to, key.protocol))?;
        self.edges.get_mut(place).map(|(_, _, edge)| edge)
    }

    fn edge(&mut self, key: &'a TrafficKey) -> &mut Edge {
        let (from, to) = self.ends.of(key);
        let protocol = key.protocol;
        let ends = &self.ends;
        let new = || Edge::between(ends.identity(from), ends.identity(to), protocol);
        if from == to && matches!(ends.identity(from), Identity::Namespace { .. }) {
            return self.inside.entry((from, protocol)).or_insert_with(new);
        }
        if !ends.is_repeated {
            let n = self.about.len().max(from.max(to) + 1);
            self.about.resize_with(n, About::default);
            self.about[from].caller(key);
            self.about[to].callee(key);
        }
        let edges = &mut self.edges;
        let place = *self.places.entry((from, to, protocol)).or_insert_with(|| {
            edges.push((from, to, new()));
            edges.len() - 1
        });
        &mut self.edges[place].2
    }

    fn finish(
        self,
        roles: &Roles<'_>,
        hosts: &Hosts<'_>,
        cluster: Cluster,
        traced: &Numbered,
        mut names: BTreeMap<usize, Vec<String>>,
    ) -> Views {
        let Builder {
            ends,
            mut edges,
            inside,
            about,
            ..
        } = self;
        let ranks = ends.ranks();
        // Sums of floats depend on their order; the order must not depend on hashing.
        // An edge is large: the keys are sorted, and each edge moved once.
        edges.sort_by_cached_key(|(from, to, edge)| (ranks[*from], ranks[*to], edge.protocol));
        // By rank: sorted by identity.
        let mut nodes: BTreeMap<usize, Node> = BTreeMap::new();
        let mut node_of = |number: usize| {
            let mut node = About::node(about.get(number));
            node.names = names.remove(&number).unwrap_or_default();
            node.learn(ends.identity(number), roles, hosts);
            if let Some(known) = cluster.nodes.get(&number) {
                node.pods = Some(known.pods);
                node.is_outside = known.pods.n_workloads > 0 && !known.is_in;
            }
            node.traced = traced.nodes.get(&number).copied();
            node
        };
        for (from, to, edge) in &edges {
            let Some(calls) = edge.calls() else { continue };
            let caller = nodes.entry(ranks[*from]).or_insert_with(|| node_of(*from));
            caller.outbound.get_or_insert_default().take(calls, edge);
            let callee = nodes.entry(ranks[*to]).or_insert_with(|| node_of(*to));
            callee.inbound.get_or_insert_default().take(calls, edge);
            callee.mtls_missing |= edge.mtls_ratio().is_some_and(|ratio| ratio < 1.0);
        }
        for ((number, _), edge) in &inside {
            let node = nodes
                .entry(ranks[*number])
                .or_insert_with(|| node_of(*number));
            if let Some(calls) = edge.calls() {
                node.inside.get_or_insert_default().merge(calls);
            }
        }
        // What is idle has a number and no edge, and what is traced may have none either.
        for number in cluster.nodes.keys().chain(&traced.ends) {
            nodes
                .entry(ranks[*number])
                .or_insert_with(|| node_of(*number));
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
        let mut by_ends: Vec<TracedEdge> = traced
            .calls
            .iter()
            .filter_map(|((from, to), seen)| {
                Some(TracedEdge {
                    from: by_rank[ranks[*from]]?,
                    to: by_rank[ranks[*to]]?,
                    seen: *seen,
                })
            })
            .collect();
        by_ends.sort_by_key(|it| (it.from, it.to));
        Views {
            mesh,
            places,
            traced: by_ends,
            outside: cluster.outside,
        }
    }
}

impl Node {
    fn learn(&mut self, identity: &Identity, roles: &Roles<'_>, hosts: &Hosts<'_>) {
        match identity {
            Identity::Workload {
                namespace,
                workload,
                ..
            } => self.role = roles.get(namespace.as_deref(), workload),
            Identity::External { host, .. } => {
                let entry = hosts.entry(host);
                self.entry = entry.map(|it| format!("{}/{}", it.namespace, it.name));
            }
            _ => {}
        }
    }
}

impl Calls {
    /// Adds the calls of an edge to those of a node, with what flows beneath.
    fn take(&mut self, calls: &Calls, edge: &Edge) {
        self.merge(calls);
        if let Some(beneath) = edge.beneath() {
            self.flow(beneath);
        }
    }
}
