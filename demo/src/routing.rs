//! Where a call goes: the mesh's own reading of VirtualServices, DestinationRules and Gateways.
//!
//! This is the demo's Envoy. It shares no code with the `mesh` crate's routing (invariant 9): both are
//! tested against `routing-cases.yaml`, whose cases are written from Istio's documentation.

mod virtual_service;

mod conditions;
mod fault;
mod mirror;
mod retries;

mod destination_rule;
mod gateway;
mod policy;

mod fields;
mod hosts;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::deployments::Deployment;
use crate::objects::{Objects, place, texts_at};
use crate::world::Complaint;

pub(crate) use hosts::host_of;
pub(crate) use policy::{ConnectionPool, TrafficPolicy};
pub(crate) use retries::{Outcome, Retries};

use destination_rule::{DestinationRule, Merged};
use fields::{holds, readable};
use gateway::Gateway;
use hosts::full_host;
use virtual_service::{HttpRoute, MESH, Target, VirtualService};

/// Where Istio looks for DestinationRules last.
const ROOT_NAMESPACE: &str = "istio-system";

/// The routing of a cluster at one time.
pub(crate) struct Routing {
    services: BTreeMap<String, Service>,
    /// Oldest first.
    virtual_services: Vec<VirtualService>,
    /// Oldest first.
    destination_rules: Vec<DestinationRule>,
    gateways: Vec<Gateway>,
}

struct Service {
    namespace: String,
    name: String,
    selector: BTreeMap<String, String>,
    ports: Vec<u16>,
}

/// A call before it is routed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    /// The caller's namespace.
    pub(crate) namespace: &'a str,
    /// The labels of the caller's pods.
    pub(crate) labels: &'a BTreeMap<String, String>,
    /// Whether the caller is a gateway: then only what is bound to it counts.
    pub(crate) from_gateway: bool,
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
        };
        // Istio sorts by creation time, then name, then namespace; an RFC 3339 time in UTC sorts as
        // text.
        routing.virtual_services.sort_by(|a, b| a.age.cmp(&b.age));
        routing.destination_rules.sort_by(|a, b| a.age.cmp(&b.age));
        routing
    }

    /// Returns what the caller's proxy does with a call.
    pub(crate) fn route(&self, request: &Request<'_>, deployments: &[Deployment]) -> Verdict {
        let (at, rules) = if request.from_gateway {
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
        let Some((owner, rule)) = rules
            .into_iter()
            .find(|(owner, rule)| rule.matches(owner, &at, request))
        else {
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
            let host = full_host(&target.host, &owner.namespace);
            let subset = target.subset.as_deref();
            self.destination(&host, subset, target.port, request, deployments)
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

    /// A host that no VirtualService speaks for goes to the service of that name.
    fn default_route(&self, request: &Request<'_>, deployments: &[Deployment]) -> Verdict {
        if !self.services.contains_key(request.host) {
            return Verdict::NoRoute;
        }
        Verdict::Route(Route {
            delay: None,
            abort: None,
            retries: Some(Retries::default()),
            timeout_ms: None,
            shares: vec![Share {
                weight: 1,
                destination: self.destination(request.host, None, None, request, deployments),
            }],
            mirrors: Vec::new(),
        })
    }

    /// Returns the rules that sidecars apply to a host, or `None` when no VirtualService has it.
    ///
    /// Sidecars do not merge VirtualServices: the most specific host wins, then the oldest object.
    fn mesh_rules(&self, request: &Request<'_>) -> Option<Vec<(&VirtualService, &HttpRoute)>> {
        let owner = self
            .virtual_services
            .iter()
            .filter(|v| v.is_bound_to_mesh())
            .filter_map(|v| Some((v.specificity(request.host)?, v)))
            // `max_by_key` takes the last of equals; reversed that is the oldest.
            .rev()
            .max_by_key(|(specificity, _)| *specificity)?
            .1;
        Some(owner.http.iter().map(|rule| (owner, rule)).collect())
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
    fn gateway_rules(
        &self,
        request: &Request<'_>,
        at: &[String],
    ) -> Option<Vec<(&VirtualService, &HttpRoute)>> {
        let takes = |v: &VirtualService, gateway: &Gateway| {
            let name = gateway.full_name();
            at.contains(&name) && v.is_bound_to(&name) && gateway.takes_routes_of(v, request)
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
                if rule.catches_all(owner, at, request) {
                    unconditional.push((owner, rule));
                    // What its own VirtualService has behind it is never reached.
                    break;
                }
                conditional.push((owner, rule));
            }
        }
        conditional.append(&mut unconditional);
        Some(conditional)
    }

    fn destination(
        &self,
        host: &str,
        subset: Option<&str>,
        port: Option<u16>,
        request: &Request<'_>,
        deployments: &[Deployment],
    ) -> Destination {
        let Some(service) = self.services.get(host) else {
            return Destination::default();
        };
        let rules = self.rules_of(host, service, request);
        let labels = match subset {
            Some(subset) => rules.labels(subset).cloned(),
            None => Some(BTreeMap::new()),
        };
        let labels = labels.filter(|_| port.is_none_or(|port| service.ports.contains(&port)));
        let takes = |d: &Deployment, labels: &BTreeMap<String, String>| {
            d.namespace == service.namespace
                // A service without selector has no endpoints of its own.
                && !service.selector.is_empty()
                && holds(&d.labels, &service.selector)
                && holds(&d.labels, labels)
        };
        let port = port.or(service.ports.first().copied());
        Destination {
            service: Some((service.namespace.clone(), service.name.clone())),
            subset: subset.map(str::to_owned),
            port,
            workloads: labels.map(|labels| {
                let all = 0..deployments.len();
                all.filter(|idx| takes(&deployments[*idx], &labels))
                    .collect()
            }),
            policy: rules.policy(subset, port),
        }
    }

    /// Returns what the caller's proxy knows of a host from DestinationRules.
    fn rules_of<'a>(&'a self, host: &str, service: &Service, request: &Request<'_>) -> Merged<'a> {
        // The caller's namespace comes first, then the service's, then Istio's own; the first that
        // has a rule for the host decides alone.
        let namespaces = [
            request.namespace,
            service.namespace.as_str(),
            ROOT_NAMESPACE,
        ];
        for namespace in namespaces {
            let applying = || {
                self.destination_rules
                    .iter()
                    .filter(|rule| rule.namespace == namespace && rule.applies_to(request.labels))
                    .filter_map(|rule| Some((rule.specificity(host)?, rule)))
            };
            let Some(most) = applying().map(|(specificity, _)| specificity).max() else {
                continue;
            };
            return Merged::of(
                applying()
                    .filter(|(specificity, _)| *specificity == most)
                    .map(|(_, rule)| rule),
            );
        }
        Merged::default()
    }
}

impl Service {
    fn read(object: &Value) -> Service {
        let (_, namespace, name) = place(object);
        let ports = object.pointer("/spec/ports").and_then(Value::as_array);
        Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            selector: texts_at(object, "/spec/selector"),
            ports: ports
                .into_iter()
                .flatten()
                .filter_map(|port| u16::try_from(port.get("port")?.as_u64()?).ok())
                .collect(),
        }
    }
}

#[cfg(test)]
mod cases;
