//! Traces: a large one from the bytes of an answer to the rows of a page.

use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use mesh::trace::{Known, Search};
use serde::Serialize;
use serde_json::{Map, Value, json};
use server::sources::jaeger::read_search;
use support::{Jaeger, Pidali, Prometheus};

use crate::{Report, median, ms};

/// How many spans the trace has.
const N_SPANS: usize = 10_000;
/// How often it is read.
const N_RUNS: usize = 9;
/// Each calls so many.
const FAN_OUT: usize = 4;
/// Of so many services.
const N_SERVICES: usize = 40;
/// The trace's id.
const TRACE: &str = "5af7183fb1d4cf5f6b221d5bc9e6496c";

/// Measures how long a large trace takes to be read, and how soon a page shows it.
pub fn measure(report: &mut Report) -> Result<()> {
    parse(report)?;
    rows(report)
}

/// Measures how long it takes to be read, in the older dialect, and to become a tree with its critical path.
fn parse(report: &mut Report) -> Result<()> {
    let text = serde_json::to_string(&answer(&calls(1_769_860_800_000_000)))?;
    report.beside(
        "trace_answer_10k_mib",
        text.len() as f64 / 1_048_576.0,
        "MiB",
    );
    let search = Search {
        service: "service-0.shop".to_owned(),
        limit: 1,
        ..Search::default()
    };
    let known = Known::default();
    let read = |bytes: Vec<u8>| {
        let found = read_search(bytes, false, &search)?;
        let trace = found.traces.into_iter().next().context("a trace")?;
        anyhow::Ok(mesh::trace::details(&trace, &known))
    };
    let details = read(text.clone().into_bytes())?;
    let n_critical = details
        .spans
        .iter()
        .filter(|it| !it.critical.is_empty())
        .count();
    // A bench of a trace that is no tree would measure less than a real one asks.
    if details.spans.len() != N_SPANS || n_critical < 5 || !details.warnings.is_empty() {
        bail!(
            "{} spans, {n_critical} of them critical: {:?}",
            details.spans.len(),
            details.warnings
        );
    }
    // An answer is read where it arrived: no copy of it is measured.
    let mut answers = vec![text.into_bytes(); N_RUNS + 1];
    let time = median(N_RUNS, || {
        std::hint::black_box(answers.pop().map(read));
    });
    report.promised("trace_parse_10k_ms", ms(time), "ms", 50.0);
    Ok(())
}

/// A span of the tree that is measured: calls between the proxies of forty services.
struct Call {
    n: usize,
    parent: Option<usize>,
    start_us: u64,
    duration_us: u64,
}

impl Call {
    fn id(n: usize) -> String {
        format!("{:016x}", n + 1)
    }

    fn service(&self) -> usize {
        self.n % N_SERVICES
    }

    fn is_server(&self) -> bool {
        self.n.is_multiple_of(2)
    }

    fn failed(&self) -> bool {
        self.n.is_multiple_of(97)
    }

    /// The tags that Envoy writes.
    fn tags(&self) -> Vec<(&'static str, String)> {
        let (n, service) = (self.n, self.service());
        vec![
            ("component", "proxy".to_owned()),
            (
                "node_id",
                format!(
                    "sidecar~10.0.0.{service}~service-{service}-v1-abc.shop~shop.svc.cluster.local"
                ),
            ),
            (
                "upstream_cluster",
                format!("outbound|8080|v1|service-{service}.shop.svc.cluster.local"),
            ),
            ("http.method", "GET".to_owned()),
            (
                "http.url",
                format!("http://service-{service}.shop:8080/items/{n}"),
            ),
            ("http.status_code", "200".to_owned()),
            ("response_flags", "-".to_owned()),
            (
                "guid:x-request-id",
                format!("0000{n}-1111-2222-3333-444444444444"),
            ),
            ("istio.canonical_service", format!("service-{service}")),
            ("istio.canonical_revision", "v1".to_owned()),
            ("istio.namespace", "shop".to_owned()),
        ]
    }

    fn operation(&self) -> String {
        format!("service-{}.shop.svc.cluster.local:8080/*", self.service())
    }
}

/// Returns a tree that begins at a time, in microseconds since the epoch, and takes a minute. A child begins a little
/// after its parent and ends before it: each level has a part of the time of the one above.
fn calls(start_us: u64) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::with_capacity(N_SPANS);
    for n in 0..N_SPANS {
        let parent = (n > 0).then(|| (n - 1) / FAN_OUT);
        let (start_us, duration_us) = match parent.and_then(|it| calls.get(it)) {
            None => (start_us, 60_000_000),
            Some(above) => {
                let part = above.duration_us / (FAN_OUT as u64 + 1);
                let nth = ((n - 1) % FAN_OUT) as u64;
                (above.start_us + nth * part + part / 2, part)
            }
        };
        calls.push(Call {
            n,
            parent,
            start_us,
            duration_us,
        });
    }
    calls
}

/// A span as Jaeger's older dialect writes it, member by member: its reader may hold on to their order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "traceID")]
    trace: &'static str,
    #[serde(rename = "spanID")]
    span: String,
    operation_name: String,
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    tags: Vec<Value>,
    logs: [Value; 0],
    #[serde(rename = "processID")]
    process: String,
    warnings: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace: &'static str,
    #[serde(rename = "spanID")]
    span: String,
}

