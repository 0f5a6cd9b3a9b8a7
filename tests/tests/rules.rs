//! Rules, splits and breakers of the built-in mesh, written through the API: what is written acts, and what is
//! taken back is as it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use support::{Answer, Pidali};

const VS: &str = "default/virtualservice/backend-routing";
const RULE: &str = "default/destinationrule/backend-destination";
const BREAKER: &str = "default/destinationrule/backend-circuit-breaker";
/// How long the mesh may take to do what it is told, and the metrics to say so.
const PATIENCE: Duration = Duration::from_secs(60);

fn demo() -> Result<Pidali> {
    Pidali::start(&["demo"])
}

fn place(id: &str) -> Value {
    let mut parts = id.split('/');
    let mut next = || parts.next().unwrap_or_default();
    json!({"namespace": next(), "kind": next(), "name": next()})
}

async fn object(pidali: &Pidali, id: &str) -> Result<Value> {
    pidali.json(&format!("objects/{id}")).await
}

async fn change(pidali: &Pidali, edit: Value) -> Result<Answer> {
    pidali
        .send("POST", "changes", &json!({"edits": [edit]}), &[])
        .await
}

async fn changed(pidali: &Pidali, edit: Value) -> Result<Value> {
    let answer = change(pidali, edit).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(answer.json["change"].clone())
}

/// Writes one rule of the backend's route as the form does.
async fn put(pidali: &Pidali, rule: &str, new: bool, spec: Value) -> Result<Value> {
    let seen = object(pidali, VS).await?;
    let edit = json!({
        "kind": "put_rule", "object": place(VS), "resource_version": seen["resource_version"],
        "rule": rule, "new": new, "spec": spec,
    });
    changed(pidali, edit).await
}

async fn undo(pidali: &Pidali, id: &str, change: &Value) -> Result<()> {
    let seen = object(pidali, id).await?;
    let body = json!({"change": change, "resource_version": seen["resource_version"]});
    let path = format!("objects/{id}/undo");
    let answer = pidali.send("POST", &path, &body, &[]).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(())
}

/// What the frontend's calls to the backend came to lately, as `of` says of all its edges.
async fn of_frontend(pidali: &Pidali, of: impl Fn(&[&Value]) -> f64) -> Result<f64> {
    let graph = pidali
        .json("graph?namespaces=default&window=10s&by=workload")
        .await?;
    let edges = graph["edges"].as_array().context("edges")?;
    let its = edges.iter().filter(|edge| {
        let from = edge["from"].as_str().unwrap_or_default();
        let to = edge["to"].as_str().unwrap_or_default();
        from.contains("/frontend") && to.contains("backend")
    });
    Ok(of(&its.collect::<Vec<_>>()))
}

/// The part of the calls that a version has: how many there are varies with the time of day.
fn share(edges: &[&Value], version: &str) -> f64 {
    let rps = |edge: &&Value| edge["rps"].as_f64().unwrap_or(0.0);
    let is_it = |edge: &&&Value| edge["to"].as_str().is_some_and(|to| to.contains(version));
    let all: f64 = edges.iter().map(rps).sum();
    edges.iter().filter(is_it).map(rps).sum::<f64>() / all
}

/// The sum over all edges of what `of` says.
fn sum(of: impl Fn(&Value) -> f64) -> impl Fn(&[&Value]) -> f64 {
    move |edges| edges.iter().map(|edge| of(edge)).sum()
}

fn in_map(edge: &Value, map: &str, key: &str) -> f64 {
    let fields = edge[map].as_object();
    let its = fields
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.contains(key));
    its.filter_map(|(_, value)| value.as_f64()).sum()
}

