//! `GET /api/v1/services` and `GET /api/v1/services/{namespace}/{name}`.

use serde::{Deserialize, Serialize};

use super::graph::{Flow, Traffic};
use super::workload::{Call, Injection, Mtls, ObjectLink, Pods, WorkloadRow};
use super::{Health, Notice};

/// A service of the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceRow {
    /// Its node's id in the graph by service.
    pub id: String,
    /// Its cluster, `-` when not known.
    pub cluster: String,
    /// Its namespace, `-` when not known.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The worst of the calls to it and of its pods, with reason.
    pub health: Health,
    /// Calls to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Traffic>,
    /// What flows to it over TCP.
    #[serde(default)]
    pub inbound_flow: Flow,
    /// The pods of all workloads behind it, where a cluster is asked and it selects any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// The versions behind it, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// How the traffic of its pods gets into the mesh.
    pub injection: Injection,
    /// Mutual TLS of the calls to it.
    pub mtls: Mtls,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PortRow {
    /// Its number.
    pub port: u16,
    /// Its name; empty where it has none.
    pub name: String,
    /// What it says is spoken there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<String>,
}

/// One service with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceDetails {
    /// As the list has it.
    pub service: ServiceRow,
    /// Its ports, in the order written.
    pub ports: Vec<PortRow>,
    /// The workloads behind it, each with those calls alone that were addressed to this service; sorted by
    /// version and name.
    pub versions: Vec<WorkloadRow>,
    /// Calls to it, by caller; worst first.
    pub inbound: Vec<Call>,
    /// Calls that its workloads make, by workload and service called; worst first.
    pub outbound: Vec<Call>,
    /// The objects that say how calls to it go: routes that send to it or speak for it, and the
    /// DestinationRules on its host; sorted.
    pub governed_by: Vec<ObjectLink>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}
