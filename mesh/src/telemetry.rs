//! What a metrics source is asked and what it answers: typed samples, never label maps.
//!
//! `Source -> [Sample] -> graph`. Every source (Prometheus, the demo world) answers the same query
//! values with the same samples; from there on there is one code path.

use std::fmt;
use std::sync::Arc;

use crate::names::{
    AppName, ClusterName, NamespaceName, ServiceName, TemplateHash, VersionName, WorkloadName,
};
use crate::units::{UnixMillis, Window};

mod control_plane;
mod histogram;
mod proxies;
mod tcp;

pub use control_plane::{Build, ControlPlane, ControlPlaneReport, Istiod};
pub use histogram::{Bucket, Histogram, Quantile};
pub use proxies::{BreakerSample, Breakers, Proxies, ProxySample};
pub use tcp::{GrpcMessages, MessageSample, TcpSample, TcpTraffic};

/// Which proxy reported a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reporter {
    /// The client's sidecar, or a gateway.
    Source,
    /// An ambient waypoint between the two.
    Waypoint,
    /// The server's sidecar.
    Destination,
}

/// The protocol of a request as Istio reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// HTTP/1.1 or HTTP/2.
    Http,
    /// gRPC.
    Grpc,
    /// Opaque TCP.
    Tcp,
}

impl Protocol {
    /// Returns the protocol's word in ids and on the wire: `http`, `grpc`, `tcp`.
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Http => "http",
            Protocol::Grpc => "grpc",
            Protocol::Tcp => "tcp",
        }
    }

    /// Returns the protocol that `word` names.
    pub fn from_word(word: &str) -> Option<Protocol> {
        match word {
            "http" => Some(Protocol::Http),
            "grpc" => Some(Protocol::Grpc),
            "tcp" => Some(Protocol::Tcp),
            _ => None,
        }
    }
}

/// One side of a call. A field is `None` where the proxies do not know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// The cluster.
    pub cluster: Option<ClusterName>,
    /// The namespace.
    pub namespace: Option<NamespaceName>,
    /// The workload.
    pub workload: Option<WorkloadName>,
    /// The app (canonical service).
    pub app: Option<AppName>,
    /// The version (canonical revision).
    pub version: Option<VersionName>,
}

/// The service a call was addressed to. A special destination (`PassthroughCluster`) has no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceRef {
    /// The service's namespace.
    pub namespace: Option<NamespaceName>,
    /// The service's short name, or Istio's word for a special destination.
    pub name: ServiceName,
}

/// How a call ended, in codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Response {
    /// The HTTP status; `Some(0)` means that no response was sent; `None` that it is not known.
    pub http: Option<u16>,
    /// The gRPC status, for gRPC calls that have one.
    pub grpc: Option<u16>,
}

/// Envoy's response flags of a call: short words such as `UO`, sorted; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(Option<Arc<str>>);

impl Flags {
    /// Returns the flags in `text`, which joins them by commas; `-` and nothing mean none.
    pub fn parse(text: &str) -> Flags {
        let mut words: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|w| !w.is_empty() && *w != "-")
            .collect();
        words.sort_unstable();
        words.dedup();
        Flags((!words.is_empty()).then(|| words.join(",").into()))
    }

    /// Returns the flags, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.as_deref().into_iter().flat_map(|s| s.split(','))
    }

    /// Returns whether `flag` is among them.
    pub fn contains(&self, flag: &str) -> bool {
        self.iter().any(|f| f == flag)
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("-"))
    }
}

/// Whether a call was under mutual TLS. Only the destination's proxy knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mtls {
    /// Mutual TLS.
    Mutual,
    /// Plain text.
    Plain,
    /// The reporter does not know.
    #[default]
    Unknown,
}

/// What is counted apart: who called whom, over what, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrafficKey {
    /// Which proxy says so.
    pub reporter: Reporter,
    /// The caller.
    pub source: Peer,
    /// The callee that took the call. No workload means that no endpoint took it.
    pub destination: Peer,
    /// The service the call was addressed to.
    pub service: Option<ServiceRef>,
    /// The protocol.
    pub protocol: Protocol,
    /// How it ended.
    pub response: Response,
    /// Envoy's response flags.
    pub flags: Flags,
    /// Whether it was under mutual TLS.
    pub mtls: Mtls,
    /// The template of the callee's pod, where that reports itself and the source keeps the label: which side of an
    /// Argo Rollout took the call (rule R6).
    pub template: Option<TemplateHash>,
}

/// How many calls of one key there were in the window asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What was counted.
    pub key: Arc<TrafficKey>,
    /// The count: finite, not negative. Prometheus extrapolates, so it need not be whole.
    pub value: f64,
}

/// The durations of the calls of one key in the window asked for.
///
/// The key's `response`, `flags` and `mtls` are at their defaults: latency is not asked by code.
#[derive(Clone, Debug, PartialEq)]
pub struct LatencySample {
    /// Whose durations.
    pub key: Arc<TrafficKey>,
    /// The merged histogram, in milliseconds.
    pub histogram: Histogram,
}

/// Asks for the number of requests, mesh-wide, by [`TrafficKey`], over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Requests {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// Asks for request durations, mesh-wide, over `(at - window, at]`.
///
/// Answered for the client's view (reporters source and waypoint), and for the destination's where
/// the caller has no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DurationBuckets {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// One side of the calls that a series is asked of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Side {
    /// The cluster; `None` matches any.
    pub cluster: Option<ClusterName>,
    /// The namespace; `None` only matches peers whose namespace is not known.
    pub namespace: Option<NamespaceName>,
    /// Which of the peers there.
    pub what: SideKind,
}

/// Which peers of a namespace a [`Side`] means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SideKind {
    /// One workload.
    Workload(WorkloadName),
    /// One version of an app.
    Version(AppName, VersionName),
    /// All versions of an app.
    App(AppName),
    /// Whatever serves a service (as a destination only).
    Service(ServiceName),
    /// Calls to a service that no endpoint took (as a destination only).
    ServiceWithoutEndpoint(ServiceName),
    /// A caller that no proxy knows.
    Unknown,
}

/// Which calls a series is about. `None` on a side means any peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector {
    /// The caller.
    pub source: Option<Side>,
    /// The callee.
    pub destination: Option<Side>,
    /// The protocol; `None` means any.
    pub protocol: Option<Protocol>,
}

/// Asks how one edge's or node's traffic went over time: `n_points` windows of `step` each, the last
/// of which ends at `at`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// Which calls.
    pub selector: Selector,
    /// The end of the last point.
    pub at: UnixMillis,
    /// The time between points and the length that each point covers, in seconds.
    pub step_secs: u32,
    /// How many points.
    pub n_points: u32,
}

/// The answer to [`Series`], one entry a point, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPoint {
    /// The end of the time that the point covers.
    pub at: UnixMillis,
    /// The counts by how the calls ended, both views (keys as in [`Sample`], peers left out).
    pub counts: Vec<SeriesCount>,
    /// The client view's durations (the server's where no client reports), if any call ended.
    pub histogram: Option<Histogram>,
}

/// One count of a [`SeriesPoint`].
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesCount {
    /// Which proxy says so.
    pub reporter: Reporter,
    /// The protocol, which decides what the codes mean.
    pub protocol: Protocol,
    /// How the calls ended.
    pub response: Response,
    /// Envoy's flags.
    pub flags: Flags,
    /// How many.
    pub value: f64,
}
