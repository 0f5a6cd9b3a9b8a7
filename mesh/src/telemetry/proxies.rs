//! What the proxies cost, and how their circuit breakers stand.

use crate::names::{NamespaceName, ServiceName};
use crate::units::{UnixMillis, Window};

/// Asks what the proxies use: memory at `at`, processor time over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proxies {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// What one pod's proxy uses. A figure is `None` where its metric is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxySample {
    /// The pod's namespace.
    pub namespace: NamespaceName,
    /// The pod.
    pub pod: String,
    /// The container's working set in bytes (cAdvisor's figure, which limits count against).
    pub memory_bytes: Option<f64>,
    /// Processor cores in use, averaged over the window.
    pub cpu_cores: Option<f64>,
    /// What Envoy says that it has allocated, in bytes.
    pub allocated_bytes: Option<f64>,
}

/// Asks how the proxies' circuit breakers stood over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Breakers {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// What the proxies of one namespace's clients say of one upstream (Envoy's cluster
/// `outbound|port|subset|host`). Istio exposes none of it unless told to.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerSample {
    /// The namespace of the clients.
    pub namespace: NamespaceName,
    /// The upstream's port.
    pub port: u16,
    /// The upstream's subset, where it is one.
    pub subset: Option<String>,
    /// The upstream's service, where its host is one of the cluster's.
    pub service: Option<(NamespaceName, ServiceName)>,
    /// The upstream's host.
    pub host: String,
    /// Requests refused in the window because too many waited (`upstream_rq_pending_overflow`).
    pub pending_overflow: f64,
    /// Connections refused in the window because there were too many (`upstream_cx_overflow`).
    pub connection_overflow: f64,
    /// Retries refused in the window (`upstream_rq_retry_overflow`).
    pub retry_overflow: f64,
    /// Ejections in the window.
    pub ejections: f64,
    /// Endpoints that are ejected now, as the proxy with the most counts them.
    pub ejected_now: f64,
    /// Proxies whose breaker is open now.
    pub open_now: f64,
}
