//! What was measured of the calls that a rule governs (rule W9).
//!
//! Measured belongs to a destination and a group of callers, never to a rule: Istio's metrics carry none.

use std::collections::{BTreeSet, HashMap};

use crate::graph::{Calls, Facts, Totals, merge_histogram};
use crate::names::TemplateHash;
use crate::telemetry::{Reporter, TrafficKey};

/// Namespace and name of a workload or a service.
pub type Place = (String, String);

/// A group of callers as metrics can tell it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// Everyone with a sidecar: all but the gateways' workloads.
    Mesh {
        /// The workloads of all gateways.
        gateways: &'a BTreeSet<Place>,
    },
    /// The workloads behind one gateway. Metrics can't tell two gateways of the same workloads apart.
    Gateway {
        /// Its workloads.
        workloads: BTreeSet<Place>,
    },
    /// All who report.
    Anyone,
}

impl Who<'_> {
    fn is(&self, key: &TrafficKey) -> bool {
        let peer = &key.source;
        let (Some(namespace), Some(workload)) = (&peer.namespace, &peer.workload) else {
            // Whom no proxy knows follows no rule.
            return false;
        };
        let place = (namespace.as_str().to_owned(), workload.as_str().to_owned());
        match self {
            Who::Mesh { gateways } => !gateways.contains(&place),
            Who::Gateway { workloads } => workloads.contains(&place),
            Who::Anyone => true,
        }
    }
}

/// A destination as metrics know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The service addressed.
    pub service: Option<Place>,
    /// The workloads whose pods take its calls.
    pub workloads: BTreeSet<Place>,
    /// The template of those pods, where it is one side of an Argo Rollout (rule R6).
    pub template: Option<String>,
}

/// How the destinations of a rule can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apart {
    /// They are other workloads, or other services.
    Workloads,
    /// Some are sides of one Rollout: the pods themselves report whose they are, where the source keeps it.
    Templates,
    /// Some are the same pods.
    No,
}

impl Target {
    /// Returns whether some pods are behind both, as far as names of workloads go.
    fn shares_pods_with(&self, other: &Target) -> bool {
        self.service == other.service && !self.workloads.is_disjoint(&other.workloads)
    }
}

impl Apart {
    /// Returns how these can.
    pub fn of(targets: &[Target]) -> Apart {
        let pairs = targets.iter().enumerate().flat_map(|(idx, a)| {
            let others = targets.iter().skip(idx + 1);
            others.map(move |b| (a, b))
        });
        let mut same = pairs.filter(|(a, b)| a.shares_pods_with(b)).peekable();
        if same.peek().is_none() {
            return Apart::Workloads;
        }
        let mut are_sides = same.map(|(a, b)| {
            let sides = a.template.as_ref().zip(b.template.as_ref());
            sides.is_some_and(|(a, b)| a != b)
        });
        match are_sides.all(|it| it) {
            true => Apart::Templates,
            false => Apart::No,
        }
    }
}

/// The calls of one group of callers to the destinations of one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// One for each destination.
    pub destinations: Vec<Calls>,
    /// Calls to the destinations' services that no endpoint took.
    pub not_taken: Totals,
    /// All calls, as callers count them.
    pub requests: f64,
    /// Whether each destination's calls are its own.
    pub is_apart: bool,
}

/// The facts of one window, by the service that was addressed.
pub struct Flows<'a> {
    by_service: HashMap<(&'a str, &'a str), Vec<Report<'a>>>,
}

struct Report<'a> {
    key: &'a TrafficKey,
    count: f64,
    histogram: Option<&'a crate::telemetry::Histogram>,
}

impl<'a> Flows<'a> {
    /// Sorts facts by service. Only what the callers' side reports is of a caller's rule; which side of a Rollout took
    /// a call its own pods alone know.
    pub fn of(facts: &'a Facts) -> Flows<'a> {
        let mut by_service: HashMap<_, Vec<Report<'a>>> = HashMap::new();
        let mut push = |key: &'a TrafficKey, count, histogram| {
            let service = key.service.as_ref();
            let place =
                service.and_then(|s| Some((s.namespace.as_ref()?.as_str(), s.name.as_str())));
            let is_callers = key.reporter != Reporter::Destination;
            if let Some(place) = place
                && (is_callers || key.template.is_some())
            {
                by_service.entry(place).or_default().push(Report {
                    key,
                    count,
                    histogram,
                });
            }
        };
        for sample in &facts.requests {
            push(&sample.key, sample.value, None);
        }
        for sample in facts.latency.iter().flatten() {
            push(&sample.key, 0.0, Some(&sample.histogram));
        }
        Flows { by_service }
    }

    /// Returns the calls of `who` to each of `targets`.
    pub fn toward(&self, who: &Who<'_>, targets: &[Target]) -> Flow {
        let apart = Apart::of(targets);
        let mut flow = self.told_by_callers(who, targets);
        flow.is_apart = apart == Apart::Workloads;
        if apart == Apart::Templates {
            self.tell_sides_apart(who, targets, &mut flow);
        }
        flow
    }

