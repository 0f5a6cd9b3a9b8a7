//! What a hand can write into rules, subsets, circuit breakers and gateways: the bodies of those edits of
//! [`Edit`](super::changes::Edit). What is absent here is not written, and what an object says besides stays
//! as it is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One http rule of a VirtualService.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its conditions, of which one must hold; none means every call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<MatchSpec>,
    /// Where its calls go; none where it answers by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationSpec>,
    /// Where a copy of its calls goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<MirrorSpec>,
    /// A delay that it injects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<DelaySpec>,
    /// A failure that it injects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<AbortSpec>,
    /// After how long it gives up, such as `5s`; `0s` is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// How often it tries again; Istio's own twice where that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<RetriesSpec>,
}

/// One entry of a rule's conditions: all of it must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MatchSpec {
    /// Which entry of the rule as it is now this one changes, from 0: what that entry says besides stays.
    /// Absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// What the path is like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<TextMatch>,
    /// What the method is like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<TextMatch>,
    /// What headers are like, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, TextMatch>,
    /// Through which gateways it comes, as written; `mesh` is the sidecars. None means those of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<String>,
    /// Which labels the caller has: only shown; an edit can't change them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub source_labels: BTreeMap<String, String>,
}

/// What a text is to be like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// It is this.
    Exact(String),
    /// It starts with this.
    Prefix(String),
    /// It is as this expression (RE2) says, as a whole.
    Regex(String),
    /// It is there.
    Present,
}

/// One destination of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DestinationSpec {
    /// The host.
    pub host: String,
    /// The subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Its proportion; a lone destination takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
}

/// Where a copy of the calls goes; its answers are thrown away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MirrorSpec {
    /// The host.
    pub host: String,
    /// The subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Of how many calls, in percent; absent is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<f64>,
}

/// A delay that is injected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DelaySpec {
    /// Into how many calls, in percent.
    pub percent: f64,
    /// How long, such as `2s`.
    pub length: String,
}

/// A failure that is injected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AbortSpec {
    /// Into how many calls, in percent.
    pub percent: f64,
    /// The status of HTTP that callers get.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The status of gRPC that callers get, by its name: `UNAVAILABLE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<String>,
}

/// How often a failed call is tried again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RetriesSpec {
    /// How many times besides the first; 0 is never.
    pub attempts: u32,
    /// How long each try may take, such as `2s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<String>,
    /// After which failures, as Envoy names them: `5xx,connect-failure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<String>,
}

/// One version's part of a new split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VersionShare {
    /// The version, as its pods are labelled.
    pub version: String,
    /// Its proportion.
    pub weight: u32,
}

/// An object with the version of it that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Its name, in the same namespace.
    pub name: String,
    /// Its version as it was seen.
    pub resource_version: String,
}

/// The circuit breaker of a host. What is absent is not written: Istio's own limit holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BreakerSpec {
    /// Connections at once.
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
    /// When a pod is left out for a while; absent is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejection: Option<EjectionSpec>,
}

/// When a pod is left out for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EjectionSpec {
    /// After how many 5xx answers in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_5xx_errors: Option<u32>,
    /// After how many of 502, 503 and 504 in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_errors: Option<u32>,
    /// How often it is looked at, such as `10s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<String>,
    /// For how long at first, such as `30s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_ejection_time: Option<String>,
    /// How many pods at most, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<u32>,
    /// Below which share of healthy pods none is left out, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_health_percent: Option<u32>,
}

/// What a gateway opens, and whose pods do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GatewaySpec {
    /// Labels of the pods that it configures.
    pub selector: BTreeMap<String, String>,
    /// The ports that it opens.
    pub servers: Vec<ServerSpec>,
}

/// One port of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ServerSpec {
    /// The number.
    pub port: u16,
    /// Its name; it tells the ports of a gateway apart.
    pub name: String,
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// The hosts that it opens.
    pub hosts: Vec<String>,
    /// The secret with the certificate, for `HTTPS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_name: Option<String>,
    /// Whether it sends whoever comes without TLS to `https`.
    #[serde(default)]
    pub https_redirect: bool,
}

/// What is wrong with one field of an edit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Fault {
    /// Which field, such as `matches[0].headers.x-testing` or `timeout`.
    pub field: String,
    /// What is wrong with it, as a sentence without its subject: "is not a duration, such as `5s`".
    pub problem: String,
}