async fn until(
    pidali: &Pidali,
    what: &str,
    of: impl Fn(&[&Value]) -> f64,
    is_so: impl Fn(f64) -> bool,
) -> Result<f64> {
    let since = Instant::now();
    loop {
        let now = of_frontend(pidali, &of).await?;
        if is_so(now) {
            return Ok(now);
        }
        if since.elapsed() > PATIENCE {
            let graph = pidali
                .json("graph?namespaces=default&window=10s&by=workload")
                .await?;
            bail!("{what}: still {now} after {PATIENCE:?}: {}", graph["edges"]);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn testers_reach_v2_and_nobody_else_does() -> Result<()> {
    let pidali = demo()?;
    let before = object(&pidali, VS).await?;
    let testers = json!({
        "matches": [{"headers": {"x-testing": {"exact": "true"}}}],
        "destinations": [{"host": "backend", "subset": "v2"}],
    });
    let added = put(&pidali, "http/0", true, testers).await?;
    let rest = json!({"destinations": [{"host": "backend", "subset": "v1"}]});
    let narrowed = put(&pidali, "http/1", false, rest).await?;
    let route = pidali.json(&format!("routes/{VS}")).await?;
    let matches: Vec<&Value> = route["rules"]
        .as_array()
        .context("rules")?
        .iter()
        .map(|rule| &rule["matches"])
        .collect();
    assert_eq!(matches[0][0], "header x-testing is exactly \"true\"");
    assert_eq!(matches[1], &json!([]));
    // Two or three calls of a hundred are a tester's; the others all go to v1.
    until(
        &pidali,
        "v2 has testers alone",
        |edges| share(edges, "backend-v2"),
        |part| part > 0.0 && part < 0.06,
    )
    .await?;
    undo(&pidali, VS, &narrowed).await?;
    undo(&pidali, VS, &added).await?;
    let after = object(&pidali, VS).await?;
    assert_eq!(after["object"]["spec"], before["object"]["spec"]);
    until(
        &pidali,
        "v2 has its share again",
        |edges| share(edges, "backend-v2"),
        |part| part > 0.06,
    )
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_timeouts_and_mirrors_act() -> Result<()> {
    let pidali = demo()?;
    let both = json!([
        {"host": "backend", "subset": "v1", "weight": 90},
        {"host": "backend", "subset": "v2", "weight": 10},
    ]);
    let abort = json!({"destinations": both, "abort": {"percent": 50, "http_status": 418}});
    let aborted = put(&pidali, "http/0", false, abort).await?;
    until(
        &pidali,
        "half of the calls are aborted",
        sum(|e| in_map(e, "responses", "418")),
        |rps| rps > 0.5,
    )
    .await?;
    undo(&pidali, VS, &aborted).await?;

    // A delay longer than the timeout: proxies give up.
    let slow = json!({"destinations": both, "timeout": "1ms"});
    let slow = put(&pidali, "http/0", false, slow).await?;
    until(
        &pidali,
        "calls time out",
        sum(|e| in_map(e, "flags", "UT")),
        |rps| rps > 0.5,
    )
    .await?;
    undo(&pidali, VS, &slow).await?;

    let only_v1 = json!([{"host": "backend", "subset": "v1"}]);
    let mirror = json!({"destinations": only_v1, "mirror": {"host": "backend", "subset": "v2", "percent": 100}});
    put(&pidali, "http/0", false, mirror).await?;
    let route = pidali.json(&format!("routes/{VS}")).await?;
    assert_eq!(
        route["rules"][0]["also"],
        json!(["mirrors 100 % to backend v2"])
    );
    let shown = object(&pidali, VS).await?;
    assert_eq!(
        shown["object"]["spec"]["http"][0]["mirrorPercentage"],
        json!({"value": 100})
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joined_breaker_opens_and_is_parted_again() -> Result<()> {
    let pidali = demo()?;
    let (first, second) = (
        object(&pidali, RULE).await?,
        object(&pidali, BREAKER).await?,
    );
    let join = json!({
        "kind": "join",
        "object": place(RULE), "resource_version": first["resource_version"],
        "with": place(BREAKER), "with_resource_version": second["resource_version"],
    });
    let joined = changed(&pidali, join).await?;
    assert_eq!(pidali.get(&format!("objects/{BREAKER}")).await?.status, 404);
    let now = object(&pidali, RULE).await?;
    let tight = json!({
        "kind": "set_breaker", "object": place(RULE), "resource_version": now["resource_version"], "host": "backend",
        "breaker": {"max_connections": 1, "max_pending_requests": 1, "max_requests": 1},
    });
    let tight = changed(&pidali, tight).await?;
    until(
        &pidali,
        "the breaker refuses calls",
        sum(|e| in_map(e, "flags", "UO")),
        |rps| rps > 0.0,
    )
    .await?;
    undo(&pidali, RULE, &tight).await?;
    undo(&pidali, RULE, &joined).await?;
    for (id, before) in [(RULE, first), (BREAKER, second)] {
        let after = object(&pidali, id).await?;
        assert_eq!(after["object"]["spec"], before["object"]["spec"], "{id}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_object_of_istio_is_listed_the_worst_first_and_can_be_read() -> Result<()> {
    let pidali = demo()?;
    let told = pidali.json("objects").await?;
    let items = told["items"].as_array().context("items")?;
    let checks = pidali.json("checks").await?;
    let checks = checks["items"].as_array().context("findings")?;
    let mut kinds = BTreeSet::new();
    let mut calm = false;
    for item in items {
        let id = item["id"].as_str().context("an id")?;
        let whole = object(&pidali, id).await?;
        assert_eq!(whole["can_be_changed"], item["can_be_changed"], "{id}");
        assert_eq!(whole["object"]["apiVersion"], item["api_version"], "{id}");
        let n = checks.iter().filter(|it| it["object"] == id).count();
        assert_eq!(item["n_findings"], n, "{id}");
        assert_eq!(item["worst"].is_null(), n == 0, "{id}");
        assert!(!calm || n == 0, "{id} stands behind one without findings");
        calm |= n == 0;
        kinds.insert(item["object"]["kind"].as_str().context("a kind")?);
    }
    for kind in [
        "VirtualService",
        "DestinationRule",
        "Gateway",
        "ServiceEntry",
        "PeerAuthentication",
    ] {
        assert!(kinds.contains(kind), "{kind} of {kinds:?}");
    }
    assert!(
        !kinds.contains("Service") && !kinds.contains("Secret"),
        "{kinds:?}"
    );
    let some = pidali.json("objects?namespaces=shop").await?;
    let some = some["items"].as_array().context("items")?;
    let of_shop = items
        .iter()
        .filter(|it| it["object"]["namespace"] == "shop");
    assert_eq!(some.len(), of_shop.count());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_edits_of_one_version_one_wins() -> Result<()> {
    let pidali = demo()?;
    let seen = object(&pidali, VS).await?;
    let edit = |timeout: &str| {
        let yaml = seen["yaml"].as_str().unwrap_or_default();
        let manifest = yaml.replacen(
            "  http:\n  - ",
            &format!("  http:\n  - timeout: {timeout}\n    "),
            1,
        );
        json!({"kind": "apply", "object": place(VS), "resource_version": seen["resource_version"], "manifest": manifest})
    };
    let (one, two) = tokio::join!(change(&pidali, edit("3s")), change(&pidali, edit("4s")));
    let mut statuses = [one?.status, two?.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let timeout = object(&pidali, VS).await?["object"]["spec"]["http"][0]["timeout"].clone();
    assert!(timeout == "3s" || timeout == "4s", "{timeout}");
    Ok(())
}
