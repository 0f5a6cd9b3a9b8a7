//! Why there is less to see than there could be (rule R11): scrapes against the window, pods outside the
//! mesh. Pure.

use std::collections::BTreeMap;

use crate::api::breakers::Paste;
use crate::api::sidecars::ProxyKind;
use crate::api::sources::{ScrapeVerdict, Scrapes};
use crate::inventory::{Injection, Inventory};
use crate::sidecars::kind_of;
use crate::units::{Window, six_digits};
use crate::wording::listed;

/// Fewer scrapes in a window than this, and what a counter rose by can't be told.
const MIN_SCRAPES: f64 = 2.0;
/// Fewer than this, and what happened at the window's ends weighs too much.
const GOOD_SCRAPES: f64 = 4.0;
/// More namespaces than this are not named in one command.
const MAX_NAMED: usize = 12;

/// Returns how scrapes every `interval_s` seconds fit a window.
pub fn scrapes(interval_s: f64, window: Window) -> Option<Scrapes> {
    let secs = f64::from(window.secs());
    let count = Some(secs / interval_s).filter(|n| n.is_finite() && *n > 0.0)?;
    let longer = |n: f64| {
        let secs = (interval_s * n).ceil() as u32;
        let round = [30, 60, 120, 300, 600, 900, 1800, 3600];
        let secs = round.into_iter().find(|it| *it >= secs).unwrap_or(secs);
        Window::from_secs(secs.max(10)).unwrap_or(Window::MAX)
    };
    let (verdict, reason) = if count < MIN_SCRAPES {
        (
            ScrapeVerdict::TooFew,
            format!(
                "A window of {window} holds fewer than two scrapes: what counters rose by can't be told. Look back \
                 at least {}.",
                longer(GOOD_SCRAPES)
            ),
        )
    } else if count < GOOD_SCRAPES {
        (
            ScrapeVerdict::Few,
            format!(
                "A window of {window} holds {count:.0} scrapes: figures are rough. {} or more would do.",
                longer(GOOD_SCRAPES)
            ),
        )
    } else {
        (
            ScrapeVerdict::Enough,
            format!("A window of {window} holds {count:.0} scrapes: enough."),
        )
    };
    Some(Scrapes {
        window_s: window.secs(),
        count: six_digits(count),
        verdict,
        reason,
    })
}

/// Returns how many ready pods should have a proxy that a control plane serves.
pub fn expected_proxies(inventory: &Inventory) -> u32 {
    let workloads = inventory.workloads.values();
    let expected = workloads.filter(|workload| {
        let kind = kind_of(&workload.name, Some(workload));
        kind != ProxyKind::Sidecar
            || matches!(inventory.injection(workload), Injection::Sidecar { .. })
    });
    expected.map(|workload| workload.ready).sum()
}

/// Returns whether the mesh is AKS's add-on, as far as its revisions and namespaces show.
pub fn is_aks_addon(inventory: &Inventory) -> bool {
    inventory.revisions.iter().any(|it| it.starts_with("asm-"))
        || inventory.namespaces.contains_key("aks-istio-system")
}

