//! `GET /api/v1/breakers`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::breakers::BreakersQuery;
use mesh::breakers::Told;
use mesh::telemetry::Breakers;

use crate::http::{ApiError, App, Encoded, Params};

/// Shows circuit breakers as they are set, what of it holds, and how they acted.
#[utoipa::path(
    get,
    path = "/api/v1/breakers",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses(
        (status = 200, body = api::breakers::Breakers),
        (status = 400, body = api::ErrorBody),
        (status = 502, body = api::ErrorBody)
    )
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<BreakersQuery>,
) -> Result<Response, ApiError> {
    let at = app.facts.instant(query.at)?;
    let window = query.window;
    let ask = Breakers { window, at };
    let (known, told) = tokio::join!(
        app.facts.traffic(window, at),
        app.reports.breakers(app.facts.metrics(), ask)
    );
    let mut notices = Vec::new();
    // Without a cluster only the metrics know anything; with one, what is set can be told without them.
    let known = match known {
        Ok(known) => {
            notices.extend(known.notices.iter().cloned());
            Some(known)
        }
        Err(error) if app.cluster.is_none() => return Err(error),
        Err(error) => {
            notices.push(error.into_notice("evidence_missing"));
            None
        }
    };
    let told = match told {
        Ok(answer) => {
            notices.extend(answer.notices.iter().cloned());
            answer.value.clone()
        }
        Err(error) => {
            notices.push(error.into_notice("breaker_stats_missing"));
            Told::default()
        }
    };
    let board = app.cluster.as_ref().map(|it| app.boards.now(it));
    if board.is_none() {
        notices.push(api::Notice {
            kind: "no_cluster".to_owned(),
            source: "cluster".to_owned(),
            message: "No Kubernetes API is asked: what limits are set is not known.".to_owned(),
            hint: None,
        });
    }
    let facts = known.as_ref().map(|it| &it.facts);
    let objects = board.as_ref().map(|it| it.objects());
    let answer = mesh::breakers::answer(objects, facts, &told, &ask, &query, notices);
    Ok(Encoded::json(&answer)?.respond(&headers))
}
