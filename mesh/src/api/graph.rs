//! `GET /api/v1/graph`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Notice;

/// The mesh of one window: who called whom, how often, how well, how fast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Graph {
    /// Nodes, sorted by id.
    pub nodes: Vec<Node>,
    /// Edges, sorted by id.
    pub edges: Vec<Edge>,
    /// The box of each namespace shown, sorted by cluster and name.
    pub namespaces: Vec<NamespaceBox>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// Whether positions are in this answer.
    pub layout: LayoutState,
    /// What the answer holds: `traffic`, `latency`.
    pub include: Vec<Include>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
    /// When the answer was made, in milliseconds since the epoch.
    pub generated_at_ms: i64,
}

/// Whether the positions of nodes are in the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LayoutState {
    /// `x`, `y` and `points` are set.
    Ready,
    /// Being computed: ask again, or wait for the stream.
    Pending,
}

/// A part of the graph's answer that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// Rates, errors, codes.
    Traffic,
    /// p50, p95, p99.
    Latency,
}

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A workload.
    Workload,
    /// One version of an app.
    Version,
    /// All versions of an app.
    App,
    /// A service; in a workload graph, one that no endpoint answered for.
    Service,
    /// An ingress or egress gateway; it keeps its workload's name.
    Gateway,
    /// An ambient waypoint.
    Waypoint,
    /// A host outside the mesh, known by a ServiceEntry.
    External,
    /// Traffic that left the mesh: PassthroughCluster, BlackHoleCluster.
    Egress,
    /// A service that only traces know: no proxy of it reports, so there are no rates.
    Traced,
    /// A caller that no proxy knows.
    Unknown,
    /// A folded namespace.
    Namespace,
}

/// One thing in the mesh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Node {
    /// Readable and stable: `cluster/namespace/workload`; other kinds carry their kind's word:
    /// `cluster/namespace/service/backend`, `cluster/namespace/version/backend@v1`,
    /// `cluster/namespace/app/backend`, `cluster/namespace/external/api.example.com`, `cluster/-/unknown`,
    /// `cluster/-/egress/PassthroughCluster`, `-/-/traced/mailer`. What is not known is `-`.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// What to write on it: the workload's, app's or service's name.
    pub name: String,
    /// Its cluster, `-` when not known.
    pub cluster: String,
    /// Its namespace, `-` when not known.
    pub namespace: String,
    /// The app (canonical service).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The version (canonical revision).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The worst of its inbound traffic (of its outbound traffic where it has no inbound), with reason.
    pub health: Health,
    /// Short facts to mark it with: `mtls_missing`, `no_sidecar`, `not_injected`, `dead`, `ingress`, `egress`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<String>,
    /// Why it is special, in words, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// All calls to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Traffic>,
    /// All calls it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Traffic>,
    /// What flows to it over TCP.
    #[serde(default, skip_serializing_if = "is_still")]
    pub inbound_flow: Flow,
    /// What flows from it over TCP.
    #[serde(default, skip_serializing_if = "is_still")]
    pub outbound_flow: Flow,
    /// The centre, in whole pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<i32>,
    /// The centre, in whole pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<i32>,
    /// Width in pixels.
    pub w: i32,
    /// Height in pixels.
    pub h: i32,
}

/// Counts and quantiles of some calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Traffic {
    /// Requests per second.
    pub rps: f64,
    /// Requests in the window. Sources extrapolate, so it need not be whole.
    pub requests: f64,
    /// Server errors in the window.
    pub errors: f64,
    /// `errors / requests`; absent without requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_ratio: Option<f64>,
    /// Client errors / requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_error_ratio: Option<f64>,
    /// Calls whose client went away / requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_ratio: Option<f64>,
    /// Requests per second by code: `200`, `503`, `0` (no response); gRPC statuses as `grpc 14`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub responses: BTreeMap<String, f64>,
    /// Requests per second by Envoy's response flag; connections per second over TCP.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, f64>,
    /// Latency, where it was asked for and known.
    #[serde(flatten)]
    pub latency: Latency,
}

/// Quantiles in milliseconds, each merged from buckets. A value is absent where only bounds are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Latency {
    /// The median.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// The 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    /// The 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// The buckets that p50, p95 and p99 fall in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_bounds: Option<[Bounds; 3]>,
}

