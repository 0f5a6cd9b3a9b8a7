//! `GET /api/v1/sidecars`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::sidecars::SidecarsQuery;
use mesh::telemetry::Proxies;

use crate::http::{ApiError, App, Encoded, Params};

/// Shows what proxies cost in memory and processor time, by workload and namespace.
#[utoipa::path(
    get,
    path = "/api/v1/sidecars",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses(
        (status = 200, body = api::sidecars::Sidecars),
        (status = 400, body = api::ErrorBody),
        (status = 502, body = api::ErrorBody)
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<SidecarsQuery>,
) -> Result<Response, ApiError> {
    let ask = Proxies {
        window: query.window,
        at: app.facts.instant(query.at)?,
    };
    let answer = app.reports.proxies(app.facts.metrics(), ask).await?;
    let inventory = app
        .cluster
        .as_ref()
        .map(|it| app.boards.now(it).inventory());
    let told = mesh::sidecars::answer(
        &answer.value,
        &ask,
        &query,
        inventory.as_deref(),
        answer.notices.clone(),
    );
    Ok(Encoded::json(&told)?.respond(&headers))
}
