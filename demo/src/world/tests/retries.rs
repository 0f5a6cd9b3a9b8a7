//! Retries: who counts what when a call is tried again.

use super::*;

#[test]
fn what_is_unavailable_is_tried_again_elsewhere_and_its_callers_hardly_notice() {
    let samples = hour(&builtin());
    let unavailable = |key: &TrafficKey| key.response.grpc == Some(14);
    for to in ["warehouse", "auth", "ledger"] {
        let said = |reporter| count(&samples, reporter, to, unavailable);
        let all = |reporter| count(&samples, reporter, to, |_| true);
        let (client, server) = (said(Reporter::Source), said(Reporter::Destination));
        assert!(0.0 < server, "{to}");
        assert!(client < 0.1 * server, "{to}: {client} of {server}");
        // Each further attempt is one more report of a server, and nothing else is.
        assert_eq!(
            all(Reporter::Destination) - all(Reporter::Source),
            server - client,
            "{to}"
        );
    }
    // Nobody was told of connections that failed once.
    let unconnected = |key: &TrafficKey| key.flags.contains("UF");
    assert_eq!(
        count(&samples, Reporter::Source, "*warehouse", unconnected),
        0.0
    );
}

#[test]
fn an_answer_of_503_is_not_tried_again_unless_a_rule_says_so() {
    let samples = hour(&builtin());
    let bad = |key: &TrafficKey| key.response.http.is_some_and(|c| 500 <= c);
    for to in ["backend-v1", "payments-v2", "notifications"] {
        let said = |reporter| count(&samples, reporter, to, bad);
        assert!(0.0 < said(Reporter::Source), "{to}");
        assert_eq!(said(Reporter::Source), said(Reporter::Destination), "{to}");
    }

    let mut world = builtin();
    world.set_objects(&changed("payments", |o| {
        if o["kind"] == "VirtualService" {
            o["spec"]["http"][0]["retries"] = serde_json::json!({"attempts": 3, "retryOn": "5xx"});
        }
    }));
    world.advance_to(later(3600));
    let samples = hour(&world);
    let said = |reporter| count(&samples, reporter, "payments-v2", bad);
    let all = |reporter| count(&samples, reporter, "payments-v2", |_| true);
    let share = said(Reporter::Destination) / all(Reporter::Destination);
    assert!(
        (0.03..0.10).contains(&share),
        "its server still says {share}"
    );
    assert!(said(Reporter::Source) <= 1.0, "its callers hardly notice");
}

#[test]
fn used_up_retries_are_flagged_and_counted_once_by_the_client() {
    let mut world = builtin();
    world.set_objects(&with(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
  http:
    - route: [{destination: {host: reviews}}]
      retries: {attempts: 1, retryOn: '404'}",
    ));
    assert_eq!(world.complaints(), []);
    world.advance_to(later(3600));
    let samples = hour(&world);
    let of = |reporter, ends: fn(&TrafficKey) -> bool| count(&samples, reporter, "reviews", ends);
    let (asked, tried) = (
        of(Reporter::Source, |_| true),
        of(Reporter::Destination, |_| true),
    );
    let missing = of(Reporter::Destination, |k| k.response.http == Some(404));
    assert!(
        (0.05..0.07).contains(&(missing / tried)),
        "{missing} of {tried}"
    );
    let told = of(Reporter::Source, |k| k.response.http == Some(404));
    let used_up = of(Reporter::Source, |k| k.flags.contains("URX"));
    assert_eq!(told, used_up);
    assert!(
        (0.002..0.006).contains(&(told / asked)),
        "{told} of {asked}"
    );
    // A first 404 is tried again; a second one is the client's answer.
    assert_eq!(tried - asked, missing - told);
    assert_eq!(
        of(Reporter::Destination, |k| !k.flags.is_empty()
            && !k.flags.contains("DC")),
        0.0
    );
}

#[test]
fn retries_can_be_switched_off() {
    let mut world = builtin();
    world.set_objects(&with(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: warehouse, namespace: inventory}
spec:
  hosts: [warehouse]
  http:
    - route: [{destination: {host: warehouse}}]
      retries: {attempts: 0}",
    ));
    world.advance_to(later(3600));
    let samples = hour(&world);
    let all = |reporter| count(&samples, reporter, "warehouse", |_| true);
    assert_eq!(all(Reporter::Source), all(Reporter::Destination));
    let unavailable = |key: &TrafficKey| key.response.grpc == Some(14);
    let said = |reporter| count(&samples, reporter, "warehouse", unavailable);
    assert_eq!(said(Reporter::Source), said(Reporter::Destination));
    let unconnected = |key: &TrafficKey| key.flags.to_string() == "UF";
    assert!(0.0 < count(&samples, Reporter::Source, "*warehouse", unconnected));
}
