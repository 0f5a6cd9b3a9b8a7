//! Calls in flight from one pod to one destination, and who has to wait or is turned away.

use mesh::telemetry::Protocol;

use crate::routing::ConnectionPool;

/// The calls in flight from one pod to one destination, each with its start and its end in
/// milliseconds.
#[derive(Default)]
pub(crate) struct InFlight(Vec<(f64, f64)>);

/// What the pool does with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Admission {
    /// It goes on its way after so many milliseconds.
    After(f64),
    /// There is no room: 503 with flag UO.
    Overflow,
}

impl ConnectionPool {
    /// Returns whether there is a limit that matters.
    ///
    /// A limit of waiting calls matters only together with one of connections: the demo's
    /// connections take no time to come about, so that nobody waits for a new one.
    pub(crate) fn is_limited(&self) -> bool {
        self.max_connections < usize::MAX || self.max_requests < usize::MAX
    }

    /// Returns whether another connection would be one too many while `n` calls are under way. Over
    /// HTTP/2 one connection carries all calls.
    pub(crate) fn is_out_of_connections(&self, protocol: Protocol, n: usize) -> bool {
        protocol != Protocol::Grpc && self.max_connections <= n
    }

    /// Returns whether another call would have to be turned away while `n` are under way.
    pub(crate) fn is_out_of_requests(&self, protocol: Protocol, n: usize) -> bool {
        self.max_requests <= n
            || (self.is_out_of_connections(protocol, n)
                && self.max_connections.saturating_add(self.max_pending) <= n)
    }
}

impl InFlight {
    /// Forgets what is over by `ms`. Calls asked about later start no earlier.
    pub(crate) fn forget_before(&mut self, ms: f64) {
        self.0.retain(|(_, end)| ms < *end);
    }

    /// Counts a call in.
    pub(crate) fn add(&mut self, start: f64, end: f64) {
        self.0.push((start, end));
    }

    /// Returns how many calls are under way at `ms`.
    pub(crate) fn under_way(&self, ms: f64) -> usize {
        let calls = self.0.iter();
        calls
            .filter(|(start, end)| *start <= ms && ms < *end)
            .count()
    }

    /// Returns what becomes of a call that starts at `ms`.
    pub(crate) fn admit(&self, limits: &ConnectionPool, protocol: Protocol, ms: f64) -> Admission {
        let under_way = self
            .0
            .iter()
            .filter(|(start, end)| *start <= ms && ms < *end);
        let mut ends: Vec<f64> = under_way.map(|(_, end)| *end).collect();
        let n = ends.len();
        // Over HTTP/2 one connection carries all calls: their number alone is limited.
        if protocol == Protocol::Grpc || n < limits.max_connections {
            return if n < limits.max_requests {
                Admission::After(0.0)
            } else {
                Admission::Overflow
            };
        }
        let n_waiting = n - limits.max_connections;
        if limits.max_pending <= n_waiting || limits.max_requests < limits.max_connections {
            return Admission::Overflow;
        }
        // Those before it in the queue take the connections that become free first.
        ends.sort_unstable_by(f64::total_cmp);
        let free = ends.get(n_waiting).copied().unwrap_or(ms);
        Admission::After(free - ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionPool = ConnectionPool {
        max_connections: 2,
        max_pending: 1,
        max_requests: 4,
    };

    #[test]
    fn calls_beyond_the_connections_wait_and_those_beyond_the_queue_are_turned_away() {
        let mut calls = InFlight::default();
        let at = |calls: &InFlight, ms| calls.admit(&LIMITS, Protocol::Http, ms);
        assert_eq!(at(&calls, 0.0), Admission::After(0.0));
        calls.add(0.0, 10.0);
        assert_eq!(at(&calls, 1.0), Admission::After(0.0));
        calls.add(1.0, 30.0);
        // Both connections are busy; the first is free at 10.
        assert_eq!(at(&calls, 2.0), Admission::After(8.0));
        calls.add(2.0, 25.0);
        assert_eq!(at(&calls, 3.0), Admission::Overflow);
        // One has gone, one has moved up.
        assert_eq!(at(&calls, 12.0), Admission::After(13.0));
        calls.forget_before(26.0);
        assert_eq!(at(&calls, 26.0), Admission::After(0.0));
        // What starts later does not count yet.
        assert_eq!(at(&calls, 0.5), Admission::After(0.0));
    }

    #[test]
    fn over_one_connection_only_the_number_of_calls_is_limited() {
        let mut calls = InFlight::default();
        for n in 0..4 {
            assert_eq!(
                calls.admit(&LIMITS, Protocol::Grpc, 5.0),
                Admission::After(0.0),
                "{n}"
            );
            calls.add(5.0, 9.0);
        }
        assert_eq!(
            calls.admit(&LIMITS, Protocol::Grpc, 5.0),
            Admission::Overflow
        );
        let unlimited = ConnectionPool::default();
        assert!(!unlimited.is_limited() && LIMITS.is_limited());
        assert_eq!(
            calls.admit(&unlimited, Protocol::Http, 5.0),
            Admission::After(0.0)
        );
    }
}
