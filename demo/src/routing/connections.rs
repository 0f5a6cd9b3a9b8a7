//! Where connections go that no proxy looks into: TCP, and TLS that is passed through.
//!
//! The demo's own connections are plain TCP inside the mesh. Its reading of the other rules is there all
//! the same: it is tested against the table of cases, and it says what Istio would refuse.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::fields::holds;
use super::hosts::{full_gateway, full_host, specificity};
use super::virtual_service::{MESH, VirtualService};
use super::weights::{self, Weighted};
use super::{Caller, Route, Routing, Share, Verdict};
use crate::deployments::Deployment;

/// A connection before it is routed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Connection<'a> {
    pub(crate) caller: Caller<'a>,
    /// The full host name that is addressed. A gateway sees none.
    pub(crate) host: &'a str,
    /// The name that is asked for in a TLS handshake that nobody on the way takes part in.
    pub(crate) sni: Option<&'a str>,
}

/// A tcp or tls rule of a VirtualService.
#[derive(Deserialize)]
pub(super) struct ConnectionRule {
    #[serde(default, rename = "match")]
    matches: Vec<ConnectionMatch>,
    #[serde(default)]
    route: Vec<Weighted>,
}

/// Conditions of a connection; all must hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConnectionMatch {
    #[serde(default)]
    sni_hosts: Vec<String>,
    port: Option<u16>,
    #[serde(default)]
    source_labels: BTreeMap<String, String>,
    source_namespace: Option<String>,
    #[serde(default)]
    gateways: Vec<String>,
}

impl ConnectionRule {
    /// Returns why Istio refuses it as a tcp rule, if it does.
    pub(super) fn check_tcp(&self) -> Result<(), String> {
        if self.matches.iter().any(|m| !m.sni_hosts.is_empty()) {
            return Err("a tcp rule knows no `sniHosts`".to_owned());
        }
        self.check_route()
    }

    /// Returns why Istio refuses it as a tls rule of a VirtualService with these hosts, if it does.
    pub(super) fn check_tls(&self, hosts: &[String]) -> Result<(), String> {
        if self.matches.is_empty() || self.matches.iter().any(|m| m.sni_hosts.is_empty()) {
            return Err("a tls rule must say for which `sniHosts` it is".to_owned());
        }
        let names = self.matches.iter().flat_map(|m| &m.sni_hosts);
        for name in names {
            let mut covering = hosts.iter().filter(|host| covers(host, name));
            if covering.next().is_none() {
                return Err(format!("`{name}` is none of its hosts"));
            }
        }
        self.check_route()
    }

    fn check_route(&self) -> Result<(), String> {
        if self.route.is_empty() {
            return Err("it has no destinations".to_owned());
        }
        weights::check(&self.route)
    }

    /// Names gateways as an object of `namespace` means them.
    pub(super) fn make_whole(&mut self, namespace: &str) {
        for condition in &mut self.matches {
            for gateway in &mut condition.gateways {
                *gateway = full_gateway(gateway, namespace);
            }
        }
    }

    fn takes(&self, gateway: &str, caller: &Caller<'_>) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|m| m.concerns(gateway, caller))
    }
}

impl ConnectionMatch {
    fn concerns(&self, gateway: &str, caller: &Caller<'_>) -> bool {
        (self.gateways.is_empty() || self.gateways.iter().any(|g| g == gateway))
            && self.port.is_none_or(|port| port == caller.port)
            && holds(caller.labels, &self.source_labels)
            && self
                .source_namespace
                .as_ref()
                .is_none_or(|n| n == caller.namespace)
    }
}

/// A rule that may take a connection, with the VirtualService it stands in.
type Candidate<'a> = (&'a VirtualService, &'a ConnectionRule);

