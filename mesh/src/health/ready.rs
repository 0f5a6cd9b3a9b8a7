//! Ready pods count too.

use crate::api::{Health, HealthStatus};

/// How many pods there should be, and how many of them are ready to take calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Those that there should be.
    pub wanted: u32,
    /// Those that are ready.
    pub ready: u32,
}

impl Ready {
    /// Returns whether there should be pods and none is ready.
    pub fn is_none_ready(self) -> bool {
        self.wanted > 0 && self.ready == 0
    }

    /// Returns `health` with what the pods say. Without a ready one it is failing, whatever the calls of the
    /// window did. Fewer than there should be are told and not held against it: so is every rollout.
    pub fn judge(self, health: Health) -> Health {
        let Ready { wanted, ready } = self;
        if self.is_none_ready() {
            return Health {
                status: HealthStatus::Failing,
                reason: format!("no pod is ready: 0 of {wanted}; {}", health.reason),
            };
        }
        if ready < wanted {
            return Health {
                reason: format!("{}; {ready} of {wanted} pods ready", health.reason),
                ..health
            };
        }
        health
    }
}
