//! From views to the wire: judged, named, sized.

use petgraph::Direction;
use petgraph::graph::{EdgeIndex, NodeIndex};

use crate::api;
use crate::api::HealthStatus;
use crate::layout::node_size;
use crate::units::{Window, six_digits};

use super::edge::{Calls, Edge};
use super::identity::Identity;
use super::judging::Judge;
use super::streams::Streams;
use super::traced::{Seen, TRACED, TracedEdge};
use super::views::{self, Views};
use super::words;

/// Draws the nodes and edges of one answer.
pub struct Drawing<'a> {
    views: &'a Views,
    window: Window,
    hour: Option<&'a Views>,
    with_latency: bool,
    judge: Judge<'a>,
    /// By the index of the edge.
    health: Vec<api::Health>,
    /// By the index of the node.
    ids: Vec<String>,
}

impl<'a> Drawing<'a> {
    /// Judges every edge; `hour` knows the last hour, where the window alone is too little.
    pub fn new(
        views: &'a Views,
        window: Window,
        hour: Option<&'a Views>,
        with_latency: bool,
        judge: Judge<'a>,
    ) -> Drawing<'a> {
        let judged = |edge: &Edge| {
            let hour = hour.and_then(|views| views.edge(&edge.from, &edge.to, edge.protocol));
            judge.calls(views, &edge.to, edge.calls(), hour.and_then(Edge::calls))
        };
        Drawing {
            views,
            window,
            hour,
            with_latency,
            judge,
            health: views.edges().map(judged).collect(),
            ids: views.mesh().node_weights().map(|(it, _)| it.id()).collect(),
        }
    }

    /// Returns an edge, without its line.
    pub fn edge(&self, index: EdgeIndex) -> Option<api::Edge> {
        let edge = self.views.mesh().edge_weight(index)?;
        let (from, to) = self.views.mesh().edge_endpoints(index)?;
        let id = |node: NodeIndex| self.ids.get(node.index()).cloned();
        let names = self.views.mesh().node_weight(to).map(|(_, it)| &it.names);
        let (from, to) = (id(from)?, id(to)?);
        let latency = self.with_latency.then(|| edge.latency()).flatten();
        Some(api::Edge {
            id: format!("{from}->{to}:{}", edge.protocol.as_str()),
            from,
            to,
            protocol: edge.protocol.as_str().to_owned(),
            view: edge.view(),
            traffic: edge.shown().to_wire(self.window, latency),
            flow: edge.flow(self.window),
            badges: edge.badges(),
            mtls_ratio: edge.mtls_ratio().map(six_digits),
            server_view: edge.server_view(self.window, names.map_or(&[], Vec::as_slice)),
            traced: None,
            health: self.health.get(index.index())?.clone(),
            points: None,
        })
    }

    /// Returns an edge that bears no rates, without its line.
    pub fn traced(&self, edge: &TracedEdge) -> Option<api::Edge> {
        let id = |node: NodeIndex| self.ids.get(node.index()).cloned();
        let (from, to) = (id(edge.from)?, id(edge.to)?);
        Some(api::Edge {
            id: format!("{from}->{to}:{TRACED}"),
            from,
            to,
            protocol: TRACED.to_owned(),
            view: api::graph::View::Traces,
            traffic: api::graph::Traffic::default(),
            flow: api::graph::Flow::default(),
            badges: Vec::new(),
            mtls_ratio: None,
            server_view: None,
            traced: Some(api::graph::TracedCalls {
                n_calls: edge.seen.n_calls,
                n_errors: edge.seen.n_errors,
                window_s: edge.seen.window.secs(),
            }),
            health: only_traced(edge.seen),
            points: None,
        })
    }

    /// Returns a node, without its place.
    pub fn node(&self, index: NodeIndex) -> Option<api::Node> {
        let (identity, node) = self.views.mesh().node_weight(index)?;
        let kind = words::kind(identity, node);
        let name = identity.name().to_owned();
        let version = identity.version().or(node.version.as_deref());
        let (w, h) = node_size(kind, &name, version);
        Some(api::Node {
            id: self.ids.get(index.index())?.clone(),
            kind,
            name,
            cluster: identity.cluster().unwrap_or("-").to_owned(),
            namespace: identity.namespace().unwrap_or("-").to_owned(),
            app: identity.app().or(node.app.as_deref()).map(str::to_owned),
            workload: identity.workload().map(str::to_owned),
            version: version.map(str::to_owned),
            service: identity
                .service()
                .or(node.service.as_deref())
                .map(str::to_owned),
            health: self.judge.pods(node, self.judge(index, identity, node)),
            badges: words::badges(identity, node),
            explanation: words::explanation(identity, node, self.views.outside()),
            inbound: self.calls(node.inbound.as_ref()),
            outbound: self.calls(node.outbound.as_ref()),
            inbound_flow: self.flow(node.inbound.as_ref()),
            outbound_flow: self.flow(node.outbound.as_ref()),
            x: None,
            y: None,
            w,
            h,
        })
    }

    fn calls(&self, calls: Option<&Calls>) -> Option<api::graph::Traffic> {
        // Over TCP there are no requests, rather than none.
        let calls = calls.filter(|calls| calls.has_requests)?;
        let latency = self
            .with_latency
            .then_some(calls.histogram.as_ref())
            .flatten();
        Some(calls.totals.to_wire(self.window, latency))
    }

    fn flow(&self, calls: Option<&Calls>) -> api::graph::Flow {
        let streams = calls.and_then(|calls| calls.streams.as_deref());
        streams
            .map(|it: &Streams| it.to_wire(self.window))
            .unwrap_or_default()
    }

    /// The worst of: all its calls, the calls of one caller, the calls inside it.
    fn judge(&self, index: NodeIndex, identity: &Identity, node: &views::Node) -> api::Health {
        if let Some(seen) = node.traced.filter(|_| node.is_unseen()) {
            return only_traced(seen);
        }
        if node.is_unseen() {
            return api::Health {
                status: HealthStatus::Idle,
                reason: format!("known to the cluster, no traffic in {}", self.window),
            };
        }
        let hour = self.hour.and_then(|views| views.node(identity));
        let mut judged = self.judge.node(self.views, identity, node, hour);
        // A small caller whose every call fails must not drown among the others.
        let mesh = self.views.mesh();
        let inbound = mesh.edges_directed(index, Direction::Incoming);
        let callers = inbound.filter_map(|edge| {
            let health = self
                .health
                .get(petgraph::visit::EdgeRef::id(&edge).index())?;
            Some((health, edge.weight().from.name()))
        });
        // Of equals, the first by name: indices run the other way.
        if let Some((worst, caller)) = callers.min_by_key(|(health, name)| (health.status, *name))
            && worst.status < judged.status
            && worst.status <= HealthStatus::Degraded
        {
            judged = api::Health {
                status: worst.status,
                reason: format!("calls from {caller}: {}", worst.reason),
            };
        }
        if let Some(inside) = &node.inside {
            let inside = self.judge.calls(self.views, identity, Some(inside), None);
            let is_worse = inside.status < judged.status;
            if (is_worse && inside.status <= HealthStatus::Unjudged)
                || judged.status >= HealthStatus::Idle
            {
                judged = api::Health {
                    status: inside.status,
                    reason: format!("calls inside: {}", inside.reason),
                };
            }
        }
        judged
    }
}

/// A sample is no rate: what it shows is told, and not judged.
fn only_traced(seen: Seen) -> api::Health {
    api::Health {
        status: HealthStatus::NoData,
        reason: seen.words(),
    }
}
