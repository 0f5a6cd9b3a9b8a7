//! The world: objects, fleet, traffic and the hour behind it.

use std::collections::BTreeSet;

use mesh::units::UnixMillis;
use serde_json::Value;

use crate::control::Pushes;
use crate::deployments;
use crate::fleet::{Birth, Fleet};
use crate::history::{HISTORY_STEPS, History, Tally};
use crate::ledger::{Ledger, ReportId, SeriesId};
use crate::objects::{Objects, place};
use crate::plan::Plan;
use crate::routing::Routing;
use crate::step::{Links, Step};
use crate::trace::Traces;
use crate::trips::Trips;
use crate::wires::{Flows, Wires};

/// The simulated time of one step, in milliseconds. What a step counts, it counts at its end.
pub const STEP_MS: i64 = 250;

/// A simulated mesh.
///
/// Chance follows from the seed and the number of the step alone. What one step leaves to the next is
/// what proxies remember: calls in flight, open connections and pods they left out, all forgotten within
/// minutes. So
/// worlds of one seed that began at other times have counted the same calls where their histories
/// overlap, but for the first minutes of the younger one.
pub struct World {
    pub(crate) seed: u64,
    /// The last step played; it ended at `step * STEP_MS`.
    pub(crate) step: i64,
    pub(crate) history: History,
    pub(crate) fleet: Fleet,
    pub(crate) ledger: Ledger,
    pub(crate) wires: Wires,
    pub(crate) links: Links,
    pub(crate) trips: Trips,
    pub(crate) pushes: Pushes,
    pub(crate) traces: Traces,
    pub(crate) plan: Plan,
    complaints: Vec<Complaint>,
}

/// What the world can't follow in an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The object's kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What is wrong, or has no effect.
    pub reason: String,
}

impl Complaint {
    pub(crate) fn of(object: &Value, reason: &str) -> Complaint {
        let (kind, namespace, name) = place(object);
        Complaint {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl World {
    /// Returns a world that has run for the hour before `now`.
    pub fn new(seed: u64, now: UnixMillis, objects: &Objects) -> World {
        let last = now.0.div_euclid(STEP_MS);
        let first = last.saturating_sub(HISTORY_STEPS - 1);
        let mut world = World {
            seed,
            step: first - 1,
            history: History::starting_at(first),
            fleet: Fleet::default(),
            ledger: Ledger::default(),
            wires: Wires::starting_at(first),
            links: Links::default(),
            trips: Trips::default(),
            pushes: Pushes::default(),
            traces: Traces::default(),
            plan: Plan::default(),
            complaints: Vec::new(),
        };
        world.deploy(objects, Birth::LongAgo);
        world.play_to(last);
        world
    }

    /// Runs on to `now`, in whole steps. Never goes back.
    ///
    /// A jump of more than an hour (a laptop slept) is not played in full: its last hour is, and the
    /// history holds that hour alone. The counters of the proxies miss what was skipped, like those
    /// of a cluster that was stopped.
    pub fn advance_to(&mut self, now: UnixMillis) {
        let last = now.0.div_euclid(STEP_MS);
        let first = last.saturating_sub(HISTORY_STEPS - 1);
        if self.step + 1 < first {
            self.step = first - 1;
            self.history = History::starting_at(first);
            self.wires = Wires::starting_at(first);
            for pod in self.fleet.pods_mut() {
                pod.forget_calls();
            }
        }
        self.play_to(last);
    }

    /// Takes over other objects; calls are routed by them from the next step on.
    pub fn set_objects(&mut self, objects: &Objects) {
        if self.ledger.is_large() {
            self.compact();
        }
        self.deploy(objects, Birth::Now);
        self.pushes.is_written = true;
    }

    /// Returns the end of the last step.
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.step * STEP_MS)
    }

    /// Returns the time from which on the history is whole.
    pub fn oldest(&self) -> UnixMillis {
        UnixMillis((self.history.first() - 1).saturating_mul(STEP_MS))
    }

    /// Returns what the world can't follow in the present objects, sorted.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    fn deploy(&mut self, objects: &Objects, birth: Birth) {
        let mut complaints = Vec::new();
        let deployments = deployments::read(objects, &mut complaints);
        let routing = Routing::read(objects, &mut complaints);
        complaints.sort();
        self.complaints = complaints;
        self.plan = Plan::new(&deployments, &routing, &mut self.ledger);
        let deployments = deployments
            .into_iter()
            .map(|deployment| {
                let id = self.ledger.workload(&deployment);
                (deployment, id)
            })
            .collect();
        self.fleet
            .redeploy(self.seed, self.step + 1, deployments, birth);
    }

    fn play_to(&mut self, last: i64) {
        let mut tally = Tally::default();
        let mut flows = Flows::default();
        while self.step < last {
            let step = self.step + 1;
            self.fleet.begin_step(self.seed, step);
            self.pushes.play(&mut self.fleet, self.seed, step);
            let mut played = Step::new(
                &self.plan,
                &mut self.fleet,
                &mut self.ledger,
                &mut tally,
                &mut self.trips,
                &mut self.traces,
            );
            played.play(self.seed, step);
            played.link(self.seed, step, &mut self.links, &mut flows);
            self.fleet.end_step(step);
            self.history.push(&mut tally);
            self.wires.push(&mut flows);
            self.trips.push(step);
            self.traces.forget_before(step * STEP_MS);
            self.step = step;
        }
    }

    /// Forgets series that neither the history nor a living pod counts.
    fn compact(&mut self) {
        let mut used = BTreeSet::new();
        self.history.each(i64::MIN, i64::MAX, |_, entry| {
            used.insert(entry.series);
        });
        for pod in self.fleet.pods_mut() {
            used.extend(pod.counters.keys().map(|report| report.series));
        }
        let renamed = self.ledger.compact(&used);
        let rename = |old: SeriesId| renamed.get(old.0 as usize).copied().unwrap_or(old);
        self.history.rename(rename);
        for pod in self.fleet.pods_mut() {
            pod.counters = std::mem::take(&mut pod.counters)
                .into_iter()
                .map(|(report, counter)| {
                    let series = rename(report.series);
                    (ReportId { series, ..report }, counter)
                })
                .collect();
        }
    }
}

#[cfg(test)]
mod tests;
