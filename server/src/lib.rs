//! Asks Prometheus, Jaeger and Kubernetes; answers the page.

pub mod sources;
