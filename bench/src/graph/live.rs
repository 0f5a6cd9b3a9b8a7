//! The whole way: a real Prometheus scrapes a mesh whose truth is known, and pidali is asked for its graph
//! beside the raw queries that hold the same facts, in one run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mesh::api::query::to_rfc3339;
use mesh::units::UnixMillis;
use reqwest::Client;
use serde_json::Value;
use support::{Pidali, Prometheus, Store};

use super::scraped;
use super::synthetic::{self, Mesh, Truth};
use crate::Report;

/// The window of every question, in seconds.
const WINDOW: u32 = 240;
/// With more workloads than this, scraping every five seconds leaves a machine with two processors no time to answer.
const MANY: usize = 2_000;
/// Enough that a source which collects its garbage in every third of them does not move the median.
const N_COLD: usize = 15;
const N_WARM: usize = 60;
/// The source's pause before a question that is timed: after a large answer it is busy for about a second, beside whatever
/// it is asked then (docs/adr/0016).
const REST: Duration = Duration::from_millis(1_200);
const N_VIEWERS: usize = 100;
/// How long the viewers look, in seconds.
const VIEWING: u64 = 60;

/// What the figures are of: both sides' workload, namespace, canonical service, revision and cluster, and
/// the service addressed.
const GROUPS: &str = "source_workload,source_workload_namespace,source_canonical_service,\
     source_canonical_revision,source_cluster,destination_workload,destination_workload_namespace,\
     destination_canonical_service,destination_canonical_revision,destination_cluster,\
     destination_service_name,destination_service_namespace";

/// A mesh and the Prometheus that scrapes it.
struct World {
    mesh: Arc<Mesh>,
    /// How often proxies are scraped, in seconds.
    interval: u32,
    /// Where it serves what really happened.
    truth: String,
    prometheus: Prometheus,
}

impl World {
    fn new(n_workloads: usize) -> Result<World> {
        let interval = if n_workloads > MANY { 15 } else { 5 };
        // Edges are born until the end of the window that is asked for.
        let horizon = f64::from(WINDOW + 12 * interval);
        let mesh = Arc::new(Mesh::new(n_workloads, horizon));
        let served = scraped::serve(Arc::clone(&mesh))?;
        let targets = format!("{served}/targets");
        let prometheus = Prometheus::discovering(Store::Prometheus, interval, &targets)?;
        Ok(World {
            mesh,
            interval,
            truth: format!("{served}/truth"),
            prometheus,
        })
    }
}

/// Serves a mesh of so many workloads with its Prometheus, to be looked at by hand, until the process ends.
pub fn stand(n_workloads: usize) -> Result<()> {
    let world = World::new(n_workloads)?;
    println!(
        "{} edges, Prometheus on {}, the truth on {}?at=…&window={WINDOW}",
        world.mesh.n_edges(),
        world.prometheus.url,
        world.truth
    );
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}

