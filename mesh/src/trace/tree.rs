//! A trace as a tree: parents before children, clocks corrected, whatever was recorded.
//!
//! Nothing here recurses: a chain may be as long as a trace.

use std::borrow::Cow;
use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

use super::{Span, SpanKind, Trace};

/// A correction below this is not worth a word, in microseconds.
const TOLD_SKEW_US: i64 = 1000;

/// No time and no duration is taken for more than this many microseconds (some 285 years): what a trace says may be
/// anything, and sums of times must stay numbers.
const MOST_US: i64 = 1 << 53;

/// A span's place in a tree.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// The span, as it was recorded.
    pub span: &'a Span,
    /// Its id, unique in the tree.
    pub id: Cow<'a, str>,
    /// Its parent's place.
    pub parent: Option<usize>,
    /// How many stand above it.
    pub depth: u32,
    /// How many stand below it: they follow.
    pub n_below: u32,
    /// When it began, its clock corrected.
    pub start_us: i64,
    /// How long it took.
    pub duration_us: i64,
    /// By how much its clock was corrected.
    pub skew_us: i64,
    /// Whether its parent is not there.
    pub is_orphan: bool,
}

impl Node<'_> {
    /// Returns when it ended, its clock corrected.
    pub fn end_us(&self) -> i64 {
        self.start_us.saturating_add(self.duration_us)
    }
}

/// A trace as a tree, or as several where parents are not there.
#[derive(Clone, Debug, Default)]
pub struct Tree<'a> {
    /// Parents before their children, siblings by their beginning.
    pub nodes: Vec<Node<'a>>,
    /// What is wrong with the trace or was corrected, in sentences.
    pub warnings: Vec<String>,
}

impl<'a> Tree<'a> {
    /// Makes a tree of a trace.
    pub fn of(trace: &'a Trace) -> Tree<'a> {
        let mut warnings = trace.warnings.clone();
        let spans = &trace.spans;
        let index = Index::of(spans);
        let ids = unique_ids(spans, &index, &mut warnings);
        let mut parents = parents(spans, &index, &mut warnings);
        break_circles(spans, &mut parents, &mut warnings);
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
        let mut roots = Vec::new();
        for (idx, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(idx),
                None => roots.push(idx),
            }
        }
        let starts = corrected(spans, &roots, &children, &mut warnings);
        let by_start =
            |a: &usize, b: &usize| (starts[*a], &ids[*a], *a).cmp(&(starts[*b], &ids[*b], *b));
        roots.sort_by(by_start);
        for them in &mut children {
            them.sort_by(by_start);
        }
        let nodes = in_order(spans, ids, &index, &roots, &children, &starts);
        let n_orphans = nodes.iter().filter(|it| it.is_orphan).count();
        if n_orphans > 0 {
            warnings.push(format!(
                "{} not in this trace: headers were not passed on, or spans were lost.",
                if n_orphans == 1 {
                    "The parent of 1 span is".to_owned()
                } else {
                    format!("The parents of {n_orphans} spans are")
                }
            ));
        }
        Tree { nodes, warnings }
    }

    /// Returns when the first span began, clocks corrected.
    pub fn start_us(&self) -> i64 {
        self.nodes.iter().map(|it| it.start_us).min().unwrap_or(0)
    }

    /// Returns when the last span ended, clocks corrected.
    pub fn end_us(&self) -> i64 {
        self.nodes.iter().map(Node::end_us).max().unwrap_or(0)
    }

    /// Returns the place of the span that the trace is named after: the first that has no parent by itself, else the
    /// first.
    pub fn root(&self) -> Option<usize> {
        let tops = || {
            let nodes = self.nodes.iter().enumerate();
            nodes.filter(|(_, it)| it.parent.is_none())
        };
        let whole = tops().find(|(_, it)| !it.is_orphan);
        whole.or_else(|| tops().next()).map(|(idx, _)| idx)
    }

    /// Returns the places of a span's children, in order.
    pub fn children(&self, idx: usize) -> impl Iterator<Item = usize> + '_ {
        let end = idx + 1 + self.nodes[idx].n_below as usize;
        std::iter::successors(Some(idx + 1), |at| {
            Some(at + 1 + self.nodes.get(*at)?.n_below as usize)
        })
        .take_while(move |at| *at < end)
    }
}

