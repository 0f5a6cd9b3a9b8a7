//! What is wrong with a route, or should be known before a hand is put at it (rule W4): few findings, each
//! with why it matters and the mend.

use std::collections::BTreeSet;

use super::measured::Target;
use super::{Board, ReadRoute, services};
use crate::api::routes::{Check, OwnerEffect, Route, RouteRef, Rule, Severity};
use crate::routing::weights::WHOLE;
use crate::routing::{self, Action, RouteView, RuleList, destination_rule, hosts};

/// Istio's word for all sidecars.
const MESH: &str = "mesh";
/// A pod may get so many times the calls of the busiest pod now before it is worth a word.
const LOAD: f64 = 1.5;

impl Board {
    /// Returns what is wrong with the route at `idx`, worst first.
    pub(super) fn checks(&self, idx: usize) -> Vec<Check> {
        let Some(read) = self.routes.get(idx) else {
            return Vec::new();
        };
        let about = read.place.to_string();
        let mut found = Vec::new();
        let view = match &read.view {
            Ok(view) => view,
            Err(problem) => {
                let check = Check::new("unreadable", Severity::Error, &about)
                    .says(format!("The route can't be read: {problem}."))
                    .because(
                        "Istio refuses such an object, or leaves it out: its calls go elsewhere.",
                    )
                    .mended("mend the object, or put back what was there before");
                return vec![check];
            }
        };
        for (rule, targets) in view.rules.iter().zip(&read.targets) {
            self.check_rule(&about, read, rule, targets, &mut found);
        }
        self.check_gateways(&about, view, &mut found);
        self.check_reach(&about, read, view, &mut found);
        self.check_twice(&about, read, &mut found);
        self.check_policies(&about, read, &mut found);
        if read.journal.is_unreadable {
            found.push(
                Check::new("journal_unreadable", Severity::Info, &about)
                    .says("The record of changes on this object can't be read.".to_owned())
                    .because("Earlier changes can't be taken back from it.")
                    .mended("the next change starts the record anew"),
            );
        }
        found.sort_by(|a, b| {
            (a.severity, &a.code, &a.path, &a.message)
                .cmp(&(b.severity, &b.code, &b.path, &b.message))
        });
        found
    }

    fn check_rule(
        &self,
        about: &str,
        read: &ReadRoute,
        rule: &routing::Rule,
        targets: &[Target],
        found: &mut Vec<Check>,
    ) {
        let shares = rule.shares();
        if !rule.destinations.is_empty() && shares.is_err() {
            found.push(
                Check::new("weights_zero", Severity::Error, about)
                    .at(path(rule, None))
                    .says(format!("All weights of rule {} are zero.", rule.place))
                    .because("Istio refuses such a rule, and a Gateway API route answers 500.")
                    .mended("give one destination a weight"),
            );
        }
        for (idx, (destination, target)) in rule.destinations.iter().zip(targets).enumerate() {
            let share = shares
                .as_ref()
                .ok()
                .and_then(|s| s.get(idx))
                .copied()
                .unwrap_or(0);
            found.extend(self.check_destination(
                about,
                &path(rule, Some(idx)),
                &read.place.namespace,
                destination,
                target,
                share,
            ));
        }
        if let Action::Delegate { namespace, name } = &rule.action
            && !self
                .routing
                .virtual_services
                .iter()
                .any(|v| v.namespace == *namespace && v.name == *name)
        {
            found.push(
                Check::new("delegate_missing", Severity::Error, about)
                    .at(path(rule, None))
                    .known_as(&["IST0101"])
                    .says(format!("Rule {} leaves its calls to VirtualService {namespace}/{name}, which is not there.", rule.place))
                    .because("The rule has no effect.")
                    .mended("make the delegate, or name one that is there"),
            );
        }
    }

