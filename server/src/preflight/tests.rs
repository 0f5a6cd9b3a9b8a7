use std::sync::Arc;

use expect_test::expect;
use mesh::api::preflight::Status;
use mesh::health::Objectives;
use mesh::units::Window;
use tokio::sync::watch;

use super::look;
use crate::cluster::Cluster;
use crate::cluster::demo::DemoCluster;
use crate::http::App;
use crate::links::Pages;
use crate::sources::demo::Demo;
use crate::sources::prometheus::{Prometheus, Settings};
use crate::sources::{Metrics, Traces};

fn app(metrics: Metrics, traces: Option<Traces>, cluster: Option<Cluster>) -> App {
    let (_, stopping) = watch::channel(false);
    let pages = Pages::default();
    App::new(
        metrics,
        traces,
        cluster,
        Objectives::default(),
        pages,
        stopping,
    )
}

async fn told(app: &App) -> String {
    let found = look(app, Window::default()).await;
    let items = found.groups.iter().flat_map(|it| &it.items);
    let lines = items.map(|it| format!("{:?} {}: {}\n", it.status, it.id, it.message));
    lines.collect()
}

#[tokio::test]
async fn the_built_in_mesh_is_told_as_its_story_has_it() {
    let mesh = Arc::new(Demo::new(7));
    let cluster = Cluster::Demo(Arc::new(DemoCluster::new(Arc::clone(&mesh), true)));
    let traces = Traces::Demo(Arc::clone(&mesh));
    let told = told(&app(Metrics::Demo(mesh), Some(traces), Some(cluster))).await;
    // How many requests there were hangs on the clock.
    let lines: Vec<&str> = told
        .lines()
        .filter(|it| !it.contains("metrics.requests"))
        .collect();
    expect![[r#"
        Warn rights.write: The built-in mesh was started read-only.
        Warn rights.record: The built-in mesh was started read-only.
        Ok rights.read: 47 rights asked for, all present.
        Ok rights.secrets: 2 rights asked for, all present.
        Warn injection.namespaces: Workloads that get no sidecar: legacy (1 workload).
        Ok injection.opted_out: None in the namespaces of the mesh.
        Ok cluster.api: The built-in mesh keeps its objects itself.
        Ok cluster.who: The API knows who asks as you.
        Ok cluster.read: 23 kinds of objects are followed, in all namespaces.
        Ok istio.resources: The API serves all 11 of Istio's kinds that are read.
        Ok istio.istiod: istiod in istio-system (revision default): 1 of 1 pod ready.
        Ok istio.revisions: Revisions: default; no tags. Istio is one of your own: namespaces take istio-injection=enabled.
        Ok istio.labels: 6 namespaces with a label of the mesh, and what it names runs.
        Ok istio.gateway_api: The API serves GRPCRoute, Gateway, HTTPRoute.
        Ok restarts.sidecar: No pod is seen here, so none is due.
        Ok metrics.source: The metrics are those of the built-in mesh.
        Ok traces.jaeger: The traces are those of the built-in mesh.
        Ok dashboards.grafana: No Service here looks like Grafana, and none is needed."#]].assert_eq(&lines.join("\n"));
    assert!(
        told.contains("Ok metrics.requests: Proxies reported about "),
        "{told}"
    );
}

#[tokio::test]
async fn without_a_cluster_and_with_a_prometheus_that_is_away_nothing_is_guessed() {
    let prometheus = Prometheus::new(Settings::new("http://127.0.0.1:1")).unwrap();
    let app = app(Metrics::Prometheus(Box::new(prometheus)), None, None);
    let found = look(&app, Window::default()).await;
    assert_eq!(found.status, Status::Fail);
    let told: Vec<String> = found
        .groups
        .iter()
        .map(|it| format!("{} {:?}", it.id, it.status))
        .collect();
    assert_eq!(
        told,
        [
            "metrics Fail",
            "cluster Unknown",
            "traces Ok",
            "dashboards Ok"
        ]
    );
    let cluster = &found.groups[1].items[0];
    assert!(
        cluster
            .paste
            .as_ref()
            .is_some_and(|it| it.contains("--kubeconfig"))
    );
}

#[tokio::test]
async fn what_does_not_answer_is_unknown_and_not_waited_for() {
    // It takes connections, and says nothing.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let prometheus = Prometheus::new(Settings::new(&url)).unwrap();
    let app = app(Metrics::Prometheus(Box::new(prometheus)), None, None);
    let begun = std::time::Instant::now();
    let told = told(&app).await;
    assert!(
        begun.elapsed() < super::PATIENCE * 2,
        "{:?}",
        begun.elapsed()
    );
    assert!(told.starts_with("Unknown cluster.api"), "{told}");
    assert!(
        told.contains("Unknown metrics.source: The source of metrics did not say in time"),
        "{told}"
    );
}
