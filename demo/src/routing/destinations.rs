//! Destinations: services and their subsets, as a caller's proxy knows them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::destination_rule::Merged;
use super::fields::holds;
use super::{Caller, Destination, Routing};
use crate::deployments::Deployment;
use crate::objects::{place, texts_at};

/// Where Istio looks for DestinationRules last.
const ROOT_NAMESPACE: &str = "istio-system";

/// A service of the cluster.
pub(super) struct Service {
    pub(super) namespace: String,
    pub(super) name: String,
    selector: BTreeMap<String, String>,
    pub(super) ports: Vec<u16>,
    /// The waypoint that it names; empty where it wants none.
    pub(super) waypoint: Option<String>,
}

impl Routing {
    /// Returns where calls to a host, or a subset of it, end up. `port` is the one that a rule names.
    pub(super) fn destination(
        &self,
        host: &str,
        subset: Option<&str>,
        port: Option<u16>,
        caller: &Caller<'_>,
        deployments: &[Deployment],
    ) -> Destination {
        let Some(service) = self.services.get(host) else {
            return Destination::default();
        };
        let rules = self.rules_of(host, service, caller);
        let labels = match subset {
            Some(subset) => rules.labels(subset).cloned(),
            None => Some(BTreeMap::new()),
        };
        // Without a port in the rule, the lone port of the service is meant, else the one addressed.
        let port = port.unwrap_or(match service.ports.as_slice() {
            [lone] => *lone,
            _ => caller.port,
        });
        let labels = labels.filter(|_| service.ports.contains(&port));
        Destination {
            service: Some((service.namespace.clone(), service.name.clone())),
            subset: subset.map(str::to_owned),
            port: Some(port),
            workloads: labels.map(|labels| {
                let all = service.workloads(deployments).into_iter();
                all.filter(|idx| holds(&deployments[*idx].labels, &labels))
                    .collect()
            }),
            policy: rules.policy(subset, Some(port)),
        }
    }

    /// Returns what the caller's proxy knows of a host from DestinationRules.
    fn rules_of<'a>(&'a self, host: &str, service: &Service, caller: &Caller<'_>) -> Merged<'a> {
        // The caller's namespace comes first, then the service's, then Istio's own; the first that
        // has a rule for the host decides alone.
        let namespaces = [caller.namespace, service.namespace.as_str(), ROOT_NAMESPACE];
        for namespace in namespaces {
            let applying = || {
                self.destination_rules
                    .iter()
                    .filter(|rule| rule.namespace == namespace && rule.applies_to(caller))
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
    /// Returns the workloads whose pods it selects.
    pub(super) fn workloads(&self, deployments: &[Deployment]) -> Vec<usize> {
        let takes = |d: &Deployment| {
            d.namespace == self.namespace
                // A service without selector has no endpoints of its own.
                && !self.selector.is_empty()
                && holds(&d.labels, &self.selector)
        };
        let all = 0..deployments.len();
        all.filter(|idx| takes(&deployments[*idx])).collect()
    }

    pub(super) fn read(object: &Value) -> Service {
        let (_, namespace, name) = place(object);
        let ports = object.pointer("/spec/ports").and_then(Value::as_array);
        Service {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            selector: texts_at(object, "/spec/selector"),
            waypoint: waypoint_named(object),
            ports: ports
                .into_iter()
                .flatten()
                .filter_map(|port| u16::try_from(port.get("port")?.as_u64()?).ok())
                .collect(),
        }
    }
}

/// Returns the waypoint that a Namespace or a Service names; empty where it wants none.
pub(super) fn waypoint_named(object: &Value) -> Option<String> {
    let labels = texts_at(object, "/metadata/labels");
    let named = labels.get("istio.io/use-waypoint")?;
    Some(match named.as_str() {
        "none" => String::new(),
        name => name.to_owned(),
    })
}
