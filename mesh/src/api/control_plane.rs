//! `GET /api/v1/control-plane`: how the control plane does.

use serde::{Deserialize, Serialize};

use super::graph::{Health, Latency};
use super::{BadParameter, Notice, query};
use crate::units::{UnixMillis, Window};

/// The parameters of `GET /api/v1/control-plane`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ControlPlaneQuery {
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
}

impl ControlPlaneQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<ControlPlaneQuery, BadParameter> {
        let (window, at) = query::window_and_at(pairs)?;
        Ok(ControlPlaneQuery { window, at })
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        query::write_window_and_at(self.window, self.at)
    }
}

/// How the control plane does. A figure is absent where its metric is not there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ControlPlane {
    /// The judgements, worst first.
    pub findings: Vec<Finding>,
    /// The istiod pods that are scraped, sorted by namespace and name.
    pub istiods: Vec<Istiod>,
    /// The versions in the mesh, sorted by component and version.
    pub builds: Vec<Build>,
    /// Configuration sent to proxies in the window, by type; none where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pushes: Vec<Counted>,
    /// Pushes that failed to be built or sent in the window, by type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub push_errors: Vec<Counted>,
    /// Configuration that proxies refused in the window, by type; none where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejects: Vec<Counted>,
    /// Pushes that timed out on their way in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_timeouts: Option<f64>,
    /// Failures inside istiod in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_errors: Option<f64>,
    /// Proxies that hold a connection to an istiod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_proxies: Option<f64>,
    /// Ready pods that should have a proxy, where the cluster tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_proxies: Option<u32>,
    /// How many changes reached proxies in the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<f64>,
    /// How long it took from a change to its arrival at proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convergence: Option<Latency>,
    /// How long the root certificate is still valid, in seconds; negative after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cert_expires_in_s: Option<f64>,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// One judgement on the control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Finding {
    /// What it is about: `istiod`, `rejects`, `push_errors`, `internal_errors`, `write_timeouts`, `convergence`,
    /// `proxies`, `versions`, `root_certificate`.
    pub about: String,
    /// How it stands, with the reason.
    pub health: Health,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// One pod of the control plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Istiod {
    /// Its namespace.
    pub namespace: String,
    /// Its pod.
    pub pod: String,
    /// Whether it answered the last scrape.
    pub is_up: bool,
    /// How long it runs, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_s: Option<f64>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The proxies connected to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_proxies: Option<f64>,
}

/// How many of one component run in one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Build {
    /// `pilot`, `proxy`, `ztunnel`, …
    pub component: String,
    /// The version.
    pub version: String,
    /// How many pods.
    pub pods: f64,
}

/// A count of one type of configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Counted {
    /// `cds`, `eds`, `lds`, `rds`, …
    pub kind: String,
    /// How many in the window.
    pub count: f64,
}
