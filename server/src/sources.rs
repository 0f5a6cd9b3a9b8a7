//! Where facts come from. Each source answers domain questions with `mesh::telemetry` values; from the
//! samples on there is one code path.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use mesh::api;
use mesh::api::Notice;
use mesh::telemetry::{
    DurationBuckets, GrpcMessages, LatencySample, MessageSample, Requests, Sample, Series,
    SeriesPoint, TcpSample, TcpTraffic,
};
use mesh::units::UnixMillis;

use crate::http::{ApiError, App, NoParams, Params, encoded};

pub mod demo;
pub mod prometheus;

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
            Metrics::Demo(_) => Ok(Answer::plain(Vec::new())),
        }
    }

    /// Returns the messages in gRPC calls, mesh-wide.
    pub async fn messages(
        &self,
        query: &GrpcMessages,
    ) -> Result<Answer<Vec<MessageSample>>, ApiError> {
        match self {
            Metrics::Prometheus(it) => Ok(it.messages(query).await?),
            Metrics::Demo(_) => Ok(Answer::plain(Vec::new())),
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

    async fn describe(&self) -> api::sources::Source {
        match self {
            Metrics::Prometheus(it) => {
                let status = it.status().await;
                let has = |metric: &str| status.metrics.iter().any(|m| m == metric);
                let (mut capabilities, mut missing) = (Vec::new(), Vec::new());
                for (metric, shows) in prometheus::SHOWN_BY {
                    if has(metric) {
                        capabilities.push((*shows).to_owned());
                    } else if status.reachable {
                        missing.push(format!("{metric} ({shows})"));
                    }
                }
                capabilities.sort();
                missing.sort();
                api::sources::Source {
                    name: "prometheus".to_owned(),
                    kind: "prometheus".to_owned(),
                    reachable: status.reachable,
                    url: Some(it.url().to_owned()),
                    version: status.version,
                    scrape_interval_s: status.scrape_interval_s,
                    problem: status.problem,
                    hint: status.hint,
                    capabilities,
                    missing,
                }
            }
            Metrics::Demo(it) => it.describe(),
        }
    }
}

/// Lists every source: reachable or not, and what it can say.
#[utoipa::path(get, path = "/api/v1/sources", responses((status = 200, body = api::List<api::sources::Source>)))]
pub async fn list(State(app): State<App>, _: Params<NoParams>) -> Result<Response, ApiError> {
    let mut items = vec![app.facts.metrics().describe().await];
    let mut notices = Vec::new();
    match &app.cluster {
        Some(cluster) => items.push(cluster.describe()),
        None => notices.push(Notice {
            kind: "no_cluster".to_owned(),
            source: "cluster".to_owned(),
            message: "No Kubernetes API is asked: the graph shows what the metrics know."
                .to_owned(),
            hint: None,
        }),
    }
    encoded(&api::List { items, notices })
}
