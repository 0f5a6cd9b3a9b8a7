//! What only traces know of, as nodes and edges that bear no rates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use petgraph::graph::NodeIndex;

use crate::api::query::By;
use crate::names::{ClusterName, NamespaceName};
use crate::telemetry::Peer;
use crate::units::Window;

use super::ends::Ends;
use super::identity::Identity;
use super::project::Projection;

/// What stands for the protocol of calls that only traces tell of: they do not say it for sure.
pub const TRACED: &str = "traced";

/// Services that the metrics do not know, and calls with such a service on one side at least.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traced {
    /// The calls, sorted by their sides.
    pub calls: Vec<TracedCall>,
    /// Services that spans are there of and no call, sorted.
    pub alone: Vec<TracedEnd>,
    /// So many more calls between other pairs were seen.
    pub n_left_out: usize,
    /// The time before now that was looked at.
    pub window: Window,
}

/// Calls between two that traces tell of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracedCall {
    /// Who called.
    pub from: TracedEnd,
    /// Who was called.
    pub to: TracedEnd,
    /// How many calls were seen: those that were sampled, as far as they were looked at.
    pub n_calls: u64,
    /// How many of them failed.
    pub n_errors: u64,
}

/// One side of a call that traces tell of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TracedEnd {
    /// A workload that the metrics or the cluster know.
    Known {
        /// The workload.
        peer: Peer,
        /// Whether it is this one, or any of its app.
        is_one: bool,
    },
    /// A service that only traces know.
    Traced {
        /// Its cluster, where it is known.
        cluster: Option<ClusterName>,
        /// Its namespace, where it is known.
        namespace: Option<NamespaceName>,
        /// Its tracing name.
        name: Arc<str>,
    },
}

impl TracedEnd {
    /// Returns whether only traces know of it.
    pub fn is_traced(&self) -> bool {
        matches!(self, TracedEnd::Traced { .. })
    }

    fn identity(&self, projection: &Projection<'_>) -> Option<Identity> {
        match self {
            TracedEnd::Known { peer, is_one } => {
                let tells_apart = matches!(projection.by(), By::Workload | By::Version);
                if tells_apart && !is_one {
                    return None;
                }
                let cluster = peer.cluster.as_ref().map(|it| it.shared());
                projection.peer(peer, cluster, None)
            }
            TracedEnd::Traced {
                cluster,
                namespace,
                name,
            } => Some(projection.fold(Identity::Traced {
                cluster: cluster.as_ref().map(|it| it.shared()),
                namespace: namespace.as_ref().map(|it| it.shared()),
                name: Arc::clone(name),
            })),
        }
    }
}

/// How many calls traces tell of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How many.
    pub n_calls: u64,
    /// How many of them failed.
    pub n_errors: u64,
    /// The time before now that was looked at.
    pub window: Window,
}

impl Seen {
    fn add(&mut self, other: Seen) {
        self.n_calls = self.n_calls.saturating_add(other.n_calls);
        self.n_errors = self.n_errors.saturating_add(other.n_errors);
        self.window = other.window;
    }

    /// Returns what was seen, in words.
    pub fn words(self) -> String {
        let calls = match self.n_calls {
            1 => "1 call".to_owned(),
            n => format!("{n} calls"),
        };
        let failed = match self.n_errors {
            0 => "none of them failed".to_owned(),
            n => format!("{n} failed"),
        };
        format!("from traces, sampled: {calls} in {}, {failed}", self.window)
    }
}

/// An edge that bears no rates.
#[derive(Clone, Debug, PartialEq)]
pub struct TracedEdge {
    /// The caller's place.
    pub from: NodeIndex,
    /// The callee's.
    pub to: NodeIndex,
    /// What was seen.
    pub seen: Seen,
}

/// What is traced, by the numbers of identities.
#[derive(Default)]
pub struct Numbered {
    /// By caller and callee.
    pub calls: BTreeMap<(usize, usize), Seen>,
    /// Services that only traces know, or folded namespaces with such, and what calls them.
    pub nodes: BTreeMap<usize, Seen>,
    /// Who is on one side of a call.
    pub ends: BTreeSet<usize>,
}

/// Returns what is traced with the numbers of one projection, new ones where nothing else is known.
pub fn read(traced: &Traced, projection: &Projection<'_>, ends: &mut Ends<'_>) -> Numbered {
    let mut out = Numbered::default();
    for call in &traced.calls {
        let seen = Seen {
            n_calls: call.n_calls,
            n_errors: call.n_errors,
            window: traced.window,
        };
        let mut side = |end: &TracedEnd, seen: Seen| {
            let number = ends.number(end.identity(projection)?);
            out.ends.insert(number);
            if end.is_traced() {
                out.nodes.entry(number).or_default().add(seen);
            }
            Some(number)
        };
        // Calls that a service makes are no calls to it.
        let from = side(
            &call.from,
            Seen {
                n_calls: 0,
                n_errors: 0,
                ..seen
            },
        );
        let to = side(&call.to, seen);
        if let (Some(from), Some(to)) = (from, to)
            && from != to
        {
            out.calls.entry((from, to)).or_default().add(seen);
        }
    }
    for end in &traced.alone {
        if let Some(identity) = end.identity(projection) {
            let number = ends.number(identity);
            out.ends.insert(number);
            out.nodes.entry(number).or_default().window = traced.window;
        }
    }
    out
}
