//! Asks Prometheus, Jaeger and Kubernetes; answers the page.
//!
//! One file per feature: [`graph`], [`series`], [`routes`], [`changes`], [`namespaces`], [`stream`],
//! [`sources`]. What they share: [`http`] (router, guards, errors, parameters, bodies), [`facts`] (what was
//! asked, once for all viewers), [`objectives`] (what is expected where), [`cluster`] (the objects), [`arrange`] (layouts), [`page`] (the page itself).

pub mod config;
pub mod http;

pub mod cluster;
pub mod facts;
pub mod objectives;
pub mod sources;

pub mod arrange;
pub mod changes;
pub mod graph;
pub mod namespaces;
pub mod routes;
pub mod series;
pub mod stream;

pub mod expose;
pub mod page;

mod clock;