/// Measures a mesh of so many workloads.
pub fn measure(report: &mut Report, n_workloads: usize) -> Result<()> {
    let world = World::new(n_workloads)?;
    report.beside("live_workloads", n_workloads as f64, "workloads");
    report.beside("scrape_interval", f64::from(world.interval), "s");
    report.beside("live_edges", world.mesh.n_edges() as f64, "edges");
    println!("a window of {WINDOW} s fills up");
    std::thread::sleep(Duration::from_secs(u64::from(WINDOW + 6 * world.interval)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(asked(report, &world))
}

async fn asked(report: &mut Report, world: &World) -> Result<()> {
    let client = Client::builder().no_proxy().gzip(false).build()?;
    let at = synthetic::now().floor() - 2.0;
    let raw = Raw {
        client: client.clone(),
        url: format!("{}/api/v1/query", world.prometheus.url),
        at,
    };
    let n_series = raw.ask("count({__name__=~\"istio_.*\"})").await?;
    report.beside("live_series", number(&n_series.body), "series");
    let path = |include: &str| {
        let at = to_rfc3339(UnixMillis((at * 1000.0) as i64));
        format!("graph?window={WINDOW}s&at={at}&include={include}")
    };
    let (mut q1, mut q2) = (Vec::new(), Vec::new());
    let (mut traffic, mut full, mut warm) = (Vec::new(), Vec::new(), Vec::new());
    let mut peak = 0.0_f64;
    let mut size = 0;
    let mut body = Value::Null;
    // The first round warms the disk's cache, and what only the first question costs.
    for round in 0..=N_COLD {
        tokio::time::sleep(REST).await;
        let counts = raw.ask(&requests()).await?;
        tokio::time::sleep(REST).await;
        let cold = Fresh::start(world)?.ask(&client, &path("traffic")).await?;
        tokio::time::sleep(REST).await;
        let buckets = raw.ask(&buckets()).await?;
        tokio::time::sleep(REST).await;
        let fresh = Fresh::start(world)?;
        let all = fresh.ask(&client, &path("traffic,latency")).await?;
        if round == 0 {
            continue;
        }
        q1.push(counts.ms);
        q2.push(buckets.ms);
        traffic.push(cold.ms);
        full.push(all.ms);
        if round == N_COLD {
            for _ in 0..N_WARM {
                let again = fresh.ask(&client, &path("traffic,latency")).await?;
                warm.push(again.ms);
                size = again.bytes;
            }
            let plain = fresh.plain(&client, &path("traffic,latency")).await?;
            body = serde_json::from_str(&plain)?;
        }
        peak = peak.max(fresh.pidali.peak_mib()?);
    }
    let (q1, q2) = (middle(&mut q1), middle(&mut q2));
    let (traffic, full) = (middle(&mut traffic), middle(&mut full));
    report.beside("reference_q1_ms", q1, "ms");
    report.beside("reference_q2_ms", q2, "ms");
    report.beside("graph_traffic_ms", traffic, "ms");
    report.beside("graph_latency_ms", full, "ms");
    report.promised("graph_traffic_ratio", traffic / q1, "", 1.5);
    report.promised("graph_latency_ratio", full / (q1 + q2), "", 1.3);
    report.promised("graph_warm_ms", middle(&mut warm), "ms", 20.0);
    report.promised("graph_answer_kb", size as f64 / 1000.0, "kB", 500.0);
    let truths = world.mesh.truth(at, f64::from(WINDOW));
    let (worst, id) = worst_error(truths.iter(), world.interval, &body)?;
    println!("furthest from the truth: {id}");
    report.promised("graph_worst_rate_error", worst, "", 0.02);
    let lasting = truths.iter().filter(|truth| truth.is_lasting);
    let (worst, id) = worst_error(lasting, world.interval, &body)?;
    println!("furthest where no pod of the caller is replaced: {id}");
    report.beside("worst_rate_error_lasting", worst, "");
    let (viewers, peak_viewed) = viewers(report, world, &client).await?;
    report.promised("viewers_query_ratio", viewers, "", 1.05);
    report.promised("graph_peak_mib", peak.max(peak_viewed), "MiB", 120.0);
    Ok(())
}

/// Q1 of what we promise: the requests, by everything that the graph shows.
fn requests() -> String {
    format!(
        "sum by (reporter,{GROUPS},request_protocol,response_code,grpc_response_status,response_flags,\
         connection_security_policy)(rate(istio_requests_total[{WINDOW}s]))"
    )
}

/// Q2 of what we promise: the client's durations.
fn buckets() -> String {
    format!(
        "sum by (le,{GROUPS})(rate(istio_request_duration_milliseconds_bucket{{reporter=\"source\"}}[{WINDOW}s]))"
    )
}

/// An answer and how long it took to have all of it.
struct Timed {
    ms: f64,
    bytes: usize,
    body: Value,
}

/// Prometheus, asked by hand.
struct Raw {
    client: Client,
    url: String,
    at: f64,
}

impl Raw {
    async fn ask(&self, promql: &str) -> Result<Timed> {
        let form = [("query", promql.to_owned()), ("time", self.at.to_string())];
        let start = Instant::now();
        let response = self.client.post(&self.url).form(&form).send().await?;
        let status = response.status();
        let bytes = response.bytes().await?;
        let ms = crate::ms(start.elapsed());
        if !status.is_success() {
            bail!("{promql}: {}", String::from_utf8_lossy(&bytes));
        }
        // A large answer is only weighed.
        let body = if bytes.len() < 100_000 {
            serde_json::from_slice(&bytes)?
        } else {
            Value::Null
        };
        Ok(Timed {
            ms,
            bytes: bytes.len(),
            body,
        })
    }
}

fn number(answer: &Value) -> f64 {
    let value = answer.pointer("/data/result/0/value/1");
    let text = value.and_then(Value::as_str).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// A pidali that nobody has asked yet.
struct Fresh {
    pidali: Pidali,
}

impl Fresh {
    fn start(world: &World) -> Result<Fresh> {
        let pidali = Pidali::serve(&world.prometheus.url)?;
        Ok(Fresh { pidali })
    }

    /// Asks as a browser does: compressed.
    async fn ask(&self, client: &Client, path: &str) -> Result<Timed> {
        let url = format!("{}api/v1/{path}", self.pidali.url);
        let start = Instant::now();
        let request = client.get(&url).header("accept-encoding", "gzip");
        let response = request.send().await?;
        let status = response.status();
        let zipped = response.headers().get("content-encoding").is_some();
        let bytes = response.bytes().await?;
        let ms = crate::ms(start.elapsed());
        if !status.is_success() || !zipped {
            bail!("{path}: {status} {}", String::from_utf8_lossy(&bytes));
        }
        Ok(Timed {
            ms,
            bytes: bytes.len(),
            body: Value::Null,
        })
    }

    async fn plain(&self, client: &Client, path: &str) -> Result<String> {
        let url = format!("{}api/v1/{path}", self.pidali.url);
        Ok(client.get(&url).send().await?.text().await?)
    }
}

/// How far the edge that is furthest off is from what really happened, as a share of it. A counter is whole,
/// so one call more or less on each side of the window is no error. What was born so late that it was scraped
/// at most once has no rate that anybody could know: it must be there, and is not compared.
fn worst_error<'a>(
    truths: impl Iterator<Item = &'a Truth>,
    interval: u32,
    graph: &Value,
) -> Result<(f64, String)> {
    let edges = graph["edges"].as_array().context("no edges")?;
    let seen: BTreeMap<&str, f64> = edges
        .iter()
        .filter_map(|edge| Some((edge["id"].as_str()?, edge["requests"].as_f64()?)))
        .collect();
    let mut worst = (0.0, String::new());
    for truth in truths {
        let got = seen.get(truth.id.as_str()).copied().unwrap_or(0.0);
        if truth.age < f64::from(2 * interval) {
            if truth.age > f64::from(interval) && truth.requests >= 2.0 && got <= 0.0 {
                bail!("{} is young, and not there", truth.id);
            }
            continue;
        }
        let off = ((got - truth.requests).abs() - 2.0).max(0.0);
        if off <= 0.0 {
            continue;
        }
        let share = off / truth.requests.max(1.0);
        if share > worst.0 {
            worst = (
                share,
                format!("{}: {got}, really {}", truth.id, truth.requests),
            );
        }
    }
    Ok(worst)
}

/// How many more questions a hundred viewers with selections of their own cost Prometheus than one, over a
/// minute each; and the most memory the server had.
async fn viewers(report: &Report, world: &World, client: &Client) -> Result<(f64, f64)> {
    let one = Fresh::start(world)?;
    let alone = viewed(world, client, &one, 1).await?;
    drop(one);
    let many = Fresh::start(world)?;
    let together = viewed(world, client, &many, N_VIEWERS).await?;
    report.beside("viewers_1_queries", alone, "queries");
    report.beside("viewers_100_queries", together, "queries");
    Ok((together / alone.max(1.0), many.pidali.peak_mib()?))
}

/// The questions that Prometheus answered while so many viewers looked for a minute.
async fn viewed(world: &World, client: &Client, fresh: &Fresh, n: usize) -> Result<f64> {
    let before = queries(world, client).await?;
    let until = Instant::now() + Duration::from_secs(VIEWING);
    let n_namespaces = world.mesh.n_namespaces();
    let looks = (0..n).map(|viewer| async move {
        let by = ["workload", "version", "app", "service"][viewer % 4];
        let namespaces = match viewer % (n_namespaces + 1) {
            0 => String::new(),
            some => format!("&namespaces=team-{:03}", some - 1),
        };
        // They do not all come at once.
        tokio::time::sleep(Duration::from_millis(viewer as u64 * 45)).await;
        while Instant::now() < until {
            let path = format!("graph?window={WINDOW}s&by={by}{namespaces}");
            fresh.ask(client, &path).await?;
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        anyhow::Ok(())
    });
    let all = futures::future::join_all(looks).await;
    all.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(queries(world, client).await? - before)
}

/// How many questions Prometheus has answered, as it counts them itself.
async fn queries(world: &World, client: &Client) -> Result<f64> {
    let url = format!("{}/metrics", world.prometheus.url);
    let text = client.get(url).send().await?.text().await?;
    let counts = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("prometheus_http_requests_total{")?;
        let (labels, count) = rest.split_once("} ")?;
        let asks = labels.contains("handler=\"/api/v1/query");
        asks.then(|| count.parse::<f64>().ok())?
    });
    Ok(counts.sum())
}

fn middle(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