impl Routing {
    /// Returns where a connection goes. [`Verdict::NoRoute`] means that it is closed.
    pub(crate) fn connect(
        &self,
        connection: &Connection<'_>,
        deployments: &[Deployment],
    ) -> Verdict {
        let caller = &connection.caller;
        let found = if caller.is_gateway {
            self.at_gateway(connection)
        } else {
            match self.in_mesh(connection) {
                Ok(found) => found,
                // Unlike a request, a connection that no rule is for goes to the service itself.
                Err(Unspoken) if !self.services.contains_key(connection.host) => None,
                Err(Unspoken) => {
                    let share = Share {
                        weight: 1,
                        destination: self.destination(
                            connection.host,
                            None,
                            Some(caller.port),
                            caller,
                            deployments,
                        ),
                    };
                    return Verdict::Route(Route::plain(vec![share]));
                }
            }
        };
        let Some((owner, rule)) = found else {
            return Verdict::NoRoute;
        };
        let shares = weights::shares(&rule.route);
        let shares = shares.into_iter().map(|(weight, target)| Share {
            weight,
            destination: self.destination(
                &full_host(&target.host, &owner.namespace),
                target.subset.as_deref(),
                target.port,
                caller,
                deployments,
            ),
        });
        Verdict::Route(Route::plain(shares.collect()))
    }

    /// Finds the rule of a sidecar. VirtualServices of one host all count, the oldest first.
    fn in_mesh(&self, connection: &Connection<'_>) -> Result<Option<Candidate<'_>>, Unspoken> {
        let caller = &connection.caller;
        let speaking = self.virtual_services.iter().filter(|v| {
            v.is_for(MESH, caller.namespace) && v.specificity(connection.host).is_some()
        });
        match connection.sni {
            None => speaking
                .flat_map(|v| v.tcp.iter().map(move |rule| (v, rule)))
                .find(|(_, rule)| rule.takes(MESH, caller))
                .map(Some)
                .ok_or(Unspoken),
            Some(sni) => {
                let rules: Vec<Candidate<'_>> = speaking
                    .flat_map(|v| v.tls.iter().map(move |rule| (v, rule)))
                    .filter(|(_, rule)| rule.takes(MESH, caller))
                    .collect();
                if rules.is_empty() {
                    return Err(Unspoken);
                }
                Ok(by_name(rules, MESH, caller, sni))
            }
        }
    }

    fn at_gateway(&self, connection: &Connection<'_>) -> Option<Candidate<'_>> {
        let caller = &connection.caller;
        for gateway in self.gateways.iter().filter(|g| g.is_at(caller)) {
            let name = gateway.full_name();
            let bound = self.virtual_services.iter().filter(|v| {
                v.is_for(&name, caller.namespace) && gateway.passes_to(v, caller, connection.sni)
            });
            let found = match connection.sni {
                None => bound
                    .flat_map(|v| v.tcp.iter().map(move |rule| (v, rule)))
                    .find(|(_, rule)| rule.takes(&name, caller)),
                Some(sni) => {
                    let rules = bound.flat_map(|v| v.tls.iter().map(move |rule| (v, rule)));
                    by_name(rules.collect(), &name, caller, sni)
                }
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// No rule is for the caller.
struct Unspoken;

/// Returns the rule that names `sni` most specifically, the first of equals: Envoy chooses among names,
/// not by the order of rules.
fn by_name<'a>(
    rules: Vec<Candidate<'a>>,
    gateway: &str,
    caller: &Caller<'_>,
    sni: &str,
) -> Option<Candidate<'a>> {
    let named = rules.into_iter().filter_map(|(owner, rule)| {
        let matches = rule.matches.iter().filter(|m| m.concerns(gateway, caller));
        let names = matches.flat_map(|m| &m.sni_hosts);
        let most = names.filter_map(|name| specificity(name, sni)).max()?;
        Some((most, (owner, rule)))
    });
    // `max_by_key` takes the last of equals; reversed that is the first.
    let named: Vec<_> = named.collect();
    let most = named.into_iter().rev().max_by_key(|(most, _)| *most)?;
    Some(most.1)
}

/// Returns whether every host that `narrow` names is one that `wide` names.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    match narrow.strip_prefix('*') {
        Some(suffix) => wide.strip_prefix('*').is_some_and(|w| {
            suffix
                .to_ascii_lowercase()
                .ends_with(&w.to_ascii_lowercase())
        }),
        None => specificity(wide, narrow).is_some(),
    }
}
