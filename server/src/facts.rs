//! What was asked of the sources, once for all viewers: same question, one upstream call.

use std::sync::Arc;
use std::time::Duration;

use mesh::api::Notice;
use mesh::graph::{self, Facts};
use mesh::telemetry::{DurationBuckets, Requests};
use mesh::units::{UnixMillis, Window};
use moka::future::Cache;

use crate::clock;
use crate::http::ApiError;
use crate::sources::Metrics;

/// A time that nobody named is floored to this, so that viewers share answers.
pub const TICK_MS: i64 = 5_000;
/// Health looks back over an hour where the window holds too little; that moves slowly.
const HOUR_TICK_MS: i64 = 60_000;

/// Facts of one window with what should be known about them.
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// What is missing or only estimated.
    pub notices: Vec<Notice>,
}

/// Facts by question.
pub struct FactsCache {
    metrics: Metrics,
    traffic: Cache<(Window, UnixMillis), Arc<Known>>,
    full: Cache<(Window, UnixMillis), Arc<Known>>,
    hours: Cache<UnixMillis, Arc<Vec<mesh::telemetry::Sample>>>,
}

impl FactsCache {
    /// Returns an empty cache in front of `metrics`.
    pub fn new(metrics: Metrics) -> FactsCache {
        fn cache<
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        >(
            n: u64,
        ) -> Cache<K, V> {
            Cache::builder()
                .max_capacity(n)
                .time_to_live(Duration::from_secs(20))
                .build()
        }
        FactsCache {
            metrics,
            // A window for each age of fresh weights, beside those that people look at.
            traffic: cache(24),
            full: cache(4),
            hours: cache(2),
        }
    }

    /// Returns the source behind.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the instant that a question means: an explicit one exactly, none as the last tick.
    pub fn instant(&self, at: Option<UnixMillis>) -> Result<UnixMillis, ApiError> {
        let now = clock::now();
        match at {
            // Clocks of laptops differ from the server's by a little.
            Some(at) if at.0 > now.0 + TICK_MS => Err(ApiError::bad_parameter(
                "at",
                "lies in the future",
                Some("leave it out for now"),
            )),
            Some(at) => Ok(at),
            None => Ok(now.floor_to(TICK_MS)),
        }
    }

    /// Returns the traffic of a window, without latency.
    pub async fn traffic(&self, window: Window, at: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.traffic
            .try_get_with((window, at), async {
                let answer = self.metrics.requests(&Requests { window, at }).await?;
                let mut notices = answer.notices;
                let mut facts = Facts {
                    window,
                    requests: answer.value,
                    ..Facts::default()
                };
                if graph::needs_hour(&facts) {
                    match self.hour(at).await {
                        Ok(hour) => facts.hour = Some(hour.to_vec()),
                        // Health says "too little traffic to judge" then; the picture stands.
                        Err(error) => notices.push(error.into_notice("hour_missing")),
                    }
                }
                Ok(Arc::new(Known { facts, notices }))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns traffic and latency of a window. Latency starts when the traffic is in (rule R1); where it
    /// fails, the traffic is answered with a notice.
    pub async fn full(&self, window: Window, at: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.full
            .try_get_with((window, at), async {
                let traffic = self.traffic(window, at).await?;
                let mut notices = traffic.notices.clone();
                let latency = match self
                    .metrics
                    .durations(&DurationBuckets { window, at })
                    .await
                {
                    Ok(answer) => {
                        notices.extend(answer.notices);
                        Some(answer.value)
                    }
                    Err(error) => {
                        notices.push(error.into_notice("latency_missing"));
                        None
                    }
                };
                let facts = Facts {
                    window,
                    requests: traffic.facts.requests.clone(),
                    hour: traffic.facts.hour.clone(),
                    latency,
                    ..Facts::default()
                };
                Ok(Arc::new(Known { facts, notices }))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }

    async fn hour(&self, at: UnixMillis) -> Result<Arc<Vec<mesh::telemetry::Sample>>, ApiError> {
        let at = at.floor_to(HOUR_TICK_MS);
        self.hours
            .try_get_with(at, async {
                let window = Window::HOUR;
                let answer = self.metrics.requests(&Requests { window, at }).await?;
                Ok(Arc::new(answer.value))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }
}
