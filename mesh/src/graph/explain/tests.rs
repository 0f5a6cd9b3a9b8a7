use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::units::UnixMillis;

fn namespace(name: &str, labels: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn workload(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": 2}})
}

fn istiod(namespace: &str, revision: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": "istiod", "labels": {"app": "istiod", "istio.io/rev": revision}}})
}

fn facts(objects: &[Value]) -> Facts {
    Facts {
        inventory: Some(Arc::new(Inventory::read(objects.iter()))),
        ..Facts::default()
    }
}

fn of_kind(notices: &[Notice], kind: &str) -> Option<(String, String)> {
    let mut all = notices.iter().filter(|notice| notice.kind == kind);
    let notice = all.next()?;
    assert_eq!(all.next(), None, "one notice of a kind");
    Some((
        notice.message.clone(),
        notice.hint.clone().unwrap_or_default(),
    ))
}

fn found(objects: &[Value], kind: &str) -> Option<(String, String)> {
    let notices = notices(&facts(objects), &GraphQuery::default(), true);
    of_kind(&notices, kind)
}

/// The line to paste for the namespace `shop`, whose pods are outside.
fn line(objects: &[Value]) -> String {
    let mut all = vec![namespace("shop", json!({})), workload("shop", "web")];
    all.extend(objects.iter().cloned());
    let (_, hint) = found(&all, "not_injected").unwrap();
    let line = hint.split("; then ").next().unwrap_or_default();
    let line = line.strip_prefix("kubectl label namespace shop ");
    line.unwrap()
        .strip_suffix(" --overwrite")
        .unwrap()
        .to_owned()
}

#[test]
fn r11_a_namespace_that_is_not_injected_gets_the_line_of_its_revision() {
    let objects = [
        namespace("shop", json!({})),
        workload("shop", "web"),
        workload("shop", "cart"),
        istiod("istio-system", "default"),
    ];
    let (message, hint) = found(&objects, "not_injected").unwrap();
    assert!(
        message.starts_with("Namespace shop (2 workloads) is not in the mesh"),
        "{message}"
    );
    assert_eq!(
        hint,
        "kubectl label namespace shop istio-injection=enabled --overwrite; \
         then kubectl rollout restart deployment -n shop"
    );
    // On the AKS add-on `istio-injection` does nothing, whoever wrote it elsewhere.
    let aks = [
        istiod("aks-istio-system", "asm-1-9"),
        istiod("aks-istio-system", "asm-1-26"),
        namespace("old", json!({"istio-injection": "enabled"})),
    ];
    let mut aks = aks.to_vec();
    // Deployments of one name in one namespace are one: both revisions have their own.
    aks[0]["metadata"]["name"] = json!("istiod-asm-1-9");
    assert_eq!(line(&aks), "istio.io/rev=asm-1-26");
    // What the other namespaces follow goes before what is newest.
    aks.push(namespace("bank", json!({"istio.io/rev": "asm-1-9"})));
    assert_eq!(line(&aks), "istio.io/rev=asm-1-9");
    // A revision that is gone is nobody's to follow.
    aks.push(namespace("a", json!({"istio.io/rev": "asm-1-8"})));
    aks.push(namespace("b", json!({"istio.io/rev": "asm-1-8"})));
    assert_eq!(line(&aks), "istio.io/rev=asm-1-9");
    // Nobody sees the control plane: the neighbours know.
    let elsewhere = [namespace("bank", json!({"istio.io/rev": "stable"}))];
    assert_eq!(line(&elsewhere), "istio.io/rev=stable");
    assert_eq!(line(&[]), "istio-injection=enabled");
}

#[test]
fn r11_an_ambient_mesh_gets_the_line_of_ambient() {
    let ambient = [
        istiod("istio-system", "default"),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"namespace": "istio-system", "name": "ztunnel"}}),
        namespace("bank", json!({"istio.io/dataplane-mode": "ambient"})),
    ];
    assert_eq!(line(&ambient), "istio.io/dataplane-mode=ambient");
}

#[test]
fn r11_a_label_that_goes_before_the_revision_is_taken_away() {
    let objects = [
        namespace("shop", json!({"istio-injection": "yes"})),
        workload("shop", "web"),
        istiod("aks-istio-system", "asm-1-26"),
    ];
    let (_, hint) = found(&objects, "not_injected").unwrap();
    assert!(
        hint.starts_with(
            "kubectl label namespace shop istio.io/rev=asm-1-26 istio-injection- --overwrite"
        ),
        "{hint}"
    );
}

#[test]
fn r11_who_stays_out_on_purpose_is_not_complained_about() {
    let mut idle = workload("empty", "web");
    idle["spec"]["replicas"] = json!(0);
    let mut asked = workload("own", "web");
    asked["spec"]["template"] =
        json!({"metadata": {"labels": {"sidecar.istio.io/inject": "true"}}});
    let mut refused = workload("own", "job");
    refused["spec"]["template"] =
        json!({"metadata": {"labels": {"sidecar.istio.io/inject": "false"}}});
    let objects = [
        namespace("legacy", json!({"istio-injection": "disabled"})),
        workload("legacy", "web"),
        namespace("kube-system", json!({})),
        workload("kube-system", "coredns"),
        workload("aks-istio-system", "istiod"),
        workload("aks-istio-ingress", "gateway"),
        workload("gatekeeper-system", "audit"),
        workload("istio-system", "kiali"),
        idle,
        asked,
        refused,
    ];
    assert_eq!(found(&objects, "not_injected"), None);
}

