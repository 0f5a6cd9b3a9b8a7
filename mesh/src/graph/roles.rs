//! Which workloads are proxies for others: gateways and waypoints (rule R7).

use std::collections::BTreeMap;

use crate::inventory::{Inventory, Workload};

/// What a workload that is a proxy of its own does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Lets calls into the mesh.
    Ingress,
    /// Lets calls out of the mesh.
    Egress,
    /// Stands before ambient workloads.
    Waypoint,
}

/// Knows the roles of workloads: by their labels where the cluster is read, else by their names.
pub struct Roles<'a> {
    inventory: Option<&'a Inventory>,
    labelled: BTreeMap<(&'a str, &'a str), Role>,
}

impl<'a> Roles<'a> {
    /// Reads the labels of the cluster's workloads.
    pub fn of(inventory: Option<&'a Inventory>) -> Roles<'a> {
        let workloads = inventory.into_iter().flat_map(|it| it.workloads.values());
        let labelled = workloads.filter_map(|workload| {
            let place = (workload.namespace.as_str(), workload.name.as_str());
            Some((place, labelled(workload)?))
        });
        Roles {
            labelled: labelled.collect(),
            inventory,
        }
    }

    /// Returns the role of a workload, where it has one.
    pub fn get(&self, namespace: Option<&str>, workload: &str) -> Option<Role> {
        let namespace = namespace.unwrap_or_default();
        if !self.labelled.is_empty()
            && let Some(role) = self.labelled.get(&(namespace, workload))
        {
            return Some(*role);
        }
        match named(workload)? {
            // Many things are called waypoint: labels that do not say so speak against it.
            Role::Waypoint => {
                let place = (namespace.to_owned(), workload.to_owned());
                let is_known = self
                    .inventory
                    .is_some_and(|it| it.workloads.contains_key(&place));
                (!is_known).then_some(Role::Waypoint)
            }
            role => Some(role),
        }
    }
}

fn labelled(workload: &Workload) -> Option<Role> {
    let label = |name: &str| workload.labels.get(name).map(String::as_str);
    // What Istio writes on the gateways that it deploys by itself.
    match label("gateway.istio.io/managed") {
        Some("istio.io-mesh-controller") => return Some(Role::Waypoint),
        Some("istio.io-gateway-controller") => return Some(Role::Ingress),
        _ => {}
    }
    let istio = label("istio")?;
    if istio.contains("ingressgateway") {
        Some(Role::Ingress)
    } else if istio.contains("egressgateway") {
        Some(Role::Egress)
    } else {
        None
    }
}

/// The names that Istio, `istioctl waypoint` and the AKS add-on give.
fn named(workload: &str) -> Option<Role> {
    let plain = workload.strip_prefix("aks-").unwrap_or(workload);
    if plain.starts_with("istio-ingressgateway") {
        Some(Role::Ingress)
    } else if plain.starts_with("istio-egressgateway") {
        Some(Role::Egress)
    } else if workload == "waypoint" || workload.ends_with("-waypoint") {
        Some(Role::Waypoint)
    } else {
        None
    }
}
