//! A long answer is read in parts, side by side: reading is most of the wait for a large trace, and there is more than
//! one processor.
//!
//! Where a span ends in the text is guessed, not searched for: passing over all of it would take half as long as reading
//! it. Each part becomes a document of its own with a mark at either end. Where the marks come back from where spans
//! belong, the text was cut between two spans of a trace; where they don't, the answer is read as a whole. So is one that
//! says something twice; what is empty may be there twice, which the whole would be refused for.

use std::ops::Range;

use super::{Envelope, Recorded, WireTrace, envelope};
use crate::Beside;
use crate::loose::{List, MAX_ITEMS};

/// A part is at least so long, in bytes: shorter ones are read sooner than a thread has begun.
const MIN_PART: usize = 512 * 1024;
/// So many parts at most: others want processors, too.
const MAX_PARTS: usize = 4;

/// What stands between two spans, and never within a text: its quotes would bear backslashes there.
const BETWEEN: &[u8] = b"},{\"traceID\":\"";
/// What comes next in a span, and not in a trace.
const OF_SPAN: &[u8] = b"\",\"spanID\":";
/// An id is at most so long.
const MAX_ID: usize = 32;

/// The id of the trace that a mark bears: none that a server can write.
const MARK: &str = "pidali:mark";
const BEFORE: &[u8] = br#"{"data":[{"spans":[{"traceID":"pidali:mark","spanID":""},"#;
const BEHIND: &[u8] = br#",{"traceID":"pidali:mark","spanID":""}]}]}"#;

/// An answer that is to be read in parts.
pub(super) struct Parts<'b> {
    body: &'b [u8],
    ranges: Vec<Range<usize>>,
    texts: Vec<Vec<u8>>,
}

impl<'b> Parts<'b> {
    /// Cuts an answer into so many parts, or fewer where it is not that long; `None` where there is nothing to cut, or no
    /// place to.
    pub fn of(body: &'b [u8], n: usize) -> Option<Parts<'b>> {
        Parts::at_most(body, n.min(MAX_PARTS).min(body.len() / MIN_PART))
    }

    fn at_most(body: &'b [u8], n: usize) -> Option<Parts<'b>> {
        let mut ranges = Vec::new();
        let mut from = 0;
        for nth in 1..n {
            let Some(end) = end_of_span(body, (body.len() / n * nth).max(from)) else {
                break;
            };
            ranges.push(from..end);
            // Behind the comma.
            from = end + 1;
        }
        ranges.push(from..body.len());
        (ranges.len() > 1).then(|| Parts {
            body,
            texts: vec![Vec::new(); ranges.len()],
            ranges,
        })
    }

    /// Reads the parts and joins them; `None` where the whole must be read.
    pub fn read(&mut self, beside: &impl Beside) -> Option<Envelope<List<WireTrace<'_>>>> {
        let (body, n) = (self.body, self.ranges.len());
        let parts = self.ranges.iter().cloned().zip(&mut self.texts).enumerate();
        let parts = parts.map(|(nth, (range, text))| {
            move || {
                // Moved: what is read borrows it for longer than this.
                let text = text;
                text.reserve_exact(range.len() + BEFORE.len() + BEHIND.len());
                if nth > 0 {
                    text.extend_from_slice(BEFORE);
                }
                text.extend_from_slice(body.get(range)?);
                if nth + 1 < n {
                    text.extend_from_slice(BEHIND);
                }
                envelope::<List<WireTrace<'_>>>(text).ok()
            }
        });
        let read = beside.all(parts.collect());
        let mut read = read.into_iter().map(Option::flatten);
        let first = read.next()??;
        read.try_fold(first, |all, part| join(all, part?))
    }
}

/// Returns where the first span from `from` on ends that another one follows.
fn end_of_span(body: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    let places = memchr::memmem::find_iter(rest, BETWEEN);
    let mut spans = places.filter(|place| {
        let behind = rest.get(place + BETWEEN.len()..).unwrap_or_default();
        let id = behind.iter().take(MAX_ID + 1).position(|it| *it == b'"');
        id.is_some_and(|end| behind.get(end..).is_some_and(|it| it.starts_with(OF_SPAN)))
    });
    spans.next().map(|place| from + place + 1)
}

/// Joins an answer up to somewhere in a trace with the rest of it.
fn join<'a>(
    before: Envelope<List<WireTrace<'a>>>,
    after: Envelope<List<WireTrace<'a>>>,
) -> Option<Envelope<List<WireTrace<'a>>>> {
    let (mut traces, rest) = (before.data?, after.data?);
    let mut others = rest.items.into_iter();
    let (trace, other) = (traces.items.last_mut()?, others.next()?);
    if !trace.spans.items.pop()?.is_mark() || !other.spans.items.first()?.is_mark() {
        return None;
    }
    trace.add(other)?;
    traces.items.extend(others);
    traces.n_dropped += rest.n_dropped;
    // The same member twice is refused, in one piece.
    let is_twice = !before.errors.is_empty() && !after.errors.is_empty();
    if is_twice || traces.items.len() > MAX_ITEMS {
        return None;
    }
    let mut errors = before.errors;
    errors.extend(after.errors);
    Some(Envelope {
        data: Some(traces),
        errors,
    })
}

