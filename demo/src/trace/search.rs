//! Finds traces, as a tracing backend would: whole ones, of which one span is as asked.

use std::collections::{BTreeMap, BTreeSet};

use mesh::trace::{Dependency, Search, Span, Trace};
use mesh::units::UnixMillis;

use super::{Head, Record, Side};
use crate::World;
use crate::expose::spans::{Builder, trace_id};

/// How far an export has come: all traces that ended up to here have been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exported {
    end_us: i64,
    key: u64,
}

impl Exported {
    /// Returns the state of an export that begins with what ends after `time`.
    pub fn up_to(time: UnixMillis) -> Exported {
        Exported {
            end_us: time.0.saturating_mul(1000),
            key: u64::MAX,
        }
    }
}

impl World {
    /// Returns the names under which processes have traced within the last hour, sorted.
    pub fn tracing_services(&self) -> Vec<String> {
        let oldest = self.traces.heads.front().map_or(i64::MAX, Head::end_us);
        let builder = Builder::of(self);
        let mut names = BTreeSet::new();
        for (number, pod) in (0_u16..).zip(self.traces.cast.pods()) {
            if oldest <= pod.told_us {
                names.extend(builder.service(number, Side::Server));
            }
            if oldest <= pod.worked_us {
                names.extend(builder.service(number, Side::Worker));
            }
        }
        names.into_iter().collect()
    }

    /// Returns the operations of a process of this name within the last hour, sorted.
    pub fn tracing_operations(&self, service: &str) -> Vec<String> {
        let mut builder = Builder::of(self);
        let tellers = builder.tellers(service);
        let mut names = BTreeSet::new();
        self.each_trace(i64::MIN, i64::MAX, |_, records| {
            for record in records {
                if tellers.tell(record) {
                    names.insert(builder.operation(record));
                }
            }
        });
        names.into_iter().map(|it| it.to_string()).collect()
    }

    /// Returns the whole traces, ended by now, in which one span is as asked: the youngest first, as many as wanted.
    pub fn find_traces(&self, search: &Search) -> Vec<Trace> {
        let mut builder = Builder::of(self);
        let tellers = builder.tellers(&search.service);
        let mut found: Vec<(Head, usize)> = Vec::new();
        let mut records = Vec::new();
        let in_time = |head: &Head| {
            head.start_us < search.until_us
                && search.since_us <= head.end_us()
                && head.end_us() <= self.now().0 * 1000
        };
        for placed in self.traces.placed().filter(|(head, _)| in_time(head)) {
            self.traces.read(placed, &mut records);
            let could_match = |it: &Record| {
                tellers.tell(it)
                    && (!search.errors || builder.failed(it))
                    && search
                        .min_duration_us
                        .is_none_or(|least| least <= i64::from(it.us))
            };
            if records.iter().any(could_match) {
                found.push(placed);
            }
        }
        found.sort_by_key(|(head, _)| std::cmp::Reverse((head.start_us, head.key)));
        let mut traces = Vec::new();
        for placed in found {
            if search.limit as usize <= traces.len() {
                break;
            }
            self.traces.read(placed, &mut records);
            let trace = builder.trace(&placed.0, &records);
            if trace.spans.iter().any(|span| matches(span, search)) {
                traces.push(trace);
            }
        }
        traces
    }

    /// Returns the trace of an id, if it ended by now and is still known.
    pub fn trace(&self, id: &str) -> Option<Trace> {
        let is_it = |head: &Head| trace_id(head.key) == id && head.end_us() <= self.now().0 * 1000;
        let placed = self.traces.placed().find(|(head, _)| is_it(head))?;
        let mut records = Vec::new();
        self.traces.read(placed, &mut records);
        Some(Builder::of(self).trace(&placed.0, &records))
    }

    /// Returns which processes called which, by the spans that began in `since_us..until_us`; sorted.
    pub fn dependencies(&self, since_us: i64, until_us: i64) -> Vec<Dependency> {
        let builder = Builder::of(self);
        let mut counts = BTreeMap::<(u16, bool, u16, bool), u64>::new();
        self.each_trace(since_us, until_us, |head, records| {
            for record in records {
                let start_us = head.start_us + i64::from(record.start_us);
                let parent = record.parent.and_then(|it| records.get(usize::from(it)));
                let Some((parent, child)) = parent.and_then(|it| it.teller()).zip(record.teller())
                else {
                    continue;
                };
                if (since_us..until_us).contains(&start_us) {
                    // Only who is called may be a worker.
                    let works = record.side == Side::Worker;
                    *counts.entry((parent, false, child, works)).or_default() += 1;
                }
            }
        });
        let mut named = BTreeMap::<(String, String), u64>::new();
        for ((parent, parent_works, child, child_works), n) in counts {
            let name = |pod, works: bool| {
                let side = if works { Side::Worker } else { Side::Server };
                builder.service(pod, side)
            };
            let ends = name(parent, parent_works).zip(name(child, child_works));
            if let Some(ends) = ends.filter(|(parent, child)| parent != child) {
                *named.entry(ends).or_default() += n;
            }
        }
        named
            .into_iter()
            .map(|((parent, child), n_calls)| Dependency {
                parent,
                child,
                n_calls,
            })
            .collect()
    }

    /// Returns the next whole traces of an export, by when they ended, at most `limit`; `exported` moves on. None are
    /// left until more time passes where there are fewer.
    pub fn export_traces(&self, exported: &mut Exported, limit: usize) -> Vec<Trace> {
        let now_us = self.now().0 * 1000;
        let at = |head: &Head| Exported {
            end_us: head.end_us(),
            key: head.key,
        };
        let mut next: Vec<(Head, usize)> = self
            .traces
            .placed()
            .filter(|(head, _)| *exported < at(head) && head.end_us() <= now_us)
            .collect();
        next.sort_by_key(|(head, _)| at(head));
        next.truncate(limit);
        if let Some((last, _)) = next.last() {
            *exported = at(last);
        }
        let mut builder = Builder::of(self);
        let mut records = Vec::new();
        next.into_iter()
            .map(|placed| {
                self.traces.read(placed, &mut records);
                builder.trace(&placed.0, &records)
            })
            .collect()
    }

    /// Shows each trace that ended by now and has a part in `since_us..until_us`, the oldest first.
    fn each_trace(&self, since_us: i64, until_us: i64, mut visit: impl FnMut(&Head, &[Record])) {
        let now_us = self.now().0 * 1000;
        let mut records = Vec::new();
        for placed in self.traces.placed() {
            let head = &placed.0;
            let end_us = head.end_us();
            if head.start_us < until_us && since_us <= end_us && end_us <= now_us {
                self.traces.read(placed, &mut records);
                visit(head, &records);
            }
        }
    }
}

/// Returns whether a span is as asked.
fn matches(span: &Span, search: &Search) -> bool {
    let bears = |(key, value): &(String, String)| {
        let mut tags = span.tags.iter().chain(&span.process.tags);
        tags.any(|tag| *tag.key == **key && *tag.value == **value)
    };
    span.process.service == search.service
        && search
            .operation
            .as_ref()
            .is_none_or(|it| **it == *span.operation)
        && (search.since_us..search.until_us).contains(&span.start_us)
        && search
            .min_duration_us
            .is_none_or(|it| it <= span.duration_us)
        && search
            .max_duration_us
            .is_none_or(|it| span.duration_us <= it)
        && (!search.errors || span.is_error)
        && search.tags.iter().all(bears)
}
