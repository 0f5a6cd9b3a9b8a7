//! Prometheus, or what speaks its API: renders questions to PromQL and reads the answers as a stream.
//!
//! Istio's metric and label names appear here and nowhere else on the reading side.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mesh::units::{UnixMillis, Window};
use moka::future::Cache;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use secrecy::SecretString;
use tokio::sync::{OnceCell, Semaphore};

use crate::cluster::kube::{KubeCluster, Place};

mod ask;
mod births;
mod decode;
mod error;
mod freshness;
mod interval;
mod labels;
mod promql;
mod reach;
mod series;
mod traffic;

mod breakers;
mod control_plane;
mod proxies;

mod diagnosis;
mod explain;
mod paste;

pub use diagnosis::Status;
pub use error::PrometheusError;
pub use explain::{About, Asked, questions};
pub use paste::mends;

use births::Births;
use promql::Dialect;
use reach::Reach;

/// Stands for an address that is still to be found.
const FOUND: &str = "kube://cluster/prometheus:9090/";

/// How to reach a Prometheus.
pub struct Settings {
    /// The address, with any path prefix; a user and password in it are used for basic authentication. Empty where it
    /// is to be found in the cluster.
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
    /// What stands before the names of Istio's metrics, where they were aggregated by rules.
    pub metric_prefix: String,
    /// The cluster that a `kube://` address is in, or that Prometheus is found in where the address is empty.
    pub cluster: Option<Arc<KubeCluster>>,
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
            metric_prefix: String::new(),
            cluster: None,
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
    /// An address in a cluster is none.
    #[error("write a Service of the cluster as kube://istio-system/prometheus:9090")]
    Place,
    /// There is no cluster for it.
    #[error("there is no cluster to find it in: give an http address, or --kubeconfig")]
    NoCluster,
    /// The API server takes the place of what would tell who asks.
    #[error(
        "a user or token for Prometheus does not get through the Kubernetes API: give an http address with it"
    )]
    Credentials,
    /// A header is none. Its value may be a secret and is not told.
    #[error("the header `{0}` is not valid")]
    Header(String),
    /// The client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
    /// The prefix can't stand before a metric's name.
    #[error("--metric-prefix: `{0}` can't begin a metric's name; write it as workload:")]
    Prefix(String),
}

/// A client of one Prometheus.
pub struct Prometheus {
    reach: Reach,
    base: Url,
    shown: String,
    query: Vec<(String, String)>,
    timeout: Duration,
    slots: Semaphore,
    max_bytes: u64,
    max_samples: usize,
    prefix: String,
    /// What the source turned out to speak.
    dialect: OnceCell<Dialect>,
    /// Where series were born, by window: several questions want to know.
    births: Cache<(Window, UnixMillis), Births>,
}

impl Prometheus {
    /// Returns a client; nothing is asked yet.
    pub fn new(settings: Settings) -> Result<Prometheus, BadSettings> {
        let url = settings.url.trim();
        // Where it is to be found, what is asked stands under an address of the same form.
        let is_to_be_found = url.is_empty();
        let url = if is_to_be_found { FOUND } else { url };
        let mut base = Url::parse(url).map_err(|_| BadSettings::Url)?;
        let is_in_cluster = base.scheme() == reach::SCHEME;
        if !(is_in_cluster || matches!(base.scheme(), "http" | "https"))
            || base.host_str().is_none()
        {
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
        let prefix = settings.metric_prefix;
        let is_name = |(at, c): (usize, char)| {
            c == '_' || c == ':' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
        };
        if !prefix.char_indices().all(is_name) {
            return Err(BadSettings::Prefix(prefix));
        }
        let place = if is_in_cluster {
            Some(reach::parse(&base).ok_or(BadSettings::Place)?).filter(|_| !is_to_be_found)
        } else {
            None
        };
        // Within one machine, packing costs both sides more than it saves.
        let is_far = !is_loopback(&base);
        let client = Client::builder()
            .gzip(is_far)
            .zstd(is_far)
            .default_headers(headers.clone())
            .user_agent(concat!("pidali/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(settings.timeout.min(Duration::from_secs(5)))
            .timeout(settings.timeout)
            // A redirect to another host would take the credentials along.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(BadSettings::Client)?;
        let reach = if is_in_cluster {
            if !matches!(auth, Auth::None) {
                return Err(BadSettings::Credentials);
            }
            Reach::Cluster {
                cluster: settings.cluster.ok_or(BadSettings::NoCluster)?,
                place,
                client,
                headers,
                timeout: settings.timeout,
            }
        } else {
            Reach::Straight(client, auth)
        };
        Ok(Prometheus {
            reach,
            shown: base.to_string(),
            base,
            query: settings.query,
            timeout: settings.timeout,
            slots: Semaphore::new(settings.concurrency.max(1)),
            max_bytes: settings.max_answer_bytes,
            max_samples: settings.max_samples,
            prefix,
            dialect: OnceCell::new(),
            births: Cache::builder()
                .max_capacity(32)
                .time_to_live(Duration::from_secs(20))
                .build(),
        })
    }

    /// Returns what the source speaks, asking it the first time. One that can't be asked is taken for a
    /// Prometheus, and asked again the next time.
    async fn dialect(&self) -> Dialect {
        let found = self.dialect.get_or_try_init(async || {
            let now = crate::clock::now();
            let asked = self.gather(promql::IS_METRICSQL, now, |(): &mut (), _| {});
            let extrapolated = self.value(promql::EXTRAPOLATED, promql::EXTRAPOLATED_AT);
            let (asked, extrapolated) = tokio::join!(asked, extrapolated);
            let is_metricsql = match asked {
                Ok(_) => true,
                Err(PrometheusError::Refused { .. }) => false,
                Err(error) => return Err(error),
            };
            Ok(Dialect {
                prefix: self.prefix.clone(),
                is_metricsql,
                // Who does not answer is taken for a new one.
                goes_back_to_zero: matches!(extrapolated, Ok(Some(it)) if it == promql::BACK_TO_ZERO),
            })
        });
        match found.await {
            Ok(dialect) => dialect.clone(),
            Err(_) => Dialect {
                prefix: self.prefix.clone(),
                ..Dialect::default()
            },
        }
    }

    /// Finds out what the source speaks, so that the first who looks need not wait for it.
    pub async fn meet(&self) {
        self.dialect().await;
    }

    /// Returns the Service that questions go to through the API server of its cluster.
    pub fn through_cluster(&self) -> Option<Place> {
        match &self.reach {
            // In a pod of the cluster they go straight.
            Reach::Cluster { cluster, .. } if !cluster.is_ours() => self.reach.place(),
            _ => None,
        }
    }

    /// Returns the address, without credentials.
    pub fn url(&self) -> String {
        match self.reach.place() {
            Some(place) => reach::shown(&place),
            None => self.shown.clone(),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests;
