//! Prometheus, or what speaks its API: renders questions to PromQL and reads the answers as a stream.
//!
//! Istio's metric and label names appear here and nowhere else on the reading side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mesh::api::Notice;
use mesh::telemetry::{
    Bucket, DurationBuckets, Histogram, LatencySample, Reporter, Requests, Sample, Series,
    SeriesCount, SeriesPoint, TrafficKey,
};
use mesh::units::UnixMillis;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use super::Answer;

mod ask;
mod decode;
mod error;
mod labels;
mod promql;

pub use error::PrometheusError;

use decode::Item;
use labels::Reader;

/// Metrics and what they show, for the sources page.
pub const SHOWN_BY: &[(&str, &str)] = &[
    (promql::REQUESTS, "HTTP and gRPC requests"),
    (promql::DURATIONS, "latency from buckets"),
    (promql::UPTIME, "new pods told from newly scraped ones"),
];

/// How to reach a Prometheus.
pub struct Settings {
    /// The address, with any path prefix; a user and password in it are used for basic authentication.
    pub url: String,
    /// Headers sent along.
    pub headers: Vec<(String, String)>,
    /// Query parameters sent along.
    pub query: Vec<(String, String)>,
    /// Who we are.
    pub auth: Auth,
    /// How long one answer may take.
    pub timeout: Duration,
    /// How many questions may be open at once.
    pub concurrency: usize,
    /// How large an answer may be, decompressed, in bytes.
    pub max_answer_bytes: u64,
    /// How many samples an answer may hold.
    pub max_samples: usize,
}

impl Settings {
    /// Returns the defaults for `url`.
    pub fn new(url: &str) -> Settings {
        Settings {
            url: url.to_owned(),
            headers: Vec::new(),
            query: Vec::new(),
            auth: Auth::None,
            timeout: Duration::from_secs(20),
            concurrency: 6,
            max_answer_bytes: 512 * 1024 * 1024,
            max_samples: 2_000_000,
        }
    }
}

/// Who we are to a Prometheus.
pub enum Auth {
    /// Nobody.
    None,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A bearer token.
    Bearer(SecretString),
    /// A file with a bearer token, read for every question.
    BearerFile(PathBuf),
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// The address is none.
    #[error("the address is not an http or https address such as http://127.0.0.1:9090")]
    Url,
    /// A header is none. Its value may be a secret and is not told.
    #[error("the header `{0}` is not valid")]
    Header(String),
    /// The client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
}

/// What a Prometheus says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Whether it answered.
    pub reachable: bool,
    /// Its version.
    pub version: Option<String>,
    /// The time between two scrapes in seconds, where it is known.
    pub scrape_interval_s: Option<f64>,
    /// Which of the metrics we read it has, sorted.
    pub metrics: Vec<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A client of one Prometheus.
pub struct Prometheus {
    client: Client,
    base: Url,
    shown: String,
    query: Vec<(String, String)>,
    auth: Auth,
    timeout: Duration,
    slots: Semaphore,
    max_bytes: u64,
    max_samples: usize,
}

/// `increase()` needs two scrapes in its range; a chart's point may be shorter than that.
const MIN_RANGE_SECS: u32 = 60;

