//! How calls went over time (rule R2).

use super::*;
use crate::api::query::SeriesQuery;
use crate::telemetry::{
    Bucket, Flags, Histogram, Protocol, Reporter, Response, SeriesCount, SeriesPoint,
};

fn point(source: f64, destination: f64) -> SeriesPoint {
    let count = |reporter: Reporter, value: f64| SeriesCount {
        reporter,
        protocol: Protocol::Http,
        response: Response {
            http: Some(200),
            grpc: None,
        },
        flags: Flags::parse("-"),
        value,
    };
    SeriesPoint {
        at: UnixMillis(0),
        counts: vec![
            count(Reporter::Source, source),
            count(Reporter::Destination, destination),
        ],
        histogram: None,
    }
}

fn of(points: &[SeriesPoint]) -> api::series::Series {
    let query = SeriesQuery {
        id: "c/shop/cart".to_owned(),
        window: Window::default(),
        at: None,
        by: By::Workload,
        direction: None,
        heatmap: false,
    };
    series(&query, 10, points, Vec::new())
}

#[test]
fn r2_a_series_of_the_callers_view_says_when_the_called_side_saw_more() {
    let alike = of(&[point(50.0, 50.0), point(30.0, 31.0)]);
    assert_eq!(alike.rps, [Some(5.0), Some(3.0)]);
    assert!(alike.notices.is_empty());
    let nearly = of(&[point(50.0, 54.0)]);
    assert!(nearly.notices.is_empty(), "less than a tenth more");
    let more = of(&[point(50.0, 90.0)]);
    assert_eq!(more.rps, [Some(5.0)]);
    assert!(more.notices[0].message.contains("called side saw more"));
}

#[test]
fn r2_a_line_of_a_client_that_stands_still_hides_nothing() {
    let still = of(&[point(0.0, 50.0), point(0.0, 30.0)]);
    assert_eq!(still.rps, [Some(5.0), Some(3.0)]);
    let dip = of(&[point(0.0, 50.0), point(30.0, 30.0)]);
    assert_eq!(
        dip.rps,
        [Some(0.0), Some(3.0)],
        "one view for the whole line"
    );
}

#[test]
fn r3_where_nothing_was_called_a_line_has_no_latency() {
    let timed = |requests: f64| SeriesPoint {
        histogram: Histogram::new(vec![
            Bucket {
                le_ms: 10.0,
                count: 5.0,
            },
            Bucket {
                le_ms: f64::INFINITY,
                count: 5.0,
            },
        ]),
        ..point(requests, requests)
    };
    let line = of(&[timed(50.0), timed(0.0)]);
    assert_eq!(line.p50_ms, [Some(5.0), None]);
}

#[test]
fn r4_a_line_counts_the_errors_of_its_view_alone() {
    let mut failing = point(50.0, 50.0);
    let of_code = |reporter: Reporter, http: u16, value: f64| {
        let mut count = failing.counts[0].clone();
        (count.reporter, count.response.http, count.value) = (reporter, Some(http), value);
        count
    };
    let more = [
        of_code(Reporter::Source, 503, 20.0),
        of_code(Reporter::Source, 500, 10.0),
        of_code(Reporter::Source, 404, 20.0),
        of_code(Reporter::Destination, 503, 40.0),
    ];
    failing.counts.extend(more);
    let line = of(&[point(50.0, 50.0), failing]);
    assert_eq!(line.rps, [Some(5.0), Some(10.0)]);
    assert_eq!(line.errors_rps, [Some(0.0), Some(3.0)]);
}

#[test]
fn r2_before_the_first_and_after_the_last_count_nothing_is_known() {
    let silent = |at: i64| SeriesPoint {
        at: UnixMillis(at),
        counts: Vec::new(),
        histogram: None,
    };
    let line = of(&[
        silent(0),
        point(50.0, 50.0),
        silent(20),
        point(30.0, 30.0),
        silent(40),
    ]);
    assert_eq!(line.rps, [None, Some(5.0), Some(0.0), Some(3.0), None]);
    assert_eq!(
        line.errors_rps,
        [None, Some(0.0), Some(0.0), Some(0.0), None]
    );
}
