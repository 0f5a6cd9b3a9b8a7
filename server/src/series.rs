//! `GET /api/v1/series`.

use axum::extract::State;
use axum::response::Response;
use mesh::api::query::Direction;
use mesh::api::{self, SeriesQuery};
use mesh::graph;
use mesh::telemetry::{Selector, Series};
use mesh::units::{UnixMillis, Window};

use crate::http::{ApiError, App, Params, encoded};

/// About how many points a chart of the side panel has.
const N_POINTS: u32 = 60;
/// A point covers at least this, so that it holds two scrapes of the usual interval.
const MIN_STEP_SECS: u32 = 5;

/// Shows how one edge's or node's traffic went over the window.
#[utoipa::path(
    get,
    path = "/api/v1/series",
    params(
        ("id" = String, Query, description = "Id of an edge or a node"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
        ("by" = Option<String>, Query, description = "The projection that the id is of"),
        ("direction" = Option<String>, Query, description = "inbound or outbound: which calls of a node"),
        ("heatmap" = Option<bool>, Query, description = "Whether to count calls by bucket of latency, too"),
    ),
    responses((status = 200, body = api::series::Series), (status = 400, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    Params(query): Params<SeriesQuery>,
) -> Result<Response, ApiError> {
    let at = app.facts.instant(query.at)?;
    let bad_id = || {
        ApiError::bad_parameter(
            "id",
            "is no id, or of calls that the metrics can't tell apart over time",
            Some("take the id of a workload, an app or an edge between them from the graph"),
        )
    };
    let ask = |selector| ask(selector, at, query.window);
    let (inbound, outbound) = (
        || graph::selector(&query.id, query.by),
        || graph::outbound_selector(&query.id, query.by),
    );
    let selector = match query.direction {
        Some(Direction::Outbound) => outbound(),
        Some(Direction::Inbound) => inbound(),
        // Who is unknown is known by its calls alone.
        None => inbound().or_else(outbound),
    };
    let selector = selector.ok_or_else(bad_id)?;
    let mut answer = app.facts.metrics().series(&ask(selector)).await?;
    // A node that nobody calls, such as a gateway, is shown by the calls it makes.
    if query.direction.is_none()
        && answer.value.iter().all(|point| point.counts.is_empty())
        && let Some(outbound) = outbound()
    {
        answer = app.facts.metrics().series(&ask(outbound)).await?;
    }
    encoded(&graph::series(
        &query,
        step_secs(query.window),
        &answer.value,
        answer.notices,
    ))
}

fn step_secs(window: Window) -> u32 {
    (window.secs() / N_POINTS).max(MIN_STEP_SECS)
}

/// Returns what is asked for the charts of some calls over a window that ends at `at`.
pub fn ask(selector: Selector, at: UnixMillis, window: Window) -> Series {
    let step_secs = step_secs(window);
    Series {
        selector,
        at,
        step_secs,
        n_points: (window.secs() / step_secs).max(1),
    }
}
