use super::*;
use crate::telemetry::Bucket;

fn of(errors: f64, requests: f64) -> Seen<'static> {
    Seen {
        outcome: Outcome { requests, errors },
        ..Seen::default()
    }
}

fn window() -> Window {
    "5m".parse().unwrap()
}

fn judged(errors: f64, requests: f64, by: &Thresholds) -> String {
    let health = judge(of(errors, requests), window(), by);
    format!("{:?}: {}", health.status, health.reason)
}

#[test]
fn r10_health_has_a_reason_and_a_sample_size() {
    let usual = Thresholds::default();
    let judged = |errors, requests| judged(errors, requests, &usual);
    assert_eq!(
        judged(1.0, 4.0),
        "Unjudged: too little traffic to judge: 1 of 4 failed in 5m"
    );
    assert_eq!(
        judged(12.0, 240.0),
        "Degraded: 12 of 240 requests failed (5.0 %) in 5m"
    );
    assert_eq!(
        judged(2.0, 9000.0),
        "Healthy: 2 of 9000 requests failed (0.02 %) in 5m"
    );
    assert_eq!(judged(0.0, 7.0), "Healthy: none of 7 requests failed in 5m");
    assert_eq!(judged(0.0, 0.0), "Idle: no requests in 5m");
    // Two failures never condemn, however few the requests.
    assert!(judged(2.0, 2.0).starts_with("Unjudged"));
}

#[test]
fn r10_a_share_that_is_not_all_is_not_written_as_all() {
    let by = Thresholds::default();
    let said = |errors, requests| judge(of(errors, requests), window(), &by).reason;
    assert!(said(60.0, 60.0).starts_with("60 of 60 requests failed (100 %)"));
    assert!(said(9999.0, 10000.0).starts_with("9999 of 10000 requests failed (> 99.9 %)"));
    assert!(said(9990.0, 10000.0).starts_with("9990 of 10000 requests failed (99.9 %)"));
}

#[test]
fn r10_ten_of_ten_failed_is_failing() {
    assert_eq!(
        judged(10.0, 10.0, &Thresholds::default()),
        "Failing: 10 of 10 requests failed (100 %) in 5m"
    );
}

#[test]
fn r10_the_lower_bound_decides_not_the_share_seen() {
    let usual = Thresholds::default();
    // 12 % of a few may be chance: the lower bound is 5.6 %. Of many it is not: 10.1 %.
    assert!(judged(9.0, 75.0, &usual).starts_with("Degraded"));
    assert!(judged(144.0, 1200.0, &usual).starts_with("Failing"));
    // 1.5 % of 600: the lower bound is 0.8 %.
    assert!(judged(9.0, 600.0, &usual).starts_with("Healthy"));
}

fn shop() -> Objectives {
    let percent = |degraded: f64, failing: f64| Change {
        degraded: Some(degraded / 100.0),
        failing: Some(failing / 100.0),
        ..Change::default()
    };
    // In an order that must not matter: what is narrower goes first.
    Objectives::default()
        .with(
            Pattern::new("shop"),
            Subject::Service(Pattern::new("cart")),
            percent(0.1, 0.5),
        )
        .with(Pattern::new("sh*"), Subject::All, percent(20.0, 50.0))
        .with(
            Pattern::new("shop"),
            Subject::Workload(Pattern::new("*-batch")),
            Change {
                min_errors: Some(100.0),
                ..Change::default()
            },
        )
}

fn at<'a>(namespace: &'a str, service: &'a str, workload: &'a str) -> Place<'a> {
    Place {
        namespace: Some(namespace),
        service: Some(service),
        workload: Some(workload),
    }
}

