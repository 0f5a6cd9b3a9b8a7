//! The wire: what the server says to the page, version 1. Nothing else in the workspace is serialized
//! for it.
//!
//! Numbers are JSON numbers with six significant digits; an absent field means "not known", never
//! zero. Lists are sorted by id. Parameters are read and written by the same code on both sides
//! ([`query`]), so that a page URL and an API URL can't drift apart.

use serde::{Deserialize, Serialize};

pub mod breakers;
pub mod changes;
pub mod checks;
pub mod control_plane;
pub mod graph;
pub mod links;
pub mod namespaces;
pub mod objects;
pub mod overview;
pub mod preflight;
pub mod queries;
pub mod query;
pub mod routes;
pub mod rules;
pub mod series;
pub mod service;
pub mod sidecars;
pub mod sources;
pub mod trace;
pub mod workload;

pub use graph::{Edge, Graph, Health, HealthStatus, Node, NodeKind};
pub use query::{
    BadParameter, GraphQuery, InventoryQuery, RoutesQuery, SeriesQuery, TraceQuery, TracesQuery,
};
pub use sources::{Source, SourcesQuery};

/// What is not so is left out.
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Something the reader should know beside the answer: what is missing, partial or only estimated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Notice {
    /// A stable word for programs: `source_partial`, `latency_missing`, `no_cluster`, …
    pub kind: String,
    /// Which source it is about: `prometheus`, `demo`, `cluster`, `pidali`.
    pub source: String,
    /// One sentence for people.
    pub message: String,
    /// What to do about it, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A list of things, with what should be known about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct List<T> {
    /// The things, sorted.
    pub items: Vec<T>,
    /// What should be known about the list.
    pub notices: Vec<Notice>,
}

/// The body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// What went wrong, why, and the mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDetail {
    /// A stable word for programs: `bad_parameter`, `bad_body`, `not_found`, `forbidden`, `foreign_origin`,
    /// `conflict` (the object is not as it was seen), `changed_since` (what is to be taken back is no
    /// longer there), `checks` (a check refuses it), `owned` (a controller steers it), `admission` (the
    /// cluster refuses it), `no_cluster`, `unreachable`, `too_slow`, `malformed`, `refused`,
    /// `too_large`, `overloaded`, `internal`.
    pub kind: String,
    /// One or two sentences for people: what was tried and why it failed.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// A hint on `GET /api/v1/stream`: the data behind `topic` has a new version; fetch it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed {
    /// `graph`, `routes`.
    pub topic: String,
    /// Grows with every change.
    pub version: u64,
}
