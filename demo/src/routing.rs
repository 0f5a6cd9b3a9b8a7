//! Where a call goes: the mesh's own reading of VirtualServices, DestinationRules and Gateways.
//!
//! This is the demo's Envoy. It shares no code with the `mesh` crate's routing (invariant 9): both are
//! tested against `routing-cases.yaml`, whose cases are written from Istio's documentation.

mod virtual_service;

mod delegates;
mod http_rule;

mod conditions;
mod fault;
mod mirror;
mod patterns;
mod retries;
mod weights;

mod connections;

mod destination_rule;
mod destinations;
mod gateway;
mod outlier_detection;
mod policy;

mod fields;
mod hosts;
mod service_entry;

use std::collections::BTreeMap;

use crate::deployments::Deployment;
use crate::objects::{Objects, text_at};
use crate::world::Complaint;

pub(crate) use connections::Connection;
pub(crate) use hosts::host_of;
pub(crate) use outlier_detection::OutlierDetection;
pub(crate) use policy::{ConnectionPool, TrafficPolicy};
pub(crate) use retries::{Outcome, Retries};

use destination_rule::DestinationRule;
use destinations::{Service, waypoint_named};
use fields::readable;
use gateway::Gateway;
use hosts::full_host;
use http_rule::HttpRoute;
use service_entry::ServiceEntry;
use virtual_service::{MESH, VirtualService};
use weights::Target;

/// The routing of a cluster at one time.
pub(crate) struct Routing {
    services: BTreeMap<String, Service>,
    /// Oldest first.
    virtual_services: Vec<VirtualService>,
    /// Oldest first.
    destination_rules: Vec<DestinationRule>,
    gateways: Vec<Gateway>,
    /// Hosts outside the mesh.
    entries: Vec<ServiceEntry>,
    /// The waypoint that a namespace names for its services.
    waypoints: BTreeMap<String, String>,
}

/// Who calls. Istio knows it when it configures the caller's proxy, before there is a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// The labels of its pods.
    pub(crate) labels: &'a BTreeMap<String, String>,
    /// Whether it is a gateway: then only what is bound to it counts.
    pub(crate) is_gateway: bool,
    /// The port that is addressed, at a gateway or of a service.
    pub(crate) port: u16,
}

/// A call before it is routed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) caller: Caller<'a>,
    /// What the caller addressed: a service's full host name, or any host at a gateway.
    pub(crate) host: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Names in lower case.
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

/// What the caller's proxy does with a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// No route matched: 404 with flag NR.
    NoRoute,
    /// The proxy answers itself (`directResponse`, `redirect`).
    Answer(u16),
    /// It goes somewhere.
    Route(Route),
}

/// Where calls go, with injected faults and what happens to those that fail.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) delay: Option<Delay>,
    pub(crate) abort: Option<Abort>,
    /// `None` when a failed call is not tried again.
    pub(crate) retries: Option<Retries>,
    /// How long a call may take, with all its attempts.
    pub(crate) timeout_ms: Option<f64>,
    /// Never empty; the weights are over 0.
    pub(crate) shares: Vec<Share>,
    pub(crate) mirrors: Vec<Mirror>,
}

/// An injected delay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Delay {
    pub(crate) share: f64,
    pub(crate) ms: f64,
}

/// An injected failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Abort {
    pub(crate) share: f64,
    pub(crate) status: AbortStatus,
}

/// The status of an injected failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AbortStatus {
    Http(u16),
    Grpc(u16),
}

/// One destination's part of the calls.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) weight: u64,
    pub(crate) destination: Destination,
}

/// Where copies of some of the calls go.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mirror {
    pub(crate) share: f64,
    pub(crate) destination: Destination,
}

/// A service or a subset of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Destination {
    /// Namespace and name of the service; `None` where the host is none.
    pub(crate) service: Option<(String, String)>,
    pub(crate) subset: Option<String>,
    pub(crate) port: Option<u16>,
    /// Indices of the workloads whose pods take its calls; `None` when the caller's proxy has no such
    /// cluster: 503 with flag NC.
    pub(crate) workloads: Option<Vec<usize>>,
    pub(crate) policy: TrafficPolicy,
}

