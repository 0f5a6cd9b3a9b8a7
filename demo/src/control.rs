//! The control plane: whom it has told what, and how long that took.
//!
//! Pods that come, become ready or go, and objects that are written, have istiod send configuration to
//! the proxies that are connected; a proxy that connects gets everything. While no istiod is ready,
//! nothing is sent, and what happens meanwhile is caught up with.

use std::collections::{BTreeMap, VecDeque};

use mesh::telemetry::{Bucket, Build, ControlPlane, ControlPlaneReport, Histogram, Istiod};

use crate::answers::Steps;
use crate::chance::{Dice, hash_text, mix};
use crate::deployments::Proxy;
use crate::fleet::{Fleet, Pod, PodAt, Workload};
use crate::history::HISTORY_STEPS;
use crate::{STEP_MS, World};

/// The version of the Envoys.
pub(crate) const PROXY_TAG: &str = "1.27.0";
/// What istiod sends, by Envoy's short names.
pub(crate) const XDS: [&str; 4] = ["cds", "eds", "lds", "rds"];
/// Upper edges of istiod's buckets in seconds; above the last is `+Inf`.
pub(crate) const EDGES_SECS: [f64; 8] = [0.1, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0];
/// Endpoints alone.
const EDS: [bool; 4] = [false, true, false, false];
const EVERYTHING: [bool; 4] = [true; 4];
/// How long istiod waits for more to come, at least, and what the way to a proxy takes on top.
const DEBOUNCE_SECS: f64 = 0.1;
const DELIVERY_SECS: f64 = 0.04;
/// The end of the root certificate, but for some days that hang on the seed: 1 January 2035.
const ROOT_CERT_ENDS_SECS: i64 = 2_051_222_400;

/// What an istiod has sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PushCounters {
    /// In the order of [`XDS`].
    pub(crate) pushes: [u64; XDS.len()],
    /// How long a change took to arrive at a proxy. Not cumulative.
    pub(crate) convergence: [u64; EDGES_SECS.len() + 1],
    pub(crate) convergence_secs: f64,
}

impl PushCounters {
    fn count(&mut self, what: [bool; XDS.len()], secs: f64) {
        for (n, is_sent) in self.pushes.iter_mut().zip(what) {
            *n += u64::from(is_sent);
        }
        let bucket = EDGES_SECS.partition_point(|edge| *edge < secs);
        if let Some(n) = self.convergence.get_mut(bucket) {
            *n += 1;
        }
        self.convergence_secs += secs;
    }

    fn add(&mut self, other: &PushCounters) {
        for (n, more) in self.pushes.iter_mut().zip(other.pushes) {
            *n += more;
        }
        for (n, more) in self.convergence.iter_mut().zip(other.convergence) {
            *n += more;
        }
        self.convergence_secs += other.convergence_secs;
    }
}

/// What was sent over the last hour, and what is still to be sent.
#[derive(Default)]
pub(crate) struct Pushes {
    kept: VecDeque<(i64, PushCounters)>,
    /// Objects were written since the last push.
    pub(crate) is_written: bool,
    /// Endpoints changed since the last push.
    is_moved: bool,
}

impl Pushes {
    /// Has the control plane send what became due in a step.
    pub(crate) fn play(&mut self, fleet: &mut Fleet, seed: u64, step: i64) {
        let mut fresh = Vec::new();
        let mut istiods = Vec::new();
        let mut is_back = false;
        for (idx, workload) in fleet.workloads.iter().enumerate() {
            let is_istiod = workload.deployment.is_istiod();
            for (slot, pod) in workload.pods.iter().enumerate() {
                let at = PodAt {
                    workload: idx,
                    pod: slot,
                };
                let becomes_ready = pod.ready_from == Some(step);
                self.is_moved |= pod.started == step || becomes_ready;
                if is_istiod && pod.is_ready(step) {
                    istiods.push(at);
                    is_back |= becomes_ready;
                }
                if pod.started == step && workload.deployment.proxy.is_in_pods() {
                    fresh.push(at);
                }
            }
        }
        let is_due = is_back || self.is_written || self.is_moved || !fresh.is_empty();
        if istiods.is_empty() || !is_due {
            return;
        }
        let everybody = self.is_written || is_back;
        let mut sent = PushCounters::default();
        let proxies: Vec<PodAt> = proxies(fleet).collect();
        let mut dice = Dice::new(seed, step, hash_text("istiod"));
        let debounced = DEBOUNCE_SECS + dice.lognormal(DELIVERY_SECS, 0.8);
        for (idx, proxy) in proxies.into_iter().enumerate() {
            let what = match everybody || fresh.contains(&proxy) {
                true => EVERYTHING,
                false if self.is_moved => EDS,
                false => continue,
            };
            let secs = debounced + dice.lognormal(DELIVERY_SECS, 0.6);
            sent.count(what, secs);
            let istiod = istiods.get(idx % istiods.len()).copied();
            if let Some(istiod) = istiod.and_then(|at| fleet.pod_mut(at)) {
                istiod.pushes.count(what, secs);
            }
        }
        (self.is_written, self.is_moved) = (false, false);
        self.kept.push_back((step, sent));
        while self
            .kept
            .front()
            .is_some_and(|(at, _)| *at <= step - HISTORY_STEPS)
        {
            self.kept.pop_front();
        }
    }
}

