//! Which pods of a destination one caller's proxy leaves out because they failed it.
//!
//! Envoy's outlier detection
//! (<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier>), as far as
//! Istio uses it. Each proxy judges by its own calls alone.

use crate::STEP_MS;
use crate::routing::OutlierDetection;

/// What one proxy remembers of the pods of one destination. Those without fault are not in it.
#[derive(Default)]
pub(crate) struct Ejections {
    hosts: Vec<Host>,
    /// When it was last seen whose time is over, in milliseconds.
    swept_ms: i64,
}

/// A pod for good: the one that takes its place has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodId(pub(crate) u64);

/// What a call says of the pod it was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Good,
    /// A 5xx that is none of 502, 503 and 504.
    Error,
    /// 502, 503 or 504.
    GatewayError,
    /// No connection, or no answer in time.
    LocalFailure,
}

struct Host {
    pod: PodId,
    n_5xx: u32,
    n_gateway: u32,
    n_local: u32,
    /// How many times longer than the first the next ejection lasts, less one.
    times: u32,
    ejected_ms: Option<i64>,
    returned_ms: Option<i64>,
}

/// However often a pod was ejected, it is not longer than this, unless a first ejection is.
const MAX_EJECTION_MS: i64 = 300_000;

impl Ejections {
    /// Returns whether a pod takes no calls.
    pub(crate) fn is_ejected(&self, pod: PodId) -> bool {
        let host = self.hosts.iter().find(|host| host.pod == pod);
        host.is_some_and(|host| host.ejected_ms.is_some())
    }

    /// Returns whether some pod takes no calls.
    pub(crate) fn are_some(&self) -> bool {
        self.hosts.iter().any(|host| host.ejected_ms.is_some())
    }

    /// Lets the pods back in whose time is over. Envoy looks at intervals; here they count from the
    /// epoch, so that worlds started at other times agree.
    pub(crate) fn sweep(&mut self, rules: &OutlierDetection, now_ms: i64) {
        // More often than once a step nobody could see.
        let interval = rules.interval_ms.max(STEP_MS);
        let mut at = (self.swept_ms.div_euclid(interval) + 1) * interval;
        while at <= now_ms && !self.hosts.is_empty() {
            for host in &mut self.hosts {
                host.sweep(rules, at);
            }
            self.hosts.retain(Host::is_remarkable);
            at += interval;
        }
        self.swept_ms = now_ms;
    }

    /// Takes note of how a call to a pod went, and returns whether the pod is left out from now on.
    /// `live` are all pods of the destination; a good call does not ask for them.
    pub(crate) fn note(
        &mut self,
        rules: &OutlierDetection,
        pod: PodId,
        judgement: Judgement,
        now_ms: i64,
        live: &[PodId],
    ) -> bool {
        let known = self.hosts.iter().position(|host| host.pod == pod);
        let idx = match known {
            Some(idx) => idx,
            None if judgement == Judgement::Good => return false,
            None => {
                if self.hosts.is_empty() {
                    self.swept_ms = now_ms;
                }
                self.hosts.push(Host::new(pod));
                self.hosts.len() - 1
            }
        };
        let n_ejected = live.iter().filter(|pod| self.is_ejected(**pod)).count();
        let Some(host) = self.hosts.get_mut(idx) else {
            return false;
        };
        if !host.note(rules, judgement) || host.ejected_ms.is_some() {
            return false;
        }
        // The share with this pod must be within the limit. Before Envoy 1.28 the first pod was
        // ejected whatever the limit; since then not, unless a setting says so that Istio leaves
        // alone (https://github.com/envoyproxy/envoy/pull/27909, …/34796): of two pods, Istio's
        // default of 10 % lets none be ejected.
        let is_ejected = (n_ejected + 1) * 100 <= live.len() * rules.max_ejection_percent as usize;
        if is_ejected {
            host.ejected_ms = Some(now_ms);
            let longest = MAX_EJECTION_MS.max(rules.base_ejection_ms);
            if i64::from(host.times) * rules.base_ejection_ms < longest + rules.base_ejection_ms {
                host.times += 1;
            }
        }
        is_ejected
    }

    /// Returns how many of the pods that live are left out at a time.
    pub(crate) fn n_out(&self, rules: &OutlierDetection, now_ms: i64, live: &[PodId]) -> usize {
        let hosts = self.hosts.iter().filter(|host| live.contains(&host.pod));
        hosts.filter(|host| host.is_out(rules, now_ms)).count()
    }
}

impl Host {
    fn new(pod: PodId) -> Host {
        Host {
            pod,
            n_5xx: 0,
            n_gateway: 0,
            n_local: 0,
            times: 0,
            ejected_ms: None,
            returned_ms: None,
        }
    }

    /// Counts a call. Returns whether this is one failure too many; then the count begins anew.
    fn note(&mut self, rules: &OutlierDetection, judgement: Judgement) -> bool {
        let judgement = match judgement {
            Judgement::LocalFailure if rules.consecutive_local.is_none() => Judgement::GatewayError,
            as_it_is => as_it_is,
        };
        match judgement {
            Judgement::Good => (self.n_5xx, self.n_gateway, self.n_local) = (0, 0, 0),
            Judgement::Error => (self.n_5xx, self.n_gateway, self.n_local) = (self.n_5xx + 1, 0, 0),
            Judgement::GatewayError => {
                self.n_5xx += 1;
                self.n_gateway += 1;
                self.n_local = 0;
            }
            Judgement::LocalFailure => self.n_local += 1,
        }
        let counts = [
            (&mut self.n_5xx, rules.consecutive_5xx),
            (&mut self.n_gateway, rules.consecutive_gateway),
            (&mut self.n_local, rules.consecutive_local),
        ];
        let mut too_many = false;
        for (n, most) in counts {
            if most.is_some_and(|most| most <= *n) {
                *n = 0;
                too_many = true;
            }
        }
        too_many
    }

