//! `GET /api/v1/queries`: the PromQL behind the figures.

use axum::extract::State;
use axum::response::Response;
use mesh::api;
use mesh::api::queries::{Of, Queries, QueriesQuery, Question};
use mesh::graph;

use crate::http::{ApiError, App, Params, encoded};
use crate::series;
use crate::sources::prometheus::About;

/// Shows the questions behind the figures of a page, an edge or a node, as the source is asked them.
#[utoipa::path(
    get,
    path = "/api/v1/queries",
    params(
        ("of" = String, Query, description = "graph, edge, node, control-plane, sidecars or breakers"),
        ("id" = Option<String>, Query, description = "Id of the edge or node"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
        ("by" = Option<String>, Query, description = "The projection that the id is of"),
    ),
    responses((status = 200, body = Queries), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    Params(query): Params<QueriesQuery>,
) -> Result<Response, ApiError> {
    let window = query.window;
    let at = app.facts.live(window, query.at)?;
    let about = match query.of {
        Of::Graph => About::Graph(window),
        Of::ControlPlane => About::ControlPlane(window),
        Of::Sidecars => About::Proxies(window),
        Of::Breakers => About::Breakers(window),
        Of::Edge | Of::Node => {
            let id = query.id.as_deref().unwrap_or_default();
            match selector(id, &query) {
                Some(selector) => About::Calls(window, series::ask(selector, at, window)),
                // A folded namespace has no question of its own.
                None if graph::is_id(id) => About::Graph(window),
                None => {
                    return Err(ApiError::bad_parameter(
                        "id",
                        "is no id",
                        Some("take the id of a node or an edge from the graph"),
                    ));
                }
            }
        }
    };
    let (asked, is_sent) = app.facts.metrics().questions(&about, at).await;
    let mut notices = Vec::new();
    if !is_sent {
        notices.push(api::Notice {
            kind: "not_sent".to_owned(),
            source: "demo".to_owned(),
            message: "The built-in mesh answers without PromQL: this is what a Prometheus would be asked."
                .to_owned(),
            hint: None,
        });
    }
    let items = asked.into_iter().map(|it| Question {
        label: it.label,
        promql: it.promql,
        step_s: it.step_secs,
    });
    encoded(&Queries {
        items: items.collect(),
        notices,
        window_s: window.secs(),
        at_ms: at.0,
    })
}

/// Returns the calls that an id means: an edge's, a node's, or those that a node makes whom nobody can call.
fn selector(id: &str, query: &QueriesQuery) -> Option<mesh::telemetry::Selector> {
    graph::selector(id, query.by).or_else(|| match query.of {
        Of::Node => graph::outbound_selector(id, query.by),
        _ => None,
    })
}
