//! What every address shares: the router, its guards, parameters, errors and encodings.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post, put};
use mesh::health::Objectives;
use moka::future::Cache;
use tokio::sync::watch;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;

use crate::arrange::Arranger;
use crate::board::BoardCache;
use crate::cluster::Cluster;
use crate::facts::{self, FactsCache};
use crate::links::Pages;
use crate::preflight::Asks;
use crate::reports::Reports;
use crate::sources::{Metrics, Traces};
use crate::trace::{Beyond, TraceCache};
use crate::{
    breakers, changes, checks, control_plane, graph, inventory, links, namespaces, objects,
    overview, page, preflight, queries, routes, series, service, sidecars, sources, stream, trace,
    workload,
};

mod body;
mod encode;
mod error;
mod guard;
mod params;

pub use body::Body;
pub use encode::{Encoded, accepts, encoded};
pub use error::ApiError;
pub use guard::{Hosts, check};
pub use params::{FromPairs, NoParams, Params};

/// The encoded answers that are kept, in bytes.
const MAX_ANSWERS: u64 = 12 * 1024 * 1024;

/// What handlers need.
#[derive(Clone)]
pub struct App(Arc<Parts>);

impl std::ops::Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What the server is made of.
pub struct Parts {
    /// What was asked of the sources.
    pub facts: FactsCache,
    /// What was asked of control plane, proxies and breakers.
    pub reports: Reports,
    /// What was asked of rights and sources for the preflight.
    pub asks: Asks,
    /// Whoever keeps the traces; `None` where nobody is asked.
    pub traces: Option<Traces>,
    /// What was asked of traces.
    pub traces_kept: TraceCache,
    /// What only they know of.
    pub beyond: Arc<Beyond>,
    /// Where pages link to.
    pub pages: Pages,
    /// The objects; `None` where no Kubernetes API is asked.
    pub cluster: Option<Arc<Cluster>>,
    /// The objects as they were read last.
    pub boards: Arc<BoardCache>,
    /// Layouts.
    pub arranger: Arranger,
    /// Encoded graphs.
    pub answers: Cache<graph::AnswerKey, Encoded>,
    /// Encoded overviews, lists and details of services and workloads.
    pub inventory: Cache<inventory::AnswerKey, Encoded>,
    /// Encoded lists of routes.
    pub route_lists: Cache<routes::AnswerKey, Encoded>,
    /// Becomes `true` when the server is about to stop.
    pub stopping: watch::Receiver<bool>,
}

impl App {
    /// Returns the parts of a server that asks `metrics` and `traces`, keeps objects in `cluster`, judges by
    /// `objectives` and leads to other `pages`.
    pub fn new(
        metrics: Metrics,
        traces: Option<Traces>,
        cluster: Option<Cluster>,
        objectives: Objectives,
        pages: Pages,
        stopping: watch::Receiver<bool>,
    ) -> App {
        let cluster = cluster.map(Arc::new);
        let boards = Arc::new(BoardCache::default());
        let beyond = Arc::new(Beyond::default());
        let holds = {
            let (cluster, boards) = (cluster.clone(), Arc::clone(&boards));
            move || Some(boards.now(cluster.as_ref()?).inventory())
        };
        App(Arc::new(Parts {
            facts: FactsCache::new(metrics, Box::new(holds), Arc::clone(&beyond), objectives),
            reports: Reports::default(),
            asks: Asks::default(),
            traces,
            traces_kept: TraceCache::default(),
            beyond,
            pages,
            cluster,
            boards,
            arranger: Arranger::default(),
            answers: answers(MAX_ANSWERS),
            inventory: answers(MAX_ANSWERS / 2),
            route_lists: answers(MAX_ANSWERS / 4),
            stopping,
        }))
    }
}

/// Returns a cache of encoded answers that holds so many bytes.
fn answers<K: std::hash::Hash + Eq + Send + Sync + 'static>(bytes: u64) -> Cache<K, Encoded> {
    Cache::builder()
        .max_capacity(bytes)
        .weigher(|_, encoded: &Encoded| encoded.weight())
        .time_to_live(std::time::Duration::from_secs(20))
        .time_to_idle(facts::IDLE)
        .build()
}

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(title = "Pidali", description = "Sees an Istio mesh, and steers it."),
    paths(
        graph::show,
        series::show,
        overview::show,
        service::list,
        service::show,
        workload::list,
        workload::show,
        routes::list,
        routes::show,
        routes::history,
        changes::create,
        changes::set_weights,
        changes::undo,
        checks::list,
        changes::undo_object,
        objects::list,
        objects::show,
        objects::history,
        namespaces::list,
        control_plane::show,
        sidecars::show,
        breakers::show,
        queries::list,
        links::list,
        trace::list,
        trace::names,
        trace::show,
        trace::span,
        trace::ranks,
        preflight::show,
        sources::list
    )
)]
struct Description;

