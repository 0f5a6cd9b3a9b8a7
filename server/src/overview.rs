//! `GET /api/v1/overview`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api::overview::{Freshness, Overview};
use mesh::api::{self, InventoryQuery};

use crate::http::{ApiError, App, Params};
use crate::inventory::{What, answer};

/// Shows the namespaces asked for, worst first, and how fresh the data is.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses((status = 200, body = Overview), (status = 400, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<InventoryQuery>,
) -> Result<Response, ApiError> {
    let at = app.facts.instant(query.at)?;
    // How fresh the figures are is no reason not to show them.
    let (freshness, unknown) = match app.facts.freshness(at).await {
        Ok(freshness) => (freshness, None),
        Err(error) => (
            Freshness::default(),
            Some(error.into_notice("freshness_missing")),
        ),
    };
    answer(&app, &headers, What::Overview, query, move |parts| {
        let mut notices = parts.notices();
        notices.extend(unknown);
        let facts = &parts.known.facts;
        Some(mesh::overview::answer(
            facts,
            &parts.query,
            parts.when,
            freshness,
            notices,
        ))
    })
    .await
}
