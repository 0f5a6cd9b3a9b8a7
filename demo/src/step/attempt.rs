//! One attempt of a call to get an answer from a pod.

use mesh::telemetry::Protocol;

use super::Step;
use super::report::Report;
use crate::chance::Dice;
use crate::ending::{Ending, Flags};
use crate::fleet::PodAt;
use crate::plan::Upstream;
use crate::routing::Outcome;
use crate::story::Trouble;

/// What an attempt is to do.
pub(super) struct Ask<'a> {
    pub(super) protocol: Protocol,
    /// The share of clients that go away before the answer.
    pub(super) gone: f64,
    pub(super) upstream: &'a Upstream,
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
        let protocol = ask.protocol;
        let Some(to) = self.host(&ask.upstream.workloads, tried, dice) else {
            let ms = dice.lognormal(0.3, 0.3);
            return Attempt::ended_by_proxy(protocol, Flags::UH, ms, None, Outcome::Final);
        };
        let answer = match self.trouble_at(to, dice) {
            None => Ending::good(protocol),
            Some(Trouble::Status(status)) => Ending::status(protocol, status),
            Some(Trouble::GrpcStatus(status)) => Ending::grpc_status(status),
            Some(Trouble::NoConnection) => {
                let ms = dice.lognormal(12.0, 0.8);
                let failed = Outcome::NotConnected;
                let attempt = Attempt::ended_by_proxy(protocol, Flags::UF, ms, Some(to), failed);
                return attempt.within(ask.limit_ms, protocol);
            }
            Some(Trouble::Broken) => {
                let ms = dice.lognormal(5.0, 0.8);
                let failed = Outcome::Reset;
                let attempt = Attempt::ended_by_proxy(protocol, Flags::UC, ms, Some(to), failed);
                return attempt.within(ask.limit_ms, protocol);
            }
        };
        let (mut server_ms, spoiled) = self.serve(to, ask.depth, dice);
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
        let attempt = Attempt {
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
        };
        attempt.within(ask.limit_ms, protocol)
    }
}

impl Attempt {
    /// Ends an attempt that takes longer than it may: the caller's proxy answers 504. The pod's proxy
    /// sees its client go, unless it has answered by then.
    fn within(mut self, limit_ms: f64, protocol: Protocol) -> Attempt {
        if limit_ms < self.client.ms {
            self.client = Report {
                ending: Ending::by_proxy(protocol, 504, Flags::UT),
                ms: limit_ms,
            };
            self.outcome = Outcome::Reset;
            if let Some(server) = &mut self.server
                && limit_ms < server.ms
            {
                *server = Report {
                    ending: Ending::gone(),
                    ms: limit_ms,
                };
            }
        }
        self
    }
}
