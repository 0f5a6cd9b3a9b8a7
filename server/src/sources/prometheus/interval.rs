//! How often the proxies are scraped, told from what they say of their own age.

use mesh::units::UnixMillis;

use super::Prometheus;
use super::promql::UPTIME;

impl Prometheus {
    /// Returns the seconds between two scrapes of most proxies in the hour before `at`; `None` where that can't
    /// be told, or asked.
    pub(in crate::sources) async fn scrape_interval(&self, at: UnixMillis) -> Option<f64> {
        let keep = |found: &mut Option<f64>, item: super::Item| {
            let value = item.value.and_then(|point| point.1.parse::<f64>().ok());
            *found = found.or(value);
        };
        let (found, _) = self.gather(&question(), at, keep).await.ok()?;
        found.filter(|secs| secs.is_finite() && *secs > 0.0)
    }
}

/// A proxy's age grows by a second each second: how much it grew over the scrapes of an hour, divided by the
/// gaps between them. The median over proxies, since a restart in between tells too little.
fn question() -> String {
    format!(
        "quantile(0.5, (max_over_time({UPTIME}[1h]) - min_over_time({UPTIME}[1h])) \
         / ((count_over_time({UPTIME}[1h]) > 1) - 1))"
    )
}
