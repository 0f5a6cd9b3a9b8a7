//! The graph that pidali reads from a real Prometheus, against what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use mesh::api::query::to_rfc3339;
use mesh::units::UnixMillis;
use serde_json::Value;
use support::{Pidali, Prometheus, Store, Stub, response, wait_until};

/// The built-in mesh, which both stores scrape; it ends with this process.
static MESH: LazyLock<Pidali> = LazyLock::new(|| Pidali::demo().expect("the built-in mesh"));

/// A store that scrapes the mesh, and a pidali that asks it. One of each kind for all tests here.
struct World {
    store: Store,
    prometheus: Prometheus,
    pidali: Pidali,
    since: Instant,
}

impl World {
    fn new(store: Store) -> World {
        let target = target_of(&MESH);
        let prometheus = Prometheus::start(store, 1, &[&target]).expect("a store");
        let pidali = Pidali::serve(&prometheus.url).expect("pidali");
        World {
            store,
            prometheus,
            pidali,
            since: Instant::now(),
        }
    }

    /// Waits until so much has been scraped.
    async fn scraped(&self, secs: u64) {
        let rest = Duration::from_secs(secs).saturating_sub(self.since.elapsed());
        tokio::time::sleep(rest).await;
    }
}

static PROMETHEUS: LazyLock<World> = LazyLock::new(|| World::new(Store::Prometheus));
static VICTORIA: LazyLock<World> = LazyLock::new(|| World::new(Store::Victoria));

/// Every test runs against a real Prometheus and a real VictoriaMetrics.
macro_rules! on_each_store {
    ($($name:ident),* $(,)?) => {
        mod on_prometheus {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(&super::PROMETHEUS).await
            })*
        }
        mod on_victoria_metrics {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(&super::VICTORIA).await
            })*
        }
    };
}

on_each_store!(
    every_edge_counts_what_really_happened,
    r9_over_tcp_bytes_and_connections_are_what_really_flowed,
    both_protocols_have_latency_and_the_story_is_told_alike,
    a_first_failure_and_a_fresh_pod_count_from_zero_and_a_first_scrape_does_not,
    r5_a_pod_that_ended_at_the_windows_start_counts_to_its_last_scrape,
    sources_say_that_the_real_store_is_there,
);

fn target_of(mesh: &Pidali) -> String {
    let exposed = mesh.exposed.clone().expect("it is exposed");
    exposed
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned()
}

fn now_secs() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time")
}

fn query(at_secs: i64, window_secs: i64) -> String {
    let at = to_rfc3339(UnixMillis(at_secs * 1000));
    format!("window={window_secs}s&at={at}")
}

#[derive(Clone, Debug, Default)]
struct Truth {
    requests: f64,
    errors: f64,
    /// The most requests in one scrape interval.
    interval: f64,
    /// Upper edges in milliseconds and how many took no longer.
    buckets: Vec<(f64, f64)>,
}

async fn truth(at: i64, window: i64) -> Result<BTreeMap<String, Truth>> {
    let json = MESH.truth(&query(at, window)).await?;
    let edges = json["edges"].as_array().context("edges")?;
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let read = |edge: &Value| {
        let buckets = edge["buckets"].as_array()?.iter();
        let buckets = buckets
            .map(|b| {
                (
                    b["le_ms"].as_f64().unwrap_or(f64::INFINITY),
                    number(&b["count"]),
                )
            })
            .collect();
        let truth = Truth {
            requests: number(&edge["requests"]),
            errors: number(&edge["errors"]),
            interval: number(&edge["interval_requests_1s"]),
            buckets,
        };
        Some((edge["id"].as_str()?.to_owned(), truth))
    };
    edges
        .iter()
        .map(|edge| read(edge).context("an edge"))
        .collect()
}

