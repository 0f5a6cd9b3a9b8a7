//! Workloads that are called under several names (rule R2): then the two sides may count under different ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::WorkloadName;
use crate::telemetry::TrafficKey;

use super::Facts;
use super::ends::Ends;

type Place<'a> = (Option<&'a str>, &'a WorkloadName);

/// Returns the names that each node is called by, by its number, where there are several: all names of the
/// workloads behind it.
pub fn of<'a>(facts: &'a Facts, ends: &mut Ends<'a>) -> BTreeMap<usize, Vec<String>> {
    let mut by_workload: BTreeMap<Place, BTreeSet<&str>> = BTreeMap::new();
    let mut workloads: BTreeMap<usize, BTreeSet<Place>> = BTreeMap::new();
    let requests = facts.requests.iter().map(|it| &*it.key);
    for key in requests.chain(facts.tcp.iter().map(|it| &*it.key)) {
        let (_, number) = ends.of(key);
        if ends.is_repeated {
            continue;
        }
        if let Some((place, name)) = called(key) {
            by_workload.entry(place).or_default().insert(name);
            workloads.entry(number).or_default().insert(place);
        }
    }
    let mut out = BTreeMap::new();
    for (number, places) in workloads {
        let all = places.iter().filter_map(|place| by_workload.get(place));
        let names: BTreeSet<&str> = all.filter(|it| it.len() > 1).flatten().copied().collect();
        if !names.is_empty() {
            out.insert(number, names.into_iter().map(str::to_owned).collect());
        }
    }
    out
}

fn called(key: &TrafficKey) -> Option<(Place<'_>, &str)> {
    let namespace = key.destination.namespace.as_ref().map(|it| it.as_str());
    let place = (namespace, key.destination.workload.as_ref()?);
    Some((place, key.service.as_ref()?.name.as_str()))
}