    fn sweep(&mut self, rules: &OutlierDetection, at: i64) {
        if let Some(since) = self.ejected_ms {
            if self.lasts_ms(rules) <= at - since {
                (self.n_5xx, self.n_gateway, self.n_local) = (0, 0, 0);
                self.ejected_ms = None;
                self.returned_ms = Some(at);
            }
        } else if self
            .returned_ms
            .is_some_and(|ms| rules.interval_ms <= at - ms)
        {
            self.times = self.times.saturating_sub(1);
        }
    }

    fn lasts_ms(&self, rules: &OutlierDetection) -> i64 {
        let longest = MAX_EJECTION_MS.max(rules.base_ejection_ms);
        (rules.base_ejection_ms * i64::from(self.times)).min(longest)
    }

    /// Returns whether it is left out at a time, whether or not its proxy has made a call since its time
    /// was over.
    fn is_out(&self, rules: &OutlierDetection, now_ms: i64) -> bool {
        self.ejected_ms.is_some_and(|since| {
            let interval = rules.interval_ms.max(STEP_MS);
            let over = since + self.lasts_ms(rules);
            now_ms.div_euclid(interval) * interval < over
        })
    }

    fn is_remarkable(&self) -> bool {
        self.ejected_ms.is_some() || 0 < self.times + self.n_5xx + self.n_gateway + self.n_local
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: OutlierDetection = OutlierDetection {
        consecutive_5xx: Some(3),
        consecutive_gateway: None,
        consecutive_local: None,
        interval_ms: 10_000,
        base_ejection_ms: 30_000,
        max_ejection_percent: 50,
        min_health_percent: 0,
    };
    const PODS: [PodId; 2] = [PodId(1), PodId(2)];

    fn fail(seen: &mut Ejections, rules: &OutlierDetection, pod: PodId, times: u32, ms: i64) {
        for _ in 0..times {
            seen.note(rules, pod, Judgement::Error, ms, &PODS);
        }
    }

    #[test]
    fn failures_in_a_row_eject_and_each_time_for_longer() {
        let mut seen = Ejections::default();
        fail(&mut seen, &RULES, PODS[0], 2, 1000);
        seen.note(&RULES, PODS[0], Judgement::Good, 1000, &PODS);
        fail(&mut seen, &RULES, PODS[0], 2, 1000);
        assert!(!seen.are_some(), "a good answer starts the count anew");
        fail(&mut seen, &RULES, PODS[0], 1, 2000);
        assert!(seen.is_ejected(PODS[0]) && !seen.is_ejected(PODS[1]));
        // Thirty seconds are over at 32, which is seen at 40.
        seen.sweep(&RULES, 39_999);
        assert!(seen.are_some());
        seen.sweep(&RULES, 40_000);
        assert!(!seen.are_some());
        // Again, and now for sixty.
        fail(&mut seen, &RULES, PODS[0], 3, 41_000);
        seen.sweep(&RULES, 100_000);
        assert!(seen.are_some());
        seen.sweep(&RULES, 110_000);
        assert!(!seen.are_some());
        // With time all is forgotten.
        seen.sweep(&RULES, 130_000);
        assert!(seen.hosts.is_empty());
    }

    #[test]
    fn no_more_pods_are_ejected_than_allowed() {
        let both = |rules: &OutlierDetection| {
            let mut seen = Ejections::default();
            fail(&mut seen, rules, PODS[0], 3, 0);
            fail(&mut seen, rules, PODS[1], 3, 0);
            PODS.map(|pod| seen.is_ejected(pod))
        };
        assert_eq!(both(&RULES), [true, false]);
        let all = OutlierDetection {
            max_ejection_percent: 100,
            ..RULES
        };
        assert_eq!(both(&all), [true, true]);
        let default = OutlierDetection {
            max_ejection_percent: 10,
            ..RULES
        };
        assert_eq!(both(&default), [false, false]);
    }

    #[test]
    fn gateway_errors_and_missing_answers_have_counts_of_their_own() {
        let ejects = |rules: OutlierDetection, judgements: &[Judgement]| {
            let mut seen = Ejections::default();
            for judgement in judgements {
                seen.note(&rules, PODS[0], *judgement, 0, &PODS);
            }
            seen.are_some()
        };
        use Judgement::{Error, GatewayError, LocalFailure};
        let gateway = OutlierDetection {
            consecutive_gateway: Some(2),
            ..RULES
        };
        assert!(ejects(gateway, &[GatewayError, GatewayError]));
        assert!(!ejects(gateway, &[GatewayError, Error]));
        assert!(ejects(gateway, &[GatewayError, Error, GatewayError]));
        // A connection that did not come about counts as a gateway error, unless they are split.
        assert!(ejects(gateway, &[GatewayError, LocalFailure]));
        let split = OutlierDetection {
            consecutive_local: Some(2),
            ..gateway
        };
        assert!(!ejects(split, &[GatewayError, LocalFailure]));
        assert!(ejects(split, &[LocalFailure, LocalFailure]));
    }
}
