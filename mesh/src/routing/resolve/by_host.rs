//! DestinationRules by what they are looked for by: who keeps them, and the host that they are about.

use std::collections::HashMap;

use crate::routing::destination_rule::DestinationRule;
use crate::routing::hosts;

/// Where rules stand in their list, which is in the order in which they are merged; so is what is found.
#[derive(Clone, Debug, Default)]
pub(super) struct ByHost {
    /// The full name of the host of each.
    hosts: Vec<String>,
    by_namespace: HashMap<String, Vec<usize>>,
    by_host: HashMap<String, Vec<usize>>,
}

impl ByHost {
    pub(super) fn of(rules: &[DestinationRule], domain: &str) -> ByHost {
        let mut found = ByHost::default();
        for (idx, rule) in rules.iter().enumerate() {
            let host = hosts::full_host(&rule.host, &rule.namespace, domain);
            let namespace = found.by_namespace.entry(rule.namespace.clone());
            namespace.or_default().push(idx);
            found.by_host.entry(host.clone()).or_default().push(idx);
            found.hosts.push(host);
        }
        found
    }

    /// Returns the rules that a namespace keeps, with the full names of their hosts.
    pub(super) fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = (usize, &str)> {
        let found = self.by_namespace.get(namespace).into_iter().flatten();
        found.filter_map(|idx| Some((*idx, self.hosts.get(*idx)?.as_str())))
    }

    /// Returns the rules on this very host, by its full name.
    pub(super) fn of_host(&self, host: &str) -> impl Iterator<Item = usize> {
        self.by_host.get(host).into_iter().flatten().copied()
    }
}
