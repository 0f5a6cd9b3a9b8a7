//! Connection pools: who is turned away when a rule limits the calls of a pod.

use super::*;

fn is_overflow(key: &TrafficKey) -> bool {
    key.flags.contains("UO")
}

/// The built-in objects with the two DestinationRules of backend joined into one.
pub(super) fn joined() -> Objects {
    let is_breaker = |o: &Value| place(o).2 == "backend-circuit-breaker";
    let builtin = Objects::builtin();
    let breaker = builtin.iter().find(|o| is_breaker(o)).cloned().unwrap();
    let joined = changed("backend-destination", |o| {
        o["spec"]["trafficPolicy"] = breaker["spec"]["trafficPolicy"].clone();
    });
    let kept = joined.iter().filter(|o| !is_breaker(o)).cloned();
    Objects::from_values(kept.collect()).unwrap()
}

#[test]
fn the_breaker_of_backend_is_without_effect_until_both_rules_are_joined() {
    let mut world = builtin();
    assert_eq!(
        hour(&world).iter().filter(|s| is_overflow(&s.key)).count(),
        0
    );
    let unhealthy = |samples: &[Sample], reporter, to: &str| {
        let bad = |key: &TrafficKey| key.response.http.is_some_and(|c| 500 <= c);
        count(samples, reporter, to, bad) / count(samples, reporter, to, |_| true)
    };

    world.set_objects(&joined());
    assert_eq!(world.complaints(), []);
    world.advance_to(later(3600));
    let samples = hour(&world);
    let refused: Vec<&Sample> = samples.iter().filter(|s| is_overflow(&s.key)).collect();
    assert!(!refused.is_empty());
    for sample in &refused {
        let key = &sample.key;
        assert_eq!(key.source.workload.as_ref().unwrap().as_str(), "scheduler");
        assert_eq!(
            (key.reporter, named(key).as_str()),
            (Reporter::Source, "*backend")
        );
        assert_eq!(
            (key.response.http, key.flags.to_string().as_str()),
            (Some(503), "UO")
        );
    }
    // Of some 200 calls a minute 180 are for v1: 100 find a connection, 50 wait, 30 are one too many.
    let a_minute = refused.iter().map(|s| s.value).sum::<f64>() / 60.0;
    assert!((20.0..40.0).contains(&a_minute), "{a_minute}");
    for to in ["backend-v1", "backend-v2"] {
        assert!(unhealthy(&samples, Reporter::Source, to) < 0.003, "{to}");
    }

    // Apart again.
    world.set_objects(&Objects::builtin());
    world.advance_to(later(3600 + 600));
    let samples = world.requests(&Requests {
        window: window(600),
        at: world.now(),
    });
    assert!(!samples.iter().any(|s| is_overflow(&s.key)));
}

#[test]
fn a_subset_may_have_limits_of_its_own_and_grpc_counts_calls() {
    let mut world = builtin();
    world.set_objects(&changed("backend-destination", |o| {
        let tight = serde_json::json!({"connectionPool": {
            "tcp": {"maxConnections": 5}, "http": {"http1MaxPendingRequests": 5},
        }});
        o["spec"]["subsets"][1]["trafficPolicy"] = tight;
    }));
    world.advance_to(later(600));
    let ten_minutes = |world: &World| {
        world.requests(&Requests {
            window: window(600),
            at: world.now(),
        })
    };
    let samples = ten_minutes(&world);
    let refused = count(&samples, Reporter::Source, "*backend", is_overflow);
    // Ten of some 20 calls for v2 are one too many; v1 takes all of its 180.
    assert!((60.0..140.0).contains(&refused), "{refused}");

    // A pod of payments may ask fraud one thing at a time; now and then two charges meet in a pod.
    world.set_objects(&with(
        "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: fraud, namespace: payments}
spec:
  host: fraud
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 1}
      http: {http2MaxRequests: 1}",
    ));
    world.advance_to(later(4200));
    let samples = hour(&world);
    let refused = count(&samples, Reporter::Source, "*fraud", is_overflow);
    let taken = count(&samples, Reporter::Source, "fraud", |_| true);
    assert!(
        0.0 < refused && refused < 0.1 * taken,
        "{refused} of {taken}"
    );
    let unavailable = |key: &TrafficKey| is_overflow(key) && key.response.grpc == Some(14);
    assert_eq!(
        refused,
        count(&samples, Reporter::Source, "*fraud", unavailable)
    );
}
