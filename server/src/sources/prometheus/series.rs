//! How one edge's or node's traffic went over time.

use std::collections::BTreeMap;

use mesh::api::Notice;
use mesh::telemetry::{Bucket, Histogram, Reporter, Series, SeriesCount, SeriesPoint};
use mesh::units::UnixMillis;

use crate::sources::Answer;

use super::decode::Item;
use super::labels::Reader;
use super::promql::Dialect;
use super::{Prometheus, PrometheusError};

/// `increase()` needs two scrapes in its range; a chart's point may be shorter than that.
const MIN_RANGE_SECS: u32 = 60;

/// Returns what is asked for a chart: the counts, and the buckets of durations.
pub(super) fn texts(dialect: &Dialect, ask: &Series) -> [String; 2] {
    let range = ask.step_secs.max(MIN_RANGE_SECS);
    [
        dialect.series_counts(&ask.selector, range),
        dialect.series_buckets(&ask.selector, range),
    ]
}

impl Prometheus {
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
        let [counts, buckets] = texts(&self.dialect().await, ask);
        let ((reader, found), mut notices) = self.range(&counts, ask, sink).await?;
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
        let mut by_point: BTreeMap<usize, Vec<Bucket>> = BTreeMap::new();
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
                                by_point
                                    .entry(idx)
                                    .or_default()
                                    .push(Bucket { le_ms, count });
                            }
                        }
                    }
                    None
                }
                None => Some(std::mem::take(&mut by_point)),
            }
        };
        let (buckets, more) = self.range(&buckets, ask, sink).await?;
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
}
