//! What both dialects share: ids, times, words that come again and again, and what could not be read.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use compact_str::CompactString;
use mesh::trace::{Process, Span, SpanKind, Tag};

/// The year 9999: what lies behind is no time of a span.
const LAST_US: i64 = 253_402_300_799_000_000;
/// A year: what takes longer is no span.
const LONGEST_US: i64 = 366 * 24 * 3_600 * 1_000_000;
/// Of so many processes the same one is looked for.
const MAX_ALIKE: usize = 64;

/// A list of tags is compared with the one before it so far.
const MAX_LATEST: usize = 64;

/// Words that many spans share, kept once.
#[derive(Default)]
pub struct Words {
    known: HashSet<Arc<str>, foldhash::fast::RandomState>,
    /// The names in the list of tags that was read last, and how many of them the present one has met: spans of one
    /// kind bear the same tags in the same order.
    latest: Vec<Arc<str>>,
    n_met: usize,
    /// The latest processes.
    processes: Vec<Arc<Process>>,
    /// Who recorded what does not say who recorded it.
    nobody: Arc<Process>,
}

impl Words {
    /// Returns a word, the same one each time.
    pub fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.known.get(text) {
            return Arc::clone(known);
        }
        let word: Arc<str> = Arc::from(text);
        self.known.insert(Arc::clone(&word));
        word
    }

    /// Begins a list of tags; returns how many it is likely to hold, [`MAX_LATEST`] at most: as many as the one before.
    pub fn begin(&mut self) -> usize {
        std::mem::take(&mut self.n_met)
    }

    /// Returns a tag of the list that was begun.
    pub fn tag(&mut self, key: &str, value: CompactString) -> Tag {
        if let Some(next) = self.latest.get(self.n_met)
            && **next == *key
        {
            self.n_met += 1;
            let key = Arc::clone(next);
            return Tag { key, value };
        }
        let key = self.word(key);
        if self.n_met < MAX_LATEST {
            self.latest.truncate(self.n_met);
            self.latest.push(Arc::clone(&key));
            self.n_met += 1;
        }
        Tag { key, value }
    }

    /// Returns the process of a span that names none.
    pub fn nobody(&self) -> Arc<Process> {
        Arc::clone(&self.nobody)
    }

    /// Returns a process, the same one where it was met of late: servers name it anew for each span.
    pub fn process(&mut self, process: Process) -> Arc<Process> {
        let known = self.processes.iter().rev().take(MAX_ALIKE);
        if let Some(known) = known.into_iter().find(|it| ***it == process) {
            return Arc::clone(known);
        }
        let process = Arc::new(process);
        if self.processes.len() >= 2 * MAX_ALIKE {
            self.processes.drain(..MAX_ALIKE);
        }
        self.processes.push(Arc::clone(&process));
        process
    }
}

thread_local! {
    static WORDS: RefCell<Words> = RefCell::default();
}

/// Does something with the words of the answer that this thread reads: what serde derives passes nothing along.
pub fn with_words<T>(work: impl FnOnce(&mut Words) -> T) -> T {
    WORDS.with_borrow_mut(work)
}

/// Returns the words of the answer that this thread has read, and forgets them.
pub fn take_words() -> Words {
    WORDS.take()
}

/// What of a trace could not be read, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Spans that are no spans.
    pub n_shapes: usize,
    /// Spans whose id is none.
    pub n_ids: usize,
}

impl Unread {
    /// Returns it in sentences.
    pub fn told(&self) -> impl Iterator<Item = String> {
        let spans = |n: usize, why: &str| {
            let (were, their) = if n == 1 {
                ("span was", "its")
            } else {
                ("spans were", "their")
            };
            (n > 0).then(|| format!("{n} {were} left out: {}.", why.replace("THEIR", their)))
        };
        let shapes = spans(self.n_shapes, "they do not read as spans").map(|it| {
            if self.n_shapes == 1 {
                it.replace("they do not read as spans", "it does not read as a span")
            } else {
                it
            }
        });
        let ids = spans(
            self.n_ids,
            "THEIR id is not one of 1 to 32 hexadecimal digits",
        );
        shapes.into_iter().chain(ids)
    }
}

/// Returns an id in lower case; `None` for what is not 1 to 32 hexadecimal digits.
pub fn id(text: &str) -> Option<CompactString> {
    let is_id = (1..=32).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit());
    is_id.then(|| {
        let mut id = CompactString::from(text);
        id.make_ascii_lowercase();
        id
    })
}

/// Returns the id of a parent, or that it has none; an error for what is no id.
pub fn parent(text: &str) -> Result<Option<CompactString>, ()> {
    // Tracers of old write zero for no parent.
    if text.bytes().all(|it| it == b'0') {
        return Ok(None);
    }
    id(text).ok_or(()).map(Some)
}

/// Returns a kind by its name in either dialect, or by its number in OTLP.
pub fn kind(text: &str) -> SpanKind {
    let mut name = CompactString::from(text.trim());
    name.make_ascii_lowercase();
    match name.strip_prefix("span_kind_").unwrap_or(&name) {
        "server" | "2" => SpanKind::Server,
        "client" | "3" => SpanKind::Client,
        "producer" | "4" => SpanKind::Producer,
        "consumer" | "5" => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

/// Sets when a span began and how long it took, in microseconds; what can't be is taken for what is next to it, and
/// said.
pub fn time(span: &mut Span, start_us: Option<i64>, duration_us: Option<i64>) {
    let mut say = |text: &str| span.warnings.push(text.to_owned());
    let start = start_us.unwrap_or_else(|| {
        say("It does not say when it began.");
        0
    });
    if !(0..=LAST_US).contains(&start) {
        say("The time of its beginning is none.");
    }
    let duration = duration_us.unwrap_or_else(|| {
        say("It does not say how long it took: it is taken for no time.");
        0
    });
    if duration < 0 {
        say("Its duration is negative: it is taken for no time.");
    }
    if duration > LONGEST_US {
        say("Its duration is longer than a year: it is taken for a year.");
    }
    span.start_us = start.clamp(0, LAST_US);
    span.duration_us = duration.clamp(0, LONGEST_US);
}
