//! `GET /api/v1/control-plane`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::control_plane::ControlPlaneQuery;
use mesh::telemetry::ControlPlane;

use crate::http::{ApiError, App, Encoded, Params};

/// Shows how the control plane does: istiod, pushes and what proxies refused, convergence, versions.
#[utoipa::path(
    get,
    path = "/api/v1/control-plane",
    params(
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses(
        (status = 200, body = api::control_plane::ControlPlane),
        (status = 400, body = api::ErrorBody),
        (status = 502, body = api::ErrorBody)
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<ControlPlaneQuery>,
) -> Result<Response, ApiError> {
    let ask = ControlPlane {
        window: query.window,
        at: app.facts.instant(query.at)?,
    };
    let answer = app.reports.control_plane(app.facts.metrics(), ask).await?;
    // What the cluster holds is known as of now alone.
    let cluster = app.cluster.as_ref().filter(|_| query.at.is_none());
    let inventory = cluster.map(|it| app.boards.now(it).inventory());
    let told = mesh::control_plane::answer(
        &answer.value,
        &ask,
        inventory.as_deref(),
        answer.notices.clone(),
    );
    Ok(Encoded::json(&told)?.respond(&headers))
}
