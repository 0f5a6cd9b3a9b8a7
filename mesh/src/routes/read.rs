//! What a board is read from: the objects of a cluster, and what is not known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::object::{Stored, at, list_at};
use crate::routing::hosts;

/// The objects of a cluster, and what of it could not be read.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// All objects that could be read.
    pub objects: Vec<Arc<Stored>>,
    /// Kinds that could not be listed, as Kubernetes writes them: `DestinationRule`. What there is of them is not
    /// known, which is not the same as nothing. `Gateway` means Istio's and the Gateway API's; a group behind it
    /// tells one of both: `Gateway.networking.istio.io`.
    pub unread: BTreeSet<String>,
    /// The domain of the cluster, where somebody says it. Else it is told from the objects.
    pub domain: Option<String>,
}

impl Read {
    /// Returns objects of which nothing is missing.
    pub fn all(objects: Vec<Arc<Stored>>) -> Read {
        Read {
            objects,
            ..Read::default()
        }
    }
}

/// What objects say of the domain of their cluster.
#[derive(Default)]
pub(super) struct Domains {
    /// How many proxies were started with each.
    started: BTreeMap<String, usize>,
    /// Hosts of routing objects that may name one.
    hosts: Vec<String>,
}

impl Domains {
    /// Takes note of the proxies in an object: they are started with `--domain $(POD_NAMESPACE).svc.DOMAIN`.
    pub(super) fn note_proxies(&mut self, object: &Value) {
        let spec = object.get("spec");
        let template = spec.and_then(|it| at(it, "/template/spec"));
        let lists = [spec, template].into_iter().flatten();
        let lists = lists.flat_map(|it| ["containers", "initContainers"].map(|key| it.get(key)));
        let containers = lists.flatten().filter_map(Value::as_array).flatten();
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
            for (_, domain) in domains.filter(|(_, domain)| !domain.is_empty()) {
                *self.started.entry(domain.to_ascii_lowercase()).or_default() += 1;
            }
        }
    }

    /// Takes note of a host that a routing object writes.
    pub(super) fn note_host(&mut self, host: &str) {
        if host.contains(".svc.") {
            self.hosts.push(host.to_owned());
        }
    }

    /// Returns the domain of the cluster: the one said, else what most proxies were started with, else what the
    /// hosts of routing objects say of services that are there, else Kubernetes's own.
    pub(super) fn domain(
        self,
        said: Option<String>,
        is_service: impl Fn(&str, &str) -> bool,
    ) -> String {
        let of_host = |host: String| {
            let (service, domain) = host.split_once(".svc.")?;
            let (name, namespace) = service.split_once('.')?;
            let is_here = is_service(namespace, name);
            (is_here && domain != hosts::CLUSTER_SET).then(|| domain.to_ascii_lowercase())
        };
        let written = || {
            let mut counts = BTreeMap::new();
            for domain in self.hosts.into_iter().filter_map(of_host) {
                *counts.entry(domain).or_default() += 1;
            }
            counts
        };
        said.filter(|it| !it.is_empty())
            .or_else(|| most(self.started))
            .or_else(|| most(written()))
            .unwrap_or_else(|| hosts::DOMAIN.to_owned())
    }
}

/// Returns what is there most often; of equals Kubernetes's own, else the first by name.
fn most(counts: BTreeMap<String, usize>) -> Option<String> {
    let rank = |(text, n): &(String, usize)| (*n, text == hosts::DOMAIN);
    // Of equals `max_by_key` takes the last.
    let best = counts.into_iter().rev().max_by_key(rank);
    best.map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Board;
    use serde_json::json;

    fn domain(objects: Value) -> String {
        let objects = objects.as_array().unwrap();
        let objects = objects.iter().cloned().map(Stored::from);
        Board::read(Read::all(objects.map(Arc::new).collect())).domain
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
            ..Read::all(vec![Arc::new(pod.into())])
        };
        assert_eq!(Board::read(said).domain, "said.internal");
    }
}
