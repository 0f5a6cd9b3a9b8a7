//! The hosts that a mesh knows, what is spoken at their ports, and which subsets callers have of them.

use std::collections::BTreeMap;

use super::{Request, Routing, Share, Target, visible};
use crate::inventory::ServicePort;
use crate::routing::destination_rule::{self, DestinationRule};
use crate::routing::hosts;
use crate::routing::pattern;
use crate::routing::rule::{Condition, Match, RuleList};

/// A host that the mesh knows.
pub(super) struct Known<'a> {
    pub(super) namespace: &'a str,
    /// The service by namespace and name; none for a host of a ServiceEntry.
    service: Option<(&'a str, &'a str)>,
    ports: &'a [ServicePort],
}

impl<'a> Known<'a> {
    pub(super) fn port(&self, number: u16) -> Option<&'a ServicePort> {
        self.ports.iter().find(|port| port.port == number)
    }
}

/// Returns the host that has this very name, as the proxies of a namespace know it; the cluster's own first.
pub(super) fn known<'a>(routing: &'a Routing, host: &str, namespace: &str) -> Option<Known<'a>> {
    let service = hosts::service_of(host, &routing.domain)
        .and_then(|key| routing.inventory.services.get(&key))
        .map(|service| Known {
            namespace: &service.namespace,
            service: Some((&service.namespace, &service.name)),
            ports: &service.ports,
        });
    service.or_else(|| {
        let mut entries = routing.service_entries.iter();
        let entry = entries.find(|entry| {
            let full = |it: &String| hosts::full_host(it, &entry.namespace, &routing.domain);
            let sees = visible(&entry.export_to, &entry.namespace, namespace).is_some();
            sees && entry.hosts.iter().any(|it| full(it) == host)
        })?;
        Some(Known {
            namespace: &entry.namespace,
            service: None,
            ports: &entry.ports,
        })
    })
}

/// Returns which rules a port of a service asks when `protocol` is spoken to it.
///
/// A port that declares what it speaks is taken by its word; at any other the proxy tells requests from the rest
/// by looking. See <https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/>.
pub(super) fn asked(port: &ServicePort, protocol: RuleList) -> RuleList {
    let declared = port.app_protocol.as_deref().unwrap_or(&port.name);
    let declared = declared.to_ascii_lowercase();
    let first = declared.split('-').next().unwrap_or_default();
    match (first, port.port) {
        (
            "http" | "http2" | "grpc" | "http_proxy" | "kubernetes.io/h2c" | "kubernetes.io/ws",
            _,
        ) => RuleList::Http,
        ("https" | "tls", _) => RuleList::Tls,
        ("tcp" | "mongo" | "redis" | "mysql" | "udp", _) => RuleList::Tcp,
        // Servers that speak first: there is nothing to look at. SMTP, DNS, MySQL, MongoDB.
        (_, 25 | 53 | 3_306 | 27_017) => RuleList::Tcp,
        _ => match protocol {
            RuleList::Http => RuleList::Http,
            RuleList::Tls | RuleList::Tcp => RuleList::Tcp,
        },
    }
}

/// Returns the share that a destination takes: its host, subset and port as they are to this caller.
pub(super) fn share(
    routing: &Routing,
    request: &Request<'_>,
    host: String,
    subset: Option<String>,
    port: Option<u16>,
    weight: u32,
) -> Share {
    let known = known(routing, &host, request.namespace);
    let ports = known.as_ref().map_or(&[][..], |it| it.ports);
    let port = port.unwrap_or(match ports {
        [lone] => lone.port,
        _ => request.port,
    });
    let target = known.filter(|it| it.port(port).is_some()).and_then(|it| {
        let labels = match &subset {
            None => BTreeMap::new(),
            Some(subset) => {
                let rules = routing.destination_rules_for(&host, request.namespace);
                let mut merged =
                    destination_rule::merge_for(&rules, request.namespace, request.labels);
                let (_, subset) = merged.subsets.remove(subset)?;
                subset.labels.clone()
            }
        };
        let owned = |(namespace, name): (&str, &str)| (namespace.to_owned(), name.to_owned());
        Some(Target {
            service: it.service.map(owned),
            labels,
        })
    });
    Share {
        weight,
        host,
        subset,
        port,
        target,
    }
}

