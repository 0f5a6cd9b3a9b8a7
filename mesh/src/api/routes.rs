//! `GET /api/v1/routes`, `GET /api/v1/routes/{namespace}/{kind}/{name}` and its `/history`: how traffic
//! is told to go, and how it goes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::graph::Traffic;
use super::objects::{NoObject, ObjectRef};
use super::{Notice, is_false};

/// All that steers traffic in the namespaces asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Routes {
    /// The routes, sorted by id.
    pub items: Vec<Route>,
    /// Services that are split, or could be: those named by a split, and those with more than one
    /// version. Sorted by id.
    pub services: Vec<Service>,
    /// What should be known about this answer.
    pub notices: Vec<Notice>,
    /// The length of the window that the evidence is of, in seconds.
    pub window_s: u32,
    /// The end of the window, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// What kind of object a route is. Written as in the address: `virtualservice`, `httproute`, `grpcroute`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RouteKind {
    /// Istio's VirtualService.
    #[default]
    VirtualService,
    /// The Gateway API's HTTPRoute.
    HttpRoute,
    /// The Gateway API's GRPCRoute.
    GrpcRoute,
}

impl RouteKind {
    /// All kinds.
    pub const ALL: [RouteKind; 3] = [
        RouteKind::VirtualService,
        RouteKind::HttpRoute,
        RouteKind::GrpcRoute,
    ];

    /// Returns the word for it in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            RouteKind::VirtualService => "virtualservice",
            RouteKind::HttpRoute => "httproute",
            RouteKind::GrpcRoute => "grpcroute",
        }
    }

    /// Returns the object's `kind`, as Kubernetes writes it.
    pub fn kind(self) -> &'static str {
        match self {
            RouteKind::VirtualService => "VirtualService",
            RouteKind::HttpRoute => "HTTPRoute",
            RouteKind::GrpcRoute => "GRPCRoute",
        }
    }

    /// Returns the kind that a word of an address names.
    pub fn from_word(word: &str) -> Option<RouteKind> {
        RouteKind::ALL.into_iter().find(|k| k.as_str() == word)
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RouteKind {
    type Err = NoObject;

    fn from_str(word: &str) -> Result<RouteKind, NoObject> {
        RouteKind::from_word(word).ok_or(NoObject)
    }
}

/// A route object's place: written `namespace/kind/name`, such as `default/virtualservice/backend-routing`.
pub type RouteRef = ObjectRef<RouteKind>;

/// One routing object, read as people use it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Route {
    /// `namespace/kind/name`.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its kind.
    pub kind: RouteKind,
    /// Its name.
    pub name: String,
    /// The hosts it speaks for, as written.
    pub hosts: Vec<String>,
    /// Who follows it: `mesh` for the sidecars, `namespace/name` for a gateway.
    pub gateways: Vec<String>,
    /// The version that a write must name.
    pub resource_version: String,
    /// What tells it from another object of the same name, before or after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Grows when the specification changes; absent where the server does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// Who else writes it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Who wrote it last, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_write: Option<LastWrite>,
    /// What is wrong with it, or should be known; worst first.
    pub checks: Vec<Check>,
    /// Its rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// Why it can't be read, where it can't; then there are no rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One rule of a route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rule {
    /// Its list and place: `http/0`.
    pub rule: String,
    /// The name it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its conditions in words, of which one must hold; none means every call.
    pub matches: Vec<String>,
    /// What it does besides, or instead, in words: "times out after 5s", "answers 403 itself".
    pub also: Vec<String>,
    /// Where its calls go.
    pub destinations: Vec<Destination>,
    /// Whether its weights can be moved: there are two destinations or more.
    pub is_split: bool,
    /// The service that all its destinations belong to, as `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Who follows the rule and how many calls they made, one for each group; none where the metrics are
    /// not to be had.
    pub callers: Vec<Callers>,
    /// The time that the measured shares are of, in seconds: since the last change of the weights at
    /// most. Absent while the change is too fresh to measure, and where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_over_s: Option<u32>,
    /// When the weights were changed last, where the record says so, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at_ms: Option<i64>,
}

