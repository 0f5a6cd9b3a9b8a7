//! `GET /api/v1/queries`: the PromQL behind the figures.

use serde::{Deserialize, Serialize};

use super::query::{self, By};
use super::{BadParameter, Notice};
use crate::units::{UnixMillis, Window};

/// Whose figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Of {
    /// The whole graph.
    Graph,
    /// One edge.
    Edge,
    /// One node.
    Node,
    /// The control plane.
    ControlPlane,
    /// The proxies.
    Sidecars,
    /// The circuit breakers.
    Breakers,
}

impl Of {
    /// All of them.
    pub const ALL: [Of; 6] = [
        Of::Graph,
        Of::Edge,
        Of::Node,
        Of::ControlPlane,
        Of::Sidecars,
        Of::Breakers,
    ];

    /// Returns the word for it in parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Of::Graph => "graph",
            Of::Edge => "edge",
            Of::Node => "node",
            Of::ControlPlane => "control-plane",
            Of::Sidecars => "sidecars",
            Of::Breakers => "breakers",
        }
    }

    /// Returns whether it is about one thing, which an id names.
    pub fn takes_id(self) -> bool {
        matches!(self, Of::Edge | Of::Node)
    }
}

/// The parameters of `GET /api/v1/queries`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueriesQuery {
    /// Whose figures.
    pub of: Of,
    /// The id of the edge or node.
    pub id: Option<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
    /// The projection that the id is of.
    pub by: By,
}

impl QueriesQuery {
    /// Returns the question about `of` over the usual window.
    pub fn new(of: Of) -> QueriesQuery {
        QueriesQuery {
            of,
            id: None,
            window: Window::default(),
            at: None,
            by: By::default(),
        }
    }

    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<QueriesQuery, BadParameter> {
        const WORDS: &str = "graph, edge, node, control-plane, sidecars or breakers";
        let (mut of, mut query) = (None, QueriesQuery::new(Of::Graph));
        query::read(pairs, "of, id, window, at, by", |name, value| {
            match name {
                "of" => {
                    let found = Of::ALL.into_iter().find(|of| of.as_str() == value);
                    of = Some(found.ok_or_else(|| query::one_of("of", value, WORDS))?);
                }
                "id" => query.id = (!value.is_empty()).then(|| value.to_owned()),
                "window" => query.window = query::window(value)?,
                "at" => query.at = Some(query::at(value)?),
                "by" => query.by = query::by(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        query.of = of.ok_or_else(|| query::missing("of", &format!("write {WORDS}")))?;
        match (&query.id, query.of.takes_id()) {
            (None, true) => Err(query::missing(
                "id",
                "give the id of a node or an edge of the graph",
            )),
            (Some(_), false) => Err(BadParameter {
                name: "id".to_owned(),
                problem: format!("means nothing for {}", query.of.as_str()),
                hint: Some("leave it out".to_owned()),
            }),
            _ => Ok(query),
        }
    }

    /// Writes the parameters, encoded, without a leading `?`.
    pub fn to_query_string(&self) -> String {
        let mut out = query::Writer::default();
        out.pair("of", self.of.as_str());
        if let Some(id) = &self.id {
            out.pair("id", id);
        }
        if self.by != By::default() {
            out.pair("by", self.by.as_str());
        }
        out.window_and_at(self.window, self.at);
        out.done()
    }
}

/// The questions behind some figures, in the order in which they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queries {
    /// The questions.
    pub items: Vec<Question>,
    /// What should be known about them.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The time that they are asked for, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Question {
    /// What its answer says, in words.
    pub label: String,
    /// The text as it is sent.
    pub promql: String,
    /// The time between points in seconds, where it is asked for several times (a chart).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_s: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<QueriesQuery, BadParameter> {
        QueriesQuery::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn what_is_written_reads_back_and_a_mistake_is_named() {
        let mut query = QueriesQuery::new(Of::Edge);
        query.id = Some("a->b:http".to_owned());
        query.at = Some(UnixMillis(1_769_860_800_000));
        assert_eq!(
            query.to_query_string(),
            "of=edge&id=a-%3Eb:http&at=2026-01-31T12:00:00Z"
        );
        let pairs = [
            ("of", "edge"),
            ("id", "a->b:http"),
            ("at", "2026-01-31T12:00:00Z"),
        ];
        assert_eq!(read(&pairs), Ok(query));
        for (pairs, name) in [
            (&[][..], "of"),
            (&[("of", "moon")][..], "of"),
            (&[("of", "edge")][..], "id"),
            (&[("of", "graph"), ("id", "a")][..], "id"),
            (&[("of", "graph"), ("window", "1y")][..], "window"),
            (&[("of", "graph"), ("x", "1")][..], "x"),
        ] {
            assert_eq!(read(pairs).unwrap_err().name, name, "{pairs:?}");
        }
    }
}
