//! `GET /api/v1/traces`, one trace, one span, how its calls compare, and the names services trace under.
//!
//! What is here was sampled: no figure of it is a rate.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{Notice, is_false};

/// The traces that a search found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Traces {
    /// The traces, the youngest first.
    pub items: Vec<TraceRow>,
    /// The names that the tracing backend was asked for, in the order asked.
    pub asked: Vec<AskedName>,
    /// The operations that processes of the names asked for have recorded, sorted: what `operation` may be; none where
    /// many names were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// The most traces asked for of each name.
    pub limit: u32,
    /// Whether there are more: the limit was met.
    pub is_cut: bool,
    /// The filters that the backend did not apply itself, by their parameters' names: they were applied to what it
    /// gave within the limit, so that more may match than is listed. Sorted.
    pub applied_after: Vec<String>,
    /// The backend's own page of this search, where browsers can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// A name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskedName {
    /// The name.
    pub name: String,
    /// Whether the backend lists it.
    pub is_known: bool,
    /// How many traces it gave.
    pub n_traces: u32,
}

/// One trace of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceRow {
    /// Its id.
    pub id: String,
    /// The tracing name of its root's process.
    pub service: String,
    /// The root's operation.
    pub operation: String,
    /// When it began, in microseconds since the epoch.
    pub start_us: i64,
    /// From its first beginning to its last end, in microseconds.
    pub duration_us: i64,
    /// How many spans it has.
    pub n_spans: u32,
    /// How many of them failed.
    pub n_errors: u32,
    /// How many spans' parents are not there: headers were not passed on, or spans were lost.
    pub n_orphans: u32,
    /// Whether its root failed.
    pub failed: bool,
    /// Who took part, sorted by name.
    pub services: Vec<ServiceShare>,
    /// The call that the search is about, where it is about one: the worst that matches, the slowest of those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
}

/// A service's part in a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceShare {
    /// The tracing name.
    pub name: String,
    /// How many spans.
    pub n_spans: u32,
    /// How many of them failed.
    pub n_errors: u32,
}

/// A call within a trace that a search is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Matched {
    /// The span.
    pub span: String,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// Whether it failed.
    pub failed: bool,
    /// How it ended: `200`, `503 UO`, `grpc 14`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The version that took it: the server's, or the subset that it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// One trace: its spans as a tree, in the order of its rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceDetails {
    /// Its id.
    pub id: String,
    /// When it began, in microseconds since the epoch, clocks corrected.
    pub start_us: i64,
    /// From its first beginning to its last end, in microseconds.
    pub duration_us: i64,
    /// How many spans it has.
    pub n_spans: u32,
    /// How many of them failed.
    pub n_errors: u32,
    /// Who took part, sorted by name; spans name them by their place here.
    pub services: Vec<ServiceShare>,
    /// Its operations, sorted; spans name them by their place here.
    pub operations: Vec<String>,
    /// The edges of the graph by workload that it passed, sorted; spans name them by their place here.
    pub edges: Vec<PathEdge>,
    /// Its spans: parents before their children, siblings by their beginning. The first of them where that was asked for;
    /// all else is of the whole.
    pub spans: Vec<SpanRow>,
    /// What is wrong with it or was corrected, in sentences: clocks, missing parents, circles, ids given twice.
    pub warnings: Vec<String>,
    /// The backend's own page of it, where browsers can reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
}

impl TraceDetails {
    /// Returns whether some of its spans are not here.
    pub fn is_part(&self) -> bool {
        self.spans.len() < self.n_spans as usize
    }
}

/// An edge of the graph that a trace passed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PathEdge {
    /// The edge's id in the graph by workload.
    pub id: String,
    /// The caller's id there.
    pub from: String,
    /// The callee's id there.
    pub to: String,
    /// How many calls passed it.
    pub n_calls: u32,
    /// How many of them failed.
    pub n_errors: u32,
}

/// One span, without its tags: a trace may have many thousands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpanRow {
    /// Its id; one that is given twice has `~2` and so on behind it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: CompactString,
    /// Its parent's place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// How many spans stand above it.
    pub depth: u32,
    /// How many spans stand below it, at any depth: they follow it in the list.
    pub n_below: u32,
    /// Its service's place in the list of services.
    pub service: u32,
    /// Its operation's place in the list of operations.
    pub operation: u32,
    /// `client`, `server`, `producer`, `consumer`, `internal`.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub kind: CompactString,
    /// When it began, in microseconds since the trace began, clocks corrected.
    pub at_us: i64,
    /// How long it took, in microseconds.
    pub duration_us: i64,
    /// The time within it that none of its children had, in microseconds.
    pub self_us: i64,
    /// Its parts of the critical path, from and to, in microseconds since the trace began; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub critical: Vec<[i64; 2]>,
    /// Whether it failed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub failed: bool,
    /// Whether its parent is not there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_orphan: bool,
    /// How it ended: `200`, `503 UO`, `grpc 14`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub status: Option<CompactString>,
    /// The version of who recorded it, or the subset that it was sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub version: Option<CompactString>,
    /// The place of the edge that this call is, in the list of edges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<u32>,
    /// By how much its clock was corrected, in microseconds; positive where it was moved to later.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skew_us: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// `GET /api/v1/traces/{id}/spans/{span}`: what one span says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SpanDetails {
    /// Its id, as the trace has it.
    pub id: String,
    /// The tracing name of its process.
    pub service: String,
    /// Its operation.
    pub operation: String,
    /// What it says, in the order written.
    pub tags: Vec<TagRow>,
    /// What its process says of itself.
    pub process: Vec<TagRow>,
    /// What happened within it, by time.
    pub logs: Vec<LogRow>,
    /// What is wrong with it.
    pub warnings: Vec<String>,
    /// How many bytes of tags and logs were left out.
    #[serde(default, skip_serializing_if = "is_none_left_out")]
    pub left_out_bytes: u64,
}

fn is_none_left_out(bytes: &u64) -> bool {
    *bytes == 0
}

/// One word of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TagRow {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// What happened within a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogRow {
    /// When, in microseconds since the trace began, clocks corrected.
    pub at_us: i64,
    /// What.
    pub fields: Vec<TagRow>,
}

/// `GET /api/v1/traces/{id}/ranks`: how a trace's calls compare with all calls of their edges in the hour that the
/// trace ended in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ranks {
    /// One for each span that is a call of an edge with measurements, sorted by span.
    pub items: Vec<Rank>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window that they are compared with, in seconds.
    pub window_s: u32,
    /// The end of that window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// Where one call stands among those of its edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rank {
    /// The span.
    pub span: String,
    /// The edge's id.
    pub edge: String,
    /// At least this share of the edge's calls was faster, 0 to 1: the lower edge of what buckets can tell.
    pub faster_from: f64,
    /// At most this share was faster: the upper edge.
    pub faster_to: f64,
    /// The edge's median, in milliseconds, where buckets tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// Its 95th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    /// Its 99th percentile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// How many calls that is of.
    pub n_calls: f64,
}

/// `GET /api/v1/traces/names`: under which names the mesh's services trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Names {
    /// One for each service of the mesh, sorted by namespace and service.
    pub items: Vec<NameRow>,
    /// The names that the backend lists and that no service of the mesh was found under, sorted.
    pub unclaimed: Vec<String>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
}

/// The names of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NameRow {
    /// The service's namespace.
    pub namespace: String,
    /// The service.
    pub service: String,
    /// The names that it could trace under, the likeliest first.
    pub tried: Vec<String>,
    /// Those that the backend lists, in the same order.
    pub found: Vec<String>,
    /// Why there is none, and what to set, where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}
