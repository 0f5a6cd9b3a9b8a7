//! One route as it goes over the wire.

use std::collections::{BTreeMap, BTreeSet};

use super::measured::{Apart, Flows, Place, Target, Who, shares};
use super::{Board, Evidence, ReadRoute};
use crate::api::routes::{Callers, Destination, Measured, Pods, Route, Rule};
use crate::graph::workload_id;
use crate::health::wilson;
use crate::routing;
use crate::routing::hosts::MESH;
use crate::units::six_digits;

/// A board beside what was measured.
pub struct Showing<'a> {
    pub(super) board: &'a Board,
    evidence: &'a Evidence<'a>,
    pub(super) flows: Option<Flows<'a>>,
    recent: BTreeMap<u32, Flows<'a>>,
    pub(super) cluster: String,
}

impl<'a> Showing<'a> {
    /// Puts both together.
    pub fn new(board: &'a Board, evidence: &'a Evidence<'a>) -> Showing<'a> {
        let facts = evidence.facts;
        let cluster = facts
            .iter()
            .flat_map(|facts| &facts.requests)
            .find_map(|sample| sample.key.destination.cluster.as_ref())
            // Istio's name for a cluster that was given none.
            .map_or_else(
                || "Kubernetes".to_owned(),
                |cluster| cluster.as_str().to_owned(),
            );
        Showing {
            board,
            evidence,
            flows: facts.map(Flows::of),
            recent: evidence
                .recent
                .iter()
                .map(|(secs, facts)| (*secs, Flows::of(facts)))
                .collect(),
            cluster,
        }
    }

    /// Returns the window that the evidence is of.
    pub(super) fn window(&self) -> crate::units::Window {
        self.evidence.window
    }

    /// Returns the route at `idx` of the board.
    pub fn route(&self, idx: usize) -> Route {
        let Some(read) = self.board.routes.get(idx) else {
            return Route::default();
        };
        let mut route = Route {
            id: read.place.to_string(),
            namespace: read.place.namespace.clone(),
            kind: read.place.kind,
            name: read.place.name.clone(),
            resource_version: read.head.resource_version.clone(),
            generation: read.head.generation,
            owner: read.head.owner.clone(),
            last_write: read.head.last_write.clone(),
            checks: self.board.found.of_route(idx),
            uid: read.head.uid.clone(),
            ..Route::default()
        };
        match &read.view {
            Err(problem) => route.problem = Some(problem.clone()),
            Ok(view) => {
                route.hosts.clone_from(&view.hosts);
                route.gateways.clone_from(&view.gateways);
                route.rules = (0..view.rules.len())
                    .filter_map(|rule| self.rule(idx, read, rule))
                    .collect();
            }
        }
        route
    }

    fn rule(&self, route: usize, read: &ReadRoute, idx: usize) -> Option<Rule> {
        let view = read.view.as_ref().ok()?;
        let rule = view.rules.get(idx)?;
        let targets = read.targets.get(idx)?;
        let place = rule.place.to_string();
        let over = self
            .board
            .measured_over(read, &place, self.evidence.window, self.evidence.at);
        let wanted = rule.shares().ok();
        let mut destinations: Vec<Destination> = rule
            .destinations
            .iter()
            .zip(targets)
            .enumerate()
            .map(|(at, (destination, target))| {
                let share = wanted.as_ref().and_then(|shares| shares.get(at));
                self.destination(destination, target, share.copied())
            })
            .collect();
        let mut callers = Vec::new();
        let flows = self.flows.as_ref();
        for (gateway, flows) in followers(rule, &view.gateways)
            .into_iter()
            .filter_map(|gateway| Some((gateway, flows?)))
        {
            let who = self.who(&gateway);
            let shared = self.shared(route, idx, &gateway, targets);
            let (group, measured) = self.measure(&gateway, flows, &who, targets, over, &shared);
            for (destination, measured) in destinations.iter_mut().zip(measured) {
                destination.measured.extend(measured);
            }
            callers.push(group);
        }
        let services: BTreeSet<&Place> =
            targets.iter().filter_map(|t| t.service.as_ref()).collect();
        let one = services.iter().next().filter(|_| {
            services.len() == 1 && targets.iter().all(|target| target.service.is_some())
        });
        let measured = callers.iter().any(|c: &Callers| c.requests > 0.0);
        Some(Rule {
            changed_at_ms: read.journal.last_of(&place).map(|change| change.at_ms),
            rule: place,
            name: rule.name.clone(),
            matches: rule.matches.iter().map(routing::Match::words).collect(),
            also: rule
                .action
                .words()
                .into_iter()
                .chain(rule.also.iter().cloned())
                .collect(),
            is_split: destinations.len() > 1,
            service: one.map(|(namespace, name)| format!("{namespace}/{name}")),
            destinations,
            callers,
            measured_over_s: over.filter(|_| measured),
        })
    }

    fn destination(
        &self,
        destination: &routing::Destination,
        target: &Target,
        share: Option<u32>,
    ) -> Destination {
        let inventory = &self.board.inventory;
        let workloads = || {
            target
                .workloads
                .iter()
                .filter_map(|place| inventory.workloads.get(place))
        };
        let versions: BTreeSet<&String> = workloads()
            .filter_map(|w| w.labels.get("version"))
            .collect();
        let name = destination.subset.clone().unwrap_or_else(|| {
            target
                .service
                .as_ref()
                .map_or_else(|| destination.host.clone(), |(_, name)| name.clone())
        });
        Destination {
            name,
            host: destination.host.clone(),
            subset: destination.subset.clone(),
            port: destination.port,
            weight: destination.weight,
            share: share.map(|s| f64::from(s) / f64::from(routing::weights::WHOLE)),
            service: target
                .service
                .as_ref()
                .map(|(namespace, name)| format!("{namespace}/{name}")),
            version: versions
                .iter()
                .next()
                .filter(|_| versions.len() == 1)
                .map(|v| (*v).clone()),
            workloads: target
                .workloads
                .iter()
                .map(|(namespace, name)| workload_id(&self.cluster, namespace, name))
                .collect(),
            pods: target.service.as_ref().map(|_| {
                workloads().fold(Pods::default(), |sum, w| Pods {
                    ready: sum.ready + w.ready,
                    wanted: sum.wanted + w.wanted,
                })
            }),
            measured: Vec::new(),
        }
    }

    fn who(&self, gateway: &str) -> Who<'a> {
        if gateway == MESH {
            return Who::Mesh {
                gateways: &self.board.all_gateways,
            };
        }
        Who::Gateway {
            workloads: self
                .board
                .gateways
                .get(gateway)
                .cloned()
                .unwrap_or_default(),
        }
    }

