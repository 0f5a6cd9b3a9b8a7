//! R7: special nodes, in words.

use expect_test::expect;

use super::*;
use crate::api::NodeKind;

#[test]
fn r7_calls_past_the_mesh_have_a_name_and_no_namespace() {
    let graph = graph(
        "web -> (-/legacy) : 20 requests, client only
         web -> (PassthroughCluster) : 20 requests, client only",
    );
    assert_eq!(
        ids(&graph),
        [
            "c/shop/web->c/-/service/legacy:http",
            "c/shop/web->c/shop/service/PassthroughCluster:http",
        ]
    );
}

#[test]
fn r7_the_gateways_and_what_lies_outside() {
    golden(
        "(?) -> istio-system/istio-ingressgateway : 600 requests, server only
         istio-system/istio-ingressgateway -> web : 600 requests
         web -> istio-system/istio-egressgateway : 60 requests
         istio-system/istio-egressgateway -> (payments/api.stripe.com) : 60 requests, client only
         web -> (payments/api.bank.example) : 30 requests, client only
         web -> (-/PassthroughCluster) : 20 requests, client only
         web -> (-/BlackHoleCluster) : 10 requests, 10 x 502, client only",
        expect![[r#"
            c/-/egress/BlackHoleCluster : Egress Failing, in 10 requests 10 errors
                Calls to hosts that the mesh does not know; the mesh refuses them.
            c/-/egress/PassthroughCluster : Egress Healthy, in 20 requests
                Calls to hosts that the mesh does not know; they pass through unseen.
            c/-/unknown : Unknown Healthy, no_sidecar, out 600 requests
                No sidecar: these callers carry none, so only the called side reports them.
            c/istio-system/istio-egressgateway : Gateway Healthy, egress, in 60 requests, out 60 requests
                An egress gateway: calls leave the mesh here.
            c/istio-system/istio-ingressgateway : Gateway Healthy, ingress, in 600 requests, out 600 requests
                An ingress gateway: calls from outside come into the mesh here.
            c/payments/external/api.bank.example : External Healthy, in 30 requests
                A host outside the mesh.
            c/payments/external/api.stripe.com : External Healthy, in 60 requests
                A host outside the mesh.
            c/shop/web : Workload Healthy, in 600 requests, out 120 requests 10 errors
            c/-/unknown->c/istio-system/istio-ingressgateway:http : Server, 600 requests, mtls 1, Healthy: none of 600 requests failed in 5m
            c/istio-system/istio-egressgateway->c/payments/external/api.stripe.com:http : Client, 60 requests, Healthy: none of 60 requests failed in 5m
            c/istio-system/istio-ingressgateway->c/shop/web:http : Client, 600 requests, mtls 1, Healthy: none of 600 requests failed in 5m
                server: 600 requests: as the client
            c/shop/web->c/-/egress/BlackHoleCluster:http : Client, 10 requests, 10 errors, Failing: 10 of 10 requests failed (100 %) in 5m
            c/shop/web->c/-/egress/PassthroughCluster:http : Client, 20 requests, Healthy: none of 20 requests failed in 5m
            c/shop/web->c/istio-system/istio-egressgateway:http : Client, 60 requests, mtls 1, Healthy: none of 60 requests failed in 5m
                server: 60 requests: as the client
            c/shop/web->c/payments/external/api.bank.example:http : Client, 30 requests, Healthy: none of 30 requests failed in 5m
        "#]],
    );
}

#[test]
fn r7_who_carries_no_sidecar_is_named() {
    let text = "(?) -> cart : 30 requests, server only";
    let plain = graph(text);
    let unknown = node(&plain, "c/-/unknown");
    assert_eq!(unknown.badges, ["no_sidecar"]);
    assert_eq!(
        unknown.explanation.as_deref(),
        Some("No sidecar: these callers carry none, so only the called side reports them.")
    );
    let read = graph(&format!(
        "{text}
         namespace shop : injected
         pods shop/cart : 1/1
         pods shop/cron : 1/1, not injected
         pods batch/report : 1/1
         pods legacy/erp : 1/1
         pods kube-system/coredns : 2/2
         pods istio-system/istiod : 1/1"
    ));
    assert_eq!(
        node(&read, "c/-/unknown").explanation.as_deref(),
        Some(
            "No sidecar: these callers carry none, so only the called side reports them. Namespaces that are \
             not injected: batch, legacy. Workloads that are not injected in others: shop/cron."
        )
    );
}

#[test]
fn r7_calls_that_nobody_took_are_no_callers() {
    let graph = graph("web -> (?) : 30 requests, 30 x 404 NR, client only");
    let unknown = node(&graph, "c/-/unknown");
    assert_eq!(unknown.badges, [""; 0]);
    assert_eq!(
        unknown.explanation.as_deref(),
        Some("The proxies do not say who took these calls: no route matched them.")
    );
}

#[test]
fn r7_a_host_is_external_by_its_service_entry_else_by_its_look() {
    let kind = |text: &str, host: &str| {
        let line = format!("web -> ({host}) : 9 requests, client only\n{text}");
        let graph = graph(&line);
        let node = graph.nodes.iter().find(|it| it.name != "web").unwrap();
        (node.kind, node.explanation.clone().unwrap())
    };
    for host in ["api.stripe.com", "stripe.com", "payments/*.stripe.com"] {
        assert_eq!(kind("", host).0, NodeKind::External, "{host}");
    }
    for host in [
        "cart",
        "cart.shop",
        "cart.shop.svc.cluster.local",
        "10.0.0.7",
    ] {
        assert_eq!(kind("", host).0, NodeKind::Service, "{host}");
    }
    let entry = "entry payments/stripe : *.stripe.com";
    let (is, why) = kind(entry, "api.stripe.com");
    assert_eq!(is, NodeKind::External);
    assert_eq!(
        why,
        "A host outside the mesh, made known by the ServiceEntry payments/stripe."
    );
    let internal = "entry shop/vm : vm.shop.example, internal";
    assert_eq!(kind(internal, "vm.shop.example").0, NodeKind::Service);
    // Names without a dot may be made known as well.
    assert_eq!(kind("entry shop/erp : erp", "erp").0, NodeKind::External);
    let both = "entry shop/erp : erp\n service shop/erp : app=erp";
    assert_eq!(
        kind(both, "erp").0,
        NodeKind::Service,
        "the cluster's own goes first"
    );
}

#[test]
fn r7_an_external_host_keeps_its_id_under_every_projection() {
    let mesh = facts("web -> (payments/api.stripe.com) : 9 requests, client only");
    for by in By::ALL {
        let graph = draw(&mesh, by);
        let stripe = node(&graph, "c/payments/external/api.stripe.com");
        assert_eq!(stripe.namespace, "payments");
        assert!(selector(&stripe.id, by).is_some());
    }
}

#[test]
fn r7_a_gateway_is_told_by_its_labels_and_keeps_its_name() {
    let mesh = facts(
        "(?) -> edge-istio : 9 requests, server only
         edge-istio -> web : 9 requests
         pods shop/edge-istio : 1/1, gateway, not injected",
    );
    for by in By::ALL {
        let graph = draw(&mesh, by);
        let gateway = node(&graph, "c/shop/edge-istio");
        assert_eq!(
            (gateway.kind, gateway.badges.as_slice()),
            (NodeKind::Gateway, &["ingress".to_owned()][..])
        );
    }
}
