//! The built-in mesh for others: its metrics for a real Prometheus, and what really happened.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mesh::api::BadParameter;
use mesh::api::query;
use mesh::units::{UnixMillis, Window};

use crate::clock;
use crate::http::{self, ApiError, FromPairs, Hosts, Params, encoded};
use crate::sources::demo::Demo;

/// Returns `/metrics` and `/truth` of the built-in mesh.
pub fn router(mesh: Arc<Demo>, hosts: Hosts) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/truth", get(truth))
        .fallback(async || ApiError::not_found("there are /metrics and /truth here"))
        .with_state(mesh)
        .layer(middleware::from_fn(move |request, next| {
            let hosts = hosts.clone();
            async move { http::check(hosts, request, next).await }
        }))
}

async fn metrics(State(mesh): State<Arc<Demo>>) -> Result<Response, ApiError> {
    let text = tokio::task::spawn_blocking(move || mesh.world().expose())
        .await
        .map_err(|_| ApiError::internal())?;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, text).into_response())
}

async fn truth(
    State(mesh): State<Arc<Demo>>,
    Params(query): Params<TruthQuery>,
) -> Result<Response, ApiError> {
    let at = query.at.unwrap_or_else(clock::now);
    let truth = mesh.world().truth(query.window, at);
    encoded(&truth)
}

struct TruthQuery {
    window: Window,
    at: Option<UnixMillis>,
}

impl FromPairs for TruthQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<TruthQuery, BadParameter> {
        let mut out = TruthQuery {
            window: Window::default(),
            at: None,
        };
        for (name, value) in pairs {
            let bad = |problem: String| BadParameter {
                name: name.chars().take(40).collect(),
                problem,
                hint: Some("write window=30s and at=2026-01-31T12:00:00Z".to_owned()),
            };
            match name.as_str() {
                "window" => {
                    out.window = value
                        .parse()
                        .map_err(|error: mesh::units::BadWindow| bad(error.to_string()))?;
                }
                "at" => out.at = Some(query::at(value)?),
                _ => return Err(bad("is not a parameter of this address".to_owned())),
            }
        }
        Ok(out)
    }
}
