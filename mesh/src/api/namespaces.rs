//! `GET /api/v1/namespaces`: what the namespace picker offers.

use serde::{Deserialize, Serialize};

use super::HealthStatus;

/// A namespace that traffic was seen in, or that the cluster holds workloads in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// The worst health inside.
    pub status: HealthStatus,
    /// Requests per second into its workloads.
    pub rps: f64,
}
