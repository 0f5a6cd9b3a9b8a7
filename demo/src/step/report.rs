//! What the proxies of both sides count of a call.

use mesh::telemetry::Protocol;

use super::Step;
use crate::deployments::Proxy;
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
    /// The waypoint between the two, as a workload.
    pub(super) waypoint: Option<usize>,
    pub(super) protocol: Protocol,
}

/// What one proxy says of a call.
#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) ending: Ending,
    pub(super) ms: f64,
}

impl Step<'_> {
    /// Counts what the client's and the server's proxies say of a call, as far as they have any that read
    /// it. A waypoint speaks in the client's place.
    pub(super) fn report(&mut self, call: Parties, client: Option<Report>, server: Option<Report>) {
        let (at_client, at_server) = self.tellers(call);
        let client = client.filter(|_| at_client.is_some());
        let server = server.filter(|_| at_server.is_some());
        if call.waypoint.is_some() && client.is_some() {
            self.carried.push(call);
        }
        match (client, server) {
            (Some(client), Some(server)) if client.ending == server.ending => {
                if let Some(series) = self.series(call, client.ending) {
                    self.tally.count(series, Sides::Both, bucket_of(client.ms));
                    self.count(at_client, series, false, client.ms);
                    self.count(at_server, series, true, server.ms);
                }
            }
            _ => {
                if let Some(client) = client
                    && let Some(series) = self.series(call, client.ending)
                {
                    self.tally
                        .count(series, Sides::Client, bucket_of(client.ms));
                    self.count(at_client, series, false, client.ms);
                }
                if let Some(server) = server
                    && let Some(series) = self.series(call, server.ending)
                {
                    // How long it took is asked of clients where they can tell; one word for all is less
                    // to keep.
                    let bucket = match at_client {
                        Some(_) => 0,
                        None => bucket_of(server.ms),
                    };
                    self.tally.count(series, Sides::Server, bucket);
                    self.count(at_server, series, true, server.ms);
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
            by_waypoint: call.waypoint.is_some(),
            protocol: call.protocol,
            ending,
        };
        self.ledger.series(series)
    }

    /// Returns the pods whose proxies read a call: on the client's side and on the server's.
    pub(super) fn tellers(&self, call: Parties) -> (Option<PodAt>, Option<PodAt>) {
        let has_sidecar = |at: &PodAt| self.has_sidecar(*at);
        let at_client = match call.waypoint {
            Some(workload) => self.waypoint_of(call.from, workload),
            None => Some(call.from).filter(has_sidecar),
        };
        (at_client, call.to.filter(has_sidecar))
    }

    pub(super) fn has_sidecar(&self, at: PodAt) -> bool {
        self.fleet.proxy_of(at) == Proxy::Sidecar
    }

    /// Returns the pod of a waypoint that reads the calls of a pod.
    pub(super) fn waypoint_of(&self, from: PodAt, workload: usize) -> Option<PodAt> {
        let n_ready = self.fleet.ready(workload).count();
        let nth = from.pod.checked_rem(n_ready)?;
        self.fleet.ready(workload).nth(nth)
    }

    /// Counts a call in the proxy of a pod.
    fn count(&mut self, at: Option<PodAt>, series: SeriesId, by_server: bool, ms: f64) {
        if let Some(pod) = at.and_then(|at| self.fleet.pod_mut(at)) {
            pod.count(ReportId { series, by_server }, bucket_of(ms), ms);
        }
    }
}
