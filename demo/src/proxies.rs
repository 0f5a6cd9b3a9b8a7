//! What the proxies cost: memory by what they know and have counted, processor time by their calls.

use mesh::names::NamespaceName;
use mesh::telemetry::{Proxies, ProxySample};

use crate::answers::Steps;
use crate::chance::mix;
use crate::deployments::Proxy;
use crate::fleet::{Pod, Workload};
use crate::{STEP_MS, World};

/// What an Envoy takes before it knows anything, in bytes; ztunnel takes a quarter.
const BASE_BYTES: f64 = 44e6;
/// What each endpoint of the mesh costs every proxy, and each series that it counts.
const ENDPOINT_BYTES: f64 = 60e3;
const SERIES_BYTES: f64 = 14e3;
/// What an Envoy has allocated of its working set; the rest is its code and the agent beside it.
const ALLOCATED_SHARE: f64 = 0.42;
/// Processor seconds: each second for being there, and each call. The latter is half a core for a thousand
/// calls a second, as Istio measured it.
const IDLE_CORES: f64 = 0.003;
const CALL_SECS: f64 = 0.0005;
/// Memory goes up and down by so much, and looks so for a quarter of a minute.
const NOISE: f64 = 0.02;
const NOISE_MS: i64 = 15_000;

impl World {
    /// Returns what each pod's proxy uses, sorted by namespace and pod: memory as of [`World::now`],
    /// processor time over `(at - window, at]`. Sidecars, gateways, waypoints and the proxies of nodes are
    /// proxies; other pods have none.
    pub fn proxies(&self, query: &Proxies) -> Vec<ProxySample> {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut samples: Vec<ProxySample> = self
            .proxied_pods()
            .into_iter()
            .map(|(workload, pod)| {
                let memory = self.memory_bytes(workload, pod);
                let first = (steps.first - 1).max(pod.started);
                let secs = ((steps.last - first) * STEP_MS) as f64 / 1000.0;
                let n_calls =
                    pod.handled_at(steps.last, self.step) - pod.handled_at(first, self.step);
                let is_envoy = workload.deployment.proxy.is_envoy();
                ProxySample {
                    namespace: NamespaceName::from(workload.deployment.namespace.as_str()),
                    pod: pod.name.clone(),
                    memory_bytes: Some(memory),
                    cpu_cores: (0.0 < secs).then(|| cpu_secs(secs, n_calls) / secs),
                    allocated_bytes: is_envoy.then(|| allocated(memory)),
                }
            })
            .collect();
        samples.sort_by(|a, b| (&a.namespace, &a.pod).cmp(&(&b.namespace, &b.pod)));
        samples
    }

    /// Returns the pods that are or hold a proxy, sorted by namespace and name.
    pub(crate) fn proxied_pods(&self) -> Vec<(&Workload, &Pod)> {
        let workloads = self.fleet.workloads.iter();
        let mut pods: Vec<(&Workload, &Pod)> = workloads
            .filter(|workload| workload.deployment.proxy.is_in_pods())
            .flat_map(|workload| workload.pods.iter().map(move |pod| (workload, pod)))
            .collect();
        pods.sort_by_key(|(workload, pod)| (&workload.deployment.namespace, &pod.name));
        pods
    }

    /// Returns the working set of a pod's proxy now.
    pub(crate) fn memory_bytes(&self, workload: &Workload, pod: &Pod) -> f64 {
        let endpoints: usize = self.fleet.workloads.iter().map(|w| w.ready.len()).sum();
        let n_series = pod.counters.len() + pod.wires.len();
        let size = match workload.deployment.proxy {
            Proxy::Node => 0.25,
            _ => 1.0,
        };
        let known = endpoints as f64 * ENDPOINT_BYTES + n_series as f64 * SERIES_BYTES;
        let slice = (self.step * STEP_MS).div_euclid(NOISE_MS);
        let drawn = mix(pod.id.0 ^ mix(slice as u64)) % 1000;
        let noise = 1.0 + NOISE * (drawn as f64 / 500.0 - 1.0);
        (size * (BASE_BYTES + known) * noise).round()
    }

    /// Returns the processor seconds that a pod's proxy has used since it started.
    pub(crate) fn cpu_secs(&self, pod: &Pod) -> f64 {
        let secs = ((self.step - pod.started).max(0) * STEP_MS) as f64 / 1000.0;
        cpu_secs(secs, pod.handled as f64)
    }
}

/// Returns what Envoy says that it has allocated of a working set.
pub(crate) fn allocated(memory: f64) -> f64 {
    (memory * ALLOCATED_SHARE).round()
}

fn cpu_secs(secs: f64, n_calls: f64) -> f64 {
    IDLE_CORES * secs + CALL_SECS * n_calls
}
