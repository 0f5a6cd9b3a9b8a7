//! Routes of a large cluster: listed with their checks, right after one of them changed.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use support::{ApiServer, Pidali, Prometheus};

use crate::{Report, ms};

/// What the cluster holds.
const N_NAMESPACES: usize = 50;
const N_SERVICES: usize = 1_000;
const N_ROUTES: usize = 2_000;
/// How often it is measured.
const N_RUNS: usize = 9;
/// How long a cluster of this size may take to be read.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the list of routes of a real Kubernetes API, and the memory that it takes.
pub fn measure(report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let server = ApiServer::start()?;
        fill(&server)?;
        let prometheus = Prometheus::scraping(&[])?;
        let kubeconfig = server.kubeconfig().display().to_string();
        let begun = Instant::now();
        let pidali = Pidali::start(&["serve", "--prometheus", &prometheus.url, "--kubeconfig", &kubeconfig])?;
        let listed = read(&pidali).await?;
        report.beside("routes_first_list_ms", ms(begun.elapsed()), "ms");
        let mut checks = 0;
        for route in listed["items"].as_array().into_iter().flatten() {
            checks += route["checks"].as_array().map_or(0, Vec::len);
        }
        // A bench of a cluster in which nothing is to be found would measure less than a real one asks.
        if checks < N_ROUTES / 20 {
            bail!("only {checks} checks in {N_ROUTES} routes");
        }
        report.beside("routes_checks", checks as f64, "");
        // The last byte of the answer ends it: what a client makes of it afterwards is no time of the list.
        let client = reqwest::Client::builder().no_proxy().no_gzip().build()?;
        let mut times = Vec::new();
        for run in 0..N_RUNS {
            let weights = json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 50 + run}]);
            let args = ["-n", "team-00", "patch", "virtualservice", "route-0000", "--type=json", "-p"];
            let weights = weights.to_string();
            let args: Vec<&str> = args.into_iter().chain([&*weights]).collect();
            server.kubectl(&args)?;
            // The watch has told it, and nobody has looked at it yet.
            tokio::time::sleep(Duration::from_millis(700)).await;
            let begun = Instant::now();
            let url = format!("{}api/v1/routes?window=1m", pidali.url);
            let answer = client.get(&url).header("accept-encoding", "gzip").send().await?;
            let (status, packed) = (answer.status(), answer.headers().get("content-encoding").cloned());
            let bytes = answer.bytes().await?;
            times.push(begun.elapsed());
            if status != 200 || packed.is_none_or(|it| it != "gzip") {
                bail!("routes: {status}, {} bytes", bytes.len());
            }
        }
        times.sort();
        let median = times.get(N_RUNS / 2).copied().unwrap_or_default();
        report.promised("routes_list_2000_ms", ms(median), "ms", 200.0);
        report.promised("routes_peak_mib", pidali.peak_mib()?, "MiB", 150.0);
        Ok(())
    })
}

/// Waits until all is read; returns the list.
async fn read(pidali: &Pidali) -> Result<Value> {
    let begun = Instant::now();
    loop {
        let list = pidali.json("routes?window=1m").await?;
        let n = list["items"].as_array().map_or(0, Vec::len);
        if n == N_ROUTES && !list["notices"].to_string().contains("cluster_reading") {
            return Ok(list);
        }
        if begun.elapsed() > PATIENCE {
            bail!("{n} of {N_ROUTES} routes are read: {}", list["notices"]);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Writes a cluster of many teams: each service has two versions and subsets, and is split for the mesh and for a
/// gateway; one route in twenty has a fault.
fn fill(server: &ApiServer) -> Result<()> {
    let mut objects = Vec::new();
    for namespace in 0..N_NAMESPACES {
        objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team(namespace), "labels": {"istio-injection": "enabled"}}}));
    }
    for n in 0..N_SERVICES {
        let (namespace, name) = (team(n % N_NAMESPACES), format!("service-{n:04}"));
        let metadata =
            |name: &str| json!({"name": name, "namespace": namespace, "labels": {"app": name}});
        objects.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(&name),
            "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]},
        }));
        for version in ["v1", "v2"] {
            let labels = json!({"app": name, "version": version});
            objects.push(json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(&format!("{name}-{version}")),
                "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": "example/app:1"}]}}},
            }));
        }
        objects.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata(&name),
            "spec": {"host": name, "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]},
        }));
    }
    for n in 0..N_ROUTES {
        let service = n % N_SERVICES;
        let is_external = n >= N_SERVICES;
        let (namespace, host) = (
            team(service % N_NAMESPACES),
            format!("service-{service:04}"),
        );
        let second = if n % 20 == 7 { "v3" } else { "v2" };
        let split = json!([
            {"destination": {"host": host, "subset": "v1"}, "weight": 90},
            {"destination": {"host": host, "subset": second}, "weight": 10},
        ]);
        let testers = json!([{"destination": {"host": host, "subset": "v2"}}]);
        let mut spec = json!({
            "hosts": [if is_external { format!("{host}.example.com") } else { host.clone() }],
            "http": [{"match": [{"headers": {"x-testing": {"exact": "true"}}}], "route": testers}, {"route": split, "timeout": "5s"}],
        });
        if n == 0 {
            spec["http"] = json!([{"route": split}]);
        }
        if is_external {
            spec["gateways"] = json!(["istio-system/public"]);
        }
        objects.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": format!("route-{n:04}"), "namespace": namespace}, "spec": spec,
        }));
    }
    objects.push(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}),
    );
    objects.push(json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "public", "namespace": "istio-system"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]},
    }));
    let mut text = String::new();
    for object in &objects {
        writeln!(text, "---\n{object}")?;
    }
    let file = std::env::temp_dir().join(format!("pidali-bench-{}.yaml", std::process::id()));
    std::fs::write(&file, text)?;
    let made = server.kubectl(&[
        "create",
        "--validate=false",
        "-f",
        &file.display().to_string(),
    ]);
    std::fs::remove_file(&file)?;
    made.map(drop).context("the cluster could not be filled")
}

fn team(n: usize) -> String {
    format!("team-{n:02}")
}
