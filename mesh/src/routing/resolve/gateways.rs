//! What a gateway does with a call that comes in.

use std::collections::BTreeMap;

use super::{Caller, Request, Routing, Spoken, Verdict, Way, sidecars};
use crate::routing::destination_rule::is_subset;
use crate::routing::gateway::{Gateway, Passes, Server};
use crate::routing::hosts;
use crate::routing::rule::{Match, RuleList};

pub(super) fn decide(routing: &Routing, request: &Request<'_>) -> Verdict {
    let own = routing
        .gateways
        .iter()
        .filter(|gateway| is_subset(&gateway.selector, request.labels));
    let open: Vec<(&Gateway, &Server)> = own
        .flat_map(|gateway| gateway.servers.iter().map(move |server| (gateway, server)))
        .filter(|(_, server)| server.port == request.port)
        .collect();
    match request.protocol {
        RuleList::Http => http(routing, request, &open),
        RuleList::Tls | RuleList::Tcp => connection(routing, request, &open),
    }
}

/// A host that is open at a port, and the ways behind it.
#[derive(Default)]
struct Door<'a> {
    ways: Vec<Way<'a>>,
    /// Whoever comes without TLS is sent to `https`.
    redirects: bool,
}

/// All VirtualServices of one host are read together, oldest first; a way that takes all comes after those of
/// the others, since it would shut them.
fn http(routing: &Routing, request: &Request<'_>, open: &[(&Gateway, &Server)]) -> Verdict {
    let mut doors: BTreeMap<String, Door<'_>> = BTreeMap::new();
    for (gateway, server) in open {
        if server.passes() != Passes::Requests {
            continue;
        }
        let name = gateway.full_name();
        let caller = Caller {
            namespace: request.namespace,
            labels: request.labels,
            gateway: &name,
            port: request.port,
        };
        for spoken in routing.spoken_to(request.namespace, &name) {
            let shared = shared_hosts(gateway, server, spoken);
            let ways = match shared.is_empty() {
                true => continue,
                false => super::http_ways(spoken, &caller),
            };
            if ways.is_empty() {
                continue;
            }
            for host in shared {
                let door = doors.entry(host).or_default();
                door.ways.extend(ways.iter().copied());
                door.redirects |= server.redirects_to_https;
            }
        }
        if server.redirects_to_https {
            for host in &server.hosts {
                // Whoever may speak for it: the redirect comes before.
                let host = host.split_once('/').map_or(host.as_str(), |(_, host)| host);
                doors
                    .entry(host.to_ascii_lowercase())
                    .or_default()
                    .redirects = true;
            }
        }
    }
    let host = request.host.to_ascii_lowercase();
    let fitting = doors
        .into_iter()
        .filter_map(|(pattern, door)| Some((hosts::specificity(&pattern, &host)?, door)));
    let Some((_, door)) = fitting.max_by_key(|(fit, _)| *fit) else {
        return Verdict::NoRoute;
    };
    if door.redirects && request.scheme != "https" {
        return Verdict::Answer {
            status: 301,
            rule: None,
        };
    }
    let (last, first): (Vec<Way<'_>>, Vec<Way<'_>>) =
        door.ways.iter().partition(|way| way.takes_all());
    super::first_way(routing, request, first.iter().chain(&last))
}

/// A connection has a port and perhaps a name: servers that end its TLS, or see none, ask tcp rules, those that
/// pass it on sealed ask tls rules.
fn connection(routing: &Routing, request: &Request<'_>, open: &[(&Gateway, &Server)]) -> Verdict {
    let mut sealed = Vec::new();
    for (gateway, server) in open {
        let name = gateway.full_name();
        // What a gateway is told of its callers' labels and namespace it does not look at for connections.
        let is_meant = |m: &Match| {
            m.port.is_none_or(|port| port == server.port)
                && (m.gateways.is_empty() || m.gateways.contains(&name))
        };
        let bound = routing.spoken_to(request.namespace, &name);
        let bound = bound
            .into_iter()
            .filter(|spoken| !shared_hosts(gateway, server, spoken).is_empty());
        match server.passes() {
            Passes::Requests => {}
            Passes::Sealed => {
                let rules = bound.flat_map(|spoken| spoken.rules_of(RuleList::Tls));
                let ways = rules.flat_map(|said| {
                    let matches = said.rule.matches.iter();
                    matches.map(move |m| Way { said, m: Some(m) })
                });
                sealed.extend(ways.filter(|way| way.m.is_some_and(is_meant)));
            }
            Passes::Connections => {
                let ends_tls = server.tls_mode.is_some();
                if ends_tls && !opens(gateway, server, request.sni) {
                    continue;
                }
                let mut rules = bound.flat_map(|spoken| spoken.rules_of(RuleList::Tcp));
                let said = rules.find(|said| {
                    let matches = &said.rule.matches;
                    matches.is_empty() || matches.iter().any(is_meant)
                });
                if let Some(said) = said {
                    return super::taken(routing, request, said);
                }
            }
        }
    }
    match request.protocol {
        RuleList::Tls => sidecars::by_name(routing, request, &sealed),
        RuleList::Tcp | RuleList::Http => Verdict::NoRoute,
    }
}

fn opens(gateway: &Gateway, server: &Server, name: &str) -> bool {
    let own = &gateway.namespace;
    let mut open = server.hosts_for(own, own);
    open.any(|host| hosts::specificity(host, name).is_some())
}

/// Returns the hosts that a server opens and a VirtualService speaks for: of two wildcards the narrower.
fn shared_hosts(gateway: &Gateway, server: &Server, spoken: &Spoken) -> Vec<String> {
    let mut shared = Vec::new();
    for open in server.hosts_for(&spoken.vs.namespace, &gateway.namespace) {
        let open = open.to_ascii_lowercase();
        for host in &spoken.hosts {
            if hosts::covers(host, &open) {
                shared.push(open.clone());
            } else if hosts::covers(&open, host) {
                shared.push(host.clone());
            }
        }
    }
    shared.sort();
    shared.dedup();
    shared
}
