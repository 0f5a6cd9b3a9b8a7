//! R7: what the cluster tells beside traffic.

use super::*;
use crate::api::NodeKind;

const CLUSTER: &str = "web -> cart-v1 : 60 requests
    namespace shop : injected
    pods shop/web : 1/1
    pods shop/cart-v1 : 1/1
    pods shop/cart-v2 : 1/1
    pods shop/report : 1/1
    pods far/db : 1/1
    pods kube-system/coredns : 2/2
    service shop/web : app=web
    service shop/cart : app=cart
    service shop/report : app=report
    service shop/hollow : app=nobody";

#[test]
fn r7_what_is_idle_appears_only_when_asked() {
    let mesh = facts(CLUSTER);
    assert_eq!(names(&draw(&mesh, By::Workload)), ["cart-v1", "web"]);
    let idle = |by: By, namespaces: &[&str]| {
        let graph = ask(&mesh, |query| {
            query.by = by;
            query.idle = true;
            query.namespaces = namespaces.iter().map(|it| (*it).to_owned()).collect();
        });
        let idle = graph.nodes.iter();
        let idle = idle.filter(|it| it.health.status == HealthStatus::Idle);
        idle.map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        idle(By::Workload, &[]),
        [
            "c/far/db",
            "c/shop/cart-v2",
            "c/shop/report",
            "c/shop/service/hollow",
        ]
    );
    assert_eq!(
        idle(By::Version, &["shop"]),
        [
            "c/shop/service/hollow",
            "c/shop/version/cart@v2",
            "c/shop/version/report@v1",
        ]
    );
    assert_eq!(
        idle(By::App, &["shop"]),
        ["c/shop/app/report", "c/shop/service/hollow"]
    );
    assert_eq!(
        idle(By::Service, &[]),
        [
            "c/far/app/db",
            "c/shop/service/hollow",
            "c/shop/service/report",
        ]
    );
    assert_eq!(
        idle(By::Workload, &["kube-system"]),
        ["c/kube-system/coredns"]
    );
    let graph = ask(&mesh, |query| query.idle = true);
    let report = node(&graph, "c/shop/report");
    assert_eq!(report.kind, NodeKind::Workload);
    assert_eq!(
        report.health.reason,
        "known to the cluster, no traffic in 5m"
    );
    assert_eq!((&report.inbound, &report.outbound), (&None, &None));
    // No sample says so: the id does.
    let graph = ask(&mesh, |query| {
        query.by = By::Version;
        query.idle = true;
    });
    let report = node(&graph, "c/shop/version/report@v1");
    let told = (report.app.as_deref(), report.version.as_deref());
    assert_eq!(told, (Some("report"), Some("v1")));
}

#[test]
fn r7_a_namespace_without_traffic_is_listed_and_kubernetes_own_is_not() {
    let listed = namespaces(&facts(CLUSTER));
    let told: Vec<(&str, HealthStatus)> = listed
        .iter()
        .map(|it| (it.name.as_str(), it.status))
        .collect();
    assert_eq!(
        told,
        [("far", HealthStatus::Idle), ("shop", HealthStatus::Healthy)]
    );
}

#[test]
fn r7_idle_things_change_nothing_else() {
    let mesh = facts(CLUSTER);
    for by in By::ALL {
        let without = draw(&mesh, by);
        let with = ask(&mesh, |query| {
            query.by = by;
            query.idle = true;
        });
        assert_eq!(with.edges, without.edges);
        let seen = with.nodes.into_iter();
        let seen: Vec<Node> = seen
            .filter(|it| it.health.status != HealthStatus::Idle)
            .collect();
        assert_eq!(seen, without.nodes);
    }
}

