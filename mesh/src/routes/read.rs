//! What a board is read from: the objects of a cluster, and what is not known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::object::{ObjectKey, list_at};
use crate::routing::destination_rule::DestinationRule;
use crate::routing::hosts;
use crate::routing::virtual_service::VirtualService;

/// The objects of a cluster, and what of it could not be read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// All objects that could be read.
    pub objects: Vec<Arc<Value>>,
    /// Kinds that could not be listed, as Kubernetes writes them: `DestinationRule`. What there is of them is not
    /// known, which is not the same as nothing. `Gateway` means Istio's and the Gateway API's; a group behind it
    /// tells one of both: `Gateway.networking.istio.io`.
    pub unread: BTreeSet<String>,
    /// The domain of the cluster, where somebody says it. Else it is told from the objects.
    pub domain: Option<String>,
}

impl Read {
    /// Returns objects of which nothing is missing.
    pub fn all(objects: Vec<Arc<Value>>) -> Read {
        Read {
            objects,
            ..Read::default()
        }
    }

    /// Returns the domain of the cluster: the one said, else what most proxies were started with, else what the
    /// hosts of routing objects say of services that are there, else Kubernetes's own.
    pub(super) fn domain(&self) -> String {
        let said = self.domain.clone().filter(|it| !it.is_empty());
        let started = || most(self.objects.iter().flat_map(|it| proxies_domains(it)));
        said.or_else(started)
            .or_else(|| most(self.hosts_domains().into_iter()))
            .unwrap_or_else(|| hosts::DOMAIN.to_owned())
    }

    /// Returns the domains in hosts that name a service of this cluster, one for each host.
    fn hosts_domains(&self) -> Vec<String> {
        let keys = self.objects.iter().map(|object| ObjectKey::of(object));
        let services: BTreeSet<(String, String)> = keys
            .filter(|key| key.kind == "Service")
            .map(|key| (key.name, key.namespace))
            .collect();
        let mut written = Vec::new();
        for object in &self.objects {
            match object.get("kind").and_then(Value::as_str) {
                Some("VirtualService") => {
                    if let Ok(read) = VirtualService::read(object) {
                        let rules = read.rules.into_iter();
                        let destinations = rules.flat_map(|rule| rule.destinations);
                        written.extend(destinations.map(|it| it.host).chain(read.hosts));
                    }
                }
                Some("DestinationRule") => {
                    let read = DestinationRule::read(object);
                    written.extend(read.ok().map(|it| it.host));
                }
                _ => {}
            }
        }
        let domain = |host: &String| {
            let (service, domain) = host.split_once(".svc.")?;
            let (name, namespace) = service.split_once('.')?;
            let is_here = services.contains(&(name.to_owned(), namespace.to_owned()));
            (is_here && domain != hosts::CLUSTER_SET).then(|| domain.to_ascii_lowercase())
        };
        written.iter().filter_map(domain).collect()
    }
}

/// Returns the domains that the proxies in an object are started with: `--domain $(POD_NAMESPACE).svc.DOMAIN`.
fn proxies_domains(object: &Value) -> Vec<String> {
    let specs = ["/spec", "/spec/template/spec"];
    let lists = ["containers", "initContainers"];
    let containers = specs
        .iter()
        .flat_map(|spec| lists.map(|list| format!("{spec}/{list}")))
        .flat_map(|pointer| list_at(object, &pointer).collect::<Vec<_>>());
    let mut found = Vec::new();
    for container in containers {
        let args: Vec<&str> = list_at(container, "/args")
            .filter_map(Value::as_str)
            .collect();
        let apart = args.windows(2).filter_map(|pair| match pair {
            ["--domain", domain] => Some(*domain),
            _ => None,
        });
        let joined = args.iter().filter_map(|it| it.strip_prefix("--domain="));
        let domains = apart.chain(joined).filter_map(|it| it.split_once(".svc."));
        found.extend(
            domains
                .map(|(_, domain)| domain.to_ascii_lowercase())
                .filter(|domain| !domain.is_empty()),
        );
    }
    found
}

/// Returns what is there most often; of equals Kubernetes's own, else the first by name.
fn most(texts: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let rank = |(text, n): &(String, usize)| (*n, text == hosts::DOMAIN);
    // Of equals `max_by_key` takes the last.
    let best = counts.into_iter().rev().max_by_key(rank);
    best.map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn domain(objects: Value) -> String {
        let objects = objects.as_array().unwrap();
        Read::all(objects.iter().cloned().map(Arc::new).collect()).domain()
    }

    #[test]
    fn the_domain_is_said_or_told_from_proxies_or_from_hosts() {
        assert_eq!(domain(json!([])), "cluster.local");
        let service = json!({"kind": "Service", "metadata": {"name": "a", "namespace": "b"}});
        let rule = |host: &str| json!({"kind": "DestinationRule", "metadata": {"name": host, "namespace": "b"}, "spec": {"host": host}});
        let inside = rule("a.b.svc.example.internal");
        assert_eq!(
            domain(json!([service, inside])),
            "example.internal",
            "a host of a service that is there"
        );
        assert_eq!(
            domain(json!([service, rule("c.b.svc.example.internal")])),
            "cluster.local",
            "of one that is not there"
        );
        assert_eq!(
            domain(json!([service, inside, rule("a.b.svc.cluster.local")])),
            "cluster.local"
        );
        let pod = json!({"kind": "Pod", "metadata": {"name": "a-1", "namespace": "b"}, "spec": {"initContainers": [
            {"name": "istio-proxy", "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.mesh.internal"]}]}});
        assert_eq!(domain(json!([service, inside, pod])), "mesh.internal");
        let said = Read {
            domain: Some("said.internal".to_owned()),
            ..Read::all(vec![Arc::new(pod)])
        };
        assert_eq!(said.domain(), "said.internal");
    }
}
