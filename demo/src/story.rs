//! The story of the demo world: who arrives, who calls whom, how well and how fast each answers.
//!
//! Replicas, labels and routing come from the objects; here is only what no object says. A person
//! reads the same story in `STORY.md`.

mod actors;

pub(crate) use actors::ACTORS;

use mesh::telemetry::Protocol::{self, Grpc, Http};

use crate::STEP_MS;
use crate::chance::mix;

/// What a workload does.
pub(crate) struct Actor {
    pub(crate) namespace: &'static str,
    /// The Deployment.
    pub(crate) workload: &'static str,
    /// Whether it is a gateway: then it follows what is bound to it, and addresses hosts.
    pub(crate) gateway: bool,
    /// Calls it makes on its own.
    pub(crate) arrivals: &'static [Arrival],
    /// Many calls that one of its pods starts at once; `mean` is how many.
    pub(crate) bursts: &'static [Burst],
    /// Calls it makes for each call it serves; `mean` is how many.
    pub(crate) calls: &'static [Call],
    /// Connections it keeps open.
    pub(crate) links: &'static [Link],
    /// How many messages each of its good answers over gRPC has.
    pub(crate) answers: u64,
    pub(crate) pace: Pace,
    /// How its calls end where they do not go well, with the share of each.
    pub(crate) troubles: &'static [(f64, Trouble)],
    /// When one of its pods fails every call.
    pub(crate) spells: Option<Spells>,
    /// The name that its proxies were told to trace under, where it is not its own.
    pub(crate) traced_as: Option<&'static str>,
    /// Who takes a message for each call that it served well, from a queue outside the mesh.
    pub(crate) worker: Option<Worker>,
}

/// A process outside the mesh that has no proxy, and traces itself: nothing else tells of it.
pub(crate) struct Worker {
    /// The name that it traces under.
    pub(crate) name: &'static str,
    /// What its messages are.
    pub(crate) queue: &'static str,
    /// Whom it calls for each.
    pub(crate) calls: &'static str,
    /// How long a message waits, as a median.
    pub(crate) waits_ms: f64,
    pub(crate) pace: Pace,
    /// The share of messages that it fails at.
    pub(crate) fails: f64,
}

/// Now and then one pod of a workload is ill for a while.
pub(crate) struct Spells {
    /// Once in so many minutes, at a moment of chance.
    pub(crate) every_minutes: i64,
    pub(crate) last_secs: i64,
    /// How every call ends that it takes.
    pub(crate) trouble: Trouble,
}

/// Calls that start here; `mean` of the call is its average rate per second.
pub(crate) struct Arrival {
    pub(crate) call: Call,
    pub(crate) wave: Wave,
}

/// Calls that start together, at full minutes.
pub(crate) struct Burst {
    pub(crate) call: Call,
    pub(crate) every_minutes: i64,
}

/// Connections that each pod of a workload keeps open, and what flows over them.
pub(crate) struct Link {
    /// A service, or a host outside the mesh.
    pub(crate) to: To,
    pub(crate) port: u16,
    /// How many each pod has.
    pub(crate) n: u64,
    /// After so long another one takes the place of each.
    pub(crate) last_secs: i64,
    /// How often something is asked over them, for each call that the pod serves.
    pub(crate) per_call: f64,
    /// How often a pod asks on its own, a second.
    pub(crate) per_sec: f64,
    /// The median of the bytes of a question, and of its answer.
    pub(crate) bytes: (f64, f64),
}

/// How a rate comes and goes.
pub(crate) struct Wave {
    /// How much more at the busiest hour of the day than on average, as a share.
    pub(crate) daily: f64,
    /// The busiest hour, UTC.
    pub(crate) peak_hour: f64,
    /// The same for a faster wave.
    pub(crate) fast: f64,
    /// The length of the faster wave.
    pub(crate) fast_minutes: f64,
}

/// Calls of one workload to one host.
pub(crate) struct Call {
    /// Namespace and name of the service, or a host at a gateway.
    pub(crate) to: To,
    pub(crate) protocol: Protocol,
    /// How many: see where the call stands.
    pub(crate) mean: f64,
    pub(crate) path: &'static str,
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// The share of calls whose client goes away before the answer.
    pub(crate) gone: f64,
    /// The share of failures of this call that fail the caller's own answer.
    pub(crate) fatal: f64,
}

