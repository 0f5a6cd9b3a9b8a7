//! Outlier detection: pods that fail are left out, for good or ill.

use super::*;

fn is_bad(key: &TrafficKey) -> bool {
    key.response.http.is_some_and(|code| 500 <= code)
}

fn is_unhealthy(key: &TrafficKey) -> bool {
    key.flags.contains("UH")
}

#[test]
fn callers_of_search_leave_its_ill_pod_out_and_lose_few_calls() {
    let failed = |objects: &Objects, caller: &str| {
        let mut world = World::new(7, NOW, objects);
        world.advance_to(later(3600));
        let from = |s: &Sample| {
            let source = s.key.source.workload.as_ref();
            source.is_some_and(|source| source.as_str() == caller)
        };
        let samples: Vec<Sample> = hour(&world).into_iter().filter(from).collect();
        let to_search =
            |ends: fn(&TrafficKey) -> bool| count(&samples, Reporter::Source, "search", ends);
        assert_eq!(
            count(&samples, Reporter::Source, "*search", is_unhealthy),
            0.0
        );
        (to_search(is_bad), to_search(|_| true))
    };
    let unwatched = changed("search", |o| {
        if o["kind"] == "DestinationRule" {
            o["spec"]["trafficPolicy"] = serde_json::json!({"loadBalancer": {"simple": "RANDOM"}});
        }
    });
    // Each caller's proxies judge by their own calls alone, and both find out.
    for caller in ["web", "scheduler"] {
        let (few, all) = failed(&Objects::builtin(), caller);
        let (many, _) = failed(&unwatched, caller);
        assert!(
            0.0 < few && 3.0 * few < many,
            "{caller}: {few}, without {many}"
        );
        assert!(few < 0.02 * all, "{caller}: {few} of {all}");
    }
}

/// The built-in objects with outlier detection for the canary of payments.
fn strict(max_ejection: &str) -> Objects {
    changed("payments", |o| {
        if o["kind"] == "DestinationRule" {
            let policy =
                format!("{{\"outlierDetection\": {{\"consecutive5xxErrors\": 1{max_ejection}}}}}");
            o["spec"]["subsets"][1]["trafficPolicy"] = serde_json::from_str(&policy).unwrap();
        }
    })
}

#[test]
fn where_all_may_be_ejected_calls_end_without_a_healthy_endpoint() {
    let refused = |objects: &Objects| {
        let mut world = builtin();
        world.set_objects(objects);
        assert_eq!(world.complaints(), []);
        world.advance_to(later(3600));
        let samples = hour(&world);
        let refused = count(&samples, Reporter::Source, "*payments", is_unhealthy);
        let of_canary = count(&samples, Reporter::Source, "payments-v2", |_| true);
        (refused, of_canary)
    };
    // The canary has one pod. With 6 % failures, each of checkout's two pods leaves it out after
    // some 17 calls, for half a minute and longer.
    let (harm, rest) = refused(&strict(", \"maxEjectionPercent\": 100"));
    assert!(0.1 * rest < harm, "{harm} against {rest}");
    // It is back after its time: it goes on failing, and being asked.
    assert!(100.0 < rest, "{rest}");
    // Istio's default of 10 % lets none of so few pods be ejected.
    let (harm, rest) = refused(&strict(""));
    assert!(harm < 0.02 * rest, "{harm} against {rest}");
    // Below its least share of healthy pods, nobody is left out.
    let panics = ", \"maxEjectionPercent\": 100, \"minHealthPercent\": 10";
    let (harm, rest) = refused(&strict(panics));
    assert!(harm < 0.02 * rest, "{harm} against {rest}");
}
