//! Asks Prometheus, Jaeger and Kubernetes; answers the page.
//!
//! One file per feature: [`graph`], [`series`], [`overview`], [`service`], [`workload`], [`routes`], [`objects`],
//! [`changes`], [`namespaces`], [`trace`], [`stream`], [`sources`]. What they share: [`http`] (router, guards, errors, parameters, bodies),
//! [`facts`] (what was asked, once for all viewers), [`objectives`] (what is expected where), [`cluster`] (the
//! objects), [`board`] (the objects, read), [`arrange`] (layouts), [`apart`] (large answers), [`page`] (the page itself).

pub mod config;
pub mod http;

pub mod cluster;
pub mod facts;
pub mod objectives;
pub mod reports;
pub mod sources;

pub mod apart;
pub mod arrange;
pub mod board;
pub mod breakers;
pub mod changes;
pub mod checks;
pub mod control_plane;
pub mod graph;
pub mod inventory;
pub mod links;
pub mod namespaces;
pub mod objects;
pub mod overview;
pub mod preflight;
pub mod queries;
pub mod routes;
pub mod series;
pub mod service;
pub mod sidecars;
pub mod stream;
pub mod trace;
pub mod workload;

pub mod expose;
pub mod otlp;
pub mod page;

mod clock;