    /// Returns what is wrong with a destination that gets `share` basis points.
    fn check_destination(
        &self,
        about: &str,
        path: &str,
        namespace: &str,
        destination: &routing::Destination,
        target: &Target,
        share: u32,
    ) -> Option<Check> {
        let full = hosts::full_host(&destination.host, namespace, &self.domain);
        let Some(service) = &target.service else {
            // A host outside the cluster is a ServiceEntry's matter.
            let (namespace, name) = hosts::service_of(&full, &self.domain)?;
            return Some(
                Check::new("host_missing", Severity::Error, about)
                    .at(format!("{path}.destination.host"))
                    .known_as(&["KIA1101", "IST0101"])
                    .says(format!("There is no service {namespace}/{name}, which `{}` means here.", destination.host))
                    .because("Calls that the rule sends there end as 503 with flag NC.")
                    .mended("name a service that is there; a name without a dot is one of the route's own namespace"),
            );
        };
        let (service_namespace, service_name) = service;
        if let Some(subset) = &destination.subset {
            let known = self.routing.subsets(&full, service_namespace);
            if !known.contains_key(subset) {
                let rules = self.routing.destination_rules_of(&full);
                let mend = match rules.first() {
                    Some(rule) => format!(
                        "add the subset to DestinationRule {}/{}",
                        rule.namespace, rule.name
                    ),
                    None => format!("make a DestinationRule for host {full} with the subset"),
                };
                return Some(
                    Check::new("subset_missing", Severity::Error, about)
                        .at(format!("{path}.destination.subset"))
                        .known_as(&["KIA1107", "IST0101"])
                        .says(format!("No DestinationRule of {service_namespace}/{service_name} has a subset `{subset}`."))
                        .because("Calls that the rule sends there end as 503 with flag NC.")
                        .mended(&mend),
                );
            }
        }
        if share == 0
            || self
                .inventory
                .services
                .get(service)
                .is_none_or(|s| s.selector.is_empty())
        {
            return None;
        }
        let named = destination.subset.as_deref().unwrap_or(service_name);
        let what = percent(share);
        self.not_ready(
            about,
            path,
            named,
            target,
            &format!("{what} of the rule's calls go there"),
        )
    }

    /// Returns the finding that no pod stands behind a destination; `None` where one does.
    fn not_ready(
        &self,
        about: &str,
        path: &str,
        named: &str,
        target: &Target,
        consequence: &str,
    ) -> Option<Check> {
        let workloads: Vec<_> = target
            .workloads
            .iter()
            .filter_map(|place| self.inventory.workloads.get(place))
            .collect();
        if workloads.iter().any(|w| w.ready > 0) {
            return None;
        }
        let check = Check::new("subset_not_ready", Severity::Error, about)
            .at(path.to_owned())
            .known_as(&["IST0173"])
            .because(&format!(
                "{consequence}, and each of them ends as 503 with flag UH: no healthy endpoint."
            ));
        let Some(first) = workloads.first() else {
            return Some(
                check
                    .says(format!("{named} selects no workload."))
                    .mended("deploy the version, or correct the subset's labels"),
            );
        };
        let kind = first.kind.to_ascii_lowercase();
        let place = format!("{kind}/{} -n {}", first.name, first.namespace);
        let wanted: u32 = workloads.iter().map(|w| w.wanted).sum();
        Some(if wanted == 0 {
            check
                .says(format!(
                    "{named} has no pod: {} {} is scaled to zero.",
                    first.kind, first.name
                ))
                .mended("scale it up first")
                .by_command(format!("kubectl scale {place} --replicas=1"))
        } else {
            check
                .says(format!("{named} has no ready pod: 0 of {wanted}."))
                .mended("find out why its pods do not become ready")
                .by_command(format!("kubectl describe {place}"))
        })
    }

    fn check_gateways(&self, about: &str, view: &RouteView, found: &mut Vec<Check>) {
        for gateway in view.gateways.iter().filter(|g| *g != MESH) {
            match self.gateways.get(gateway) {
                None if !view.is_gateway_api => found.push(
                    Check::new("gateway_missing", Severity::Error, about)
                        .at("spec.gateways".to_owned())
                        .known_as(&["KIA1102", "IST0101"])
                        .says(format!("There is no Gateway {gateway}."))
                        .because("The route has no effect there.")
                        .mended("name a Gateway that is there, as namespace/name from elsewhere"),
                ),
                Some(workloads) if workloads.is_empty() => found.push(
                    Check::new("gateway_without_workload", Severity::Warning, about)
                        .at("spec.gateways".to_owned())
                        .known_as(&["KIA0302"])
                        .says(format!(
                            "No workload has the labels that Gateway {gateway} selects."
                        ))
                        .because("Nobody can call through it.")
                        .mended(
                            "correct the Gateway's selector: istio: ingressgateway for Istio's own",
                        ),
                ),
                _ => {}
            }
        }
    }

