//! What the proxy of a caller inside the mesh does with a call.

use super::{Caller, Request, Routing, Spoken, Verdict, Way, registry};
use crate::routing::hosts;
use crate::routing::rule::RuleList;

pub(super) fn decide(routing: &Routing, request: &Request<'_>) -> Verdict {
    let host = request.host.to_ascii_lowercase();
    let known = registry::known(routing, &host, request.namespace);
    let port = known.as_ref().map(|it| it.port(request.port));
    let asks = match port {
        // A port that is not the service's is no business of the mesh.
        Some(None) => return Verdict::Passthrough,
        Some(Some(port)) => registry::asked(port, request.protocol),
        None => request.protocol,
    };
    let caller = Caller {
        namespace: request.namespace,
        labels: request.labels,
        gateway: hosts::MESH,
        port: request.port,
    };
    let spoken = routing.spoken_to(request.namespace, hosts::MESH);
    let ruled = match asks {
        RuleList::Http => http(routing, request, &caller, &host, &spoken),
        RuleList::Tls => tls(routing, request, &caller, &host, &spoken),
        RuleList::Tcp => tcp(routing, request, &caller, &host, &spoken),
    };
    match (ruled, known) {
        // For a name that is nobody's, rules hold where requests go by default.
        (Some(ruled), None) if asks == RuleList::Http && request.port == 80 => ruled,
        (Some(ruled), Some(_)) => ruled,
        (None, Some(_)) => super::unruled(routing, request, &host),
        (_, None) => Verdict::Passthrough,
    }
}

/// One VirtualService decides, whole: the first that names the host and has a rule for this caller, else the one
/// whose wildcard fits best, unless a closer one was passed over.
fn http(
    routing: &Routing,
    request: &Request<'_>,
    caller: &Caller<'_>,
    host: &str,
    spoken: &[&Spoken],
) -> Option<Verdict> {
    let named = spoken
        .iter()
        .filter(|it| it.hosts.iter().any(|h| h == host));
    let mut ways = named
        .map(|it| super::http_ways(it, caller))
        .filter(|ways| !ways.is_empty());
    let ways = ways.next().or_else(|| {
        // Of those that fit equally the first: `max_by_key` would take the last.
        let best = spoken.iter().filter_map(|it| it.fits(host)).max()?;
        let closest = spoken.iter().find(|it| it.fits(host) == Some(best))?;
        Some(super::http_ways(closest, caller)).filter(|ways| !ways.is_empty())
    })?;
    Some(super::first_way(routing, request, ways.iter()))
}

/// The first rule for this caller decides, whichever VirtualService of the host says it.
fn tcp(
    routing: &Routing,
    request: &Request<'_>,
    caller: &Caller<'_>,
    host: &str,
    spoken: &[&Spoken],
) -> Option<Verdict> {
    let those = spoken.iter().filter(|it| it.fits(host).is_some());
    let mut rules = those.flat_map(|it| it.rules_of(RuleList::Tcp));
    let said = rules.find(|said| {
        let mut matches = said.rule.matches.iter();
        said.rule.matches.is_empty()
            || matches
                .any(|m| m.destination_subnets.is_empty() && caller.is_meant(m, RuleList::Tcp))
    })?;
    Some(super::taken(routing, request, said))
}

/// Of all rules for this caller that one decides whose name fits best, as Envoy chooses; the first of equals.
fn tls(
    routing: &Routing,
    request: &Request<'_>,
    caller: &Caller<'_>,
    host: &str,
    spoken: &[&Spoken],
) -> Option<Verdict> {
    let those = spoken.iter().filter(|it| it.fits(host).is_some());
    let rules = those.flat_map(|it| it.rules_of(RuleList::Tls));
    let ways: Vec<Way<'_>> = rules
        .flat_map(|said| {
            said.rule
                .matches
                .iter()
                .map(move |m| Way { said, m: Some(m) })
        })
        .filter(|way| way.m.is_some_and(|m| caller.is_meant(m, RuleList::Tls)))
        .collect();
    if ways.is_empty() {
        return None;
    }
    Some(by_name(routing, request, &ways))
}

/// Returns what the way makes of a TLS connection whose name fits best; the first of equals.
pub(super) fn by_name(routing: &Routing, request: &Request<'_>, ways: &[Way<'_>]) -> Verdict {
    let sni = request.sni.to_ascii_lowercase();
    let fit = |way: &Way<'_>| {
        let m = way.m.filter(|m| m.destination_subnets.is_empty())?;
        let names = m.sni_hosts.iter();
        names.filter_map(|it| hosts::specificity(it, &sni)).max()
    };
    let best = ways.iter().filter_map(fit).max();
    let way = ways.iter().find(|way| best.is_some() && fit(way) == best);
    match way {
        Some(way) => super::taken(routing, request, way.said),
        None => Verdict::NoRoute,
    }
}
