//! Pods that are not what a new one would be: they were not restarted since injection or the revision changed.

use super::{Injection, Inventory, Workload};

/// A workload with such pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its kind.
    pub kind: &'a str,
    /// How many of its pods are so.
    pub pods: usize,
    /// How many pods it has.
    pub of: usize,
    /// What is different about the first of them.
    pub why: Why,
}

/// What is different about a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A new one would have a sidecar.
    NoSidecar,
    /// A new one would have none.
    StillSidecar,
    /// A new one would have the sidecar of another revision.
    OtherRevision {
        /// The one it has.
        has: String,
        /// The one that a new pod would get.
        wanted: String,
    },
}

impl Inventory {
    /// Returns the workloads with pods that are not what a new one would be, sorted by namespace and name.
    /// None where pods are not read. What can't be told (a tag of no known revision) is not held against a
    /// pod.
    pub fn stale(&self) -> Vec<Stale<'_>> {
        let all = self.workloads.values();
        all.filter_map(|workload| self.stale_pods(workload))
            .collect()
    }

    fn stale_pods<'a>(&'a self, workload: &'a Workload) -> Option<Stale<'a>> {
        let wanted = self.injection(workload);
        let (mut of, mut whys) = (0, Vec::new());
        for pod in self.pods_of(workload).filter(|pod| pod.stays) {
            of += 1;
            let why = match (&wanted, pod.has_sidecar) {
                (Injection::Sidecar { .. }, false) => Some(Why::NoSidecar),
                // A sidecar that someone wrote by hand into the template says nothing of injection: it has no
                // revision.
                (Injection::Off | Injection::Unset | Injection::Ambient, true) => {
                    pod.revision.as_ref().map(|_| Why::StillSidecar)
                }
                (Injection::Sidecar { revision }, true) => {
                    let wanted = self.revision_behind(revision.as_deref());
                    match (wanted, &pod.revision) {
                        (Some(wanted), Some(has)) if self.is_other(has, wanted) => {
                            Some(Why::OtherRevision {
                                has: has.clone(),
                                wanted: wanted.to_owned(),
                            })
                        }
                        _ => None,
                    }
                }
                (_, false) => None,
            };
            whys.extend(why);
        }
        let pods = whys.len();
        Some(Stale {
            namespace: &workload.namespace,
            name: &workload.name,
            kind: &workload.kind,
            pods,
            of,
            why: whys.into_iter().next()?,
        })
    }

    /// Returns the revision that a label means: itself, or what a tag stands for. `None` where it can't be
    /// told.
    pub fn revision_behind<'a>(&'a self, label: Option<&'a str>) -> Option<&'a str> {
        let label = label.unwrap_or("default");
        if self.revisions.contains(label) {
            return Some(label);
        }
        self.tags.get(label).map(String::as_str)
    }

    fn is_other(&self, has: &str, wanted: &str) -> bool {
        // A pod may carry the tag's name rather than the revision's.
        has != wanted && self.tags.get(has).is_none_or(|behind| behind != wanted)
    }
}