/// Where the spans of one id are.
struct Namesakes {
    first: usize,
    first_client: Option<usize>,
    first_server: Option<usize>,
    n: u32,
}

/// Where the spans of each id are. Ids may be anything, and all the same: nothing is looked for by walking along them.
struct Index<'a> {
    by_id: HashMap<&'a str, Namesakes>,
    /// By span: how many of its id came before it.
    n_before: Vec<u32>,
}

impl<'a> Index<'a> {
    fn of(spans: &'a [Span]) -> Index<'a> {
        let mut by_id: HashMap<&str, Namesakes> = HashMap::with_capacity(spans.len());
        let mut n_before = Vec::with_capacity(spans.len());
        for (idx, span) in spans.iter().enumerate() {
            let them = by_id.entry(&span.id).or_insert(Namesakes {
                first: idx,
                first_client: None,
                first_server: None,
                n: 0,
            });
            n_before.push(them.n);
            them.n += 1;
            match span.kind {
                SpanKind::Client => them.first_client = them.first_client.or(Some(idx)),
                SpanKind::Server => them.first_server = them.first_server.or(Some(idx)),
                _ => {}
            }
        }
        Index { by_id, n_before }
    }
}

/// Returns each span's id, made unique.
fn unique_ids<'a>(
    spans: &'a [Span],
    index: &Index<'_>,
    warnings: &mut Vec<String>,
) -> Vec<Cow<'a, str>> {
    let mut n_twice = 0;
    let ids = spans
        .iter()
        .zip(&index.n_before)
        .map(|(span, n_before)| {
            if *n_before == 0 {
                return Cow::Borrowed(&*span.id);
            }
            n_twice += 1;
            Cow::Owned(format!("{}~{}", span.id, n_before + 1))
        })
        .collect();
    if n_twice > 0 {
        warnings.push(format!(
            "{n_twice} {} an id that another span has, too.",
            if n_twice == 1 {
                "span has"
            } else {
                "spans have"
            }
        ));
    }
    ids
}

/// Returns each span's parent. A client and a server may share an id (Zipkin's way): the server is below the client
/// then, and children are below the server.
fn parents(spans: &[Span], index: &Index<'_>, warnings: &mut Vec<String>) -> Vec<Option<usize>> {
    let mut n_own = 0;
    let parents = spans
        .iter()
        .enumerate()
        .map(|(idx, span)| {
            if span.kind == SpanKind::Server
                && let Some(client) = index.by_id.get(&*span.id).and_then(|it| it.first_client)
            {
                return Some(client);
            }
            let parent = span.parent.as_deref()?;
            if parent == &*span.id {
                n_own += 1;
                return None;
            }
            let them = index.by_id.get(parent)?;
            Some(them.first_server.unwrap_or(them.first)).filter(|it| *it != idx)
        })
        .collect();
    if n_own > 0 {
        warnings.push(format!(
            "{n_own} {} to be {} own parent.",
            if n_own == 1 { "span says" } else { "spans say" },
            if n_own == 1 { "its" } else { "their" }
        ));
    }
    parents
}