    /// Finds what keeps calls from the route or from one of its rules.
    fn check_reach(&self, about: &str, read: &ReadRoute, view: &RouteView, found: &mut Vec<Check>) {
        for place in &view.unreachable {
            found.push(
                Check::new("rule_unreachable", Severity::Warning, about)
                    .at(format!("spec.{}[{}]", place.list.as_str(), place.idx))
                    .known_as(&["IST0130"])
                    .says(format!(
                        "Rule {place} is never reached: one before it takes every call."
                    ))
                    .because("Its weights move nothing.")
                    .mended("put it before the rule without a condition"),
            );
        }
        if view.is_gateway_api || !view.gateways.iter().any(|g| g == MESH) {
            return;
        }
        let full = |host: &String, namespace: &str| hosts::full_host(host, namespace, &self.domain);
        let mine: BTreeSet<String> = view
            .hosts
            .iter()
            .map(|h| full(h, &read.place.namespace))
            .collect();
        let Some(me) = self
            .routing
            .virtual_services
            .iter()
            .position(|v| v.namespace == read.place.namespace && v.name == read.place.name)
        else {
            return;
        };
        for (idx, other) in self.routing.virtual_services.iter().enumerate() {
            let speaks = idx != me
                && other.gateways.iter().any(|g| g == MESH)
                && other.rules.iter().any(|r| r.place.list == RuleList::Http);
            let common = other
                .hosts
                .iter()
                .find(|h| mine.contains(&full(h, &other.namespace)));
            if let (true, Some(host)) = (speaks, common) {
                let (name, older) = (format!("{}/{}", other.namespace, other.name), idx < me);
                let (severity, who) = if older {
                    (
                        Severity::Error,
                        format!(
                            "they follow the older {name}, and this route has no effect for them"
                        ),
                    )
                } else {
                    (
                        Severity::Warning,
                        format!("they follow this one, and {name} has no effect for them"),
                    )
                };
                found.push(
                    Check::new("host_twice", severity, about)
                        .at("spec.hosts".to_owned())
                        .known_as(&["KIA1106", "IST0109"])
                        .says(format!(
                            "VirtualService {name} speaks for {host} in the mesh as well."
                        ))
                        .because(&format!("Sidecars do not merge VirtualServices: {who}."))
                        .mended("put all rules for the host into one of them"),
                );
            }
        }
    }

    /// Finds that a service is split a second time, for other callers.
    fn check_twice(&self, about: &str, read: &ReadRoute, found: &mut Vec<Check>) {
        let services: BTreeSet<_> = read
            .targets
            .iter()
            .filter(|targets| targets.len() > 1)
            .flatten()
            .filter_map(|target| target.service.as_ref())
            .collect();
        for service in services {
            let others: BTreeSet<String> = services::splits(self, service)
                .into_iter()
                .map(|split| split.route)
                .filter(|route| route != about)
                .collect();
            for other in others {
                found.push(
                    Check::new("split_twice", Severity::Info, about)
                        .says(format!("{other} splits {}/{} as well, for other callers.", service.0, service.1))
                        .because("A canary that is moved in one of them alone is at another share for the rest.")
                        .mended("move both together, or join them into one route"),
                );
            }
        }
    }

