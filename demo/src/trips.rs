//! When circuit breakers turned something away or left a pod out, over the last hour.

use std::collections::{BTreeMap, VecDeque};

use mesh::names::{NamespaceName, ServiceName};
use mesh::telemetry::{BreakerSample, Breakers};

use crate::answers::Steps;
use crate::deployments::Proxy;
use crate::ejection::PodId;
use crate::fleet::{Fleet, Pod, UpstreamId};
use crate::history::HISTORY_STEPS;
use crate::ledger::{UpstreamName, WorkloadId};
use crate::plan::Upstream;
use crate::routing::host_of;
use crate::{STEP_MS, World};

/// What a proxy did for the sake of a destination. Retries are not limited here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trip {
    /// It turned a call away: the queue is full.
    PendingOverflow,
    /// It opened no connection for a call: there are enough.
    ConnectionOverflow,
    /// It left a pod out.
    Ejection,
}

/// Whose proxy, for which destination, and what.
type Key = (WorkloadId, UpstreamId, Trip);

/// A ring of what happened in steps in which something did.
#[derive(Default)]
pub(crate) struct Trips {
    kept: VecDeque<(i64, Key, u64)>,
    now: BTreeMap<Key, u64>,
}

impl Trips {
    /// Counts one in the present step.
    pub(crate) fn count(&mut self, key: Key) {
        *self.now.entry(key).or_default() += 1;
    }

    /// Ends a step, and forgets what is older than an hour.
    pub(crate) fn push(&mut self, step: i64) {
        let now = std::mem::take(&mut self.now);
        self.kept
            .extend(now.into_iter().map(|(key, n)| (step, key, n)));
        while self
            .kept
            .front()
            .is_some_and(|(at, ..)| *at <= step - HISTORY_STEPS)
        {
            self.kept.pop_front();
        }
    }
}

impl World {
    /// Returns how the circuit breakers stood over `(at - window, at]`, sorted by the clients' namespace and
    /// the upstream: of every upstream that has limits or outlier detection now, and of those that turned
    /// something away in the window. What is now is as of [`World::now`].
    pub fn breakers(&self, query: &Breakers) -> Vec<BreakerSample> {
        let mut samples = BTreeMap::<(NamespaceName, UpstreamName), BreakerSample>::new();
        let mut sample =
            |namespace: &str, name: &UpstreamName, change: &dyn Fn(&mut BreakerSample)| {
                let namespace = NamespaceName::from(namespace);
                let sample = samples
                    .entry((namespace.clone(), name.clone()))
                    .or_insert_with(|| untouched(namespace, name));
                change(sample);
            };
        for standing in self.standings() {
            sample(standing.namespace, standing.name, &|sample| {
                sample.ejected_now = sample.ejected_now.max(standing.n_ejected as f64);
                sample.open_now += f64::from(u8::from(standing.is_open()));
            });
        }
        let steps = Steps::within(query.window.millis(), query.at);
        for (step, (workload, upstream, trip), n) in &self.trips.kept {
            if !(steps.first..=steps.last).contains(step) {
                continue;
            }
            let identity = self.ledger.identity(*workload);
            if let Some((identity, name)) = identity.zip(self.ledger.upstream(*upstream)) {
                sample(&identity.namespace, name, &|sample| {
                    *match trip {
                        Trip::PendingOverflow => &mut sample.pending_overflow,
                        Trip::ConnectionOverflow => &mut sample.connection_overflow,
                        Trip::Ejection => &mut sample.ejections,
                    } += *n as f64;
                });
            }
        }
        samples.into_values().collect()
    }

    /// Returns how each living proxy's breakers stand towards the upstreams that have limits or outlier
    /// detection, in the order of the pods.
    pub(crate) fn standings(&self) -> Vec<Standing<'_>> {
        let now_ms = self.step * STEP_MS;
        let mut standings = Vec::new();
        for (workload, plan) in self.fleet.workloads.iter().zip(&self.plan.workloads) {
            if workload.deployment.proxy != Proxy::Sidecar {
                continue;
            }
            let mut upstreams: Vec<_> = plan
                .upstreams()
                .filter(|(_, up)| up.limits.is_some() || up.outlier_detection.is_some())
                .collect();
            upstreams.sort_by_key(|(_, upstream)| upstream.id);
            upstreams.dedup_by_key(|(_, upstream)| upstream.id);
            for (protocol, upstream) in upstreams {
                let Some(name) = self.ledger.upstream(upstream.id) else {
                    continue;
                };
                let live = live(&self.fleet, upstream);
                for pod in &workload.pods {
                    let in_flight = pod.in_flight.get(&upstream.id);
                    let n = in_flight.map_or(0, |calls| calls.under_way(now_ms as f64));
                    let limits = upstream.limits.as_ref();
                    standings.push(Standing {
                        namespace: &workload.deployment.namespace,
                        pod,
                        id: upstream.id,
                        name,
                        n_members: live.len(),
                        n_ejected: ejected(pod, upstream, now_ms, &live),
                        out_of_connections: limits
                            .is_some_and(|l| l.is_out_of_connections(protocol, n)),
                        out_of_requests: limits.is_some_and(|l| l.is_out_of_requests(protocol, n)),
                    });
                }
            }
        }
        standings
    }
}

/// How one proxy's breakers stand towards one upstream.
pub(crate) struct Standing<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) pod: &'a Pod,
    pub(crate) id: UpstreamId,
    pub(crate) name: &'a UpstreamName,
    /// The upstream's ready pods.
    pub(crate) n_members: usize,
    pub(crate) n_ejected: usize,
    pub(crate) out_of_connections: bool,
    pub(crate) out_of_requests: bool,
}

impl Standing<'_> {
    /// Returns how often the proxy has done something for the upstream's sake since it started.
    pub(crate) fn trips(&self, trip: Trip) -> u64 {
        self.pod.trips.get(&(self.id, trip)).copied().unwrap_or(0)
    }

    /// Returns whether the next call could be turned away or would have to wait.
    fn is_open(&self) -> bool {
        self.out_of_connections || self.out_of_requests
    }
}

fn live(fleet: &Fleet, upstream: &Upstream) -> Vec<PodId> {
    let ready = upstream.workloads.iter().flat_map(|idx| fleet.ready(*idx));
    ready
        .filter_map(|at| fleet.pod(at))
        .map(|pod| pod.id)
        .collect()
}

fn ejected(pod: &Pod, upstream: &Upstream, now_ms: i64, live: &[PodId]) -> usize {
    let rules = upstream.outlier_detection.as_ref();
    let seen = pod.ejections.get(&upstream.id);
    rules
        .zip(seen)
        .map_or(0, |(rules, seen)| seen.n_out(rules, now_ms, live))
}

fn untouched(namespace: NamespaceName, name: &UpstreamName) -> BreakerSample {
    BreakerSample {
        namespace,
        port: name.port,
        subset: name.subset.clone(),
        service: Some((
            NamespaceName::from(name.namespace.as_str()),
            ServiceName::from(name.service.as_str()),
        )),
        host: host_of(&name.namespace, &name.service),
        pending_overflow: 0.0,
        connection_overflow: 0.0,
        retry_overflow: 0.0,
        ejections: 0.0,
        ejected_now: 0.0,
        open_now: 0.0,
    }
}
