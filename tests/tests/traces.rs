//! Traces that the built-in mesh sends to a real Jaeger, as Jaeger has them and as pidali tells them, in both dialects.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mesh::api::graph::View;
use mesh::api::trace::{Names, Ranks, SpanDetails, TraceDetails, TraceRow, Traces};
use mesh::api::{Edge, Graph, NodeKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use support::{Dialect, Jaeger, Pidali, Prometheus};

/// Jaeger as its add-on to Istio has it: under a base path.
static JAEGER: LazyLock<Jaeger> =
    LazyLock::new(|| Jaeger::start_under("/jaeger").expect("a Jaeger"));

/// The built-in mesh; a Prometheus scrapes it, and it sends its traces.
static MESH: LazyLock<Pidali> = LazyLock::new(|| {
    let args = ["demo", "--expose", "127.0.0.1:0", "--otlp", &JAEGER.otlp];
    Pidali::start(&args).expect("the built-in mesh")
});

static PROMETHEUS: LazyLock<(Prometheus, Instant)> = LazyLock::new(|| {
    let exposed = MESH.exposed.clone().expect("it is exposed");
    let target = exposed
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let prometheus = Prometheus::scraping(&[&target]).expect("a Prometheus");
    (prometheus, Instant::now())
});

/// A pidali that asks a Jaeger which speaks one dialect alone.
struct World {
    pidali: Pidali,
}

impl World {
    fn new(dialect: Dialect) -> World {
        let stub = JAEGER.speaking(dialect).expect("a way to Jaeger");
        let jaeger = format!("{}/jaeger", stub.url);
        let args = [
            "serve",
            "--prometheus",
            &PROMETHEUS.0.url,
            "--jaeger",
            &jaeger,
        ];
        let pidali = Pidali::start(&args).expect("pidali");
        World { pidali }
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let json = self.pidali.json(path).await?;
        serde_json::from_value(json.clone()).with_context(|| format!("{path}: {json}"))
    }

    /// The failing calls of the canary, once the graph knows its edges.
    async fn failing(&self) -> Result<Vec<TraceRow>> {
        // Edges are born with two scrapes; rare ones take longer.
        let rest = Duration::from_secs(30).saturating_sub(PROMETHEUS.1.elapsed());
        tokio::time::sleep(rest).await;
        let found: Traces = self
            .ask(
                "traces?namespace=payments&service=payments&version=v2&errors=true&window=15m&limit=500",
            )
            .await?;
        ensure!(!found.items.is_empty(), "no failing trace: {found:?}");
        Ok(found.items)
    }
}

impl World {
    /// The youngest trace of a checkout: the metrics of its time are there, too.
    async fn youngest(&self) -> Result<TraceRow> {
        let rest = Duration::from_secs(30).saturating_sub(PROMETHEUS.1.elapsed());
        tokio::time::sleep(rest).await;
        let found: Traces = self
            .ask("traces?namespace=shop&service=checkout&window=1m&limit=20")
            .await?;
        let youngest = found.items.into_iter().next();
        youngest.context("no trace of a checkout")
    }
}

static LEGACY: LazyLock<World> = LazyLock::new(|| World::new(Dialect::Legacy));
static V3: LazyLock<World> = LazyLock::new(|| World::new(Dialect::V3));

/// Every test runs against the same real Jaeger, once in each dialect.
macro_rules! in_each_dialect {
    ($($name:ident),* $(,)?) => {
        mod in_the_legacy_dialect {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(&super::LEGACY).await
            })*
        }
        mod in_v3 {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name(&super::V3).await
            })*
        }
    };
}

in_each_dialect!(
    services_trace_under_their_names_and_others_are_left_over,
    failing_calls_of_the_canary_have_failing_traces,
    a_trace_passes_edges_of_the_graph,
    a_span_says_why_it_failed,
    calls_stand_among_all_calls_of_their_edge,
    what_is_not_there_is_said_in_words,
    sources_say_that_jaeger_is_there,
    the_graph_shows_what_only_traces_know,
);

async fn services_trace_under_their_names_and_others_are_left_over(world: &World) -> Result<()> {
    world.failing().await?;
    let names: Names = world.ask("traces/names").await?;
    let row = |namespace: &str, service: &str| {
        let found = names
            .items
            .iter()
            .find(|it| it.namespace == namespace && it.service == service);
        found.with_context(|| format!("{service}.{namespace} is no service"))
    };
    let payments = row("payments", "payments")?;
    assert_eq!(payments.found, ["payments.payments"]);
    assert_eq!(payments.explanation, None);
    let users = row("platform", "users")?;
    assert_eq!(users.found, Vec::<String>::new());
    assert!(users.explanation.is_some());
    // What somebody has to say whose it is.
    for name in ["accounts", "mailer"] {
        assert!(
            names.unclaimed.iter().any(|it| it == name),
            "{name} is not among {:?}",
            names.unclaimed
        );
    }
    Ok(())
}

