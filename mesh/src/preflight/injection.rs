//! Who is outside of the mesh, and whose pods are not what new ones would be.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cluster, Look, MAX_NAMED, count, lines, named};
use crate::api::preflight::Item;
use crate::api::sidecars::ProxyKind;
use crate::injection::{is_system, label};
use crate::inventory::{Injection, NAMESPACE_LABEL, Stale, Why};
use crate::sidecars::kind_of;

const NAMESPACES: Look = Look {
    id: "injection.namespaces",
    title: "Namespaces outside of the mesh",
    why: "No proxy reports what pods there call, or calls among them; and weights do not move their calls.",
};

const OPTED_OUT: Look = Look {
    id: "injection.opted_out",
    title: "Workloads that stay outside",
    why: "Their calls are seen by the other side's proxy alone, and ignore weights.",
};

const NO_SIDECAR: Look = Look {
    id: "restarts.sidecar",
    title: "Pods without the sidecar that new ones get",
    why: "Injection acts when a pod is made: those that were there before stay outside until they are restarted.",
};

const REVISION: Look = Look {
    id: "restarts.revision",
    title: "Pods with the sidecar of another revision",
    why: "They follow another control plane than their namespace says, until they are restarted.",
};

const LEFTOVER: Look = Look {
    id: "restarts.leftover",
    title: "Pods with a sidecar that new ones do not get",
    why: "They leave the mesh when they are restarted, whoever does that, and whenever.",
};

const WORKLOADS: [&str; 4] = ["Namespace", "Deployment", "StatefulSet", "DaemonSet"];

/// Returns who is outside of the mesh.
pub fn items(cluster: &Cluster<'_>) -> Vec<Item> {
    if let Some(why) = cluster.unknown_of(&WORKLOADS) {
        return [NAMESPACES, OPTED_OUT]
            .map(|it| it.unknown(why.clone()))
            .to_vec();
    }
    vec![namespaces(cluster), opted_out(cluster)]
}

fn namespaces(cluster: &Cluster<'_>) -> Item {
    let inventory = cluster.inventory;
    // The kinds of workloads that are to be restarted, and how many there are.
    let mut outside: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    let mut inside = BTreeSet::new();
    for workload in inventory.workloads.values() {
        let namespace = workload.namespace.as_str();
        let injection = inventory.injection(workload);
        if injection.is_in() && !is_system(namespace) {
            inside.insert(namespace);
        }
        // Who said that it stays outside meant it.
        let is_forgotten = inventory.namespace_injection(namespace) == Injection::Unset
            && injection == Injection::Unset;
        let is_counted = workload.wanted > 0
            && !is_system(namespace)
            && kind_of(&workload.name, Some(workload)) == ProxyKind::Sidecar;
        if is_forgotten && is_counted {
            let (kinds, n) = outside.entry(namespace).or_default();
            kinds.insert(workload.kind.as_str());
            *n += 1;
        }
    }
    if outside.is_empty() {
        return NAMESPACES.ok(match inside.len() {
            0 => "No workload is in the mesh, and none waits to be.".to_owned(),
            n => format!(
                "None: workloads of {} are in the mesh.",
                count(n, "namespace")
            ),
        });
    }
    let told: Vec<String> = outside
        .iter()
        .map(|(namespace, (_, n))| format!("{namespace} ({})", count(*n, "workload")))
        .collect();
    let right = label::of_mesh(inventory);
    let mut commands = Vec::new();
    for (namespace, (kinds, _)) in &outside {
        // A label that means nothing would still go before the revision's.
        let labels = inventory.namespaces.get(*namespace);
        let has_other = labels.is_some_and(|it| it.contains_key(NAMESPACE_LABEL));
        let line = right.line(has_other);
        let overwrite = if has_other { " --overwrite" } else { "" };
        commands.push(format!(
            "kubectl label namespace {namespace} {}{overwrite}",
            line.text
        ));
        if line.needs_restart {
            commands.extend(kinds.iter().map(|kind| restart(kind, "", namespace)));
        }
    }
    NAMESPACES
        .warn(format!("Workloads that get no sidecar: {}.", named(&told)))
        .mend("label those that belong to the mesh, leave out the others; new pods get a sidecar, old ones do not")
        .paste(lines(&commands))
}

