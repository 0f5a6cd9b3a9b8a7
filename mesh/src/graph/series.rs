//! How calls went over time.

use crate::api::Notice;
use crate::api::query::SeriesQuery;
use crate::api::series::Series;
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
