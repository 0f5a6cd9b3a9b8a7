//! Workloads and their pods: who lives when, who is ready, what each pod's proxy has counted.

use std::collections::{BTreeMap, VecDeque};

use crate::chance::{hash_text, mix};
use crate::control::PushCounters;
use crate::deployments::{Deployment, Proxy};
use crate::ejection::{Ejections, PodId};
use crate::history::{EDGES_MS, HISTORY_STEPS, N_BUCKETS};
use crate::ledger::{ReportId, WireReportId, WorkloadId};
use crate::pool::InFlight;
use crate::story::{Actor, actor_of};
use crate::trips::Trip;
use crate::wires::Flow;

/// All workloads, sorted by namespace and name.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) workloads: Vec<Workload>,
}

/// A workload that runs.
pub(crate) struct Workload {
    pub(crate) deployment: Deployment,
    pub(crate) id: WorkloadId,
    pub(crate) actor: &'static Actor,
    /// The pod that fails every call at present, if one does.
    pub(crate) ill: Option<usize>,
    pub(crate) pods: Vec<Pod>,
    /// Indices of the pods that take and make calls in this step.
    pub(crate) ready: Vec<usize>,
}

/// One pod and the counters of its proxy.
pub(crate) struct Pod {
    pub(crate) id: PodId,
    pub(crate) name: String,
    /// The step it started in.
    pub(crate) started: i64,
    /// The first step in which it takes calls.
    pub(crate) ready_from: Option<i64>,
    /// The step in which another pod takes its place.
    ends: i64,
    /// What its proxy has counted since it started.
    pub(crate) counters: BTreeMap<ReportId, Counter>,
    /// What flowed over the connections that it, or a node's proxy for others, has seen.
    pub(crate) wires: BTreeMap<WireReportId, Flow>,
    /// How often its circuit breakers turned something away.
    pub(crate) trips: BTreeMap<(UpstreamId, Trip), u64>,
    /// How many calls it has served in this step.
    pub(crate) served: u64,
    /// How many calls its proxy has had to do with since it started, on either side.
    pub(crate) handled: u64,
    /// What `handled` was at the end of steps, a quarter of a minute apart, over the last hour.
    pub(crate) loads: VecDeque<(i64, u64)>,
    /// What it has sent to proxies since it started, if it is the control plane.
    pub(crate) pushes: PushCounters,
    /// Its calls in flight to destinations that have limits.
    pub(crate) in_flight: BTreeMap<UpstreamId, InFlight>,
    /// The pods that it leaves out, of destinations that are watched for outliers.
    pub(crate) ejections: BTreeMap<UpstreamId, Ejections>,
}

/// A destination that a proxy keeps apart: host, subset and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UpstreamId(pub(crate) u64);

/// One histogram of a proxy; its count is the request counter as well.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    /// Not cumulative: how many fell into each bucket.
    pub(crate) buckets: [u64; N_BUCKETS],
    pub(crate) sum_ms: f64,
}

impl Counter {
    /// Returns how many calls were counted.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

impl Pod {
    /// Returns whether it takes calls in a step.
    pub(crate) fn is_ready(&self, step: i64) -> bool {
        self.ready_from.is_some_and(|ready| ready <= step)
    }

    /// Has its proxy forget its calls in flight and the pods that it left out.
    pub(crate) fn forget_calls(&mut self) {
        self.in_flight.clear();
        self.ejections.clear();
    }

    /// Counts one call in the pod's proxy. The series is born with its first call, as in Envoy.
    pub(crate) fn count(&mut self, report: ReportId, bucket: usize, ms: f64) {
        let counter = self.counters.entry(report).or_insert(Counter {
            buckets: [0; N_BUCKETS],
            sum_ms: 0.0,
        });
        if let Some(n) = counter.buckets.get_mut(bucket) {
            *n += 1;
        }
        counter.sum_ms += ms;
        self.handled += 1;
    }
}

impl Pod {
    /// Returns how many calls its proxy had had to do with by a step, as far as it is remembered: between
    /// two notes as if they had come evenly. `now` is the last step played.
    pub(crate) fn handled_at(&self, step: i64, now: i64) -> f64 {
        let known = self.loads.partition_point(|(at, _)| *at <= step);
        let before = known.checked_sub(1).and_then(|idx| self.loads.get(idx));
        let before = before.copied().unwrap_or((self.started, 0));
        let after = self.loads.get(known);
        let after = after.copied().unwrap_or((now, self.handled));
        let share = (step - before.0).max(0) as f64 / (after.0 - before.0).max(1) as f64;
        before.1 as f64 + share.min(1.0) * (after.1 - before.1) as f64
    }

