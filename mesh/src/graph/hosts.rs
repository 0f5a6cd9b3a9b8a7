//! Which hosts lie outside the mesh (rule R7).

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::routing::service_entry::ServiceEntry;
use crate::telemetry::ServiceRef;

/// Knows the hosts that are not of the cluster: by its ServiceEntries, else by their look.
pub struct Hosts<'a> {
    inventory: Option<&'a Inventory>,
    exact: BTreeMap<&'a str, &'a ServiceEntry>,
    /// By what follows the star.
    wild: BTreeMap<&'a str, &'a ServiceEntry>,
}

impl<'a> Hosts<'a> {
    /// Reads the cluster's ServiceEntries; of two for one host, the first by namespace and name.
    pub fn of(inventory: Option<&'a Inventory>) -> Hosts<'a> {
        let (mut exact, mut wild) = (BTreeMap::new(), BTreeMap::new());
        let entries = inventory.into_iter();
        for entry in entries.flat_map(|it| it.service_entries.values()) {
            for host in &entry.hosts {
                match host.strip_prefix('*') {
                    Some(end) => wild.entry(end).or_insert(entry),
                    None => exact.entry(host.as_str()).or_insert(entry),
                };
            }
        }
        Hosts {
            inventory,
            exact,
            wild,
        }
    }

    /// Returns the ServiceEntry that makes a host known.
    pub fn entry(&self, host: &str) -> Option<&'a ServiceEntry> {
        if let Some(entry) = self.exact.get(host) {
            return Some(entry);
        }
        // The longest wildcard, as Istio matches; the host may be the wildcard itself.
        let host = host.strip_prefix('*').unwrap_or(host);
        let dots = host.match_indices('.').map(|(at, _)| at);
        let mut ends = dots.filter_map(|at| host.get(at..));
        ends.find_map(|end| self.wild.get(end).copied())
    }

    /// Returns whether what was called is a host outside the mesh.
    pub fn is_outside(&self, service: &ServiceRef) -> bool {
        let name = service.name.as_str();
        let namespace = service.namespace.as_ref().map(|n| n.as_str());
        let is_service = self.inventory.zip(namespace).is_some_and(|(it, ns)| {
            let place = (ns.to_owned(), name.to_owned());
            it.services.contains_key(&place)
        });
        if is_service {
            return false;
        }
        match self.entry(name) {
            Some(entry) => entry.is_external,
            None => looks_outside(name, namespace),
        }
    }
}

/// Names of services have no dots; those of the cluster's hosts have `svc` in them. An address may be
/// anything's.
fn looks_outside(name: &str, namespace: Option<&str>) -> bool {
    let labels = || name.split('.');
    let ends_in_namespace = namespace.is_some_and(|ns| labels().nth(1) == Some(ns));
    labels().nth(1).is_some_and(|part| !part.is_empty())
        && !labels().any(|part| part == "svc")
        && !(ends_in_namespace && labels().count() == 2)
        && name.parse::<IpAddr>().is_err()
}
