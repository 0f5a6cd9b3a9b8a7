//! Query parameters, so that a bad one is our JSON error naming it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mesh::api::control_plane::ControlPlaneQuery;
use mesh::api::links::LinksQuery;
use mesh::api::objects::ObjectsQuery;
use mesh::api::preflight::PreflightQuery;
use mesh::api::queries::QueriesQuery;
use mesh::api::{
    BadParameter, GraphQuery, InventoryQuery, RoutesQuery, SeriesQuery, SourcesQuery, TraceQuery,
    TracesQuery,
};

use super::ApiError;

/// A longer query string is refused unread.
const MAX_LEN: usize = 256 * 1024;

/// The parameters of a request, read as `T`.
pub struct Params<T>(pub T);

/// What can be read from decoded parameters.
pub trait FromPairs: Sized {
    /// Reads the parameters, or says which is wrong.
    fn from_pairs(pairs: &[(String, String)]) -> Result<Self, BadParameter>;
}

/// No parameters at all.
pub struct NoParams;

impl FromPairs for NoParams {
    fn from_pairs(pairs: &[(String, String)]) -> Result<NoParams, BadParameter> {
        match pairs.first() {
            None => Ok(NoParams),
            Some((name, _)) => Err(BadParameter {
                name: name.chars().take(40).collect(),
                problem: "is not a parameter of this address".to_owned(),
                hint: Some("this address takes none".to_owned()),
            }),
        }
    }
}

fn borrowed(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
}

impl FromPairs for GraphQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<GraphQuery, BadParameter> {
        GraphQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for RoutesQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<RoutesQuery, BadParameter> {
        RoutesQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for InventoryQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<InventoryQuery, BadParameter> {
        InventoryQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for ObjectsQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<ObjectsQuery, BadParameter> {
        ObjectsQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for SeriesQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<SeriesQuery, BadParameter> {
        SeriesQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for ControlPlaneQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<ControlPlaneQuery, BadParameter> {
        ControlPlaneQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for LinksQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<LinksQuery, BadParameter> {
        LinksQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for QueriesQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<QueriesQuery, BadParameter> {
        QueriesQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for PreflightQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<PreflightQuery, BadParameter> {
        PreflightQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for SourcesQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<SourcesQuery, BadParameter> {
        SourcesQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for TraceQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<TraceQuery, BadParameter> {
        TraceQuery::from_pairs(borrowed(pairs))
    }
}

impl FromPairs for TracesQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<TracesQuery, BadParameter> {
        TracesQuery::from_pairs(borrowed(pairs))
    }
}

impl<S: Send + Sync, T: FromPairs> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params<T>, ApiError> {
        let text = parts.uri.query().unwrap_or_default();
        if text.len() > MAX_LEN {
            return Err(ApiError::bad_parameter(
                "?",
                "holds more than 256 KiB",
                Some("name fewer things"),
            ));
        }
        let pairs: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        // What is not UTF-8 is decoded to this sign, and would be taken for another name.
        let is_broken = |text: &String| text.contains(char::REPLACEMENT_CHARACTER);
        if let Some((name, _)) = pairs.iter().find(|(n, v)| is_broken(n) || is_broken(v)) {
            return Err(ApiError::bad_parameter(
                name,
                "is not UTF-8",
                Some("write names in UTF-8, percent-encoded"),
            ));
        }
        Ok(Params(T::from_pairs(&pairs)?))
    }
}