/// What flowed over TCP, by edge: bytes to the server, bytes to the client, connections opened.
async fn flowed(at: i64, window: i64) -> Result<BTreeMap<String, [f64; 3]>> {
    let json = MESH.truth(&query(at, window)).await?;
    let edges = json["tcp"].as_array().context("tcp")?;
    let read = |edge: &Value| {
        let number = |field: &str| edge[field].as_f64();
        let figures = [
            number("to_server_bytes")?,
            number("to_client_bytes")?,
            number("opened")?,
        ];
        Some((edge["id"].as_str()?.to_owned(), figures))
    };
    Ok(edges.iter().filter_map(read).collect())
}

async fn graph(world: &World, at: i64, window: i64) -> Result<BTreeMap<String, Value>> {
    let json = world
        .pidali
        .json(&format!("graph?{}", query(at, window)))
        .await?;
    let edges = json["edges"].as_array().context("edges")?;
    let with_calls = edges
        .iter()
        .filter(|e| e["requests"].as_f64().unwrap_or(0.0) > 0.0);
    let named = with_calls.map(|e| (e["id"].as_str().unwrap_or_default().to_owned(), e.clone()));
    // What other tests of this file made up.
    Ok(named.filter(|(id, _)| !id.contains("/lab/")).collect())
}

/// The bucket that the call of this rank lies in.
fn bucket(buckets: &[(f64, f64)], rank: f64) -> (f64, f64) {
    let mut low = 0.0;
    for (le, count) in buckets {
        if *count >= rank {
            return (low, *le);
        }
        low = *le;
    }
    (low, f64::INFINITY)
}

/// Compares every edge of one window; returns how many there were, and how many had errors.
async fn compare(world: &World, at: i64, window: i64) -> Result<(usize, usize)> {
    let seen = graph(world, at, window).await?;
    let exact = truth(at, window).await?;
    // A request within one scrape of the window's ends may fall on either side.
    let inner = truth(at - 1, window - 2).await?;
    let outer = truth(at + 1, window + 2).await?;
    let name = format!("{window}s before {at}");
    let seen_ids: BTreeSet<&String> = seen.keys().collect();
    let inner_ids: BTreeSet<&String> = inner.keys().collect();
    let outer_ids: BTreeSet<&String> = outer.keys().collect();
    let lost: Vec<_> = inner_ids.difference(&seen_ids).collect();
    assert!(
        lost.is_empty(),
        "{name}: edges that are not shown: {lost:?}"
    );
    let invented: Vec<_> = seen_ids.difference(&outer_ids).collect();
    assert!(
        invented.is_empty(),
        "{name}: edges that never were: {invented:?}"
    );

    let mut with_errors = 0;
    for (id, edge) in &seen {
        let got = |field: &str| edge[field].as_f64().unwrap_or_default();
        let want = exact.get(id).cloned().unwrap_or_default();
        let busiest = outer.get(id).map_or(0.0, |t| t.interval);
        // No sample may have seen what happened within one scrape interval of either end.
        let at_the_ends = want.requests - inner.get(id).map_or(0.0, |t| t.requests);
        // From the first and the last sample on, `increase()` goes on as the mean was: a second together.
        let carried_on = 1.1 / window as f64;
        let tolerance =
            (0.02 * want.requests).max(busiest).max(at_the_ends) + carried_on * want.requests;
        assert!(
            (got("requests") - want.requests).abs() <= tolerance,
            "{name}: {id}: {} requests, really {} (±{tolerance})",
            got("requests"),
            want.requests,
        );
        // Errors: what surely lies inside is counted, what surely lies outside is not.
        let least = inner.get(id).map_or(0.0, |t| t.errors);
        let most = outer.get(id).map_or(0.0, |t| t.errors);
        assert!(
            got("errors") >= least * 0.98 - 0.5
                && got("errors") <= most * (1.02 + carried_on) + 0.5,
            "{name}: {id}: {} errors, really between {least} and {most}",
            got("errors"),
        );
        if least > 0.0 {
            with_errors += 1;
            assert!(got("errors") > 0.0, "{name}: {id}: an error was lost");
        }
        if let (Some(p50), true) = (edge["p50_ms"].as_f64(), want.requests > 0.0) {
            let half = want.requests / 2.0;
            let (low, _) = bucket(&want.buckets, (half - tolerance / 2.0).max(1e-9));
            let (_, high) = bucket(&want.buckets, (half + tolerance / 2.0).min(want.requests));
            assert!(
                (low..=high).contains(&p50),
                "{name}: {id}: p50 {p50} ms, really in {low}..{high} ms",
            );
        }
    }
    Ok((seen.len(), with_errors))
}

