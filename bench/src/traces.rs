//! Traces: a large one from the bytes of an answer to the rows of a page.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};
use mesh::trace::{Known, Search};
use server::sources::jaeger::read_search;

use crate::{Report, median, ms};

/// How many spans the trace has.
const N_SPANS: usize = 10_000;
/// Each calls so many.
const FAN_OUT: usize = 4;

/// Measures how long a large trace takes to be read, in the older dialect, and to become a tree with its critical path.
pub fn measure(report: &mut Report) -> Result<()> {
    let text = answer()?;
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
    let read = || {
        let found = read_search(text.clone().into_bytes(), false, &search)?;
        let trace = found.traces.into_iter().next().context("a trace")?;
        anyhow::Ok(mesh::trace::details(&trace, &known))
    };
    let details = read()?;
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
    let time = median(9, || {
        std::hint::black_box(read().ok());
    });
    report.promised("trace_parse_10k_ms", ms(time), "ms", 50.0);
    Ok(())
}

/// Writes a tree of calls between the proxies of forty services, with the tags that Envoy writes.
fn answer() -> Result<String> {
    let trace = "5af7183fb1d4cf5f6b221d5bc9e6496c";
    let mut out =
        String::from(r#"{"data":[{"traceID":"5af7183fb1d4cf5f6b221d5bc9e6496c","spans":["#);
    // A child begins a little after its parent and ends before it: each level has a part of the time of the one above.
    let mut times: Vec<(u64, u64)> = Vec::with_capacity(N_SPANS);
    for n in 0..N_SPANS {
        let parent = (n > 0).then(|| (n - 1) / FAN_OUT);
        let (start, duration) = match parent.and_then(|it| times.get(it)) {
            None => (1_769_860_800_000_000, 60_000_000),
            Some((start, duration)) => {
                let part = duration / (FAN_OUT as u64 + 1);
                let nth = ((n - 1) % FAN_OUT) as u64;
                (start + nth * part + part / 2, part)
            }
        };
        times.push((start, duration));
        let references = match parent {
            Some(parent) => format!(
                r#"[{{"refType":"CHILD_OF","traceID":"{trace}","spanID":"{:016x}"}}]"#,
                parent + 1
            ),
            None => "[]".to_owned(),
        };
        let service = n % 40;
        let kind = if n % 2 == 0 { "server" } else { "client" };
        let failed = if n % 97 == 0 {
            r#"{"key":"error","type":"bool","value":true},"#
        } else {
            ""
        };
        let comma = if n > 0 { "," } else { "" };
        write!(
            out,
            r#"{comma}{{"traceID":"{trace}","spanID":"{:016x}","operationName":"service-{service}.shop.svc.cluster.local:8080/*","references":{references},"startTime":{start},"duration":{duration},"tags":[{failed}{{"key":"component","type":"string","value":"proxy"}},{{"key":"node_id","type":"string","value":"sidecar~10.0.0.{service}~service-{service}-v1-abc.shop~shop.svc.cluster.local"}},{{"key":"upstream_cluster","type":"string","value":"outbound|8080|v1|service-{service}.shop.svc.cluster.local"}},{{"key":"http.method","type":"string","value":"GET"}},{{"key":"http.url","type":"string","value":"http://service-{service}.shop:8080/items/{n}"}},{{"key":"http.status_code","type":"string","value":"200"}},{{"key":"response_flags","type":"string","value":"-"}},{{"key":"guid:x-request-id","type":"string","value":"0000{n}-1111-2222-3333-444444444444"}},{{"key":"istio.canonical_service","type":"string","value":"service-{service}"}},{{"key":"istio.canonical_revision","type":"string","value":"v1"}},{{"key":"istio.namespace","type":"string","value":"shop"}},{{"key":"span.kind","type":"string","value":"{kind}"}}],"logs":[],"processID":"p{service}","warnings":null}}"#,
            n + 1
        )?;
    }
    out.push_str(r#"],"processes":{"#);
    for service in 0..40 {
        let comma = if service > 0 { "," } else { "" };
        write!(
            out,
            r#"{comma}"p{service}":{{"serviceName":"service-{service}.shop","tags":[{{"key":"ip","type":"string","value":"10.0.0.{service}"}}]}}"#
        )?;
    }
    out.push_str(r#"},"warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#);
    Ok(out)
}