/// Returns what to paste for namespaces whose pods are not in the mesh, and for pods that were not restarted
/// since. The label fits the revisions found: `istio-injection=enabled`, or `istio.io/rev=…`.
pub fn injection(inventory: &Inventory) -> Vec<Paste> {
    let is_system = |namespace: &str| {
        namespace.starts_with("kube-")
            || namespace == "istio-system"
            || namespace.starts_with("aks-istio-")
    };
    let setting = if is_aks_addon(inventory) {
        "aks"
    } else {
        "upstream"
    };
    let label = match inventory.revisions.iter().next_back() {
        Some(revision) if !inventory.revisions.contains("default") => {
            format!("istio.io/rev={revision}")
        }
        _ if setting == "aks" => "istio.io/rev=asm-1-xx".to_owned(),
        _ => "istio-injection=enabled".to_owned(),
    };
    let mut outside: BTreeMap<&str, u32> = BTreeMap::new();
    for workload in inventory.workloads.values() {
        if inventory.namespace_injection(&workload.namespace) == Injection::Unset
            && inventory.injection(workload) == Injection::Unset
            && workload.wanted > 0
            && !is_system(&workload.namespace)
            && kind_of(&workload.name, Some(workload)) == ProxyKind::Sidecar
        {
            *outside.entry(&workload.namespace).or_default() += 1;
        }
    }
    let mut pastes = Vec::new();
    if !outside.is_empty() {
        let lines = outside.keys().take(MAX_NAMED).map(|namespace| {
            format!(
                "kubectl label namespace {namespace} {label}\nkubectl rollout restart deployment -n {namespace}"
            )
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let named: Vec<&str> = outside.keys().copied().collect();
        pastes.push(Paste {
            title: format!(
                "Pods of {} get no sidecar: nobody reports the calls between them.",
                listed(&named, MAX_NAMED)
            ),
            setting: setting.to_owned(),
            text,
            then: Some("Leave out the namespaces that should stay outside. New pods get a sidecar, old ones do not.".to_owned()),
        });
    }
    let stale = inventory.stale();
    if !stale.is_empty() {
        let lines = stale.iter().take(MAX_NAMED).map(|it| {
            let kind = it.kind.to_ascii_lowercase();
            format!(
                "kubectl rollout restart {kind}/{} -n {}",
                it.name, it.namespace
            )
        });
        let pods: usize = stale.iter().map(|it| it.pods).sum();
        pastes.push(Paste {
            title: format!(
                "{pods} pods of {} workloads are not what new ones would be: they were not restarted since \
                 injection or the revision changed.",
                stale.len()
            ),
            setting: setting.to_owned(),
            text: lines.collect::<Vec<_>>().join("\n"),
            then: None,
        });
    }
    pastes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_window_is_held_against_the_scrape_interval() {
        let verdict = |secs: f64, window: &str| {
            let window: Window = window.parse().unwrap();
            scrapes(secs, window).unwrap().verdict
        };
        assert_eq!(verdict(60.0, "1m"), ScrapeVerdict::TooFew);
        assert_eq!(verdict(30.0, "1m"), ScrapeVerdict::Few);
        assert_eq!(verdict(15.0, "1m"), ScrapeVerdict::Enough);
        let said = scrapes(60.0, Window::MIN).unwrap().reason;
        assert!(said.contains("at least 5m"), "{said}");
        assert_eq!(scrapes(0.0, Window::MIN), None);
        assert_eq!(scrapes(f64::NAN, Window::MIN), None);
    }

    fn deployment(namespace: &str, name: &str, labels: Value) -> Value {
        json!({"kind": "Deployment", "apiVersion": "apps/v1",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"replicas": 2, "template": {"metadata": {"labels": labels}}}})
    }

    fn namespace(name: &str, labels: Value) -> Value {
        json!({"kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    }

    #[test]
    fn r11_the_line_to_paste_fits_the_revision_found() {
        let shop = [
            namespace("shop", json!({})),
            deployment("shop", "web", json!({})),
        ];
        let upstream = deployment(
            "istio-system",
            "istiod",
            json!({"app": "istiod", "istio.io/rev": "default"}),
        );
        let found = injection(&Inventory::read(shop.iter().chain([&upstream])));
        assert_eq!(found.len(), 1);
        assert!(
            found[0]
                .text
                .starts_with("kubectl label namespace shop istio-injection=enabled\n")
        );
        let addon = deployment(
            "aks-istio-system",
            "istiod-asm-1-26",
            json!({"app": "istiod", "istio.io/rev": "asm-1-26"}),
        );
        let found = injection(&Inventory::read(shop.iter().chain([&addon])));
        assert!(
            found[0]
                .text
                .starts_with("kubectl label namespace shop istio.io/rev=asm-1-26\n"),
            "{}",
            found[0].text
        );
        assert_eq!(found[0].setting, "aks");
    }

    #[test]
    fn who_is_in_the_mesh_or_told_to_stay_out_is_not_named() {
        let objects = [
            namespace("shop", json!({"istio-injection": "enabled"})),
            deployment("shop", "web", json!({})),
            namespace("batch", json!({"istio-injection": "disabled"})),
            deployment("batch", "job", json!({})),
            deployment("kube-system", "dns", json!({})),
            deployment(
                "istio-system",
                "istio-ingressgateway",
                json!({"istio": "ingressgateway"}),
            ),
        ];
        let inventory = Inventory::read(objects.iter());
        assert_eq!(injection(&inventory), []);
        assert_eq!(
            expected_proxies(&inventory),
            4,
            "two of web, two of the gateway"
        );
    }
}