#[test]
fn r7_traffic_without_a_ready_pod_is_dead() {
    let text = "web -> cart-v1 : 60 requests
                web -> (stock) : 60 requests, 60 x 503 UH, client only
                pods shop/web : 0/1
                pods shop/cart-v1 : 0/2
                pods shop/stock : 0/0
                service shop/stock : app=stock";
    let graph = graph(text);
    let cart = node(&graph, "c/shop/cart-v1");
    assert!(cart.badges.contains(&"dead".to_owned()));
    let why = cart.explanation.as_deref().unwrap();
    assert!(
        why.starts_with("Dead: calls are addressed to it, yet none of its 2 pods is ready."),
        "{why}"
    );
    let stock = node(&graph, "c/shop/service/stock");
    assert_eq!(stock.badges, ["dead"]);
    assert_eq!(
        stock.explanation.as_deref(),
        Some(
            "No endpoint of the service took these calls: no healthy endpoint (UH). Dead: calls are addressed \
             to it, yet it is scaled to no pod."
        )
    );
    let web = node(&graph, "c/shop/web");
    assert!(!web.badges.contains(&"dead".to_owned()), "nothing calls it");
    let alive = draw(&facts(&text.replace("0/2", "1/2")), By::Workload);
    let cart = node(&alive, "c/shop/cart-v1");
    assert!(!cart.badges.contains(&"dead".to_owned()));
    // All versions together are not dead while one lives.
    let mesh = facts(&format!("{text}\n pods shop/cart-v2 : 1/1"));
    let app = draw(&mesh, By::App);
    assert!(
        !node(&app, "c/shop/app/cart")
            .badges
            .contains(&"dead".to_owned())
    );
}

#[test]
fn r7_pods_of_now_tell_nothing_of_long_ago() {
    let mesh = facts(
        "web -> cart : 60 requests, client only
         pods shop/cart : 0/2",
    );
    let query = GraphQuery::default();
    let hour_ago = answer(
        &mesh,
        &query,
        UnixMillis(0),
        UnixMillis(3_600_000),
        Vec::new(),
    );
    assert_eq!(node(&hour_ago, "c/shop/cart").badges, [""; 0]);
}

#[test]
fn r7_what_is_not_injected_is_said() {
    let text = "web -> erp : 60 requests, client only
                pods shop/web : 1/1, not injected
                pods shop/erp : 1/1";
    let plain = graph(text);
    let erp = node(&plain, "c/shop/erp");
    assert_eq!(erp.badges, ["not_injected"]);
    assert_eq!(
        erp.explanation.as_deref(),
        Some(
            "Not injected: its pods have no sidecar, so only the other side of its calls reports them."
        )
    );
    // Who reports has a proxy, whatever labels say.
    assert_eq!(node(&plain, "c/shop/web").badges, [""; 0]);
    let told = draw(&facts(&text.replace(", client only", "")), By::Workload);
    assert_eq!(node(&told, "c/shop/erp").badges, [""; 0]);
    for word in ["injected", "ambient"] {
        let labelled = draw(
            &facts(&format!("{text}\n namespace shop : {word}")),
            By::Workload,
        );
        assert_eq!(node(&labelled, "c/shop/erp").badges, [""; 0], "{word}");
    }
}

#[test]
fn r7_a_caller_that_is_not_injected_is_said() {
    let text = "legacy -> web : 60 requests, server only
                pods shop/legacy : 1/1
                pods shop/web : 1/1, injected";
    let graph = graph(text);
    assert_eq!(node(&graph, "c/shop/legacy").badges, ["not_injected"]);
    assert_eq!(node(&graph, "c/shop/web").badges, [""; 0]);
    // Who calls is an app: that a service of its own speaks for it hides nothing.
    let by_service = draw(
        &facts(&format!("{text}\n service shop/legacy : app=legacy")),
        By::Service,
    );
    assert_eq!(
        node(&by_service, "c/shop/app/legacy").badges,
        ["not_injected"]
    );
}

#[test]
fn r7_a_service_without_pods_is_neither_outside_the_mesh_nor_dead() {
    // Its endpoints may be somebody else's. The namespace tells which cluster was read.
    let mesh = facts(
        "web -> cart : 60 requests, client only
         namespace shop : not injected
         service shop/cart : app=cart",
    );
    let graph = draw(&mesh, By::Service);
    assert_eq!(node(&graph, "c/shop/service/cart").badges, [""; 0]);
}

#[test]
fn r7_what_another_cluster_holds_is_not_judged_by_this_one() {
    let graph = graph(
        "web -> cart : 60 requests, client only
         web -> cart@west : 60 requests, client only
         pods shop/web : 1/1
         pods shop/cart : 0/1",
    );
    assert_eq!(node(&graph, "c/shop/cart").badges, ["not_injected", "dead"]);
    assert_eq!(node(&graph, "west/shop/cart").badges, [""; 0]);
}
