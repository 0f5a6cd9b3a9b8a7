//! `GET /api/v1/routes`, one route, and its history.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api::routes::{Change, Route, RouteRef, Routes};
use mesh::api::{self, RoutesQuery};
use mesh::routes::{Board, Evidence};
use mesh::units::{UnixMillis, Window};

use crate::board::Current;
use crate::facts::Known;
use crate::http::{ApiError, App, Encoded, NoParams, Params, encoded};
use crate::objects;

/// How long a change waits for what metrics say of it.
const PATIENCE: std::time::Duration = std::time::Duration::from_millis(1500);

/// What a list of routes is cached by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    query: RoutesQuery,
    at: UnixMillis,
    version: u64,
}

/// What metrics say of the routes of a board.
pub struct Measured {
    window: Window,
    at: UnixMillis,
    known: Option<Arc<Known>>,
    recent: BTreeMap<u32, Arc<Known>>,
    notices: Vec<api::Notice>,
}

impl Measured {
    /// Asks the metrics for the evidence of a window, and for shorter ones where weights were changed within
    /// it. What can't be had is a notice: the routes themselves do not hang on it.
    pub async fn of(app: &App, board: &Board, window: Window, at: UnixMillis) -> Measured {
        let mut measured = Measured {
            window,
            at,
            known: None,
            recent: BTreeMap::new(),
            notices: Vec::new(),
        };
        match app.facts.full(window, at).await {
            Ok(known) => {
                measured.notices.extend(known.notices.iter().cloned());
                measured.known = Some(known);
            }
            Err(error) => {
                measured.notices.push(error.into_notice("evidence_missing"));
                return measured;
            }
        }
        let fresh = board.fresh_windows(window, at);
        let asked = fresh.iter().filter_map(|secs| Window::from_secs(*secs));
        let asked = asked.map(async |short| (short.secs(), app.facts.traffic(short, at).await));
        for (secs, answer) in futures::future::join_all(asked).await {
            match answer {
                Ok(known) => {
                    measured.recent.insert(secs, known);
                }
                Err(error) => measured.notices.push(error.into_notice("evidence_missing")),
            }
        }
        measured
    }

    /// Returns the same, but waits for metrics no longer than a person in trouble would: a change does not
    /// hang on them.
    pub async fn at_once(app: &App, board: &Board) -> Result<Measured, ApiError> {
        let window = Window::default();
        let at = app.facts.instant(None)?;
        match tokio::time::timeout(PATIENCE, Measured::of(app, board, window, at)).await {
            Ok(measured) => Ok(measured),
            Err(_) => Ok(Measured {
                window,
                at,
                known: None,
                recent: BTreeMap::new(),
                notices: vec![api::Notice {
                    kind: "evidence_missing".to_owned(),
                    source: "pidali".to_owned(),
                    message: "The metrics did not answer in time: what will move can't be told."
                        .to_owned(),
                    hint: None,
                }],
            }),
        }
    }

    /// Returns what should be known about it.
    pub fn notices(&self) -> &[api::Notice] {
        &self.notices
    }

    /// Returns it as the board takes it.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence {
            window: self.window,
            at: self.at,
            facts: self.known.as_ref().map(|known| &known.facts),
            recent: self
                .recent
                .iter()
                .map(|(secs, known)| (*secs, &known.facts))
                .collect(),
        }
    }
}

/// Lists all that steers traffic in the namespaces asked for, with what was measured of it.
#[utoipa::path(
    get,
    path = "/api/v1/routes",
    params(
        ("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out"),
        ("window" = Option<String>, Query, description = "How far the evidence looks back: 10s to 7d, such as 5m"),
    ),
    responses((status = 200, body = Routes), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<RoutesQuery>,
) -> Result<Response, ApiError> {
    let Some(cluster) = &app.cluster else {
        return encoded(&Routes {
            notices: vec![no_cluster()],
            window_s: query.window.secs(),
            at_ms: app.facts.instant(None)?.0,
            ..Routes::default()
        });
    };
    let Current {
        version,
        board,
        notices,
    } = app.boards.current(cluster);
    let at = app.facts.instant(None)?;
    let key = AnswerKey {
        query: query.clone(),
        at,
        version,
    };
    if let Some(encoded) = app.route_lists.get(&key).await {
        return Ok(encoded.respond(&headers));
    }
    let measured = Measured::of(&app, &board, query.window, at).await;
    let mut routes = board.answer(&measured.evidence(), &query.namespaces);
    routes.notices.extend(notices.iter().cloned());
    routes.notices.extend(measured.notices);
    let encoded = Encoded::json(&routes)?;
    app.route_lists.insert(key, encoded.clone()).await;
    Ok(encoded.respond(&headers))
}

/// Shows one route.
#[utoipa::path(
    get,
    path = "/api/v1/routes/{namespace}/{kind}/{name}",
    params(
        ("namespace" = String, Path), ("kind" = String, Path, description = "virtualservice, httproute or grpcroute"), ("name" = String, Path),
        ("window" = Option<String>, Query, description = "How far the evidence looks back: 10s to 7d, such as 5m"),
    ),
    responses((status = 200, body = Route), (status = 404, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path(place): Path<(String, String, String)>,
    Params(query): Params<RoutesQuery>,
) -> Result<Response, ApiError> {
    let route = route_of(place)?;
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    let board = app.boards.now(cluster);
    let at = app.facts.instant(None)?;
    let measured = Measured::of(&app, &board, query.window, at).await;
    let found = board.route(&route, &measured.evidence());
    let found = found.ok_or_else(|| ApiError::not_found(&format!("there is no route {route}")))?;
    Ok(Encoded::json(&found)?.respond(&headers))
}

/// Lists the changes that a route records, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/routes/{namespace}/{kind}/{name}/history",
    params(("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = api::List<Change>), (status = 404, body = api::ErrorBody))
)]
pub async fn history(
    State(app): State<App>,
    Path(place): Path<(String, String, String)>,
    _: Params<NoParams>,
) -> Result<Response, ApiError> {
    objects::history_of(&app, &route_of(place)?.into()).await
}

/// Reads the place of a route in an address.
pub fn route_of((namespace, kind, name): (String, String, String)) -> Result<RouteRef, ApiError> {
    let kind = api::routes::RouteKind::from_word(&kind).ok_or_else(|| {
        ApiError::bad_parameter(
            "kind",
            "is none of its values",
            Some("write virtualservice, httproute or grpcroute"),
        )
    })?;
    Ok(RouteRef {
        namespace,
        kind,
        name,
    })
}

/// Returns what is said where no Kubernetes API is asked.
pub fn no_cluster() -> api::Notice {
    ApiError::no_cluster().into_notice("no_cluster")
}
