//! Connections: who holds which, and what flows over them in a step.

use std::collections::BTreeMap;

use super::Step;
use super::report::Parties;
use crate::STEP_MS;
use crate::chance::{Dice, hash_text, mix};
use crate::deployments::Proxy;
use crate::ejection::PodId;
use crate::fleet::PodAt;
use crate::ledger::{Wire, WireId, WireReportId};
use crate::plan::{LinkEnd, LinkPlan};
use crate::wires::{Flow, Flows};

/// The connections that were open at the end of the last step.
#[derive(Default)]
pub(crate) struct Links(BTreeMap<Socket, Open>);

/// One end of a connection: the pod that opened it, the link it is of, and which of that link's it is.
type Socket = (PodId, u64, u64);

/// An open connection.
#[derive(Clone, Copy)]
struct Open {
    wire: WireId,
    to: Option<PodId>,
    /// Which of those that take each other's place it is.
    nth: i64,
    /// Where its ends were when it was last seen.
    ends: Ends,
    /// The step in which it was last seen.
    seen: i64,
}

/// The pods at both ends.
#[derive(Clone, Copy)]
struct Ends {
    from: (PodAt, PodId),
    /// None outside the mesh.
    to: Option<(PodAt, PodId)>,
}

/// Calls through a waypoint share a connection, so many in a row; and the bytes of a call and its answer.
const CALLS_PER_CONNECTION: f64 = 20.0;
const CARRIED_BYTES: (f64, f64) = (900.0, 24_000.0);

