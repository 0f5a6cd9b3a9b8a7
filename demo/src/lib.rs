//! A simulated mesh: traffic, faults, versions and pods, obeying routing as Envoy would.
//!
//! Pure: no IO, no clock, no async, no environment. Time is an argument, chance comes from a seed, so
//! two worlds of one seed tell the same story. `STORY.md` tells it to people, `story` to the
//! simulation, `objects/*.yaml` to the cluster.

mod objects;
pub use objects::{BadObjects, Objects};

mod world;
pub use world::{Complaint, STEP_MS, World};

mod story;

mod plan;
mod step;

mod ejection;
mod ending;
mod pool;

mod chance;
mod deployments;
mod fleet;
mod routing;

mod history;
mod ledger;

mod trips;
mod wires;

mod trace;
pub use trace::Exported;

mod control;
mod flows;
mod proxies;

mod readiness;
pub use readiness::Readiness;

mod answers;
mod expose;
pub use expose::otlp;

mod truth;
