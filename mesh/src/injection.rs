//! How the traffic of workloads gets into the mesh, as the wire says it: by a sidecar, by the node's proxy, or not
//! at all.

use crate::api::workload::{Injection, InjectionMode};
use crate::inventory::{
    AMBIENT_LABEL, Injection as Asked, Inventory, NAMESPACE_LABEL, REVISION_LABEL, Stale, Why,
    Workload,
};

pub mod label;

/// Returns what the labels of a namespace ask for pods that say nothing themselves.
pub fn of_namespace(inventory: &Inventory, namespace: &str) -> Injection {
    wire(inventory.namespace_injection(namespace), namespace)
}

fn wire(asked: Asked, namespace: &str) -> Injection {
    let (mode, reason) = match asked {
        Asked::Sidecar { revision: None } => (
            InjectionMode::Sidecar,
            format!("asked for by {NAMESPACE_LABEL} or sidecar.istio.io/inject"),
        ),
        Asked::Sidecar {
            revision: Some(revision),
        } => (
            InjectionMode::Sidecar,
            format!("asked for by {REVISION_LABEL}={revision}"),
        ),
        Asked::Ambient => (
            InjectionMode::Ambient,
            format!("asked for by {AMBIENT_LABEL}=ambient"),
        ),
        Asked::Off => (
            InjectionMode::None,
            "a label or the pods' network keeps them out".to_owned(),
        ),
        Asked::Unset => (
            InjectionMode::None,
            format!("neither namespace {namespace} nor the pods ask for a proxy"),
        ),
    };
    Injection { mode, reason }
}

/// Says that pods are not what new ones would be.
fn not_restarted(stale: &Stale<'_>) -> String {
    let what = match stale.why {
        Why::NoSidecar => "have no sidecar yet",
        Why::StillSidecar => "still have a sidecar",
        Why::OtherRevision { .. } => "have the sidecar of another revision",
    };
    format!("{} of {} pods {what}: restart them", stale.pods, stale.of)
}

/// Returns how one workload's traffic gets into the mesh: by labels where a cluster is asked, by who reports, and by
/// the pods that were not restarted since.
pub fn of_workload(
    inventory: Option<&Inventory>,
    workload: Option<&Workload>,
    stale: Option<&Stale<'_>>,
    is_gateway: bool,
    reports: bool,
) -> Injection {
    if is_gateway {
        return Injection {
            mode: InjectionMode::Gateway,
            reason: "its pods are a proxy themselves".to_owned(),
        };
    }
    let reported = || Injection {
        mode: InjectionMode::Sidecar,
        reason: "its own proxy reports its calls".to_owned(),
    };
    let (Some(inventory), Some(workload)) = (inventory, workload) else {
        return match reports {
            true => reported(),
            false => Injection {
                mode: InjectionMode::Unknown,
                reason: "no cluster was asked about it, and no proxy of its own reports".to_owned(),
            },
        };
    };
    if workload
        .labels
        .get("app")
        .is_some_and(|app| app == "istiod")
    {
        return Injection {
            mode: InjectionMode::Unknown,
            reason: "it is the mesh's control plane and needs no proxy".to_owned(),
        };
    }
    let asked = wire(inventory.injection(workload), &workload.namespace);
    match stale {
        // None of the pods that should have a sidecar has one.
        Some(stale) if stale.why == Why::NoSidecar => Injection {
            mode: if stale.pods == stale.of {
                InjectionMode::None
            } else {
                InjectionMode::Mixed
            },
            reason: format!("{}, but {}", asked.reason, not_restarted(stale)),
        },
        Some(stale) => Injection {
            reason: format!("{}, but {}", asked.reason, not_restarted(stale)),
            ..asked
        },
        // Pods that were started under other labels keep what they have.
        None if asked.mode == InjectionMode::None && reports => reported(),
        None => asked,
    }
}

