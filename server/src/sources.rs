//! Where facts come from. Each source answers domain questions with `mesh::telemetry` values; from the
//! samples on there is one code path.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use mesh::api;
use mesh::api::{Notice, SourcesQuery};
use mesh::breakers::Told;
use mesh::telemetry::{
    Breakers, ControlPlane, ControlPlaneReport, DurationBuckets, GrpcMessages, LatencySample,
    MessageSample, Proxies, ProxySample, Requests, Sample, Series, SeriesPoint, TcpSample,
    TcpTraffic,
};
use mesh::units::{UnixMillis, Window, six_digits};

use crate::http::{ApiError, App, Params, encoded};

#[cfg(test)]
mod blows;
pub mod demo;
pub mod jaeger;
pub mod prometheus;
pub mod reach;

mod traces;

pub use traces::Traces;

use prometheus::{About, Asked};

/// What a source answered, with what should be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The answer.
    pub value: T,
    /// What is missing or only estimated in it.
    pub notices: Vec<Notice>,
}

impl<T> Answer<T> {
    fn plain(value: T) -> Answer<T> {
        Answer {
            value,
            notices: Vec::new(),
        }
    }
}

/// Whoever knows the traffic.
pub enum Metrics {
    /// A Prometheus, or what speaks its API.
    Prometheus(Box<prometheus::Prometheus>),
    /// The built-in mesh.
    Demo(Arc<demo::Demo>),
}

impl Metrics {
    /// Finds out what has to be known before the first question.
    pub async fn meet(&self) {
        match self {
            Metrics::Prometheus(it) => it.meet().await,
            Metrics::Demo(_) => {}
        }
    }

    /// Returns how many requests there were, mesh-wide.
    pub async fn requests(&self, query: &Requests) -> Result<Answer<Vec<Sample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.requests(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().requests(query))),
        }
    }

    /// Returns how long requests took, mesh-wide.
    pub async fn durations(
        &self,
        query: &DurationBuckets,
    ) -> Result<Answer<Vec<LatencySample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.durations(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().durations(query))),
        }
    }

    /// Returns the requests to workloads of these names, in whatever namespace.
    pub async fn requests_to(
        &self,
        query: &Requests,
        workloads: &[&str],
    ) -> Result<Answer<Vec<Sample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.requests_to(query, workloads).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().requests(query))),
        }
    }

    /// Returns the durations of calls between workloads of these names that are the first of their series,
    /// where [`Metrics::durations`] can't tell them.
    pub async fn first_durations(
        &self,
        query: &DurationBuckets,
        from: &[&str],
        to: &[&str],
    ) -> Result<Answer<Vec<LatencySample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.first_durations(query, from, to).await?),
            // It counts from zero.
            Metrics::Demo(_) => Ok(Answer::plain(Vec::new())),
        }
    }

    /// Returns what flowed over TCP, mesh-wide.
    pub async fn tcp(&self, query: &TcpTraffic) -> Result<Answer<Vec<TcpSample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.tcp(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().tcp(query))),
        }
    }

    /// Returns the messages in gRPC calls, mesh-wide.
    pub async fn messages(
        &self,
        query: &GrpcMessages,
    ) -> Result<Answer<Vec<MessageSample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.messages(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().messages(query))),
        }
    }

    /// Returns what the control plane says of itself.
    pub async fn control_plane(
        &self,
        query: &ControlPlane,
    ) -> Result<Answer<ControlPlaneReport>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.control_plane(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().control_plane(query))),
        }
    }

    /// Returns what the proxies use.
    pub async fn proxies(&self, query: &Proxies) -> Result<Answer<Vec<ProxySample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.proxies(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().proxies(query))),
        }
    }

    /// Returns what the proxies say of their circuit breakers, and which figures there are.
    pub async fn breakers(&self, query: &Breakers) -> Result<Answer<Told>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.breakers(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.breakers(query))),
        }
    }

    /// Returns the questions behind some figures, and whether this source is asked them.
    pub async fn questions(&self, about: &About, at: UnixMillis) -> (Vec<Asked>, bool) {
        match self {
            Metrics::Prometheus(it) => (it.questions(about, at).await, true),
            Metrics::Demo(_) => (prometheus::questions(about), false),
        }
    }

    /// Returns how fresh the data was at an instant.
    pub async fn freshness(&self, at: UnixMillis) -> Result<api::overview::Freshness, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.freshness(at).await?),
            Metrics::Demo(it) => Ok(it.freshness(at)),
        }
    }

    /// Returns whether answers take no time: nothing is worth waiting for less.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Metrics::Demo(_))
    }

    /// Returns how the traffic of one edge or node went over time.
    pub async fn series(&self, query: &Series) -> Result<Answer<Vec<SeriesPoint>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.series(query).await?),
            Metrics::Demo(it) => Ok(Answer::plain(it.world().series(query))),
        }
    }

    /// Returns the seconds between two scrapes of the proxies, where the source can tell; what is built in is
    /// not scraped.
    pub async fn scrape_interval(&self, at: UnixMillis) -> Option<f64> {
        match self {
            Metrics::Prometheus(it) => it.scrape_interval(at).await,
            Metrics::Demo(_) => None,
        }
    }

    /// Returns the Service that questions go to through the API server of its cluster.
    pub fn through_cluster(&self) -> Option<crate::cluster::kube::Place> {
        match self {
            Metrics::Prometheus(it) => it.through_cluster(),
            Metrics::Demo(_) => None,
        }
    }

    /// Returns what the sources page says of it.
    pub async fn describe(&self, window: Window) -> api::sources::Source {
        match self {
            Metrics::Prometheus(it) => {
                let status = it.status().await;
                let mends = prometheus::mends(&status);
                let of = |present: bool| {
                    let metrics = status.metrics.iter();
                    metrics.filter(move |it| it.present == present)
                };
                let mut capabilities: Vec<String> = of(true).map(|it| it.shows.clone()).collect();
                let lacking = of(false).filter(|it| !it.optional);
                let mut missing: Vec<String> = lacking
                    .map(|it| format!("{} ({})", it.name, it.shows))
                    .collect();
                capabilities.sort();
                capabilities.dedup();
                missing.sort();
                let scrapes = status
                    .scrape_interval_s
                    .and_then(|secs| mesh::sources::scrapes(secs, window));
                api::sources::Source {
                    name: "prometheus".to_owned(),
                    kind: "prometheus".to_owned(),
                    reachable: status.reachable,
                    url: Some(it.url()),
                    version: status.version,
                    scrape_interval_s: status.scrape_interval_s.map(six_digits),
                    problem: status.problem,
                    hint: status.hint,
                    capabilities,
                    missing,
                    storage: status.storage,
                    retention: status.retention,
                    scrapes,
                    metrics: status.metrics,
                    labels: status.labels,
                    mends,
                }
            }
            Metrics::Demo(it) => it.describe(),
        }
    }
}

