//! How fresh the data of a Prometheus is.

use mesh::api::overview::Freshness;
use mesh::units::{UnixMillis, six_digits};

use super::promql::UPTIME;
use super::{Prometheus, PrometheusError};

impl Prometheus {
    /// Returns when the newest sample of the proxies was taken, and how far apart they are. Both are asked of the
    /// one metric that each proxy has once: that is cheap in a mesh of any size. What it can't tell is absent.
    ///
    /// # Errors
    /// Why Prometheus did not answer.
    pub async fn freshness(&self, at: UnixMillis) -> Result<Freshness, PrometheusError> {
        let newest = format!("max(timestamp({UPTIME}))");
        let interval = async { Ok(self.scrape_interval(at).await) };
        let (newest, interval) = tokio::try_join!(self.value(&newest, at), interval)?;
        Ok(Freshness {
            source: "prometheus".to_owned(),
            newest_ms: newest.map(|secs| (secs * 1000.0) as i64),
            scrape_interval_s: interval.map(six_digits),
        })
    }
}
