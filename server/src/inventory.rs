//! What overview, services and workloads share: each answer is made once for all who ask within a tick.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api::{InventoryQuery, Notice};
use mesh::calls::When;
use mesh::routes::Board;
use mesh::units::UnixMillis;
use serde::Serialize;

use crate::apart::apart;
use crate::clock;
use crate::facts::Known;
use crate::http::{ApiError, App, Encoded};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// The overview.
    Overview,
    /// All services.
    Services,
    /// One service, by namespace and name.
    Service(String, String),
    /// All workloads.
    Workloads,
    /// One workload, by namespace and name.
    Workload(String, String),
}

/// What an answer is cached by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    what: What,
    query: InventoryQuery,
    at: UnixMillis,
    /// Which version of the cluster's objects it was made of.
    version: Option<u64>,
}

/// What an answer is made of.
pub struct Parts {
    /// What was measured.
    pub known: Arc<Known>,
    /// What the cluster holds, where one is asked.
    pub board: Option<Arc<Board>>,
    /// What of the cluster is not known.
    unknown: Option<Arc<[Notice]>>,
    /// What is asked, with the instant that is meant.
    pub query: InventoryQuery,
    /// The time that the answer is about.
    pub when: When,
}

impl Parts {
    /// Returns what should be known about the answer.
    pub fn notices(&self) -> Vec<Notice> {
        let unknown = self.unknown.iter().flat_map(|it| it.iter());
        unknown.chain(&self.known.notices).cloned().collect()
    }
}

/// Answers by `make`, which returns nothing where there is no such thing. Facts come from the cache that the graph
/// uses: a page more asks the sources for nothing more.
pub async fn answer<T: Serialize + Send + 'static>(
    app: &App,
    headers: &HeaderMap,
    what: What,
    query: InventoryQuery,
    make: impl FnOnce(&Parts) -> Option<T> + Send + 'static,
) -> Result<Response, ApiError> {
    let at = app.facts.live(query.window, query.at)?;
    let current = app.cluster.as_ref().map(|it| app.boards.current(it));
    let key = AnswerKey {
        what,
        query: query.clone(),
        at,
        version: current.as_ref().map(|it| it.version),
    };
    if let Some(encoded) = app.inventory.get(&key).await {
        return Ok(encoded.respond(headers));
    }
    let _waiting = app.facts.waiting(query.window, at);
    let parts = Parts {
        known: app.facts.full(query.window, at).await?,
        unknown: current.as_ref().map(|it| Arc::clone(&it.notices)),
        board: current.map(|it| it.board),
        query,
        when: When {
            at,
            generated_at: clock::now(),
        },
    };
    let made = apart(move || make(&parts).map(|it| Encoded::json(&it))).await?;
    let encoded = made.ok_or_else(|| nowhere(&key.what))??;
    app.inventory.insert(key, encoded.clone()).await;
    Ok(encoded.respond(headers))
}

fn nowhere(what: &What) -> ApiError {
    let (kind, namespace, name) = match what {
        What::Service(namespace, name) => ("service", namespace, name),
        What::Workload(namespace, name) => ("workload", namespace, name),
        What::Overview | What::Services | What::Workloads => {
            return ApiError::not_found("there is nothing here");
        }
    };
    let shown = |text: &str| text.chars().take(80).collect::<String>();
    ApiError::not_found(&format!(
        "neither the metrics of this window nor the cluster know a {kind} {} in namespace {}",
        shown(name),
        shown(namespace)
    ))
}