/// Lists every source: reachable or not and why, what it can say, what is missing and what to paste.
#[utoipa::path(
    get,
    path = "/api/v1/sources",
    params(("window" = Option<String>, Query, description = "What scrapes are counted against: 10s to 7d, such as 5m")),
    responses((status = 200, body = api::List<api::sources::Source>), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    Params(query): Params<SourcesQuery>,
) -> Result<Response, ApiError> {
    // They do not wait for each other: one may be slow.
    let traces = async {
        match &app.traces {
            Some(traces) => traces.describe().await,
            None => Err(ApiError::no_tracing()),
        }
    };
    let metrics = app.facts.metrics().describe(query.window);
    let (metrics, traces) = tokio::join!(metrics, traces);
    let mut items = vec![metrics];
    let mut notices = Vec::new();
    match &app.cluster {
        Some(cluster) => {
            let inventory = app.boards.now(cluster).inventory();
            let mut source = cluster.describe();
            source.mends = mesh::sources::injection(&inventory);
            if mesh::sources::is_aks_addon(&inventory) {
                source
                    .capabilities
                    .push("Istio as the add-on of AKS".to_owned());
            }
            items.push(source);
        }
        None => notices.push(Notice {
            kind: "no_cluster".to_owned(),
            source: "cluster".to_owned(),
            message: "No Kubernetes API is asked: the graph shows what the metrics know."
                .to_owned(),
            hint: Some("start with --kubeconfig FILE to see and steer routes".to_owned()),
        }),
    }
    match traces {
        // The built-in mesh is one source, whatever it is asked.
        Ok(source) if items.iter().any(|it| it.name == source.name) => {}
        Ok(source) => items.push(source),
        Err(nowhere) => notices.push(nowhere.into_notice("no_tracing")),
    }
    encoded(&api::List { items, notices })
}
