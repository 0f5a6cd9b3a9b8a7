use std::collections::BTreeMap;

use mesh::telemetry::{Reporter, Requests, Sample, TrafficKey};
use mesh::units::Window;

use super::*;

mod ambient;
mod answers;
mod control;
mod ejection;
mod limits;
mod mirrors;
mod objects;
mod retries;
mod tcp;
mod time;
mod timeouts;
mod traces;
mod traffic;

/// 24 November 2026, 10:00 UTC.
const NOW: UnixMillis = UnixMillis(1_795_514_400_000);

fn builtin() -> World {
    World::new(7, NOW, &Objects::builtin())
}

fn window(secs: u32) -> Window {
    Window::from_secs(secs).unwrap()
}

fn later(secs: i64) -> UnixMillis {
    UnixMillis(NOW.0 + secs * 1000)
}

/// Returns the built-in objects with a piece of one object's text replaced.
fn changed(name: &str, edit: impl Fn(&mut Value)) -> Objects {
    let mut n_changed = 0;
    let builtin = Objects::builtin();
    let values = builtin.iter().cloned().map(|mut object| {
        if place(&object).2 == name {
            edit(&mut object);
            n_changed += 1;
        }
        object
    });
    let objects = Objects::from_values(values.collect()).unwrap();
    assert!(0 < n_changed, "{name} is there");
    objects
}

/// Returns the built-in objects and one more.
fn with(yaml: &str) -> Objects {
    let added = Objects::from_yaml(yaml).unwrap();
    let builtin = Objects::builtin();
    Objects::from_values(builtin.iter().chain(added.iter()).cloned().collect()).unwrap()
}

fn set_weights(object: &mut Value, weights: [u64; 2]) {
    if let Some(route) = object.pointer_mut("/spec/http/0/route") {
        for (idx, weight) in weights.into_iter().enumerate() {
            route[idx]["weight"] = weight.into();
        }
    }
}

/// Sums the client's view by source and destination.
fn by_edge(samples: &[Sample]) -> BTreeMap<(String, String), f64> {
    let mut edges = BTreeMap::new();
    for Sample { key, value } in samples {
        if key.reporter == Reporter::Source {
            let from = key.source.workload.as_ref().unwrap().to_string();
            *edges.entry((from, named(key))).or_insert(0.0) += value;
        }
    }
    edges
}

/// Returns the workload that calls went to; where no endpoint took them, the service with a star.
fn named(key: &TrafficKey) -> String {
    match (&key.destination.workload, &key.service) {
        (Some(workload), _) => workload.to_string(),
        (None, Some(service)) => format!("*{}", service.name),
        (None, None) => "*".to_owned(),
    }
}

/// How many calls to a workload (or `*service` where no endpoint took them) one side reports that end
/// like this.
fn count(
    samples: &[Sample],
    reporter: Reporter,
    to: &str,
    ends: impl Fn(&TrafficKey) -> bool,
) -> f64 {
    samples
        .iter()
        .filter(|s| s.key.reporter == reporter && named(&s.key) == to && ends(&s.key))
        .map(|s| s.value)
        .sum()
}

fn hour(world: &World) -> Vec<Sample> {
    world.requests(&Requests {
        window: Window::HOUR,
        at: world.now(),
    })
}