#[test]
fn r10_thresholds_are_the_objectives_of_the_place() {
    let objectives = shop();
    let judged = |place: Place, errors, requests| judged(errors, requests, &objectives.at(&place));
    assert_eq!(
        judged(at("shop", "cart", "cart-v1"), 30.0, 3000.0),
        "Failing: 30 of 3000 requests failed (1.0 %) in 5m; the objective here is less than 0.5 %"
    );
    assert!(judged(at("shop", "web", "web"), 150.0, 1000.0).starts_with("Healthy"));
    assert_eq!(
        judged(at("shop", "web", "web"), 300.0, 1000.0),
        "Degraded: 300 of 1000 requests failed (30.0 %) in 5m; the objective here is less than 20 %"
    );
    // Elsewhere everybody's thresholds hold, also for a service of that name.
    assert_eq!(
        judged(at("bank", "cart", "cart-v1"), 150.0, 1000.0),
        "Failing: 150 of 1000 requests failed (15.0 %) in 5m"
    );
    assert!(judged(at("shop", "web", "web-batch"), 90.0, 90.0).starts_with("Unjudged"));
    assert!(judged(at("shop", "web", "web-batch"), 100.0, 100.0).starts_with("Failing"));
    // Where nobody knows the namespace, no objective is meant.
    assert!(judged(Place::default(), 150.0, 1000.0).starts_with("Failing"));
}

#[test]
fn r10_of_two_objectives_for_one_place_the_later_one_holds_field_by_field() {
    let change = |degraded, p95_ms| Change {
        degraded,
        p95_ms,
        ..Change::default()
    };
    let objectives = Objectives::everywhere(change(Some(0.02), Some(900.0)))
        .with(
            Pattern::new("*"),
            Subject::All,
            change(Some(0.03), Some(500.0)),
        )
        .with(
            Pattern::new("shop"),
            Subject::All,
            change(None, Some(250.0)),
        );
    let found = objectives.at(&at("shop", "web", "web"));
    assert_eq!((found.degraded, found.p95_ms), (0.03, Some(250.0)));
    assert_eq!((found.failing, found.p99_ms), (0.10, None));
}

#[test]
fn a_pattern_fits_names_with_any_text_at_its_stars() {
    for (pattern, fitting, other) in [
        ("shop", "shop", "shops"),
        ("*", "anything", ""),
        ("a*", "a", "ba"),
        ("*-v1", "cart-v1", "cart-v10"),
        ("a*b*c", "a-b-b-c", "a-c-b"),
        ("a*a", "aa", "a"),
        ("*ab*b", "ab-b", "ab"),
    ] {
        let pattern = Pattern::new(pattern);
        assert!(pattern.fits(fitting), "{pattern:?} {fitting}");
        assert!(
            other.is_empty() || !pattern.fits(other),
            "{pattern:?} {other}"
        );
    }
}

#[test]
fn r10_the_hour_decides_where_the_window_is_too_small() {
    let usual = Thresholds::default();
    let widened = |errors, requests| {
        let seen = Seen {
            hour: Some(Outcome { requests, errors }),
            ..of(1.0, 4.0)
        };
        judge(seen, window(), &usual)
    };
    assert_eq!(widened(30.0, 60.0).status, HealthStatus::Failing);
    assert_eq!(widened(1.0, 900.0).status, HealthStatus::Healthy);
    assert_eq!(
        widened(1.0, 9.0).reason,
        "too little traffic to judge: 1 of 9 failed in the last hour"
    );
    // The thresholds of the place hold for the hour as well.
    let lenient = Thresholds {
        failing: 0.7,
        degraded: 0.6,
        ..usual
    };
    let seen = Seen {
        hour: Some(Outcome {
            requests: 60.0,
            errors: 30.0,
        }),
        ..of(3.0, 4.0)
    };
    assert_eq!(
        judge(seen, window(), &lenient).status,
        HealthStatus::Healthy
    );
}

/// Calls that took at most so many milliseconds, cumulative.
fn durations(counts: &[(f64, f64)]) -> Histogram {
    let buckets = counts
        .iter()
        .map(|&(le_ms, count)| Bucket { le_ms, count })
        .collect();
    Histogram::new(buckets).unwrap()
}

fn timed(histogram: &Histogram, errors: f64, by: &Thresholds) -> String {
    let seen = Seen {
        durations: Some(histogram),
        ..of(errors, histogram.count())
    };
    let health = judge(seen, window(), by);
    format!("{:?}: {}", health.status, health.reason)
}

