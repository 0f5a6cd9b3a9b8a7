//! One trace as a page shows it, and what one of its spans says.

use foldhash::{HashMap, HashSet};

use crate::api::trace::{LogRow, ServiceShare, SpanDetails, SpanRow, TagRow, TraceDetails};

use super::known::Known;
use super::path::{self, Step};
use super::tree::Tree;
use super::{SpanKind, Tag, Trace, critical};

/// The most bytes of tags and logs that are told of one span.
const MOST_BYTES: usize = 256 * 1024;

impl SpanKind {
    /// Returns its word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Client => "client",
            SpanKind::Server => "server",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
            SpanKind::Internal => "internal",
        }
    }
}

/// Returns a trace as a tree in the order of its rows; without a link and without notices.
pub fn details(trace: &Trace, known: &Known) -> TraceDetails {
    let tree = Tree::of(trace);
    let steps = path::steps(&tree, known);
    let parts = tree.root().map(|root| critical::path(&tree, root));
    let mut parts = parts.unwrap_or_default();
    let own = critical::own_times(&tree);
    let start_us = tree.start_us();
    let edges = path::edges(&steps);
    let services = shares(&tree, &steps);
    let operations = sorted(tree.nodes.iter().map(|it| &*it.span.operation));
    let service_of = places(services.iter().map(|it| it.name.as_str()));
    let operation_of = places(operations.iter().copied());
    let edge_of = places(edges.iter().map(|it| it.id.as_str()));
    let spans = tree
        .nodes
        .iter()
        .zip(&steps)
        .enumerate()
        .map(|(idx, (node, step))| SpanRow {
            id: node.id.as_ref().into(),
            parent: node.parent.and_then(|it| u32::try_from(it).ok()),
            depth: node.depth,
            n_below: node.n_below,
            service: service_of[node.span.process.service.as_str()],
            operation: operation_of[&*node.span.operation],
            kind: node.span.kind.as_str().into(),
            at_us: node.start_us - start_us,
            duration_us: node.duration_us,
            self_us: own[idx],
            critical: std::mem::take(&mut parts[idx])
                .into_iter()
                .map(|[from, to]| [from - start_us, to - start_us])
                .collect(),
            failed: step.failed,
            is_orphan: node.is_orphan,
            status: step.hop.status(),
            version: step.version().map(Into::into),
            edge: step.edge.as_deref().and_then(|it| edge_of.get(it).copied()),
            skew_us: node.skew_us,
        })
        .collect();
    let n_errors = services.iter().map(|it| it.n_errors).sum();
    TraceDetails {
        id: trace.id.clone(),
        start_us,
        duration_us: tree.end_us() - start_us,
        n_spans: u32::try_from(tree.nodes.len()).unwrap_or(u32::MAX),
        n_errors,
        operations: operations.into_iter().map(str::to_owned).collect(),
        services,
        edges,
        spans,
        warnings: tree.warnings,
        link: None,
        notices: Vec::new(),
    }
}

/// Returns texts sorted, each once.
fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let once: HashSet<&str> = texts.collect();
    let mut all: Vec<&str> = once.into_iter().collect();
    all.sort_unstable();
    all
}

/// Returns where in a list each text stands.
fn places<'a>(texts: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u32> {
    texts.zip(0..).collect()
}

/// Returns each service's part, sorted by name.
pub(super) fn shares(tree: &Tree<'_>, steps: &[Step<'_>]) -> Vec<ServiceShare> {
    let mut shares: HashMap<&str, (u32, u32)> = HashMap::default();
    for (node, step) in tree.nodes.iter().zip(steps) {
        let (n_spans, n_errors) = shares.entry(&node.span.process.service).or_default();
        *n_spans += 1;
        *n_errors += u32::from(step.failed);
    }
    let mut shares: Vec<ServiceShare> = shares
        .into_iter()
        .map(|(name, (n_spans, n_errors))| ServiceShare {
            name: name.to_owned(),
            n_spans,
            n_errors,
        })
        .collect();
    shares.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    shares
}

/// Returns what one span says; its id is that of [`details`]. `None` where there is no such span.
pub fn span(trace: &Trace, id: &str) -> Option<SpanDetails> {
    let tree = Tree::of(trace);
    let start_us = tree.start_us();
    let node = tree.nodes.iter().find(|it| it.id == id)?;
    let mut room = Room {
        bytes: MOST_BYTES,
        left_out: 0,
    };
    let tags = room.rows(&node.span.tags);
    let process = room.rows(&node.span.process.tags);
    let mut logs: Vec<LogRow> = node
        .span
        .logs
        .iter()
        .map(|log| LogRow {
            at_us: log
                .at_us
                .saturating_add(node.skew_us)
                .saturating_sub(start_us),
            fields: room.rows(&log.fields),
        })
        .collect();
    logs.retain(|it| !it.fields.is_empty());
    logs.sort_by_key(|it| it.at_us);
    Some(SpanDetails {
        id: node.id.to_string(),
        service: node.span.process.service.clone(),
        operation: node.span.operation.to_string(),
        tags,
        process,
        logs,
        warnings: node.span.warnings.clone(),
        left_out_bytes: room.left_out,
    })
}

/// How much of what a span says is still told.
struct Room {
    bytes: usize,
    left_out: u64,
}

impl Room {
    fn rows(&mut self, tags: &[Tag]) -> Vec<TagRow> {
        let mut rows = Vec::new();
        for tag in tags {
            let size = tag.key.len() + tag.value.len();
            match self.bytes.checked_sub(size) {
                Some(left) => {
                    self.bytes = left;
                    rows.push(TagRow {
                        key: tag.key.to_string(),
                        value: tag.value.to_string(),
                    });
                }
                None => self.left_out += size as u64,
            }
        }
        rows
    }
}