/// Returns the command that restarts workloads of a kind: one, or all of a namespace.
fn restart(kind: &str, name: &str, namespace: &str) -> String {
    if kind == "Rollout" {
        let name = if name.is_empty() { "NAME" } else { name };
        return format!("kubectl argo rollouts restart {name} -n {namespace}");
    }
    let kind = kind.to_ascii_lowercase();
    match name {
        "" => format!("kubectl rollout restart {kind} -n {namespace}"),
        name => format!("kubectl rollout restart {kind}/{name} -n {namespace}"),
    }
}

fn opted_out(cluster: &Cluster<'_>) -> Item {
    let inventory = cluster.inventory;
    let out = inventory.workloads.values().filter(|it| {
        inventory.namespace_injection(&it.namespace).is_in()
            && inventory.injection(it) == Injection::Off
            && it.wanted > 0
            // Gateways and waypoints are proxies themselves.
            && kind_of(&it.name, Some(it)) == ProxyKind::Sidecar
    });
    let out: Vec<String> = out
        .map(|it| match it.host_network {
            true => format!("{}/{} (on its machine's network)", it.namespace, it.name),
            false => format!("{}/{}", it.namespace, it.name),
        })
        .collect();
    match out.len() {
        0 => OPTED_OUT.ok("None in the namespaces of the mesh."),
        // They were told to.
        _ => OPTED_OUT.ok(format!(
            "In namespaces of the mesh, and told to stay outside: {}.",
            named(&out)
        )),
    }
}

/// Returns whose pods are not what new ones would be.
pub fn restarts(cluster: &Cluster<'_>) -> Vec<Item> {
    let looks = [NO_SIDECAR, REVISION, LEFTOVER];
    let needed = [&WORKLOADS[..], &["Pod"]].concat();
    if let Some(why) = cluster.unknown_of(&needed) {
        return looks.map(|it| it.unknown(why.clone())).to_vec();
    }
    let inventory = cluster.inventory;
    if inventory.pods.is_empty() {
        return vec![NO_SIDECAR.ok("No pod is seen here, so none is due.")];
    }
    let mut due: [Vec<&Stale<'_>>; 3] = Default::default();
    let stale = inventory.stale();
    for it in &stale {
        let [without, other, leftover] = &mut due;
        match it.why {
            Why::NoSidecar => without.push(it),
            Why::OtherRevision { .. } => other.push(it),
            Why::StillSidecar => leftover.push(it),
        }
    }
    let items = looks.into_iter().zip(due);
    items
        .map(|(look, stale)| restarts_of(look, &stale))
        .collect()
}

fn restarts_of(look: Look, stale: &[&Stale<'_>]) -> Item {
    if stale.is_empty() {
        return look.ok("None.");
    }
    let told: Vec<String> = stale
        .iter()
        .map(|it| {
            let revisions = match &it.why {
                Why::OtherRevision { has, wanted } => format!(": {has} instead of {wanted}"),
                _ => String::new(),
            };
            let Stale {
                namespace,
                name,
                pods,
                of,
                ..
            } = it;
            format!(
                "{namespace}/{name} ({pods} of {}{revisions})",
                count(*of, "pod")
            )
        })
        .collect();
    let commands: Vec<String> = stale
        .iter()
        .map(|it| restart(it.kind, it.name, it.namespace))
        .collect();
    let more = match stale.len() > MAX_NAMED {
        true => "; the lines go through all of them",
        false => "",
    };
    look.warn(format!("{}.", named(&told)))
        .mend(format!(
            "restart them when it suits: pods go one after the other{more}"
        ))
        .paste(lines(&commands))
}
