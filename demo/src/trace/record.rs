//! What one proxy told of one call, and how it is kept: some ten bytes.

/// Whose telling it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The caller's proxy.
    Client,
    /// The waypoint between both.
    Waypoint,
    /// The callee's proxy.
    Server,
    /// The proxy of whoever got a copy.
    Copy,
    /// A worker outside the mesh, which took a message of the callee's.
    Worker,
}

impl Side {
    const ALL: [Side; 5] = [
        Side::Client,
        Side::Waypoint,
        Side::Server,
        Side::Copy,
        Side::Worker,
    ];
}

/// One side of a call. Who and what are places in the [`super::Cast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// The place of the one that it belongs to, which comes before it.
    pub(crate) parent: Option<u16>,
    pub(crate) side: Side,
    /// The pod that called.
    pub(crate) from: u16,
    /// The pod that took the call, if one did.
    pub(crate) to: Option<u16>,
    /// The waypoint's pod, where one stands between.
    pub(crate) waypoint: Option<u16>,
    pub(crate) call: u16,
    /// Where the caller's proxy sent it; none where it knew no such place.
    pub(crate) upstream: Option<u16>,
    pub(crate) ending: u16,
    /// How often it was tried again.
    pub(crate) retries: u8,
    /// When it began, in microseconds since the trace did.
    pub(crate) start_us: u32,
    pub(crate) us: u32,
}

impl Record {
    /// Returns the pod whose proxy tells it; a worker's record names the pod that it works for.
    pub(crate) fn teller(&self) -> Option<u16> {
        match self.side {
            Side::Client => Some(self.from),
            Side::Waypoint => self.waypoint,
            Side::Server | Side::Copy | Side::Worker => self.to,
        }
    }
}

/// In a record's first byte, beside its side: what follows, and what is as its parent has it.
const HAS_PARENT: u8 = 1 << 3;
const HAS_TO: u8 = 1 << 4;
const HAS_WAYPOINT: u8 = 1 << 5;
const HAS_RETRIES: u8 = 1 << 6;
const AS_PARENT: u8 = 1 << 7;

/// Appends records, in bytes.
pub(super) fn write(records: &[Record], bytes: &mut Vec<u8>) {
    for (idx, record) in records.iter().enumerate() {
        let parent = record.parent.and_then(|it| records.get(usize::from(it)));
        let is_as_parent = parent.is_some_and(|it| {
            (it.from, it.call, it.upstream) == (record.from, record.call, record.upstream)
        });
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        bytes.push(
            record.side as u8
                | flag(record.parent.is_some(), HAS_PARENT)
                | flag(record.to.is_some(), HAS_TO)
                | flag(record.waypoint.is_some(), HAS_WAYPOINT)
                | flag(record.retries != 0, HAS_RETRIES)
                | flag(is_as_parent, AS_PARENT),
        );
        let mut number = |number: u32| write_number(number, bytes);
        if let Some(parent) = record.parent {
            number((idx as u32).saturating_sub(u32::from(parent)));
        }
        if !is_as_parent {
            number(record.from.into());
            number(record.call.into());
            number(record.upstream.map_or(0, |it| u32::from(it) + 1));
        }
        for pod in [record.to, record.waypoint].into_iter().flatten() {
            number(pod.into());
        }
        number(record.ending.into());
        if record.retries != 0 {
            number(record.retries.into());
        }
        number(
            record
                .start_us
                .saturating_sub(parent.map_or(0, |it| it.start_us)),
        );
        number(record.us);
    }
}

/// Appends the records that are written in `bytes`.
pub(super) fn read(bytes: impl Iterator<Item = u8>, records: &mut Vec<Record>) {
    let mut bytes = bytes;
    while let Some(record) = read_one(&mut bytes, records) {
        records.push(record);
    }
}

fn read_one(bytes: &mut impl Iterator<Item = u8>, before: &[Record]) -> Option<Record> {
    let first = bytes.next()?;
    let mut number = || read_number(bytes);
    let mut small = |is_there: bool| -> Option<Option<u16>> {
        match is_there {
            true => Some(Some(u16::try_from(number()?).ok()?)),
            false => Some(None),
        }
    };
    let back = small(first & HAS_PARENT != 0)?;
    let parent = back.and_then(|it| (before.len() as u16).checked_sub(it));
    let above = parent.and_then(|it| before.get(usize::from(it)));
    let (from, call, upstream) = match above.filter(|_| first & AS_PARENT != 0) {
        Some(above) => (above.from, above.call, above.upstream),
        None => (small(true)??, small(true)??, small(true)??.checked_sub(1)),
    };
    let to = small(first & HAS_TO != 0)?;
    let waypoint = small(first & HAS_WAYPOINT != 0)?;
    let ending = small(true)??;
    let retries = small(first & HAS_RETRIES != 0)?.unwrap_or(0);
    Some(Record {
        parent,
        side: *Side::ALL.get(usize::from(first & 7))?,
        from,
        to,
        waypoint,
        call,
        upstream,
        ending,
        retries: retries as u8,
        start_us: number()?.saturating_add(above.map_or(0, |it| it.start_us)),
        us: number()?,
    })
}

/// Seven bits a byte, the low ones first; the eighth says that more follow.
fn write_number(mut number: u32, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let byte = bytes.next()?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_is_small() {
        let root = Record {
            parent: None,
            side: Side::Client,
            from: 300,
            to: Some(7),
            waypoint: None,
            call: 12,
            upstream: None,
            ending: 3,
            retries: 2,
            start_us: 0,
            us: 4_000_000_000,
        };
        let server = Record {
            parent: Some(0),
            side: Side::Server,
            retries: 0,
            start_us: 310,
            us: 40_000,
            ..root
        };
        let child = Record {
            parent: Some(1),
            side: Side::Waypoint,
            from: 7,
            to: None,
            waypoint: Some(9),
            upstream: Some(0),
            start_us: 20_310,
            us: 0,
            ..server
        };
        let orphan = Record {
            side: Side::Worker,
            ..root
        };
        let records = vec![root, server, child, orphan];
        let mut bytes = Vec::new();
        write(&records, &mut bytes);
        assert!(bytes.len() < 50, "{}", bytes.len());
        let mut back = Vec::new();
        read(bytes.iter().copied(), &mut back);
        assert_eq!(back, records);
        // What was cut off gives what is whole.
        back.clear();
        read(bytes[..bytes.len() - 1].iter().copied(), &mut back);
        assert_eq!(back, records[..3]);
    }
}
