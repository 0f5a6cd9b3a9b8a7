//! What the proxies of both sides count of a call.

use mesh::telemetry::Protocol;

use super::Step;
use crate::ending::Ending;
use crate::fleet::{PodAt, bucket_of};
use crate::history::Sides;
use crate::ledger::{ReportId, Series, SeriesId, ServiceId};

/// Who calls whom.
#[derive(Clone, Copy)]
pub(super) struct Parties {
    pub(super) from: PodAt,
    /// The pod that took the call, if one did.
    pub(super) to: Option<PodAt>,
    pub(super) service: Option<ServiceId>,
    pub(super) protocol: Protocol,
}

/// What one proxy says of a call.
#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) ending: Ending,
    pub(super) ms: f64,
}

impl Step<'_> {
    /// Counts what the client's and the server's proxies say of a call.
    pub(super) fn report(&mut self, call: Parties, client: Option<Report>, server: Option<Report>) {
        match (client, server) {
            (Some(client), Some(server)) if client.ending == server.ending => {
                if let Some(series) = self.series(call, client.ending) {
                    self.tally.count(series, Sides::Both, bucket_of(client.ms));
                    self.count(call.from, series, false, client.ms);
                    self.count_at_server(call, series, server.ms);
                }
            }
            _ => {
                if let Some(client) = client
                    && let Some(series) = self.series(call, client.ending)
                {
                    self.tally
                        .count(series, Sides::Client, bucket_of(client.ms));
                    self.count(call.from, series, false, client.ms);
                }
                if let Some(server) = server
                    && let Some(series) = self.series(call, server.ending)
                {
                    // How long it took is asked of clients; one word for all is less to keep.
                    self.tally.count(series, Sides::Server, 0);
                    self.count_at_server(call, series, server.ms);
                }
            }
        }
    }

    fn series(&mut self, call: Parties, ending: Ending) -> Option<SeriesId> {
        let id_of = |at: PodAt| self.fleet.workloads.get(at.workload).map(|w| w.id);
        let series = Series {
            source: id_of(call.from)?,
            destination: call.to.and_then(id_of),
            service: call.service,
            protocol: call.protocol,
            ending,
        };
        self.ledger.series(series)
    }

    fn count_at_server(&mut self, call: Parties, series: SeriesId, ms: f64) {
        if let Some(to) = call.to {
            self.count(to, series, true, ms);
        }
    }

    /// Counts a call in the proxy of a pod.
    fn count(&mut self, at: PodAt, series: SeriesId, by_server: bool, ms: f64) {
        if let Some(pod) = self.fleet.pod_mut(at) {
            pod.count(ReportId { series, by_server }, bucket_of(ms), ms);
        }
    }
}
