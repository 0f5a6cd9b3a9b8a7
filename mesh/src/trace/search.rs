//! Which traces a search is about, and as which rows they are listed.

use crate::api::TracesQuery;
use crate::api::trace::{Matched, TraceRow};

use super::known::Known;
use super::path::{self, Step};
use super::tree::{Node, Tree};
use super::{Trace, details};

/// Returns a trace as a row of the list that `query` asks for; `None` where no span of it is what was asked for. The
/// window is not looked at: sources do.
pub fn row(trace: &Trace, query: &TracesQuery, known: &Known) -> Option<TraceRow> {
    let tree = Tree::of(trace);
    let root = tree.root()?;
    let steps = path::steps(&tree, known);
    let asked = Asked::of(query, known);
    let spans = tree.nodes.iter().zip(&steps);
    let mut matching: Vec<(&Node<'_>, &Step<'_>)> = spans
        .filter(|(node, step)| asked.is_met(node, step, known))
        .collect();
    // The worst first, then the slowest; of the two sides of a call the client's.
    matching.sort_by_key(|(node, step)| {
        (
            !step.failed,
            std::cmp::Reverse(node.duration_us),
            node.depth,
        )
    });
    let worst = matching.first()?;
    let matched = asked.is_about_calls().then(|| Matched {
        span: worst.0.id.to_string(),
        duration_us: worst.0.duration_us,
        failed: worst.1.failed,
        status: worst.1.hop.status().map(Into::into),
        version: worst.1.version().map(str::to_owned),
    });
    let services = details::shares(&tree, &steps);
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let top = &tree.nodes[root];
    Some(TraceRow {
        id: trace.id.clone(),
        service: top.span.process.service.clone(),
        operation: top.span.operation.to_string(),
        start_us: tree.start_us(),
        duration_us: tree.end_us() - tree.start_us(),
        n_spans: count(tree.nodes.len()),
        n_errors: services.iter().map(|it| it.n_errors).sum(),
        n_orphans: count(tree.nodes.iter().filter(|it| it.is_orphan).count()),
        failed: steps[root].failed,
        services,
        matched,
    })
}

/// What a search is about.
struct Asked<'a> {
    query: &'a TracesQuery,
    service: Option<(String, String)>,
}

impl<'a> Asked<'a> {
    fn of(query: &'a TracesQuery, known: &Known) -> Asked<'a> {
        let service = query.service.as_ref().and_then(|name| {
            let namespace = query.namespace.clone();
            let mut found = known.services().keys().filter(|(_, own)| own == name);
            let namespace = namespace.or_else(|| found.next().map(|it| it.0.clone()));
            Some((namespace?, name.clone()))
        });
        Asked { query, service }
    }

    fn is_about_calls(&self) -> bool {
        *self.query
            != TracesQuery {
                window: self.query.window,
                at: self.query.at,
                limit: self.query.limit,
                ..TracesQuery::default()
            }
    }

    /// Whether one span is all that was asked for.
    fn is_met(&self, node: &Node<'_>, step: &Step<'_>, known: &Known) -> bool {
        let query = self.query;
        let (low, high) = (query.min_duration_us, query.max_duration_us);
        let takes = node.duration_us;
        if low.is_some_and(|it| takes < it)
            || high.is_some_and(|it| takes > it)
            || query.errors && !step.failed
        {
            return false;
        }
        let is = |wanted: &Option<String>, own: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| own == Some(wanted))
        };
        is(&query.name, Some(&node.span.process.service))
            && is(&query.operation, Some(&node.span.operation))
            && is(&query.edge, step.edge.as_deref())
            && is(&query.version, step.version())
            && self.has_tags(node)
            && self.is_of_service(node, step, known)
            && self.is_of_workload(step)
    }

    fn has_tags(&self, node: &Node<'_>) -> bool {
        let span = node.span;
        self.query.tags.iter().all(|(key, value)| {
            let mut all = span.tags.iter().chain(&span.process.tags);
            all.any(|tag| *tag.key == **key && *tag.value == **value)
        })
    }

    /// A call to the service, sent or taken; or anything that one of its workloads did under this tracing name.
    fn is_of_service(&self, node: &Node<'_>, step: &Step<'_>, known: &Known) -> bool {
        let query = self.query;
        let Some(name) = &query.service else {
            return query.workload.is_some()
                || query
                    .namespace
                    .as_deref()
                    .is_none_or(|it| namespace_of(node, step) == Some(it));
        };
        let Some(service) = &self.service else {
            return node.span.process.service == *name;
        };
        if let Some(upstream) = &step.hop.upstream {
            return upstream
                .service()
                .is_some_and(|(namespace, name)| namespace == service.0 && name == service.1);
        }
        if let Some(spot) = &step.spot {
            return known.serves(spot, service);
        }
        // Nobody knows the process but by its tracing name.
        let own = node.span.process.service.as_str();
        own.strip_prefix(service.1.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix('.') == Some(&service.0))
    }

    fn is_of_workload(&self, step: &Step<'_>) -> bool {
        let query = self.query;
        let Some(workload) = &query.workload else {
            return true;
        };
        let is = |spot: &super::known::Spot| {
            spot.workload == *workload
                && query
                    .namespace
                    .as_ref()
                    .is_none_or(|it| *it == spot.namespace)
        };
        step.spot.as_ref().is_some_and(is) || step.callee.as_ref().is_some_and(is)
    }
}

fn namespace_of<'a>(node: &'a Node<'_>, step: &'a Step<'_>) -> Option<&'a str> {
    let known = step.spot.as_ref().map(|it| it.namespace.as_str());
    let named = || node.span.process.service.rsplit_once('.').map(|it| it.1);
    known.or(step.hop.namespace).or_else(named)
}