    /// Returns which destinations of a rule others' rules lead the same callers to as well.
    fn shared(&self, route: usize, rule: usize, gateway: &str, targets: &[Target]) -> Vec<bool> {
        targets
            .iter()
            .map(|target| {
                let uses = target.service.as_ref().and_then(|s| self.board.uses.get(s));
                uses.into_iter().flatten().any(|other| {
                    (other.route, other.rule) != (route, rule)
                        && self.board.leads_to_any(other, &target.workloads)
                        && self.board.sends(other.route, other.rule)
                        && self.board.is_followed(other.route, other.rule, gateway)
                })
            })
            .collect()
    }

    fn measure(
        &self,
        gateway: &str,
        flows: &Flows<'_>,
        who: &Who<'_>,
        targets: &[Target],
        over: Option<u32>,
        shared: &[bool],
    ) -> (Callers, Vec<Option<Measured>>) {
        let window = self.evidence.window;
        let flow = flows.toward(who, targets);
        let recent = over.and_then(|secs| {
            if secs == window.secs() {
                return Some(flow.clone());
            }
            self.recent
                .get(&secs)
                .map(|flows| flows.toward(who, targets))
        });
        // Figures of a shorter time that can't be told apart say nothing beside those that can.
        let recent = recent.filter(|it| it.is_apart == flow.is_apart);
        let counts: Option<Vec<f64>> = recent.as_ref().map(|flow| {
            flow.destinations
                .iter()
                .map(|d| d.totals.requests)
                .collect()
        });
        let not_taken = recent.as_ref().map_or(0.0, |flow| flow.not_taken.requests);
        let told = counts
            .map(|counts| shares(&counts, not_taken, shared))
            .unwrap_or_default();
        let share_requests = recent.as_ref().map_or(0.0, |flow| flow.requests);
        let measured = flow
            .destinations
            .iter()
            .enumerate()
            .map(|(idx, calls)| {
                // What can't be told apart is not the first one's alone.
                if !flow.is_apart {
                    return None;
                }
                let told = told.get(idx).copied().flatten();
                let is_exact = !shared.iter().any(|s| *s);
                Some(Measured {
                    callers: gateway.to_owned(),
                    share: told.map(|(share, _)| six_digits(share)),
                    share_bounds: told
                        .filter(|_| !is_exact)
                        .map(|(_, bounds)| bounds.map(six_digits)),
                    share_requests: six_digits(share_requests),
                    traffic: calls.totals.to_wire(window, calls.histogram.as_ref()),
                    error_bounds: wilson(calls.totals.outcome())
                        .map(|(low, high)| [six_digits(low), six_digits(high)]),
                })
            })
            .collect();
        let not_taken = flow.not_taken.to_wire(window, None);
        let group = Callers {
            id: gateway.to_owned(),
            name: self.named(gateway),
            requests: six_digits(flow.requests),
            rps: six_digits(flow.requests / f64::from(window.secs())),
            not_taken: not_taken.requests,
            not_taken_flags: not_taken.flags,
            note: note(shared, Apart::of(targets), flow.is_apart),
        };
        (group, measured)
    }

