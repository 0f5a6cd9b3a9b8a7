//! Where a call goes: Istio's reading of all routing objects together.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/>,
//! <https://istio.io/latest/docs/ops/best-practices/traffic-management/>, and, where those are silent, what
//! istiod makes of the objects (`pilot/pkg/model`, `pilot/pkg/networking/core`). The demo's own reading shares
//! no code with this one; both are tested against `demo/routing-cases.yaml`.
//!
//! Routes of the Gateway API are not followed: a service that has one is decided as though it had none. Nor is a
//! Sidecar's narrower view of the mesh, nor an address (`destinationSubnets`): a rule that asks for one is
//! passed over, since a request has a name and no address.

mod by_host;
mod delegates;
mod gateways;
mod registry;
mod sidecars;
mod taken;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::destination_rule::{self, DestinationRule, Subset};
use super::gateway::Gateway;
use super::hosts;
use super::lens::{ObjectRef, Unreadable};
use super::rule::{Abort, Action, Delay, Match, RuleList, RulePlace};
use super::service_entry::ServiceEntry;
use super::virtual_service::VirtualService;
use crate::inventory::Inventory;
use by_host::ByHost;
use delegates::Spoken;
pub(crate) use taken::Taken;

/// Where istiod keeps what holds for the whole mesh, unless it was installed elsewhere. The add-on of AKS has
/// `aks-istio-system`.
pub const ROOT_NAMESPACE: &str = "istio-system";

/// A call whose way is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The caller's namespace.
    pub namespace: &'a str,
    /// The labels of the caller's pods.
    pub labels: &'a BTreeMap<String, String>,
    /// Whether the caller is a gateway, so that its Gateways say what is open.
    pub from_gateway: bool,
    /// What is spoken: requests, TLS that the proxy does not end, or anything else.
    pub protocol: RuleList,
    /// The full name that is addressed. A connection at a gateway has none.
    pub host: &'a str,
    /// The port that is addressed.
    pub port: u16,
    /// The name that a TLS connection asks for.
    pub sni: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The method of a request.
    pub method: &'a str,
    /// The path of a request with its query.
    pub path: &'a str,
    /// The headers of a request; names in any case.
    pub headers: &'a [(&'a str, &'a str)],
}

/// Which rule of which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleRef {
    /// The VirtualService's namespace; a delegate's where it is a delegate's rule.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The rule.
    pub place: RulePlace,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// No rule is for it: a request is answered 404 with flag NR, a connection is closed.
    NoRoute,
    /// The proxy answers.
    Answer {
        /// By this status.
        status: u16,
        /// Because of this rule; a gateway that sends everyone to `https` has none.
        rule: Option<RuleRef>,
    },
    /// It is sent.
    Route(Route),
    /// Nobody in the mesh knows the host: the proxy lets the call through as it is, unless the mesh forbids
    /// that (`outboundTrafficPolicy: REGISTRY_ONLY`).
    Passthrough,
}

/// Where a call is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The rule that sends it; `None` where no rule speaks for the service, which then takes all.
    pub rule: Option<RuleRef>,
    /// In the order of the rule; those that take nothing are left out.
    pub shares: Vec<Share>,
    /// A delay that is injected.
    pub delay: Option<Delay>,
    /// A failure that is injected.
    pub abort: Option<Abort>,
}

/// A part of what a rule sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its weight among the shares; never 0.
    pub weight: u32,
    /// The full name of the host.
    pub host: String,
    /// The subset.
    pub subset: Option<String>,
    /// The port.
    pub port: u16,
    /// Who takes it; `None` where there is no such host, port or subset, so that the proxy has no cluster and
    /// answers 503 with flag NC.
    pub target: Option<Target>,
}

/// Who takes a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The service, by namespace and name; `None` for a host of a ServiceEntry.
    pub service: Option<(String, String)>,
    /// Labels of the pods that take it, besides those the service asks for.
    pub labels: BTreeMap<String, String>,
}

