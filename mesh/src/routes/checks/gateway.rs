//! What is wrong with Istio's Gateways.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Known, MAX_NAMED, MetBy, WORKLOADS};
use crate::api::routes::{Check, Severity};
use crate::object::ObjectKey;
use crate::routes::measured::Place;
use crate::routes::owner::paste_name;
use crate::routing::destination_rule::is_subset;
use crate::routing::gateway::{Gateway, Passes, Server};
use crate::wording::listed;

/// Finds it.
pub(super) fn find(known: &Known<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for gateway in &known.board.routing.gateways {
        without_workload(known, gateway, &mut faults);
        credentials(known, gateway, &mut faults);
    }
    ports_twice(known, &mut faults);
    faults
}

fn key(gateway: &Gateway) -> ObjectKey {
    ObjectKey {
        kind: "Gateway".to_owned(),
        namespace: gateway.namespace.clone(),
        name: gateway.name.clone(),
    }
}

/// The workloads behind a gateway.
fn behind<'a>(known: &Known<'a>, gateway: &Gateway) -> Option<&'a BTreeSet<Place>> {
    known.board.gateways.get(&gateway.full_name())
}

fn without_workload(known: &Known<'_>, gateway: &Gateway, faults: &mut Vec<Fault>) {
    let board = known.board;
    // Without a selector it is every gateway's.
    if gateway.selector.is_empty() || !board.knows(&WORKLOADS) {
        return;
    }
    let mut pods = board.inventory.pods.values();
    let has_pods = pods.any(|pod| pod.stays && is_subset(&gateway.selector, &pod.labels));
    if has_pods || behind(known, gateway).is_none_or(|places| !places.is_empty()) {
        return;
    }
    let labels: Vec<String> = gateway
        .selector
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let about = key(gateway);
    let check = Check::new("gateway_without_workload", Severity::Warning, &about.id())
        .at("spec.selector".to_owned())
        .known_as(&["KIA0302", "IST0101"])
        .says(format!(
            "No workload has the labels that Gateway {} selects: {}.",
            gateway.full_name(),
            labels.join(", ")
        ))
        .because("Nobody can call through it.")
        .mended(
            "correct the Gateway's selector: istio: ingressgateway for Istio's own, istio: \
             aks-istio-ingressgateway-external for the add-on of AKS",
        );
    faults.push(Fault {
        about,
        check,
        met_by: MetBy::Gateway(gateway.full_name()),
    });
}

/// Finds certificates that are not there. A gateway's pods read secrets of their own namespace, wherever the
/// Gateway is.
fn credentials(known: &Known<'_>, gateway: &Gateway, faults: &mut Vec<Fault>) {
    // Where no secret at all is there, secrets are not told of.
    let Some(secrets) = known
        .there
        .all("Secret")
        .filter(|_| known.board.knows(&["Secret"]))
    else {
        return;
    };
    let namespaces: BTreeSet<&String> = behind(known, gateway)
        .into_iter()
        .flatten()
        .map(|(namespace, _)| namespace)
        .collect();
    for (at, server) in gateway.servers.iter().enumerate() {
        let mode = server.tls_mode.as_deref();
        if !matches!(mode, Some("SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL")) {
            continue;
        }
        let one = server
            .credential_name
            .iter()
            .map(|name| (name, "credentialName".to_owned()));
        let several = server.credential_names.iter().enumerate();
        let several = several.map(|(idx, name)| (name, format!("credentialNames[{idx}]")));
        for (written, field) in one.chain(several) {
            let name = written.strip_prefix("kubernetes://").unwrap_or(written);
            // Certificates may come from elsewhere: builtin://, file://.
            if name.contains("://") || name.is_empty() {
                continue;
            }
            let is_missing =
                |namespace: &&&String| !secrets.contains(&((**namespace).clone(), name.to_owned()));
            let missing: Vec<&&String> = namespaces.iter().filter(is_missing).collect();
            let Some(namespace) = missing.first() else {
                continue;
            };
            let about = key(gateway);
            let named = paste_name(name);
            let check = Check::new("credential_missing", Severity::Error, &about.id())
                .at(format!("spec.servers[{at}].tls.{field}"))
                .known_as(&["IST0101"])
                .says(format!("There is no Secret {name} in namespace {namespace}, where the gateway's pods are."))
                .because(&format!(
                    "Without its certificate the gateway does not open port {}: connections are refused or reset.",
                    server.port
                ))
                .mended("make the secret in the namespace of the gateway's pods, not in the Gateway's")
                .by_command(format!(
                    "kubectl create secret tls {named} -n {} --cert=tls.crt --key=tls.key",
                    paste_name(namespace)
                ));
            faults.push(Fault {
                about,
                check,
                met_by: MetBy::Gateway(gateway.full_name()),
            });
        }
    }
}

