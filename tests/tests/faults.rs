//! A Prometheus that misbehaves: every fault is named, with cause and mend; never a hang, a panic or a
//! wrong number.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use support::{Answer, Pidali, Stub, question_of, response};

const JSON: &str = "application/json";

/// Asks for the graph of a pidali on this upstream.
async fn graph_on(upstream: &str) -> Result<(Answer, Pidali)> {
    let pidali = Pidali::serve(upstream)?;
    let answer = pidali.get("graph").await?;
    Ok((answer, pidali))
}

/// The error of an answer that must be one: kind, message and hint, each with words in it.
fn error(answer: &Answer) -> Result<(String, String)> {
    assert!(answer.status >= 500, "{} {}", answer.status, answer.text);
    let error = &answer.json["error"];
    let text = |field: &str| error[field].as_str().map(str::to_owned);
    let message = text("message").with_context(|| answer.text.clone())?;
    let hint = text("hint").with_context(|| format!("no mend: {}", answer.text))?;
    assert!(
        message.contains("Prometheus") || message.contains("prometheus"),
        "{message}"
    );
    Ok((message, hint))
}

/// One sample of Istio's requests with these labels changed.
fn vector(samples: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#)
}

fn sample(from: &str, to: &str, code: &str, value: &str) -> String {
    format!(
        r#"{{"metric":{{"reporter":"source","source_workload":"{from}","source_workload_namespace":"a","source_cluster":"k","destination_workload":"{to}","destination_workload_namespace":"a","destination_cluster":"k","destination_service_name":"{to}","destination_service_namespace":"a","request_protocol":"http","response_code":"{code}","response_flags":"-"}},"value":[1.0,"{value}"]}}"#
    )
}

