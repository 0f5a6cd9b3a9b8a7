//! `GET /api/v1/workloads` and `GET /api/v1/workloads/{namespace}/{name}`, and what services share with them.

use serde::{Deserialize, Serialize};

use super::graph::{Flow, Traffic, View};
use super::{Health, NodeKind, Notice};

/// Pods of a workload, or of all workloads behind a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pods {
    /// How many are ready.
    pub ready: u32,
    /// How many there should be.
    pub wanted: u32,
}

/// How the traffic of pods gets into the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InjectionMode {
    /// Not at all: their calls are neither protected nor seen from their own side.
    None,
    /// Some of them do, some do not.
    Mixed,
    /// It is not known: no cluster is asked, and no proxy of theirs reports.
    #[default]
    Unknown,
    /// Through a sidecar.
    Sidecar,
    /// Through the node's proxy (ambient).
    Ambient,
    /// They are a proxy themselves.
    Gateway,
}

/// How traffic gets into the mesh, and what says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Injection {
    /// How.
    pub mode: InjectionMode,
    /// What says so, in words: a label, or a proxy's reports.
    pub reason: String,
}

/// What a server's proxies accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MtlsMode {
    /// Mutual TLS alone.
    Strict,
    /// Mutual TLS and plain text.
    Permissive,
    /// Plain text alone.
    Disable,
}

/// Mutual TLS: what was seen, and what is demanded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mtls {
    /// Calls under mutual TLS / all calls whose protection the called proxies know; absent without such calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// The mode in force; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<MtlsMode>,
    /// The object that says so; absent where none does and the mesh's own default holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said_by: Option<ObjectLink>,
}

/// An object of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ObjectLink {
    /// Its kind, as Kubernetes writes it.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The id of its route, where it is one: `namespace/kind/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
}

/// A workload of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkloadRow {
    /// Its node's id in the graph by workload.
    pub id: String,
    /// `workload`, `gateway` or `waypoint`.
    pub kind: NodeKind,
    /// `Deployment`, `StatefulSet` or `DaemonSet`; absent where no cluster is asked or it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Its cluster, `-` when not known.
    pub cluster: String,
    /// Its namespace, `-` when not known.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The app (canonical service).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The version (canonical revision).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The worst of its calls and its pods, with reason.
    pub health: Health,
    /// Calls to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Traffic>,
    /// Calls it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Traffic>,
    /// What flows to it over TCP.
    #[serde(default)]
    pub inbound_flow: Flow,
    /// Its pods, where a cluster is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// How its traffic gets into the mesh.
    pub injection: Injection,
    /// Mutual TLS of the calls to it.
    pub mtls: Mtls,
}

/// One end of some calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Party {
    /// What it is.
    pub kind: NodeKind,
    /// Its namespace, `-` when not known.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// All calls of one protocol between two parties, with what one of their proxies reports of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Call {
    /// The caller.
    pub from: Party,
    /// The callee.
    pub to: Party,
    /// `http`, `grpc` or `tcp`.
    pub protocol: String,
    /// Whose report the figures are.
    pub view: View,
    /// The figures.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// What flows without requests.
    #[serde(flatten)]
    pub flow: Flow,
    /// Mutual TLS requests / all requests, from the destination's report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls_ratio: Option<f64>,
    /// Health, with reason.
    pub health: Health,
}

/// One workload with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkloadDetails {
    /// As the list has it.
    pub workload: WorkloadRow,
    /// The services that its pods serve, as `namespace/name`, sorted.
    pub serves: Vec<String>,
    /// Calls to it, by caller; worst first.
    pub inbound: Vec<Call>,
    /// Calls it makes, by the service called; worst first.
    pub outbound: Vec<Call>,
    /// The workloads of the same app in its namespace, itself included, sorted by version and name.
    pub versions: Vec<WorkloadRow>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}
