//! `GET /api/v1/sources`: where the facts come from, and what each source can and can't say.

use serde::{Deserialize, Serialize};

/// Something the server asks for facts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// What notices call it: `prometheus`, `demo`, `cluster`, …
    pub name: String,
    /// What it is: `prometheus`, `demo`, …
    pub kind: String,
    /// Whether it answered when it was last asked.
    pub reachable: bool,
    /// Where it is, without credentials; absent for what is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The version it says it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The time between two scrapes, in seconds; a window should hold at least two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrape_interval_s: Option<f64>,
    /// What is wrong with it, in one or two sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What to do about the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What it can answer, in words, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// What it lacks that would show more, in words, sorted: a metric, a label, a right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}
