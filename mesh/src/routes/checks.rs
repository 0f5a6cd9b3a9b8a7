//! What is wrong with the objects that steer traffic, or should be known before a hand is put at them (rule W4):
//! one finding for each fault, in the object where it is mended, with why it matters and the mend.
//!
//! What is said is so. Where it hangs on objects that could not be listed, nothing is said but that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::measured::Place;
use super::{Board, ReadRoute};
use crate::api::checks::{Checks, Finding};
use crate::api::routes::{Check, RouteKind};
use crate::api::workload::ObjectLink;
use crate::object::{ObjectKey, text_at};
use crate::routing::hosts;
use crate::routing::rule::RuleList;

mod destination_rule;
mod gateway;
mod reach;
mod route;
mod unread;

#[cfg(test)]
mod tests;

pub(super) use route::{Spot, rule_path};

/// More of one thing than these are not named one by one.
const MAX_NAMED: usize = 5;
/// What keeps pods running.
const WORKLOADS: [&str; 4] = ["Deployment", "StatefulSet", "DaemonSet", "Rollout"];
/// The kinds whose objects are asked for by name.
const NAMED: [&str; 5] = ["Service", "VirtualService", "Secret", GATEWAY, API_GATEWAY];
/// Istio's Gateway, and the one of the Gateway API: a kind of the same name.
const GATEWAY: &str = "Gateway.networking.istio.io";
const API_GATEWAY: &str = "Gateway.gateway.networking.k8s.io";

/// All that was found.
#[derive(Default)]
pub(super) struct Found {
    /// One for each fault, sorted.
    faults: Vec<Finding>,
    /// What each route of the board shows, worst first: its own, and what it meets elsewhere.
    routes: Vec<Vec<Check>>,
    /// How many objects were looked at in each namespace.
    looked_at: BTreeMap<String, u32>,
}

impl Found {
    /// Returns what is to be known about the route at a place of the board.
    pub(super) fn of_route(&self, idx: usize) -> Vec<Check> {
        self.routes.get(idx).cloned().unwrap_or_default()
    }

    /// Returns all faults, each once.
    pub(super) fn all(&self) -> impl Iterator<Item = &Check> {
        self.faults.iter().map(|fault| &fault.check)
    }

    /// Returns the faults in objects of `namespaces`; all, where that is empty.
    pub(super) fn answer(&self, namespaces: &[String]) -> Checks {
        let wanted = |namespace: &String| namespaces.is_empty() || namespaces.contains(namespace);
        // What could not be listed is a matter of all of them.
        let is_asked =
            |fault: &&Finding| fault.about.name.is_empty() || wanted(&fault.about.namespace);
        let looked_at = self.looked_at.iter().filter(|(it, _)| wanted(it));
        Checks {
            items: self.faults.iter().filter(is_asked).cloned().collect(),
            objects: looked_at.map(|(_, n)| n).sum(),
            notices: Vec::new(),
        }
    }
}

/// A fault, and which routes meet it.
struct Fault {
    about: ObjectKey,
    check: Check,
    met_by: MetBy,
}

/// Which routes meet a fault of another object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum MetBy {
    /// None.
    Nobody,
    /// Those that send to a host, by its full name.
    Host(String),
    /// Those that send to a subset of it.
    Subset(String, String),
    /// Those of a gateway, by `namespace/name`.
    Gateway(String),
}

/// Returns what is wrong with the objects of a board.
pub(super) fn find(board: &Board, there: &There) -> Found {
    let known = Known::of(board, there);
    let mut faults = unread::find(board);
    faults.extend(destination_rule::find(&known));
    faults.extend(gateway::find(&known));
    let mut met: BTreeMap<&MetBy, Vec<&Check>> = BTreeMap::new();
    for fault in &faults {
        met.entry(&fault.met_by).or_default().push(&fault.check);
    }
    let (mut own, mut routes) = (Vec::new(), Vec::new());
    for read in &board.routes {
        let mut seen = Vec::new();
        let of_it = board.check(read, &known, &mut seen);
        let meets = meets(board, read);
        seen.extend(
            meets
                .iter()
                .filter_map(|by| met.get(by))
                .flatten()
                .map(|it| (*it).clone()),
        );
        seen.extend(of_it.iter().cloned());
        seen.sort_by(|a, b| {
            (a.severity, &a.code, &a.path, &a.message)
                .cmp(&(b.severity, &b.code, &b.path, &b.message))
        });
        routes.push(seen);
        own.extend(of_it.into_iter().map(|check| (read, check)));
    }
    let mut all: Vec<Finding> = own
        .into_iter()
        .map(|(read, check)| Finding {
            about: ObjectLink {
                kind: read.place.kind.kind().to_owned(),
                namespace: read.place.namespace.clone(),
                name: read.place.name.clone(),
                route: Some(read.place.to_string()),
            },
            check,
        })
        .collect();
    all.extend(faults.into_iter().map(|fault| Finding {
        about: ObjectLink {
            kind: fault.about.kind,
            namespace: fault.about.namespace,
            name: fault.about.name,
            route: None,
        },
        check: fault.check,
    }));
    all.sort_by(|Finding { check: a, .. }, Finding { check: b, .. }| {
        (a.severity, &a.object, &a.path, &a.code, &a.message)
            .cmp(&(b.severity, &b.object, &b.path, &b.code, &b.message))
    });
    Found {
        faults: all,
        routes,
        looked_at: there.looked_at.clone(),
    }
}

