//! The fields of a DestinationRule that the demo follows, and how Istio merges several rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Age, holds, spec};
use super::hosts::{full_host, specificity};
use super::policy::{self, Policy, PolicySpec, TrafficPolicy};
use crate::objects::place;

/// A DestinationRule.
pub(super) struct DestinationRule {
    pub(super) namespace: String,
    pub(super) age: (bool, Age),
    host: String,
    workload_selector: Option<BTreeMap<String, String>>,
    policy: Option<Policy>,
    subsets: Vec<Subset>,
}

/// Some of a service's pods.
pub(super) struct Subset {
    name: String,
    labels: BTreeMap<String, String>,
    policy: Option<Policy>,
}

/// What holds where several rules name one host.
#[derive(Default)]
pub(super) struct Merged<'a> {
    policy: Option<&'a Policy>,
    subsets: BTreeMap<&'a str, &'a Subset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    host: String,
    traffic_policy: Option<PolicySpec>,
    #[serde(default)]
    subsets: Vec<SubsetSpec>,
    workload_selector: Option<Selector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubsetSpec {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    traffic_policy: Option<PolicySpec>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
}

impl DestinationRule {
    pub(super) fn read(object: &Value) -> Result<DestinationRule, String> {
        let (_, namespace, _) = place(object);
        let spec: Spec = spec(object)?;
        if spec.host.is_empty() {
            return Err("its host is empty".to_owned());
        }
        let checked = |policy: Option<PolicySpec>| policy.map(PolicySpec::checked).transpose();
        let workload_selector = spec.workload_selector.map(|s| s.match_labels);
        Ok(DestinationRule {
            namespace: namespace.to_owned(),
            // Rules made for some workloads go before those made for all.
            age: (workload_selector.is_none(), Age::of(object)),
            host: full_host(&spec.host, namespace),
            workload_selector,
            policy: checked(spec.traffic_policy)?,
            subsets: spec
                .subsets
                .into_iter()
                .map(|subset| {
                    let policy = checked(subset.traffic_policy)
                        .map_err(|why| format!("subset {}: {why}", subset.name))?;
                    Ok(Subset {
                        name: subset.name,
                        labels: subset.labels,
                        policy,
                    })
                })
                .collect::<Result<_, String>>()?,
        })
    }

    /// Returns whether the rule is there for a caller with these labels.
    pub(super) fn applies_to(&self, labels: &BTreeMap<String, String>) -> bool {
        self.workload_selector
            .as_ref()
            .is_none_or(|wanted| holds(labels, wanted))
    }

    /// Returns how specifically the rule names `host`.
    pub(super) fn specificity(&self, host: &str) -> Option<usize> {
        specificity(&self.host, host)
    }
}

impl<'a> Merged<'a> {
    /// Merges rules, in Istio's order: the first one that has a traffic policy at its top says it
    /// whole; of later rules only new subset names are added.
    pub(super) fn of(rules: impl Iterator<Item = &'a DestinationRule>) -> Merged<'a> {
        let mut merged = Merged::default();
        for rule in rules {
            merged.policy = merged.policy.or(rule.policy.as_ref());
            for subset in &rule.subsets {
                merged.subsets.entry(&subset.name).or_insert(subset);
            }
        }
        merged
    }

    /// Returns the labels of a subset, or `None` when there is no such subset.
    pub(super) fn labels(&self, subset: &str) -> Option<&'a BTreeMap<String, String>> {
        self.subsets.get(subset).map(|subset| &subset.labels)
    }

    /// Returns what holds for calls to a port of the service, or of one of its subsets.
    pub(super) fn policy(&self, subset: Option<&str>, port: Option<u16>) -> TrafficPolicy {
        let subset = subset.and_then(|name| self.subsets.get(name));
        let its = subset.and_then(|subset| subset.policy.as_ref());
        policy::effective(self.policy, its, port)
    }
}
