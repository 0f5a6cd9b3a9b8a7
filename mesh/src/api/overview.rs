//! `GET /api/v1/overview`: the namespaces of the mesh, worst first, and how fresh the data is.

use serde::{Deserialize, Serialize};

use super::graph::{Flow, Traffic};
use super::workload::{Injection, Mtls, Pods};
use super::{Health, NodeKind, Notice};

/// Something that is not well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ailing {
    /// Its node's id in the graph by workload.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// How bad, and why.
    pub health: Health,
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceRow {
    /// Its name.
    pub name: String,
    /// The worst of what is inside, with its name and reason.
    pub health: Health,
    /// All calls to its workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Traffic>,
    /// What flows to its workloads over TCP.
    #[serde(default)]
    pub inbound_flow: Flow,
    /// How many services it has.
    pub n_services: usize,
    /// How many workloads it has.
    pub n_workloads: usize,
    /// Its pods, where a cluster is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// How the traffic of its pods gets into the mesh.
    pub injection: Injection,
    /// The workloads that are not injected, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_injected: Vec<String>,
    /// Mutual TLS of the calls to its workloads.
    pub mtls: Mtls,
    /// What is failing, degraded or can't be judged, worst first; at most five.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ailing: Vec<Ailing>,
    /// How many are, in all.
    pub n_ailing: usize,
}

/// The mesh in figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MeshTotals {
    /// All calls that reached or were meant for a workload of the namespaces asked for. A request that is
    /// passed on is a call each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<Traffic>,
    /// How many namespaces.
    pub n_namespaces: usize,
    /// How many services.
    pub n_services: usize,
    /// How many workloads.
    pub n_workloads: usize,
    /// Their pods, where a cluster is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// Mutual TLS of these calls.
    pub mtls: Mtls,
}

/// How fresh the data is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Freshness {
    /// The source of the figures: `prometheus`, `demo`.
    pub source: String,
    /// When the newest sample of the proxies was taken, in milliseconds since the epoch; absent when it could not
    /// be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_ms: Option<i64>,
    /// The time between two samples of one proxy, in seconds, as it was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape_interval_s: Option<f64>,
}

/// The mesh at one glance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// The namespaces, worst first, then busiest.
    pub items: Vec<NamespaceRow>,
    /// All of them together.
    pub totals: MeshTotals,
    /// How fresh the data is.
    pub freshness: Freshness,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}
