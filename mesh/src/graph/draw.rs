//! From views to the wire: judged, named, sized.

use petgraph::Direction;
use petgraph::graph::{EdgeIndex, NodeIndex};

use crate::api;
use crate::api::HealthStatus;
use crate::layout::node_size;
use crate::units::{Window, six_digits};

use super::identity::{self, Identity};
use super::judging::Judge;
use super::views::{self, Views};

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
        let judged = |edge: &views::Edge| {
            let hour = hour.and_then(|views| views.edge(&edge.from, &edge.to, edge.protocol));
            let hour = hour.and_then(views::Edge::calls);
            judge.calls(views, &edge.to, edge.calls(), hour)
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
        let (from, to) = (id(from)?, id(to)?);
        let latency = self.with_latency.then(|| edge.latency()).flatten();
        Some(api::Edge {
            id: format!("{from}->{to}:{}", edge.protocol.as_str()),
            from,
            to,
            protocol: edge.protocol.as_str().to_owned(),
            view: edge.view(),
            traffic: edge.shown().to_wire(self.window, latency),
            flow: api::graph::Flow::default(),
            mtls_ratio: edge.mtls_ratio().map(six_digits),
            server_view: edge.server_view(self.window),
            health: self.health.get(index.index())?.clone(),
            points: None,
        })
    }

    /// Returns a node, without its place.
    pub fn node(&self, index: NodeIndex) -> Option<api::Node> {
        let (identity, node) = self.views.mesh().node_weight(index)?;
        let kind = identity.kind();
        let name = identity.name().to_owned();
        let version = identity.version().or(node.version.as_deref());
        let (w, h) = node_size(kind, &name, version);
        let mut badges = identity.badges();
        if node.mtls_missing {
            badges.push("mtls_missing".to_owned());
        }
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
            health: self.judge.pods(identity, self.judge(index, identity, node)),
            badges,
            explanation: explanation(identity, node),
            inbound: self.calls(node.inbound.as_ref()),
            outbound: self.calls(node.outbound.as_ref()),
            inbound_flow: api::graph::Flow::default(),
            outbound_flow: api::graph::Flow::default(),
            x: None,
            y: None,
            w,
            h,
        })
    }

    fn calls(&self, calls: Option<&views::Calls>) -> Option<api::graph::Traffic> {
        let calls = calls?;
        let latency = self
            .with_latency
            .then_some(calls.histogram.as_ref())
            .flatten();
        Some(calls.totals.to_wire(self.window, latency))
    }

    /// The worst of: all its calls, the calls of one caller, the calls inside it.
    fn judge(&self, index: NodeIndex, identity: &Identity, node: &views::Node) -> api::Health {
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
            let inside = views::Calls {
                totals: inside.clone(),
                histogram: None,
            };
            let inside = self.judge.calls(self.views, identity, Some(&inside), None);
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
                .flat_map(|it| it.totals.flags())
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
