//! Why things are as they are, in words (rules R2, R7).

use crate::api::NodeKind;

use super::identity::{self, Identity};
use super::roles::Role;
use super::totals::Totals;
use super::views::{Node, Outside};

/// The flags of calls that ended before the server heard of them.
const UNHEARD: [&str; 8] = ["UH", "UF", "UO", "NR", "NC", "FI", "RL", "UAEX"];

/// Says why two views differ: `is_more` where the server saw more.
pub fn difference(is_more: bool, what: &str, client: &Totals, names: &[String]) -> String {
    let mut out = if is_more && what == "requests" {
        let retried = if client.flags().any(|flag| flag == "URX") {
            " Retries were used up here (URX)."
        } else {
            ""
        };
        format!(
            "The server saw more requests than the client sent: retries and mirrored requests are counted \
             there.{retried}"
        )
    } else if is_more {
        format!(
            "The server saw more {what} than the client opened: some were made without the client's proxy."
        )
    } else {
        let unheard: Vec<&str> = client
            .flags()
            .filter(|flag| UNHEARD.contains(flag))
            .filter_map(flag)
            .collect();
        let why = if unheard.is_empty() {
            "some failed before they reached it, or were sent to an alias host".to_owned()
        } else {
            format!("some failed before they reached it: {}", unheard.join(", "))
        };
        format!("The server saw fewer {what} than the client sent: {why}.")
    };
    if names.len() > 1 {
        out += &format!(
            " It is called under {} names ({}): what the client counts under one, the server may count under \
             another.",
            names.len(),
            names.join(", ")
        );
    }
    out
}

/// Says why a node is special, where it is.
pub fn explanation(identity: &Identity, node: &Node, outside: &Outside) -> Option<String> {
    let mut says: Vec<String> = what_it_is(identity, node, outside).into_iter().collect();
    if node.is_dead() {
        says.push(dead(node));
    }
    if node.is_not_injected() {
        says.push(
            "Not injected: its pods have no sidecar, so only the other side of its calls reports them."
                .to_owned(),
        );
    }
    (!says.is_empty()).then(|| says.join(" "))
}

fn what_it_is(identity: &Identity, node: &Node, outside: &Outside) -> Option<String> {
    let text = match identity {
        Identity::Unknown { .. } => return Some(unknown(node, outside)),
        Identity::Traced { .. } => {
            "Only traces know of it: no proxy reports its calls. What is sampled gives no rates."
        }
        Identity::Egress { name, .. } if &**name == identity::BLACK_HOLE => {
            "Calls to hosts that the mesh does not know; the mesh refuses them."
        }
        Identity::Egress { .. } => {
            "Calls to hosts that the mesh does not know; they pass through unseen."
        }
        Identity::External { .. } => {
            return Some(match &node.entry {
                Some(entry) => {
                    format!("A host outside the mesh, made known by the ServiceEntry {entry}.")
                }
                None => "A host outside the mesh.".to_owned(),
            });
        }
        Identity::Service { .. } if node.without_endpoint && node.inbound.is_some() => {
            let flags = node.inbound.iter().flat_map(|it| it.totals.flags());
            let flags: Vec<&str> = flags.filter_map(flag).collect();
            let why = if flags.is_empty() {
                String::new()
            } else {
                format!(": {}", flags.join(", "))
            };
            return Some(format!("No endpoint of the service took these calls{why}."));
        }
        _ => match node.role? {
            Role::Ingress => "An ingress gateway: calls from outside come into the mesh here.",
            Role::Egress => "An egress gateway: calls leave the mesh here.",
            Role::Waypoint => {
                "A waypoint: calls to ambient workloads pass through it. What it reports itself is drawn \
                 between those who call and those who answer."
            }
        },
    };
    Some(text.to_owned())
}

fn unknown(node: &Node, outside: &Outside) -> String {
    let mut out = Vec::new();
    if node.inbound.is_some() {
        let text = "The proxies do not say who took these calls: no route matched them.";
        out.push(text.to_owned());
    }
    if node.outbound.is_some() || node.inbound.is_none() {
        let mut text =
            "No sidecar: these callers carry none, so only the called side reports them."
                .to_owned();
        if !outside.namespaces.is_empty() {
            text += &format!(" Namespaces that are not injected: {}.", outside.namespaces);
        }
        if !outside.workloads.is_empty() {
            text += &format!(
                " Workloads that are not injected in others: {}.",
                outside.workloads
            );
        }
        out.push(text);
    }
    out.join(" ")
}

fn dead(node: &Node) -> String {
    let wanted = node.pods.map_or(0, |pods| pods.wanted);
    if wanted == 0 {
        "Dead: calls are addressed to it, yet it is scaled to no pod.".to_owned()
    } else {
        format!("Dead: calls are addressed to it, yet none of its {wanted} pods is ready.")
    }
}

/// Returns what a node is drawn as.
pub fn kind(identity: &Identity, node: &Node) -> NodeKind {
    match (identity.kind(), node.role) {
        (NodeKind::Workload, Some(Role::Waypoint)) => NodeKind::Waypoint,
        (NodeKind::Workload, Some(Role::Ingress | Role::Egress)) => NodeKind::Gateway,
        (kind, _) => kind,
    }
}

/// Returns short facts to mark a node with.
pub fn badges(identity: &Identity, node: &Node) -> Vec<String> {
    let role = match node.role {
        Some(Role::Ingress) => Some("ingress"),
        Some(Role::Egress) => Some("egress"),
        Some(Role::Waypoint) | None => None,
    };
    let is_caller = matches!(identity, Identity::Unknown { .. }) && node.outbound.is_some();
    let facts = [
        ("no_sidecar", is_caller),
        ("mtls_missing", node.mtls_missing),
        ("not_injected", node.is_not_injected()),
        ("dead", node.is_dead()),
    ];
    let facts = facts.into_iter().filter(|(_, is_so)| *is_so);
    role.into_iter()
        .chain(facts.map(|(badge, _)| badge))
        .map(str::to_owned)
        .collect()
}

fn flag(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "UH" => "no healthy endpoint (UH)",
        "UF" => "could not connect (UF)",
        "UO" => "circuit breaker open (UO)",
        "UC" => "connection broke (UC)",
        "UT" => "timed out (UT)",
        "URX" => "retries used up (URX)",
        "NR" => "no route (NR)",
        "NC" => "no such subset (NC)",
        "FI" => "fault injected (FI)",
        "DI" => "delay injected (DI)",
        "RL" => "rate limited (RL)",
        "UAEX" => "denied by authorization (UAEX)",
        "DC" => "the client went away (DC)",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_every_flag_that_is_told_has_words_and_its_name() {
        for it in UNHEARD.into_iter().chain(["UC", "UT", "URX", "DI", "DC"]) {
            let said = flag(it).unwrap_or_default();
            assert!(said.ends_with(&format!("({it})")), "{it}: {said}");
        }
        assert_eq!(flag("-"), None);
    }
}
