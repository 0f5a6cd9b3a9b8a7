//! `GET /api/v1/graph`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api::graph::{Include, LayoutState};
use mesh::api::{self, GraphQuery};
use mesh::units::UnixMillis;

use crate::apart::Turn;
use crate::arrange::Patience;
use crate::clock;
use crate::http::{ApiError, App, Encoded, Params};
use crate::trace;

/// What an answer is cached by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    query: GraphQuery,
    at: UnixMillis,
}

/// Shows the traffic graph of the namespaces asked for.
#[utoipa::path(
    get,
    path = "/api/v1/graph",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
        ("by" = Option<String>, Query, description = "workload, version, app or service"),
        ("include" = Option<String>, Query, description = "traffic, latency"),
        ("fold" = Option<String>, Query, description = "none, auto or namespaces"),
        ("hide" = Option<String>, Query, description = "Ids of nodes to leave out"),
        ("focus" = Option<String>, Query, description = "Id of the node to show with its neighbours"),
        ("idle" = Option<bool>, Query, description = "Show what the cluster holds without traffic, too"),
    ),
    responses((status = 200, body = api::Graph), (status = 400, body = api::ErrorBody), (status = 502, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<GraphQuery>,
) -> Result<Response, ApiError> {
    if query.at.is_none() {
        trace::look(&app);
    }
    let at = app.facts.live(query.window, query.at)?;
    let key = AnswerKey {
        query: query.clone(),
        at,
    };
    if let Some(encoded) = app.answers.get(&key).await {
        return Ok(encoded.respond(&headers));
    }
    let _waiting = app.facts.waiting(query.window, at);
    let known = if query.includes(Include::Latency) {
        app.facts.full(query.window, at).await?
    } else {
        app.facts.traffic(query.window, at).await?
    };
    // From the facts to the bytes it is one turn: graphs that wait for each other would all be held.
    let turn = Turn::take().await;
    if let Some(encoded) = app.answers.get(&key).await {
        return Ok(encoded.respond(&headers));
    }
    let asked = query.clone();
    let mut graph = turn
        .work(move || {
            let notices = known.notices.clone();
            let picture = |scope| known.picture(scope);
            let now = clock::now();
            mesh::graph::answer_from(&known.facts, &picture, &asked, at, now, notices)
        })
        .await?;
    let patience = if turn.is_awaited() {
        Patience::None
    } else {
        Patience::Blink
    };
    let unmade = app.arranger.arrange(&mut graph, &query, at, patience).await;
    let is_ready = graph.layout == LayoutState::Ready;
    let encoded = turn.work(move || Encoded::json(&graph)).await??;
    if let Some(layout) = unmade {
        layout.begin();
    }
    // A pending layout is about to be ready.
    if is_ready {
        app.answers.insert(key, encoded.clone()).await;
    }
    Ok(encoded.respond(&headers))
}
