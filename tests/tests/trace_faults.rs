//! A Jaeger that misbehaves, or that is not there: every fault is named, with cause and mend; the graph lives on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use support::{Answer, Pidali, Stub, response};

const JSON: &str = "application/json";
const NO_SAMPLES: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

/// A pidali on a Prometheus without a sample, and on this Jaeger.
fn on(jaeger: &str) -> Result<(Pidali, Stub)> {
    let prometheus = Stub::says(200, JSON, NO_SAMPLES)?;
    let args = [
        "serve",
        "--prometheus",
        &prometheus.url,
        "--jaeger-timeout",
        "2",
    ];
    let more: &[&str] = if jaeger.is_empty() {
        &[]
    } else {
        &["--jaeger", jaeger]
    };
    let pidali = Pidali::start(&[&args[..], more].concat())?;
    Ok((pidali, prometheus))
}

/// The error of an answer that must be one: status, kind and message; it has a mend.
fn error(answer: &Answer) -> Result<String> {
    let error = &answer.json["error"];
    let text = |field: &str| error[field].as_str().map(str::to_owned);
    let hint = text("hint").with_context(|| format!("no mend: {}", answer.text))?;
    assert!(!hint.is_empty());
    let (kind, message) = text("kind").zip(text("message")).context("an error")?;
    Ok(format!("{} {kind}: {message}", answer.status))
}

/// A Jaeger of the older dialect that answers searches with `body`.
fn finds(status: u16, kind: &'static str, body: String) -> Result<Stub> {
    Stub::raw(move |request| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        Some(if path.starts_with("/jaeger/api/services") {
            response(
                200,
                JSON,
                r#"{"data":["web.shop","cart.shop"],"errors":null}"#,
            )
        } else if path.starts_with("/jaeger/api/traces") {
            response(status, kind, &body)
        } else {
            response(404, "text/plain", "404 page not found")
        })
    })
}

/// The rest of the page, which hangs on no trace.
async fn lives(pidali: &Pidali) -> Result<()> {
    for path in ["graph", "services", "sources"] {
        let answer = pidali.get(path).await?;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_jaeger_everything_else_works() -> Result<()> {
    let (pidali, _prometheus) = on("")?;
    for path in [
        "traces",
        "traces/names",
        "traces/ab",
        "traces/ab/ranks",
        "traces/ab/spans/1",
    ] {
        let told = error(&pidali.get(path).await?)?;
        assert!(
            told.starts_with("404 no_tracing: No Jaeger is asked"),
            "{told}"
        );
    }
    lives(&pidali).await?;
    let sources = pidali.json("sources").await?;
    assert!(
        sources["notices"].to_string().contains("--jaeger"),
        "{sources}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there() -> Result<()> {
    let (pidali, _prometheus) = on("http://user:hunter2@127.0.0.1:9")?;
    let answer = pidali.get("traces").await?;
    let told = error(&answer)?;
    assert!(
        told.starts_with("502 unreachable: Jaeger at http://127.0.0.1:9/"),
        "{told}"
    );
    lives(&pidali).await?;
    let sources = pidali.json("sources").await?;
    let jaeger = &sources["items"][1];
    assert_eq!(
        (&jaeger["name"], &jaeger["reachable"]),
        (&"jaeger".into(), &false.into())
    );
    assert!(!sources.to_string().contains("hunter2") && !answer.text.contains("hunter2"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_slow() -> Result<()> {
    let stub = Stub::silent()?;
    let (pidali, _prometheus) = on(&stub.url)?;
    let begun = Instant::now();
    let told = error(&pidali.get("traces").await?)?;
    assert!(
        told.starts_with("504 too_slow: Jaeger took longer than 2 s"),
        "{told}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20), "it hung");
    lives(&pidali).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_named() -> Result<()> {
    let html = || "<html><title>Sign in</title></html>".to_owned();
    for (status, kind, body, wanted) in [
        (200, "text/html", html(), "502 malformed: What answers at"),
        (
            500,
            "text/plain",
            "no".to_owned(),
            "502 refused: Jaeger answered with status 500",
        ),
        (
            200,
            JSON,
            r#"{"data":[{"traceID":"aa","spa"#.to_owned(),
            "502 malformed: Jaeger's answer broke off",
        ),
        (
            200,
            JSON,
            r#"{"data":null,"errors":[{"code":500,"msg":"no such index"}]}"#.to_owned(),
            "502 refused: Jaeger refused the question: no such index",
        ),
    ] {
        let stub = finds(status, kind, body)?;
        let (pidali, _prometheus) = on(&stub.url)?;
        let answer = pidali.get("traces?name=web.shop").await?;
        let told = error(&answer)?;
        assert!(told.starts_with(wanted), "{told}");
        assert!(!answer.text.contains("<title>"));
        lives(&pidali).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_other_characters_are_our_error() -> Result<()> {
    let stub = finds(200, JSON, r#"{"data":[]}"#.to_owned())?;
    let (pidali, _prometheus) = on(&stub.url)?;
    for id in ["xyz", "..%2F..%2Fapi", "a%20b", &"a".repeat(33)] {
        for more in ["", "/ranks", "/spans/1"] {
            let told = error(&pidali.get(&format!("traces/{id}{more}")).await?)?;
            assert!(told.starts_with("400 bad_parameter:"), "{id}{more}: {told}");
        }
    }
    let told = error(&pidali.get("traces/ab").await?)?;
    assert!(
        told.starts_with("404 not_found: There is no trace `ab`"),
        "{told}"
    );
    let told = error(&pidali.get("traces?limit=0").await?)?;
    assert!(
        told.starts_with("400 bad_parameter: The parameter `limit`"),
        "{told}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_spans_are_shown() -> Result<()> {
    let spans: Vec<String> = (0..50_000)
        .map(|n| {
            let parent = if n == 0 { String::new() } else { format!(r#"{{"refType":"CHILD_OF","traceID":"ab","spanID":"{:x}"}}"#, n / 2) };
            format!(r#"{{"traceID":"ab","spanID":"{n:x}","operationName":"x","references":[{parent}],"startTime":{},"duration":1000,"processID":"p1","tags":[{{"key":"n","value":{n}}}]}}"#, 1_769_860_800_000_000_i64 + n)
        })
        .collect();
    let body = format!(
        r#"{{"data":[{{"traceID":"ab","spans":[{}],"processes":{{"p1":{{"serviceName":"web.shop"}}}}}}]}}"#,
        spans.join(",")
    );
    let stub = finds(200, JSON, body)?;
    let (pidali, _prometheus) = on(&stub.url)?;
    let trace = pidali.json("traces/ab").await?;
    assert_eq!(trace["spans"].as_array().map(Vec::len), Some(50_000));
    let span = pidali.json("traces/ab/spans/c34f").await?;
    assert_eq!(span["tags"][0]["value"], "49999", "{span}");
    let listed = pidali.json("traces?name=web.shop").await?;
    assert_eq!(listed["items"][0]["n_spans"], 50_000);
    assert_eq!(listed["asked"][0]["n_traces"], 1);
    assert!(pidali.peak_mib()? < 400.0, "{} MiB", pidali.peak_mib()?);
    Ok(())
}
