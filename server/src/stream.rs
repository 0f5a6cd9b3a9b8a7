//! `GET /api/v1/stream`: hints that there is something new. The page fetches it by GET.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::{self, StreamExt};
use mesh::api::{BadParameter, Changed};

use crate::clock;
use crate::facts::TICK_MS;
use crate::http::{ApiError, App, FromPairs, Params};

const HEARTBEAT: Duration = Duration::from_secs(10);

/// The parameters of the stream.
pub struct StreamQuery;

impl FromPairs for StreamQuery {
    fn from_pairs(pairs: &[(String, String)]) -> Result<StreamQuery, BadParameter> {
        for (name, value) in pairs {
            let bad = |problem: &str| BadParameter {
                name: name.chars().take(40).collect(),
                problem: problem.to_owned(),
                hint: Some("the topic there is now is graph".to_owned()),
            };
            if name != "topics" {
                return Err(bad("is not a parameter of this address"));
            }
            if !value.split(',').all(|topic| topic == "graph") {
                return Err(bad("names an unknown topic"));
            }
        }
        Ok(StreamQuery)
    }
}

/// Streams the version of the graph: at once, and each time it grows. Ends when the server does.
pub async fn show(
    State(app): State<App>,
    _: Params<StreamQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let stopping = app.stopping.clone();
    let versions = stream::unfold(None, |last: Option<i64>| async move {
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
    .filter_map(|changed| async move {
        let data = serde_json::to_string(&changed).ok()?;
        Some(Ok(Event::default().event("changed").data(data)))
    })
    .take_until(async move {
        let mut stopping = stopping;
        // An error means that the server is gone, which ends the stream as well.
        let _ = stopping.wait_for(|stop| *stop).await;
    });
    Ok(Sse::new(versions).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
