//! Why a graph may be empty, or lack a part (rule R11): what to do about it, with the lines to paste.
//!
//! At most one notice of a kind; each names a few things and says how many more there are.

use std::collections::BTreeMap;

use crate::api::Notice;
use crate::api::query::GraphQuery;
use crate::injection::{is_system, label};
use crate::inventory::{Injection, Inventory, NAMESPACE_LABEL, Stale, Why};
use crate::units::Window;
use crate::wording::{count, listed};

use super::Facts;

#[cfg(test)]
mod tests;

/// How many namespaces or workloads a notice names.
const MAX_NAMED: usize = 5;
/// Windows that people choose, in seconds: what is advised is one of them.
const CHOICES: [u32; 8] = [60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400];
/// So many scrapes give a rate that does not jump.
const GOOD_SCRAPES: f64 = 4.0;

/// Returns why the graph of `facts` may lack something. The cluster is spoken of where the window tells of now.
pub fn notices(facts: &Facts, query: &GraphQuery, is_now: bool) -> Vec<Notice> {
    let mut notices = Vec::new();
    let short = too_short(facts);
    if is_empty(facts) && short.is_none() {
        notices.push(no_samples(facts.window));
    }
    notices.extend(short);
    if let Some(inventory) = facts.inventory.as_deref().filter(|_| is_now) {
        notices.extend(not_injected(inventory, query));
        notices.extend(not_restarted(inventory, query));
    }
    if let Some(traced) = facts
        .traced
        .as_deref()
        .filter(|it| is_now && it.n_left_out > 0)
    {
        notices.push(Notice {
            kind: "traced_cut".to_owned(),
            source: "jaeger".to_owned(),
            message: format!(
                "Traces tell of calls between {} more pairs of services that no proxy reports: they are not drawn.",
                traced.n_left_out
            ),
            hint: Some("services in the mesh show with their rates: inject what should be seen".to_owned()),
        });
    }
    notices
}

fn is_empty(facts: &Facts) -> bool {
    facts.tcp.is_empty() && !facts.requests.iter().any(|sample| sample.value > 0.0)
}

fn no_samples(window: Window) -> Notice {
    Notice {
        kind: "no_samples".to_owned(),
        source: "pidali".to_owned(),
        message: format!("No proxy reported any traffic in {window}."),
        hint: Some(
            "the sources page says which metrics and labels are there; a longer window may hold traffic"
                .to_owned(),
        ),
    }
}

/// A counter tells how much it rose only where the window holds two scrapes of it.
fn too_short(facts: &Facts) -> Option<Notice> {
    let interval = facts.scrape_interval_s.filter(|it| *it > 0.0)?;
    let window = f64::from(facts.window.secs());
    if window >= 2.0 * interval {
        return None;
    }
    let fits = |secs: &u32| f64::from(*secs) >= GOOD_SCRAPES * interval;
    let choice = CHOICES.into_iter().find(fits).and_then(Window::from_secs);
    Some(Notice {
        kind: "window_too_short".to_owned(),
        source: "pidali".to_owned(),
        message: format!(
            "The window of {} holds fewer than two scrapes: the proxies are scraped every {interval:.0} s, and \
             what happened between two scrapes is told by both.",
            facts.window
        ),
        hint: Some(match choice {
            Some(choice) => format!("choose a window of {choice} or more"),
            None => "scrape the proxies more often".to_owned(),
        }),
    })
}

fn is_asked(query: &GraphQuery, namespace: &str) -> bool {
    query.namespaces.is_empty() || query.namespaces.iter().any(|it| it == namespace)
}

/// Namespaces that nobody let into the mesh, with the workloads in them that are outside.
fn not_injected(inventory: &Inventory, query: &GraphQuery) -> Option<Notice> {
    let mut outside: BTreeMap<&str, usize> = BTreeMap::new();
    for workload in inventory.workloads.values() {
        let namespace = workload.namespace.as_str();
        // Who said that it stays outside meant it.
        let is_forgotten = inventory.namespace_injection(namespace) == Injection::Unset
            && inventory.injection(workload) == Injection::Unset;
        if is_forgotten
            && workload.wanted > 0
            && is_asked(query, namespace)
            && !is_system(namespace)
        {
            *outside.entry(namespace).or_default() += 1;
        }
    }
    let names: Vec<&str> = outside.keys().copied().collect();
    let told: Vec<String> = outside
        .iter()
        .map(|(name, n)| format!("{name} ({})", count(*n, "workload")))
        .collect();
    let (subject, verb) = match names.len() {
        0 => return None,
        1 => ("Namespace", "is"),
        _ => ("Namespaces", "are"),
    };
    let named = names.get(..names.len().min(MAX_NAMED)).unwrap_or_default();
    // A label that means nothing would still go before the revision's.
    let has_other = named.iter().any(|name| {
        let labels = inventory.namespaces.get(*name);
        labels.is_some_and(|labels| labels.contains_key(NAMESPACE_LABEL))
    });
    let label = label::of_mesh(inventory).line(has_other);
    let names = named.join(" ");
    Some(Notice {
        kind: "not_injected".to_owned(),
        source: "cluster".to_owned(),
        message: format!(
            "{subject} {} {verb} not in the mesh: what the pods there call, and calls among them, no proxy \
             reports.",
            listed(&told, MAX_NAMED)
        ),
        hint: Some(if label.needs_restart {
            let restart = named
                .iter()
                .map(|name| format!("kubectl rollout restart deployment -n {name}"))
                .collect::<Vec<_>>()
                .join("; ");
            format!(
                "kubectl label namespace {names} {} --overwrite; then {restart}",
                label.text
            )
        } else {
            format!("kubectl label namespace {names} {} --overwrite", label.text)
        }),
    })
}

/// Pods that are not what a new one would be.
fn not_restarted(inventory: &Inventory, query: &GraphQuery) -> Option<Notice> {
    let mut stale = inventory.stale();
    stale.retain(|it| is_asked(query, it.namespace));
    if stale.is_empty() {
        return None;
    }
    let told = stale.iter().map(|it| {
        let Stale { pods, of, .. } = it;
        let what = match &it.why {
            Why::NoSidecar => "without a sidecar".to_owned(),
            Why::StillSidecar => "still with a sidecar".to_owned(),
            Why::OtherRevision { has, wanted } => format!("of revision {has} instead of {wanted}"),
        };
        format!("{}/{} ({pods} of {of} pods {what})", it.namespace, it.name)
    });
    // One line for each namespace, since a line names one.
    let mut restarts: BTreeMap<(&str, bool), Vec<String>> = BTreeMap::new();
    for it in stale.iter().take(MAX_NAMED) {
        let is_rollout = it.kind == "Rollout";
        let name = if is_rollout {
            it.name.to_owned()
        } else {
            format!("{}/{}", it.kind.to_ascii_lowercase(), it.name)
        };
        let restart = restarts.entry((it.namespace, is_rollout));
        restart.or_default().push(name);
    }
    let lines: Vec<String> = restarts
        .into_iter()
        .map(|((namespace, is_rollout), names)| {
            let command = if is_rollout {
                "kubectl argo rollouts restart"
            } else {
                "kubectl rollout restart"
            };
            format!("{command} {} -n {namespace}", names.join(" "))
        })
        .collect();
    Some(Notice {
        kind: "not_restarted".to_owned(),
        source: "cluster".to_owned(),
        message: format!(
            "Not restarted since injection or its revision changed: {}.",
            listed(&told.collect::<Vec<_>>(), MAX_NAMED)
        ),
        hint: Some(lines.join("; ")),
    })
}
