//! Mirrors: copies that servers take and callers never see.

use super::*;

#[test]
fn a_mirror_is_reported_by_its_servers_alone_and_its_callers_do_not_feel_it() {
    let mut world = builtin();
    world.set_objects(&changed("backend-routing", |o| {
        let rule = &mut o["spec"]["http"][0];
        rule["route"] = serde_json::json!([{"destination": {"host": "backend", "subset": "v1"}}]);
        rule["mirror"] = serde_json::json!({"host": "backend", "subset": "v2"});
        rule["mirrorPercentage"] = serde_json::json!({"value": 25});
    }));
    assert_eq!(world.complaints(), []);
    world.advance_to(later(3600));
    let from_frontend: Vec<Sample> = hour(&world)
        .into_iter()
        .filter(|s| {
            let source = s.key.source.workload.as_ref();
            source.is_some_and(|source| source.as_str() == "frontend")
        })
        .collect();
    let of = |reporter, to: &str| count(&from_frontend, reporter, to, |_| true);
    let asked = of(Reporter::Source, "backend-v1");
    assert_eq!(of(Reporter::Destination, "backend-v1"), asked);
    assert_eq!(of(Reporter::Source, "backend-v2"), 0.0);
    let copies = of(Reporter::Destination, "backend-v2");
    assert!(
        (0.23..0.27).contains(&(copies / asked)),
        "{copies} of {asked}"
    );
    let backend = |key: &TrafficKey| key.service.as_ref().unwrap().name.as_str() == "backend";
    assert_eq!(
        copies,
        count(&from_frontend, Reporter::Destination, "backend-v2", backend)
    );
}

#[test]
fn copies_that_nobody_can_take_are_dropped_without_a_word() {
    // One subset has no ready pod, the other is not in the DestinationRule.
    for subset in ["v2", "v9"] {
        let mut world = builtin();
        world.set_objects(&changed("stock", |o| {
            if o["kind"] == "VirtualService" {
                let to = serde_json::json!({"host": "stock", "subset": subset});
                o["spec"]["http"][0]["mirror"] = to;
            }
        }));
        world.advance_to(later(600));
        let samples = world.requests(&Requests {
            window: window(600),
            at: world.now(),
        });
        assert!(
            samples.iter().all(|s| named(&s.key) != "stock-v2"),
            "{subset}"
        );
        let asked = |to| count(&samples, Reporter::Source, to, |_| true);
        let refused = asked("*stock") / (asked("*stock") + asked("stock-v1"));
        assert!((0.02..0.04).contains(&refused), "{subset}: {refused}");
    }
}