/// All routing of a mesh.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Sorted by age, then by name: the order in which Istio looks for one.
    pub virtual_services: Vec<VirtualService>,
    /// Sorted as they are merged: those for some callers first, then by age, then by name.
    pub destination_rules: Vec<DestinationRule>,
    /// Sorted by age, then by name.
    pub gateways: Vec<Gateway>,
    /// Hosts besides the cluster's own, sorted by age, then by name.
    pub service_entries: Vec<ServiceEntry>,
    /// The objects that count as not there, and why: they can't be read, or Istio would not take them. Sorted.
    pub problems: Vec<(ObjectRef, Unreadable)>,
    /// The domain of the cluster.
    pub domain: String,
    /// Where what holds for the whole mesh is kept: [`ROOT_NAMESPACE`] unless set.
    pub root_namespace: String,
    /// What the cluster holds; its services are what is called.
    inventory: Arc<Inventory>,
    /// Where each of the DestinationRules stands.
    by_host: ByHost,
    /// The VirtualServices that speak for hosts, with what their delegates say; in their order. Made for the first
    /// call whose way is asked for: it holds all rules once more.
    spoken: OnceLock<Vec<Spoken>>,
    /// The full names of the hosts of ServiceEntries that anybody sees, sorted.
    entry_hosts: Vec<String>,
}

impl Routing {
    /// Reads the objects that say how calls go and passes over the rest.
    pub fn read<'a>(objects: impl Iterator<Item = &'a Value>, domain: &str) -> Self {
        let mut taken = Taken::default();
        let objects = objects.inspect(|object| taken.take(object));
        let inventory = Inventory::read(objects);
        Self::of(taken, Arc::new(inventory), domain)
    }

    /// Puts together what was read, in a cluster that holds `inventory`.
    pub(crate) fn of(taken: Taken, inventory: Arc<Inventory>, domain: &str) -> Self {
        let Taken {
            mut virtual_services,
            mut destination_rules,
            mut gateways,
            mut service_entries,
            mut problems,
        } = taken;
        virtual_services.sort_by(|a, b| age(a).cmp(&age(b)));
        destination_rules.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
        let key = |it: &Gateway| (it.created.clone(), it.name.clone(), it.namespace.clone());
        gateways.sort_by_cached_key(key);
        let key = |it: &ServiceEntry| (it.created.clone(), it.name.clone(), it.namespace.clone());
        service_entries.sort_by_cached_key(key);
        problems.sort();
        let is_seen = |entry: &&ServiceEntry| entry.export_to != ["~"];
        let entries = service_entries.iter().filter(is_seen);
        let full = entries.flat_map(|entry| {
            let full = |it: &String| hosts::full_host(it, &entry.namespace, domain);
            entry.hosts.iter().map(full)
        });
        let mut entry_hosts: Vec<String> = full.collect();
        entry_hosts.sort_unstable();
        entry_hosts.dedup();
        Self {
            by_host: ByHost::of(&destination_rules, domain),
            virtual_services,
            destination_rules,
            gateways,
            service_entries,
            problems,
            domain: domain.to_owned(),
            root_namespace: ROOT_NAMESPACE.to_owned(),
            inventory,
            spoken: OnceLock::new(),
            entry_hosts,
        }
    }

    /// Returns what becomes of a call.
    pub fn decide(&self, request: &Request<'_>) -> Verdict {
        match request.from_gateway {
            true => gateways::decide(self, request),
            false => sidecars::decide(self, request),
        }
    }

    /// Returns the subsets that callers of a namespace have of a host, by its full name. Rules that select
    /// some of those callers are left aside.
    pub fn subsets(&self, host: &str, caller_namespace: &str) -> BTreeMap<String, Arc<Subset>> {
        let merged = destination_rule::merge(&self.destination_rules_for(host, caller_namespace));
        let subsets = merged.subsets.into_iter();
        subsets.map(|(name, (_, subset))| (name, subset)).collect()
    }

    /// Returns all DestinationRules that name this very host, in whichever namespace and whoever may see them,
    /// sorted as they are merged.
    pub fn destination_rules_of(&self, host: &str) -> Vec<&DestinationRule> {
        let named = self.by_host.of_host(host);
        named
            .filter_map(|idx| self.destination_rules.get(idx))
            .collect()
    }

    /// Returns whether a ServiceEntry that anybody sees speaks for a host by its full name. Of wildcards it is
    /// enough that one stands for the other.
    pub fn is_entry(&self, host: &str) -> bool {
        let mut known = self.entry_hosts.iter();
        known.any(|it| hosts::covers(it, host) || hosts::covers(host, it))
    }

    /// Returns the ports of a host by its full name, sorted: of the service, else of ServiceEntries.
    pub fn ports_of(&self, host: &str) -> Vec<u16> {
        let service = hosts::service_of(host, &self.domain);
        let service = service.and_then(|key| self.inventory.services.get(&key));
        let entries = self.service_entries.iter().filter(|entry| {
            let full = |it: &String| hosts::full_host(it, &entry.namespace, &self.domain);
            let mut hosts_of = entry.hosts.iter().map(full);
            hosts_of.any(|it| hosts::covers(&it, host))
        });
        let mut ports: Vec<u16> = match service {
            Some(service) => service.ports.iter().map(|port| port.port).collect(),
            None => entries
                .flat_map(|it| &it.ports)
                .map(|port| port.port)
                .collect(),
        };
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Returns the VirtualServices that speak for hosts.
    fn spoken(&self) -> &[Spoken] {
        let make = || delegates::spoken(&self.virtual_services, &self.domain);
        self.spoken.get_or_init(make)
    }

    /// Returns the VirtualServices that the proxies of a namespace follow as callers `gateway`, in the order in
    /// which they look: what is theirs alone first, then what is exported to them, then what all see.
    fn spoken_to<'a>(&'a self, namespace: &str, gateway: &str) -> Vec<&'a Spoken> {
        let mut ranked: Vec<(Rank, &Spoken)> = self
            .spoken()
            .iter()
            .filter(|spoken| spoken.vs.gateways.iter().any(|g| g == gateway))
            .filter_map(|spoken| {
                let rank = visible(&spoken.vs.export_to, &spoken.vs.namespace, namespace)?;
                Some((rank, spoken))
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, spoken)| spoken).collect()
    }
}

