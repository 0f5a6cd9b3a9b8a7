//! `GET /api/v1/workloads`, and one of them.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api::workload::{WorkloadDetails, WorkloadRow};
use mesh::api::{self, InventoryQuery};

use crate::http::{ApiError, App, Params};
use crate::inventory::{What, answer};

/// Lists the workloads of the namespaces asked for, worst first.
#[utoipa::path(
    get,
    path = "/api/v1/workloads",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses((status = 200, body = api::List<WorkloadRow>), (status = 400, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<InventoryQuery>,
) -> Result<Response, ApiError> {
    answer(&app, &headers, What::Workloads, query, |parts| {
        Some(api::List {
            items: mesh::workload::list(&parts.known.facts, &parts.query, parts.when),
            notices: parts.notices(),
        })
    })
    .await
}

/// Shows one workload with its callers, its callees and its versions.
#[utoipa::path(
    get,
    path = "/api/v1/workloads/{namespace}/{name}",
    params(
        ("namespace" = String, Path), ("name" = String, Path),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses((status = 200, body = WorkloadDetails), (status = 404, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path((namespace, name)): Path<(String, String)>,
    Params(query): Params<InventoryQuery>,
) -> Result<Response, ApiError> {
    let what = What::Workload(namespace.clone(), name.clone());
    // One is shown whatever is listed.
    let query = InventoryQuery {
        namespaces: Vec::new(),
        ..query
    };
    answer(&app, &headers, what, query, move |parts| {
        let facts = &parts.known.facts;
        mesh::workload::details(facts, &namespace, &name, parts.when, parts.notices())
    })
    .await
}
