//! How calls went over time.

use crate::api::Notice;
use crate::api::query::SeriesQuery;
use crate::api::series::{Heatmap, Series};
use crate::telemetry::{Histogram, Reporter, SeriesPoint};
use crate::units::six_digits;

use super::totals::{Ending, quantiles};

/// Returns the series of `query` from a source's points, which end at `at` and stand `step_secs` apart.
///
/// Views are not added (rule R2): the client's is shown, the waypoint's or the server's where no client
/// counted anything in the whole window. Between points with traffic an empty one is a measured zero; before
/// the first and after the last nothing is known.
pub fn series(
    query: &SeriesQuery,
    step_secs: u32,
    points: &[SeriesPoint],
    notices: Vec<Notice>,
) -> Series {
    let total = |reporter: Reporter| -> f64 {
        let counts = points.iter().flat_map(|point| &point.counts);
        let counts = counts.filter(|count| count.reporter == reporter);
        counts.map(|count| count.value).sum()
    };
    let reports = |reporter: Reporter| {
        let counts = points.iter().flat_map(|point| &point.counts);
        counts.into_iter().any(|count| count.reporter == reporter)
    };
    // A series that only repeats an old count must not hide another side's news.
    let sides = [Reporter::Source, Reporter::Waypoint, Reporter::Destination];
    let busy = sides.into_iter().find(|reporter| total(*reporter) > 0.0);
    let view = busy
        .or_else(|| sides.into_iter().find(|reporter| reports(*reporter)))
        .unwrap_or(Reporter::Source);
    let mut notices = notices;
    if view != Reporter::Destination && total(Reporter::Destination) > 1.1 * total(view) {
        notices.push(Notice {
            kind: "view".to_owned(),
            source: "pidali".to_owned(),
            message: "These lines are what the callers' proxies report; the called side saw more: \
                      retries, mirrored requests, or callers without a proxy."
                .to_owned(),
            hint: Some("the figures above count callers without a proxy, too".to_owned()),
        });
    }
    let first = points.iter().position(|point| !point.counts.is_empty());
    let last = points.iter().rposition(|point| !point.counts.is_empty());
    let known = |idx: usize| first.is_some_and(|f| f <= idx) && last.is_some_and(|l| idx <= l);
    let step = f64::from(step_secs.max(1));
    let mut out = Series {
        id: query.id.clone(),
        at_ms: Vec::with_capacity(points.len()),
        step_s: step_secs,
        rps: Vec::new(),
        errors_rps: Vec::new(),
        p50_ms: Vec::new(),
        p95_ms: Vec::new(),
        p99_ms: Vec::new(),
        heatmap: query.heatmap.then(|| heatmap(points)).flatten(),
        notices,
    };
    for (idx, point) in points.iter().enumerate() {
        let (mut requests, mut errors) = (0.0, 0.0);
        for count in point.counts.iter().filter(|count| count.reporter == view) {
            requests += count.value;
            if Ending::of(count.response, &count.flags) == Ending::ServerError {
                errors += count.value;
            }
        }
        let rate = |count: f64| known(idx).then(|| six_digits(count / step));
        out.at_ms.push(point.at.0);
        out.rps.push(rate(requests));
        out.errors_rps.push(rate(errors));
        let latency = point
            .histogram
            .as_ref()
            .filter(|_| requests > 0.0)
            .map(|histogram: &Histogram| quantiles(histogram))
            .unwrap_or_default();
        out.p50_ms.push(latency.p50_ms);
        out.p95_ms.push(latency.p95_ms);
        out.p99_ms.push(latency.p99_ms);
    }
    out
}

/// Returns how many calls fell into each bucket at each point, over the edges that all points share; `None` where
/// no durations are known. A cumulative count at an edge is only known where a histogram has that edge.
fn heatmap(points: &[SeriesPoint]) -> Option<Heatmap> {
    let mut all: Option<Histogram> = None;
    for histogram in points.iter().filter_map(|point| point.histogram.as_ref()) {
        super::merge_histogram(&mut all, histogram);
    }
    let edges: Vec<f64> = all?.buckets().iter().map(|bucket| bucket.le_ms).collect();
    let counts = points.iter().map(|point| {
        let histogram = point.histogram.as_ref()?;
        let mut below = 0.0;
        let mut of_edge = Vec::with_capacity(edges.len());
        for edge in &edges {
            let bucket = histogram.buckets().iter().find(|it| it.le_ms == *edge)?;
            of_edge.push(six_digits((bucket.count - below).max(0.0)));
            below = bucket.count;
        }
        Some(of_edge)
    });
    Some(Heatmap {
        counts: counts.collect(),
        edges_ms: edges
            .into_iter()
            .map(|edge| edge.is_finite().then(|| six_digits(edge)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Bucket;
    use crate::units::UnixMillis;

    fn point(at: i64, buckets: &[(f64, f64)]) -> SeriesPoint {
        let buckets = buckets
            .iter()
            .map(|&(le_ms, count)| Bucket { le_ms, count });
        SeriesPoint {
            at: UnixMillis(at),
            counts: Vec::new(),
            histogram: Histogram::new(buckets.collect()),
        }
    }

    #[test]
    fn r3_a_heatmap_counts_between_edges_that_all_points_share() {
        const INF: f64 = f64::INFINITY;
        let points = [
            point(0, &[(5.0, 2.0), (10.0, 6.0), (25.0, 9.0), (INF, 10.0)]),
            point(1, &[]),
            point(2, &[(5.0, 1.0), (25.0, 1.0), (INF, 4.0)]),
        ];
        let map = heatmap(&points).unwrap();
        assert_eq!(map.edges_ms, [Some(5.0), Some(25.0), None]);
        assert_eq!(
            map.counts,
            [Some(vec![2.0, 7.0, 1.0]), None, Some(vec![1.0, 0.0, 3.0])]
        );
        assert_eq!(heatmap(&[point(0, &[])]), None);
    }
}