fn age(vs: &VirtualService) -> (&str, &str, &str) {
    (&vs.created, &vs.name, &vs.namespace)
}

/// How near an object is to those who see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Own,
    Exported,
    Public,
}

/// Returns how a namespace sees an object of namespace `own` with this `exportTo`, if it does.
fn visible(export_to: &[String], own: &str, namespace: &str) -> Option<Rank> {
    let says = |word: &str| export_to.iter().any(|it| it == word);
    if export_to.is_empty() || says("*") {
        return Some(Rank::Public);
    }
    if says("~") {
        return None;
    }
    if namespace == own && (says(".") || says(own)) {
        return Some(Rank::Own);
    }
    (namespace != own && says(namespace)).then_some(Rank::Exported)
}

/// Returns whether some proxy sees two VirtualServices, exported like this, as near: which of them it follows
/// is then a matter of their age. One that is nearer than the other goes before it, and is meant to.
pub fn meet(a: (&[String], &str), b: (&[String], &str)) -> bool {
    let elsewhere = "";
    let named = a.0.iter().chain(b.0).map(String::as_str);
    let mut namespaces = named.chain([a.1, b.1, elsewhere]);
    namespaces.any(|namespace| {
        let rank = visible(a.0, a.1, namespace);
        rank.is_some() && rank == visible(b.0, b.1, namespace)
    })
}

/// Who calls, as far as it is known before a call: istiod gives each proxy only the rules that are for it.
struct Caller<'a> {
    namespace: &'a str,
    labels: &'a BTreeMap<String, String>,
    /// `mesh`, or the gateway it comes through.
    gateway: &'a str,
    port: u16,
}

