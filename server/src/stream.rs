//! `GET /api/v1/stream`: hints that there is something new. The page fetches it by GET.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::{self, StreamExt};
use mesh::api::{BadParameter, Changed};
use tokio::sync::watch;

use crate::clock;
use crate::facts::TICK_MS;
use crate::http::{ApiError, App, FromPairs, Params};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// The parameters of the stream.
pub struct StreamQuery {
    graph: bool,
    routes: bool,
}

impl FromPairs for StreamQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<StreamQuery, BadParameter> {
        let mut query = StreamQuery {
            graph: pairs.is_empty(),
            routes: pairs.is_empty(),
        };
        for (name, value) in pairs {
            let bad = |problem: &str| BadParameter {
                name: name.chars().take(40).collect(),
                problem: problem.to_owned(),
                hint: Some("the topics there are: graph, routes".to_owned()),
            };
            if name != "topics" {
                return Err(bad("is not a parameter of this address"));
            }
            for topic in value.split(',') {
                match topic {
                    "graph" => query.graph = true,
                    "routes" => query.routes = true,
                    _ => return Err(bad("names an unknown topic")),
                }
            }
        }
        Ok(query)
    }
}

/// Streams the versions of what was asked for: at once, and each time one grows. Ends when the server does.
pub async fn show(
    State(app): State<App>,
    Params(query): Params<StreamQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let mut stopping = app.stopping.clone();
    let routes = app.cluster.as_ref().filter(|_| query.routes);
    let routes = routes.map(|cluster| versions(cluster.changes()));
    let routes = stream::iter(routes).flatten();
    let graph = stream::iter(query.graph.then(ticks)).flatten();
    // A topic that never changes leaves the stream open: the heartbeat says that it lives.
    let open = stream::select(stream::select(graph, routes), stream::pending());
    let changes = open
        .filter_map(|changed: Changed| async move {
            let data = serde_json::to_string(&changed).ok()?;
            Some(Ok(Event::default().event("changed").data(data)))
        })
        .take_until(async move {
            // An error means that the server is gone, which ends the stream as well.
            let _ = stopping.wait_for(|stop| *stop).await;
        });
    Ok(Sse::new(changes).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// The graph has a new version at every tick.
fn ticks() -> impl Stream<Item = Changed> {
    stream::unfold(None, |last: Option<i64>| async move {
        let version = loop {
            let now = clock::now();
            let version = now.0.div_euclid(TICK_MS);
            if last != Some(version) {
                break version;
            }
            // A little after the tick, so that every viewer asks for the same instant.
            let wait = (version + 1) * TICK_MS - now.0 + 20;
            tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        };
        let changed = Changed {
            topic: "graph".to_owned(),
            version: version.unsigned_abs(),
        };
        Some((changed, Some(version)))
    })
}

/// The routes have a new version with every change of an object.
fn versions(watched: watch::Receiver<u64>) -> impl Stream<Item = Changed> {
    stream::unfold((watched, true), |(mut watched, first)| async move {
        if !first {
            watched.changed().await.ok()?;
        }
        let version = *watched.borrow_and_update();
        let changed = Changed {
            topic: "routes".to_owned(),
            version,
        };
        Some((changed, (watched, false)))
    })
}
