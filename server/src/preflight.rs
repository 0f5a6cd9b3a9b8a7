//! `GET /api/v1/preflight`, and what `pidali preflight` prints: whether the mesh has what this dashboard needs.
//!
//! Bounded in time: what does not answer is unknown.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use futures::StreamExt as _;
use mesh::api::preflight::{Preflight, PreflightQuery};
use mesh::api::trace::Names;
use mesh::api::{self, Source};
use mesh::preflight::{Asked, Facts, Kind, Place, Right, Traces, Unread, Why, answer, wanted};
use mesh::telemetry::Reporter;
use mesh::units::Window;
use moka::future::Cache;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cluster::kube::{self, Addon};
use crate::cluster::{self, Cluster};
use crate::http::{ApiError, App, Encoded, Params};
use crate::trace;

mod text;

pub use text::text;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long what was said of rights holds for all who ask: whoever pastes a role sees soon what came of it.
const RIGHTS_HOLD: Duration = Duration::from_secs(10);
/// The same of metrics: to look through all of them is no small question in a large mesh.
const METRICS_HOLD: Duration = Duration::from_secs(30);
/// How many rights are asked about at once.
const AT_ONCE: usize = 8;
/// How long to look back for a request, in seconds.
const LOOK_BACK_SECS: u32 = 300;

/// What was asked last, for all who ask soon after.
pub struct Asks {
    rights: Cache<Vec<Right>, Arc<Vec<Asked>>>,
    metrics: Cache<Window, Arc<Source>>,
}

impl Default for Asks {
    fn default() -> Asks {
        fn kept<
            Q: std::hash::Hash + Eq + Send + Sync + 'static,
            T: Clone + Send + Sync + 'static,
        >(
            time: Duration,
        ) -> Cache<Q, T> {
            Cache::builder().max_capacity(4).time_to_live(time).build()
        }
        Asks {
            rights: kept(RIGHTS_HOLD),
            metrics: kept(METRICS_HOLD),
        }
    }
}

