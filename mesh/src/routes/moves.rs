//! What speaks against a move of weights, before it is made (rules W4, W5).

use std::collections::BTreeSet;

use super::Board;
use super::checks::{Spot, rule_path};
use crate::api::routes::{Check, OwnerEffect, Route, RouteRef, Rule, Severity};
use crate::routing::RulePlace;
use crate::routing::gateway::Gateway;
use crate::routing::hosts;
use crate::routing::weights::WHOLE;

/// A pod may get so many times the calls of the busiest pod now before it is worth a word.
const LOAD: f64 = 1.5;

impl Board {
    /// Returns what joining two routes opens: hosts of the one that a gateway of the other lets in.
    pub fn check_join(&self, stays: &RouteRef, goes: &RouteRef) -> Vec<Check> {
        let view = |place: &RouteRef| {
            let idx = self.routes.binary_search_by(|r| r.place.cmp(place)).ok()?;
            self.routes.get(idx)?.view.as_ref().ok()
        };
        let mut found = Vec::new();
        for (its, others) in [(stays, goes), (goes, stays)] {
            let (Some(its_view), Some(others_view)) = (view(its), view(others)) else {
                continue;
            };
            let named = |gateway: &&Gateway| others_view.gateways.contains(&gateway.full_name());
            for gateway in self.routing.gateways.iter().filter(named) {
                let servers = gateway.servers.iter();
                let open: BTreeSet<&str> = servers
                    .flat_map(|server| &server.hosts)
                    .map(|host| host.rsplit('/').next().unwrap_or(host))
                    .collect();
                for host in &its_view.hosts {
                    let full = hosts::full_host(host, &its.namespace, &self.domain);
                    if open.iter().any(|wide| hosts::covers(wide, &full)) {
                        let check =
                            Check::new("host_opened", Severity::Warning, &stays.to_string());
                        found.push(
                            check
                                .beside(&format!("{}/gateway/{}", gateway.namespace, gateway.name))
                                .at("spec.hosts".to_owned())
                                .says(format!(
                                    "Gateway {} lets in any host like {host}.",
                                    gateway.full_name()
                                ))
                                .because("Joined, the route answers to that name there as well.")
                                .mended("name the gateway's hosts one by one first"),
                        );
                    }
                }
            }
        }
        found
    }

    /// Returns what speaks against giving a rule of `place` the shares `after`, in basis points: an error
    /// refuses it. `moved` are the routes that the same change moves.
    pub fn check_move(
        &self,
        place: &RouteRef,
        shown: &Route,
        rule: &Rule,
        after: &[u32],
        moved: &[&RouteRef],
    ) -> Vec<Check> {
        let about = place.to_string();
        let mut found = Vec::new();
        if let Some(owner) = &shown.owner
            && owner.effect != OwnerEffect::Locks
        {
            found.push(super::owner::check(owner, &about));
        }
        self.check_targets(place, rule, after, &mut found);
        check_load(&about, rule, after, &mut found);
        let of_rule = rule
            .rule
            .parse()
            .map(|it: RulePlace| rule_path(place.kind, it));
        let of_rule = of_rule.ok();
        for check in &shown.checks {
            let of_the_rule = check.path == of_rule;
            let left_behind = |other: &String| moved.iter().all(|m| m.to_string() != *other);
            let twice = check.code == "split_twice" && check.other.iter().any(left_behind);
            if twice
                || (check.code == "rule_unreachable" && of_the_rule)
                || check.code == "host_twice"
            {
                // What is so already does not refuse a change; it only takes its effect away.
                found.push(Check {
                    severity: Severity::Warning,
                    ..check.clone()
                });
            }
        }
        for note in rule.callers.iter().filter_map(|c| c.note.as_ref()) {
            found.push(
                Check::new("measured_within_bounds", Severity::Info, &about)
                    .says(note.clone())
                    .because("The measured share will not settle at the wanted one."),
            );
        }
        found.sort_by(|a, b| {
            (a.severity, &a.code, &a.message).cmp(&(b.severity, &b.code, &b.message))
        });
        found.dedup();
        found
    }

    fn check_targets(&self, place: &RouteRef, rule: &Rule, after: &[u32], found: &mut Vec<Check>) {
        let read = self.routes.binary_search_by(|r| r.place.cmp(place)).ok();
        let Some(read) = read.and_then(|idx| self.routes.get(idx)) else {
            return;
        };
        let Ok(view) = &read.view else {
            return;
        };
        let mut rules = view.rules.iter().enumerate();
        let Some((at, its)) = rules.find(|(_, r)| r.place.to_string() == rule.rule) else {
            return;
        };
        let targets = read.targets.get(at).map_or(&[][..], Vec::as_slice);
        for (idx, target) in targets.iter().enumerate() {
            let now = rule
                .destinations
                .get(idx)
                .and_then(|d| d.share)
                .unwrap_or(0.0);
            let share = after.get(idx).copied().unwrap_or(0);
            // Less to what is broken is always right.
            if f64::from(share) <= now * f64::from(WHOLE) + 0.5 {
                continue;
            }
            let spot = Spot {
                read,
                view,
                rule: its,
                idx,
            };
            found.extend(self.check_destination(spot, target, share));
        }
    }
}

/// Finds pods that would get much more than any has now.
fn check_load(about: &str, rule: &Rule, after: &[u32], found: &mut Vec<Check>) {
    let rps: f64 = rule.callers.iter().map(|c| c.rps).sum();
    let per_pod = |idx: usize, share: f64| {
        let ready = rule.destinations.get(idx)?.pods?.ready;
        (ready > 0).then(|| rps * share / f64::from(ready))
    };
    let now = (0..rule.destinations.len())
        .filter_map(|idx| per_pod(idx, rule.destinations.get(idx)?.share?))
        .fold(0.0, f64::max);
    for (idx, destination) in rule.destinations.iter().enumerate() {
        let share = after
            .get(idx)
            .map_or(0.0, |s| f64::from(*s) / f64::from(WHOLE));
        let Some(then) = per_pod(idx, share).filter(|then| now > 0.0 && *then > LOAD * now) else {
            continue;
        };
        let ready = destination.pods.map_or(0, |pods| pods.ready);
        let needed = (rps * share / now).ceil();
        found.push(
            Check::new("load_per_pod", Severity::Warning, about)
                .says(format!(
                    "Each of the {ready} ready pods of {} would take {then:.1} rps; the busiest pod takes {now:.1} rps now.",
                    destination.name
                ))
                .because("A version that falls over under load looks like a bad version.")
                .mended(&format!("scale it to {needed:.0} pods first")),
        );
    }
}