impl Caller<'_> {
    /// Returns whether conditions on who calls hold for this one. Of a request, a gateway that is named makes
    /// labels and namespace idle.
    fn is_meant(&self, m: &Match, list: RuleList) -> bool {
        let port = m.port.is_none_or(|port| port == self.port);
        let names = m.gateways.iter().any(|gateway| gateway == self.gateway);
        let source = destination_rule::is_subset(&m.source_labels, self.labels)
            && m.source_namespace
                .as_deref()
                .is_none_or(|ns| ns == self.namespace);
        let is_meant = match (list, m.gateways.is_empty()) {
            (_, true) => source,
            (RuleList::Http, false) => names,
            (RuleList::Tls | RuleList::Tcp, false) => names && source,
        };
        port && is_meant
    }
}

/// One way that a proxy has for a call: a rule with one of its sets of conditions; none means everything.
#[derive(Clone, Copy)]
struct Way<'a> {
    said: &'a delegates::Said,
    m: Option<&'a Match>,
}

impl Way<'_> {
    fn takes_all(&self) -> bool {
        self.m.is_none_or(Match::asks_nothing_of_the_call)
    }

    fn takes(&self, request: &Request<'_>) -> bool {
        self.m.is_none_or(|m| registry::matches(m, request))
    }
}

/// Returns the ways that a proxy has by the http rules of one VirtualService: behind one that takes all there
/// are none.
fn http_ways<'a>(spoken: &'a Spoken, caller: &Caller<'_>) -> Vec<Way<'a>> {
    let mut ways = Vec::new();
    for said in spoken.rules_of(RuleList::Http) {
        if said.rule.matches.is_empty() {
            ways.push(Way { said, m: None });
            return ways;
        }
        for m in &said.rule.matches {
            if !caller.is_meant(m, RuleList::Http) {
                continue;
            }
            let way = Way { said, m: Some(m) };
            ways.push(way);
            if way.takes_all() {
                return ways;
            }
        }
    }
    ways
}

/// Returns what the first way that takes the request makes of it.
fn first_way<'a>(
    routing: &Routing,
    request: &Request<'_>,
    mut ways: impl Iterator<Item = &'a Way<'a>>,
) -> Verdict {
    match ways.find(|way| way.takes(request)) {
        Some(way) => taken(routing, request, way.said),
        None => Verdict::NoRoute,
    }
}

/// Returns what a rule makes of a call that it matches.
fn taken(routing: &Routing, request: &Request<'_>, said: &delegates::Said) -> Verdict {
    let rule = Some(said.by.clone());
    match &said.rule.action {
        Action::Redirect { status, .. } | Action::DirectResponse { status } => Verdict::Answer {
            status: *status,
            rule,
        },
        // A rule that hands over is not left in what is spoken.
        Action::Route | Action::Delegate { .. } => {
            let destinations = &said.rule.destinations;
            let lone = destinations.len() == 1;
            let shares = destinations.iter().filter_map(|to| {
                let weight = match lone {
                    true => 1,
                    false => to.weight.unwrap_or(0),
                };
                let host = hosts::full_host(&to.host, &said.by.namespace, &routing.domain);
                let subset = to.subset.clone();
                (weight != 0)
                    .then(|| registry::share(routing, request, host, subset, to.port, weight))
            });
            Verdict::Route(Route {
                rule,
                shares: shares.collect(),
                delay: said.rule.delay.clone(),
                abort: said.rule.abort.clone(),
            })
        }
    }
}

/// Returns that the host itself takes the call, since no rule speaks for it.
fn unruled(routing: &Routing, request: &Request<'_>, host: &str) -> Verdict {
    let port = Some(request.port);
    Verdict::Route(Route {
        rule: None,
        shares: vec![registry::share(
            routing,
            request,
            host.to_owned(),
            None,
            port,
            1,
        )],
        delay: None,
        abort: None,
    })
}

#[cfg(test)]
mod tests;
