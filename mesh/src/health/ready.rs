//! Ready pods count too.

use crate::api::{Health, HealthStatus};
use crate::inventory::{Inventory, Workload};

/// How many pods there should be, and how many of them are ready to take calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// Those that there should be.
    pub wanted: u32,
    /// Those that are ready.
    pub ready: u32,
}

impl Ready {
    /// Returns the pods of one workload; `None` where the cluster does not know it.
    pub fn of_workload(inventory: &Inventory, namespace: &str, name: &str) -> Option<Ready> {
        let key = (namespace.to_owned(), name.to_owned());
        Some(Self::sum([inventory.workloads.get(&key)?]))
    }

    /// Returns the pods behind a service; `None` where the cluster does not know it, or nothing in the cluster
    /// serves it.
    pub fn of_service(inventory: &Inventory, namespace: &str, name: &str) -> Option<Ready> {
        let key = (namespace.to_owned(), name.to_owned());
        let behind = inventory.workloads_of(inventory.services.get(&key)?, &Default::default());
        (!behind.is_empty()).then(|| Self::sum(behind))
    }

    fn sum<'a>(workloads: impl IntoIterator<Item = &'a Workload>) -> Ready {
        let add = |sum: Ready, it: &Workload| Ready {
            wanted: sum.wanted.saturating_add(it.wanted),
            ready: sum.ready.saturating_add(it.ready),
        };
        workloads.into_iter().fold(Ready::default(), add)
    }

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
