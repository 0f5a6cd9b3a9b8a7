//! `GET /api/v1/sidecars`: what the proxies cost.

use serde::{Deserialize, Serialize};

use super::InventoryQuery;
use super::Notice;

/// The parameters of `GET /api/v1/sidecars`.
pub type SidecarsQuery = InventoryQuery;

/// What the proxies cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sidecars {
    /// By workload, the most memory a pod first.
    pub items: Vec<WorkloadProxies>,
    /// What sidecars cost in each namespace, sorted by name. Gateways and node proxies are not in it.
    pub namespaces: Vec<Cost>,
    /// What sidecars cost in all namespaces asked for.
    pub total: Cost,
    /// What a proxy takes as a rule, per pod, in bytes: from, to.
    pub rule_of_thumb_bytes: [f64; 2],
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// What a proxy is for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ProxyKind {
    /// It stands beside an app.
    #[default]
    Sidecar,
    /// It lets calls in or out.
    Gateway,
    /// It serves a namespace or a service of an ambient mesh.
    Waypoint,
    /// It serves a node of an ambient mesh.
    Node,
}

/// How the memory of a workload's proxies stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// A pod is within a tenth of its limit, or beyond it: it is about to be killed.
    NearLimit,
    /// A pod takes more than the rule of thumb.
    Above,
    /// All pods take less than the rule of thumb's lower end.
    Below,
    /// Within the rule of thumb.
    Within,
    /// Nobody measures it.
    #[default]
    Unknown,
}

/// The proxies of one workload. A figure is absent where its metric is not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkloadProxies {
    /// `namespace/workload`.
    pub id: String,
    /// The namespace.
    pub namespace: String,
    /// The workload.
    pub workload: String,
    /// What the proxies are for.
    pub kind: ProxyKind,
    /// How many pods report any figure.
    pub pods: u32,
    /// The memory of all its pods that report it, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<f64>,
    /// How many pods report their memory.
    pub memory_pods: u32,
    /// The mean of a pod, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_per_pod_bytes: Option<f64>,
    /// The pod that takes most, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_most_bytes: Option<f64>,
    /// Processor cores in use by all its pods, averaged over the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f64>,
    /// The pod that takes most, in cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_most_cores: Option<f64>,
    /// What Envoy says that it has allocated in all its pods, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated_bytes: Option<f64>,
    /// What each pod's proxy may use, where its template says.
    #[serde(default)]
    pub limits: Resources,
    /// What each pod's proxy asks for, where its template says.
    #[serde(default)]
    pub requests: Resources,
    /// How its memory stands.
    pub fit: Fit,
    /// Why, in one sentence.
    pub reason: String,
}

/// Memory and processor of one proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resources {
    /// In bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<f64>,
    /// In cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f64>,
}

/// What sidecars cost together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cost {
    /// The namespace; empty for all of them.
    pub namespace: String,
    /// How many sidecars.
    pub pods: u32,
    /// How many of them report their memory.
    pub memory_pods: u32,
    /// Their memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<f64>,
    /// The processor cores they use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<f64>,
    /// What as many would take by the rule of thumb, in bytes: from, to. Only those that report count.
    pub by_rule_bytes: [f64; 2],
}