/// Returns the server's addresses under `base_path` (empty, or `/` and a name).
pub fn router(app: App, hosts: Hosts, base_path: &str) -> Router {
    let api = Router::new()
        .route("/graph", get(graph::show))
        .route("/series", get(series::show))
        .route("/overview", get(overview::show))
        .route("/services", get(service::list))
        .route("/services/{namespace}/{name}", get(service::show))
        .route("/workloads", get(workload::list))
        .route("/workloads/{namespace}/{name}", get(workload::show))
        .route("/routes", get(routes::list))
        .route("/routes/{namespace}/{kind}/{name}", get(routes::show))
        .route(
            "/routes/{namespace}/{kind}/{name}/history",
            get(routes::history),
        )
        .route(
            "/routes/{namespace}/{kind}/{name}/weights",
            put(changes::set_weights),
        )
        .route(
            "/routes/{namespace}/{kind}/{name}/undo",
            post(changes::undo),
        )
        .route("/objects", get(objects::list))
        .route("/objects/{namespace}/{kind}/{name}", get(objects::show))
        .route(
            "/objects/{namespace}/{kind}/{name}/history",
            get(objects::history),
        )
        .route(
            "/objects/{namespace}/{kind}/{name}/undo",
            post(changes::undo_object),
        )
        .route("/changes", post(changes::create))
        .route("/checks", get(checks::list))
        .route("/namespaces", get(namespaces::list))
        .route("/control-plane", get(control_plane::show))
        .route("/sidecars", get(sidecars::show))
        .route("/breakers", get(breakers::show))
        .route("/queries", get(queries::list))
        .route("/links", get(links::list))
        .route("/traces", get(trace::list))
        .route("/traces/names", get(trace::names))
        .route("/traces/{id}", get(trace::show))
        .route("/traces/{id}/ranks", get(trace::ranks))
        .route("/traces/{id}/spans/{span}", get(trace::span))
        .route("/preflight", get(preflight::show))
        .route("/sources", get(sources::list))
        .route("/stream", get(stream::show))
        .route(
            "/openapi.json",
            get(async || encoded(&Description::openapi())),
        )
        .fallback(async || ApiError::not_found("this address is not part of the API"))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed());
    // Nothing under /api falls through to the page.
    let no_api = || {
        axum::routing::any(async || {
            ApiError::not_found("this address is not part of the API, whose version is v1")
        })
    };
    let inner = Router::new()
        .nest("/api/v1", api)
        .route("/api", no_api())
        .route("/api/", no_api())
        .route("/api/{*rest}", no_api())
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .fallback(page::show)
        .with_state(app);
    let router = if base_path.is_empty() {
        inner
    } else {
        let to = format!("{base_path}/");
        Router::new()
            .route(base_path, get(async move || Redirect::permanent(&to)))
            .nest(&format!("{base_path}/"), inner)
            .fallback(async || ApiError::not_found("the server lives under another path"))
    };
    router
        // `Body` has a limit and an error of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(
            |_: Box<dyn std::any::Any + Send>| ApiError::internal().into_response(),
        ))
        .layer(middleware::from_fn(move |request, next| {
            let hosts = hosts.clone();
            async move { check(hosts, request, next).await }
        }))
}

/// Shows the server's own metrics in Prometheus's text format.
async fn metrics(axum::extract::State(app): axum::extract::State<App>) -> Response {
    let text = format!(
        "# TYPE pidali_build_info gauge\npidali_build_info{{version=\"{}\"}} 1\n\
         # TYPE pidali_answers_cached gauge\npidali_answers_cached {}\n",
        env!("CARGO_PKG_VERSION"),
        app.answers.entry_count(),
    );
    (
        StatusCode::OK,
        [("content-type", "text/plain; version=0.0.4")],
        text,
    )
        .into_response()
}