    fn remember_load(&mut self, step: i64) {
        self.loads.push_back((step, self.handled));
        while self
            .loads
            .front()
            .is_some_and(|(at, _)| *at < step - HISTORY_STEPS)
        {
            self.loads.pop_front();
        }
    }
}

/// Returns the index of the bucket that a duration falls in.
pub(crate) fn bucket_of(ms: f64) -> usize {
    EDGES_MS.partition_point(|edge| *edge < ms)
}

/// A place in the fleet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodAt {
    pub(crate) workload: usize,
    pub(crate) pod: usize,
}

impl Fleet {
    /// Brings the fleet to other Deployments: pods of an unchanged template live on.
    pub(crate) fn redeploy(
        &mut self,
        seed: u64,
        step: i64,
        deployments: Vec<(Deployment, WorkloadId)>,
        birth: Birth,
    ) {
        let mut old: BTreeMap<(String, String), Workload> = std::mem::take(&mut self.workloads)
            .into_iter()
            .map(|w| {
                let place = (w.deployment.namespace.clone(), w.deployment.name.clone());
                (place, w)
            })
            .collect();
        for (deployment, id) in deployments {
            let place = (deployment.namespace.clone(), deployment.name.clone());
            let mut pods = match old.remove(&place) {
                Some(w) if w.deployment.template_hash == deployment.template_hash => w.pods,
                _ => Vec::new(),
            };
            pods.truncate(deployment.replicas as usize);
            for slot in pods.len()..deployment.replicas as usize {
                let lease = lease(seed, &deployment, slot, step);
                let started = match birth {
                    Birth::LongAgo => lease.start,
                    Birth::Now => step,
                };
                pods.push(new_pod(seed, &deployment, slot, started, lease.end, birth));
            }
            let available = (deployment.replicas - deployment.unavailable) as usize;
            for (slot, pod) in pods.iter_mut().enumerate() {
                pod.ready_from = match pod.ready_from {
                    _ if available <= slot => None,
                    None if birth == Birth::LongAgo => Some(pod.started),
                    None => Some(step + STARTING_STEPS),
                    known => known,
                };
            }
            self.workloads.push(Workload {
                actor: actor_of(&deployment.namespace, &deployment.name),
                deployment,
                id,
                ill: None,
                pods,
                ready: Vec::new(),
            });
        }
    }

    /// Replaces the pods whose time is over, and finds who is ready.
    pub(crate) fn begin_step(&mut self, seed: u64, step: i64) {
        for workload in &mut self.workloads {
            workload.ready.clear();
            workload.ill = workload.actor.spells.as_ref().and_then(|spells| {
                let key = slot_key(seed, &workload.deployment, 0);
                spells.victim(key, step, workload.pods.len())
            });
            for (slot, pod) in workload.pods.iter_mut().enumerate() {
                pod.served = 0;
                if pod.ends <= step {
                    let lease = lease(seed, &workload.deployment, slot, step);
                    let could_be_ready = pod.ready_from.is_some();
                    *pod = new_pod(
                        seed,
                        &workload.deployment,
                        slot,
                        lease.start,
                        lease.end,
                        Birth::Now,
                    );
                    if could_be_ready {
                        pod.ready_from = Some(lease.start + STARTING_STEPS);
                    }
                }
                if pod.is_ready(step) {
                    workload.ready.push(slot);
                }
            }
        }
    }
}

impl Fleet {
    /// Notes what the proxies have done by the end of a step.
    pub(crate) fn end_step(&mut self, step: i64) {
        if step % LOAD_STEPS == 0 {
            for pod in self.pods_mut() {
                pod.remember_load(step);
            }
        }
    }

    /// Returns the pods of a workload that are ready.
    pub(crate) fn ready(&self, workload: usize) -> impl Iterator<Item = PodAt> {
        let ready = self.workloads.get(workload).map(|w| w.ready.as_slice());
        let ready = ready.unwrap_or_default().iter();
        ready.map(move |pod| PodAt {
            workload,
            pod: *pod,
        })
    }

    /// Returns what stands between a pod and the mesh.
    pub(crate) fn proxy_of(&self, at: PodAt) -> Proxy {
        let workload = self.workloads.get(at.workload);
        workload.map_or(Proxy::None, |workload| workload.deployment.proxy)
    }

