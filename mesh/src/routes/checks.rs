//! What is wrong with a route, or should be known before a hand is put at it (rule W4): few findings, each
//! with why it matters and the mend.

use std::collections::{BTreeSet, HashMap};

use super::measured::Target;
use super::{Board, ReadRoute, versions};
use crate::api::routes::{Check, Severity};
use crate::routing::destination_rule::{self, DestinationRule};
use crate::routing::hosts::{self, MESH};
use crate::routing::{self, Action, RouteView, RuleList};

/// More splits of one service than this are not named one by one.
const MAX_TWICE: usize = 5;

/// Returns what is wrong with each route of a board, worst first.
pub(super) fn find(board: &Board) -> Vec<Vec<Check>> {
    let known = Known::of(board);
    let routes = board.routes.iter();
    routes.map(|read| board.check(read, &known)).collect()
}

/// What every route is compared with, gathered once.
struct Known<'a> {
    /// VirtualServices that sidecars may follow for requests to a full host, by age: their places in the
    /// routing's list.
    speakers: HashMap<String, Vec<usize>>,
    /// DestinationRules by the full host they name, in the order in which they are merged.
    rules: HashMap<String, Vec<&'a DestinationRule>>,
}

impl<'a> Known<'a> {
    fn of(board: &'a Board) -> Known<'a> {
        let mut known = Known {
            speakers: HashMap::new(),
            rules: HashMap::new(),
        };
        for (idx, spoken) in board.routing.virtual_services.iter().enumerate() {
            if spoken.is_for_mesh() && spoken.rules_of(RuleList::Http).next().is_some() {
                for host in &spoken.hosts {
                    let full = hosts::full_host(host, &spoken.namespace, &board.domain);
                    known.speakers.entry(full).or_default().push(idx);
                }
            }
        }
        for rule in &board.routing.destination_rules {
            let full = hosts::full_host(&rule.host, &rule.namespace, &board.domain);
            known.rules.entry(full).or_default().push(rule);
        }
        known
    }
}

impl Board {
    fn check(&self, read: &ReadRoute, known: &Known<'_>) -> Vec<Check> {
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
        self.check_reach(&about, read, view, known, &mut found);
        self.check_twice(&about, read, &mut found);
        self.check_policies(&about, read, known, &mut found);
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
    pub(super) fn check_destination(
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
        if let Some(subset) = &destination.subset
            && self.subset(&full, subset).is_none()
        {
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
    fn check_reach(
        &self,
        about: &str,
        read: &ReadRoute,
        view: &RouteView,
        known: &Known<'_>,
        found: &mut Vec<Check>,
    ) {
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
        if view.is_gateway_api || !view.is_for_mesh() {
            return;
        }
        let spoken = &self.routing.virtual_services;
        let place = &read.place;
        for host in &view.hosts {
            let full = hosts::full_host(host, &place.namespace, &self.domain);
            let speakers = known.speakers.get(&full).map_or(&[][..], Vec::as_slice);
            let is_me = |idx: &&usize| {
                spoken
                    .get(**idx)
                    .is_some_and(|v| v.namespace == place.namespace && v.name == place.name)
            };
            let Some(me) = speakers.iter().find(is_me) else {
                continue;
            };
            for idx in speakers.iter().filter(|idx| *idx != me) {
                let Some(other) = spoken.get(*idx) else {
                    continue;
                };
                // Two that only their own namespaces see do not meet.
                let is_private = other.export_to == ["."]
                    || spoken.get(*me).is_some_and(|v| v.export_to == ["."]);
                if is_private && other.namespace != place.namespace {
                    continue;
                }
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
                        .beside(&format!(
                            "{}/virtualservice/{}",
                            other.namespace, other.name
                        ))
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
            let others: BTreeSet<String> = versions::splits(self, service)
                .into_iter()
                .map(|split| split.route)
                .filter(|route| route != about)
                .collect();
            for other in others.iter().take(MAX_TWICE) {
                found.push(
                    Check::new("split_twice", Severity::Info, about)
                        .beside(other)
                        .says(format!("{other} splits {}/{} as well.", service.0, service.1))
                        .because("A canary that is moved in one of them alone is at another share for the rest.")
                        .mended("move both together, or join them into one route"),
                );
            }
        }
    }

    /// Finds DestinationRules of the route's services whose traffic policy never applies.
    fn check_policies(
        &self,
        about: &str,
        read: &ReadRoute,
        known: &Known<'_>,
        found: &mut Vec<Check>,
    ) {
        let services: BTreeSet<_> = read
            .targets
            .iter()
            .flatten()
            .filter_map(|t| t.service.as_ref())
            .collect();
        for (namespace, name) in services {
            let host = hosts::service_host(namespace, name, &self.domain);
            let Some(rules) = known.rules.get(&host).filter(|rules| rules.len() > 1) else {
                continue;
            };
            let merged = destination_rule::merge(rules);
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
}

/// Returns where a rule or one of its destinations stands in the object.
pub(super) fn path(rule: &routing::Rule, destination: Option<usize>) -> String {
    let rule = rule_path(&rule.place.to_string());
    match destination {
        Some(idx) => format!("{rule}.route[{idx}]"),
        None => rule,
    }
}

pub(super) fn rule_path(place: &str) -> String {
    match place.split_once('/') {
        Some((list, idx)) => format!("spec.{list}[{idx}]"),
        None => "spec".to_owned(),
    }
}

fn percent(share: u32) -> String {
    let text = format!("{:.2}", f64::from(share) / 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