/// Returns the places at which a route meets faults of other objects.
fn meets(board: &Board, read: &ReadRoute) -> BTreeSet<MetBy> {
    let mut meets = BTreeSet::new();
    let Ok(view) = &read.view else {
        return meets;
    };
    for destination in view.rules.iter().flat_map(|rule| &rule.destinations) {
        let full = board.full_host(destination, view.is_gateway_api, &read.place.namespace);
        if let Some(subset) = &destination.subset {
            meets.insert(MetBy::Subset(full.clone(), subset.clone()));
        }
        meets.insert(MetBy::Host(full));
    }
    let gateways = view.gateways.iter().filter(|_| !view.is_gateway_api);
    meets.extend(gateways.cloned().map(MetBy::Gateway));
    meets
}

/// Which objects there are, readable or not.
#[derive(Default)]
pub(super) struct There {
    /// Those that others name, by kind.
    named: BTreeMap<&'static str, BTreeSet<Place>>,
    /// How many are looked at, by namespace.
    looked_at: BTreeMap<String, u32>,
}

impl There {
    /// Takes note of an object.
    pub(super) fn note(&mut self, key: &ObjectKey, object: &Value) {
        let kind = qualified(key, object);
        if let Some(kind) = NAMED.into_iter().find(|it| *it == kind) {
            let places = self.named.entry(kind).or_default();
            places.insert((key.namespace.clone(), key.name.clone()));
        }
        let is_route = RouteKind::ALL.iter().any(|it| it.kind() == key.kind);
        if is_route || kind == "DestinationRule" || kind == GATEWAY {
            *self.looked_at.entry(key.namespace.clone()).or_default() += 1;
        }
    }

    /// Returns whether there is an object of one of the kinds that others name.
    pub(super) fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let place = (namespace.to_owned(), name.to_owned());
        self.all(kind).is_some_and(|it| it.contains(&place))
    }

    /// Returns all objects of such a kind; `None` where there is none at all.
    fn all(&self, kind: &str) -> Option<&BTreeSet<Place>> {
        self.named.get(kind)
    }
}

/// Returns an object's kind; of a Gateway with its group.
fn qualified<'a>(key: &'a ObjectKey, object: &Value) -> &'a str {
    if key.kind != "Gateway" {
        return &key.kind;
    }
    let api = text_at(object, "/apiVersion").unwrap_or_default();
    match api.starts_with("gateway.networking.k8s.io/") {
        true => API_GATEWAY,
        false => GATEWAY,
    }
}

/// What every object is compared with, gathered once.
struct Known<'a> {
    board: &'a Board,
    there: &'a There,
    /// VirtualServices that sidecars may follow for requests to a full host, by age: their places in the
    /// routing's list.
    speakers: HashMap<String, Vec<usize>>,
    /// Who sends how much to a subset of a full host, in basis points.
    sends: BTreeMap<(String, String), Vec<(String, u32)>>,
}

impl<'a> Known<'a> {
    fn of(board: &'a Board, there: &'a There) -> Known<'a> {
        let mut known = Known {
            board,
            there,
            speakers: HashMap::new(),
            sends: BTreeMap::new(),
        };
        for (idx, spoken) in board.routing.virtual_services.iter().enumerate() {
            if spoken.is_for_mesh() && spoken.rules_of(RuleList::Http).next().is_some() {
                for host in &spoken.hosts {
                    let full = hosts::full_host(host, &spoken.namespace, &board.domain);
                    known.speakers.entry(full).or_default().push(idx);
                }
            }
        }
        for read in &board.routes {
            known.note_subsets(read);
        }
        known
    }

    fn note_subsets(&mut self, read: &ReadRoute) {
        let Ok(view) = &read.view else {
            return;
        };
        for rule in view.rules.iter() {
            let shares = rule.shares().unwrap_or_default();
            for (idx, destination) in rule.destinations.iter().enumerate() {
                let Some(subset) = &destination.subset else {
                    continue;
                };
                let namespace = &read.place.namespace;
                let full = self
                    .board
                    .full_host(destination, view.is_gateway_api, namespace);
                let share = shares.get(idx).copied().unwrap_or(0);
                let senders = self.sends.entry((full, subset.clone())).or_default();
                senders.push((read.place.to_string(), share));
            }
        }
    }

    /// Returns whether there is such an object, or may be one that could not be listed.
    fn may_be(&self, kind: &str, namespace: &str, name: &str) -> bool {
        !self.board.knows(&[kind]) || self.there.has(kind, namespace, name)
    }
}

/// Writes a text as YAML that means that text, whatever is in it: JSON's notation is YAML's too.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    let starts = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    // Words that YAML takes for something else.
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    match starts
        && text.chars().all(is_plain)
        && !is_word.contains(&text.to_ascii_lowercase().as_str())
    {
        true => text.to_owned(),
        false => Value::from(text).to_string(),
    }
}

fn percent(share: u32) -> String {
    let text = format!("{:.2}", f64::from(share) / 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