impl Recorded<'_> {
    fn is_mark(&self) -> bool {
        self.trace.as_str() == MARK && self.span.is_none()
    }
}

impl WireTrace<'_> {
    /// Adds the rest of it, whose first span is a mark; `None` where both say the same.
    fn add(&mut self, rest: Self) -> Option<()> {
        let is_twice = (self.id.0.is_some() && rest.id.0.is_some())
            || (!self.processes.0.is_empty() && !rest.processes.0.is_empty())
            || (!self.warnings.0.is_empty() && !rest.warnings.0.is_empty());
        if is_twice || self.spans.items.len() + rest.spans.items.len() - 1 > MAX_ITEMS {
            return None;
        }
        if self.id.0.is_none() {
            self.id = rest.id;
        }
        self.spans
            .items
            .extend(rest.spans.items.into_iter().skip(1));
        self.spans.n_dropped += rest.spans.n_dropped;
        self.processes.0.extend(rest.processes.0);
        self.warnings.0.extend(rest.warnings.0);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::made;
    use super::*;

    /// Does one thing after the other.
    struct Alone;

    impl Beside for Alone {
        fn n(&self) -> usize {
            1
        }

        fn all<T: Send, W: FnOnce() -> T + Send>(&self, works: Vec<W>) -> Vec<Option<T>> {
            works.into_iter().map(|work| Some(work())).collect()
        }
    }

    fn whole(text: &str) -> String {
        match envelope(text.as_bytes()).map(made) {
            Ok(read) => format!("{read:?}"),
            Err(error) => format!("{error}"),
        }
    }

    /// What comes of reading it in parts; `None` where that does not go.
    fn in_parts(text: &str, n: usize) -> Option<String> {
        let mut parts = Parts::at_most(text.as_bytes(), n)?;
        parts.read(&Alone).map(|read| format!("{:?}", made(read)))
    }

    fn span(n: usize, value: &str) -> String {
        let value = serde_json::to_string(value).unwrap();
        format!(
            r#"{{"traceID":"ab","spanID":"{:x}","operationName":"get","references":[{{"refType":"CHILD_OF","traceID":"ab","spanID":"1"}}],"startTime":{n},"duration":5,"tags":[{{"key":"k","type":"string","value":{value}}}],"logs":[{{"timestamp":1,"fields":[]}},{{"timestamp":2,"fields":[]}}],"processID":"p1"}}"#,
            n + 1
        )
    }

    fn trace(spans: &[String]) -> String {
        let spans = spans.join(",");
        format!(
            r#"{{"traceID":"ab","spans":[{spans}],"processes":{{"p1":{{"serviceName":"cart","tags":[]}}}},"warnings":["slow"]}}"#
        )
    }

    fn answer(traces: &[String]) -> String {
        let traces = traces.join(",");
        format!(r#"{{"data":[{traces}],"total":0,"errors":[{{"code":500,"msg":"one is lost"}}]}}"#)
    }

    #[test]
    fn a_long_trace_reads_in_parts() {
        let spans: Vec<String> = (0..9).map(|n| span(n, "v")).collect();
        let text = answer(&[trace(&spans)]);
        for n in 2..5 {
            assert_eq!(in_parts(&text, n), Some(whole(&text)), "{n} parts");
        }
    }

    #[test]
    fn what_is_cut_elsewhere_or_says_something_twice_is_read_as_a_whole() {
        let spans: Vec<String> = (0..9).map(|n| span(n, "v")).collect();
        let text = answer(&[trace(&spans)]);
        for odd in [
            // Spans where none belong.
            text.replace(r#""spans":"#, r#""warnings":"#),
            text.replace(r#""spans":"#, r#""spans":[],"others":"#),
            text.replace(r#""data":[{"#, r#""data":[[{"#)
                .replace("]}],\"total", "]}]],\"total"),
            // The same member on both sides.
            text.replace(r#""spans":"#, r#""processes":{"p2":{}},"spans":"#),
            text.replace(r#""spans":"#, r#""warnings":["fast"],"spans":"#),
            text.replace(r#"{"data""#, r#"{"errors":[{"msg":"all"}],"data""#),
            text.replace(r#""processes":"#, r#""traceID":"ab","processes":"#),
            // Broken off, and broken.
            text[..text.len() - 9].to_owned(),
            text.replacen(r#""duration":5"#, r#""duration":"#, 1),
        ] {
            assert_eq!(in_parts(&odd, 2), None, "{odd}");
        }
        assert_eq!(in_parts(&trace(&spans), 2), None, "no answer");
    }

    proptest! {
        #[test]
        fn parts_say_what_the_whole_says(
            traces in prop::collection::vec(
                prop::collection::vec("(},\\{\"traceID\":\"|\\]|\\}|\\\\|é|.){0,4}", 0..12),
                0..4,
            ),
            n in 2_usize..5,
        ) {
            let traces: Vec<String> = traces
                .iter()
                .map(|values| {
                    let spans = values.iter().enumerate().map(|(n, value)| span(n, value));
                    trace(&spans.collect::<Vec<_>>())
                })
                .collect();
            let text = answer(&traces);
            if let Some(read) = in_parts(&text, n) {
                prop_assert_eq!(read, whole(&text));
            }
        }
    }
}
