//! The fields of a DestinationRule that routing depends on, and how Istio merges several rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Age, holds, spec};
use super::hosts::{full_host, specificity};
use crate::objects::place;

/// A DestinationRule.
pub(super) struct DestinationRule {
    pub(super) namespace: String,
    pub(super) age: (bool, Age),
    host: String,
    workload_selector: Option<BTreeMap<String, String>>,
    subsets: Vec<Subset>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    host: String,
    #[serde(default)]
    subsets: Vec<Subset>,
    workload_selector: Option<Selector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    #[serde(default)]
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Subset {
    name: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl DestinationRule {
    pub(super) fn read(object: &Value) -> Result<DestinationRule, String> {
        let (_, namespace, _) = place(object);
        let spec: Spec = spec(object)?;
        if spec.host.is_empty() {
            return Err("its host is empty".to_owned());
        }
        let workload_selector = spec.workload_selector.map(|s| s.match_labels);
        Ok(DestinationRule {
            namespace: namespace.to_owned(),
            // Rules made for some workloads go before those made for all.
            age: (workload_selector.is_none(), Age::of(object)),
            host: full_host(&spec.host, namespace),
            workload_selector,
            subsets: spec.subsets,
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

/// Returns the subsets that hold where several rules name one host: of later rules only new names
/// are added. (Their traffic policies are not: the first one counts whole.)
pub(super) fn merged_subsets<'a>(
    rules: impl Iterator<Item = &'a DestinationRule>,
) -> BTreeMap<&'a str, &'a BTreeMap<String, String>> {
    let mut merged = BTreeMap::new();
    for subset in rules.flat_map(|rule| &rule.subsets) {
        merged.entry(subset.name.as_str()).or_insert(&subset.labels);
    }
    merged
}
