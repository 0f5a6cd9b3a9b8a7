//! What a mesh is: names, units, telemetry, graph, health, inventory, routing, and changes of it.
//!
//! Pure code: no IO, no clock, no async, no environment. Time is an argument. It compiles for the
//! host and for wasm, so the server decides with it and the page shows with it.

pub mod names;
pub mod object;
pub mod units;
pub mod wording;

pub mod telemetry;

pub mod graph;
pub mod health;
pub mod layout;

pub mod inventory;
pub mod routing;

pub mod changes;
pub mod routes;

pub mod breakers;
pub mod calls;
pub mod control_plane;
pub mod injection;
pub mod links;
pub mod overview;
pub mod preflight;
pub mod service;
pub mod sidecars;
pub mod sources;
pub mod trace;
pub mod workload;

pub mod api;
