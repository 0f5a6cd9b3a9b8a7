//! The preflight against a real Kubernetes API: what it gives to paste is pasted, and then looked at again.

use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use support::{ApiServer, Pidali, Prometheus, pidali};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(90);
/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

const ISTIO: &str = r#"---
{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: istiod, namespace: istio-system, labels: {app: istiod, istio.io/rev: default}}, spec: {replicas: 1, selector: {matchLabels: {app: istiod}}, template: {metadata: {labels: {app: istiod, istio.io/rev: default}}, spec: {containers: [{name: discovery, image: pilot}]}}}}
"#;

/// Who may see namespaces and Deployments, and nothing else.
const FEW: &str = r#"---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: few}, rules: [{apiGroups: ["", apps], resources: [namespaces, deployments], verbs: [list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: few}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: few}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: few}]}
"#;

/// One namespace that nobody let in; one that was let in after its pod was made.
const SHOPS: &str = r#"---
{apiVersion: v1, kind: Namespace, metadata: {name: outside}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: job, namespace: outside}, spec: {selector: {matchLabels: {app: job}}, template: {metadata: {labels: {app: job}}, spec: {containers: [{name: job, image: job}]}}}}
---
{apiVersion: v1, kind: Namespace, metadata: {name: late, labels: {istio-injection: enabled}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: late}, spec: {selector: {matchLabels: {app: cart}}, template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: cart, image: cart}]}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: cart-7d9c-x, namespace: late, labels: {app: cart, pod-template-hash: 7d9c}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: cart-7d9c, uid: "1", controller: true}]}, spec: {containers: [{name: cart, image: cart}]}}
"#;

/// The API server that most tests share, with an Istio that is ready.
fn server() -> Result<&'static ApiServer> {
    static SERVER: OnceLock<Result<ApiServer, String>> = OnceLock::new();
    let started = SERVER.get_or_init(|| start().map_err(|error| format!("{error:#}")));
    started.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn start() -> Result<ApiServer> {
    let server = ApiServer::start_for(&["few", "tenant"])?;
    server.apply(ISTIO)?;
    istiod_has(
        &server,
        json!({"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}),
    )?;
    Ok(server)
}

/// Says of istiod what a controller would.
fn istiod_has(server: &ApiServer, status: Value) -> Result<()> {
    let status = json!({ "status": status }).to_string();
    let patch = [
        "patch",
        "deployment",
        "istiod",
        "--subresource=status",
        "--type=merge",
    ];
    let args = [&["-n", "istio-system"], &patch[..], &["-p", &status]].concat();
    server.kubectl(&args)?;
    Ok(())
}

fn serve(server: &ApiServer, user: &str, more: &[&str]) -> Result<Pidali> {
    let kubeconfig = server.kubeconfig_of(user)?.display().to_string();
    let args = [
        "serve",
        "--prometheus",
        NOWHERE,
        "--kubeconfig",
        &kubeconfig,
    ];
    Pidali::start(&[&args[..], more].concat())
}

fn item(found: &Value, id: &str) -> Result<Value> {
    let groups = found["groups"].as_array().context("no groups")?;
    let mut items = groups
        .iter()
        .filter_map(|it| it["items"].as_array())
        .flatten();
    let item = items.find(|it| it["id"] == id);
    item.cloned().with_context(|| format!("no {id} in {found}"))
}

fn text<'a>(item: &'a Value, field: &str) -> &'a str {
    item[field].as_str().unwrap_or_default()
}