/// A group of callers that a rule governs: all sidecars, or one gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Callers {
    /// `mesh`, or the gateway's `namespace/name`.
    pub id: String,
    /// For people: "the mesh", "gateway app-gateway".
    pub name: String,
    /// Their calls to the destinations' services in the window.
    pub requests: f64,
    /// The same per second.
    pub rps: f64,
    /// How many of those calls no endpoint took: they belong to the rule, not to a version.
    pub not_taken: f64,
    /// Envoy's flags for those calls, with requests per second.
    pub not_taken_flags: std::collections::BTreeMap<String, f64>,
    /// Why the measured shares are bounds, or can't be told, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One destination of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Destination {
    /// For people: the subset's name, else the service's.
    pub name: String,
    /// The host, as written.
    pub host: String,
    /// The subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The weight, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// The part of the rule's calls that it is to have, 0 to 1; absent where the weights mean none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The service, as `namespace/name`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The `version` label of its pods, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Ids of the graph's nodes that take its calls, sorted.
    pub workloads: Vec<String>,
    /// Its pods, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<Pods>,
    /// How its calls go, one for each group of callers; none where metrics can't tell.
    pub measured: Vec<Measured>,
}

/// How many pods there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pods {
    /// How many take calls.
    pub ready: u32,
    /// How many should.
    pub wanted: u32,
}

/// How the calls of one group of callers to one destination go.
///
/// Istio's metrics know the destination, not the rule: where several rules lead to it, the share is
/// known within bounds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Measured {
    /// The group's id.
    pub callers: String,
    /// The part of their calls that it had, 0 to 1, over the rule's `measured_over_s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The least and the most it can be, where other rules lead here too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_bounds: Option<[f64; 2]>,
    /// How many calls the share is of: all destinations', over `measured_over_s`.
    pub share_requests: f64,
    /// What is known of its calls over the whole window.
    pub traffic: Traffic,
    /// The 95 % interval of the error share (Wilson), where there were requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_bounds: Option<[f64; 2]>,
}

/// Who else writes an object, and what that means for a hand at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Owner {
    /// What it is: `argo_rollouts`, `flagger`, `argo_cd`, `flux`, `helm`, `kubectl`.
    pub kind: String,
    /// Its name, where the object says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it does with a change by hand.
    pub effect: OwnerEffect,
    /// The same for people, in one sentence.
    pub message: String,
    /// What to do instead, or beside: a command, or the rule to ignore weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What an owner does with a change by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnerEffect {
    /// It steers these weights itself: a change by hand is refused.
    Locks,
    /// It sets them back.
    Reverts,
    /// It writes over them the next time it is used.
    Rewrites,
}

/// Who wrote an object last, as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LastWrite {
    /// The program's name for itself.
    pub manager: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// Something that is wrong, or should be known, with why it matters and the mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// A stable word: `subset_missing`, `subset_not_ready`, `split_twice`, …
    pub code: String,
    /// What other catalogues call it: `KIA1107`, `IST0101`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_known_as: Vec<String>,
    /// How bad it is.
    pub severity: Severity,
    /// The object it is about, as `namespace/kind/name` with the kind in lower case.
    pub object: String,
    /// The other object that it takes, as `namespace/kind/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// Where in the object: `spec.http[0].route[1].destination.subset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is so, in one sentence.
    pub message: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// The command that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What to write into an object, as YAML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yaml: Option<String>,
}

/// How bad something is; the order is from worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Calls fail, or a change is refused.
    Error,
    /// It does not do what it seems to.
    Warning,
    /// Worth knowing.
    Info,
}

/// A service with its versions and the splits that spread calls over them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Service {
    /// `namespace/name`.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its versions, sorted.
    pub versions: Vec<Version>,
    /// The rules that split it, sorted. More than one means that they must be moved together.
    pub splits: Vec<SplitRef>,
}

/// One version of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// The `version` label of its pods; the workload's name where there is none.
    pub name: String,
    /// Id of the graph's node.
    pub workload: String,
    /// Its pods.
    pub pods: Pods,
    /// Calls to it per second, whoever calls; absent where nothing is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rps: Option<f64>,
}

/// Where a split stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SplitRef {
    /// The route's id.
    pub route: String,
    /// The rule.
    pub rule: String,
}

/// A change of weights as the object itself records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// Its id: objects that were changed together share it.
    pub change: String,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
    /// Who.
    pub who: String,
    /// Why, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The rule; empty for a structural change.
    pub rule: String,
    /// The destinations as `host[:port][ subset]`, in order: `backend v1`.
    pub destinations: Vec<String>,
    /// The weights before; absent ones are `null`.
    pub before: Vec<Option<u32>>,
    /// The weights after; absent ones are `null`.
    pub after: Vec<Option<u32>>,
    /// What a structural change did, in words: "joined with app-external". It has no weights, and is taken
    /// back by [`Edit::Restore`](super::changes::Edit::Restore).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// The object was made by this change: it is taken back by deleting the object, if it is still as it was
    /// made.
    #[serde(default, skip_serializing_if = "is_false")]
    pub made: bool,
    /// The change that this one took back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<String>,
    /// All objects that were changed together, this one among them, by id in the order in which they were
    /// written; empty where it was this one alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<String>,
}