/// Returns whether a request is as the conditions on it say. Those on who calls were looked at before.
pub(super) fn matches(m: &Match, request: &Request<'_>) -> bool {
    let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
    let alone = [
        (&m.scheme, request.scheme),
        (&m.method, request.method),
        (&m.authority, request.host),
    ];
    let header = |name: &String| {
        let mut headers = request.headers.iter();
        let header = headers.find(|(it, _)| it.eq_ignore_ascii_case(name));
        header.map(|(_, value)| *value)
    };
    let has = |(name, condition): (&String, &Condition)| {
        header(name).is_some_and(|value| pattern::holds(condition, value))
    };
    // A header that is not there counts as empty, but where it is asked whether it is there.
    let has_not = |(name, condition): (&String, &Condition)| match condition {
        Condition::Present => header(name).is_none(),
        _ => !pattern::holds(condition, header(name).unwrap_or_default()),
    };
    let asks = |(name, condition): (&String, &Condition)| {
        let mut pairs = query
            .split('&')
            .map(|it| it.split_once('=').unwrap_or((it, "")));
        // Of a parameter that comes twice the first counts.
        let value = pairs.find(|(key, _)| key == name).map(|(_, value)| value);
        value.is_some_and(|value| pattern::holds(condition, value))
    };
    let holds = |c: &Condition| pattern::holds_of_path(c, m.ignores_case, path);
    m.path.as_ref().is_none_or(holds)
        && alone
            .into_iter()
            .all(|(c, text)| c.as_ref().is_none_or(|c| pattern::holds(c, text)))
        && m.headers.iter().all(has)
        && m.without_headers.iter().all(has_not)
        && m.query.iter().all(asks)
}

impl Routing {
    /// Returns the DestinationRules that callers of a namespace follow for a host, by its full name, sorted as
    /// they are merged: those of their own namespace, else of the service's, else of the mesh's root; of each
    /// those whose host fits best.
    ///
    /// Newer versions of Istio keep rules apart that are exported differently; here they are told together.
    pub fn destination_rules_for(
        &self,
        host: &str,
        caller_namespace: &str,
    ) -> Vec<&DestinationRule> {
        let is_root = caller_namespace == self.root_namespace;
        // In the root namespace rules hold for all; only what is kept there is meant for its own proxies first.
        let own = self.best(host, caller_namespace, |rule| {
            let says = |word: &str| rule.export_to.iter().any(|it| it == word);
            match is_root {
                true => is_private(rule),
                false => {
                    is_private(rule)
                        || rule.export_to.is_empty()
                        || says("*")
                        || says(".")
                        || says(&rule.namespace)
                }
            }
        });
        if !own.is_empty() {
            return own;
        }
        let service = known(self, host, caller_namespace).map(|it| it.namespace.to_owned());
        let namespaces = [service.as_deref(), Some(self.root_namespace.as_str())];
        for namespace in namespaces.into_iter().flatten() {
            let mut exported = self.best(host, namespace, |rule| !is_private(rule));
            exported.retain(|rule| {
                let mut to = rule.export_to.iter();
                rule.export_to.is_empty() || to.any(|it| it == "*" || it == caller_namespace)
            });
            if !exported.is_empty() {
                return exported;
            }
        }
        Vec::new()
    }

    /// Returns the rules of a namespace whose host fits best, of those that count.
    fn best(
        &self,
        host: &str,
        namespace: &str,
        counts: impl Fn(&DestinationRule) -> bool,
    ) -> Vec<&DestinationRule> {
        let mut best = (None, Vec::new());
        let rules = self.by_host.of_namespace(namespace);
        let rules = rules.filter_map(|(idx, host)| Some((self.destination_rules.get(idx)?, host)));
        for (rule, its_host) in rules.filter(|(rule, _)| counts(rule)) {
            let fit = hosts::specificity(its_host, host);
            if fit.is_none() || fit < best.0 {
                continue;
            }
            if best.0 < fit {
                best = (fit, Vec::new());
            }
            best.1.push(rule);
        }
        best.1
    }
}

/// Returns whether a rule is for its own namespace alone. One that selects callers always is.
fn is_private(rule: &DestinationRule) -> bool {
    let own = |it: &String| it == "." || *it == rule.namespace;
    rule.selector.is_some() || (!rule.export_to.is_empty() && rule.export_to.iter().all(own))
}
