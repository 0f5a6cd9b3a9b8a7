//! One step of the simulation: calls arrive, call further, end, and are counted.

mod attempt;
mod host;
mod links;
mod report;
mod spans;

use crate::STEP_MS;
use crate::chance::Dice;
use crate::ending::{Ending, Flags};
use crate::fleet::{Fleet, PodAt};
use crate::history::Tally;
use crate::ledger::{Ledger, ServiceId};
use crate::plan::{Branch, BranchEnd, CallPlan, Plan, Upstream};
use crate::trace::{Opened, Side, Traces};
use crate::trips::Trips;

pub(crate) use links::Links;

use attempt::Ask;
use report::{Parties, Report};

/// What a step works on.
pub(crate) struct Step<'a> {
    plan: &'a Plan,
    fleet: &'a mut Fleet,
    ledger: &'a mut Ledger,
    tally: &'a mut Tally,
    trips: &'a mut Trips,
    traces: &'a mut Traces,
    /// The calls that passed a waypoint: the caller, the pod that took it, and the service.
    carried: Vec<Parties>,
    /// When it began, in milliseconds since the epoch.
    began_ms: i64,
    /// How many more retries and copies this step may see.
    extra_left: u32,
}

/// What a caller sees of a call.
struct Seen {
    ms: f64,
    failed: bool,
}

/// Deeper than any story goes; ends the ones that go in circles.
const MAX_DEPTH: u32 = 12;

/// Retries of retries multiply, and copies of copies. Where a mesh would be overrun, the demo stops.
const MAX_EXTRA: u32 = 1000;