/// A server of a gateway, by their places.
type Door = (usize, usize);

/// Finds ports that are opened twice for one host, on the same pods.
fn ports_twice(known: &Known<'_>, faults: &mut Vec<Fault>) {
    let gateways = &known.board.routing.gateways;
    let mut doors: BTreeMap<(u16, String), Vec<(Door, Option<&str>)>> = BTreeMap::new();
    for (idx, gateway) in gateways.iter().enumerate() {
        for (at, server) in gateway.servers.iter().enumerate() {
            for host in &server.hosts {
                let (whose, host) = match host.split_once('/') {
                    Some(("*", host)) => (None, host),
                    Some((".", host)) => (Some(gateway.namespace.as_str()), host),
                    Some((whose, host)) => (Some(whose), host),
                    None => (None, host.as_str()),
                };
                let of = (server.port, host.to_ascii_lowercase());
                doors.entry(of).or_default().push(((idx, at), whose));
            }
        }
    }
    // Two servers that share several hosts are one fault.
    let mut shared: BTreeMap<(Door, Door), Vec<String>> = BTreeMap::new();
    for ((_, host), open) in &doors {
        for (later, (door, whose)) in open.iter().enumerate() {
            let first = open.iter().take(later).find(|(other, others)| {
                let is_theirs = whose.is_none() || others.is_none() || whose == others;
                other != door && is_theirs && collide(known, *other, *door)
            });
            if let Some((first, _)) = first {
                shared
                    .entry((*first, *door))
                    .or_default()
                    .push(host.clone());
            }
        }
    }
    for ((first, later), hosts) in shared {
        faults.extend(twice(known, first, later, &hosts));
    }
}

fn door<'a>(known: &Known<'a>, (gateway, server): Door) -> Option<(&'a Gateway, &'a Server)> {
    let gateway = known.board.routing.gateways.get(gateway)?;
    Some((gateway, gateway.servers.get(server)?))
}

/// Returns whether two servers listen in the same pods, on the same address.
fn collide(known: &Known<'_>, a: Door, b: Door) -> bool {
    let (Some((a, at_a)), Some((b, at_b))) = (door(known, a), door(known, b)) else {
        return false;
    };
    let meet = || {
        let pods = behind(known, a).zip(behind(known, b));
        pods.is_some_and(|(a, b)| !a.is_disjoint(b))
    };
    at_a.bind == at_b.bind && (a.full_name() == b.full_name() || a.selector == b.selector || meet())
}

fn twice(known: &Known<'_>, first: Door, later: Door, hosts: &[String]) -> Option<Fault> {
    let (older, before) = door(known, first)?;
    let (gateway, server) = door(known, later)?;
    let (about, other) = (key(gateway), key(older));
    let named = listed(hosts, MAX_NAMED);
    let is_plain = |it: &Server| it.passes() == Passes::Requests && it.tls_mode.is_none();
    let why = match is_plain(server) && is_plain(before) {
        true => {
            "Istio reads both as one: which of two VirtualServices on them comes first is not said."
        }
        false => {
            "One of both decides which certificate is shown and who ends the connection; the other is left out."
        }
    };
    let (told, other_id) = match about == other {
        true => (format!("server {} of the same Gateway", first.1), None),
        false => (format!("Gateway {}", older.full_name()), Some(other.id())),
    };
    let check = Check::new("port_twice", Severity::Warning, &about.id())
        .at(format!("spec.servers[{}].hosts", later.1))
        .known_as(&["KIA0301", "IST0145"])
        .says(format!(
            "Port {} is opened for {named} by {told} as well.",
            server.port
        ))
        .because(why)
        .mended("leave the host to one of both");
    let check = match other_id {
        Some(id) => check.beside(&id),
        None => check,
    };
    Some(Fault {
        about,
        check,
        met_by: MetBy::Gateway(gateway.full_name()),
    })
}
