//! How many pods of each Deployment take calls.

use crate::World;

/// The pods of one Deployment: how many should be there, and how many take calls now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readiness {
    /// The Deployment's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How many replicas its object asks for.
    pub replicas: u32,
    /// How many of its pods are ready.
    pub ready: u32,
}

impl World {
    /// Returns the readiness of every Deployment that runs, sorted by namespace and name.
    ///
    /// The objects say what should be; this says what is: a pod that has just been started or
    /// replaced is not ready for its first seconds.
    pub fn readiness(&self) -> Vec<Readiness> {
        let workloads = self.fleet.workloads.iter();
        workloads
            .filter(|workload| workload.deployment.kind == "Deployment")
            .map(|workload| Readiness {
                namespace: workload.deployment.namespace.clone(),
                name: workload.deployment.name.clone(),
                replicas: workload.deployment.replicas,
                ready: workload
                    .pods
                    .iter()
                    .filter(|pod| pod.is_ready(self.step))
                    .count() as u32,
            })
            .collect()
    }
}
