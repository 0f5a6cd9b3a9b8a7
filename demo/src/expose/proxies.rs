//! What the proxies cost: as they say themselves, and as nodes say of their containers (cAdvisor).

use super::{Exposed, family, line};
use crate::World;
use crate::proxies::allocated;

/// How Istio names the container of every proxy, a node's too.
const CONTAINER: &str = ",container=\"istio-proxy\"";

impl World {
    pub(super) fn expose_proxies(&self, pods: &[Exposed<'_>], text: &mut String) {
        family(text, "container_cpu_usage_seconds_total", "counter");
        for it in pods {
            let secs = (self.cpu_secs(it.pod) * 1e6).round() / 1e6;
            let metric = "container_cpu_usage_seconds_total";
            line(text, metric, &it.at, CONTAINER, &secs);
        }
        family(text, "container_memory_working_set_bytes", "gauge");
        for it in pods {
            let bytes = self.memory_bytes(it.workload, it.pod);
            let metric = "container_memory_working_set_bytes";
            line(text, metric, &it.at, CONTAINER, &bytes);
        }
        family(text, "envoy_server_memory_allocated", "gauge");
        for it in pods.iter().filter(|it| it.is_envoy()) {
            let bytes = allocated(self.memory_bytes(it.workload, it.pod));
            line(text, "envoy_server_memory_allocated", &it.at, "", &bytes);
        }
    }
}
