//! Control plane, sidecars, circuit breakers, sources and the questions behind figures: in the built-in mesh, and
//! as a real Prometheus tells them.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use support::{Pidali, Prometheus, Store, Stub, is_about_targets, question_of, response};

/// The built-in mesh, which the stores scrape; it ends with this process.
static MESH: LazyLock<Pidali> = LazyLock::new(|| Pidali::demo().expect("the built-in mesh"));

/// A store that scrapes the mesh, and a pidali that asks it, with the mesh's objects beside it.
struct World {
    _prometheus: Prometheus,
    pidali: Pidali,
    since: Instant,
}

impl World {
    fn new(store: Store) -> World {
        let exposed = MESH.exposed.clone().expect("it is exposed");
        let target = exposed.trim_start_matches("http://").trim_end_matches('/');
        let prometheus = Prometheus::start(store, 1, &[target]).expect("a store");
        let pidali = Pidali::serve(&prometheus.url).expect("pidali");
        World {
            _prometheus: prometheus,
            pidali,
            since: Instant::now(),
        }
    }

    async fn scraped(&self, secs: u64) {
        let rest = Duration::from_secs(secs).saturating_sub(self.since.elapsed());
        tokio::time::sleep(rest).await;
    }
}

static PROMETHEUS: LazyLock<World> = LazyLock::new(|| World::new(Store::Prometheus));
static VICTORIA: LazyLock<World> = LazyLock::new(|| World::new(Store::Victoria));