/// What flows without requests: bytes and connections over TCP, messages inside gRPC calls. Absent where
/// it does not apply or was not asked. On an edge over TCP, requests are not counted: `rps` is 0 there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Flow {
    /// Bytes per second from the client to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_to_server_bps: Option<f64>,
    /// Bytes per second from the server to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_to_client_bps: Option<f64>,
    /// Connections opened in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_opened: Option<f64>,
    /// Connections closed in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_closed: Option<f64>,
    /// Connections that never came to be (no endpoint, refused, no route …), among those opened or closed in the
    /// window. One that was cut off later is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_failed: Option<f64>,
    /// gRPC messages per second from the client to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_to_server_ps: Option<f64>,
    /// gRPC messages per second from the server to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_to_client_ps: Option<f64>,
}

fn is_still(flow: &Flow) -> bool {
    *flow == Flow::default()
}

/// A bucket, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bounds {
    /// Its lower edge.
    pub low_ms: f64,
    /// Its upper edge; absent for the last bucket: "more than `low_ms`".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_ms: Option<f64>,
}

/// Which side of a call reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The client's proxy (or a waypoint).
    Client,
    /// The server's proxy: nobody reports from the client's side.
    Server,
    /// No proxy: spans tell of it, which were sampled. All figures but those of [`Edge::traced`] are 0 or absent.
    Traces,
}

/// All calls of one protocol from one node to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// `from->to:protocol`.
    pub id: String,
    /// The caller's id.
    pub from: String,
    /// The callee's id.
    pub to: String,
    /// `http`, `grpc` or `tcp`; `traced` where only traces tell of the calls.
    pub protocol: String,
    /// Whose report the figures are.
    pub view: View,
    /// The figures.
    #[serde(flatten)]
    pub traffic: Traffic,
    /// What flows without requests. On an edge of requests, the bytes are those of the ambient tunnel beneath
    /// (badge `tunnel`).
    #[serde(flatten)]
    pub flow: Flow,
    /// Short facts to mark it with: `via_waypoint` (a waypoint stands between the two), `tunnel` (it runs
    /// through ambient's node proxies, whose bytes are in the flow).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub badges: Vec<String>,
    /// Mutual TLS requests / all requests, from the destination's report; over TCP, connections opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls_ratio: Option<f64>,
    /// What the server's proxy reports, where the figures above are the client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_view: Option<ServerView>,
    /// The calls that traces tell of, where nothing else does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traced: Option<TracedCalls>,
    /// Health, with reason.
    pub health: Health,
    /// The drawn line from the caller's border to the callee's: control points of a smooth curve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<Vec<[i32; 2]>>,
}

/// Calls that were seen in traces: sampled, so that they say nothing of how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TracedCalls {
    /// How many.
    pub n_calls: u64,
    /// How many of them failed.
    pub n_errors: u64,
    /// The time before now that was looked at, in seconds.
    pub window_s: u32,
}

/// The server's own report of an edge, shown beside the client's, never added to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerView {
    /// Requests per second.
    pub rps: f64,
    /// Requests in the window.
    pub requests: f64,
    /// Server errors in the window.
    pub errors: f64,
    /// `errors / requests`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_ratio: Option<f64>,
    /// What flowed over TCP, as the server reports it.
    #[serde(flatten)]
    pub flow: Flow,
    /// Why the two views differ by more than a tenth, in words, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// A judgement and its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// The judgement.
    pub status: HealthStatus,
    /// Why, with the sample size: "12 of 240 requests failed (5.0 %) in 5m".
    pub reason: String,
}

/// A judgement; the order is from worst to best for sorting "worst first".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Surely ≥ 10 % of the requests fail.
    Failing,
    /// Surely ≥ 1 % of the requests fail.
    Degraded,
    /// Some failed, too few to judge.
    Unjudged,
    /// Works.
    Healthy,
    /// Known, without traffic.
    Idle,
    /// Nothing is known.
    NoData,
}

/// A namespace as a box around its nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamespaceBox {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The worst health inside.
    pub status: HealthStatus,
    /// Left edge in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<i32>,
    /// Top edge in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<i32>,
    /// Width in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub w: Option<i32>,
    /// Height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub h: Option<i32>,
}
