//! `GET /api/v1/breakers`: circuit breakers, as they are set and as they acted.

use serde::{Deserialize, Serialize};

use super::InventoryQuery;
use super::Notice;
use super::graph::Health;

/// The parameters of `GET /api/v1/breakers`.
pub type BreakersQuery = InventoryQuery;

/// The circuit breakers of the services asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Breakers {
    /// Hosts with limits or with calls that a limit ended, worst first.
    pub items: Vec<Breaker>,
    /// How many services have neither: Istio's defaults hold for them.
    pub without: u32,
    /// Which of Envoy's own figures are exposed.
    pub exposed: Exposed,
    /// How to expose the others: what to paste, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<Paste>,
    /// What should be known about the answer.
    pub notices: Vec<Notice>,
    /// The length of the window in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// Which of Envoy's own figures there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Exposed {
    /// Requests refused because too many waited.
    pub pending_overflow: bool,
    /// Connections refused because there were too many.
    pub connection_overflow: bool,
    /// Retries refused because there were too many.
    pub retry_overflow: bool,
    /// Ejections.
    pub ejections: bool,
    /// Endpoints that are ejected now.
    pub ejected_now: bool,
    /// Whether a breaker is open now.
    pub open_now: bool,
}

impl Exposed {
    /// Returns whether all of them are there.
    pub fn all(self) -> bool {
        self.pending_overflow
            && self.connection_overflow
            && self.retry_overflow
            && self.ejections
            && self.ejected_now
            && self.open_now
    }

    /// Returns whether none of them is there.
    pub fn none(self) -> bool {
        self == Exposed::default()
    }
}

/// Something to paste, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Paste {
    /// What it does, in one sentence.
    pub title: String,
    /// Where it is for: `any`, `upstream` (Istio installed by oneself), `aks` (the add-on of AKS).
    pub setting: String,
    /// The text, as it is to be pasted.
    pub text: String,
    /// What to do besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<String>,
}

/// The circuit breaker of one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Breaker {
    /// The host in full.
    pub id: String,
    /// The service's namespace; absent for a host outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The service; absent for a host outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Calls to the host in the window, as callers' proxies report them; absent where the metrics do not answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<f64>,
    /// Those that a limit ended (flag UO). The metrics do not tell of which subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overflowed: Option<f64>,
    /// Those that found no healthy endpoint (flag UH): all are ejected, or none is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unhealthy: Option<f64>,
    /// The DestinationRules of the host, as `namespace/name`, the one whose policy counts first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// What holds, for the whole host, its subsets and ports.
    pub parts: Vec<Part>,
    /// Rules whose policy never applies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ineffective: Vec<Ineffective>,
    /// How it stands.
    pub health: Health,
}

/// What holds for a host, a subset or a port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// The subset; absent for the whole host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The port that has limits of its own; absent for all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The DestinationRule that says so, as `namespace/name`; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The limits.
    pub limits: Limits,
    /// What Envoy's own figures say, where they are exposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<Stats>,
}

/// A rule whose policy never applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ineffective {
    /// The rule, as `namespace/name`.
    pub rule: String,
    /// The rule whose policy counts instead.
    pub instead: String,
    /// The limits that it writes in vain.
    pub limits: Limits,
    /// Why, in one sentence.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

/// Limits as they are written; what is absent is not, and Istio's default holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Connections at once, of each caller's proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pending_requests: Option<u32>,
    /// Requests at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<u32>,
    /// Requests before a connection is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests_per_connection: Option<u32>,
    /// Retries at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// When endpoints are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Ejection>,
}

impl Limits {
    /// Returns whether nothing is written.
    pub fn is_empty(&self) -> bool {
        *self == Limits::default()
    }
}

/// When endpoints are left out, as written; what is absent is not, and Istio's default holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ejection {
    /// After how many 5xx answers in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_5xx: Option<u32>,
    /// After how many of 502, 503 and 504 in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_errors: Option<u32>,
    /// How often it is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// For how long at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_time: Option<String>,
    /// How many endpoints at most, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_percent: Option<u32>,
}

/// What Envoy's own figures say. A figure is absent where it is not exposed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stats {
    /// Requests refused in the window because too many waited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_overflow: Option<f64>,
    /// Connections refused in the window because there were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_overflow: Option<f64>,
    /// Retries refused in the window because there were too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_overflow: Option<f64>,
    /// Ejections in the window, of all callers' proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejections: Option<f64>,
    /// Endpoints that are ejected now, as the proxy with the most counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejected_now: Option<f64>,
    /// Proxies whose breaker is open now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_now: Option<f64>,
}