#[derive(Serialize)]
struct WrittenTrace {
    #[serde(rename = "traceID")]
    trace: &'static str,
    spans: Vec<Written>,
    processes: Map<String, Value>,
    warnings: Option<()>,
}

#[derive(Serialize)]
struct Answer {
    data: [WrittenTrace; 1],
    total: u32,
    limit: u32,
    offset: u32,
    errors: Option<()>,
}

impl Written {
    fn of(call: &Call) -> Written {
        let references = call.parent.map(|parent| Reference {
            ref_type: "CHILD_OF",
            trace: TRACE,
            span: Call::id(parent),
        });
        let tag = |key: &str, value: &str| json!({"key": key, "type": "string", "value": value});
        let kind = if call.is_server() { "server" } else { "client" };
        let mut tags: Vec<Value> = call.tags().iter().map(|(key, it)| tag(key, it)).collect();
        tags.push(tag("span.kind", kind));
        if call.failed() {
            tags.push(json!({"key": "error", "type": "bool", "value": true}));
        }
        Written {
            trace: TRACE,
            span: Call::id(call.n),
            operation_name: call.operation(),
            references: references.into_iter().collect(),
            start_time: call.start_us,
            duration: call.duration_us,
            tags,
            logs: [],
            process: format!("p{}", call.service()),
            warnings: None,
        }
    }
}

/// Writes the tree as Jaeger's older dialect does.
fn answer(calls: &[Call]) -> Answer {
    let processes = (0..N_SERVICES)
        .map(|n| {
            let tags = json!([{"key": "ip", "type": "string", "value": format!("10.0.0.{n}")}]);
            (
                format!("p{n}"),
                json!({"serviceName": format!("service-{n}.shop"), "tags": tags}),
            )
        })
        .collect();
    Answer {
        data: [WrittenTrace {
            trace: TRACE,
            spans: calls.iter().map(Written::of).collect(),
            processes,
            warnings: None,
        }],
        total: 0,
        limit: 0,
        offset: 0,
        errors: None,
    }
}

/// Writes some of the tree as OTLP.
fn otlp(calls: &[Call]) -> Value {
    let resources = (0..N_SERVICES).map(|service| {
        let own = calls.iter().filter(|call| call.service() == service);
        let spans: Vec<Value> = own
            .map(|call| {
                let attribute = |(key, value): &(&str, String)| json!({"key": key, "value": {"stringValue": value}});
                let attributes: Vec<Value> = call.tags().iter().map(attribute).collect();
                json!({
                    "traceId": TRACE, "spanId": Call::id(call.n),
                    "parentSpanId": call.parent.map(Call::id).unwrap_or_default(),
                    "name": call.operation(), "kind": if call.is_server() { 2 } else { 3 },
                    "startTimeUnixNano": (call.start_us * 1000).to_string(),
                    "endTimeUnixNano": ((call.start_us + call.duration_us) * 1000).to_string(),
                    "attributes": attributes,
                    "status": if call.failed() { json!({"code": 2}) } else { json!({}) },
                })
            })
            .collect();
        let name = json!({"key": "service.name", "value": {"stringValue": format!("service-{service}.shop")}});
        json!({"resource": {"attributes": [name]}, "scopeSpans": [{"spans": spans}]})
    });
    json!({"resourceSpans": resources.collect::<Vec<_>>()})
}

/// Measures how soon the page shows the first rows of that trace, from a real Jaeger: where a person opens it in the
/// list, and where its address is opened in a new browser; beside a page with nothing on it.
fn rows(report: &mut Report) -> Result<()> {
    let jaeger = Jaeger::start()?;
    let prometheus = Prometheus::scraping(&[])?;
    let began = SystemTime::now() - Duration::from_secs(120);
    let began = began.duration_since(UNIX_EPOCH)?.as_micros();
    let calls = calls(u64::try_from(began)?);
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build()?;
        for some in calls.chunks(1_000) {
            let url = format!("{}/v1/traces", jaeger.otlp);
            let sent = client.post(url).json(&otlp(some)).send().await?;
            sent.error_for_status().context("Jaeger refused spans")?;
        }
        anyhow::Ok(())
    })?;
    let args = [
        "serve",
        "--prometheus",
        &prometheus.url,
        "--jaeger",
        &jaeger.url,
    ];
    let pidali = Pidali::start(&args)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/traces.mjs");
    let output = Command::new("node")
        .args([script, &pidali.url, TRACE])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start node; install it with: apt-get install -y nodejs")?;
    if !output.status.success() {
        bail!("{script} failed ({})", output.status);
    }
    let figures: Value =
        serde_json::from_slice(&output.stdout).context("what traces.mjs printed")?;
    let figure = |name: &str| {
        figures[name]
            .as_f64()
            .with_context(|| format!("no figure {name}"))
    };
    report.beside("trace_blank_ms", figure("blank_ms")?, "ms");
    report.beside("trace_new_browser_ms", figure("new_browser_ms")?, "ms");
    report.promised("trace_first_rows_ms", figure("first_rows_ms")?, "ms", 300.0);
    Ok(())
}