#[test]
fn r11_of_many_namespaces_a_few_are_named() {
    let objects: Vec<Value> = (0..9)
        .map(|n| workload(&format!("team-{n}"), "web"))
        .collect();
    let (message, hint) = found(&objects, "not_injected").unwrap();
    assert!(
        message.contains("team-4 (1 workload) and 4 more are not in the mesh"),
        "{message}"
    );
    assert!(hint.starts_with("kubectl label namespace team-0 team-1 team-2 team-3 team-4 istio-"));
    // Only those that are looked at.
    let query = GraphQuery {
        namespaces: vec!["team-8".to_owned()],
        ..GraphQuery::default()
    };
    let notices = notices(&facts(&objects), &query, true);
    let (message, _) = of_kind(&notices, "not_injected").unwrap();
    assert!(
        message.starts_with("Namespace team-8 (1 workload) is"),
        "{message}"
    );
}

fn pod(owner: &str, name: &str, revision: Option<&str>) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "labels": {"pod-template-hash": "5d8f"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{owner}-5d8f"), "controller": true}]},
        "spec": {"containers": [{"name": "app"}]}});
    if let Some(revision) = revision {
        pod["spec"]["containers"] = json!([{"name": "app"}, {"name": "istio-proxy"}]);
        pod["metadata"]["annotations"] = json!({"istio.io/rev": revision});
    }
    pod
}

#[test]
fn r11_pods_that_were_not_restarted_are_named() {
    let mut rollout = workload("shop", "checkout");
    rollout["kind"] = json!("Rollout");
    rollout["apiVersion"] = json!("argoproj.io/v1alpha1");
    let mut objects = vec![
        istiod("aks-istio-system", "asm-1-26"),
        namespace("shop", json!({"istio.io/rev": "asm-1-26"})),
        workload("shop", "web"),
        workload("shop", "cart"),
        workload("shop", "fine"),
        rollout,
        pod("web", "web-1", None),
        pod("web", "web-2", Some("asm-1-26")),
        pod("cart", "cart-1", Some("asm-1-25")),
        pod("fine", "fine-1", Some("asm-1-26")),
        pod("checkout", "checkout-1", None),
    ];
    let (message, hint) = found(&objects, "not_restarted").unwrap();
    assert_eq!(
        message,
        "Not restarted since injection or its revision changed: \
         shop/cart (1 of 1 pods of revision asm-1-25 instead of asm-1-26), \
         shop/checkout (1 of 1 pods without a sidecar), \
         shop/web (1 of 2 pods without a sidecar)."
    );
    assert_eq!(
        hint,
        "kubectl rollout restart deployment/cart deployment/web -n shop; \
         kubectl argo rollouts restart checkout -n shop"
    );
    objects.retain(|object| {
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        !matches!(name, Some("web-1" | "cart-1" | "checkout-1"))
    });
    assert_eq!(found(&objects, "not_restarted"), None);
}

#[test]
fn r11_a_window_shorter_than_two_scrapes_is_said() {
    let said = |window: &str, interval| {
        let facts = Facts {
            window: window.parse().unwrap(),
            scrape_interval_s: interval,
            ..Facts::default()
        };
        let notices = notices(&facts, &GraphQuery::default(), true);
        assert_eq!(notices.len(), 1);
        of_kind(&notices, "window_too_short")
    };
    let (message, hint) = said("1m", Some(60.0)).unwrap();
    assert!(
        message.starts_with(
            "The window of 1m holds fewer than two scrapes: the proxies are scraped every 60 s"
        ),
        "{message}"
    );
    assert_eq!(hint, "choose a window of 5m or more");
    assert_eq!(
        said("10s", Some(15.0)).unwrap().1,
        "choose a window of 1m or more"
    );
    assert!(said("1m", Some(40.0)).is_some(), "one scrape, at times two");
    assert_eq!(said("2m", Some(60.0)), None);
    assert_eq!(said("1m", None), None);
}

#[test]
fn r11_what_traces_tell_and_is_not_drawn_is_said_of_now() {
    let told = |n_left_out, is_now| {
        let traced = crate::graph::Traced {
            n_left_out,
            ..Default::default()
        };
        let facts = Facts {
            traced: Some(Arc::new(traced)),
            ..facts(&[])
        };
        let notices = notices(&facts, &GraphQuery::default(), is_now);
        of_kind(&notices, "traced_cut").map(|(message, _)| message)
    };
    let three = told(3, true).unwrap();
    assert!(three.contains("between 3 more pairs"), "{three}");
    assert_eq!(told(0, true), None);
    assert_eq!(told(3, false), None);
}

#[test]
fn r11_no_samples_at_all_lead_to_the_sources() {
    let notices = notices(&Facts::default(), &GraphQuery::default(), true);
    let (message, hint) = of_kind(&notices, "no_samples").unwrap();
    assert_eq!(message, "No proxy reported any traffic in 5m.");
    assert!(hint.contains("sources page"));
}

#[test]
fn r11_an_answer_carries_the_explanation_and_the_past_is_not_told_by_the_present() {
    let facts = facts(&[workload("shop", "web")]);
    let kinds = |at: i64| {
        let now = UnixMillis(10_000_000);
        let graph = super::super::answer(
            &facts,
            &GraphQuery::default(),
            UnixMillis(at),
            now,
            Vec::new(),
        );
        let kinds = graph.notices.into_iter().map(|notice| notice.kind);
        kinds.collect::<Vec<_>>()
    };
    assert_eq!(kinds(10_000_000), ["no_samples", "not_injected"]);
    assert_eq!(kinds(5_000_000), ["no_samples"]);
}
