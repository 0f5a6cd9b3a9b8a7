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
    /// How many calls fell into each bucket of latency at each point, where that was asked for and durations
    /// are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heatmap: Option<Heatmap>,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
}

/// Latency over time, as counts in buckets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Heatmap {
    /// The upper edge of each bucket in milliseconds, ascending; the last is `null`: above all others. A bucket
    /// starts where the one before ends.
    pub edges_ms: Vec<Option<f64>>,
    /// For each point, the number of calls in each bucket that took longer than the edge below and no longer than
    /// its own; `null` where no durations are known.
    pub counts: Vec<Option<Vec<f64>>>,
}