impl Step<'_> {
    /// Has the pods keep their connections, and lets flow over them what the calls of this step need.
    pub(crate) fn link(&mut self, seed: u64, step: i64, links: &mut Links, flows: &mut Flows) {
        let plan = self.plan;
        for (workload, its) in plan.workloads.iter().enumerate() {
            for link in &its.links {
                let pods: Vec<PodAt> = self.fleet.ready(workload).collect();
                for from in pods {
                    self.keep(from, link, (seed, step), links, flows);
                }
            }
        }
        let is_gone = |open: &Open| open.seen != step;
        let gone: Vec<Socket> = links
            .0
            .iter()
            .filter(|(_, open)| is_gone(open))
            .map(|(socket, _)| *socket)
            .collect();
        for socket in gone {
            if let Some(open) = links.0.remove(&socket) {
                self.close(open, flows);
            }
        }
        self.carry(seed, step, flows);
    }

    /// Keeps the connections of one pod over one link, and asks over one of them what is to be asked.
    fn keep(
        &mut self,
        from: PodAt,
        plan: &LinkPlan,
        (seed, step): (u64, i64),
        links: &mut Links,
        flows: &mut Flows,
    ) {
        let Some(pod) = self.fleet.pod(from) else {
            return;
        };
        let (id, served) = (pod.id, pod.served);
        for slot in 0..plan.link.n {
            let key = mix(seed ^ mix(id.0 ^ mix(plan.stream ^ slot)));
            let lasts = (plan.link.last_secs * 1000 / STEP_MS).max(1);
            let nth = (step + (key % lasts as u64) as i64).div_euclid(lasts);
            let socket = (id, plan.stream, slot);
            let wanted = self.end_of(from, id, plan, mix(key ^ mix(nth as u64)));
            let present = links.0.get(&socket).copied();
            let is_same = |open: &Open| {
                wanted.is_some_and(|(wire, ends)| {
                    (open.wire, open.to, open.nth) == (wire, ends.to.map(|to| to.1), nth)
                })
            };
            if let Some(open) = present.filter(|open| !is_same(open)) {
                links.0.remove(&socket);
                self.close(open, flows);
            }
            let Some((wire, ends)) = wanted else {
                continue;
            };
            if !present.is_some_and(|open| is_same(&open)) {
                let opened = Flow {
                    opened: 1,
                    ..Flow::default()
                };
                self.flow(wire, ends, opened, flows);
            }
            let open = Open {
                wire,
                to: ends.to.map(|to| to.1),
                nth,
                ends,
                seen: step,
            };
            links.0.insert(socket, open);
        }

        let mut dice = Dice::new(seed, step, mix(plan.stream ^ id.0));
        let asked = dice.about(served as f64 * plan.link.per_call)
            + dice.poisson(plan.link.per_sec * STEP_MS as f64 / 1000.0);
        if asked == 0 {
            return;
        }
        let slot = dice.below(plan.link.n as usize) as u64;
        if let Some(open) = links.0.get(&(id, plan.stream, slot)).copied() {
            let flow = asked_bytes(asked, plan.link.bytes, &mut dice);
            self.flow(open.wire, open.ends, flow, flows);
        }
    }

    /// Returns where a connection goes: the ready pod that `key` likes best, so that it stays while that
    /// pod does.
    fn end_of(
        &mut self,
        from: PodAt,
        id: PodId,
        plan: &LinkPlan,
        key: u64,
    ) -> Option<(WireId, Ends)> {
        let source = self.fleet.workloads.get(from.workload)?.id;
        let total: u64 = plan.ends.iter().map(|(weight, ..)| *weight).sum();
        let mut draw = key.checked_rem(total)?;
        let (_, service, end) = plan.ends.iter().find(|(weight, ..)| {
            let is_it = draw < *weight;
            draw = draw.saturating_sub(*weight);
            is_it
        })?;
        let to = match end {
            LinkEnd::Outside => None,
            LinkEnd::Pods(workloads) => {
                let ready = workloads.iter().flat_map(|idx| self.fleet.ready(*idx));
                let pods = ready.filter_map(|at| Some((at, self.fleet.pod(at)?.id)));
                Some(pods.max_by_key(|(_, id)| mix(key ^ id.0))?)
            }
        };
        let destination = to.and_then(|(at, _)| self.fleet.workloads.get(at.workload));
        let wire = self.ledger.wire(Wire {
            source,
            destination: destination.map(|workload| workload.id),
            service: *service,
        });
        let from = (from, id);
        Some((wire, Ends { from, to }))
    }

    fn close(&mut self, open: Open, flows: &mut Flows) {
        let closed = Flow {
            closed: 1,
            ..Flow::default()
        };
        self.flow(open.wire, open.ends, closed, flows);
    }

    /// Lets flow over the nodes' proxies what the calls through waypoints need.
    fn carry(&mut self, seed: u64, step: i64, flows: &mut Flows) {
        let carried = std::mem::take(&mut self.carried);
        let mut dice = Dice::new(seed, step, hash_text("waypoints"));
        for call in carried {
            let Some(waypoint) = call.waypoint.and_then(|w| self.waypoint_of(call.from, w)) else {
                continue;
            };
            let mut flow = asked_bytes(1, CARRIED_BYTES, &mut dice);
            if dice.happens(1.0 / CALLS_PER_CONNECTION) {
                (flow.opened, flow.closed) = (1, 1);
            }
            self.hop(call, call.from, waypoint, flow, flows);
            if let Some(to) = call.to {
                self.hop(call, waypoint, to, flow, flows);
            }
        }
    }

    fn hop(&mut self, call: Parties, from: PodAt, to: PodAt, flow: Flow, flows: &mut Flows) {
        let id_of = |at: PodAt| {
            let workload = self.fleet.workloads.get(at.workload)?;
            Some((workload.id, (at, workload.pods.get(at.pod)?.id)))
        };
        let (Some((source, from)), Some((destination, to))) = (id_of(from), id_of(to)) else {
            return;
        };
        let wire = self.ledger.wire(Wire {
            source,
            destination: Some(destination),
            service: call.service,
        });
        let ends = Ends { from, to: Some(to) };
        self.flow(wire, ends, flow, flows);
    }

    /// Counts a flow at the proxies of both ends: their own, or those of their nodes. Where such a node's
    /// proxy is not there, nothing gets through.
    fn flow(&mut self, wire: WireId, ends: Ends, flow: Flow, flows: &mut Flows) {
        let Ok(at_client) = self.teller(ends.from) else {
            return;
        };
        let Ok(at_server) = ends.to.map_or(Ok(None), |to| self.teller(to)) else {
            return;
        };
        for (at, by_server) in [(at_client, false), (at_server, true)] {
            let report = WireReportId { wire, by_server };
            if let Some(pod) = at.and_then(|at| self.fleet.pod_mut(at)) {
                pod.wires.entry(report).or_default().add(flow);
            }
        }
        flows.count(wire, flow);
    }

    /// Returns the pod whose proxy tells of the connections of a pod, if one does.
    fn teller(&self, (at, id): (PodAt, PodId)) -> Result<Option<PodAt>, NoNode> {
        match self.fleet.proxy_of(at) {
            // A pod that has gone has taken its counters along.
            Proxy::Sidecar => Ok(self.fleet.pod(at).filter(|pod| pod.id == id).map(|_| at)),
            Proxy::Ambient => self.fleet.node_of(id).map(Some).ok_or(NoNode),
            Proxy::None | Proxy::Waypoint | Proxy::Node => Ok(None),
        }
    }
}

/// The node of a pod has no proxy at present.
struct NoNode;

fn asked_bytes(times: u32, (up, down): (f64, f64), dice: &mut Dice) -> Flow {
    let times = f64::from(times);
    let to_server = (times * dice.lognormal(up, 0.35)).round() as u64;
    let to_client = (times * dice.lognormal(down, 0.6)).round() as u64;
    Flow {
        to_server,
        to_client,
        ..Flow::default()
    }
}
