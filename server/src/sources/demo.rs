//! The built-in mesh as a source: the same questions, answered from its own counters.

use std::sync::{Mutex, MutexGuard, PoisonError};

use demo::{Objects, World};
use mesh::api::breakers::Exposed;
use mesh::api::overview::Freshness;
use mesh::api::sources::Source;
use mesh::breakers::Told;
use mesh::telemetry::Breakers;
use mesh::trace::{Dependency, Search, Trace};
use mesh::units::UnixMillis;

use crate::clock;

/// A simulated mesh that lives in real time.
pub struct Demo {
    world: Mutex<World>,
}

impl Demo {
    /// Returns the built-in mesh with an hour of history.
    pub fn new(seed: u64) -> Demo {
        let world = World::new(seed, clock::now(), &Objects::builtin());
        Demo {
            world: Mutex::new(world),
        }
    }

    /// Returns the world as it is now.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A step leaves the world whole or not at all: what a panicking reader held can be read on.
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance_to(clock::now());
        world
    }

    /// Returns what the proxies say of their breakers. Whoever tells anything tells all of it.
    pub fn breakers(&self, query: &Breakers) -> Told {
        let samples = self.world().breakers(query);
        let is_told = !samples.is_empty();
        Told {
            samples,
            exposed: Exposed {
                pending_overflow: is_told,
                connection_overflow: is_told,
                retry_overflow: is_told,
                ejections: is_told,
                ejected_now: is_told,
                open_now: is_told,
            },
        }
    }

    /// Returns how fresh its data was at an instant: it counts a step as soon as that is over.
    pub fn freshness(&self, at: UnixMillis) -> Freshness {
        let newest = clock::now().0.min(at.0).div_euclid(demo::STEP_MS) * demo::STEP_MS;
        Freshness {
            source: "demo".to_owned(),
            newest_ms: Some(newest),
            scrape_interval_s: Some(demo::STEP_MS as f64 / 1000.0),
        }
    }

    /// Returns the names that its services trace under, sorted.
    pub fn tracing_services(&self) -> Vec<String> {
        self.world().tracing_services()
    }

    /// Returns the operations of a tracing name, sorted.
    pub fn tracing_operations(&self, service: &str) -> Vec<String> {
        self.world().tracing_operations(service)
    }

    /// Returns the traces that a search finds, the youngest first.
    pub fn find_traces(&self, search: &Search) -> Vec<Trace> {
        self.world().find_traces(search)
    }

    /// Returns one trace; `None` where there is none of this id.
    pub fn trace(&self, id: &str) -> Option<Trace> {
        self.world().trace(id)
    }

    /// Returns who called whom, as far as calls were sampled.
    pub fn trace_dependencies(&self, since_us: i64, until_us: i64) -> Vec<Dependency> {
        self.world().dependencies(since_us, until_us)
    }

    /// Returns what the sources page says of its traces.
    pub fn describe_traces(&self) -> Source {
        let world = self.world();
        let (n, one_in) = (world.tracing_services().len(), world.traced_one_in());
        Source {
            name: "demo".to_owned(),
            kind: "demo".to_owned(),
            reachable: true,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            capabilities: vec![
                format!("{n} services with traces"),
                format!("one arrival in {one_in} is sampled"),
            ],
            ..Source::default()
        }
    }

    /// Returns what the sources page says of it.
    pub fn describe(&self) -> Source {
        Source {
            name: "demo".to_owned(),
            kind: "demo".to_owned(),
            reachable: true,
            url: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            scrape_interval_s: None,
            problem: None,
            hint: None,
            capabilities: vec![
                "60 minutes of history".to_owned(),
                "HTTP and gRPC requests, both reporters".to_owned(),
                "bytes and connections over TCP, messages in gRPC calls".to_owned(),
                "the control plane, what proxies cost, circuit breakers".to_owned(),
                "latency from buckets".to_owned(),
            ],
            retention: Some("60 minutes".to_owned()),
            ..Source::default()
        }
    }
}
