//! Prometheus, or what speaks its API: renders questions to PromQL and reads the answers as a stream.
//!
//! Istio's metric and label names appear here and nowhere else on the reading side.

use std::sync::Arc;
use std::time::Duration;

use mesh::units::{UnixMillis, Window};
use moka::future::Cache;
use tokio::sync::{OnceCell, Semaphore};

use super::reach::{Auth, BadWay, Reach, Way};
use crate::cluster::kube::{Addon, KubeCluster, Place};

mod ask;
mod births;
mod decode;
mod error;
mod freshness;
mod interval;
mod labels;
mod promql;
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

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// The address, or who asks it.
    #[error(transparent)]
    Way(#[from] BadWay),
    /// The prefix can't stand before a metric's name.
    #[error("--metric-prefix: `{0}` can't begin a metric's name; write it as workload:")]
    Prefix(String),
}

/// A client of one Prometheus.
pub struct Prometheus {
    reach: Reach,
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
        let prefix = settings.metric_prefix;
        let is_name = |(at, c): (usize, char)| {
            c == '_' || c == ':' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
        };
        if !prefix.char_indices().all(is_name) {
            return Err(BadSettings::Prefix(prefix));
        }
        let reach = Reach::new(Way {
            addon: Addon::Prometheus,
            url: settings.url,
            headers: settings.headers,
            auth: settings.auth,
            timeout: settings.timeout,
            cluster: settings.cluster,
        })?;
        Ok(Prometheus {
            reach,
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
        self.reach.through_cluster()
    }

    /// Returns the address, without credentials.
    pub fn url(&self) -> String {
        self.reach.shown()
    }
}

#[cfg(test)]
mod tests;
