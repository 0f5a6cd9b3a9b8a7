//! What is wrong with DestinationRules.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Known, MetBy, WORKLOADS};
use crate::api::routes::{Check, Severity};
use crate::inventory::{ROLLOUT_HASH, Service};
use crate::object::ObjectKey;
use crate::routing::destination_rule::{self, DestinationRule, Subset};
use crate::routing::hosts;

/// Finds it.
pub(super) fn find(known: &Known<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for rule in &known.board.routing.destination_rules {
        let host = full_host(known, rule);
        host_missing(known, rule, &host, &mut faults);
        for idx in 0..rule.subsets.len() {
            faults.extend(subset(known, rule, &host, idx));
        }
    }
    twice(known, &mut faults);
    faults
}

fn key(rule: &DestinationRule) -> ObjectKey {
    ObjectKey {
        kind: "DestinationRule".to_owned(),
        namespace: rule.namespace.clone(),
        name: rule.name.clone(),
    }
}

fn full_host(known: &Known<'_>, rule: &DestinationRule) -> String {
    hosts::full_host(&rule.host, &rule.namespace, &known.board.domain)
}

fn host_missing(known: &Known<'_>, rule: &DestinationRule, host: &str, faults: &mut Vec<Fault>) {
    let board = known.board;
    let is_elsewhere = host.ends_with(hosts::CLUSTER_SET);
    if !board.knows(&["Service", "ServiceEntry"]) || is_elsewhere || board.routing.is_entry(host) {
        return;
    }
    if services(known, host).next().is_some() {
        return;
    }
    let about = key(rule);
    let short = host.split_once('.').and_then(|(name, namespace)| {
        let place = (namespace.to_owned(), name.to_owned());
        board
            .inventory
            .services
            .contains_key(&place)
            .then_some(place)
    });
    let check = Check::new("host_missing", Severity::Warning, &about.id())
        .at("spec.host".to_owned())
        .known_as(&["KIA0202", "IST0174"])
        .because("The rule is about a host that the mesh does not know: nothing of it holds.");
    let check = match (&short, hosts::service_of(host, &board.domain)) {
        (Some((namespace, name)), _) => {
            let full = hosts::service_host(namespace, name, &board.domain);
            check
                .says(format!("`{}` is no host: Istio completes names without a dot only.", rule.host))
                .mended("write the full name of the service")
                .by_yaml(format!("host: {full}\n"))
        }
        (None, Some((namespace, name))) => check
            .says(format!("There is no service {namespace}/{name}, which `{}` means here.", rule.host))
            .mended("name a service that is there; a name without a dot is one of the rule's own namespace"),
        (None, None) => check
            .says(format!("No service and no ServiceEntry has the host `{}`.", rule.host))
            .mended("correct the host, or make a ServiceEntry for it"),
    };
    faults.push(Fault {
        about,
        check,
        met_by: MetBy::Nobody,
    });
}

/// Returns the services that a host stands for.
fn services<'a>(known: &Known<'a>, host: &'a str) -> impl Iterator<Item = &'a Service> + use<'a> {
    let board = known.board;
    let all = board.inventory.services.iter();
    let one = hosts::service_of(host, &board.domain);
    let one = one.and_then(|place| board.inventory.services.get(&place));
    let wide = all.filter(move |((namespace, name), _)| {
        host.starts_with('*')
            && hosts::covers(host, &hosts::service_host(namespace, name, &board.domain))
    });
    one.into_iter().chain(wide.map(|(_, service)| service))
}

/// Finds that a subset selects nothing, or everything.
fn subset(known: &Known<'_>, rule: &DestinationRule, host: &str, idx: usize) -> Option<Fault> {
    let board = known.board;
    let place = (rule.namespace.clone(), rule.name.clone());
    let subset = rule.subsets.get(idx)?;
    // What Argo Rollouts steers is its own business: it moves the labels of both versions as it goes.
    if board.steered.contains(&place) || subset.labels.contains_key(ROLLOUT_HASH) {
        return None;
    }
    let (about, path) = (key(rule), format!("spec.subsets[{idx}]"));
    let met_by = MetBy::Subset(host.to_owned(), subset.name.clone());
    // Endpoints of a host from outside have labels of their own.
    if board.routing.is_entry(host) || !board.knows(&["ServiceEntry"]) {
        return None;
    }
    if subset.labels.is_empty() {
        services(known, host).next()?;
        let severity = match subset.has_policy {
            true => Severity::Info,
            false => Severity::Warning,
        };
        let check = Check::new("subset_without_labels", severity, &about.id())
            .at(path)
            .known_as(&["KIA0209"])
            .says(format!(
                "Subset `{}` has no labels: it is every pod of the host.",
                subset.name
            ))
            .because("Calls that a route sends there spread over all versions.")
            .mended("give it the labels of its version, such as version")
            .by_yaml(with_labels(&subset.name));
        return Some(Fault {
            about,
            check,
            met_by,
        });
    }
    selects_nothing(known, rule, host, subset).map(|check| Fault {
        about,
        check: check.at(format!("{path}.labels")),
        met_by,
    })
}