fn texts(list: &Value, field: &str) -> BTreeSet<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|it| it[field].as_str().map(str::to_owned))
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_mesh_tells_of_its_control_plane() -> Result<()> {
    let told = MESH.json("control-plane").await?;
    assert_eq!(told["istiods"][0]["is_up"], true, "{told}");
    assert_eq!(told["istiods"][0]["namespace"], "istio-system");
    assert!(number(&told["connected_proxies"]) > 20.0, "{told}");
    assert!(texts(&told["pushes"], "kind").contains("eds"), "{told}");
    assert!(
        texts(&told["builds"], "component").contains("proxy"),
        "{told}"
    );
    let about = texts(&told["findings"], "about");
    assert!(
        about.contains("istiod") && about.contains("proxies"),
        "{about:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sidecars_add_up_and_gateways_are_apart() -> Result<()> {
    let told = MESH.json("sidecars").await?;
    let items = told["items"].as_array().context("items")?;
    let of = |kind: &str| items.iter().filter(|it| it["kind"] == kind).count();
    assert!(of("sidecar") > 15 && of("gateway") >= 1, "{told}");
    let sidecars = items.iter().filter(|it| it["kind"] == "sidecar");
    let pods: f64 = sidecars.map(|it| number(&it["pods"])).sum();
    assert_eq!(number(&told["total"]["pods"]), pods);
    let by_namespace = told["namespaces"].as_array().context("namespaces")?;
    let memory: f64 = by_namespace
        .iter()
        .map(|it| number(&it["memory_bytes"]))
        .sum();
    let total = number(&told["total"]["memory_bytes"]);
    assert!((memory - total).abs() < total * 1e-4, "{memory} {total}");
    // Each proxy has a plausible size: not a byte, not a gigabyte.
    for item in items {
        let each = number(&item["memory_per_pod_bytes"]);
        assert!((5e6..1e9).contains(&each), "{item}");
    }
    let some = MESH.json("sidecars?namespaces=default").await?;
    assert_eq!(
        texts(&some["items"], "namespace"),
        BTreeSet::from(["default".to_owned()])
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_config_is_told_once_where_it_is_mended() -> Result<()> {
    let told = MESH.json("checks?namespaces=default").await?;
    let items = told["items"].as_array().context("items")?;
    let of = |code: &str| -> Vec<&Value> { items.iter().filter(|it| it["code"] == code).collect() };
    let policy = of("policy_without_effect");
    assert_eq!(policy.len(), 1, "{told}");
    assert_eq!(policy[0]["about"]["kind"], "DestinationRule");
    assert_eq!(policy[0]["about"]["name"], "backend-circuit-breaker");
    assert_eq!(policy[0]["path"], "spec.trafficPolicy");
    assert_eq!(policy[0]["also_known_as"][0], "KIA0201");
    let missing = of("credential_missing");
    assert_eq!(missing.len(), 1, "{told}");
    assert_eq!(missing[0]["severity"], "error");
    assert_eq!(missing[0], &items[0], "the worst first");
    let command = missing[0]["command"].as_str().context("a command")?;
    ensure!(
        command.contains("app-tls-secret -n istio-system"),
        "{command}"
    );
    // The routes that meet it show it as well.
    let route = MESH
        .json("routes/default/virtualservice/app-external")
        .await?;
    let shown = texts(&route["checks"], "code");
    ensure!(shown.contains("credential_missing"), "{route}");
    ensure!(number(&told["objects"]) >= 7.0, "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_that_istio_merges_away_is_said_to_be_without_effect() -> Result<()> {
    let told = MESH.json("breakers?namespaces=default").await?;
    let items = told["items"].as_array().context("items")?;
    let backend = items
        .iter()
        .find(|it| it["service"] == "backend")
        .context("backend")?;
    let vain = &backend["ineffective"][0];
    assert_eq!(vain["rule"], "default/backend-circuit-breaker", "{backend}");
    assert_eq!(vain["instead"], "default/backend-destination");
    assert_eq!(vain["limits"]["max_connections"], 100);
    assert_eq!(vain["limits"]["ejection"]["base_time"], "60s");
    assert!(number(&backend["requests"]) > 1000.0, "{backend}");
    let all = MESH.json("breakers").await?;
    let items = all["items"].as_array().context("items")?;
    let search = items
        .iter()
        .find(|it| it["service"] == "search")
        .context("search")?;
    assert!(
        search["parts"][0]["limits"]["ejection"].is_object(),
        "{search}"
    );
    assert!(number(&all["without"]) > 5.0, "{all}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_parameter_is_named_and_nothing_else_is_taken() -> Result<()> {
    for (path, name) in [
        ("control-plane?namespaces=a", "namespaces"),
        ("control-plane?window=0", "window"),
        ("sidecars?at=noon", "at"),
        ("sidecars?by=app", "by"),
        ("breakers?window=5m&window=6m", "window"),
        ("checks?window=5m", "window"),
        ("sources?at=2026-01-01T00:00:00Z", "at"),
        ("queries", "of"),
        ("queries?of=edge", "id"),
        ("queries?of=edge&id=%22%7D", "id"),
        ("links?workload=web", "namespace"),
    ] {
        let answer = MESH.get(path).await?;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        let message = answer.json["error"]["message"].to_string();
        assert!(message.contains(name), "{path}: {message}");
    }
    Ok(())
}

/// Compares until both tell alike: a store is some seconds behind, and pods come and go between two questions.
async fn a_store_tells_what_the_mesh_tells(world: &World) -> Result<()> {
    world.scraped(12).await;
    let start = Instant::now();
    loop {
        match compared(world).await {
            Ok(()) => return Ok(()),
            Err(error) if start.elapsed() > Duration::from_secs(60) => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

async fn compared(world: &World) -> Result<()> {
    let seen = world.pidali.json("control-plane?window=10s").await?;
    let real = MESH.json("control-plane?window=10s").await?;
    ensure!(seen["istiods"][0]["is_up"] == true, "{seen}");
    for list in [
        ("istiods", "pod"),
        ("builds", "version"),
        ("pushes", "kind"),
    ] {
        let (seen, real) = (texts(&seen[list.0], list.1), texts(&real[list.0], list.1));
        ensure!(seen == real, "{list:?}");
    }
    let (connected, really) = (
        number(&seen["connected_proxies"]),
        number(&real["connected_proxies"]),
    );
    ensure!((connected - really).abs() <= 2.0, "{connected} {really}");
    let left = number(&seen["root_cert_expires_in_s"]) - number(&real["root_cert_expires_in_s"]);
    ensure!(left.abs() < 60.0, "{seen}");

    let seen = world.pidali.json("sidecars").await?;
    let real = MESH.json("sidecars").await?;
    let ids = texts(&real["items"], "id");
    let missing: Vec<String> = ids
        .difference(&texts(&seen["items"], "id"))
        .cloned()
        .collect();
    ensure!(missing.is_empty(), "{missing:?}");
    let (memory, really) = (
        number(&seen["total"]["memory_bytes"]),
        number(&real["total"]["memory_bytes"]),
    );
    // Pods come and go while the two are asked.
    ensure!((memory - really).abs() < 0.1 * really, "{memory} {really}");

    let seen = world.pidali.json("breakers").await?;
    let real = MESH.json("breakers").await?;
    ensure!(seen["exposed"] == real["exposed"], "{}", seen["notices"]);

    let sources = world.pidali.json("sources?window=10s").await?;
    let source = &sources["items"][0];
    let labels = source["labels"].as_array().context("labels")?;
    ensure!(labels.iter().all(|it| it["present"] == true), "{labels:?}");
    let metrics = source["metrics"].as_array().context("metrics")?;
    for name in [
        "istio_requests_total",
        "pilot_xds",
        "container_memory_working_set_bytes",
    ] {
        let found = metrics.iter().find(|it| it["name"] == name).context(name)?;
        ensure!(found["present"] == true, "{name}");
    }
    ensure!(source["retention"].is_string(), "{source}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_tells_what_the_mesh_tells() -> Result<()> {
    a_store_tells_what_the_mesh_tells(&PROMETHEUS).await?;
    let sources = PROMETHEUS.pidali.json("sources").await?;
    assert_eq!(sources["items"][0]["storage"], "Prometheus");
    assert_eq!(sources["items"][0]["retention"], "15d");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_victoria_metrics_tells_what_the_mesh_tells() -> Result<()> {
    a_store_tells_what_the_mesh_tells(&VICTORIA).await?;
    let sources = VICTORIA.pidali.json("sources").await?;
    assert_eq!(sources["items"][0]["storage"], "VictoriaMetrics");
    assert_eq!(sources["items"][0]["retention"], "1 month");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrape_interval_is_measured_and_held_against_the_window() -> Result<()> {
    // A minute of samples is the least that tells.
    PROMETHEUS.scraped(65).await;
    let start = Instant::now();
    loop {
        let sources = PROMETHEUS.pidali.json("sources?window=10s").await?;
        let source = &sources["items"][0];
        let interval = number(&source["scrape_interval_s"]);
        // A busy machine scrapes more seldom than each second, never more often.
        if (0.8..2.5).contains(&interval) && source["scrapes"]["verdict"] == "enough" {
            return Ok(());
        }
        let (interval, scrapes) = (&source["scrape_interval_s"], &source["scrapes"]);
        ensure!(
            start.elapsed() < Duration::from_secs(60),
            "{interval} {scrapes}"
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

const FLOW: &str = r#"{"metric":{"flow":"to_server","reporter":"source","request_protocol":"grpc",
    "source_workload":"web","source_workload_namespace":"shop","destination_workload":"cart",
    "destination_workload_namespace":"shop"},"value":[1,"60"]}"#;

/// A Prometheus that remembers what it was asked. It knows of a target with new series, of TCP and messages, and
/// answers nothing else.
fn listening() -> Result<(Stub, Arc<Mutex<BTreeSet<String>>>)> {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let heard = Arc::clone(&asked);
    let stub = Stub::raw(move |request| {
        let question = question_of(request);
        let is_range = request.starts_with("POST /api/v1/query_range");
        if question.contains("median_over_time") {
            let body = r#"{"status":"error","errorType":"bad_data","error":"unknown function"}"#;
            return Some(response(400, "application/json", body));
        }
        // What the source is like is no figure of a page.
        if let Ok(mut asked) = heard.lock()
            && !question.contains("vector(time()")
        {
            asked.insert(question.clone());
        }
        let kind = if is_range { "matrix" } else { "vector" };
        let result = if question.starts_with("label_replace") {
            FLOW
        } else if is_about_targets(&question) {
            r#"{"metric":{"job":"mesh","instance":"web:15020"},"value":[1,"1"]}"#
        } else {
            ""
        };
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"{kind}","result":[{result}]}}}}"#
        );
        Some(response(200, "application/json", &body))
    })?;
    Ok((stub, asked))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_explained_is_what_is_sent() -> Result<()> {
    let edge = "Kubernetes/shop/web->Kubernetes/shop/cart:http";
    let encoded = edge.replace('>', "%3E");
    for (of, page) in [
        ("of=control-plane".to_owned(), "control-plane?".to_owned()),
        ("of=sidecars".to_owned(), "sidecars?".to_owned()),
        ("of=breakers".to_owned(), "breakers?".to_owned()),
        ("of=graph".to_owned(), "graph?".to_owned()),
        (
            format!("of=edge&id={encoded}"),
            format!("series?id={encoded}&"),
        ),
    ] {
        let (stub, asked) = listening()?;
        let pidali = Pidali::serve(&stub.url)?;
        pidali.json(&format!("{page}window=7m")).await?;
        if page.starts_with("series") {
            pidali.json("graph?window=7m").await?;
        }
        let sent = asked.lock().map(|it| it.clone()).unwrap_or_default();
        let told = pidali.json(&format!("queries?{of}&window=7m")).await?;
        let explained = texts(&told["items"], "promql");
        assert!(!explained.is_empty(), "{told}");
        assert_eq!(
            told["notices"],
            serde_json::json!([]),
            "a real source is asked this very thing"
        );
        let invented: Vec<&String> = explained.difference(&sent).collect();
        assert!(
            invented.is_empty(),
            "{of}: explained, and never sent: {invented:#?}"
        );
        if of == "of=control-plane" || of == "of=sidecars" {
            assert_eq!(explained, sent, "{of}: all that was sent is explained");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_metric_is_no_zero_and_is_named() -> Result<()> {
    let (stub, _) = listening()?;
    let pidali = Pidali::serve(&stub.url)?;
    let told = pidali.json("control-plane").await?;
    for figure in [
        "connected_proxies",
        "internal_errors",
        "convergence",
        "root_cert_expires_in_s",
        "pushes",
    ] {
        assert!(told.get(figure).is_none(), "{figure}: {told}");
    }
    assert!(told["notices"].to_string().contains("pilot_info"), "{told}");
    let told = pidali.json("sidecars").await?;
    assert!(told["total"].get("memory_bytes").is_none(), "{told}");
    let told = pidali.json("breakers").await?;
    assert_eq!(told["exposed"]["pending_overflow"], false);
    assert!(
        told["expose"].to_string().contains("proxyStatsMatcher"),
        "{told}"
    );
    let sources = pidali.json("sources").await?;
    let source = &sources["items"][0];
    let settings = texts(&source["mends"], "setting");
    assert!(
        settings.contains("upstream") && settings.contains("aks"),
        "{source}"
    );
    assert!(
        source["missing"]
            .to_string()
            .contains("istio_requests_total"),
        "{source}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_are_linked_only_where_there_is_a_grafana() -> Result<()> {
    let none = MESH.json("links").await?;
    assert_eq!(none["items"], serde_json::json!([]));
    let with = Pidali::start(&["demo", "--grafana", "https://grafana.example/x"])?;
    let links = with
        .json("links?namespace=shop&workload=web-v1&service=web")
        .await?;
    let urls: Vec<String> = texts(&links["items"], "url").into_iter().collect();
    assert_eq!(urls.len(), 2, "{links}");
    for url in &urls {
        assert!(url.starts_with("https://grafana.example/x/d/"), "{url}");
    }
    assert!(
        urls.iter()
            .any(|url| url.contains("var-service=web.shop.svc.cluster.local")),
        "{links}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_away_says_why_and_what_to_paste() -> Result<()> {
    let pidali = Pidali::serve("http://127.0.0.1:1")?;
    let sources = pidali.json("sources").await?;
    let source = &sources["items"][0];
    assert_eq!(source["reachable"], false);
    assert!(
        source["problem"].is_string() && source["hint"].is_string(),
        "{source}"
    );
    assert!(
        texts(&source["mends"], "setting").contains("aks"),
        "{source}"
    );
    for path in ["control-plane", "sidecars", "breakers"] {
        let answer = pidali.get(path).await?;
        assert_eq!(answer.status, 502, "{path}: {}", answer.text);
    }
    Ok(())
}
