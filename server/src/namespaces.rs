//! `GET /api/v1/namespaces`.

use axum::extract::State;
use axum::response::Response;
use mesh::api;
use mesh::units::Window;

use crate::http::{ApiError, App, NoParams, Params, encoded};

/// Lists the namespaces that traffic was seen in over the last five minutes, and those that the cluster holds workloads in.
#[utoipa::path(get, path = "/api/v1/namespaces", responses((status = 200, body = api::List<api::namespaces::Namespace>)))]
pub async fn list(State(app): State<App>, _: Params<NoParams>) -> Result<Response, ApiError> {
    let at = app.facts.instant(None)?;
    let known = app.facts.traffic(Window::default(), at).await?;
    encoded(&api::List {
        items: mesh::graph::namespaces(&known.facts),
        notices: known.notices.clone(),
    })
}
