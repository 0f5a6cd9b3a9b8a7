//! Timeouts: of a call, and of each of its attempts.

use mesh::telemetry::DurationBuckets;

use super::*;

fn search(rule: &str) -> Objects {
    with(&format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: search, namespace: platform}}
spec:
  hosts: [search]
  http:
    - route: [{{destination: {{host: search}}}}]
{rule}"
    ))
}

fn is_late(key: &TrafficKey) -> bool {
    key.flags.contains("UT")
}

fn saw_its_client_go(key: &TrafficKey) -> bool {
    key.flags.contains("DC")
}

#[test]
fn a_late_answer_is_504_for_the_caller_and_a_lost_client_for_the_server() {
    let mut world = builtin();
    world.set_objects(&search("      timeout: 30ms"));
    assert_eq!(world.complaints(), []);
    world.advance_to(later(3600));
    let samples = hour(&world);
    let of = |reporter, ends: fn(&TrafficKey) -> bool| count(&samples, reporter, "search", ends);
    let asked = of(Reporter::Source, |_| true);
    // The median is 35 ms.
    let late = of(Reporter::Source, is_late);
    assert!((0.5..0.8).contains(&(late / asked)), "{late} of {asked}");
    assert_eq!(late, of(Reporter::Source, |k| k.response.http == Some(504)));
    // The server takes each call once. It has answered some that the network brought too late.
    assert_eq!(of(Reporter::Destination, |_| true), asked);
    let lost = of(Reporter::Destination, saw_its_client_go);
    assert!(0.9 * late < lost && lost <= late, "{lost} of {late}");
    assert_eq!(of(Reporter::Destination, is_late), 0.0);
    // Nobody waited longer.
    for sample in world.durations(&DurationBuckets {
        window: Window::HOUR,
        at: world.now(),
    }) {
        if named(&sample.key) == "search" {
            let within = sample.histogram.buckets().iter().find(|b| b.le_ms == 50.0);
            assert_eq!(within.unwrap().count, sample.histogram.count());
        }
    }
}

#[test]
fn a_late_attempt_is_tried_again_within_the_time_of_the_call() {
    let mut world = builtin();
    let retries = "      retries: {attempts: 1, perTryTimeout: 20ms, retryOn: reset}";
    world.set_objects(&search(retries));
    world.advance_to(later(3600));
    let samples = hour(&world);
    let of = |reporter, ends: fn(&TrafficKey) -> bool| count(&samples, reporter, "search", ends);
    let (asked, tried) = (
        of(Reporter::Source, |_| true),
        of(Reporter::Destination, |_| true),
    );
    assert!(
        1.7 * asked < tried && tried <= 2.0 * asked,
        "{tried} for {asked}"
    );
    let late = of(Reporter::Source, is_late);
    assert_eq!(
        late,
        of(Reporter::Source, |k| k.flags.to_string() == "URX,UT")
    );
    assert!(0.5 * asked < late && late < asked, "{late} of {asked}");
    assert!(late < of(Reporter::Destination, saw_its_client_go));

    // The call's own time ends it before its retries are used up.
    world.set_objects(&search(&format!("      timeout: 21ms\n{retries}")));
    world.advance_to(later(7200));
    let samples = hour(&world);
    let of = |reporter, ends: fn(&TrafficKey) -> bool| count(&samples, reporter, "search", ends);
    assert!(0.0 < of(Reporter::Source, is_late));
    assert_eq!(of(Reporter::Source, |k| k.flags.contains("URX")), 0.0);
}

#[test]
fn a_late_grpc_call_is_unavailable() {
    let mut world = builtin();
    world.set_objects(&with(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: fraud, namespace: payments}
spec:
  hosts: [fraud]
  http:
    - route: [{destination: {host: fraud}}]
      timeout: 60ms",
    ));
    world.advance_to(later(600));
    let samples = world.requests(&Requests {
        window: window(600),
        at: world.now(),
    });
    let late = count(&samples, Reporter::Source, "fraud", is_late);
    let unavailable = |key: &TrafficKey| {
        is_late(key) && key.response.grpc == Some(14) && key.response.http == Some(200)
    };
    assert!(10.0 < late, "{late}");
    assert_eq!(
        late,
        count(&samples, Reporter::Source, "fraud", unavailable)
    );
}