async fn every_edge_counts_what_really_happened(world: &World) -> Result<()> {
    world.scraped(50).await;
    let (mut most, mut with_errors) = (0, 0);
    for round in 0..4 {
        let at = now_secs() - 3;
        let window = if round < 2 { 20 } else { 30 };
        let (n, failed) = compare(world, at, window).await?;
        most = most.max(n);
        with_errors += failed;
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    world.scraped(135).await;
    let (n, failed) = compare(world, now_secs() - 3, 60).await?;
    assert!(n.max(most) >= 40, "only {n} edges were seen");
    assert!(
        with_errors + failed >= 10,
        "too few errors to say that they are counted"
    );
    Ok(())
}

async fn r9_over_tcp_bytes_and_connections_are_what_really_flowed(world: &World) -> Result<()> {
    world.scraped(60).await;
    let (at, window) = (now_secs() - 3, 40);
    let exact = flowed(at, window).await?;
    // What flowed within one scrape of the window's ends may fall on either side.
    let inner = flowed(at - 1, window - 2).await?;
    let outer = flowed(at + 1, window + 2).await?;
    let json = world
        .pidali
        .json(&format!("graph?{}", query(at, window)))
        .await?;
    let edges = json["edges"].as_array().context("edges")?;
    let mut compared = 0;
    for (id, [to_server, to_client, opened]) in &exact {
        let Some(edge) = edges.iter().find(|edge| edge["id"] == id.as_str()) else {
            assert!(!inner.contains_key(id), "{id} is not shown");
            continue;
        };
        compared += 1;
        let secs = window as f64;
        let got = |field: &str, scale: f64| edge[field].as_f64().unwrap_or_default() * scale;
        let rows = [
            (0, *to_server, got("client_to_server_bps", secs)),
            (1, *to_client, got("server_to_client_bps", secs)),
            (2, *opened, got("connections_opened", 1.0)),
        ];
        for (idx, want, got) in rows {
            let least = inner.get(id).map_or(0.0, |it| it[idx]);
            let most = outer.get(id).map_or(want, |it| it[idx]);
            // `increase()` carries what it saw on to both ends: up to one scrape of a second more.
            let slack = 1.5 / secs * want + 1.0;
            assert!(
                (least - slack..=most + slack).contains(&got),
                "{id}: {got}, really {want} (between {least} and {most})"
            );
        }
        assert!(edge["requests"].as_f64().unwrap_or(0.0) == 0.0, "{edge}");
    }
    assert!(compared >= 1, "nothing flowed over TCP: {exact:?}");
    Ok(())
}

async fn both_protocols_have_latency_and_the_story_is_told_alike(world: &World) -> Result<()> {
    world.scraped(40).await;
    let edges = graph(world, now_secs() - 3, 30).await?;
    for protocol in ["http", "grpc"] {
        let timed = edges
            .values()
            .filter(|e| e["protocol"] == protocol && e["p95_ms"].is_number());
        assert!(timed.count() >= 3, "no latency over {protocol}");
    }
    // The same story from the simulated source: the same edges, by the same ids.
    let own = MESH.json("graph?window=30s").await?;
    let own: BTreeSet<String> = own["edges"]
        .as_array()
        .context("edges")?
        .iter()
        .filter(|e| e["rps"].as_f64().unwrap_or(0.0) > 0.5)
        .filter_map(|e| Some(e["id"].as_str()?.to_owned()))
        .collect();
    let real: BTreeSet<String> = edges.keys().cloned().collect();
    let missing: Vec<_> = own.difference(&real).collect();
    assert!(own.len() > 15 && missing.is_empty(), "{missing:?}");
    Ok(())
}

/// The counters of one pod, as its proxy would expose them.
fn pod(name: &str, uptime_secs: u32, counts: &[(&str, &str, u32)]) -> String {
    let mut text =
        format!("envoy_server_uptime{{namespace=\"lab\",pod=\"{name}\"}} {uptime_secs}\n");
    for (to, code, count) in counts {
        text += &format!(
            "istio_requests_total{{namespace=\"lab\",pod=\"{name}\",reporter=\"source\",\
             source_workload=\"{name}\",source_workload_namespace=\"lab\",source_cluster=\"Kubernetes\",\
             source_canonical_service=\"{name}\",source_canonical_revision=\"v1\",\
             destination_workload=\"{to}\",destination_workload_namespace=\"lab\",\
             destination_cluster=\"Kubernetes\",destination_canonical_service=\"{to}\",\
             destination_canonical_revision=\"v1\",destination_service_name=\"{to}\",\
             destination_service_namespace=\"lab\",request_protocol=\"http\",response_code=\"{code}\",\
             grpc_response_status=\"\",response_flags=\"-\",connection_security_policy=\"unknown\"}} {count}\n",
        );
    }
    text
}

/// A pod whose counters a test sets.
fn lab_pod(text: &str) -> Result<(Arc<Mutex<String>>, Stub)> {
    let said = Arc::new(Mutex::new(text.to_owned()));
    let heard = Arc::clone(&said);
    let stub = Stub::raw(move |_| {
        let text = heard.lock().map(|t| t.clone()).unwrap_or_default();
        Some(response(200, "text/plain; version=0.0.4", &text))
    })?;
    Ok((said, stub))
}

fn host(stub: &Stub) -> &str {
    stub.url.trim_start_matches("http://")
}

/// A Prometheus of its own: what is scraped changes while it runs.
async fn a_first_failure_and_a_fresh_pod_count_from_zero_and_a_first_scrape_does_not(
    world: &World,
) -> Result<()> {
    let (steady, steady_stub) = lab_pod(&pod("steady", 9000, &[("shop", "200", 5000)]))?;
    let prometheus = Prometheus::start(world.store, 1, &[host(&steady_stub)])?;
    let pidali = Pidali::serve(&prometheus.url)?;
    tokio::time::sleep(Duration::from_secs(24)).await;
    // The first 503 ever; a pod that has just started; a pod that only now is scraped.
    let counts = [("shop", "200", 5040), ("shop", "503", 1)];
    if let Ok(mut text) = steady.lock() {
        *text = pod("steady", 9024, &counts);
    }
    let (_, fresh) = lab_pod(&pod("fresh", 2, &[("shop", "200", 7)]))?;
    let (_, known) = lab_pod(&pod("known", 8000, &[("shop", "200", 100_000)]))?;
    prometheus.scrape(&[host(&steady_stub), host(&fresh), host(&known)])?;
    tokio::time::sleep(Duration::from_secs(8)).await;

    let graph = pidali.json("graph?window=15s").await?;
    let edge = |from: &str| {
        let id = format!("Kubernetes/lab/{from}->Kubernetes/lab/shop:http");
        graph["edges"]
            .as_array()?
            .iter()
            .find(|e| e["id"] == id.as_str())
            .cloned()
    };
    let steady = edge("steady").context("the steady caller")?;
    assert_eq!(steady["errors"], 1.0, "{steady}");
    let requests = steady["requests"].as_f64().context("requests")?;
    assert!((40.0..=48.0).contains(&requests), "{requests}");
    let fresh = edge("fresh").context("the fresh pod")?;
    assert_eq!(fresh["requests"], 7.0, "{fresh}");
    let old = edge("known").map_or(0.0, |e| e["requests"].as_f64().unwrap_or_default());
    assert_eq!(
        old, 0.0,
        "what it counted before anybody looked is not of this window"
    );
    let notices = graph["notices"].to_string();
    // The steady pod told a new series as well, and was there before.
    assert!(notices.contains("\"1 scrape target older"), "{notices}");
    Ok(())
}

/// A window that holds one scrape of a pod: one value has no rise of its own.
async fn r5_a_pod_that_ended_at_the_windows_start_counts_to_its_last_scrape(
    world: &World,
) -> Result<()> {
    // A hundred calls between two scrapes.
    let calls = AtomicU32::new(5000);
    let stub = Stub::raw(move |_| {
        let calls = calls.fetch_add(100, Ordering::Relaxed);
        let text = pod("leaving", 9000, &[("shop", "200", calls)]);
        Some(response(200, "text/plain; version=0.0.4", &text))
    })?;
    let prometheus = Prometheus::start(world.store, 1, &[host(&stub)])?;
    let pidali = Pidali::serve(&prometheus.url)?;
    tokio::time::sleep(Duration::from_secs(8)).await;
    prometheus.scrape(&[])?;
    let ask = async |query: &str| {
        let url = format!("{}/api/v1/query?query={query}", prometheus.url);
        let answer = pidali.fetch(&url, &[]).await?;
        anyhow::Ok(answer.json["data"]["result"].clone())
    };
    let start = Instant::now();
    while ask("up").await? != Value::Array(Vec::new()) {
        assert!(start.elapsed() < Duration::from_secs(60), "it is still up");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Some stores show the newest values a little later.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let counted = ask("istio_requests_total%5B1m%5D").await?;
    let values = counted[0]["values"].as_array();
    let values = values.with_context(|| counted.to_string())?;
    // Some stores show that a series has ended as a value.
    let scrapes = values.iter().filter(|it| it[1] != "NaN");
    let scrapes: Vec<(f64, f64)> = scrapes
        .filter_map(|it| Some((it[0].as_f64()?, it[1].as_str()?.parse().ok()?)))
        .collect();
    let [.., (before, told_before), (last, told_last)] = scrapes.as_slice() else {
        bail!("it was scraped too seldom: {counted}");
    };
    let window = 20;
    let since = 500.0 * (before + last);
    let at = UnixMillis(since as i64 + window * 1000);
    let wait = at.0 - now_secs() * 1000 + 1000;
    tokio::time::sleep(Duration::from_millis(wait.max(0).unsigned_abs())).await;
    let path = format!("graph?window={window}s&at={}", to_rfc3339(at));
    let graph = pidali.json(&path).await?;
    let edge = &graph["edges"][0];
    assert_eq!(
        edge["id"],
        "Kubernetes/lab/leaving->Kubernetes/lab/shop:http"
    );
    assert_eq!(edge["requests"], told_last - told_before, "{graph}");
    Ok(())
}

async fn sources_say_that_the_real_store_is_there(world: &World) -> Result<()> {
    world.scraped(5).await;
    let mut last = Value::Null;
    wait_until("the source is reachable", Duration::from_secs(30), || {
        let asked = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(world.pidali.json("sources"))
        });
        last = asked.unwrap_or_default();
        last["items"][0]["reachable"] == true
    })
    .with_context(|| last.to_string())?;
    assert_eq!(last["items"][0]["kind"], "prometheus");
    let info = format!("{}/api/v1/status/buildinfo", world.prometheus.url);
    let info = world.pidali.fetch(&info, &[]).await?;
    match world.store {
        Store::Prometheus => {
            assert!(info.json["data"]["version"].is_string(), "{}", info.text);
            assert_eq!(last["items"][0]["version"], info.json["data"]["version"]);
        }
        // Some builds of it have no version; it tells what it is.
        Store::Victoria => assert_eq!(last["items"][0]["storage"], "VictoriaMetrics"),
    }
    Ok(())
}
