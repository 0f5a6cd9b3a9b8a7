//! `GET /api/v1/series`: how one edge's or node's traffic went over the window.

use serde::{Deserialize, Serialize};

use super::Notice;

/// Time series of one edge or node. All lists have one entry a point, oldest first; `null` is "no data".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Series {
    /// The id asked for.
    pub id: String,
    /// The end of the time that each point covers, in milliseconds since the epoch.
    pub at_ms: Vec<i64>,
    /// The time between points, in seconds.
    pub step_s: u32,
    /// Requests per second.
    pub rps: Vec<Option<f64>>,
    /// Server errors per second.
    pub errors_rps: Vec<Option<f64>>,
    /// The median in milliseconds.
    pub p50_ms: Vec<Option<f64>>,
    /// The 95th percentile in milliseconds.
    pub p95_ms: Vec<Option<f64>>,
    /// The 99th percentile in milliseconds.
    pub p99_ms: Vec<Option<f64>>,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
}
