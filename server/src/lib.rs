//! Asks Prometheus, Jaeger and Kubernetes; answers the page.
//!
//! One file per feature: [`graph`], [`series`], [`namespaces`], [`stream`], [`sources`]. What they share:
//! [`http`] (router, guards, errors, parameters), [`facts`] (what was asked, once for all viewers),
//! [`arrange`] (layouts), [`page`] (the page itself).

pub mod config;
pub mod http;

pub mod facts;
pub mod sources;

pub mod arrange;
pub mod graph;
pub mod namespaces;
pub mod series;
pub mod stream;

pub mod expose;
pub mod page;

mod clock;
