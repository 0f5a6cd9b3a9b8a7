//! Traffic: the story under its routing.

use std::collections::BTreeSet;

use super::*;

#[test]
fn the_mesh_of_the_story_is_there() {
    let world = builtin();
    let samples = world.requests(&Requests {
        window: Window::HOUR,
        at: NOW,
    });
    let edges = by_edge(&samples);
    assert!((40..=70).contains(&edges.len()), "{} edges", edges.len());
    let rps = |from: &str, to: &str| edges[&(from.to_owned(), to.to_owned())] / 3600.0;
    let frontend = rps("frontend", "backend-v1") + rps("frontend", "backend-v2");
    assert!((24.0..36.0).contains(&frontend), "{frontend}");
    let ingress =
        rps("istio-ingressgateway", "backend-v1") + rps("istio-ingressgateway", "backend-v2");
    assert!((8.0..12.0).contains(&ingress), "{ingress}");
    assert!(
        0.0 < rps("orders", "users") && 0.0 < rps("users", "orders"),
        "a cycle"
    );
    let notified = rps("scheduler", "notifications") * 3600.0;
    assert!(
        (10.0..=60.0).contains(&notified),
        "{notified} notifications"
    );

    let errors = |workload: &str| {
        let to = |s: &&Sample| {
            s.key.reporter == Reporter::Source
                && s.key
                    .destination
                    .workload
                    .as_ref()
                    .is_some_and(|w| w.as_str() == workload)
        };
        let sum = |wanted: fn(u16) -> bool| -> f64 {
            let counted = samples.iter().filter(to);
            counted
                .filter(|s| wanted(s.key.response.http.unwrap()))
                .map(|s| s.value)
                .sum()
        };
        sum(|code| 500 <= code) / sum(|_| true)
    };
    assert!(errors("backend-v1") < 0.002 && errors("backend-v2") < 0.002);
    assert!(
        (0.03..0.10).contains(&errors("payments-v2")),
        "{}",
        errors("payments-v2")
    );
    assert!(errors("payments-v1") < 0.006);
}

#[test]
fn weights_are_obeyed_from_the_next_step_on() {
    let mut world = builtin();
    let measured = |world: &World, from: &str| {
        let edges = by_edge(&world.requests(&Requests {
            window: window(600),
            at: world.now(),
        }));
        let n = |to: &str| edges[&(from.to_owned(), to.to_owned())];
        let total = n("backend-v1") + n("backend-v2");
        (n("backend-v2") / total, total)
    };
    // Two in a hundred of the frontend's calls carry a header that nothing matches yet.
    let near = |(share, n): (f64, f64), wanted: f64| {
        let sigma = (wanted * (1.0 - wanted) / n).sqrt();
        assert!(
            (share - wanted).abs() < 4.0 * sigma,
            "{share} of {n}, wanted {wanted}"
        );
    };
    near(measured(&world, "frontend"), 0.1);
    near(measured(&world, "istio-ingressgateway"), 0.1);

    world.set_objects(&changed("backend-routing", |o| set_weights(o, [50, 50])));
    world.advance_to(later(600));
    near(measured(&world, "frontend"), 0.5);
    near(measured(&world, "istio-ingressgateway"), 0.1);

    // Testers go to v2, everyone else to v1.
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"] = serde_json::json!([
            {"match": [{"headers": {"x-testing": {"exact": "true"}}}],
             "route": [{"destination": {"host": "backend", "subset": "v2"}}]},
            {"route": [{"destination": {"host": "backend", "subset": "v1"}}]},
        ]);
    }));
    world.advance_to(later(1200));
    near(measured(&world, "frontend"), 0.02);
}

#[test]
fn the_canary_without_a_ready_pod_is_told_by_its_callers_alone() {
    let mut world = builtin();
    let samples = world.requests(&Requests {
        window: Window::HOUR,
        at: NOW,
    });
    let refused: Vec<&Sample> = samples
        .iter()
        .filter(|s| s.key.flags.contains("UH"))
        .collect();
    let callers: BTreeSet<&str> = refused
        .iter()
        .filter(|s| s.key.service.as_ref().unwrap().name.as_str() == "stock")
        .map(|s| s.key.source.workload.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(callers, ["cart", "catalog", "scheduler"].into());
    for sample in refused {
        assert_eq!(sample.key.reporter, Reporter::Source);
        assert_eq!(sample.key.destination, mesh::telemetry::Peer::default());
        assert_eq!(sample.key.response.http, Some(503));
    }
    let of_v2 = |world: &World, secs| {
        let all = world.requests(&Requests {
            window: window(secs),
            at: world.now(),
        });
        by_edge(&all).keys().any(|(_, to)| to == "stock-v2")
    };
    assert!(!of_v2(&world, 3600));

    // Once the image is there, the pod becomes ready and takes its share.
    world.set_objects(&changed("stock-v2", |o| {
        o["status"] = serde_json::json!({"readyReplicas": 1})
    }));
    world.advance_to(later(120));
    assert!(of_v2(&world, 120));
}

#[test]
fn an_abort_and_a_delay_are_injected_and_flagged() {
    let mut world = builtin();
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"][0]["fault"] = serde_json::json!({
            "delay": {"percentage": {"value": 50}, "fixedDelay": "2s"},
            "abort": {"percentage": {"value": 20}, "httpStatus": 418},
        });
    }));
    world.advance_to(later(300));
    let samples = world.requests(&Requests {
        window: window(300),
        at: world.now(),
    });
    let from_frontend = |flag: &str| -> f64 {
        samples
            .iter()
            .filter(|s| {
                s.key.reporter == Reporter::Source
                    && s.key
                        .source
                        .workload
                        .as_ref()
                        .is_some_and(|w| w.as_str() == "frontend")
                    && (flag.is_empty() || s.key.flags.contains(flag))
            })
            .map(|s| s.value)
            .sum()
    };
    let share = |flag| from_frontend(flag) / from_frontend("");
    assert!((0.46..0.54).contains(&share("DI")), "{}", share("DI"));
    assert!((0.17..0.23).contains(&share("FI")), "{}", share("FI"));
    let aborted = samples.iter().filter(|s| s.key.flags.contains("FI"));
    for sample in aborted {
        assert_eq!(sample.key.response.http, Some(418));
        assert_eq!(sample.key.destination.workload, None);
    }
}

#[test]
fn the_story_is_told_whole() {
    let told = include_str!("../../../STORY.md");
    for object in Objects::builtin().iter() {
        let (kind, _, name) = place(object);
        assert!(
            told.contains(&format!("`{name}`")),
            "{kind} {name} is in STORY.md"
        );
    }
    for actor in crate::story::ACTORS {
        let deployments = Objects::builtin();
        let found = deployments
            .of_kind("Deployment")
            .any(|d| place(d) == ("Deployment", actor.namespace, actor.workload));
        assert!(found, "{}/{} is deployed", actor.namespace, actor.workload);
    }
}