    /// Finds DestinationRules of the route's services whose traffic policy never applies.
    fn check_policies(&self, about: &str, read: &ReadRoute, found: &mut Vec<Check>) {
        let services: BTreeSet<_> = read
            .targets
            .iter()
            .flatten()
            .filter_map(|t| t.service.as_ref())
            .collect();
        for (namespace, name) in services {
            let host = hosts::service_host(namespace, name, &self.domain);
            let rules = self.routing.destination_rules_of(&host);
            if rules.len() < 2 {
                continue;
            }
            let merged = destination_rule::merge(&rules);
            let Some(first) = rules.get(merged.policy_of) else {
                continue;
            };
            for rule in merged.policy_lost.iter().filter_map(|idx| rules.get(*idx)) {
                found.push(
                    Check::new("policy_without_effect", Severity::Warning, about)
                        .known_as(&["KIA0201"])
                        .says(format!(
                            "The traffic policy of DestinationRule {}/{} never applies to {namespace}/{name}.",
                            rule.namespace, rule.name
                        ))
                        .because(&format!(
                            "Of several DestinationRules on one host, the policy of the first counts whole: {}/{}. \
                             Later ones only add subsets.",
                            first.namespace, first.name
                        ))
                        .mended("join both into one DestinationRule"),
                );
            }
        }
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
            let severity = match owner.effect {
                OwnerEffect::Rewrites => Severity::Info,
                _ => Severity::Warning,
            };
            let mut check = Check::new("owned", severity, &about)
                .says(owner.message.clone())
                .because("What is changed here may not stay.");
            check.mend.clone_from(&owner.hint);
            found.push(check);
        }
        self.check_targets(place, &about, rule, after, &mut found);
        check_load(&about, rule, after, &mut found);
        for check in &shown.checks {
            let of_the_rule = check.path.as_deref() == Some(&rule_path(&rule.rule));
            let twice = check.code == "split_twice"
                && !moved
                    .iter()
                    .any(|other| check.message.starts_with(&other.to_string()));
            if twice
                || (check.code == "rule_unreachable" && of_the_rule)
                || check.code == "host_twice"
            {
                // What is so already does not refuse a change; it only takes its effect away.
                let severity = check.severity.max(Severity::Warning);
                found.push(Check {
                    severity,
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

    fn check_targets(
        &self,
        place: &RouteRef,
        about: &str,
        rule: &Rule,
        after: &[u32],
        found: &mut Vec<Check>,
    ) {
        let read = self.routes.binary_search_by(|r| r.place.cmp(place)).ok();
        let Some(read) = read.and_then(|idx| self.routes.get(idx)) else {
            return;
        };
        let Some((at, its)) = read.view.as_ref().ok().and_then(|view| {
            view.rules
                .iter()
                .enumerate()
                .find(|(_, r)| r.place.to_string() == rule.rule)
        }) else {
            return;
        };
        let targets = read.targets.get(at).map_or(&[][..], Vec::as_slice);
        for (idx, (destination, target)) in its.destinations.iter().zip(targets).enumerate() {
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
            let path = path(its, Some(idx));
            found.extend(self.check_destination(
                about,
                &path,
                &place.namespace,
                destination,
                target,
                share,
            ));
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

/// Returns where a rule or one of its destinations stands in the object.
fn path(rule: &routing::Rule, destination: Option<usize>) -> String {
    let rule = rule_path(&rule.place.to_string());
    match destination {
        Some(idx) => format!("{rule}.route[{idx}]"),
        None => rule,
    }
}

fn rule_path(place: &str) -> String {
    match place.split_once('/') {
        Some((list, idx)) => format!("spec.{list}[{idx}]"),
        None => "spec".to_owned(),
    }
}

fn percent(share: u32) -> String {
    let text = format!("{:.2}", f64::from(share) / 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

impl Check {
    fn new(code: &str, severity: Severity, object: &str) -> Check {
        Check {
            code: code.to_owned(),
            also_known_as: Vec::new(),
            severity,
            object: object.to_owned(),
            path: None,
            message: String::new(),
            why: String::new(),
            mend: None,
            command: None,
        }
    }

    fn at(mut self, path: String) -> Check {
        self.path = Some(path);
        self
    }

    fn known_as(mut self, codes: &[&str]) -> Check {
        self.also_known_as = codes.iter().map(|code| (*code).to_owned()).collect();
        self
    }

    fn says(mut self, message: String) -> Check {
        self.message = message;
        self
    }

    fn because(mut self, why: &str) -> Check {
        self.why = why.to_owned();
        self
    }

    fn mended(mut self, mend: &str) -> Check {
        self.mend = Some(mend.to_owned());
        self
    }

    fn by_command(mut self, command: String) -> Check {
        self.command = Some(command);
        self
    }
}
