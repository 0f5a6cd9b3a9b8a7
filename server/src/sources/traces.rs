//! Whoever keeps the traces.

use std::sync::Arc;
use std::time::Duration;

use mesh::api;
use mesh::trace::{Dependency, Found, Search, Trace};

use super::demo::Demo;
use super::jaeger::{Jaeger, JaegerError};
use crate::cluster::kube::Place;
use crate::http::ApiError;

/// Whoever keeps the traces.
pub enum Traces {
    /// A Jaeger, or what speaks its API.
    Jaeger(Box<Jaeger>),
    /// The built-in mesh.
    Demo(Arc<Demo>),
}

impl Traces {
    /// Finds out what has to be known before the first question.
    pub async fn meet(&self) {
        match self {
            Traces::Jaeger(it) => it.meet().await,
            Traces::Demo(_) => {}
        }
    }

    /// Returns the names that processes trace under, sorted.
    pub async fn services(&self) -> Result<Vec<String>, ApiError> {
        match self {
            Traces::Jaeger(it) => Ok(it.services().await?),
            Traces::Demo(it) => Ok(it.tracing_services()),
        }
    }

    /// Returns the operations of a tracing name, sorted, where the source keeps a list of them.
    pub async fn operations(&self, service: &str) -> Result<Vec<String>, ApiError> {
        match self {
            Traces::Jaeger(it) => Ok(it.operations(service).await?),
            Traces::Demo(it) => Ok(it.tracing_operations(service)),
        }
    }

    /// Returns the traces that a search finds, the youngest first.
    pub async fn find(&self, search: &Search) -> Result<Found, ApiError> {
        match self {
            Traces::Jaeger(it) => Ok(it.find(search).await?),
            Traces::Demo(it) => Ok(Found {
                traces: it.find_traces(search).into_iter().map(Arc::new).collect(),
                ..Found::default()
            }),
        }
    }

    /// Returns one trace; `None` where there is none of this id.
    pub async fn trace(&self, id: &str) -> Result<Option<Trace>, ApiError> {
        match self {
            Traces::Jaeger(it) => Ok(it.trace(id).await?),
            Traces::Demo(it) => Ok(it.trace(id)),
        }
    }

    /// Returns who called whom within `lookback` before an instant, as far as calls were sampled; nothing where the
    /// source can't say it.
    pub async fn dependencies(
        &self,
        at_us: i64,
        lookback: Duration,
    ) -> Result<Vec<Dependency>, ApiError> {
        match self {
            Traces::Jaeger(it) => match it.dependencies(at_us, lookback).await {
                Err(JaegerError::Unspoken) => Ok(Vec::new()),
                answer => Ok(answer?),
            },
            Traces::Demo(it) => {
                let lookback = i64::try_from(lookback.as_micros()).unwrap_or(i64::MAX);
                Ok(it.trace_dependencies(at_us.saturating_sub(lookback), at_us))
            }
        }
    }

    /// Returns whether the traces are those of the built-in mesh.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Traces::Demo(_))
    }

    /// Returns the Service that questions go to through the API server of its cluster.
    pub fn through_cluster(&self) -> Option<Place> {
        match self {
            Traces::Jaeger(it) => it.through_cluster(),
            Traces::Demo(_) => None,
        }
    }

    /// Returns what the sources page says of it; an error where nobody keeps traces.
    pub async fn describe(&self) -> Result<api::Source, ApiError> {
        let jaeger = match self {
            Traces::Jaeger(it) => it,
            Traces::Demo(it) => return Ok(it.describe_traces()),
        };
        let source = api::Source {
            name: "jaeger".to_owned(),
            kind: "jaeger".to_owned(),
            url: Some(jaeger.url()),
            ..api::Source::default()
        };
        let status = match jaeger.status().await {
            Ok(status) => status,
            Err(error @ JaegerError::Nowhere(_)) => return Err(error.into()),
            Err(error) => {
                return Ok(api::Source {
                    problem: Some(error.message()),
                    hint: Some(error.mend()),
                    ..source
                });
            }
        };
        let (mut capabilities, mut missing) = (Vec::new(), Vec::new());
        let n = status.services.len();
        capabilities.push(format!(
            "{n} service{} with traces",
            if n == 1 { "" } else { "s" }
        ));
        if status.has_v3 {
            capabilities.push("API version 3 (OTLP)".to_owned());
        }
        if status.has_legacy {
            capabilities
                .push("the API of Jaeger's own page: search by tags, dependencies".to_owned());
        } else {
            missing.push("dependencies between services that only traces know".to_owned());
            missing.push("search by tags before the limit, in versions before 2.19".to_owned());
        }
        capabilities.sort();
        missing.sort();
        Ok(api::Source {
            reachable: true,
            capabilities,
            missing,
            ..source
        })
    }
}