/// Looks until an item stands so.
async fn until(pidali: &Pidali, id: &str, status: &str) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let it = item(&pidali.json("preflight").await?, id)?;
        if it["status"] == status {
            return Ok(it);
        }
        if begun.elapsed() > PATIENCE {
            bail!("{id} is not {status}: {it}");
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Runs lines as a person who pastes them would.
fn paste(server: &ApiServer, item: &Value) -> Result<()> {
    for line in text(item, "paste").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let args = words
            .strip_prefix(&["kubectl"])
            .context("not a kubectl line")?;
        server.kubectl(args).with_context(|| line.to_owned())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_few_rights_is_given_exactly_the_missing_ones_to_paste() -> Result<()> {
    let server = server()?;
    server.apply(FEW)?;
    let pidali = serve(server, "few", &[])?;
    let read = until(&pidali, "rights.read", "fail").await?;
    let rules = text(&read, "paste");
    for there in ["namespaces", "deployments"] {
        assert!(!rules.contains(there), "{there} is not missing: {rules}");
    }
    for missing in [
        "pods",
        "services",
        "virtualservices",
        "httproutes",
        "name: \"few\"",
    ] {
        assert!(rules.contains(missing), "{missing} is missing: {rules}");
    }
    assert!(
        !rules.contains("secrets") && !rules.contains('*'),
        "{rules}"
    );
    let may = |verb: &str, resource: &str| {
        server
            .kubectl_of("few", &["auth", "can-i", verb, resource, "-A"])
            .is_ok_and(|it| it == "yes")
    };
    assert!(!may("list", "pods"));
    for id in [
        "rights.read",
        "rights.secrets",
        "rights.write",
        "rights.record",
    ] {
        let before = item(&pidali.json("preflight").await?, id)?;
        assert_ne!(before["status"], "ok", "{before}");
        server.apply(text(&before, "paste"))?;
        let after = until(&pidali, id, "ok").await?;
        assert!(after["paste"].is_null(), "{after}");
    }
    assert!(may("list", "pods") && may("patch", "virtualservices.networking.istio.io"));
    assert!(!may("delete", "pods") && !may("get", "secrets") && !may("patch", "deployments"));
    // What was granted is used at once: the watches begin by themselves.
    until(&pidali, "cluster.read", "ok").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_one_namespace_needs_a_role_there_alone() -> Result<()> {
    let server = server()?;
    server.apply("---\n{apiVersion: v1, kind: Namespace, metadata: {name: rented}}")?;
    let pidali = serve(server, "tenant", &["--cluster-namespace", "rented"])?;
    let record = until(&pidali, "rights.record", "warn").await?;
    let role = text(&record, "paste");
    assert!(
        role.contains("kind: Role\n")
            && role.contains("namespace: rented")
            && !role.contains("kind: ClusterRole"),
        "{role}"
    );
    for id in ["rights.read", "rights.write", "rights.record"] {
        let before = item(&pidali.json("preflight").await?, id)?;
        server.apply(text(&before, "paste"))?;
        until(&pidali, id, "ok").await?;
    }
    let may = |namespace: &str| {
        server
            .kubectl_of(
                "tenant",
                &["auth", "can-i", "list", "pods", "-n", namespace],
            )
            .is_ok_and(|it| it == "yes")
    };
    assert!(may("rented") && !may("default"));
    // istiod's namespace is not read: that is no fault of the mesh.
    let istiod = until(&pidali, "istio.istiod", "unknown").await?;
    assert!(
        text(&istiod, "mend").ends_with("--cluster-namespace istio-system"),
        "{istiod}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_outside_and_who_was_not_restarted_is_told_with_lines_that_work() -> Result<()> {
    let server = ApiServer::start()?;
    server.apply(ISTIO)?;
    istiod_has(&server, json!({"replicas": 1, "unavailableReplicas": 1}))?;
    server.apply(SHOPS)?;
    let pidali = serve(&server, "admin", &[])?;
    let istiod = until(&pidali, "istio.istiod", "fail").await?;
    assert!(
        text(&istiod, "message").contains("0 of 1 pod ready"),
        "{istiod}"
    );
    let outside = until(&pidali, "injection.namespaces", "warn").await?;
    assert_eq!(
        text(&outside, "paste"),
        "kubectl label namespace outside istio-injection=enabled\nkubectl rollout restart deployment -n outside"
    );
    let late = until(&pidali, "restarts.sidecar", "warn").await?;
    assert_eq!(
        text(&late, "paste"),
        "kubectl rollout restart deployment/cart -n late"
    );
    assert!(
        text(&late, "message").starts_with("late/cart (1 of 1 pod)"),
        "{late}"
    );
    paste(&server, &outside)?;
    until(&pidali, "injection.namespaces", "ok").await?;
    paste(&server, &late)?;
    // No controller is there to make the new pod.
    server.kubectl(&[
        "delete",
        "pod",
        "cart-7d9c-x",
        "-n",
        "late",
        "--force",
        "--grace-period=0",
    ])?;
    until(&pidali, "restarts.sidecar", "ok").await?;

    // A label for a revision that does not run.
    server.kubectl(&[
        "label",
        "namespace",
        "late",
        "istio-injection-",
        "istio.io/rev=asm-1-25",
    ])?;
    let labels = until(&pidali, "istio.labels", "fail").await?;
    assert!(
        text(&labels, "message").contains("late (istio.io/rev=asm-1-25)"),
        "{labels}"
    );
    paste(&server, &labels)?;
    until(&pidali, "istio.labels", "ok").await?;
    Ok(())
}

/// Runs the program once.
fn run(args: &[&str]) -> Result<Output> {
    let mut command = Command::new(pidali()?);
    command.arg("preflight").args(args).env_remove("KUBECONFIG");
    Ok(command.output()?)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_program_says_what_fails_and_ends_with_it() -> Result<()> {
    let admin = server()?.kubeconfig().display().to_string();
    let given = ["--prometheus", NOWHERE, "--kubeconfig", &admin];
    let output = run(&given)?;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("✗ fails  Source of metrics")
            && text.contains("✓ as it should be  Kubernetes API"),
        "{text}"
    );
    assert!(
        !text.contains('\u{1b}'),
        "colours are for terminals: {text}"
    );
    assert!(
        text.lines()
            .last()
            .is_some_and(|it| it.contains(" looked at: ")),
        "{text}"
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");

    let output = run(&[&given[..], &["--json"]].concat())?;
    let found: Value = serde_json::from_str(&said(&output))?;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(found["status"], "fail");
    assert_eq!(
        item(&found, "cluster.who")?["message"],
        "The API knows who asks as admin."
    );
    assert_eq!(item(&found, "istio.istiod")?["status"], "ok");

    // Without a cluster, what can't be told is said.
    let output = run(&["--prometheus", NOWHERE])?;
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("? can't be told  Kubernetes API: No Kubernetes API is asked")
            && text.contains("--kubeconfig"),
        "{text}"
    );

    for wrong in [
        vec!["--kubeconfig", "/nowhere/config", "--prometheus", NOWHERE],
        vec!["--prometheus", "not an address"],
        vec!["--window", "soon"],
    ] {
        let output = run(&wrong)?;
        assert_eq!(
            output.status.code(),
            Some(2),
            "{wrong:?}: {}",
            said(&output)
        );
        assert!(!output.stderr.is_empty() && output.stdout.is_empty());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mesh_that_has_what_is_needed_ends_well() -> Result<()> {
    let server = ApiServer::start()?;
    let admin = server.kubeconfig().display().to_string();
    let mesh = Pidali::start(&["demo", "--expose", "127.0.0.1:0", "--kubeconfig", &admin])?;
    let exposed = mesh.exposed.clone().unwrap_or_default();
    let target = exposed.trim_start_matches("http://").trim_end_matches('/');
    let prometheus = Prometheus::scraping(&[target])?;
    let begun = Instant::now();
    loop {
        let output = run(&[
            "--prometheus",
            &prometheus.url,
            "--kubeconfig",
            &admin,
            "--json",
        ])?;
        let found: Value = serde_json::from_str(&said(&output))?;
        let has_requests = item(&found, "metrics.requests").is_ok_and(|it| it["status"] == "ok");
        if has_requests && output.status.success() {
            assert_eq!(found["counts"]["fail"], 0, "{found}");
            assert_eq!(item(&found, "metrics.metrics")?["status"], "ok", "{found}");
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("{found:#}");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_wrong_is_named() -> Result<()> {
    let pidali = Pidali::demo()?;
    let answer = pidali.get("preflight?namespaces=shop").await?;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains("namespaces"), "{}", answer.text);
    let found = pidali.json("preflight?window=1h").await?;
    assert_eq!(item(&found, "cluster.api")?["status"], "ok");
    Ok(())
}