/// Answers questions about the requests that callers report with `samples`, everything else with nothing.
fn requests_are(samples: String) -> Result<Stub> {
    Stub::raw(move |request| {
        let question = question_of(request);
        let about_requests = question.contains("istio_requests_total{reporter!=");
        let body = vector(if about_requests { &samples } else { "" });
        Some(response(200, JSON, &body))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there() -> Result<()> {
    let (answer, pidali) = graph_on("http://127.0.0.1:9").await?;
    let (message, _) = error(&answer)?;
    assert!(message.contains("127.0.0.1:9"), "{message}");
    // The rest still answers.
    let sources = pidali.json("sources").await?;
    assert_eq!(sources["items"][0]["reachable"], false, "{sources}");
    let ready = pidali.fetch(&format!("{}readyz", pidali.url), &[]).await?;
    assert_eq!(ready.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_slow() -> Result<()> {
    let stub = Stub::silent()?;
    let pidali = Pidali::start(&[
        "serve",
        "--prometheus",
        &stub.url,
        "--prometheus-timeout",
        "2",
    ])?;
    let start = Instant::now();
    let (message, _) = error(&pidali.get("graph").await?)?;
    assert!(
        message.contains("2 s") || message.contains("time"),
        "{message}"
    );
    assert!(start.elapsed() < Duration::from_secs(30), "it hung");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_page_instead_of_figures() -> Result<()> {
    let stub = Stub::says(200, "text/html", "<html><title>Sign in</title></html>")?;
    let (answer, _pidali) = graph_on(&stub.url).await?;
    let (message, hint) = error(&answer)?;
    assert!(
        message.to_lowercase().contains("html") || message.contains("JSON"),
        "{message}"
    );
    assert!(
        !hint.is_empty() && !answer.text.contains("<title>"),
        "{}",
        answer.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_in_a_200() -> Result<()> {
    let body = r#"{"status":"error","errorType":"execution","error":"query processing would load too many samples"}"#;
    let (answer, _pidali) = graph_on(&Stub::says(200, JSON, body)?.url).await?;
    let (message, _) = error(&answer)?;
    assert!(message.contains("too many samples"), "{message}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_by_status() -> Result<()> {
    for (status, word) in [
        (401, "401"),
        (403, "403"),
        (404, "404"),
        (500, "500"),
        (503, "503"),
    ] {
        let (answer, _pidali) = graph_on(&Stub::says(status, "text/plain", "no")?.url).await?;
        let (message, _) = error(&answer)?;
        assert!(message.contains(word), "{status}: {message}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_cut_off() -> Result<()> {
    let whole = vector(&sample("web", "cart", "200", "10"));
    let half = whole[..whole.len() / 2].to_owned();
    let length = whole.len();
    // By length, and by a chunk that never comes.
    for head in [
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\ncontent-length: {length}\r\n\r\n{half}"
        ),
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{half}\r\n",
            half.len()
        ),
        format!("HTTP/1.1 200 OK\r\ncontent-type: {JSON}\r\nconnection: close\r\n\r\n{half}"),
    ] {
        let bytes = head.into_bytes();
        let (answer, _pidali) = graph_on(&Stub::raw(move |_| Some(bytes.clone()))?.url).await?;
        error(&answer)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_that_are_none() -> Result<()> {
    let samples = [
        sample("web", "cart", "200", "10"),
        sample("web", "cart", "500", "NaN"),
        sample("web", "stock", "200", "+Inf"),
        sample("web", "users", "200", "-5"),
    ]
    .join(",");
    let (answer, _pidali) = graph_on(&requests_are(samples)?.url).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let edges = answer.json["edges"].as_array().context("edges")?;
    let cart = edges
        .iter()
        .find(|e| e["to"] == "k/a/cart")
        .context("the good edge")?;
    assert_eq!(cart["requests"], 10.0);
    assert_eq!(cart["errors"], 0.0);
    for edge in edges {
        let requests = edge["requests"].as_f64().context("a number")?;
        assert!(requests.is_finite() && requests >= 0.0, "{edge}");
    }
    let notices = answer.json["notices"].to_string();
    assert!(
        notices.contains("3 series with a value that is no count"),
        "it is said that samples were left out: {notices}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_are_missing() -> Result<()> {
    let bare = r#"{"metric":{},"value":[1.0,"3"]}"#;
    let samples = format!("{},{bare}", sample("web", "cart", "200", "10"));
    let (answer, _pidali) = graph_on(&requests_are(samples)?.url).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains("k/a/cart"));
    assert!(
        answer.json["notices"].to_string().contains("label"),
        "{}",
        answer.json["notices"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_would_be_markup_stay_text() -> Result<()> {
    let name = r"<img src=x onerror=alert(1)>";
    let samples = sample(name, r#"quo\"te\\d"#, "200", "10");
    let (answer, _pidali) = graph_on(&requests_are(samples)?.url).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let nodes = answer.json["nodes"].as_array().context("nodes")?;
    let names: Vec<&str> = nodes.iter().filter_map(|n| n["name"].as_str()).collect();
    assert!(
        names.contains(&name) && names.contains(&"quo\"te\\d"),
        "{names:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end() -> Result<()> {
    // More series than any mesh has.
    let endless = format!(
        "{}{}",
        r#"{"metric":{"reporter":"source"},"value":[1,"1"]},"#.repeat(2_100_000),
        r#"{"metric":{},"value":[1,"1"]}"#
    );
    let endless = response(200, JSON, &vector(&endless));
    let stub = Stub::raw(move |request| {
        if request.contains("__name__") {
            return Some(response(200, JSON, &vector("")));
        }
        Some(endless.clone())
    })?;
    let (answer, pidali) = graph_on(&stub.url).await?;
    let (message, hint) = error(&answer)?;
    assert!(message.contains("more than 2000000 samples"), "{message}");
    assert!(!hint.is_empty());
    assert!(pidali.peak_mib()? < 600.0, "{} MiB", pidali.peak_mib()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_namespaces() -> Result<()> {
    let samples: Vec<String> = (0..10_000)
        .map(|n| sample("web", "cart", "200", "10").replace("\"a\"", &format!("\"ns{n}\"")))
        .collect();
    let stub = requests_are(samples.join(","))?;
    let pidali = Pidali::serve(&stub.url)?;
    let namespaces = pidali.json("namespaces").await?;
    let n = namespaces["items"].as_array().map_or(0, Vec::len);
    assert!(n > 0, "{namespaces}");
    assert!(
        n == 10_000 || namespaces["notices"].to_string().len() > 2,
        "{n}, and nothing said"
    );
    let one = pidali.json("graph?namespaces=ns77").await?;
    assert_eq!(one["edges"].as_array().map(Vec::len), Some(1));
    let all = pidali.get("graph?fold=auto").await?;
    assert!(
        all.status == 200 || all.json["error"]["hint"].is_string(),
        "{}",
        all.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_told() -> Result<()> {
    let stub = Stub::says(401, "text/plain", "no")?;
    let with_password = stub.url.replace("http://", "http://user:hunter2@");
    if let Ok(pidali) = Pidali::serve(&with_password) {
        for path in ["graph", "sources"] {
            let answer = pidali.get(path).await?;
            assert!(!answer.text.contains("hunter2"), "{path}: {}", answer.text);
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_without_istio_is_said_to_be_one() -> Result<()> {
    let (answer, _pidali) = graph_on(&Stub::says(200, JSON, vector(""))?.url).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json["nodes"], Value::Array(vec![]));
    assert!(
        answer.json["notices"]
            .to_string()
            .contains("no metrics of Istio"),
        "{}",
        answer.json["notices"]
    );
    Ok(())
}
