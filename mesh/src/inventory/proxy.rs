//! What a sidecar may use of a machine: annotations of the pod, or its container as written.
//!
//! Annotations: <https://istio.io/latest/docs/reference/config/annotations/>.

use serde_json::Value;

use super::Labels;
use super::quantity::{bytes, cores};
use crate::object::{at, list_at, text_at};

/// The container that Istio adds.
pub(super) const CONTAINER: &str = "istio-proxy";

/// What a sidecar asks for and may use. `None`: the pod does not say, so the mesh's own defaults hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProxyResources {
    /// Cores that are kept for it.
    pub cpu_request: Option<f64>,
    /// Cores it may use.
    pub cpu_limit: Option<f64>,
    /// Bytes that are kept for it.
    pub memory_request: Option<u64>,
    /// Bytes it may use; past them it is killed.
    pub memory_limit: Option<u64>,
}

impl ProxyResources {
    /// Reads the annotations of a pod or of its template; what is no quantity is passed over.
    pub fn of_annotations(annotations: &Labels) -> Self {
        let text = |name: &str| annotations.get(name).map(String::as_str);
        Self {
            cpu_request: text("sidecar.istio.io/proxyCPU").and_then(cores),
            cpu_limit: text("sidecar.istio.io/proxyCPULimit").and_then(cores),
            memory_request: text("sidecar.istio.io/proxyMemory").and_then(bytes),
            memory_limit: text("sidecar.istio.io/proxyMemoryLimit").and_then(bytes),
        }
    }

    /// Reads the container `istio-proxy` of a pod's specification, where it is there.
    pub fn of_pod(spec: &Value) -> Self {
        let Some(container) = container(spec) else {
            return Self::default();
        };
        let text = |pointer: &str| -> Option<String> {
            match at(container, pointer)? {
                Value::String(text) => Some(text.clone()),
                // `cpu: 2` is a number in YAML.
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            }
        };
        let cores = |pointer| text(pointer).as_deref().and_then(cores);
        let bytes = |pointer| text(pointer).as_deref().and_then(bytes);
        Self {
            cpu_request: cores("/resources/requests/cpu"),
            cpu_limit: cores("/resources/limits/cpu"),
            memory_request: bytes("/resources/requests/memory"),
            memory_limit: bytes("/resources/limits/memory"),
        }
    }

    /// Returns these, and those of `other` where these say nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu_request: self.cpu_request.or(other.cpu_request),
            cpu_limit: self.cpu_limit.or(other.cpu_limit),
            memory_request: self.memory_request.or(other.memory_request),
            memory_limit: self.memory_limit.or(other.memory_limit),
        }
    }
}

/// Returns the sidecar of a pod: a container, or an init container that keeps running (a native sidecar).
pub(super) fn container(spec: &Value) -> Option<&Value> {
    let is_proxy = |container: &&Value| text_at(container, "/name") == Some(CONTAINER);
    let plain = list_at(spec, "/containers").find(is_proxy);
    let native = || {
        list_at(spec, "/initContainers")
            .filter(is_proxy)
            .find(|it| text_at(it, "/restartPolicy") == Some("Always"))
    };
    plain.or_else(native)
}
