//! What the proxies of a sampled arrival tell of its calls, besides counting them.

use super::Step;
use super::attempt::{Ask, Attempt};
use super::report::{Parties, Report};
use crate::fleet::{PodAt, UpstreamId};
use crate::trace::{Opened, Told};

impl Step<'_> {
    /// Has the caller's proxy tell of a call, or the waypoint in its place.
    pub(super) fn tell_client(
        &mut self,
        part: Opened,
        call: Parties,
        upstream: Option<UpstreamId>,
        client: Report,
    ) {
        if !part.is_sampled() {
            return;
        }
        let Some(teller) = self.tellers(call).0 else {
            return;
        };
        let fleet = &*self.fleet;
        self.traces.tell(part, |cast| {
            Some(Told {
                from: cast.pod(fleet, call.from)?,
                to: call.to.and_then(|to| cast.pod(fleet, to)),
                waypoint: match call.waypoint {
                    Some(_) => Some(cast.pod(fleet, teller)?),
                    None => None,
                },
                upstream: upstream.map(|it| cast.upstream(it)),
                ending: cast.ending(client.ending),
                ms: client.ms,
            })
        });
    }

    /// Has the proxy of the pod that an attempt got to tell of it.
    pub(super) fn tell_server(
        &mut self,
        part: Opened,
        to: PodAt,
        ask: &Ask<'_>,
        waiting_ms: f64,
        attempt: &Attempt,
    ) {
        let Some(server) = attempt.server.filter(|_| part.is_sampled()) else {
            return;
        };
        // It came half of the way's time after it was sent. Where a limit cut it off, nobody knows.
        let way_ms = attempt.client.ms - waiting_ms - server.ms;
        if attempt.client.ending == server.ending {
            self.traces.delay(part, way_ms.max(0.0) / 2.0);
        }
        if !self.has_sidecar(to) {
            return;
        }
        let fleet = &*self.fleet;
        self.traces.tell(part, |cast| {
            Some(Told {
                from: cast.pod(fleet, ask.from)?,
                to: Some(cast.pod(fleet, to)?),
                waypoint: None,
                upstream: Some(cast.upstream(ask.upstream.id)),
                ending: cast.ending(server.ending),
                ms: server.ms,
            })
        });
    }
}
