//! Which pod a call is sent to, and what its caller's proxy thinks of it afterwards.

use super::Step;
use super::attempt::Ask;
use crate::chance::Dice;
use crate::ejection::{Judgement, PodId};
use crate::fleet::PodAt;
use crate::routing::Outcome;
use crate::story::Trouble;
use crate::trips::Trip;

impl Step<'_> {
    /// Returns the pod that an attempt goes to: any healthy one, rather one that has not been tried.
    pub(super) fn host(
        &mut self,
        ask: &Ask<'_>,
        tried: &[PodAt],
        dice: &mut Dice,
    ) -> Option<PodAt> {
        let workloads = &ask.upstream.workloads;
        let some_ejected = self.let_back_in(ask);
        if tried.is_empty() && !some_ejected {
            return self.any_pod(workloads, dice);
        }
        let all: Vec<PodAt> = self.ready_pods(workloads).collect();
        let mut hosts = all.clone();
        if some_ejected && let Some(rules) = &ask.upstream.outlier_detection {
            hosts.retain(|at| !self.is_ejected(ask, *at));
            // With too few healthy pods Envoy panics and takes all of them. Istio has switched that
            // off unless a rule says otherwise.
            if hosts.len() * 100 < all.len() * rules.min_health_percent as usize {
                hosts = all;
            }
        }
        let fresh = |at: &&PodAt| !tried.contains(at);
        let n_fresh = hosts.iter().filter(fresh).count();
        if n_fresh == 0 {
            return hosts.get(dice.below(hosts.len())).copied();
        }
        hosts.iter().filter(fresh).nth(dice.below(n_fresh)).copied()
    }

    /// Returns one of the ready pods of these workloads, each as likely.
    pub(super) fn any_pod(&self, workloads: &[usize], dice: &mut Dice) -> Option<PodAt> {
        let total = workloads.iter().map(|idx| self.ready(*idx).len()).sum();
        let mut nth = dice.below(total);
        for idx in workloads {
            let pods = self.ready(*idx);
            if let Some(pod) = pods.get(nth) {
                return Some(PodAt {
                    workload: *idx,
                    pod: *pod,
                });
            }
            nth -= pods.len();
        }
        None
    }

    /// Returns how a call to a pod goes wrong, if it does.
    pub(super) fn trouble_at(&self, at: PodAt, dice: &mut Dice) -> Option<Trouble> {
        let workload = self.fleet.workloads.get(at.workload)?;
        if workload.ill == Some(at.pod) {
            return workload.actor.spells.as_ref().map(|spells| spells.trouble);
        }
        let mut draw = dice.unit();
        for (share, trouble) in workload.actor.troubles {
            if draw < *share {
                return Some(*trouble);
            }
            draw -= share;
        }
        None
    }

    /// Has the caller's proxy take note of how an attempt went, where it watches for outliers.
    pub(super) fn judge(&mut self, to: PodAt, ask: &Ask<'_>, outcome: Outcome) {
        let Some(rules) = &ask.upstream.outlier_detection else {
            return;
        };
        let Some(judgement) = judgement(outcome) else {
            return;
        };
        let id_of = |at: PodAt| self.fleet.pod(at).map(|pod| pod.id);
        let Some(pod) = id_of(to) else {
            return;
        };
        let from = self.fleet.pod(ask.from);
        let has_failed = from.is_some_and(|from| from.ejections.contains_key(&ask.upstream.id));
        if judgement == Judgement::Good && !has_failed {
            return;
        }
        // How many pods there are matters only before another one is left out.
        let live: Vec<PodId> = if judgement == Judgement::Good {
            Vec::new()
        } else {
            let all = self.ready_pods(&ask.upstream.workloads);
            all.filter_map(id_of).collect()
        };
        let now_ms = self.began_ms;
        let is_ejected = self.fleet.pod_mut(ask.from).is_some_and(|from| {
            let seen = from.ejections.entry(ask.upstream.id).or_default();
            seen.note(rules, pod, judgement, now_ms, &live)
        });
        if is_ejected {
            self.trip(ask, Trip::Ejection);
        }
    }

    /// Lets those back in whose ejection is over. Returns whether others are still out.
    fn let_back_in(&mut self, ask: &Ask<'_>) -> bool {
        let now_ms = self.began_ms;
        let Some(rules) = &ask.upstream.outlier_detection else {
            return false;
        };
        let from = self.fleet.pod_mut(ask.from);
        let seen = from.and_then(|pod| pod.ejections.get_mut(&ask.upstream.id));
        seen.is_some_and(|seen| {
            seen.sweep(rules, now_ms);
            seen.are_some()
        })
    }

    fn is_ejected(&self, ask: &Ask<'_>, at: PodAt) -> bool {
        let from = self.fleet.pod(ask.from);
        let seen = from.and_then(|from| from.ejections.get(&ask.upstream.id));
        let host = self.fleet.pod(at);
        seen.zip(host)
            .is_some_and(|(seen, host)| seen.is_ejected(host.id))
    }

    fn ready_pods(&self, workloads: &[usize]) -> impl Iterator<Item = PodAt> {
        workloads.iter().flat_map(|idx| {
            let pods = self.ready(*idx).iter();
            pods.map(|pod| PodAt {
                workload: *idx,
                pod: *pod,
            })
        })
    }

    fn ready(&self, workload: usize) -> &[usize] {
        let workload = self.fleet.workloads.get(workload);
        workload.map_or(&[], |w| w.ready.as_slice())
    }
}

/// Returns what an attempt says of its pod. Envoy judges gRPC answers by the HTTP status that their
/// status stands for.
fn judgement(outcome: Outcome) -> Option<Judgement> {
    let http = match outcome {
        Outcome::Answered { http, grpc: None } => http,
        Outcome::Answered {
            grpc: Some(status), ..
        } => match status {
            2 | 13 | 15 => 500,
            12 => 501,
            14 => 503,
            4 => 504,
            _ => 200,
        },
        Outcome::NotConnected | Outcome::Reset => return Some(Judgement::LocalFailure),
        Outcome::Final => return None,
    };
    Some(match http {
        502..=504 => Judgement::GatewayError,
        500..=599 => Judgement::Error,
        _ => Judgement::Good,
    })
}
