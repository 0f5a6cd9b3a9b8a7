//! A Prometheus that is found in the cluster and reached through its API server, as from a laptop.
//!
//! API servers lead to nothing on loopback, so all of it runs in a network of its own.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;
use support::network::{ADDRESS, in_own_network};
use support::{ApiServer, Pidali, Prometheus, Store, Wire};

const PORT: u16 = 9090;

/// Istio's add-on as the cluster knows it: a Service, and where its pod is.
const ADDON: &str = r#"---
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}
---
{apiVersion: v1, kind: Service, metadata: {name: prometheus, namespace: istio-system, labels: {app.kubernetes.io/name: prometheus}}, spec: {ports: [{name: http, port: 9090, targetPort: 9090}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: prometheus-0, namespace: istio-system}, spec: {containers: [{name: prometheus, image: prom/prometheus}]}}
---
{apiVersion: v1, kind: Endpoints, metadata: {name: prometheus, namespace: istio-system}, subsets: [{addresses: [{ip: ADDRESS, targetRef: {kind: Pod, name: prometheus-0, namespace: istio-system}}], ports: [{name: http, port: 9090}]}]}
"#;

/// Who may see the cluster, but not through it.
const VIEWER: &str = r#"---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: sees-all}, rules: [{apiGroups: ["", apps, networking.istio.io], resources: [namespaces, services, pods, deployments, virtualservices, destinationrules], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: sees-all}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sees-all}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: viewer}]}
"#;

async fn until(pidali: &Pidali, path: &str, is_so: impl Fn(u16, &Value) -> bool) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let answer = pidali.get(path).await?;
        if is_so(answer.status, &answer.json) {
            return Ok(answer.json);
        }
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("{path}: {} {}", answer.status, answer.text);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn message(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_in_the_cluster_is_found_and_reached_through_the_api() -> Result<()> {
    if !in_own_network("a_prometheus_in_the_cluster_is_found_and_reached_through_the_api")? {
        return Ok(());
    }
    let server = ApiServer::start_for(&["viewer"])?;
    let mesh = Pidali::demo()?;
    let exposed = mesh.exposed.clone().unwrap_or_default();
    let target = exposed.trim_start_matches("http://").trim_end_matches('/');
    let prometheus = Prometheus::start(Store::Prometheus, 1, &[target])?;
    let port = prometheus
        .url
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .parse()?;
    let _pod = Wire::at(&format!("{ADDRESS}:{PORT}"), port, Duration::ZERO)?;

    // Nobody said where Prometheus is; there is none yet.
    let admin = server.kubeconfig().display().to_string();
    let pidali = Pidali::start(&["serve", "--kubeconfig", &admin])?;
    let none = until(&pidali, "graph?window=1m", |status, answer| {
        status == 502 && message(answer).contains("no Service that looks like Prometheus")
    });
    assert!(
        none.await?["error"]["hint"]
            .as_str()
            .is_some_and(|it| it.contains("--prometheus kube://"))
    );

    server.apply(&ADDON.replace("ADDRESS", ADDRESS))?;
    // API servers lead to pods alone, and to what their status says.
    let status =
        format!(r#"{{"status": {{"podIP": "{ADDRESS}", "podIPs": [{{"ip": "{ADDRESS}"}}]}}}}"#);
    server.kubectl(&[
        "-n",
        "istio-system",
        "patch",
        "pod",
        "prometheus-0",
        "--subresource=status",
        "-p",
        &status,
    ])?;
    let graph = until(
        &pidali,
        "graph?window=1m&include=traffic",
        |status, graph| status == 200 && graph["edges"].as_array().is_some_and(|it| it.len() > 20),
    );
    let graph = graph.await?;
    assert!(graph["edges"].to_string().contains("default/backend-v1"));
    let sources = pidali.json("sources").await?;
    assert_eq!(
        sources["items"][0]["url"],
        "kube://istio-system/prometheus:9090"
    );
    assert_eq!(
        sources["items"][0]["reachable"], true,
        "{}",
        sources["items"][0]
    );
    let found = sources["items"][1]["capabilities"].to_string();
    assert!(
        found.contains("Prometheus found at istio-system/prometheus:9090"),
        "{found}"
    );

    // The same by name; a question that is too long for an address is posted.
    let named = Pidali::start(&[
        "serve",
        "--kubeconfig",
        &admin,
        "--prometheus",
        "kube://istio-system/prometheus:9090",
    ])?;
    let again = until(
        &named,
        "graph?window=1m&include=traffic,latency",
        |status, _| status == 200,
    )
    .await?;
    assert!(again["edges"].as_array().is_some_and(|it| it.len() > 20));

    // A Service that is not there, and a right that is missing.
    let wrong = Pidali::start(&[
        "serve",
        "--kubeconfig",
        &admin,
        "--prometheus",
        "kube://istio-system/prom:9090",
    ])?;
    let refused = until(&wrong, "graph?window=1m", |status, _| status == 502).await?;
    assert!(
        message(&refused).contains("services \"prom\" not found"),
        "{refused}"
    );
    let viewer = server.kubeconfig_of("viewer")?.display().to_string();
    server.apply(VIEWER)?;
    let barred = Pidali::start(&["serve", "--kubeconfig", &viewer])?;
    let refused = until(&barred, "graph?window=1m", |status, answer| {
        status == 502 && message(answer).contains("services/proxy")
    });
    let refused = refused.await?;
    let hint = refused["error"]["hint"].as_str().unwrap_or_default();
    assert!(
        hint.contains("--resource=services/proxy --resource-name=prometheus:9090"),
        "{hint}"
    );
    // The rest of the page lives.
    assert_eq!(barred.get("routes").await?.status, 200);
    Ok(())
}