fn selects_nothing(
    known: &Known<'_>,
    rule: &DestinationRule,
    host: &str,
    subset: &Subset,
) -> Option<Check> {
    let board = known.board;
    if !board.knows(&WORKLOADS) {
        return None;
    }
    let services: Vec<&Service> = services(known, host).collect();
    let is_served = |service: &&Service| {
        // Whose endpoints are someone else's to say may have any.
        service.selector.is_empty()
            || !board
                .inventory
                .workloads_of(service, &subset.labels)
                .is_empty()
            || board.inventory.is_served_otherwise(service, &subset.labels)
    };
    if services.is_empty() || services.iter().any(is_served) {
        return None;
    }
    let senders = known.sends.get(&(host.to_owned(), subset.name.clone()));
    let senders = senders.map_or(&[][..], Vec::as_slice);
    let sent: BTreeMap<&str, u32> = senders
        .iter()
        .filter(|(_, share)| *share > 0)
        .map(|(route, share)| (route.as_str(), *share))
        .collect();
    let labels: Vec<String> = subset
        .labels
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    let check = |severity| {
        Check::new("subset_selects_nothing", severity, &key(rule).id())
            .known_as(&["KIA0203", "IST0173"])
            .says(format!(
                "Subset `{}` selects no workload: none of {} has {}.",
                subset.name,
                rule.host,
                labels.join(", ")
            ))
            .mended("deploy the version, or correct the subset's labels")
    };
    let Some((first, share)) = sent.first_key_value() else {
        return Some(match senders.is_empty() {
            true => check(Severity::Info).because("No route names it, so nothing is lost yet."),
            false => check(Severity::Warning).because(
                "A route names it with no share: its first calls would end as 503 with flag UH.",
            ),
        });
    };
    let others = match sent.len() {
        1 => String::new(),
        n => format!(", and {} more routes send to it", n - 1),
    };
    let found = check(Severity::Error).because(&format!(
        "{first} sends {} of a rule's calls there{others}: each of them ends as 503 with flag UH, no healthy endpoint.",
        super::percent(*share)
    ));
    Some(found.beside(first))
}

/// Who reads rules together: those of one namespace, for one host, exported alike and for the same callers.
type Together<'a> = (
    &'a str,
    String,
    BTreeSet<&'a str>,
    Option<&'a BTreeMap<String, String>>,
);

/// Finds rules on one host of which something never applies.
fn twice(known: &Known<'_>, faults: &mut Vec<Fault>) {
    let mut together: BTreeMap<Together<'_>, Vec<&DestinationRule>> = BTreeMap::new();
    for rule in &known.board.routing.destination_rules {
        let exported = match rule.export_to.is_empty() {
            true => BTreeSet::from(["*"]),
            false => rule.export_to.iter().map(String::as_str).collect(),
        };
        let by = (
            rule.namespace.as_str(),
            full_host(known, rule),
            exported,
            rule.selector.as_ref(),
        );
        together.entry(by).or_default().push(rule);
    }
    for ((_, host, ..), rules) in together.iter().filter(|(_, rules)| rules.len() > 1) {
        let merged = destination_rule::merge(rules);
        let first = rules.get(merged.policy_of);
        for idx in &merged.policy_lost {
            if let (Some(first), Some(rule)) = (first, rules.get(*idx)) {
                faults.push(policy_lost(known, host, first, rule));
            }
        }
        for (idx, rule) in rules.iter().enumerate() {
            for (at, subset) in rule.subsets.iter().enumerate() {
                let holds = merged.subsets.get(&subset.name);
                if let Some(first) = holds
                    .filter(|(of, _)| *of < idx)
                    .and_then(|(of, _)| rules.get(*of))
                {
                    faults.push(subset_twice(host, first, rule, at, subset));
                }
            }
        }
    }
}

fn policy_lost(
    known: &Known<'_>,
    host: &str,
    first: &DestinationRule,
    rule: &DestinationRule,
) -> Fault {
    let about = key(rule);
    let whose = match hosts::service_of(host, &known.board.domain) {
        Some((namespace, name)) => format!("{namespace}/{name}"),
        None => rule.host.clone(),
    };
    let check = Check::new("policy_without_effect", Severity::Warning, &about.id())
        .at("spec.trafficPolicy".to_owned())
        .known_as(&["KIA0201"])
        .beside(&key(first).id())
        .says(format!(
            "The traffic policy of DestinationRule {}/{} never applies to {whose}.",
            rule.namespace, rule.name
        ))
        .because(&format!(
            "Of several DestinationRules on one host, the policy of the first counts whole: {}/{}. \
             Later ones only add subsets.",
            first.namespace, first.name
        ))
        .mended("join both into one DestinationRule");
    Fault {
        about,
        check,
        met_by: MetBy::Host(host.to_owned()),
    }
}

fn subset_twice(
    host: &str,
    first: &DestinationRule,
    rule: &DestinationRule,
    at: usize,
    subset: &Subset,
) -> Fault {
    let about = key(rule);
    let check = Check::new("subset_twice", Severity::Warning, &about.id())
        .at(format!("spec.subsets[{at}]"))
        .known_as(&["KIA0201"])
        .beside(&key(first).id())
        .says(format!(
            "Subset `{}` of {} is in DestinationRule {}/{} already.",
            subset.name, rule.host, first.namespace, first.name
        ))
        .because("The first one counts: labels and policy of this one are without effect.")
        .mended("take it out of one of both, or join both into one DestinationRule");
    Fault {
        about,
        check,
        met_by: MetBy::Subset(host.to_owned(), subset.name.clone()),
    }
}

/// Writes a subset with the label that most versions have.
pub(super) fn with_labels(name: &str) -> String {
    let name = super::quoted(name);
    format!("subsets:\n  - name: {name}\n    labels:\n      version: {name}\n")
}