#[test]
fn r10_a_latency_objective_degrades() {
    const INF: f64 = f64::INFINITY;
    let by = Thresholds {
        p95_ms: Some(300.0),
        ..Thresholds::default()
    };
    let slow = durations(&[(250.0, 80.0), (500.0, 85.0), (1000.0, 100.0), (INF, 100.0)]);
    assert_eq!(
        timed(&slow, 0.0, &by),
        "Degraded: 15 of 100 requests took longer than 500 ms (the objective here is p95 ≤ 300 ms) in 5m"
    );
    assert!(timed(&slow, 0.0, &Thresholds::default()).starts_with("Healthy"));
    // Failing is worse than slow, and says so.
    assert!(timed(&slow, 50.0, &by).starts_with("Failing: 50 of 100"));
    // The 95 % lie in the bucket from 250 to 500 ms: they may keep to 300 ms.
    let unknown = durations(&[(250.0, 80.0), (500.0, 99.0), (1000.0, 100.0), (INF, 100.0)]);
    assert!(timed(&unknown, 0.0, &by).starts_with("Healthy"));
    // Seven of a hundred may be chance.
    let chance = durations(&[(300.0, 93.0), (500.0, 100.0), (INF, 100.0)]);
    assert!(timed(&chance, 0.0, &by).starts_with("Healthy"));
    // Of the slowest edge nothing more is known.
    let edge = durations(&[(100.0, 10.0), (INF, 100.0)]);
    assert!(timed(&edge, 0.0, &by).starts_with("Healthy"));
    let tail = Thresholds {
        p99_ms: Some(1000.0),
        p50_ms: Some(250.0),
        ..Thresholds::default()
    };
    let half = durations(&[(250.0, 10.0), (1000.0, 100.0), (INF, 100.0)]);
    assert!(timed(&half, 0.0, &tail).contains("p50 ≤ 250 ms"));
}

#[test]
fn r10_a_latency_objective_is_not_judged_by_a_handful_of_calls() {
    let by = Thresholds {
        p95_ms: Some(100.0),
        ..Thresholds::default()
    };
    let few = durations(&[(100.0, 0.0), (250.0, 19.0), (f64::INFINITY, 19.0)]);
    assert!(timed(&few, 0.0, &by).starts_with("Healthy"));
    let enough = durations(&[(100.0, 0.0), (250.0, 20.0), (f64::INFINITY, 20.0)]);
    assert!(timed(&enough, 0.0, &by).starts_with("Degraded: 20 of 20"));
    // Two slow ones of twenty are more than one in a hundred, and too few to say so.
    let tail = Thresholds {
        p99_ms: Some(100.0),
        ..Thresholds::default()
    };
    let two = durations(&[(100.0, 18.0), (250.0, 20.0), (f64::INFINITY, 20.0)]);
    assert!(timed(&two, 0.0, &tail).starts_with("Healthy"));
    let three = durations(&[(100.0, 17.0), (250.0, 20.0), (f64::INFINITY, 20.0)]);
    assert!(timed(&three, 0.0, &tail).starts_with("Degraded: 3 of 20"));
}

#[test]
fn r10_no_ready_pod_is_failing() {
    let health = || judge(of(0.0, 7.0), window(), &Thresholds::default());
    let judged = |ready, wanted| Ready { wanted, ready }.judge(health());
    assert_eq!(
        judged(0, 2),
        Health {
            status: HealthStatus::Failing,
            reason: "no pod is ready: 0 of 2; none of 7 requests failed in 5m".to_owned()
        }
    );
    assert_eq!(judged(2, 2), health());
    // Scaled to nothing on purpose.
    assert_eq!(judged(0, 0), health());
    let fewer = judged(1, 2);
    assert_eq!(fewer.status, HealthStatus::Healthy);
    assert_eq!(
        fewer.reason,
        "none of 7 requests failed in 5m; 1 of 2 pods ready"
    );
}

#[test]
fn wilson_agrees_with_published_figures() {
    // 10 of 100: 5.52 % to 17.44 %.
    let (low, high) = wilson(Outcome {
        requests: 100.0,
        errors: 10.0,
    })
    .unwrap();
    assert!(
        (low - 0.0552).abs() < 1e-4 && (high - 0.1744).abs() < 1e-4,
        "{low} {high}"
    );
}
