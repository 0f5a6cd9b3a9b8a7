//! Services that are split, or could be.

use std::collections::{BTreeMap, BTreeSet};

use super::Board;
use super::measured::{Target, Who};
use super::show::Showing;
use crate::api::routes::{Pods, Service, SplitRef, Version};
use crate::graph::workload_id;
use crate::units::six_digits;

/// Returns the services with more than one version, and those that some rule splits, sorted by id.
pub fn services(board: &Board, showing: &Showing<'_>) -> Vec<Service> {
    let mut found = Vec::new();
    for (place, service) in &board.inventory.services {
        let splits = splits(board, place);
        let workloads = if service.selector.is_empty() {
            Vec::new()
        } else {
            board.inventory.workloads_of(service, &BTreeMap::new())
        };
        let mut versions: Vec<Version> = workloads
            .iter()
            .map(|workload| {
                let label = workload.labels.get("version");
                let target = Target {
                    service: Some(place.clone()),
                    workloads: BTreeSet::from([(
                        workload.namespace.clone(),
                        workload.name.clone(),
                    )]),
                    template: None,
                };
                let rps = showing.flows.as_ref().map(|flows| {
                    let flow = flows.toward(&Who::Anyone, std::slice::from_ref(&target));
                    let calls: f64 = flow.destinations.iter().map(|d| d.totals.requests).sum();
                    six_digits(calls / f64::from(showing.window().secs()))
                });
                Version {
                    name: label.unwrap_or(&workload.name).clone(),
                    workload: workload_id(&showing.cluster, &workload.namespace, &workload.name),
                    pods: Pods {
                        ready: workload.ready,
                        wanted: workload.wanted,
                    },
                    rps,
                }
            })
            .collect();
        versions.sort_by(|a, b| (&a.name, &a.workload).cmp(&(&b.name, &b.workload)));
        let names: BTreeSet<&String> = versions.iter().map(|v| &v.name).collect();
        if splits.is_empty() && names.len() < 2 {
            continue;
        }
        found.push(Service {
            id: format!("{}/{}", place.0, place.1),
            namespace: place.0.clone(),
            name: place.1.clone(),
            versions,
            splits,
        });
    }
    found
}

/// Returns the rules that spread calls over destinations of a service.
pub(super) fn splits(board: &Board, service: &super::Place) -> Vec<SplitRef> {
    let uses = board.uses.get(service).into_iter().flatten();
    let places: BTreeSet<(usize, usize)> = uses.map(|u| (u.route, u.rule)).collect();
    let mut splits: Vec<SplitRef> = places
        .into_iter()
        .filter_map(|(route, rule)| {
            let read = board.routes.get(route)?;
            let rule = read.view.as_ref().ok()?.rules.get(rule)?;
            (rule.destinations.len() > 1).then(|| SplitRef {
                route: read.place.to_string(),
                rule: rule.place.to_string(),
            })
        })
        .collect();
    splits.sort();
    splits
}
