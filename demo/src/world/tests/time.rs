//! Time: what repeats, what is forgotten, who lives when.

use std::collections::BTreeSet;

use super::*;

#[test]
fn an_hour_fits_into_ten_megabytes() {
    let world = builtin();
    let bytes = world.history.bytes();
    assert!(bytes < 10 << 20, "{bytes} bytes");
    assert_eq!(world.now(), NOW);
    assert_eq!(world.oldest(), NOW.before(Window::HOUR));
    assert_eq!(world.complaints(), []);
}

#[test]
fn worlds_of_one_seed_agree() {
    let one = {
        let mut world = builtin();
        world.advance_to(later(600));
        world
    };
    let other = {
        let mut world = builtin();
        for tenth in 1..=6000 {
            world.advance_to(UnixMillis(NOW.0 + tenth * 100));
        }
        // Going back changes nothing.
        world.advance_to(NOW);
        world
    };
    assert_eq!(one.now(), later(600));
    assert!(one.expose() == other.expose(), "one jump and many agree");

    // A world that began at another time has counted the same calls where both remember.
    let late = World::new(7, later(600), &Objects::builtin());
    let query = Requests {
        window: window(3000),
        at: NOW,
    };
    let overlap = Requests {
        window: window(2400),
        at: later(-100),
    };
    assert_eq!(builtin().requests(&overlap), late.requests(&overlap));
    assert_ne!(
        builtin().requests(&query),
        World::new(8, NOW, &Objects::builtin()).requests(&query)
    );
}

#[test]
fn after_a_long_sleep_the_last_hour_is_played_and_no_more() {
    let mut world = builtin();
    let awake = later(40 * 3600);
    world.advance_to(awake);
    assert_eq!(world.oldest(), awake.before(Window::HOUR));
    let fresh = World::new(7, awake, &Objects::builtin());
    let query = Requests {
        window: Window::HOUR,
        at: awake,
    };
    assert_eq!(world.requests(&query), fresh.requests(&query));
}

#[test]
fn pods_come_and_go_and_never_share_a_name() {
    let mut world = builtin();
    let names = |world: &World| -> BTreeSet<(String, String)> {
        let mut names = BTreeSet::new();
        for workload in &world.fleet.workloads {
            for pod in &workload.pods {
                let name = (workload.deployment.namespace.clone(), pod.name.clone());
                assert!(names.insert(name), "{} is there once", pod.name);
            }
        }
        names
    };
    let mut present = names(&world);
    let n_pods = present.len();
    let mut n_replaced = 0;
    for minute in 1..=240 {
        world.advance_to(later(minute * 60));
        let next = names(&world);
        assert_eq!(next.len(), n_pods);
        n_replaced += next.difference(&present).count();
        present = next;
    }
    assert!((10..=50).contains(&n_replaced), "{n_replaced}");

    // Scaling keeps the pods that stay.
    world.set_objects(&changed("web", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["replicas"] = 6.into();
        }
    }));
    let scaled = names(&world);
    assert!(scaled.is_superset(&present));
    assert_eq!(scaled.len(), n_pods + 3);
}

#[test]
fn readiness_is_what_runs_not_what_is_written() {
    let mut world = builtin();
    let of = |world: &World, name: &str| {
        let all = world.readiness();
        assert!(all.is_sorted());
        let found = all.iter().find(|r| r.name == name).unwrap();
        (found.replicas, found.ready)
    };
    let n_deployments = Objects::builtin().of_kind("Deployment").count();
    assert_eq!(world.readiness().len(), n_deployments);
    assert_eq!(of(&world, "web"), (3, 3));
    assert_eq!(of(&world, "stock-v2"), (1, 0));

    // New pods need their time, whatever the object says.
    world.set_objects(&changed("web", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["replicas"] = 5.into();
        }
    }));
    assert_eq!(of(&world, "web"), (5, 3));
    world.advance_to(later(4));
    assert_eq!(of(&world, "web"), (5, 3));
    world.advance_to(later(6));
    assert_eq!(of(&world, "web"), (5, 5));
}

#[test]
fn a_forgetful_ledger_keeps_every_count() {
    let mut world = builtin();
    // Series that exist only while calls are aborted, and only in pods that then go.
    world.set_objects(&changed("backend-routing", |o| {
        o["spec"]["http"][0]["fault"] =
            serde_json::json!({"abort": {"percentage": {"value": 5}, "httpStatus": 418}});
    }));
    world.advance_to(later(60));
    world.set_objects(&changed("frontend", |o| {
        if o["kind"] == "Deployment" {
            o["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.26".into();
        }
    }));
    world.advance_to(later(3700));
    let query = Requests {
        window: Window::HOUR,
        at: world.now(),
    };
    let before = (world.requests(&query), world.expose());
    let n_before = world.ledger.rows().len();
    world.compact();
    assert!(world.ledger.rows().len() < n_before);
    assert!(before == (world.requests(&query), world.expose()));
}
