//! Overview, services and workloads: on the built-in mesh against what it says elsewhere, and on a Prometheus.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::{Context, Result};
use serde_json::Value;
use support::{Pidali, Stub, response};

static DEMO: LazyLock<Pidali> = LazyLock::new(|| Pidali::start(&["demo"]).expect("pidali demo"));

/// A minute that is over: what is asked of it does not change between two questions.
async fn fixed() -> Result<String> {
    let newest = DEMO.json("overview?window=1m").await?["at_ms"]
        .as_i64()
        .context("an instant")?;
    let at = mesh::api::query::to_rfc3339(mesh::units::UnixMillis(newest - 10_000));
    Ok(format!("window=5m&at={at}"))
}

fn list<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    json[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn number(json: &Value, pointer: &str) -> f64 {
    json.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_what_the_graph_says() -> Result<()> {
    let when = fixed().await?;
    for (section, by) in [("services", "service"), ("workloads", "workload")] {
        let graph = DEMO.json(&format!("graph?{when}&by={by}")).await?;
        let nodes: BTreeMap<&str, &Value> = list(&graph, "nodes")
            .iter()
            .filter_map(|node| Some((node["id"].as_str()?, node)))
            .collect();
        let rows = DEMO.json(&format!("{section}?{when}")).await?;
        let mut seen = 0;
        for row in list(&rows, "items") {
            let id = row["id"].as_str().context("an id")?;
            let Some(node) = nodes.get(id) else {
                assert!(
                    row["inbound"].is_null(),
                    "{id} has traffic that the graph does not know"
                );
                continue;
            };
            seen += 1;
            assert_eq!(row["inbound"], node["inbound"], "{id}");
            assert_eq!(row["health"], node["health"], "{id}");
        }
        assert!(seen > 10, "{section}: {seen} rows of the graph");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_stands_first_and_the_story_is_told_by_name() -> Result<()> {
    let rank = |row: &Value| {
        let all = [
            "failing", "degraded", "unjudged", "healthy", "idle", "no_data",
        ];
        let status = row["health"]["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        all.iter().position(|it| **it == status)
    };
    for section in ["overview", "services", "workloads"] {
        let answer = DEMO.json(&format!("{section}?window=15m")).await?;
        let ranks: Vec<_> = list(&answer, "items").iter().map(rank).collect();
        assert!(ranks.len() > 4, "{section}: {ranks:?}");
        assert!(ranks.is_sorted(), "{section}: {ranks:?}");
    }
    let overview = DEMO.json("overview?window=15m").await?;
    let payments = list(&overview, "items")
        .iter()
        .find(|it| it["name"] == "payments")
        .context("namespace payments")?;
    let names: Vec<&Value> = list(payments, "ailing")
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert!(names.contains(&&Value::from("payments-v2")), "{names:?}");
    // Each call is counted once, at the workload that it was meant for.
    let calls: f64 = list(&overview, "items")
        .iter()
        .map(|it| number(it, "/inbound/requests"))
        .sum();
    let total = number(&overview, "/totals/calls/requests");
    assert!(
        (calls - total).abs() <= 1e-4 * total,
        "{calls} in namespaces, {total} in all"
    );
    assert!(
        overview["freshness"]["newest_ms"].is_i64(),
        "{}",
        overview["freshness"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_services_callers_and_versions_sum_up_to_it() -> Result<()> {
    let when = fixed().await?;
    let backend = DEMO
        .json(&format!("services/default/backend?{when}"))
        .await?;
    let whole = number(&backend, "/service/inbound/requests");
    assert!(whole > 1000.0, "{whole}");
    for part in ["inbound", "versions"] {
        let sum: f64 = list(&backend, part)
            .iter()
            .map(|it| number(it, "/requests") + number(it, "/inbound/requests"))
            .sum();
        assert!(
            (sum - whole).abs() <= 1e-4 * whole,
            "{part}: {sum} of {whole}"
        );
    }
    let versions: Vec<&str> = list(&backend, "versions")
        .iter()
        .filter_map(|it| it["version"].as_str())
        .collect();
    assert_eq!(versions, ["v1", "v2"]);
    let governed_by: Vec<&str> = list(&backend, "governed_by")
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    for name in [
        "backend-routing",
        "app-external",
        "backend-destination",
        "backend-circuit-breaker",
    ] {
        assert!(
            governed_by.contains(&name),
            "{name} is not in {governed_by:?}"
        );
    }
    let canary = DEMO
        .json(&format!("workloads/default/backend-v2?{when}"))
        .await?;
    assert_eq!(canary["serves"], serde_json::json!(["default/backend"]));
    assert_eq!(canary["workload"]["pods"]["wanted"], 2);
    assert!(!list(&canary, "inbound").is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_404_and_a_bad_parameter_a_400() -> Result<()> {
    for path in ["services/default/nobody", "workloads/nowhere/backend-v1"] {
        let answer = DEMO.get(path).await?;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert_eq!(answer.json["error"]["kind"], "not_found");
    }
    for path in [
        "overview",
        "services",
        "workloads",
        "services/default/backend",
    ] {
        for (query, name) in [("by=app", "by"), ("window=0", "window"), ("at=noon", "at")] {
            let answer = DEMO.get(&format!("{path}?{query}")).await?;
            assert_eq!(answer.status, 400, "{path}?{query}: {}", answer.text);
            assert!(
                answer.json["error"]["message"].to_string().contains(name),
                "{}",
                answer.text
            );
        }
    }
    for query in ["direction=up", "heatmap=1"] {
        let answer = DEMO.get(&format!("series?id=c/n/w&{query}")).await?;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heatmap_counts_the_calls_of_the_series() -> Result<()> {
    let when = fixed().await?;
    let id = "Kubernetes/default/backend-v1";
    let series = DEMO
        .json(&format!(
            "series?id={id}&{when}&heatmap=true&direction=inbound"
        ))
        .await?;
    let edges = list(&series["heatmap"], "edges_ms");
    assert!(
        edges.len() > 4 && edges.last() == Some(&Value::Null),
        "{edges:?}"
    );
    let step = number(&series, "/step_s");
    let mut compared = 0;
    for (counts, rps) in list(&series["heatmap"], "counts")
        .iter()
        .zip(list(&series, "rps"))
    {
        let (Some(counts), Some(rps)) = (counts.as_array(), rps.as_f64()) else {
            continue;
        };
        assert_eq!(counts.len(), edges.len());
        let sum: f64 = counts.iter().filter_map(Value::as_f64).sum();
        assert!(
            (sum - rps * step).abs() < 1.0,
            "{sum} calls in buckets, {} in all",
            rps * step
        );
        compared += 1;
    }
    assert!(compared > 30, "{compared} points");
    // Unasked, it is not sent.
    let plain = DEMO.json(&format!("series?id={id}&{when}")).await?;
    assert!(plain["heatmap"].is_null());
    let outbound = DEMO
        .json(&format!(
            "series?id=Kubernetes/default/frontend&{when}&direction=outbound"
        ))
        .await?;
    let inbound = DEMO
        .json(&format!(
            "series?id=Kubernetes/default/frontend&{when}&direction=inbound"
        ))
        .await?;
    assert_ne!(outbound["rps"], inbound["rps"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_answer_is_not_sent_again() -> Result<()> {
    let when = fixed().await?;
    let url = format!("{}api/v1/services?{when}", DEMO.url);
    let client = reqwest::Client::builder().no_proxy().build()?;
    let first = client.get(&url).send().await?;
    let etag = first
        .headers()
        .get("etag")
        .context("an entity tag")?
        .clone();
    let again = client
        .get(&url)
        .header("if-none-match", etag)
        .send()
        .await?;
    assert_eq!(again.status().as_u16(), 304);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_described() -> Result<()> {
    let description = DEMO.json("openapi.json").await?;
    for path in [
        "overview",
        "services",
        "services/{namespace}/{name}",
        "workloads",
    ] {
        let path = format!("/api/v1/{path}")
            .replace('~', "~0")
            .replace('/', "~1");
        let known = description.pointer(&format!("/paths/{path}/get"));
        assert!(known.is_some(), "{path} is not described");
    }
    Ok(())
}

/// What a Prometheus says of how fresh it is, and of one call.
#[tokio::test(flavor = "multi_thread")]
async fn freshness_is_read_from_the_proxies_and_its_absence_takes_nothing_away() -> Result<()> {
    for (uptime, interval) in [(true, Some(15.0)), (false, None)] {
        let stub = Stub::raw(move |request| {
            let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let value = match body {
                it if it.contains("timestamp%28") && uptime => "1790000000",
                it if it.contains("count_over_time%28") && uptime => "15",
                _ => "",
            };
            let item = format!(r#"{{"metric":{{}},"value":[1,"{value}"]}}"#);
            let items = if value.is_empty() { "" } else { item.as_str() };
            let body = format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}"#
            );
            Some(response(200, "application/json", &body))
        })?;
        let pidali = Pidali::serve(&stub.url)?;
        let overview = pidali.json("overview").await?;
        let freshness = &overview["freshness"];
        assert_eq!(freshness["source"], "prometheus", "{freshness}");
        assert_eq!(
            freshness["scrape_interval_s"].as_f64(),
            interval,
            "{freshness}"
        );
        let newest = uptime.then_some(1_790_000_000_000_i64);
        assert_eq!(freshness["newest_ms"].as_i64(), newest, "{freshness}");
        assert!(list(&overview, "items").is_empty());
    }
    Ok(())
}