/// What a call addresses.
#[derive(Clone, Copy)]
pub(crate) enum To {
    /// A service of the mesh.
    Service(&'static str, &'static str),
    /// A host at a gateway, or outside the mesh.
    Host(&'static str),
}

/// How long a workload takes for its own part of an answer: lognormal with a slow tail.
pub(crate) struct Pace {
    pub(crate) median_ms: f64,
    /// The deviation of the logarithm: 0.3 is steady, 1 is wild.
    pub(crate) spread: f64,
    /// The share of calls that are slow, and how many times slower.
    pub(crate) tail: (f64, f64),
}

/// How a call goes wrong.
#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    /// The server answers with this HTTP status.
    Status(u16),
    /// The server answers with this gRPC status.
    GrpcStatus(u16),
    /// The client's proxy can't connect: flag UF, no endpoint took it.
    NoConnection,
    /// The connection breaks before an answer: flag UC, no endpoint answered it.
    Broken,
}

const fn link(to: To, port: u16, n: u64, per_call: f64, bytes: (f64, f64)) -> Link {
    Link {
        to,
        port,
        n,
        last_secs: 240,
        per_call,
        per_sec: 0.0,
        bytes,
    }
}

const fn pace(median_ms: f64, spread: f64) -> Pace {
    Pace {
        median_ms,
        spread,
        tail: (0.01, 4.0),
    }
}

const fn http(namespace: &'static str, name: &'static str, mean: f64, path: &'static str) -> Call {
    Call {
        to: To::Service(namespace, name),
        protocol: Http,
        mean,
        path,
        headers: &[],
        gone: 0.0,
        fatal: 0.0,
    }
}

const fn grpc(namespace: &'static str, name: &'static str, mean: f64, path: &'static str) -> Call {
    Call {
        protocol: Grpc,
        ..http(namespace, name, mean, path)
    }
}

const fn web(host: &'static str, mean: f64, path: &'static str, gone: f64) -> Call {
    Call {
        to: To::Host(host),
        gone,
        ..http("", "", mean, path)
    }
}

impl Call {
    const fn with_header(self, headers: &'static [(&'static str, &'static str)]) -> Call {
        Call { headers, ..self }
    }

    const fn gone(self, gone: f64) -> Call {
        Call { gone, ..self }
    }

    const fn fatal(self, fatal: f64) -> Call {
        Call { fatal, ..self }
    }
}

const fn arrival(call: Call, daily: f64, peak_hour: f64, fast: f64, fast_minutes: f64) -> Arrival {
    Arrival {
        call,
        wave: Wave {
            daily,
            peak_hour,
            fast,
            fast_minutes,
        },
    }
}

const fn actor(namespace: &'static str, workload: &'static str, pace: Pace) -> Actor {
    Actor {
        namespace,
        workload,
        gateway: false,
        arrivals: &[],
        bursts: &[],
        calls: &[],
        links: &[],
        answers: 1,
        pace,
        troubles: &[],
        spells: None,
        traced_as: None,
        worker: None,
    }
}

/// What a workload does that the story does not name: it answers.
pub(crate) static EXTRA: Actor = actor("", "", pace(5.0, 0.5));

/// Returns what a workload does.
pub(crate) fn actor_of(namespace: &str, workload: &str) -> &'static Actor {
    ACTORS
        .iter()
        .find(|actor| actor.namespace == namespace && actor.workload == workload)
        .unwrap_or(&EXTRA)
}

impl Spells {
    /// Returns which of `n_pods` is ill in a step, if one is. It follows from the key of the workload
    /// and the step alone.
    pub(crate) fn victim(&self, key: u64, step: i64, n_pods: usize) -> Option<usize> {
        let per_minute = 60_000 / STEP_MS;
        let window_steps = (self.every_minutes * per_minute).max(1);
        let lasts = self.last_secs * per_minute / 60;
        let window = step.div_euclid(window_steps);
        let drawn = mix(key ^ mix(window as u64));
        let latest = (window_steps - lasts).max(1) as u64;
        let begins = (drawn % latest) as i64;
        let since = step.rem_euclid(window_steps) - begins;
        let idx = mix(drawn) % (n_pods.max(1) as u64);
        ((0..lasts).contains(&since) && 0 < n_pods).then_some(idx as usize)
    }
}

impl Wave {
    /// Returns the factor on the average rate at a time.
    pub(crate) fn at(&self, unix_ms: i64) -> f64 {
        use std::f64::consts::TAU;
        let day_ms = 24.0 * 3_600_000.0;
        let hour = unix_ms.rem_euclid(24 * 3_600_000) as f64 / day_ms * 24.0;
        let daily = self.daily * (TAU * (hour - self.peak_hour) / 24.0).cos();
        // Each wave counts from the epoch, so that worlds started at other times agree.
        let fast_ms = self.fast_minutes * 60_000.0;
        let fast = self.fast * (TAU * (unix_ms as f64 % fast_ms) / fast_ms).sin();
        (1.0 + daily + fast).max(0.0)
    }
}
