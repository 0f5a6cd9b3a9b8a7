//! `GET /api/v1/sources`: where the facts come from, and what each source can and can't say.

use serde::{Deserialize, Serialize};

use super::breakers::Paste;
use super::{BadParameter, query};
use crate::units::Window;

/// The parameters of `GET /api/v1/sources`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SourcesQuery {
    /// The window that scrapes are counted against.
    pub window: Window,
}

impl SourcesQuery {
    /// Reads the parameters, decoded.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<SourcesQuery, BadParameter> {
        let mut query = SourcesQuery::default();
        query::read(pairs, "window", |name, value| {
            match name {
                "window" => query.window = query::window(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        query::write_window_and_at(self.window, None)
    }
}

/// Something the server asks for facts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Which program answers, as far as it shows: `Prometheus`, `VictoriaMetrics`, `Thanos`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// How long it keeps samples, in its own words: `15d`, `1y`, `10GB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
    /// How the scrape interval fits the window asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrapes: Option<Scrapes>,
    /// The metrics that are read, in the order of what they show.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// The labels that are read of the counter of requests, where it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// What to paste to mend what is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mends: Vec<Paste>,
}

/// How many scrapes a window holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scrapes {
    /// The window in seconds.
    pub window_s: u32,
    /// How many scrapes of each pod it holds.
    pub count: f64,
    /// Whether that is enough: `enough`, `few` (figures are rough), `too_few` (there are none).
    pub verdict: ScrapeVerdict,
    /// Why, in one sentence.
    pub reason: String,
}

/// Whether a window holds enough scrapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ScrapeVerdict {
    /// At least four.
    Enough,
    /// Two or three.
    Few,
    /// Fewer than two: what a counter rose by can't be told.
    TooFew,
}

/// A metric that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub shows: String,
    /// Whether it is there.
    pub present: bool,
    /// Whether it is there only once something is set or has happened, so that its absence is no fault.
    pub optional: bool,
    /// What is lost without it.
    pub lost: String,
}

/// A label that is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Label {
    /// Its name.
    pub name: String,
    /// Whether it is there.
    pub present: bool,
    /// What is lost without it.
    pub lost: String,
}
