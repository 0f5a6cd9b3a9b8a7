//! The last hour of what flowed over connections, compactly.

use std::collections::{BTreeMap, VecDeque};

use crate::history::HISTORY_STEPS;
use crate::ledger::WireId;

/// What flowed over connections, and how many of them came and went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Bytes.
    pub(crate) to_server: u64,
    /// Bytes.
    pub(crate) to_client: u64,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
}

impl Flow {
    /// Adds another flow to it.
    pub(crate) fn add(&mut self, other: Flow) {
        self.to_server += other.to_server;
        self.to_client += other.to_client;
        self.opened += other.opened;
        self.closed += other.closed;
    }
}

/// A ring of steps, each with the flows of those connections that saw one, sorted.
pub(crate) struct Wires {
    /// The first step kept.
    first: i64,
    lens: VecDeque<u16>,
    kept: VecDeque<Kept>,
}

/// One flow of one step, in few bytes: a step has no place for more.
#[derive(Clone, Copy)]
struct Kept {
    wire: WireId,
    to_server: u32,
    to_client: u32,
    opened: u16,
    closed: u16,
}

/// The flows of one step, being counted.
#[derive(Default)]
pub(crate) struct Flows(BTreeMap<WireId, Flow>);

impl Flows {
    /// Counts a flow.
    pub(crate) fn count(&mut self, wire: WireId, flow: Flow) {
        self.0.entry(wire).or_default().add(flow);
    }
}

impl Wires {
    /// Returns an empty history that begins with `first`.
    pub(crate) fn starting_at(first: i64) -> Wires {
        Wires {
            first,
            lens: VecDeque::new(),
            kept: VecDeque::new(),
        }
    }

    /// Appends the next step, forgetting the oldest one when full. The flows are taken.
    pub(crate) fn push(&mut self, flows: &mut Flows) {
        if self.lens.len() as i64 == HISTORY_STEPS {
            let len = self.lens.pop_front().unwrap_or(0);
            self.kept.drain(..usize::from(len).min(self.kept.len()));
            self.first += 1;
        }
        let flows = std::mem::take(&mut flows.0);
        let before = self.kept.len();
        for (wire, flow) in flows.into_iter().take(usize::from(u16::MAX)) {
            let few = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
            let bytes = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
            self.kept.push_back(Kept {
                wire,
                to_server: bytes(flow.to_server),
                to_client: bytes(flow.to_client),
                opened: few(flow.opened),
                closed: few(flow.closed),
            });
        }
        self.lens.push_back((self.kept.len() - before) as u16);
    }

    /// Returns the flows of each kind of connections in `from..=to`, sorted.
    pub(crate) fn sums(&self, from: i64, to: i64) -> BTreeMap<WireId, Flow> {
        let mut sums = BTreeMap::<WireId, Flow>::new();
        let mut offset = 0;
        for (step, len) in (self.first..).zip(&self.lens) {
            let len = usize::from(*len);
            if (from..=to).contains(&step) {
                for kept in self.kept.range(offset..offset + len) {
                    sums.entry(kept.wire).or_default().add(Flow {
                        to_server: kept.to_server.into(),
                        to_client: kept.to_client.into(),
                        opened: kept.opened.into(),
                        closed: kept.closed.into(),
                    });
                }
            }
            offset += len;
        }
        sums
    }
}