impl<'a> Step<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        fleet: &'a mut Fleet,
        ledger: &'a mut Ledger,
        tally: &'a mut Tally,
        trips: &'a mut Trips,
        traces: &'a mut Traces,
    ) -> Step<'a> {
        Step {
            plan,
            fleet,
            ledger,
            tally,
            trips,
            traces,
            carried: Vec::new(),
            began_ms: 0,
            extra_left: MAX_EXTRA,
        }
    }

    /// Plays the step that ends at `step * STEP_MS`.
    pub(crate) fn play(&mut self, seed: u64, step: i64) {
        let plan = self.plan;
        self.began_ms = (step - 1) * STEP_MS;
        let began_ms = self.began_ms as f64;
        for (workload, its) in plan.workloads.iter().enumerate() {
            for (arrival, call) in &its.arrivals {
                let mut dice = Dice::new(seed, step, arrival.stream);
                let mean = call.call.mean * STEP_MS as f64 / 1000.0;
                let n = dice.poisson(mean * arrival.wave.at(step * STEP_MS));
                for nth in 0..n {
                    let Some(from) = self.any_pod(&[workload], &mut dice) else {
                        break;
                    };
                    let at_ms = began_ms + dice.unit() * STEP_MS as f64;
                    self.traces.begin((seed, step, arrival.stream), nth, at_ms);
                    self.call(from, call, at_ms, 0, &mut dice);
                    self.traces.end();
                }
            }
            for (burst, call) in &its.bursts {
                if step % burst.every_steps != 0 {
                    continue;
                }
                let mut dice = Dice::new(seed, step, burst.stream);
                let n = dice.poisson(call.call.mean);
                let Some(from) = self.any_pod(&[workload], &mut dice) else {
                    continue;
                };
                for nth in 0..n {
                    self.traces.begin((seed, step, burst.stream), nth, began_ms);
                    self.call(from, call, began_ms, 0, &mut dice);
                    self.traces.end();
                }
            }
        }
    }

    /// Makes one call from a pod.
    fn call(
        &mut self,
        from: PodAt,
        plan: &CallPlan,
        at_ms: f64,
        depth: u32,
        dice: &mut Dice,
    ) -> Seen {
        let part = self.traces.open(Side::Client, plan.call, at_ms);
        let seen = self.send(from, plan, part, at_ms, depth, dice);
        self.traces.leave(part);
        seen
    }

    /// Finds out where a call goes, and ends it.
    fn send(
        &mut self,
        from: PodAt,
        plan: &CallPlan,
        part: Opened,
        at_ms: f64,
        depth: u32,
        dice: &mut Dice,
    ) -> Seen {
        let (injected, waited) = match plan.delay {
            Some(delay) if dice.happens(delay.share) => (Flags::DI, delay.ms),
            _ => (Flags::NONE, 0.0),
        };
        // Faults stand before the router, in Envoy: what they end is never tried again.
        if let Some((share, ending)) = plan.abort
            && dice.happens(share)
        {
            let ms = waited + dice.lognormal(0.3, 0.3);
            let (service, ending) = (plan.service, ending.flagged(injected));
            return self.refuse(from, plan, part, service, ending, ms);
        }
        let Some(branch) = pick(plan, dice) else {
            return Seen {
                ms: waited,
                failed: true,
            };
        };
        let upstream = match &branch.end {
            BranchEnd::To(upstream) => upstream,
            BranchEnd::Proxy(ending) => {
                let ms = waited + dice.lognormal(0.3, 0.3);
                let (service, ending) = (branch.service, ending.flagged(injected));
                return self.refuse(from, plan, part, service, ending, ms);
            }
        };
        let call = Parties {
            from,
            to: None,
            service: branch.service,
            waypoint: upstream.waypoint,
            protocol: plan.call.protocol,
        };
        let (to, last, server) = self.forward(call, plan, upstream, at_ms + waited, depth, dice);
        // Without a healthy endpoint Envoy answers before it gets to copies.
        if !last.ending.flags.has(Flags::UH) {
            self.mirror(from, plan, at_ms + waited, depth, dice);
        }
        let client = Report {
            ending: last.ending.flagged(injected),
            ms: waited + last.ms,
        };
        let call = Parties { to, ..call };
        self.report(call, Some(client), server);
        self.tell_client(part, call, Some(upstream.id), client);
        Seen {
            ms: client.ms,
            failed: client.ending.is_failure(),
        }
    }

    /// Sends a call on, again and again as far as the retry policy goes. Returns the pod that took the
    /// last attempt, what the caller's proxy says of it all, and what that pod's says of its part.
    fn forward(
        &mut self,
        call: Parties,
        plan: &CallPlan,
        upstream: &Upstream,
        at_ms: f64,
        depth: u32,
        dice: &mut Dice,
    ) -> (Option<PodAt>, Report, Option<Report>) {
        let retries = plan.retries.as_ref();
        let per_try_ms = retries
            .and_then(|retries| retries.per_try_timeout_ms)
            .unwrap_or(f64::INFINITY);
        let mut tried = Vec::new();
        let mut n_retries = 0;
        let mut ms = 0.0;
        loop {
            let left_ms = plan.timeout_ms - ms;
            let limit_ms = left_ms.min(per_try_ms);
            let ask = Ask {
                from: call.from,
                protocol: call.protocol,
                gone: plan.call.gone,
                upstream,
                call: plan.call,
                is_copy: false,
                at_ms: at_ms + ms,
                limit_ms,
                depth,
            };
            let attempt = self.attempt(&ask, &tried, dice);
            ms += attempt.client.ms;
            let in_time = attempt.client.ms < left_ms;
            let to = attempt.taken_by();
            let mut last = Report {
                ms,
                ..attempt.client
            };
            let Some(retries) = retries.filter(|r| in_time && r.wants(attempt.outcome)) else {
                return (to, last, attempt.server);
            };
            if n_retries == retries.attempts || self.extra_left == 0 {
                last.ending = last.ending.flagged(Flags::URX);
                return (to, last, attempt.server);
            }
            // Envoy waits for a random part of a time that doubles up to ten times the first one.
            let longest = f64::from(1 << n_retries.min(4)).min(10.0) * retries.backoff_ms;
            ms += dice.unit() * longest;
            if plan.timeout_ms <= ms {
                let late = Report {
                    ending: Ending::by_proxy(call.protocol, 504, Flags::UT),
                    ms: plan.timeout_ms,
                };
                return (to, late, attempt.server);
            }
            self.report(Parties { to, ..call }, None, attempt.server);
            n_retries += 1;
            self.traces.retried();
            self.extra_left -= 1;
            if retries.ignore_previous_hosts {
                tried.extend(attempt.host);
            }
        }
    }

    /// Sends copies of a call where its rule says so. Nobody waits for their answers, so the servers'
    /// proxies alone tell of them.
    fn mirror(&mut self, from: PodAt, plan: &CallPlan, at_ms: f64, depth: u32, dice: &mut Dice) {
        for mirror in &plan.mirrors {
            if self.extra_left == 0 || !dice.happens(mirror.share) {
                continue;
            }
            self.extra_left -= 1;
            let ask = Ask {
                from,
                protocol: plan.call.protocol,
                gone: 0.0,
                upstream: &mirror.upstream,
                call: plan.call,
                is_copy: true,
                at_ms,
                limit_ms: plan.timeout_ms,
                depth,
            };
            let attempt = self.attempt(&ask, &[], dice);
            let call = Parties {
                from,
                to: attempt.taken_by(),
                service: mirror.service,
                waypoint: mirror.upstream.waypoint,
                protocol: plan.call.protocol,
            };
            self.report(call, None, attempt.server);
        }
    }

    /// Serves one call in a pod: its own work and the calls it makes for it, one after the other.
    /// Returns how long it took, and whether one of those calls spoiled the answer.
    fn serve(&mut self, at: PodAt, at_ms: f64, depth: u32, dice: &mut Dice) -> (f64, bool) {
        if let Some(pod) = self.fleet.pod_mut(at) {
            pod.served += 1;
        }
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
                    let seen = self.call(at, call, at_ms + ms, depth + 1, dice);
                    ms += seen.ms;
                    spoiled |= seen.failed && dice.happens(call.call.fatal);
                }
            }
        }
        (ms, spoiled)
    }

    /// Ends a call that no endpoint took.
    fn refuse(
        &mut self,
        from: PodAt,
        plan: &CallPlan,
        part: Opened,
        service: Option<ServiceId>,
        ending: Ending,
        ms: f64,
    ) -> Seen {
        let call = Parties {
            from,
            to: None,
            service,
            waypoint: None,
            protocol: plan.call.protocol,
        };
        let client = Report { ending, ms };
        self.report(call, Some(client), None);
        self.tell_client(part, call, None, client);
        Seen {
            ms,
            failed: ending.is_failure(),
        }
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
