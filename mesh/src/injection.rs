//! How the traffic of pods gets into the mesh: by a sidecar, by the node's proxy, or not at all.
//!
//! Rules: <https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy>,
//! <https://istio.io/latest/docs/ambient/usage/add-workloads/>.

use crate::api::workload::{Injection, InjectionMode};
use crate::inventory::{Inventory, Workload};

const MODE: &str = "istio.io/dataplane-mode";
const REVISION: &str = "istio.io/rev";

/// Returns what the labels of a namespace and of a workload's pods ask for. A no of either is a no; else a yes of
/// either is a yes.
pub fn asked(inventory: &Inventory, namespace: &str, workload: Option<&Workload>) -> Injection {
    let none = std::collections::BTreeMap::new();
    let place = inventory.namespaces.get(namespace).unwrap_or(&none);
    let pods = workload.map_or(&none, |it| &it.labels);
    let said = |mode, reason: String| Injection { mode, reason };
    let of_namespace = place.get("istio-injection").map(String::as_str);
    let of_pods = workload.and_then(|it| it.injected);
    if pods.contains_key("gateway.networking.k8s.io/gateway-name") {
        return said(
            InjectionMode::Gateway,
            "its pods are a gateway made for the Gateway API".to_owned(),
        );
    }
    if of_pods == Some(false) {
        let reason = "its pods say sidecar.istio.io/inject=false".to_owned();
        return said(InjectionMode::None, reason);
    }
    if of_namespace == Some("disabled") {
        let reason = format!("namespace {namespace} says istio-injection=disabled");
        return said(InjectionMode::None, reason);
    }
    if of_pods == Some(true) {
        let reason = "its pods say sidecar.istio.io/inject=true".to_owned();
        return said(InjectionMode::Sidecar, reason);
    }
    if of_namespace == Some("enabled") {
        let reason = format!("namespace {namespace} says istio-injection=enabled");
        return said(InjectionMode::Sidecar, reason);
    }
    let revision = |owner: &str, revision: &str| format!("{owner} say {REVISION}={revision}");
    if let Some(it) = pods.get(REVISION) {
        return said(InjectionMode::Sidecar, revision("its pods", it));
    }
    if let Some(it) = place.get(REVISION) {
        let reason = format!("namespace {namespace} says {REVISION}={it}");
        return said(InjectionMode::Sidecar, reason);
    }
    match pods.get(MODE).or(place.get(MODE)).map(String::as_str) {
        Some("ambient") => said(
            InjectionMode::Ambient,
            format!("a label says {MODE}=ambient"),
        ),
        Some(other) => said(InjectionMode::None, format!("a label says {MODE}={other}")),
        None => said(
            InjectionMode::None,
            format!("neither namespace {namespace} nor its pods ask for a proxy"),
        ),
    }
}

/// Returns how one workload's traffic gets into the mesh, by labels where a cluster is asked, and by who reports.
pub fn of_workload(
    inventory: Option<&Inventory>,
    namespace: &str,
    workload: Option<&Workload>,
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
    match (inventory, workload) {
        (Some(inventory), Some(workload)) => {
            let asked = asked(inventory, namespace, Some(workload));
            // Pods that were started under other labels keep what they have.
            if asked.mode == InjectionMode::None && reports {
                return reported();
            }
            asked
        }
        _ if reports => reported(),
        _ => Injection {
            mode: InjectionMode::Unknown,
            reason: "no cluster was asked about it, and no proxy of its own reports".to_owned(),
        },
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

    fn mode(namespace: Value, pods: Value) -> InjectionMode {
        let inventory = inventory(namespace, pods);
        let cart = inventory.workloads.values().next();
        asked(&inventory, "shop", cart).mode
    }

    #[test]
    fn a_no_of_either_is_a_no_and_else_a_yes_of_either_a_yes() {
        use InjectionMode::{Ambient, None, Sidecar};
        let inject = |word: &str| json!({"sidecar.istio.io/inject": word});
        let label = |word: &str| json!({"istio-injection": word});
        assert_eq!(mode(label("enabled"), json!({})), Sidecar);
        assert_eq!(mode(label("enabled"), inject("false")), None);
        assert_eq!(mode(label("disabled"), inject("true")), None);
        assert_eq!(mode(json!({}), inject("true")), Sidecar);
        assert_eq!(
            mode(json!({"istio.io/rev": "asm-1-27"}), json!({})),
            Sidecar
        );
        assert_eq!(
            mode(json!({"istio.io/dataplane-mode": "ambient"}), json!({})),
            Ambient
        );
        assert_eq!(mode(json!({}), json!({})), None);
    }

    #[test]
    fn what_reports_is_in_the_mesh_and_what_is_not_known_is_said_to_be_so() {
        let plain = inventory(json!({}), json!({}));
        let cart = plain.workloads.values().next();
        let seen = |reports| of_workload(Some(&plain), "shop", cart, false, reports).mode;
        assert_eq!(seen(true), InjectionMode::Sidecar);
        assert_eq!(seen(false), InjectionMode::None);
        let blind = of_workload(None, "shop", None, false, false);
        assert_eq!(blind.mode, InjectionMode::Unknown);
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