/// Returns what holds for several workloads; `None` of none.
pub fn joined<'a>(all: impl Iterator<Item = &'a Injection> + Clone) -> Option<Injection> {
    let first = all.clone().next()?;
    let is_in = |it: &Injection| !matches!(it.mode, InjectionMode::None | InjectionMode::Unknown);
    if all.clone().all(|it| it.mode == first.mode) {
        return Some(first.clone());
    }
    let n_outside = all
        .clone()
        .filter(|it| it.mode == InjectionMode::None)
        .count();
    let n = all.clone().count();
    if n_outside == 0 {
        // A gateway beside sidecars, or some that nothing is known of.
        return all
            .clone()
            .filter(|it| is_in(it))
            .min_by_key(|it| it.mode)
            .cloned();
    }
    Some(Injection {
        mode: if n_outside == n {
            InjectionMode::None
        } else {
            InjectionMode::Mixed
        },
        reason: format!("{n_outside} of {n} workloads have no proxy"),
    })
}

/// Returns whether a namespace is the cluster's own, or the mesh's: nobody wants a sidecar there.
pub fn is_system(namespace: &str) -> bool {
    const NAMES: [&str; 8] = [
        "gatekeeper-system",
        "cert-manager",
        "flux-system",
        "argocd",
        "argo-rollouts",
        "app-routing-system",
        "local-path-storage",
        "tigera-operator",
    ];
    const STARTS: [&str; 6] = ["kube-", "istio-", "aks-", "azure-", "calico-", "gke-"];
    NAMES.contains(&namespace) || STARTS.iter().any(|start| namespace.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn inventory(namespace: Value, pods: Value) -> Inventory {
        let objects = [
            json!({"kind": "Namespace", "metadata": {"name": "shop", "labels": namespace}}),
            json!({"kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
                "spec": {"replicas": 1, "template": {"metadata": {"labels": pods}}}}),
        ];
        Inventory::read(objects.iter())
    }

    #[test]
    fn what_reports_is_in_the_mesh_and_what_is_not_known_is_said_to_be_so() {
        let plain = inventory(json!({}), json!({}));
        let cart = plain.workloads.values().next();
        let seen = |reports| of_workload(Some(&plain), cart, None, false, reports).mode;
        assert_eq!(seen(true), InjectionMode::Sidecar);
        assert_eq!(seen(false), InjectionMode::None);
        let blind = of_workload(None, None, None, false, false);
        assert_eq!(blind.mode, InjectionMode::Unknown);
    }

    #[test]
    fn labels_ask_and_pods_that_were_not_restarted_have_none() {
        let enabled = inventory(json!({"istio-injection": "enabled"}), json!({}));
        let cart = enabled.workloads.values().next();
        let seen = |stale: Option<Stale<'_>>| {
            let it = of_workload(Some(&enabled), cart, stale.as_ref(), false, false);
            (it.mode, it.reason)
        };
        assert_eq!(seen(None).0, InjectionMode::Sidecar);
        let stale = |pods| Stale {
            namespace: "shop",
            name: "cart",
            kind: "Deployment",
            pods,
            of: 2,
            why: Why::NoSidecar,
        };
        assert_eq!(seen(Some(stale(1))).0, InjectionMode::Mixed);
        let (mode, reason) = seen(Some(stale(2)));
        assert_eq!(mode, InjectionMode::None);
        assert!(
            reason.ends_with("2 of 2 pods have no sidecar yet: restart them"),
            "{reason}"
        );
        let ambient = inventory(json!({"istio.io/dataplane-mode": "ambient"}), json!({}));
        assert_eq!(of_namespace(&ambient, "shop").mode, InjectionMode::Ambient);
    }

    #[test]
    fn several_workloads_are_mixed_when_some_are_outside() {
        let of = |modes: &[InjectionMode]| {
            let all: Vec<Injection> = modes
                .iter()
                .map(|mode| Injection {
                    mode: *mode,
                    reason: String::new(),
                })
                .collect();
            joined(all.iter()).map(|it| (it.mode, it.reason))
        };
        use InjectionMode::{Gateway, Mixed, None as Outside, Sidecar};
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[Sidecar, Gateway]).unwrap().0, Sidecar);
        assert_eq!(
            of(&[Sidecar, Outside]).unwrap(),
            (Mixed, "1 of 2 workloads have no proxy".to_owned())
        );
        assert_eq!(of(&[Outside, Outside]).unwrap().0, Outside);
    }
}
