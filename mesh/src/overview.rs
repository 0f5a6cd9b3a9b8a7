//! The mesh at one glance: namespaces, worst first. Facts in, the wire out; pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::graph::{Flow, Traffic};
use crate::api::overview::{Ailing, Freshness, MeshTotals, NamespaceRow, Overview};
use crate::api::query::By;
use crate::api::workload::{Injection, InjectionMode, Mtls, WorkloadRow};
use crate::api::{Health, HealthStatus, InventoryQuery, Notice};
use crate::calls::{self, UNKNOWN, When};
use crate::graph::{Calls, Facts, Views};
use crate::injection;
use crate::workload::{self, Crew};

/// How many of what is not well are named.
const MAX_AILING: usize = 5;

/// Returns the namespaces asked for, worst first, with their totals.
pub fn answer(
    facts: &Facts,
    query: &InventoryQuery,
    when: When,
    freshness: Freshness,
    notices: Vec<Notice>,
) -> Overview {
    let crew = Crew::new(facts, when);
    let rows = crew.rows(&when.drawn(facts, By::Workload));
    let mut workloads: BTreeMap<&str, Vec<&WorkloadRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.namespace != UNKNOWN) {
        workloads.entry(&row.namespace).or_default().push(row);
    }
    let services = services(&crew);
    let taken = taken(facts);
    let mutual = calls::mutual(facts, |key| {
        calls::called(key).map(|(_, namespace, _)| namespace)
    });
    let names: BTreeSet<&str> = workloads.keys().chain(services.keys()).copied().collect();
    let names = names.into_iter().filter(|name| query.lists(name));
    let (mut items, mut all) = (Vec::new(), Calls::default());
    for name in names {
        let inside = workloads.get(name).map(Vec::as_slice).unwrap_or_default();
        let calls = taken.get(name);
        if let Some(calls) = calls {
            all.merge(calls);
        }
        items.push(NamespaceRow {
            inbound: calls.map(|it| wire(facts, it)),
            n_services: services.get(name).map_or(0, BTreeSet::len),
            mtls: Mtls {
                ratio: mutual.get(name).copied(),
                ..agreed(inside)
            },
            ..namespace(&crew, name, inside)
        });
    }
    calls::worst_first(&mut items, |row| {
        (&row.health, row.inbound.as_ref(), &row.name, "")
    });
    let shown: BTreeSet<&str> = items.iter().map(|row| row.name.as_str()).collect();
    let mutual = calls::mutual(facts, |key| {
        let (_, namespace, _) = calls::called(key)?;
        shown.contains(namespace).then_some(())
    });
    Overview {
        totals: MeshTotals {
            calls: (all.totals.requests > 0.0).then(|| wire(facts, &all)),
            n_namespaces: items.len(),
            n_services: items.iter().map(|row| row.n_services).sum(),
            n_workloads: items.iter().map(|row| row.n_workloads).sum(),
            pods: workload::all_pods(items.iter().filter_map(|row| row.pods)),
            mtls: Mtls {
                ratio: mutual.get(&()).copied(),
                ..Mtls::default()
            },
        },
        items,
        freshness,
        notices,
        window_s: facts.window.secs(),
        at_ms: when.at.0,
    }
}

fn wire(facts: &Facts, calls: &Calls) -> Traffic {
    calls.totals.to_wire(facts.window, calls.histogram.as_ref())
}

/// Returns the calls that the workloads of each namespace took, or were meant to take: of each call the one view
/// that the graph shows.
fn taken(facts: &Facts) -> BTreeMap<String, Calls> {
    let views = Views::of(facts, By::Workload, &[], None, None);
    let mut taken: BTreeMap<String, Calls> = BTreeMap::new();
    for (identity, node) in views.mesh().node_weights() {
        if let (Some(namespace), Some(calls)) = (identity.namespace(), &node.inbound) {
            taken.entry(namespace.to_owned()).or_default().merge(calls);
        }
    }
    taken
}

/// Returns the services of each namespace, of the cluster and of the calls.
fn services<'a>(crew: &Crew<'a>) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let facts = crew.facts();
    let keys = facts.requests.iter().map(|it| &*it.key);
    for key in keys.chain(facts.tcp.iter().map(|it| &*it.key)) {
        if let Some((_, namespace, name)) = calls::addressed(key) {
            services.entry(namespace).or_default().insert(name);
        }
    }
    for (namespace, name) in crew.inventory().iter().flat_map(|it| it.services.keys()) {
        services.entry(namespace).or_default().insert(name);
    }
    services
}

/// Returns what the workloads of a namespace say of it.
fn namespace(crew: &Crew<'_>, name: &str, inside: &[&WorkloadRow]) -> NamespaceRow {
    // Worst first, as they come.
    let ill = inside
        .iter()
        .filter(|row| row.health.status <= HealthStatus::Unjudged);
    let ailing = ill.clone().take(MAX_AILING).map(|row| Ailing {
        id: row.id.clone(),
        kind: row.kind,
        name: row.name.clone(),
        health: row.health.clone(),
    });
    let mut inbound_flow = Flow::default();
    for row in inside {
        calls::add_flow(&mut inbound_flow, &row.inbound_flow);
    }
    let outside = inside
        .iter()
        .filter(|row| row.injection.mode == InjectionMode::None);
    let injection = injection::joined(inside.iter().map(|row| &row.injection));
    NamespaceRow {
        name: name.to_owned(),
        health: health(crew.facts(), inside),
        inbound: None,
        inbound_flow,
        n_services: 0,
        n_workloads: inside.len(),
        pods: workload::all_pods(inside.iter().filter_map(|row| row.pods)),
        injection: injection.unwrap_or_else(|| match crew.inventory() {
            Some(inventory) => injection::of_namespace(inventory, name),
            None => Injection::default(),
        }),
        not_injected: outside
            .map(|row| row.name.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect(),
        mtls: Mtls::default(),
        ailing: ailing.collect(),
        n_ailing: ill.count(),
    }
}

/// Returns the worst of the workloads' health, with its name.
fn health(facts: &Facts, inside: &[&WorkloadRow]) -> Health {
    let Some(worst) = inside.first() else {
        return workload::no_traffic(facts, None);
    };
    let busy = inside
        .iter()
        .filter(|row| row.health.status == HealthStatus::Healthy)
        .count();
    let reason = match worst.health.status {
        HealthStatus::Healthy => format!(
            "{busy} of {} workloads have traffic, and all are well",
            inside.len()
        ),
        HealthStatus::Idle | HealthStatus::NoData => worst.health.reason.clone(),
        _ => format!("{}: {}", worst.name, worst.health.reason),
    };
    Health {
        status: worst.health.status,
        reason,
    }
}

/// Returns the mode in force where all workloads agree on it.
fn agreed(inside: &[&WorkloadRow]) -> Mtls {
    let mut demanded = inside.iter().map(|row| (row.mtls.mode, &row.mtls.said_by));
    let Some((mode, said_by)) = demanded.next() else {
        return Mtls::default();
    };
    if !demanded.all(|it| it == (mode, said_by)) {
        return Mtls::default();
    }
    Mtls {
        mode,
        said_by: said_by.clone(),
        ratio: None,
    }
}
