//! A trace while its arrival is played: parts are opened before anybody knows how they end, or who tells of them.

use mesh::telemetry::Protocol;

use super::Cast;
use super::record::{Record, Side};
use crate::chance::{Dice, mix};
use crate::ending::Ending;

/// What is noted of an arrival so far.
pub(super) struct Draft {
    pub(super) key: u64,
    began_ms: f64,
    /// The part that what comes next belongs to.
    above: Option<u16>,
    parts: Vec<Part>,
}

/// A part of a call that was opened; of an arrival that is not sampled, nothing.
#[derive(Clone, Copy, Default)]
#[must_use]
pub(crate) struct Opened {
    idx: Option<u16>,
    above: Option<u16>,
}

impl Opened {
    pub(crate) fn is_sampled(self) -> bool {
        self.idx.is_some()
    }
}

struct Part {
    above: Option<u16>,
    side: Side,
    call: u16,
    /// In milliseconds since the arrival.
    start_ms: f64,
    retries: u8,
    /// Absent where no proxy saw it.
    told: Option<Told>,
}

/// How a part ended, and for whom.
pub(crate) struct Told {
    pub(crate) from: u16,
    pub(crate) to: Option<u16>,
    pub(crate) waypoint: Option<u16>,
    pub(crate) upstream: Option<u16>,
    pub(crate) ending: u16,
    pub(crate) ms: f64,
}

/// More than any story makes of one arrival.
const MAX_PARTS: usize = 20_000;

impl Draft {
    pub(super) fn new(key: u64, began_ms: f64) -> Draft {
        Draft {
            key,
            began_ms,
            above: None,
            parts: Vec::new(),
        }
    }

    pub(super) fn start_us(&self) -> i64 {
        (self.began_ms * 1000.0).round() as i64
    }

    pub(super) fn open(&mut self, side: Side, call: u16, at_ms: f64) -> Opened {
        if MAX_PARTS <= self.parts.len() {
            return Opened {
                idx: None,
                above: self.above,
            };
        }
        let opened = Opened {
            idx: Some(self.parts.len() as u16),
            above: self.above,
        };
        self.parts.push(Part {
            above: self.above,
            side,
            call,
            start_ms: (at_ms - self.began_ms).max(0.0),
            retries: 0,
            told: None,
        });
        self.above = opened.idx;
        opened
    }

    pub(super) fn leave(&mut self, part: Opened) {
        self.above = part.above;
    }

    pub(super) fn retried(&mut self) {
        let part = self.above.map(usize::from);
        if let Some(part) = part.and_then(|it| self.parts.get_mut(it)) {
            part.retries = part.retries.saturating_add(1);
        }
    }

    pub(super) fn delay(&mut self, part: Opened, ms: f64) {
        if let Some(idx) = part.idx {
            for part in self.parts.iter_mut().skip(idx.into()) {
                part.start_ms += ms;
            }
        }
    }

    pub(super) fn tell(&mut self, part: Opened, told: Told) {
        let part = part.idx.map(usize::from);
        if let Some(part) = part.and_then(|it| self.parts.get_mut(it)) {
            if told.waypoint.is_some() && part.side == Side::Client {
                part.side = Side::Waypoint;
            }
            part.told = Some(told);
        }
    }

    /// Returns what was told, the one that others belong to before them. What belongs to a part that nobody told
    /// belongs to the next one above that somebody did.
    pub(super) fn records(mut self, cast: &mut Cast) -> Vec<Record> {
        self.send_messages(cast);
        let mut places: Vec<Option<u16>> = Vec::with_capacity(self.parts.len());
        let mut records = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let above = part.above.and_then(|it| places.get(usize::from(it)));
            let parent = above.copied().flatten();
            let Some(told) = &part.told else {
                places.push(parent);
                continue;
            };
            places.push(Some(records.len() as u16));
            records.push(Record {
                parent,
                side: part.side,
                from: told.from,
                to: told.to,
                waypoint: told.waypoint,
                call: part.call,
                upstream: told.upstream,
                ending: told.ending,
                retries: part.retries,
                start_us: micros(part.start_ms),
                us: micros(told.ms),
            });
        }
        records
    }

    /// Has the workers outside the mesh take the messages of those who served well.
    fn send_messages(&mut self, cast: &mut Cast) {
        let endings = [false, true].map(|fails| {
            let status = if fails { 500 } else { 200 };
            cast.ending(Ending::status(Protocol::Http, status))
        });
        let mut sent = Vec::new();
        for (idx, part) in self.parts.iter().enumerate() {
            let (Side::Server, Some(told)) = (part.side, &part.told) else {
                continue;
            };
            let pod = told.to.and_then(|it| cast.pod_of(it));
            let Some(worker) = pod.and_then(|pod| pod.actor.worker.as_ref()) else {
                continue;
            };
            if cast.ending_of(told.ending).is_none_or(|it| it.http != 200) {
                continue;
            }
            // Nothing else hangs on what happens here: it has dice of its own.
            let mut dice = Dice::new(self.key, idx as i64, mix(self.key));
            let waits_ms = dice.lognormal(worker.waits_ms, 0.7);
            let ms = dice.lognormal(worker.pace.median_ms, worker.pace.spread);
            let fails = dice.happens(worker.fails);
            sent.push(Part {
                above: Some(idx as u16),
                side: Side::Worker,
                call: part.call,
                start_ms: part.start_ms + told.ms + waits_ms,
                retries: 0,
                told: Some(Told {
                    ending: endings[usize::from(fails)],
                    ms,
                    waypoint: None,
                    ..*told
                }),
            });
        }
        self.parts.extend(sent);
    }
}

fn micros(ms: f64) -> u32 {
    (ms * 1000.0).round() as u32
}
