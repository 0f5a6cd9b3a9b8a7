//! One attempt of a call to get an answer from a pod.

use mesh::telemetry::Protocol;

use super::Step;
use super::report::Report;
use crate::chance::Dice;
use crate::ending::{Ending, Flags};
use crate::fleet::PodAt;
use crate::plan::Upstream;
use crate::pool::{Admission, InFlight};
use crate::routing::Outcome;
use crate::story::{Call, Trouble};
use crate::trace::Side;
use crate::trips::Trip;

/// What an attempt is to do.
pub(super) struct Ask<'a> {
    pub(super) from: PodAt,
    pub(super) protocol: Protocol,
    /// The share of clients that go away before the answer.
    pub(super) gone: f64,
    pub(super) upstream: &'a Upstream,
    /// The call that it is an attempt of, or a copy of.
    pub(super) call: &'static Call,
    pub(super) is_copy: bool,
    /// When it starts, since the epoch.
    pub(super) at_ms: f64,
    /// How long it may take.
    pub(super) limit_ms: f64,
    /// How many calls this one is made for, one for the other.
    pub(super) depth: u32,
}

/// How an attempt went.
pub(super) struct Attempt {
    /// The pod it was sent to, whether or not it got there.
    pub(super) host: Option<PodAt>,
    pub(super) outcome: Outcome,
    /// What the caller's proxy would say if this was the end.
    pub(super) client: Report,
    /// What the pod's proxy says; absent where the attempt did not get there.
    pub(super) server: Option<Report>,
}

impl Attempt {
    /// Returns the pod, if the attempt got there.
    pub(super) fn taken_by(&self) -> Option<PodAt> {
        self.server.and(self.host)
    }

    /// An attempt that the caller's proxy ends itself, with 503.
    fn ended_by_proxy(
        protocol: Protocol,
        flag: Flags,
        ms: f64,
        host: Option<PodAt>,
        outcome: Outcome,
    ) -> Attempt {
        Attempt {
            host,
            outcome,
            client: Report {
                ending: Ending::by_proxy(protocol, 503, flag),
                ms,
            },
            server: None,
        }
    }
}