/// Says whether the mesh has what this dashboard needs: rights, revisions, injection, restarts that are due, metrics;
/// each finding with the lines to paste. What does not answer within seconds is `unknown`.
#[utoipa::path(
    get,
    path = "/api/v1/preflight",
    params(("window" = Option<String>, Query, description = "What scrapes are counted against: 10s to 7d, such as 5m")),
    responses((status = 200, body = Preflight), (status = 400, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<PreflightQuery>,
) -> Result<Response, ApiError> {
    let found = look(&app, query.window).await;
    Ok(Encoded::json(&found)?.respond(&headers))
}

/// Looks at everything, within seconds.
pub async fn look(app: &App, window: Window) -> Preflight {
    let seen = app.cluster.as_deref().map(|it| Seen::of(app, it));
    let (rights, metrics, requests, traces) = tokio::join!(
        async {
            match &seen {
                Some(seen) if seen.source.reachable => rights(app, seen).await,
                _ => Arc::default(),
            }
        },
        metrics(app, window),
        Box::pin(requests(app)),
        Box::pin(traces(app)),
    );
    let cluster = seen.as_ref().map(|seen| mesh::preflight::Cluster {
        source: &seen.source,
        who: seen.who.as_deref(),
        is_built_in: seen.cluster.is_built_in(),
        namespaces: seen.cluster.namespaces(),
        kinds: &seen.kinds,
        unread: &seen.unread,
        inventory: &seen.inventory,
        rights: &rights,
        jaeger: seen.cluster.find(Addon::Jaeger).map(place),
        grafana: seen.cluster.find(Addon::Grafana).map(place),
    });
    answer(&Facts {
        cluster,
        metrics: metrics.as_deref(),
        requests,
        traces: match &traces {
            None => Traces::Unasked,
            Some(None) => Traces::Late,
            Some(Some((source, names))) => Traces::Told(source, names.as_ref()),
        },
        grafana: app.pages.grafana.as_deref(),
    })
}

/// Waits until the objects of the cluster are read, or it is known that they can't be; no longer than `limit`.
pub async fn wait_until_read(app: &App, limit: Duration) {
    let Some(cluster) = app.cluster.as_deref() else {
        return;
    };
    let deadline = Instant::now() + limit;
    loop {
        let source = cluster.describe();
        let is_read = || {
            let unread = cluster.snapshot().unread;
            !unread.iter().any(|it| it.why == cluster::Why::Soon)
        };
        let is_over = Instant::now() >= deadline;
        if is_over || source.problem.is_some() || (source.reachable && is_read()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is known of a cluster without asking it.
struct Seen<'a> {
    cluster: &'a Cluster,
    source: Source,
    who: Option<String>,
    kinds: Vec<Kind>,
    unread: Vec<Unread>,
    inventory: Arc<mesh::inventory::Inventory>,
}

impl<'a> Seen<'a> {
    fn of(app: &App, cluster: &'a Cluster) -> Seen<'a> {
        let unread = cluster.snapshot().unread.into_iter();
        let unread = unread.map(|it| Unread {
            kind: it.kind,
            group: it.group,
            why: match it.why {
                cluster::Why::Soon => Why::Soon,
                cluster::Why::Forbidden => Why::Forbidden,
                cluster::Why::Failing(problem) => Why::Failing(problem),
            },
        });
        Seen {
            cluster,
            source: cluster.describe(),
            who: cluster.known_as(),
            kinds: cluster.kinds(),
            unread: unread.collect(),
            inventory: app.boards.now(cluster).inventory(),
        }
    }
}

fn place(it: kube::Place) -> Place {
    Place {
        namespace: it.namespace,
        name: it.name,
        port: it.port,
    }
}

/// Asks which rights are there: a few at once, all of them within the same time.
async fn rights(app: &App, seen: &Seen<'_>) -> Arc<Vec<Asked>> {
    let metrics = app.facts.metrics().through_cluster().map(place);
    let traces = app.traces.as_ref().and_then(|it| it.through_cluster());
    let traces = traces.map(place);
    let wanted = wanted(
        &seen.kinds,
        seen.cluster.namespaces(),
        metrics.as_ref(),
        traces.as_ref(),
    );
    let asked = app.asks.rights.try_get_with(wanted.clone(), async {
        let deadline = Instant::now() + PATIENCE;
        let ask = |right: Right| async move {
            let allowed = timeout_at(deadline, seen.cluster.may(&right)).await;
            Asked {
                right,
                is_allowed: allowed.ok().flatten(),
            }
        };
        let asked = futures::stream::iter(wanted).map(ask).buffered(AT_ONCE);
        let asked: Vec<Asked> = asked.collect().await;
        match asked.iter().all(|it| it.is_allowed.is_some()) {
            true => Ok(Arc::new(asked)),
            // What was not said is asked again.
            false => Err(asked),
        }
    });
    asked
        .await
        .unwrap_or_else(|partial| Arc::new(Vec::clone(&partial)))
}

/// Asks what the source of metrics holds; `None` where it takes too long.
async fn metrics(app: &App, window: Window) -> Option<Arc<Source>> {
    let asked = app.asks.metrics.try_get_with(window, async {
        let told = app.facts.metrics().describe(window);
        match timeout(PATIENCE, told).await {
            Ok(source) if source.reachable => Ok(Arc::new(source)),
            // What is away may be back at any time.
            Ok(source) => Err(Some(source)),
            Err(_) => Err(None),
        }
    });
    match asked.await {
        Ok(source) => Some(source),
        Err(source) => Option::clone(&source).map(Arc::new),
    }
}

/// What a source of traces says of itself, and under which names the services of the mesh trace.
type Told = (Source, Option<Names>);

/// Asks what the source of traces holds; `None` where there is none, and within where it takes too long.
async fn traces(app: &App) -> Option<Option<Told>> {
    // They hold much while they wait, and all that is looked at waits at once: not on one stack.
    let asked = timeout(PATIENCE, Box::pin(app.traces.as_ref()?.describe()));
    let names = timeout(PATIENCE, Box::pin(trace::table(app)));
    let (asked, names) = tokio::join!(asked, names);
    match asked {
        Ok(Ok(source)) => Some(Some((source, names.ok().and_then(Result::ok)))),
        Ok(Err(_)) => None,
        Err(_) => Some(None),
    }
}

/// Returns how many requests were reported of late, by the side that reported more; `None` where that is not known.
async fn requests(app: &App) -> Option<f64> {
    let window = Window::from_secs(LOOK_BACK_SECS)?;
    let at = app.facts.instant(None).ok()?;
    let asked = timeout(PATIENCE, app.facts.traffic(window, at)).await;
    let known = asked.ok()?.ok()?;
    // The two sides' reports are of the same calls: they are never added.
    let by = |reporter: Reporter| -> f64 {
        let reported = known.facts.requests.iter();
        let reported = reported.filter(|it| it.key.reporter == reporter);
        reported.map(|it| it.value).sum()
    };
    Some(by(Reporter::Source).max(by(Reporter::Destination)))
}

#[cfg(test)]
mod tests;
