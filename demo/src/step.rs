//! One step of the simulation: calls arrive, call further, end, and are counted.

mod report;

use crate::STEP_MS;
use crate::chance::Dice;
use crate::ending::{Ending, Flags};
use crate::fleet::{Fleet, PodAt};
use crate::history::Tally;
use crate::ledger::{Ledger, ServiceId};
use crate::plan::{Branch, BranchEnd, CallPlan, Plan};
use crate::story::Trouble;

use report::{Parties, Report};

/// What a step works on.
pub(crate) struct Step<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a mut Fleet,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) tally: &'a mut Tally,
}

/// What a caller sees of a call.
struct Seen {
    ms: f64,
    failed: bool,
}

/// Deeper than any story goes; ends the ones that go in circles.
const MAX_DEPTH: u32 = 12;

impl Step<'_> {
    /// Plays the step that ends at `step * STEP_MS`.
    pub(crate) fn play(&mut self, seed: u64, step: i64) {
        let plan = self.plan;
        for (workload, its) in plan.workloads.iter().enumerate() {
            for (arrival, call) in &its.arrivals {
                let mut dice = Dice::new(seed, step, arrival.stream);
                let mean = call.call.mean * STEP_MS as f64 / 1000.0;
                let n = dice.poisson(mean * arrival.wave.at(step * STEP_MS));
                for _ in 0..n {
                    let Some(from) = self.ready_pod(&[workload], &mut dice) else {
                        break;
                    };
                    self.call(from, call, 0, &mut dice);
                }
            }
        }
    }

    /// Makes one call from a pod.
    fn call(&mut self, from: PodAt, plan: &CallPlan, depth: u32, dice: &mut Dice) -> Seen {
        let delay_ms = match plan.delay {
            Some(delay) if dice.happens(delay.share) => Some(delay.ms),
            _ => None,
        };
        let waited = delay_ms.unwrap_or(0.0);
        let injected = if delay_ms.is_some() {
            Flags::DI
        } else {
            Flags::NONE
        };
        if let Some((share, ending)) = plan.abort
            && dice.happens(share)
        {
            let ms = waited + dice.lognormal(0.3, 0.3);
            return self.refuse(from, plan, plan.service, ending.flagged(injected), ms);
        }
        let Some(branch) = pick(plan, dice) else {
            return Seen {
                ms: waited,
                failed: true,
            };
        };
        let protocol = plan.call.protocol;
        let workloads = match &branch.end {
            BranchEnd::Pods(workloads) => workloads.as_slice(),
            BranchEnd::Proxy(ending) => {
                let ms = waited + dice.lognormal(0.3, 0.3);
                return self.refuse(from, plan, branch.service, ending.flagged(injected), ms);
            }
        };
        let Some(to) = self.ready_pod(workloads, dice) else {
            let ending = Ending::by_proxy(protocol, 503, Flags::UH).flagged(injected);
            let ms = waited + dice.lognormal(0.3, 0.3);
            return self.refuse(from, plan, branch.service, ending, ms);
        };

        let mut ending = match self.trouble_at(to, dice) {
            None => Ending::good(protocol),
            Some(Trouble::Status(status)) => Ending::status(protocol, status),
            Some(Trouble::GrpcStatus(status)) => Ending::grpc_status(status),
            Some(Trouble::NoConnection) => {
                let ending = Ending::by_proxy(protocol, 503, Flags::UF).flagged(injected);
                let ms = waited + dice.lognormal(12.0, 0.8);
                return self.refuse(from, plan, branch.service, ending, ms);
            }
            Some(Trouble::Broken) => {
                let ending = Ending::by_proxy(protocol, 503, Flags::UC).flagged(injected);
                let ms = waited + dice.lognormal(5.0, 0.8);
                return self.refuse(from, plan, branch.service, ending, ms);
            }
        };
        let (mut server_ms, spoiled) = self.serve(to, depth, dice);
        if spoiled && !ending.is_failure() {
            ending = Ending::status(protocol, 500);
        }
        if dice.happens(plan.call.gone) {
            // The client hangs up somewhere on the way; both proxies see it.
            server_ms *= dice.unit();
            ending = Ending::gone();
        }
        let network_ms = {
            let draw = dice.unit();
            0.2 + 0.8 * draw * draw
        };
        let client_ms = waited + server_ms + network_ms;
        let ending = ending.flagged(injected);
        let call = Parties {
            from,
            to: Some(to),
            service: branch.service,
            protocol,
        };
        let client = Report {
            ending,
            ms: client_ms,
        };
        let server = Report {
            ending,
            ms: server_ms,
        };
        self.report(call, Some(client), Some(server));
        Seen {
            ms: client_ms,
            failed: ending.is_failure(),
        }
    }

    /// Serves one call in a pod: its own work and the calls it makes for it, one after the other.
    /// Returns how long it took, and whether one of those calls spoiled the answer.
    fn serve(&mut self, at: PodAt, depth: u32, dice: &mut Dice) -> (f64, bool) {
        let Some(workload) = self.fleet.workloads.get(at.workload) else {
            return (0.0, false);
        };
        let pace = &workload.actor.pace;
        let slower = if dice.happens(pace.tail.0) {
            pace.tail.1
        } else {
            1.0
        };
        let mut ms = dice.lognormal(pace.median_ms, pace.spread) * slower;
        let mut spoiled = false;
        let plan = self.plan;
        if let Some(its) = plan.workloads.get(at.workload)
            && depth < MAX_DEPTH
        {
            for call in &its.calls {
                for _ in 0..dice.about(call.call.mean) {
                    let seen = self.call(at, call, depth + 1, dice);
                    ms += seen.ms;
                    spoiled |= seen.failed && dice.happens(call.call.fatal);
                }
            }
        }
        (ms, spoiled)
    }

    fn trouble_at(&self, at: PodAt, dice: &mut Dice) -> Option<Trouble> {
        let troubles = self.fleet.workloads.get(at.workload)?.actor.troubles;
        let mut draw = dice.unit();
        for (share, trouble) in troubles {
            if draw < *share {
                return Some(*trouble);
            }
            draw -= share;
        }
        None
    }

    /// Ends a call that no endpoint took.
    fn refuse(
        &mut self,
        from: PodAt,
        plan: &CallPlan,
        service: Option<ServiceId>,
        ending: Ending,
        ms: f64,
    ) -> Seen {
        let call = Parties {
            from,
            to: None,
            service,
            protocol: plan.call.protocol,
        };
        self.report(call, Some(Report { ending, ms }), None);
        Seen {
            ms,
            failed: ending.is_failure(),
        }
    }

    /// Returns one of the ready pods of these workloads, each as likely.
    fn ready_pod(&self, workloads: &[usize], dice: &mut Dice) -> Option<PodAt> {
        let ready = |idx: usize| {
            let workload = self.fleet.workloads.get(idx);
            workload.map_or(&[][..], |w| w.ready.as_slice())
        };
        let total = workloads.iter().map(|idx| ready(*idx).len()).sum();
        let mut nth = dice.below(total);
        for idx in workloads {
            let pods = ready(*idx);
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
}

fn pick<'a>(plan: &'a CallPlan, dice: &mut Dice) -> Option<&'a Branch> {
    if let [lone] = plan.branches.as_slice() {
        return Some(lone);
    }
    let mut draw = dice.unit() * plan.weight as f64;
    for branch in &plan.branches {
        if draw < branch.weight as f64 {
            return Some(branch);
        }
        draw -= branch.weight as f64;
    }
    plan.branches.last()
}