impl Step<'_> {
    /// Makes one attempt; `tried` are the pods to avoid.
    pub(super) fn attempt(&mut self, ask: &Ask<'_>, tried: &[PodAt], dice: &mut Dice) -> Attempt {
        let refused = |flag, dice: &mut Dice| {
            let ms = dice.lognormal(0.3, 0.3);
            Attempt::ended_by_proxy(ask.protocol, flag, ms, None, Outcome::Final)
        };
        let Some(to) = self.host(ask, tried, dice) else {
            return refused(Flags::UH, dice);
        };
        let admission = self.admit(ask);
        let Admission::After(waiting_ms) = admission else {
            return refused(Flags::UO, dice);
        };
        let side = if ask.is_copy {
            Side::Copy
        } else {
            Side::Server
        };
        let part = self.traces.open(side, ask.call, ask.at_ms + waiting_ms);
        let mut attempt = self.reach(to, ask, waiting_ms, dice);
        self.traces.leave(part);
        attempt.client.ms += waiting_ms;
        attempt.limit_to(ask.limit_ms, waiting_ms, ask.protocol);
        self.tell_server(part, to, ask, waiting_ms, &attempt);
        self.judge(to, ask, attempt.outcome);
        if ask.upstream.limits.is_some()
            && let Some(in_flight) = self.in_flight(ask)
        {
            in_flight.add(ask.at_ms, ask.at_ms + attempt.client.ms);
        }
        attempt
    }

    fn admit(&mut self, ask: &Ask<'_>) -> Admission {
        let began_ms = self.began_ms as f64;
        let Some(limits) = &ask.upstream.limits else {
            return Admission::After(0.0);
        };
        let Some(in_flight) = self.in_flight(ask) else {
            return Admission::After(0.0);
        };
        in_flight.forget_before(began_ms);
        let n = in_flight.under_way(ask.at_ms);
        let admission = in_flight.admit(limits, ask.protocol, ask.at_ms);
        if limits.is_out_of_connections(ask.protocol, n) {
            self.trip(ask, Trip::ConnectionOverflow);
        }
        if admission == Admission::Overflow {
            self.trip(ask, Trip::PendingOverflow);
        }
        admission
    }

    /// Has the caller's proxy count what it did for the sake of a destination.
    pub(super) fn trip(&mut self, ask: &Ask<'_>, trip: Trip) {
        let workload = self.fleet.workloads.get(ask.from.workload);
        if let Some(id) = workload.map(|workload| workload.id) {
            self.trips.count((id, ask.upstream.id, trip));
        }
        if let Some(pod) = self.fleet.pod_mut(ask.from) {
            *pod.trips.entry((ask.upstream.id, trip)).or_default() += 1;
        }
    }

    fn in_flight(&mut self, ask: &Ask<'_>) -> Option<&mut InFlight> {
        let pod = self.fleet.pod_mut(ask.from)?;
        Some(pod.in_flight.entry(ask.upstream.id).or_default())
    }

    /// Has a pod answer, if it can be reached.
    fn reach(&mut self, to: PodAt, ask: &Ask<'_>, waiting_ms: f64, dice: &mut Dice) -> Attempt {
        let protocol = ask.protocol;
        let lost =
            |flag, ms, outcome| Attempt::ended_by_proxy(protocol, flag, ms, Some(to), outcome);
        let answer = match self.trouble_at(to, dice) {
            None => Ending::good(protocol),
            Some(Trouble::Status(status)) => Ending::status(protocol, status),
            Some(Trouble::GrpcStatus(status)) => Ending::grpc_status(status),
            Some(Trouble::NoConnection) => {
                return lost(Flags::UF, dice.lognormal(12.0, 0.8), Outcome::NotConnected);
            }
            Some(Trouble::Broken) => {
                return lost(Flags::UC, dice.lognormal(5.0, 0.8), Outcome::Reset);
            }
        };
        let (mut server_ms, spoiled) = self.serve(to, ask.at_ms + waiting_ms, ask.depth, dice);
        let mut ending = if spoiled && !answer.is_failure() {
            Ending::status(protocol, 500)
        } else {
            answer
        };
        let mut outcome = Outcome::Answered {
            http: ending.http,
            grpc: ending.grpc,
        };
        if dice.happens(ask.gone) {
            // The client hangs up somewhere on the way; both proxies see it.
            server_ms *= dice.unit();
            ending = Ending::gone();
            outcome = Outcome::Final;
        }
        let network_ms = {
            let draw = dice.unit();
            0.2 + 0.8 * draw * draw
        };
        Attempt {
            host: Some(to),
            outcome,
            client: Report {
                ending,
                ms: server_ms + network_ms,
            },
            server: Some(Report {
                ending,
                ms: server_ms,
            }),
        }
    }
}

impl Attempt {
    /// Ends an attempt that takes longer than it may: the caller's proxy answers 504. The pod's proxy
    /// sees its client go, unless it has answered by then; it knows nothing of a call that was still
    /// waiting for a connection.
    fn limit_to(&mut self, limit_ms: f64, waiting_ms: f64, protocol: Protocol) {
        if self.client.ms <= limit_ms {
            return;
        }
        self.client = Report {
            ending: Ending::by_proxy(protocol, 504, Flags::UT),
            ms: limit_ms,
        };
        self.outcome = Outcome::Reset;
        let left_ms = limit_ms - waiting_ms;
        self.server = self.server.filter(|_| 0.0 < left_ms).map(|server| {
            if server.ms <= left_ms {
                return server;
            }
            Report {
                ending: Ending::gone(),
                ms: left_ms,
            }
        });
    }
}
