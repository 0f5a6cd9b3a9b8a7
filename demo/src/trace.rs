//! The traces of the last hour: what proxies told of a share of all arrivals, compactly.
//!
//! Whether an arrival is sampled follows from seed, step and stream, with no throw of the dice that decide how
//! calls go: traces are a second telling of the same story, and their figures fit the counters.

mod cast;
mod draft;
mod record;
mod search;

use std::collections::VecDeque;

use crate::chance::mix;
use crate::history::HISTORY_STEPS;
use crate::story::Call;
use crate::{STEP_MS, World};

pub(crate) use cast::{Cast, CastPod};
pub(crate) use draft::{Opened, Told};
pub(crate) use record::{Record, Side};
pub use search::Exported;

use draft::Draft;

/// One arrival in so many is sampled. Istio samples 1 % unless told otherwise, its demo profile all; a quarter
/// shows each edge of the story within minutes, rare failures too.
pub(crate) const ONE_IN: u64 = 4;
/// How many bytes of records are kept: some 50 minutes of the built-in story. `STORY.md` says so.
const MAX_BYTES: usize = 5 << 20;
/// How many traces are kept at most.
const MAX_TRACES: usize = 60_000;
/// How far back traces are kept, in microseconds.
const KEPT_US: i64 = HISTORY_STEPS * STEP_MS * 1000;

/// A ring of traces, the oldest first.
pub(crate) struct Traces {
    heads: VecDeque<Head>,
    bytes: VecDeque<u8>,
    pub(crate) cast: Cast,
    /// The arrival that is being played, if it is sampled.
    draft: Option<Draft>,
}

/// What is known of a trace without reading its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its ids come of it.
    pub(crate) key: u64,
    /// When it began, in microseconds since the epoch.
    pub(crate) start_us: i64,
    /// From its beginning to its last end.
    pub(crate) us: u32,
    /// How many bytes its records have.
    len: u32,
}

impl Head {
    /// Returns when the last of its spans ended.
    pub(crate) fn end_us(&self) -> i64 {
        self.start_us + i64::from(self.us)
    }
}

impl Default for Traces {
    fn default() -> Traces {
        Traces {
            heads: VecDeque::new(),
            // Taken once: doubling it would hold half as much again for nothing. What is never written to costs no
            // memory.
            bytes: VecDeque::with_capacity(MAX_BYTES),
            cast: Cast::default(),
            draft: None,
        }
    }
}

impl Traces {
    /// Begins to take note of an arrival, if it is one that is sampled.
    pub(crate) fn begin(&mut self, (seed, step, stream): (u64, i64, u64), nth: u32, at_ms: f64) {
        // Another way of mixing than the dice have: what is drawn there says nothing of what is sampled.
        let key = mix(mix(mix(stream ^ SALT) ^ mix(seed)) ^ mix(step as u64) ^ u64::from(nth));
        self.draft = key.is_multiple_of(ONE_IN).then(|| Draft::new(key, at_ms));
    }

    /// Ends the arrival, and keeps what proxies told of it.
    pub(crate) fn end(&mut self) {
        let Some(draft) = self.draft.take() else {
            return;
        };
        let key = draft.key;
        let start_us = draft.start_us();
        let records = draft.records(&mut self.cast);
        let us = records.iter().map(|it| it.start_us.saturating_add(it.us));
        let Some(us) = us.max() else {
            return;
        };
        let end_us = start_us + i64::from(us);
        for record in &records {
            self.cast.note(record, end_us);
        }
        let mut bytes = Vec::with_capacity(records.len() * 12);
        record::write(&records, &mut bytes);
        if MAX_BYTES < bytes.len() {
            return;
        }
        while MAX_BYTES < self.bytes.len() + bytes.len() || MAX_TRACES <= self.heads.len() {
            self.forget_oldest();
        }
        self.heads.push_back(Head {
            key,
            start_us,
            us,
            len: bytes.len() as u32,
        });
        self.bytes.extend(bytes);
    }

    /// Forgets what began more than an hour before `now_ms`.
    pub(crate) fn forget_before(&mut self, now_ms: i64) {
        let oldest = now_ms * 1000 - KEPT_US;
        while self.heads.front().is_some_and(|it| it.start_us < oldest) {
            self.forget_oldest();
        }
        if self.cast.is_full() {
            // Nobody lives through so many pods within an hour; whoever does starts over.
            self.heads.clear();
            self.bytes.clear();
            self.cast = Cast::default();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(head) = self.heads.pop_front() {
            self.bytes
                .drain(..(head.len as usize).min(self.bytes.len()));
        }
    }

    /// Returns each trace with where its records are, the oldest first.
    fn placed(&self) -> impl Iterator<Item = (Head, usize)> {
        self.heads.iter().scan(0, |offset, head| {
            let at = *offset;
            *offset += head.len as usize;
            Some((*head, at))
        })
    }

    /// Reads the records of a trace; they replace what is in `records`.
    fn read(&self, (head, at): (Head, usize), records: &mut Vec<Record>) {
        records.clear();
        let end = (at + head.len as usize).min(self.bytes.len());
        record::read(self.bytes.range(at.min(end)..end).copied(), records);
    }

    /// Opens a part of a call at a time; what is opened until it is left belongs to it.
    pub(crate) fn open(&mut self, side: Side, call: &'static Call, at_ms: f64) -> Opened {
        match &mut self.draft {
            Some(draft) => draft.open(side, self.cast.call(call), at_ms),
            None => Opened::default(),
        }
    }

    /// Leaves a part of a call.
    pub(crate) fn leave(&mut self, part: Opened) {
        if let Some(draft) = &mut self.draft {
            draft.leave(part);
        }
    }

    /// Notes that the call under way is tried once more.
    pub(crate) fn retried(&mut self) {
        if let Some(draft) = &mut self.draft {
            draft.retried();
        }
    }

    /// Moves a part of a call and all that belongs to it.
    pub(crate) fn delay(&mut self, part: Opened, ms: f64) {
        if let Some(draft) = &mut self.draft {
            draft.delay(part, ms);
        }
    }

    /// Has a part of a call told.
    pub(crate) fn tell(&mut self, part: Opened, told: impl FnOnce(&mut Cast) -> Option<Told>) {
        if let Some(draft) = &mut self.draft
            && part.is_sampled()
            && let Some(told) = told(&mut self.cast)
        {
            draft.tell(part, told);
        }
    }

    /// Returns how many bytes it holds.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.capacity() + self.heads.capacity() * size_of::<Head>()
    }
}

/// Keeps sampling apart from all else that is drawn.
const SALT: u64 = 0x7261_6365_5f69_6400;

impl World {
    /// Returns how many arrivals there are for each one that is traced.
    pub fn traced_one_in(&self) -> u64 {
        ONE_IN
    }
}