impl Prometheus {
    /// Returns a client; nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Prometheus, BadSettings> {
        let mut base = Url::parse(settings.url.trim()).map_err(|_| BadSettings::Url)?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(BadSettings::Url);
        }
        let mut auth = settings.auth;
        if !base.username().is_empty() {
            // Credentials in an address end up in logs: they are moved into the header.
            let decode = |text: &str| {
                form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default()
            };
            auth = Auth::Basic {
                user: decode(base.username()),
                password: SecretString::from(decode(base.password().unwrap_or_default())),
            };
        }
        let cleared = base.set_username("").and_then(|()| base.set_password(None));
        cleared.map_err(|()| BadSettings::Url)?;
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &settings.headers {
            let bad = || BadSettings::Header(name.clone());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("pidali/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .timeout(settings.timeout)
            // A redirect to another host would take the credentials along.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(BadSettings::Client)?;
        Ok(Prometheus {
            client,
            shown: base.to_string(),
            base,
            query: settings.query,
            auth,
            timeout: settings.timeout,
            slots: Semaphore::new(settings.concurrency.max(1)),
            max_bytes: settings.max_answer_bytes,
            max_samples: settings.max_samples,
        })
    }

    /// Returns the address, without credentials.
    pub fn url(&self) -> &str {
        &self.shown
    }

    /// Returns how many requests there were in the window, mesh-wide.
    pub async fn requests(&self, ask: &Requests) -> Result<Answer<Vec<Sample>>, PrometheusError> {
        let mut reader = Reader::default();
        let mut counts: BTreeMap<Arc<TrafficKey>, f64> = BTreeMap::new();
        let sink = move |out: Option<Item>| -> Option<(Reader, BTreeMap<Arc<TrafficKey>, f64>)> {
            match out {
                Some(item) => {
                    if let Some(key) = reader.key(&item.metric)
                        && let Some(value) = reader.value(item.value.as_ref())
                    {
                        *counts.entry(key).or_default() += value;
                    }
                    None
                }
                None => Some((std::mem::take(&mut reader), std::mem::take(&mut counts))),
            }
        };
        let text = promql::requests(ask.window);
        let ((reader, counts), mut notices) = self.instant(&text, ask.at, sink).await?;
        notices.extend(reader.notices());
        if let Some(notice) = self.first_scraped(ask).await? {
            notices.push(notice);
        }
        let value: Vec<Sample> = counts
            .into_iter()
            .map(|(key, value)| Sample { key, value })
            .collect();
        if value.is_empty() {
            // An empty picture has a reason: no traffic, or nobody who would tell of it.
            let status = self.status().await;
            notices.extend(status.problem.map(|message| Notice {
                kind: "source_empty".to_owned(),
                source: "prometheus".to_owned(),
                message,
                hint: status.hint,
            }));
        }
        Ok(Answer { value, notices })
    }

    /// Returns how long requests took in the window, mesh-wide.
    pub async fn durations(
        &self,
        ask: &DurationBuckets,
    ) -> Result<Answer<Vec<LatencySample>>, PrometheusError> {
        type Buckets = BTreeMap<Arc<TrafficKey>, Vec<Bucket>>;
        let mut reader = Reader::default();
        let mut found: Buckets = BTreeMap::new();
        let sink = move |out: Option<Item>| -> Option<(Reader, Buckets)> {
            match out {
                Some(item) => {
                    if let Some(le_ms) = reader.le(&item.metric)
                        && let Some(key) = reader.key(&item.metric)
                        && let Some(count) = reader.value(item.value.as_ref())
                    {
                        found.entry(key).or_default().push(Bucket { le_ms, count });
                    }
                    None
                }
                None => Some((std::mem::take(&mut reader), std::mem::take(&mut found))),
            }
        };
        let text = promql::durations(ask.window);
        let ((reader, found), mut notices) = self.instant(&text, ask.at, sink).await?;
        notices.extend(reader.notices());
        let value = found
            .into_iter()
            .filter_map(|(key, buckets)| {
                let histogram = Histogram::new(buckets)?;
                Some(LatencySample { key, histogram })
            })
            .collect();
        Ok(Answer { value, notices })
    }

    /// Returns how the traffic of one edge or node went over time.
    pub async fn series(&self, ask: &Series) -> Result<Answer<Vec<SeriesPoint>>, PrometheusError> {
        let range = ask.step_secs.max(MIN_RANGE_SECS);
        let scale = f64::from(ask.step_secs) / f64::from(range);
        let step_ms = i64::from(ask.step_secs) * 1000;
        let first = ask.at.0 - step_ms * (i64::from(ask.n_points) - 1);
        let mut points: Vec<SeriesPoint> = (0..i64::from(ask.n_points))
            .map(|n| SeriesPoint {
                at: UnixMillis(first + n * step_ms),
                counts: Vec::new(),
                histogram: None,
            })
            .collect();
        let idx = move |t: f64| -> Option<usize> {
            let offset = ((t * 1000.0).round() as i64).checked_sub(first)?;
            usize::try_from((offset + step_ms / 2).div_euclid(step_ms)).ok()
        };
        let mut reader = Reader::default();
        let mut found: Vec<(usize, SeriesCount)> = Vec::new();
        let sink = move |out: Option<Item>| -> Option<(Reader, Vec<(usize, SeriesCount)>)> {
            match out {
                Some(item) => {
                    if let Some(key) = reader.key(&item.metric) {
                        for point in item.values.iter().flatten() {
                            if let Some(value) = reader.value(Some(point))
                                && let Some(idx) = idx(point.0)
                            {
                                let count = SeriesCount {
                                    reporter: key.reporter,
                                    protocol: key.protocol,
                                    response: key.response,
                                    flags: key.flags.clone(),
                                    value: value * scale,
                                };
                                found.push((idx, count));
                            }
                        }
                    }
                    None
                }
                None => Some((std::mem::take(&mut reader), std::mem::take(&mut found))),
            }
        };
        let text = promql::series_counts(&ask.selector, range);
        let ((reader, found), mut notices) = self.range(&text, ask, sink).await?;
        notices.extend(reader.notices());
        for (idx, count) in found {
            if let Some(point) = points.get_mut(idx) {
                point.counts.push(count);
            }
        }
        let from_client = points
            .iter()
            .any(|p| p.counts.iter().any(|c| c.reporter != Reporter::Destination));
        let mut reader = Reader::default();
        let mut buckets: BTreeMap<usize, Vec<Bucket>> = BTreeMap::new();
        let sink = move |out: Option<Item>| -> Option<BTreeMap<usize, Vec<Bucket>>> {
            match out {
                Some(item) => {
                    let server = item.metric.reporter.as_deref() == Some("destination");
                    if server != from_client
                        && let Some(le_ms) = reader.le(&item.metric)
                    {
                        for point in item.values.iter().flatten() {
                            if let Some(count) = reader.value(Some(point))
                                && let Some(idx) = idx(point.0)
                            {
                                buckets
                                    .entry(idx)
                                    .or_default()
                                    .push(Bucket { le_ms, count });
                            }
                        }
                    }
                    None
                }
                None => Some(std::mem::take(&mut buckets)),
            }
        };
        let text = promql::series_buckets(&ask.selector, range);
        let (buckets, more) = self.range(&text, ask, sink).await?;
        notices.extend(more);
        for (idx, buckets) in buckets {
            if let Some(point) = points.get_mut(idx) {
                point.histogram = Histogram::new(buckets);
            }
        }
        if range > ask.step_secs {
            notices.push(Notice {
                kind: "smoothed".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("Each point averages the {range} s before it."),
                hint: None,
            });
        }
        Ok(Answer {
            value: points,
            notices,
        })
    }

    /// Returns what Prometheus says of itself.
    pub async fn status(&self) -> Status {
        let text = promql::present();
        let names = |out: Option<Item>, names: &mut Vec<String>| match out {
            Some(item) => {
                names.extend(item.metric.name.map(|n| n.to_string()));
                None
            }
            None => Some(std::mem::take(names)),
        };
        let mut found = Vec::new();
        let now = crate::clock::now();
        match self
            .instant(&text, now, move |out| names(out, &mut found))
            .await
        {
            Ok((mut metrics, _)) => {
                metrics.sort();
                let version = self.version().await;
                let missing = !metrics.iter().any(|m| m == promql::REQUESTS);
                Status {
                    reachable: true,
                    version,
                    scrape_interval_s: None,
                    metrics,
                    problem: missing
                        .then(|| "Prometheus answers, but holds no metrics of Istio's proxies.".to_owned()),
                    hint: missing.then(|| {
                        "check that it scrapes port 15090 of the sidecars, and that pods have sidecars"
                            .to_owned()
                    }),
                }
            }
            Err(error) => Status {
                problem: Some(error.message()),
                hint: Some(error.mend()),
                ..Status::default()
            },
        }
    }

    async fn version(&self) -> Option<String> {
        let url = self.base.join("api/v1/status/buildinfo").ok()?;
        let mut response = self.send(&url, &[]).await.ok()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            body.extend_from_slice(&chunk);
            // A version is short; more than this is something else.
            if body.len() > 65_536 {
                return None;
            }
        }
        let value: serde_json::Value = serde_json::from_slice(&body).ok()?;
        Some(
            value
                .get("data")?
                .get("version")?
                .as_str()?
                .chars()
                .take(40)
                .collect(),
        )
    }

    /// Says when pods older than the window were scraped for the first time within it: what they counted
    /// before is not in the figures (rule R5).
    async fn first_scraped(&self, ask: &Requests) -> Result<Option<Notice>, PrometheusError> {
        let mut n = 0.0;
        let sink = move |out: Option<Item>| match out {
            Some(item) => {
                n = item.value.and_then(|v| v.1.parse().ok()).unwrap_or(0.0);
                None
            }
            None => Some(n),
        };
        let text = promql::first_scraped(ask.window);
        let (n, _) = self.instant(&text, ask.at, sink).await?;
        Ok((n > 0.0).then(|| Notice {
            kind: "first_scraped".to_owned(),
            source: "prometheus".to_owned(),
            message: format!(
                "{n} scrape targets older than the window were scraped for the first time within it; \
                 their requests count from then on."
            ),
            hint: Some("wait for one window, or look at a shorter one".to_owned()),
        }))
    }
}

#[cfg(test)]
mod tests;