/// Makes the earliest span of each circle a root.
fn break_circles(spans: &[Span], parents: &mut [Option<usize>], warnings: &mut Vec<String>) {
    // 0: not looked at; otherwise the number of the walk that came by.
    let mut walks = vec![0_usize; spans.len()];
    let mut n_circles = 0;
    for first in 0..spans.len() {
        let walk = first + 1;
        let mut at = first;
        while walks[at] == 0 {
            walks[at] = walk;
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        // Back where this very walk has been, and not at a root: a circle.
        if walks[at] == walk && parents[at].is_some() {
            let mut earliest = at;
            let mut other = at;
            while let Some(parent) = parents[other] {
                other = parent;
                if spans[other].start_us < spans[earliest].start_us {
                    earliest = other;
                }
                if other == at {
                    break;
                }
            }
            parents[earliest] = None;
            n_circles += 1;
        }
    }
    if n_circles > 0 {
        warnings.push(format!(
            "{n_circles} {} of spans that are each other's parents {} opened at the earliest of them.",
            if n_circles == 1 { "circle" } else { "circles" },
            if n_circles == 1 { "was" } else { "were" }
        ));
    }
}

/// Returns when each span began, clocks corrected: a callee that recorded a call outside of its caller's time has
/// another clock; it is moved into the middle of that time, and what is below it is moved along. What is only a
/// process's own view of itself, or waits for nobody, is left where it is.
fn corrected(
    spans: &[Span],
    roots: &[usize],
    children: &[Vec<usize>],
    warnings: &mut Vec<String>,
) -> Vec<i64> {
    let mut starts: Vec<i64> = spans.iter().map(|it| bounded(it.start_us)).collect();
    let mut largest: BTreeMap<&str, i64> = BTreeMap::new();
    // With the correction of the parent.
    let mut to_do: Vec<(usize, Option<usize>, i64)> =
        roots.iter().map(|root| (*root, None, 0)).collect();
    while let Some((idx, parent, inherited)) = to_do.pop() {
        let span = &spans[idx];
        let mut skew = inherited;
        if let Some(parent) = parent
            && span.process != spans[parent].process
        {
            // Another process has another clock, unless it is one with the parent's.
            let (own, caller) = (starts[idx], (&spans[parent], starts[parent]));
            let is_own = own_skew(span, own, caller);
            let is_moved = own_skew(span, own.saturating_add(inherited), caller);
            skew = match (is_own, is_moved) {
                (0, _) => 0,
                (_, 0) => inherited,
                (own, _) => own,
            };
            let most = largest.entry(&span.process.service).or_default();
            if skew.abs() > most.abs() {
                *most = skew;
            }
        }
        starts[idx] = bounded(starts[idx].saturating_add(skew));
        to_do.extend(children[idx].iter().map(|child| (*child, Some(idx), skew)));
    }
    for (service, skew) in largest {
        if skew.abs() >= TOLD_SKEW_US {
            warnings.push(format!(
                "The clock of {service} was corrected by {} ms.",
                skew as f64 / 1000.0
            ));
        }
    }
    starts
}

/// Returns by how much a callee that began at `start` must be moved to fit into its caller's time.
fn own_skew(span: &Span, start: i64, (parent, parent_start): (&Span, i64)) -> i64 {
    let waits = parent.kind == SpanKind::Client && span.kind != SpanKind::Consumer;
    if !waits {
        return 0;
    }
    let parent_end = parent_start.saturating_add(bounded(parent.duration_us));
    let end = start.saturating_add(bounded(span.duration_us));
    let spare = bounded(parent.duration_us) - bounded(span.duration_us);
    if spare < 0 {
        // The caller gave up earlier: only the beginning can be compared.
        return parent_start.saturating_sub(start).max(0);
    }
    if start >= parent_start && end <= parent_end {
        return 0;
    }
    parent_start.saturating_add(spare / 2).saturating_sub(start)
}

fn bounded(micros: i64) -> i64 {
    micros.clamp(0, MOST_US)
}

fn in_order<'a>(
    spans: &'a [Span],
    mut ids: Vec<Cow<'a, str>>,
    index: &Index<'_>,
    roots: &[usize],
    children: &[Vec<usize>],
    starts: &[i64],
) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = Vec::with_capacity(spans.len());
    let mut to_do: Vec<(usize, Option<usize>)> =
        roots.iter().rev().map(|root| (*root, None)).collect();
    while let Some((idx, parent)) = to_do.pop() {
        let span = &spans[idx];
        let place = nodes.len();
        nodes.push(Node {
            span,
            id: std::mem::take(&mut ids[idx]),
            parent,
            depth: parent.map_or(0, |it| nodes[it].depth + 1),
            n_below: 0,
            start_us: starts[idx],
            duration_us: bounded(span.duration_us),
            skew_us: starts[idx].saturating_sub(bounded(span.start_us)),
            is_orphan: span
                .parent
                .as_deref()
                .is_some_and(|it| !index.by_id.contains_key(it)),
        });
        to_do.extend(children[idx].iter().rev().map(|it| (*it, Some(place))));
    }
    for place in (0..nodes.len()).rev() {
        if let Some(parent) = nodes[place].parent {
            nodes[parent].n_below += nodes[place].n_below + 1;
        }
    }
    nodes
}