impl Route {
    /// Returns a route that does nothing but share calls.
    fn plain(shares: Vec<Share>) -> Route {
        Route {
            delay: None,
            abort: None,
            retries: None,
            timeout_ms: None,
            shares,
            mirrors: Vec::new(),
        }
    }
}

impl Routing {
    /// Reads the routing objects. What can't be read is left out with a complaint.
    pub(crate) fn read(objects: &Objects, complaints: &mut Vec<Complaint>) -> Routing {
        let mut services = BTreeMap::new();
        for object in objects.of_kind("Service") {
            let service = Service::read(object);
            services.insert(host_of(&service.namespace, &service.name), service);
        }
        let mut routing = Routing {
            services,
            virtual_services: readable(objects, "VirtualService", complaints, VirtualService::read),
            destination_rules: readable(
                objects,
                "DestinationRule",
                complaints,
                DestinationRule::read,
            ),
            gateways: readable(objects, "Gateway", complaints, Gateway::read),
            entries: readable(objects, "ServiceEntry", complaints, ServiceEntry::read),
            waypoints: objects
                .of_kind("Namespace")
                .filter_map(|object| {
                    let name = text_at(object, "/metadata/name")?;
                    Some((name.to_owned(), waypoint_named(object)?))
                })
                .collect(),
        };
        // Istio sorts by creation time, then name, then namespace; an RFC 3339 time in UTC sorts as
        // text.
        routing.virtual_services.sort_by(|a, b| a.age.cmp(&b.age));
        routing.destination_rules.sort_by(|a, b| a.age.cmp(&b.age));
        delegates::resolve(&mut routing.virtual_services);
        routing
    }

    /// Returns what the caller's proxy does with a call.
    pub(crate) fn route(&self, request: &Request<'_>, deployments: &[Deployment]) -> Verdict {
        let (at, rules) = if request.caller.is_gateway {
            let at = self.gateways_serving(request);
            match self.gateway_rules(request, &at) {
                Some(rules) => (at, rules),
                None => return Verdict::NoRoute,
            }
        } else {
            match self.mesh_rules(request) {
                Some(rules) => (vec![MESH.to_owned()], rules),
                None => return self.default_route(request, deployments),
            }
        };
        let Some(rule) = rules.into_iter().find(|rule| rule.matches(&at, request)) else {
            return Verdict::NoRoute;
        };
        if let Some(status) = rule.answer {
            return Verdict::Answer(status);
        }
        let shares = rule.shares();
        if shares.is_empty() {
            return Verdict::NoRoute;
        }
        let destination = |target: &Target| {
            let host = full_host(&target.host, &rule.namespace);
            let subset = target.subset.as_deref();
            self.destination(&host, subset, target.port, &request.caller, deployments)
        };
        Verdict::Route(Route {
            delay: rule.delay,
            abort: rule.abort,
            retries: rule.retries.clone(),
            timeout_ms: rule.timeout_ms,
            shares: shares
                .into_iter()
                .map(|(weight, target)| Share {
                    weight,
                    destination: destination(target),
                })
                .collect(),
            mirrors: rule
                .mirrors
                .iter()
                .map(|mirror| Mirror {
                    share: mirror.share,
                    destination: destination(&mirror.target),
                })
                .collect(),
        })
    }

    /// Returns where a call goes that no proxy has a say in: to any pod of the service.
    pub(crate) fn direct(&self, request: &Request<'_>, deployments: &[Deployment]) -> Verdict {
        let Some(service) = self.services.get(request.host) else {
            return Verdict::NoRoute;
        };
        let destination = Destination {
            service: Some((service.namespace.clone(), service.name.clone())),
            port: Some(request.caller.port),
            workloads: Some(service.workloads(deployments)),
            ..Destination::default()
        };
        let weight = 1;
        Verdict::Route(Route::plain(vec![Share {
            weight,
            destination,
        }]))
    }

