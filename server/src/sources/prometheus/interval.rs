//! How often the proxies are scraped.

use mesh::units::UnixMillis;

use super::Prometheus;
use super::promql::UPTIME;

impl Prometheus {
    /// Returns the time between two scrapes of a proxy: the middle one of all. `None` for so young a source
    /// that it can't be told.
    pub(in crate::sources) async fn scrape_interval(&self, at: UnixMillis) -> Option<f64> {
        let over = |metric: &str, secs: u32| {
            // Only what was there before the range has as many samples in it as there were scrapes.
            format!(
                "quantile(0.5, {secs} / (count_over_time({metric}[{secs}s]) and {metric} offset {secs}s))"
            )
        };
        let (uptime, up) = (UPTIME, "up");
        let text = [
            over(uptime, 300),
            over(uptime, 60),
            over(up, 300),
            over(up, 60),
        ]
        .join(" or ");
        let asked = self.gather(&text, at, |found: &mut Option<f64>, item| {
            let value = item.value.and_then(|point| point.1.parse::<f64>().ok());
            *found = value.filter(|secs| secs.is_finite() && *secs > 0.0);
        });
        asked.await.ok()?.0
    }
}