    /// Puts what the pods of each side of a Rollout count in the place of what callers count of both; where there were no
    /// calls, there is nothing to tell.
    fn tell_sides_apart(&self, who: &Who<'_>, targets: &[Target], flow: &mut Flow) {
        let is_side = |idx: usize| {
            let target = targets.get(idx);
            let mut others = targets.iter().enumerate().filter(|(at, _)| *at != idx);
            target.is_some_and(|target| others.any(|(_, it)| target.shares_pods_with(it)))
        };
        let sum = |all: &[Calls]| -> f64 {
            let sides = all.iter().enumerate().filter(|(idx, _)| is_side(*idx));
            sides.map(|(_, calls)| calls.totals.requests).sum()
        };
        let by_pods = self.reported_by(Reporter::Destination, who, targets);
        flow.is_apart = sum(&by_pods.destinations) > 0.0 || sum(&flow.destinations) <= 0.0;
        if !flow.is_apart {
            return;
        }
        let places = flow.destinations.iter_mut().zip(by_pods.destinations);
        for (idx, (calls, of_pods)) in places.enumerate() {
            if is_side(idx) {
                *calls = of_pods;
            }
        }
    }

    fn told_by_callers(&self, who: &Who<'_>, targets: &[Target]) -> Flow {
        let sidecars = self.reported_by(Reporter::Source, who, targets);
        if sidecars.requests > 0.0 {
            return sidecars;
        }
        // Ambient callers have no proxy of their own: their waypoint speaks for them (rule R2).
        self.reported_by(Reporter::Waypoint, who, targets)
    }

    fn reported_by(&self, reporter: Reporter, who: &Who<'_>, targets: &[Target]) -> Flow {
        let mut flow = Flow {
            destinations: vec![Calls::default(); targets.len()],
            ..Flow::default()
        };
        let services: BTreeSet<&Place> =
            targets.iter().filter_map(|t| t.service.as_ref()).collect();
        for service in services {
            let place = (service.0.as_str(), service.1.as_str());
            let reports = self.by_service.get(&place).into_iter().flatten();
            for report in reports.filter(|r| r.key.reporter == reporter && who.is(r.key)) {
                let callee = &report.key.destination;
                let (Some(namespace), Some(workload)) = (&callee.namespace, &callee.workload)
                else {
                    flow.not_taken
                        .add(report.key.response, &report.key.flags, report.count);
                    continue;
                };
                let place = (namespace.as_str().to_owned(), workload.as_str().to_owned());
                let template = report.key.template.as_ref().map(TemplateHash::as_str);
                let takes = |target: &Target| {
                    target.service.as_ref() == Some(service)
                        && target.workloads.contains(&place)
                        && (reporter != Reporter::Destination
                            || target.template.as_deref() == template)
                };
                if let Some(calls) = targets
                    .iter()
                    .position(takes)
                    .and_then(|idx| flow.destinations.get_mut(idx))
                {
                    match report.histogram {
                        Some(histogram) => merge_histogram(&mut calls.histogram, histogram),
                        None => {
                            calls
                                .totals
                                .add(report.key.response, &report.key.flags, report.count);
                        }
                    }
                }
            }
        }
        let taken: f64 = flow.destinations.iter().map(|d| d.totals.requests).sum();
        flow.requests = taken + flow.not_taken.requests;
        flow
    }
}

/// Returns each destination's part of the calls, and its bounds where others' calls can't be told from the
/// rule's: those marked in `is_shared` may hold none of the rule's calls, or all that were counted.
pub fn shares(counts: &[f64], not_taken: f64, is_shared: &[bool]) -> Vec<Option<(f64, [f64; 2])>> {
    let total: f64 = counts.iter().sum::<f64>() + not_taken;
    let least = |idx: usize| match is_shared.get(idx) {
        Some(true) => 0.0,
        _ => counts.get(idx).copied().unwrap_or(0.0),
    };
    let most = |idx: usize| counts.get(idx).copied().unwrap_or(0.0);
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    (0..counts.len())
        .map(|idx| {
            if total <= 0.0 {
                return None;
            }
            let others = |of: &dyn Fn(usize) -> f64| -> f64 {
                (0..counts.len()).filter(|o| *o != idx).map(of).sum::<f64>() + not_taken
            };
            let low = ratio(least(idx), least(idx) + others(&most));
            let high = ratio(most(idx), most(idx) + others(&least));
            Some((most(idx) / total, [low, high]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn w9_a_share_that_another_rule_feeds_is_told_within_bounds() {
        let told = shares(&[90.0, 10.0], 0.0, &[false, true]);
        assert_eq!(told[0], Some((0.9, [0.9, 1.0])));
        assert_eq!(told[1], Some((0.1, [0.0, 0.1])));
        let exact = shares(&[70.0, 20.0], 10.0, &[false, false]);
        assert_eq!(exact[1], Some((0.2, [0.2, 0.2])));
        assert_eq!(shares(&[0.0, 0.0], 0.0, &[false, false]), [None, None]);
    }

    proptest! {
        #[test]
        fn a_share_lies_within_its_bounds_and_all_of_them_sum_to_one(
            counts in prop::collection::vec(0f64..1e6, 1..6),
            shared in prop::collection::vec(any::<bool>(), 6),
        ) {
            let told = shares(&counts, 0.0, &shared);
            let mut sum = 0.0;
            for (share, [low, high]) in told.iter().flatten() {
                prop_assert!(*low <= share + 1e-9 && *share <= high + 1e-9);
                sum += share;
            }
            prop_assert!(told[0].is_none() || (sum - 1.0).abs() < 1e-9);
        }
    }
}
