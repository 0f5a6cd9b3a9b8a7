//! `GET /api/v1/preflight`: whether the mesh has what this dashboard needs, each finding with the lines to paste.

use serde::{Deserialize, Serialize};

use super::{BadParameter, query};
use crate::units::Window;

/// The parameters of `GET /api/v1/preflight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PreflightQuery {
    /// The window that scrapes are counted against.
    pub window: Window,
}

impl PreflightQuery {
    /// Reads the parameters, decoded.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<PreflightQuery, BadParameter> {
        let mut query = PreflightQuery::default();
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

/// What was looked at, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Preflight {
    /// The worst of all.
    pub status: Status,
    /// How many there are of each.
    pub counts: Counts,
    /// What belongs together, the groups with the worst first.
    pub groups: Vec<Group>,
}

/// How many items there are of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counts {
    /// What does not work.
    pub fail: u32,
    /// What could be better.
    pub warn: u32,
    /// What can't be told.
    pub unknown: u32,
    /// What is as it should be.
    pub ok: u32,
}

/// Items that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Group {
    /// A stable word for programs: `cluster`, `rights`, `istio`, `injection`, `restarts`, `metrics`, `traces`,
    /// `dashboards`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The worst of its items.
    pub status: Status,
    /// Worst first; never empty.
    pub items: Vec<Item>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// A stable word for programs, which begins with its group's: `rights.read`.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How it stands.
    pub status: Status,
    /// What was seen.
    pub message: String,
    /// Why it matters.
    pub why: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The lines to paste, exactly: commands, or a YAML text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paste: Option<String>,
}

/// How something stands. The worst is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something does not work.
    Fail,
    /// It works, and less is seen than could be.
    Warn,
    /// It can't be told.
    Unknown,
    /// As it should be.
    Ok,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_what_is_unknown_is_named() {
        let query = PreflightQuery::from_pairs([("window", "1h")]).unwrap();
        assert_eq!(query.to_query_string(), "window=1h");
        let error = PreflightQuery::from_pairs([("namespaces", "shop")]).unwrap_err();
        assert_eq!(error.name, "namespaces");
    }
}