/// Returns the pods that hold a connection to istiod, in order.
fn proxies(fleet: &Fleet) -> impl Iterator<Item = PodAt> {
    let workloads = fleet.workloads.iter().enumerate();
    workloads
        .filter(|(_, workload)| workload.deployment.proxy.is_in_pods())
        .flat_map(|(idx, workload)| {
            (0..workload.pods.len()).map(move |pod| PodAt { workload: idx, pod })
        })
}

impl World {
    /// Returns what the control plane says of itself over `(at - window, at]`. Who is there, and what they
    /// hold, is as of [`World::now`].
    pub fn control_plane(&self, query: &ControlPlane) -> ControlPlaneReport {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut sent = PushCounters::default();
        for (step, counters) in &self.pushes.kept {
            if (steps.first..=steps.last).contains(step) {
                sent.add(counters);
            }
        }
        let by_type = |counts: [u64; XDS.len()]| {
            let types = XDS.iter().zip(counts);
            types
                .map(|(kind, n)| ((*kind).to_owned(), n as f64))
                .collect()
        };
        let istiods = self.istiods();
        ControlPlaneReport {
            builds: self.builds(),
            pushes: by_type(sent.pushes),
            // No proxy of this world refuses what it is sent, and none is cut off while it is.
            rejects: by_type([0; XDS.len()]),
            write_timeouts: Some(0.0),
            internal_errors: Some(0.0),
            connected_proxies: (!istiods.is_empty())
                .then(|| istiods.iter().map(|it| it.n_connected as f64).sum()),
            convergence: convergence(&sent),
            root_cert_expires_in_secs: (!istiods.is_empty())
                .then(|| (self.root_cert_ends_secs() * 1000 - query.at.0) as f64 / 1000.0),
            istiods: istiods
                .into_iter()
                .map(|it| Istiod {
                    namespace: it.workload.deployment.namespace.clone(),
                    pod: it.pod.name.clone(),
                    is_up: it.is_up,
                    uptime_secs: it
                        .is_up
                        .then(|| (query.at.0 - it.started_ms()).max(0) as f64 / 1000.0),
                    version: it.workload.deployment.tag.clone(),
                    connected_proxies: it.is_up.then_some(it.n_connected as f64),
                })
                .collect(),
        }
    }

    /// Returns the pods of the control plane, sorted by namespace and name.
    pub(crate) fn istiods(&self) -> Vec<IstiodPod<'_>> {
        let n_proxies = proxies(&self.fleet).count();
        let workloads = self.fleet.workloads.iter();
        let pods = workloads
            .filter(|workload| workload.deployment.is_istiod())
            .flat_map(|workload| workload.pods.iter().map(move |pod| (workload, pod)));
        let mut istiods: Vec<IstiodPod<'_>> = pods
            .map(|(workload, pod)| IstiodPod {
                workload,
                pod,
                is_up: pod.is_ready(self.step),
                n_connected: 0,
            })
            .collect();
        let n_up = istiods.iter().filter(|it| it.is_up).count();
        // The proxies go round, as they do when they are sent to.
        for (idx, it) in istiods.iter_mut().filter(|it| it.is_up).enumerate() {
            it.n_connected = (n_proxies + n_up - 1 - idx) / n_up;
        }
        istiods.sort_by_key(|it| (&it.workload.deployment.namespace, &it.pod.name));
        istiods
    }

    /// Returns the versions that run, sorted by component and version.
    pub(crate) fn builds(&self) -> Vec<Build> {
        let mut builds = BTreeMap::<(&str, &str), usize>::new();
        for workload in &self.fleet.workloads {
            if let Some(build) = build(workload) {
                *builds.entry(build).or_default() += workload.pods.len();
            }
        }
        builds
            .into_iter()
            .map(|((component, version), pods)| Build {
                component: component.to_owned(),
                version: version.to_owned(),
                pods: pods as f64,
            })
            .collect()
    }

    /// Returns when the root certificate ends, in seconds since the epoch.
    pub(crate) fn root_cert_ends_secs(&self) -> i64 {
        ROOT_CERT_ENDS_SECS + (mix(self.seed) % 365) as i64 * 24 * 3600
    }
}

/// One pod of the control plane.
pub(crate) struct IstiodPod<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) pod: &'a Pod,
    pub(crate) is_up: bool,
    pub(crate) n_connected: usize,
}

impl IstiodPod<'_> {
    /// Returns when it started, in milliseconds since the epoch.
    pub(crate) fn started_ms(&self) -> i64 {
        self.pod.started * STEP_MS
    }
}

/// Returns component and version of the part of Istio that the pods of a workload are or hold.
pub(crate) fn build(workload: &Workload) -> Option<(&'static str, &str)> {
    let tag = || workload.deployment.tag.as_deref().unwrap_or("unknown");
    if workload.deployment.is_istiod() {
        return Some(("pilot", tag()));
    }
    match workload.deployment.proxy {
        Proxy::Sidecar | Proxy::Waypoint => Some(("proxy", PROXY_TAG)),
        Proxy::Node => Some(("ztunnel", tag())),
        Proxy::None | Proxy::Ambient => None,
    }
}

fn convergence(sent: &PushCounters) -> Option<Histogram> {
    let mut sum = 0;
    let edges = EDGES_SECS.into_iter().chain([f64::INFINITY]);
    let buckets = edges.zip(sent.convergence).map(|(edge, n)| {
        sum += n;
        Bucket {
            le_ms: edge * 1000.0,
            count: sum as f64,
        }
    });
    Histogram::new(buckets.collect()).filter(|_| 0 < sum)
}
