//! VirtualServices that hand over to others: what comes of both together.
//!
//! Rules: <https://istio.io/latest/docs/reference/config/networking/virtual-service/#Delegate>, and
//! `mergeVirtualServicesIfNeeded` in Istio's `pilot/pkg/model`.

use std::collections::BTreeMap;

use super::RuleRef;
use crate::routing::hosts;
use crate::routing::rule::{Action, Condition, Match, Rule, RuleList};
use crate::routing::virtual_service::VirtualService;

/// A VirtualService that speaks for hosts, with all it says.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    pub(super) vs: VirtualService,
    /// Its hosts by their full names.
    pub(super) hosts: Vec<String>,
    rules: Vec<Said>,
}

/// A rule as it holds, and who says it.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) by: RuleRef,
    pub(super) rule: Rule,
}

impl Spoken {
    pub(super) fn rules_of(&self, list: RuleList) -> impl Iterator<Item = &Said> {
        let rules = self.rules.iter();
        rules.filter(move |said| said.by.place.list == list)
    }

    /// Returns how exactly one of its hosts fits, the larger the better.
    pub(super) fn fits(&self, host: &str) -> Option<usize> {
        let fits = self.hosts.iter();
        fits.filter_map(|it| hosts::specificity(it, host)).max()
    }
}

/// Returns the VirtualServices that speak for hosts, in the order given.
pub(super) fn spoken(all: &[VirtualService], domain: &str) -> Vec<Spoken> {
    let delegates: BTreeMap<(&str, &str), &VirtualService> = all
        .iter()
        .filter(|vs| vs.is_delegate())
        .map(|vs| ((vs.namespace.as_str(), vs.name.as_str()), vs))
        .collect();
    let roots = all.iter().filter(|vs| !vs.is_delegate());
    roots
        .map(|vs| {
            let full = |host: &String| hosts::full_host(host, &vs.namespace, domain);
            let mut rules = Vec::new();
            for rule in vs.rules.iter() {
                match &rule.action {
                    Action::Delegate { namespace, name } => {
                        let delegate = delegates.get(&(namespace.as_str(), name.as_str()));
                        // One that is not there, or that the root may not see, leaves out this rule alone.
                        let seen = delegate.filter(|it| {
                            super::visible(&it.export_to, &it.namespace, &vs.namespace).is_some()
                        });
                        rules.extend(seen.into_iter().flat_map(|it| handed_over(rule, it)));
                    }
                    _ => rules.push(said(vs, rule.clone())),
                }
            }
            Spoken {
                hosts: vs.hosts.iter().map(full).collect(),
                vs: vs.clone(),
                rules,
            }
        })
        .collect()
}

fn said(by: &VirtualService, rule: Rule) -> Said {
    let by = RuleRef {
        namespace: by.namespace.clone(),
        name: by.name.clone(),
        place: rule.place,
    };
    Said { by, rule }
}

/// Returns the delegate's rules that hold under the root's conditions; the others are dropped.
fn handed_over(root: &Rule, delegate: &VirtualService) -> Vec<Said> {
    let rules = delegate.rules_of(RuleList::Http);
    rules
        .filter_map(|rule| {
            let matches = both(&root.matches, &rule.matches)?;
            let rule = Rule {
                matches,
                // A fault is said whole: a delegate's abort takes the place of the root's delay.
                delay: match rule.abort {
                    Some(_) => rule.delay.clone(),
                    None => rule.delay.clone().or_else(|| root.delay.clone()),
                },
                abort: match rule.delay {
                    Some(_) => rule.abort.clone(),
                    None => rule.abort.clone().or_else(|| root.abort.clone()),
                },
                ..rule.clone()
            };
            Some(said(delegate, rule))
        })
        .collect()
}

/// Returns the conditions under which a delegate's rule holds, or nothing where it lies outside the root's:
/// each of its own must lie within one of the root's.
fn both(root: &[Match], own: &[Match]) -> Option<Vec<Match>> {
    if root.is_empty() {
        return Some(own.to_vec());
    }
    if own.is_empty() {
        return Some(root.to_vec());
    }
    let mut all = Vec::new();
    for own in own {
        let within: Vec<Match> = root
            .iter()
            .filter(|root| lies_within(own, root))
            .map(|root| joined(root, own))
            .collect();
        if within.is_empty() {
            return None;
        }
        all.extend(within);
    }
    Some(all)
}

fn lies_within(own: &Match, root: &Match) -> bool {
    let alone = [
        (&root.path, &own.path),
        (&root.scheme, &own.scheme),
        (&root.method, &own.method),
        (&root.authority, &own.authority),
    ];
    let named = [
        (&root.headers, &own.headers),
        (&root.without_headers, &own.without_headers),
        (&root.query, &own.query),
    ];
    let labels = |(key, value): (&String, &String)| {
        let wanted = root.source_labels.get(key);
        wanted.is_none_or(|wanted| wanted == value)
    };
    let gateways = || {
        let mut names = own.gateways.iter();
        names.all(|gateway| root.gateways.contains(gateway))
    };
    alone
        .into_iter()
        .all(|(root, own)| narrows(root.as_ref(), own.as_ref()))
        && named.into_iter().all(|(root, own)| {
            let mut own = own.iter();
            own.all(|(name, condition)| narrows(root.get(name), Some(condition)))
        })
        && root.ignores_case == own.ignores_case
        && (root.port.is_none() || own.port.is_none() || root.port == own.port)
        && (root.source_namespace.is_none() || root.source_namespace == own.source_namespace)
        && own.source_labels.iter().all(labels)
        && (root.gateways.is_empty() || own.gateways.is_empty() || gateways())
}

/// Returns whether the delegate's condition can stand under the root's: it says no less. Of expressions, and of
/// the mere presence of a header, Istio does not try to tell.
fn narrows(root: Option<&Condition>, own: Option<&Condition>) -> bool {
    use Condition::{Exact, Prefix};
    match (root, own) {
        (None, _) | (_, None) => true,
        (Some(Exact(root)), Some(Exact(own))) => root == own,
        (Some(Prefix(root)), Some(Exact(own) | Prefix(own))) => {
            !root.is_empty() && own.starts_with(root)
        }
        _ => false,
    }
}

/// Returns the conditions of both; where both say something on one thing, the delegate's counts.
fn joined(root: &Match, own: &Match) -> Match {
    let or = |own: &Option<Condition>, root: &Option<Condition>| own.clone().or(root.clone());
    let named = |root: &BTreeMap<String, Condition>, own: &BTreeMap<String, Condition>| {
        let root = root.iter().chain(own);
        root.map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let mut source_labels = root.source_labels.clone();
    source_labels.extend(own.source_labels.clone());
    Match {
        name: own.name.clone().or(root.name.clone()),
        path: or(&own.path, &root.path),
        ignores_case: own.ignores_case,
        scheme: or(&own.scheme, &root.scheme),
        method: or(&own.method, &root.method),
        authority: or(&own.authority, &root.authority),
        headers: named(&root.headers, &own.headers),
        without_headers: named(&root.without_headers, &own.without_headers),
        query: named(&root.query, &own.query),
        port: own.port.or(root.port),
        gateways: match own.gateways.is_empty() {
            true => root.gateways.clone(),
            false => own.gateways.clone(),
        },
        source_labels,
        source_namespace: own
            .source_namespace
            .clone()
            .or(root.source_namespace.clone()),
        stat_prefix: own.stat_prefix.clone().or(root.stat_prefix.clone()),
        ..own.clone()
    }
}