    /// Returns the waypoint that speaks for a service, as a workload: the one that the service names, or
    /// its namespace.
    pub(crate) fn waypoint_of(&self, host: &str, deployments: &[Deployment]) -> Option<usize> {
        let service = self.services.get(host)?;
        let waypoint = service.waypoint.as_deref();
        let waypoint = waypoint.or_else(|| {
            let its = self.waypoints.get(&service.namespace)?;
            Some(its.as_str())
        })?;
        deployments
            .iter()
            .position(|d| d.namespace == service.namespace && d.name == waypoint)
    }

    /// Returns the namespace of the ServiceEntry that makes a host known to callers of a namespace.
    pub(crate) fn entry_of(&self, host: &str, port: u16, namespace: &str) -> Option<&str> {
        let entries = self.entries.iter();
        let mut knowing = entries.filter(|entry| entry.makes_known(host, port, namespace));
        knowing.next().map(|entry| entry.namespace.as_str())
    }

    /// A host that no VirtualService speaks for goes to the service of that name.
    fn default_route(&self, request: &Request<'_>, deployments: &[Deployment]) -> Verdict {
        if !self.services.contains_key(request.host) {
            return Verdict::NoRoute;
        }
        let port = Some(request.caller.port);
        let share = Share {
            weight: 1,
            destination: self.destination(request.host, None, port, &request.caller, deployments),
        };
        Verdict::Route(Route {
            retries: Some(Retries::default()),
            ..Route::plain(vec![share])
        })
    }

    /// Returns the port that calls to a host mean that do not name one.
    pub(crate) fn port_of(&self, host: &str) -> u16 {
        let service = self.services.get(host);
        let first = service.and_then(|service| service.ports.first());
        first.copied().unwrap_or(80)
    }

    /// Returns the rules that a sidecar applies to a host, or `None` when no VirtualService has any
    /// for this caller.
    ///
    /// Sidecars do not merge VirtualServices: the most specific host wins, then the oldest object.
    fn mesh_rules(&self, request: &Request<'_>) -> Option<Vec<&HttpRoute>> {
        let at = [MESH.to_owned()];
        let caller = &request.caller;
        let owner = self
            .virtual_services
            .iter()
            .filter(|v| v.is_for(MESH, caller.namespace))
            .filter(|v| v.http.iter().any(|rule| rule.concerns(&at, caller)))
            .filter_map(|v| Some((v.specificity(request.host)?, v)))
            // `max_by_key` takes the last of equals; reversed that is the oldest.
            .rev()
            .max_by_key(|(specificity, _)| *specificity)?
            .1;
        Some(owner.http.iter().collect())
    }

    /// Returns the Gateways, as `namespace/name`, that are the caller and have the host open.
    fn gateways_serving(&self, request: &Request<'_>) -> Vec<String> {
        self.gateways
            .iter()
            .filter(|gateway| gateway.serves(request))
            .map(Gateway::full_name)
            .collect()
    }

    /// Returns the rules that a gateway applies to a host, or `None` when nothing there has it.
    ///
    /// At a gateway, VirtualServices of one host are merged: oldest first, rules without a condition
    /// last.
    fn gateway_rules(&self, request: &Request<'_>, at: &[String]) -> Option<Vec<&HttpRoute>> {
        let caller = &request.caller;
        let takes = |v: &VirtualService, gateway: &Gateway| {
            let name = gateway.full_name();
            at.contains(&name)
                && !v.http.is_empty()
                && v.is_for(&name, caller.namespace)
                && gateway.takes_routes_of(v, request)
        };
        let bound: Vec<(usize, &VirtualService)> = self
            .virtual_services
            .iter()
            .filter(|v| self.gateways.iter().any(|gateway| takes(v, gateway)))
            .filter_map(|v| Some((v.specificity(request.host)?, v)))
            .collect();
        let most = bound.iter().map(|(specificity, _)| *specificity).max()?;
        let mut conditional = Vec::new();
        let mut unconditional = Vec::new();
        for (_, owner) in bound
            .into_iter()
            .filter(|(specificity, _)| *specificity == most)
        {
            for rule in &owner.http {
                if rule.catches_all(at, caller) {
                    unconditional.push(rule);
                    // What its own VirtualService has behind it is never reached.
                    break;
                }
                conditional.push(rule);
            }
        }
        conditional.append(&mut unconditional);
        Some(conditional)
    }
}

#[cfg(test)]
mod cases;