    /// Returns the proxy of a pod's node, where ambient is installed. Each pod has one node for good.
    pub(crate) fn node_of(&self, pod: PodId) -> Option<PodAt> {
        let is_node = |w: &Workload| w.deployment.proxy == Proxy::Node;
        let workload = self.workloads.iter().position(is_node)?;
        let n_nodes = self.workloads.get(workload)?.pods.len().max(1) as u64;
        let node = PodAt {
            workload,
            pod: (mix(pod.0) % n_nodes) as usize,
        };
        self.ready(workload).find(|at| *at == node)
    }

    pub(crate) fn pod(&self, at: PodAt) -> Option<&Pod> {
        self.workloads.get(at.workload)?.pods.get(at.pod)
    }

    pub(crate) fn pod_mut(&mut self, at: PodAt) -> Option<&mut Pod> {
        self.workloads.get_mut(at.workload)?.pods.get_mut(at.pod)
    }

    pub(crate) fn pods_mut(&mut self) -> impl Iterator<Item = &mut Pod> {
        self.workloads.iter_mut().flat_map(|w| w.pods.iter_mut())
    }
}

/// Whether pods of a Deployment start now or have long been there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Birth {
    LongAgo,
    Now,
}

/// How far apart the notes of what proxies have done are: a quarter of a minute.
const LOAD_STEPS: i64 = 60;
/// A new pod takes no calls for five seconds.
const STARTING_STEPS: i64 = 20;
/// Ten minutes of steps: the windows of the calendar of restarts.
const WINDOW_STEPS: i64 = 2400;
/// The calendar repeats after eight hours: with some fifty pods about one is replaced in each window.
const CALENDAR_WINDOWS: i64 = 48;

/// The life of a pod in a slot.
struct Lease {
    start: i64,
    end: i64,
}

/// Returns the life of the pod that lives in a slot at `step`. It follows from seed and place alone,
/// so a world needs no memory of restarts.
fn lease(seed: u64, deployment: &Deployment, slot: usize, step: i64) -> Lease {
    let key = slot_key(seed, deployment, slot);
    let bucket = (key % CALENDAR_WINDOWS as u64) as i64;
    let moment = |window: i64| {
        let offset = mix(key ^ mix(window as u64)) % WINDOW_STEPS as u64;
        window * WINDOW_STEPS + offset as i64
    };
    let present = step.div_euclid(WINDOW_STEPS);
    let mut window = present - (present - bucket).rem_euclid(CALENDAR_WINDOWS);
    if step < moment(window) {
        window -= CALENDAR_WINDOWS;
    }
    Lease {
        start: moment(window),
        end: moment(window + CALENDAR_WINDOWS),
    }
}

fn slot_key(seed: u64, deployment: &Deployment, slot: usize) -> u64 {
    let place = format!("{}/{}/{slot}", deployment.namespace, deployment.name);
    mix(seed ^ hash_text(&place))
}

fn new_pod(
    seed: u64,
    deployment: &Deployment,
    slot: usize,
    started: i64,
    ends: i64,
    birth: Birth,
) -> Pod {
    let drawn = mix(slot_key(seed, deployment, slot) ^ mix(started as u64));
    let suffix = {
        // Within one workload the slot is part of the number that the five letters spell, so two pods
        // that live at a time never share a name. The multiplier has no factor of 27 and only
        // makes neighbours look unlike.
        const SPELLINGS: u64 = 27 * 27 * 27 * 27 * 27;
        const SLOTS: u64 = 64;
        let number = drawn % (SPELLINGS / SLOTS) * SLOTS + slot as u64 % SLOTS;
        spell(number * 5_000_011 % SPELLINGS, 5)
    };
    let template = spell(deployment.template_hash, 10);
    Pod {
        id: PodId(drawn),
        name: format!("{}-{template}-{suffix}", deployment.name),
        started,
        ready_from: (birth == Birth::LongAgo).then_some(started),
        ends,
        counters: BTreeMap::new(),
        wires: BTreeMap::new(),
        trips: BTreeMap::new(),
        served: 0,
        handled: 0,
        loads: VecDeque::new(),
        pushes: PushCounters::default(),
        in_flight: BTreeMap::new(),
        ejections: BTreeMap::new(),
    }
}

/// Returns a number in the letters that Kubernetes puts into generated names.
fn spell(mut number: u64, n_letters: usize) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut word = String::with_capacity(n_letters);
    for _ in 0..n_letters {
        word.push(char::from(LETTERS[(number % 27) as usize]));
        number /= 27;
    }
    word
}
