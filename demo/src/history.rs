//! The last hour of calls, compactly: one word for each (series, bucket) that a step counted.

use std::collections::VecDeque;

use crate::ledger::SeriesId;

/// Upper edges of Istio's default buckets in milliseconds; above the last is `+Inf`.
pub(crate) const EDGES_MS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1000.0,
    2500.0,
    5000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];
/// Buckets with the one above the last edge.
pub(crate) const N_BUCKETS: usize = EDGES_MS.len() + 1;

/// How many steps are kept: one hour.
pub(crate) const HISTORY_STEPS: i64 = 60 * 60 * 1000 / crate::STEP_MS;

const BUCKET_BITS: u32 = 5;
const SIDES_BITS: u32 = 2;
const COUNT_BITS: u32 = 7;
const MAX_COUNT: u32 = (1 << COUNT_BITS) - 1;
/// How many series a word of history can tell apart.
pub(crate) const MAX_SERIES: usize = 1 << (32 - SIDES_BITS - BUCKET_BITS - COUNT_BITS);

/// A ring of steps. The words of a step are sorted, so equal histories are equal bytes.
pub(crate) struct History {
    /// The first step kept.
    first: i64,
    /// How many words each step has.
    lens: VecDeque<u16>,
    words: VecDeque<u32>,
}

/// Whose proxies report a call.
///
/// Mostly both do, and agree. An attempt that is tried again is told by the server alone, the ending
/// of the last one, if it differs from the server's, by the client alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sides {
    Both,
    Client,
    Server,
}

/// Some calls of one series that took about as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) series: SeriesId,
    pub(crate) sides: Sides,
    /// How long they took for the client; of no meaning where the server alone reports.
    pub(crate) bucket: usize,
    pub(crate) count: u32,
}

/// The calls of one step, being counted.
#[derive(Default)]
pub(crate) struct Tally(Vec<u32>);

impl Tally {
    /// Counts one call.
    pub(crate) fn count(&mut self, series: SeriesId, sides: Sides, bucket: usize) {
        self.0.push(kind(series, sides, bucket));
    }
}

impl History {
    /// Returns an empty history that begins with `first`.
    pub(crate) fn starting_at(first: i64) -> History {
        History {
            first,
            lens: VecDeque::with_capacity(HISTORY_STEPS as usize),
            words: VecDeque::new(),
        }
    }

    /// Returns the first step kept.
    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    /// Appends the next step, forgetting the oldest one when full. The tally is emptied.
    pub(crate) fn push(&mut self, tally: &mut Tally) {
        if self.lens.len() as i64 == HISTORY_STEPS {
            let len = self.lens.pop_front().unwrap_or(0);
            self.words.drain(..usize::from(len).min(self.words.len()));
            self.first += 1;
        }
        tally.0.sort_unstable();
        let before = self.words.len();
        for same in tally.0.chunk_by(|a, b| a == b) {
            let mut left = same.len() as u32;
            while 0 < left && self.words.len() - before < usize::from(u16::MAX) {
                let count = left.min(MAX_COUNT);
                left -= count;
                self.words.push_back(same[0] << COUNT_BITS | count);
            }
        }
        self.lens.push_back((self.words.len() - before) as u16);
        tally.0.clear();
    }

    /// Calls `visit` with each step in `from..=to` that is kept and each of its entries, in order.
    pub(crate) fn each(&self, from: i64, to: i64, mut visit: impl FnMut(i64, Entry)) {
        let mut offset = 0;
        for (step, len) in (self.first..).zip(&self.lens) {
            let len = usize::from(*len);
            if to < step {
                break;
            }
            if from <= step {
                for word in self.words.range(offset..offset + len) {
                    visit(step, Entry::unpack(*word));
                }
            }
            offset += len;
        }
    }

    /// Returns how many bytes the history holds.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>() + self.lens.capacity() * size_of::<u16>()
    }

    /// Calls `rename` for each series kept, in words: used when the ledger is compacted.
    pub(crate) fn rename(&mut self, rename: impl Fn(SeriesId) -> SeriesId) {
        for word in &mut self.words {
            let entry = Entry::unpack(*word);
            let series = rename(entry.series);
            *word = kind(series, entry.sides, entry.bucket) << COUNT_BITS | entry.count;
        }
    }
}

/// Returns the part of a word that calls counted together have in common.
fn kind(series: SeriesId, sides: Sides, bucket: usize) -> u32 {
    (series.0 << SIDES_BITS | sides as u32) << BUCKET_BITS | bucket as u32
}

impl Entry {
    fn unpack(word: u32) -> Entry {
        let sides = word >> (COUNT_BITS + BUCKET_BITS) & ((1 << SIDES_BITS) - 1);
        Entry {
            series: SeriesId(word >> (COUNT_BITS + BUCKET_BITS + SIDES_BITS)),
            sides: [Sides::Both, Sides::Client, Sides::Server]
                .into_iter()
                .find(|known| *known as u32 == sides)
                .unwrap_or(Sides::Both),
            bucket: (word >> COUNT_BITS & ((1 << BUCKET_BITS) - 1)) as usize,
            count: word & MAX_COUNT,
        }
    }

    /// Returns how many of the calls the client's proxy reports.
    pub(crate) fn by_client(&self) -> u64 {
        match self.sides {
            Sides::Both | Sides::Client => u64::from(self.count),
            Sides::Server => 0,
        }
    }

    /// Returns how many of the calls the server's proxy reports.
    pub(crate) fn by_server(&self) -> u64 {
        match self.sides {
            Sides::Both | Sides::Server => u64::from(self.count),
            Sides::Client => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_step_is_kept_exactly_and_forgotten_after_an_hour() {
        let mut history = History::starting_at(100);
        let mut tally = Tally::default();
        for _ in 0..1000 {
            tally.count(SeriesId(77_777), Sides::Server, 19);
        }
        tally.count(SeriesId(3), Sides::Both, 0);
        tally.count(SeriesId(3), Sides::Client, 0);
        history.push(&mut tally);
        let read = |history: &History, from, to| {
            let mut sums = std::collections::BTreeMap::new();
            history.each(from, to, |_, e| {
                let sums: &mut [u64; 2] = sums.entry((e.series.0, e.bucket)).or_default();
                sums[0] += e.by_client();
                sums[1] += e.by_server();
            });
            sums.into_iter().collect::<Vec<_>>()
        };
        let all = [((3, 0), [2, 1]), ((77_777, 19), [0, 1000])];
        assert_eq!(read(&history, 0, 1000), all);
        assert_eq!(read(&history, 101, 1000), []);
        for _ in 0..HISTORY_STEPS {
            history.push(&mut tally);
        }
        assert_eq!(read(&history, 0, i64::MAX), []);
        assert_eq!(history.first(), 101);
    }
}