    fn named(&self, gateway: &str) -> String {
        if gateway == MESH {
            return "the mesh".to_owned();
        }
        let name = gateway.rsplit('/').next().unwrap_or(gateway);
        format!("gateway {name}")
    }
}

fn note(shared: &[bool], apart: Apart, is_apart: bool) -> Option<String> {
    let templates = match (apart, is_apart) {
        (Apart::Workloads, _) => None,
        (Apart::Templates, true) => Some(
            "Some of these destinations are sides of one Argo Rollout: their calls are told apart as their own pods \
             count them. Each retry is a call there, what callers gave up is no error, and how long calls took is not \
             told apart.",
        ),
        (Apart::Templates, false) => Some(
            "Some of these destinations are sides of one Argo Rollout, and the metrics do not tell them apart: keep the \
             label `rollouts-pod-template-hash` of the pods that are scraped, by a `labelmap` as in Istio's own sample.",
        ),
        (Apart::No, _) => {
            Some("Two of these destinations are the same pods: metrics can't tell them apart.")
        }
    };
    if let Some(templates) = templates {
        return Some(templates.to_owned());
    }
    shared.iter().any(|s| *s).then(|| {
        "Other rules lead to the same pods, and metrics do not name the rule: the measured shares are of all \
         of them, and this rule's lie within the bounds. A `statPrefix` on the matches would count them \
         apart."
            .to_owned()
    })
}

impl Board {
    /// Returns whether a destination is some of these workloads.
    fn leads_to_any(&self, used: &super::Use, workloads: &BTreeSet<Place>) -> bool {
        let targets = self.routes.get(used.route).map(|it| &it.targets);
        let target = targets.and_then(|it| it.get(used.rule)?.get(used.idx));
        target.is_some_and(|it| !it.workloads.is_disjoint(workloads))
    }

    /// Returns whether a rule sends anything anywhere.
    fn sends(&self, route: usize, rule: usize) -> bool {
        let view = self.routes.get(route).and_then(|r| r.view.as_ref().ok());
        view.and_then(|view| view.rules.get(rule))
            .is_some_and(|rule| rule.shares().is_ok())
    }

    /// Returns whether the callers of `gateway`, or some of them, follow a rule.
    fn is_followed(&self, route: usize, rule: usize, gateway: &str) -> bool {
        let view = self.routes.get(route).and_then(|r| r.view.as_ref().ok());
        let Some((view, rule)) = view.and_then(|view| Some((view, view.rules.get(rule)?))) else {
            return false;
        };
        let mine = self.gateways.get(gateway);
        followers(rule, &view.gateways).iter().any(|other| {
            other == gateway
                || mine
                    .zip(self.gateways.get(other))
                    .is_some_and(|(a, b)| !a.is_disjoint(b))
        })
    }
}

/// Returns who of the object's gateways follows a rule.
pub fn followers(rule: &routing::Rule, gateways: &[String]) -> Vec<String> {
    let named = |gateway: &&String| {
        rule.matches.is_empty()
            || rule
                .matches
                .iter()
                .any(|m| m.gateways.is_empty() || m.gateways.contains(gateway))
    };
    gateways.iter().filter(named).cloned().collect()
}
