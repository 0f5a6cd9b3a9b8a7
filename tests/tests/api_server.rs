//! The real Kubernetes API that other tests stand on: that it refuses, tries and keeps as a cluster's does.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use support::ApiServer;

const SPLIT: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: backend, namespace: default}
spec:
  hosts: [backend]
  http:
  - route:
    - {destination: {host: backend, subset: v1}, weight: 90}
    - {destination: {host: backend, subset: v2}, weight: 10}
";

const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: backend, namespace: default}
spec:
  rules:
  - backendRefs: [{name: backend-v1, port: 80, weight: 1}]
";

const READERS: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: readers, namespace: default}
rules:
- {apiGroups: [networking.istio.io], resources: [virtualservices], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: readers, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: readers}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: reader}
";

fn split(server: &ApiServer) -> Result<Value> {
    let text = server.kubectl(&["get", "virtualservice", "backend", "-o", "json"])?;
    Ok(serde_json::from_str(&text)?)
}

fn version(object: &Value) -> Result<String> {
    let version = object["metadata"]["resourceVersion"].as_str();
    Ok(version.context("no resourceVersion")?.to_owned())
}

fn weight(object: &Value) -> &Value {
    &object["spec"]["http"][0]["route"][0]["weight"]
}

/// Sets the first weight by JSON Patch, if the object still has this version.
fn set(server: &ApiServer, user: &str, version: &str, to: u32, more: &[&str]) -> Result<String> {
    let patch = json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": to},
    ])
    .to_string();
    let args = ["patch", "virtualservice", "backend", "--type=json", "-p"];
    let args: Vec<&str> = args.into_iter().chain([&*patch]).collect();
    server.kubectl_of(user, &[&args, more].concat())
}

/// What an API server says of what it refused; an error when it did not.
fn refusal(result: Result<String>) -> Result<String> {
    match result {
        Ok(said) => bail!("not refused: {said}"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

#[test]
fn a_cluster_refuses_what_is_stale_and_what_is_not_allowed() -> Result<()> {
    let server = ApiServer::start_for(&["reader"])?;
    server.apply(SPLIT)?;
    server.apply(ROUTE)?;
    let first = split(&server)?;

    // A dry run is checked like a write, and writes nothing.
    let tried = set(
        &server,
        "admin",
        &version(&first)?,
        70,
        &["--dry-run=server", "-o", "json"],
    )?;
    assert_eq!(weight(&serde_json::from_str(&tried)?), 70);
    assert_eq!(split(&server)?, first);

    // A version that is not the last one is a conflict, for a dry run as well.
    set(&server, "admin", &version(&first)?, 80, &[])?;
    for more in [&[][..], &["--dry-run=server"]] {
        let stale = refusal(set(&server, "admin", &version(&first)?, 60, more))?;
        assert!(stale.contains("(Conflict)"), "{stale}");
    }
    assert_eq!(weight(&split(&server)?), 80);

    // Who has no rights may neither read nor write; who may read may not write.
    let get = ["get", "virtualservice", "backend"];
    let unknown = refusal(server.kubectl_of("reader", &get))?;
    assert!(unknown.contains("(Forbidden)"), "{unknown}");
    server.apply(READERS)?;
    // What is allowed is read from a watch.
    support::wait_until("the role is known", Duration::from_secs(10), || {
        server.kubectl_of("reader", &get).is_ok()
    })?;
    let now = version(&split(&server)?)?;
    let writes = refusal(set(&server, "reader", &now, 50, &[]))?;
    assert!(writes.contains("(Forbidden)"), "{writes}");
    assert!(server.kubeconfig_of("writer").is_err());
    Ok(())
}

#[test]
fn a_cluster_that_was_away_has_kept_its_objects() -> Result<()> {
    let mut server = ApiServer::start()?;
    server.apply(SPLIT)?;
    let before = split(&server)?;
    server.stop_api();
    let away = refusal(server.kubectl(&["get", "virtualservices"]))?;
    assert!(away.contains("refused"), "{away}");
    server.start_api()?;
    assert_eq!(split(&server)?, before);
    Ok(())
}