async fn the_graph_shows_what_only_traces_know(world: &World) -> Result<()> {
    world.failing().await?;
    let start = Instant::now();
    let graph: Graph = loop {
        let graph: Graph = world.ask("graph?window=1m").await?;
        let traced = |it: &&Edge| it.traced.is_some();
        let n_others = graph.nodes.iter().filter(|it| it.kind == NodeKind::Traced);
        if n_others.count() == 1 && graph.edges.iter().any(|it| traced(&it)) {
            break graph;
        }
        ensure!(
            start.elapsed() < Duration::from_secs(90),
            "{:?}",
            graph.nodes.iter().map(|it| &it.id).collect::<Vec<_>>()
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    // The consumer of a queue; `users`, which traces as `accounts`, is a workload that the graph knows.
    let mailer = graph.nodes.iter().find(|it| it.kind == NodeKind::Traced);
    let mailer = mailer.context("nobody is known by traces alone")?;
    assert_eq!(mailer.id, "-/-/traced/mailer");
    assert!(mailer.inbound.is_none() && mailer.outbound.is_none());
    let edges: Vec<&Edge> = graph
        .edges
        .iter()
        .filter(|it| it.traced.is_some())
        .collect();
    for edge in &edges {
        assert_eq!((edge.view, edge.traffic.requests), (View::Traces, 0.0));
        assert!(
            edge.health.reason.contains("sampled"),
            "{}",
            edge.health.reason
        );
    }
    let orders = edges.iter().find(|it| it.to == mailer.id);
    let orders = orders.context("nobody calls it")?;
    assert_eq!(
        orders.id,
        format!("Kubernetes/shop/orders->{}:traced", mailer.id)
    );
    assert!(orders.traced.is_some_and(|it| 0 < it.n_calls));
    Ok(())
}

async fn failing_calls_of_the_canary_have_failing_traces(world: &World) -> Result<()> {
    let rows = world.failing().await?;
    assert!(rows.is_sorted_by_key(|it| std::cmp::Reverse(it.start_us)));
    for row in &rows {
        let matched = row.matched.as_ref().context("no call is named")?;
        assert!(matched.failed && 0 < row.n_errors);
        assert_eq!(matched.version.as_deref(), Some("v2"));
        let status = matched.status.as_deref().unwrap_or_default();
        assert!(status.starts_with("50"), "{status}");
        assert_eq!(row.service, "istio-ingressgateway.istio-system");
        assert_eq!(row.n_orphans, 0);
        let has = |name: &str| row.services.iter().any(|it| it.name == name);
        assert!(has("checkout.shop") && has("payments.payments"));
    }
    // The same filter by the edge that the graph draws.
    let edge = "Kubernetes/shop/checkout->Kubernetes/payments/payments-v2:http";
    let by_edge: Traces = world
        .ask(&format!(
            "traces?edge={edge}&errors=true&window=15m&limit=500"
        ))
        .await?;
    let ids: BTreeSet<&str> = by_edge.items.iter().map(|it| it.id.as_str()).collect();
    assert!(rows.iter().any(|it| ids.contains(it.id.as_str())));
    Ok(())
}

async fn a_trace_passes_edges_of_the_graph(world: &World) -> Result<()> {
    let row = world.youngest().await?;
    let trace: TraceDetails = world.ask(&format!("traces/{}", row.id)).await?;
    assert_eq!(trace.id, row.id);
    assert_eq!(trace.spans.len(), row.n_spans as usize);
    assert_eq!(trace.n_errors, row.n_errors);
    assert_eq!(trace.warnings, Vec::<String>::new());
    assert!(trace.spans.iter().any(|it| !it.critical.is_empty()));
    // The first rows alone are those of the whole, and say that they are not all.
    let first: TraceDetails = world.ask(&format!("traces/{}?first=2", row.id)).await?;
    assert!(first.is_part() && !trace.is_part());
    let whole = TraceDetails {
        spans: first.spans.clone(),
        ..trace.clone()
    };
    assert_eq!(first.spans, trace.spans[..2]);
    assert_eq!(first, whole);
    for bad in ["first=0", "first=many", "first=1&first=2", "last=1"] {
        let refused = world
            .pidali
            .get(&format!("traces/{}?{bad}", row.id))
            .await?;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.text);
    }
    for (idx, span) in trace.spans.iter().enumerate() {
        assert!(span.parent.is_none_or(|parent| (parent as usize) < idx));
        assert!((span.service as usize) < trace.services.len());
    }

    let graph = world
        .pidali
        .json("graph?by=workload&window=15m&include=traffic")
        .await?;
    let drawn: BTreeSet<&str> = graph["edges"]
        .as_array()
        .context("edges")?
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    let passed: Vec<&str> = trace.edges.iter().map(|it| it.id.as_str()).collect();
    // A rare call may not have come again since the first scrape.
    let unknown: Vec<&&str> = passed.iter().filter(|it| !drawn.contains(**it)).collect();
    assert!(
        unknown.len() * 5 <= passed.len(),
        "{unknown:?} of {passed:?}"
    );
    let taken = "Kubernetes/shop/web->Kubernetes/shop/checkout:http";
    let edge = trace.edges.iter().find(|it| it.id == taken);
    let edge = edge.with_context(|| format!("{taken} is not among {passed:?}"))?;
    assert!(0 < edge.n_calls && edge.n_errors <= edge.n_calls);
    assert!(drawn.contains(taken));
    Ok(())
}

async fn a_span_says_why_it_failed(world: &World) -> Result<()> {
    let row = world.failing().await?.swap_remove(0);
    let span = row.matched.context("no call is named")?.span;
    let details: SpanDetails = world
        .ask(&format!("traces/{}/spans/{span}", row.id))
        .await?;
    let tag = |key: &str| {
        let found = details.tags.iter().find(|it| it.key == key);
        found.map_or("", |it| it.value.as_str())
    };
    assert_eq!(tag("error"), "true");
    assert!(tag("http.status_code").starts_with("50"));
    assert_eq!(tag("component"), "proxy");
    assert!(tag("node_id").starts_with("sidecar~"));
    assert!(["-", "UT"].contains(&tag("response_flags")));
    Ok(())
}

async fn calls_stand_among_all_calls_of_their_edge(world: &World) -> Result<()> {
    let row = world.youngest().await?;
    let trace: TraceDetails = world.ask(&format!("traces/{}", row.id)).await?;
    let ranks: Ranks = world.ask(&format!("traces/{}/ranks", row.id)).await?;
    assert!(!ranks.items.is_empty());
    assert!(ranks.items.is_sorted_by(|a, b| a.span <= b.span));
    for rank in &ranks.items {
        assert!(0.0 <= rank.faster_from && rank.faster_from <= rank.faster_to);
        assert!(rank.faster_to <= 1.0 && 0.0 < rank.n_calls);
        let span = trace.spans.iter().find(|it| it.id == rank.span);
        let edge = span.and_then(|it| trace.edges.get(it.edge? as usize));
        assert_eq!(edge.map(|it| it.id.as_str()), Some(rank.edge.as_str()));
    }
    Ok(())
}

async fn what_is_not_there_is_said_in_words(world: &World) -> Result<()> {
    let unknown = world
        .pidali
        .get("traces/0123456789abcdef0123456789abcdef")
        .await?;
    assert_eq!(unknown.status, 404, "{}", unknown.text);
    let nonsense = world.pidali.get("traces/not-an-id").await?;
    assert!([400, 404].contains(&nonsense.status), "{}", nonsense.text);
    let nobody: Traces = world.ask("traces?name=nobody&window=15m").await?;
    assert_eq!(nobody.items, []);
    assert!(nobody.asked.iter().all(|it| !it.is_known));
    Ok(())
}

async fn sources_say_that_jaeger_is_there(world: &World) -> Result<()> {
    world.failing().await?;
    let sources = world.pidali.json("sources").await?;
    let all = sources["items"].as_array().context("items")?;
    let jaeger = all.iter().find(|it| it["kind"] == "jaeger");
    let jaeger = jaeger.with_context(|| format!("no Jaeger among {sources}"))?;
    assert_eq!(jaeger["reachable"], true, "{jaeger}");
    Ok(())
}

mod as_jaeger_has_them {
    use super::*;

    /// The names that Jaeger lists, in this dialect.
    async fn listed(jaeger: &str, path: &str, list: &str) -> Result<BTreeSet<String>> {
        let answer = MESH.fetch(&format!("{jaeger}{path}"), &[]).await?;
        let names = answer.json[list].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn both_dialects_list_who_traces() -> Result<()> {
        LazyLock::force(&MESH);
        let start = Instant::now();
        loop {
            let legacy = listed(&JAEGER.url, "/api/services", "data").await?;
            let v3 = listed(&JAEGER.url, "/api/v3/services", "services").await?;
            let all = ["istio-ingressgateway.istio-system", "payments.payments"];
            let others = ["accounts", "mailer", "waypoint.media"];
            let has_all =
                |names: &BTreeSet<String>| all.iter().chain(&others).all(|it| names.contains(*it));
            if has_all(&legacy) && has_all(&v3) {
                return Ok(());
            }
            ensure!(
                start.elapsed() < Duration::from_secs(30),
                "{legacy:?} and {v3:?}"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_of_one_dialect_does_not_know_the_other() -> Result<()> {
        for (dialect, known, unknown) in [
            (Dialect::Legacy, "/api/services", "/api/v3/services"),
            (Dialect::V3, "/api/v3/services", "/api/services"),
        ] {
            let jaeger = JAEGER.speaking(dialect)?.url + "/jaeger";
            let status = async |path| -> Result<u16> {
                Ok(MESH.fetch(&format!("{jaeger}{path}"), &[]).await?.status)
            };
            assert_eq!(status(known).await?, 200);
            assert_eq!(status(unknown).await?, 404);
        }
        Ok(())
    }
}
