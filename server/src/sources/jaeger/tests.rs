//! Answers of older and newer servers, and faults of an upstream, told over a real socket.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body as Sent;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use expect_test::expect;
use mesh::trace::Tag;

use super::*;

mod fuzz;

const LEGACY_OLD: &str = include_str!("tests/legacy-1.46.json");
const LEGACY_NEW: &str = include_str!("tests/legacy-2.14.json");
const V3_OLD: &str = include_str!("tests/v3-1.58.json");
const V3_NEW: &str = include_str!("tests/v3-2.19.json");

fn search() -> Search {
    Search {
        service: "cart.shop".to_owned(),
        since_us: 1_769_860_000_000_000,
        until_us: 1_769_863_600_000_000,
        limit: 20,
        ..Search::default()
    }
}

fn tags(tags: &[Tag]) -> String {
    let tags = tags.iter().map(|it| format!("{}={}", it.key, it.value));
    tags.collect::<Vec<_>>().join(" ")
}

fn named(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn told(trace: &Trace) -> String {
    let mut out = format!("{}\n", trace.id);
    for span in &trace.spans {
        let parent = span.parent.as_deref().unwrap_or("-");
        let failed = if span.is_error { " failed" } else { "" };
        writeln!(
            out,
            "  {} of {parent} {} {} [{}] {}{failed}",
            span.id,
            span.kind.as_str(),
            named(&span.process.service),
            tags(&span.process.tags),
            named(&span.operation),
        )
        .unwrap();
        writeln!(out, "    at {} for {}", span.start_us, span.duration_us).unwrap();
        if !span.tags.is_empty() {
            writeln!(out, "    {}", tags(&span.tags)).unwrap();
        }
        for log in &span.logs {
            writeln!(out, "    {}: {}", log.at_us, tags(&log.fields)).unwrap();
        }
        for warning in &span.warnings {
            writeln!(out, "    ! {warning}").unwrap();
        }
    }
    for warning in &trace.warnings {
        writeln!(out, "  ! {warning}").unwrap();
    }
    out
}

fn read(text: &str, is_v3: bool) -> String {
    let found = read_search(text.as_bytes().to_vec(), is_v3, &search()).unwrap();
    let traces: String = found.traces.iter().map(|it| told(it)).collect();
    format!("{traces}{}", found.warnings.join("\n"))
}

#[test]
fn the_older_dialect_with_values_as_text_is_read() {
    expect![[r#"
        5af7183fb1d4cf5f
          5af7183fb1d4cf5f of - client istio-ingressgateway.istio-system [ip=10.0.0.1] cart.shop.svc.cluster.local:8080/* failed
            at 1769860800000100 for 25000
            component=proxy http.status_code=503 response_flags=UO upstream_cluster=outbound|8080|v2|cart.shop.svc.cluster.local error=true span.kind=client internal.span.format=zipkin
          6b221d5bc9e6496c of 5af7183fb1d4cf5f server cart.shop [ip=10.0.0.2] cart.shop.svc.cluster.local:8080/*
            at 1769860800001100 for 20000
            http.status_code=503 istio.canonical_revision=v2 span.kind=server
            1769860800002000: event=overflow n=3
            ! clock skew adjustment disabled; not applying calculated delta of 1ms
    "#]].assert_eq(&read(LEGACY_OLD, false));
}

#[test]
fn the_older_dialect_of_a_newer_server_is_read() {
    expect![[r#"
        5af7183fb1d4cf5f6b221d5bc9e6496c
          5af7183fb1d4cf5f of - client istio-ingressgateway.istio-system [] cart.shop.svc.cluster.local:8080/* failed
            at 1769860800000100 for 25000
            component=proxy http.status_code=503 ratio=0.5 body=AAEC (base64) upstream_cluster=outbound|8080|v2|cart.shop.svc.cluster.local span.kind=client otel.status_code=ERROR error=true
          6b221d5bc9e6496c of 5af7183fb1d4cf5f server cart.shop [] cart.shop.svc.cluster.local:8080/*
            at 1769860800001100 for 20000
            http.status_code=503 istio.canonical_revision=v2 span.kind=server
            1769860800002000: event=overflow n=3
    "#]].assert_eq(&read(LEGACY_NEW, false));
}

#[test]
fn the_third_version_with_names_for_kinds_is_read() {
    expect![[r#"
        5af7183fb1d4cf5f6b221d5bc9e6496c
          5af7183fb1d4cf5f of - client istio-ingressgateway.istio-system [] cart.shop.svc.cluster.local:8080/* failed
            at 1769860800000100 for 25000
            component=proxy http.status_code=503 upstream_cluster=outbound|8080|v2|cart.shop.svc.cluster.local span.kind=client error=true
          6b221d5bc9e6496c of 5af7183fb1d4cf5f server cart.shop [] cart.shop.svc.cluster.local:8080/*
            at 1769860800001100 for 20000
            http.status_code=503 istio.canonical_revision=v2 span.kind=server
            1769860800002000: event=overflow n=3
    "#]].assert_eq(&read(V3_OLD, true));
}

#[test]
fn the_third_version_of_a_newer_server_is_read() {
    let text = V3_NEW;
    let found = otlp::traces(text.as_bytes()).unwrap();
    let traces: String = found.traces.iter().map(told).collect();
    expect![[r#"
        00000000000000000000000000000abc
          0000000000000001 of - consumer istio-ingressgateway.istio-system [host.ips=[10.0.0.1, 7]] another trace
            at 1769860801000000 for 0
            span.kind=consumer otel.scope.name=envoy otel.scope.version=1.40
            ! Its duration is negative: it is taken for no time.
        5af7183fb1d4cf5f6b221d5bc9e6496c
          5af7183fb1d4cf5f of - client istio-ingressgateway.istio-system [host.ips=[10.0.0.1, 7]] cart.shop.svc.cluster.local:8080/* failed
            at 1769860800000100 for 25000
            component=proxy http.response.status_code=503 sampled=true ratio=0.5 infinite=Infinity body=AAEC (base64) nested={a: 1, b: []} nothing= upstream_cluster=outbound|8080|v2|cart.shop.svc.cluster.local span.kind=client error=true otel.status_description=overflow otel.scope.name=envoy otel.scope.version=1.40
          6b221d5bc9e6496c of 5af7183fb1d4cf5f server cart.shop [] cart.shop.svc.cluster.local:8080/*
            at 1769860800001100 for 20000
            http.response.status_code=503 istio.canonical_revision=v2 span.kind=server
            1769860800002000: event=overflow n=3
    "#]].assert_eq(&traces);
}

#[test]
fn a_stream_of_documents_is_one_answer() {
    let twice = format!(
        "{V3_OLD}\n{}",
        V3_OLD.replace("5af7183fb1d4cf5f6b221d5bc9e6496c", "1")
    );
    let ids = |text: &str| -> Vec<String> {
        let told = otlp::traces(text.as_bytes()).unwrap();
        told.traces.iter().map(|it| it.id.clone()).collect()
    };
    assert_eq!(ids(&twice), ["1", "5af7183fb1d4cf5f6b221d5bc9e6496c"]);
    let bare = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"aa","spanId":"1"}]}]}]}"#;
    assert_eq!(ids(bare), ["aa"]);
}

#[test]
fn what_is_no_span_is_left_out_and_said() {
    let span = |id: &str, more: &str| {
        format!(
            r#"{{"traceID":"aa","spanID":{id},"operationName":"x","startTime":1769860800000100,"duration":5,"processID":"p1"{more}}}"#
        )
    };
    let spans = [
        span("\"1\"", ""),
        span("\"1\"", ""),
        span("\"not hex\"", ""),
        span(&format!("\"{}\"", "a".repeat(33)), ""),
        "null".to_owned(),
        "7".to_owned(),
        span("\"2\"", r#","references":[{"refType":"CHILD_OF","traceID":"aa","spanID":"../x"}]"#),
        span("\"3\"", r#","parentSpanID":"0000000000000000""#),
        r#"{"spanID":"4","startTime":"1769860800000100","duration":-7}"#.to_owned(),
        r#"{"spanID":"5","startTime":-1,"duration":"9223372036854775807","tags":{"key":"a"},"logs":7,"references":"x"}"#.to_owned(),
    ];
    let text = format!(
        r#"{{"data":[{{"traceID":"AA","spans":[{}],"processes":{{"p1":{{"serviceName":"cart.shop"}}}}}},{{"traceID":"zz","spans":[]}},null]}}"#,
        spans.join(",")
    );
    expect![[r#"
        aa
          1 of - internal cart.shop [] x
            at 1769860800000100 for 5
          1 of - internal cart.shop [] x
            at 1769860800000100 for 5
          2 of - internal cart.shop [] x
            at 1769860800000100 for 5
            ! The id of its parent does not read.
          3 of - internal cart.shop [] x
            at 1769860800000100 for 5
          4 of - internal - [] -
            at 1769860800000100 for 0
            ! Its duration is negative: it is taken for no time.
          5 of - internal - [] -
            at 0 for 31622400000000
            ! The time of its beginning is none.
            ! Its duration is longer than a year: it is taken for a year.
          ! 2 spans were left out: they do not read as spans.
          ! 2 spans were left out: their id is not one of 1 to 32 hexadecimal digits.
        Traces with no id that reads were left out: 2."#]]
    .assert_eq(&read(&text, false));
}

/// What a server answers to a path with its parameters.
type Answers = fn(&str) -> Response;

async fn jaeger(answers: Answers) -> (Jaeger, tokio::task::JoinHandle<std::io::Result<()>>) {
    jaeger_at("", answers).await
}

async fn jaeger_at(
    path: &str,
    answers: impl Fn(&str) -> Response + Clone + Send + Sync + 'static,
) -> (Jaeger, tokio::task::JoinHandle<std::io::Result<()>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |request: Request| {
        let answer = answers(&request.uri().to_string());
        async move { answer }
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = Settings::new(&format!("http://user:secret@{address}{path}"));
    settings.timeout = Duration::from_millis(700);
    settings.max_answer_bytes = 1024 * 1024;
    let jaeger = Jaeger::new(settings).unwrap();
    assert!(!jaeger.url().contains("secret"));
    (jaeger, server)
}

fn json(status: u16, body: impl Into<Sent>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.into(),
    )
        .into_response()
}

fn html() -> Response {
    ([(header::CONTENT_TYPE, "text/html")], "<html>").into_response()
}

fn gone() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "text/plain")],
        "404 page not found",
    )
        .into_response()
}

#[tokio::test]
async fn the_older_dialect_is_preferred_and_found_under_the_usual_path() {
    let answers: Answers = |path| match path.split('?').next().unwrap() {
        "/jaeger/api/services" => json(200, r#"{"data":["cart.shop","b"],"errors":null}"#),
        "/jaeger/api/v3/services" => json(200, r#"{"services":["cart.shop","b"]}"#),
        "/jaeger/api/traces" => {
            assert_eq!(
                path,
                "/jaeger/api/traces?service=cart.shop&start=1769860000000000&end=1769863599999999&limit=20\
                 &minDuration=1500us&tags=%7B%22error%22%3A%22true%22%7D"
            );
            json(200, LEGACY_NEW)
        }
        "/jaeger/api/services/a%2Fb/operations" => json(200, r#"{"data":["GET"]}"#),
        "/jaeger/api/dependencies" => json(
            200,
            r#"{"data":[{"parent":"b","child":"c","callCount":3},{"parent":"a","child":"b","callCount":7}]}"#,
        ),
        // It calls this plain text.
        it if it.starts_with("/jaeger/api/traces/") => (
            StatusCode::NOT_FOUND,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            r#"{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}"#,
        )
            .into_response(),
        _ => gone(),
    };
    let (jaeger, server) = jaeger(answers).await;
    assert_eq!(jaeger.services().await.unwrap(), ["b", "cart.shop"]);
    let asked = Search {
        min_duration_us: Some(1500),
        errors: true,
        ..search()
    };
    let found = jaeger.find(&asked).await.unwrap();
    assert_eq!((found.traces.len(), found.not_applied.len()), (1, 0));
    assert_eq!(jaeger.trace("ab").await.unwrap(), None);
    assert_eq!(jaeger.operations("a/b").await.unwrap(), ["GET"]);
    let called = jaeger
        .dependencies(1_000_000, Duration::from_secs(60))
        .await;
    assert_eq!(called.unwrap()[0].n_calls, 7);
    let status = jaeger.status().await.unwrap();
    assert!(status.has_legacy && status.has_v3);
    server.abort();
}

#[tokio::test]
async fn a_third_version_alone_is_asked_in_its_older_names_and_filtered_after() {
    let answers: Answers = |path| match path.split('?').next().unwrap() {
        "/api/v3/services" => json(200, r#"{"services":["cart.shop"]}"#),
        "/api/v3/operations" => json(
            200,
            r#"{"operations":[{"name":"b","spanKind":"server"},{"name":"a"},{"name":"b","spanKind":"client"}]}"#,
        ),
        "/api/v3/traces" if path.contains("service_name=nobody") => json(
            404,
            r#"{"error":{"httpCode":404,"message":"No traces found"}}"#,
        ),
        "/api/v3/traces" => {
            assert!(
                path.contains(
                    "?query.service_name=cart.shop&query.start_time_min=2026-01-31T11%3A46%3A40.000000000Z\
                     &query.start_time_max=2026-01-31T12%3A46%3A39.999999000Z&query.num_traces=20\
                     &query.duration_min=0.001500s"
                ),
                "{path}"
            );
            let other = V3_OLD
                .replace("5af7183fb1d4cf5f6b221d5bc9e6496c", "abc")
                .replace("503", "200");
            json(200, format!("{V3_OLD}{other}"))
        }
        "/api/v3/traces/ABC" => panic!("ids are in lower case"),
        "/api/v3/traces/abc" => json(200, V3_NEW),
        // Of its page, for whatever it does not know.
        _ => html(),
    };
    let (jaeger, server) = jaeger(answers).await;
    let asked = Search {
        min_duration_us: Some(1500),
        tags: vec![("http.status_code".to_owned(), "503".to_owned())],
        ..search()
    };
    let found = jaeger.find(&asked).await.unwrap();
    let ids: Vec<&str> = found.traces.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["5af7183fb1d4cf5f6b221d5bc9e6496c"]);
    assert_eq!(found.not_applied, ["tag"]);
    let nobody = Search {
        service: "nobody".to_owned(),
        ..search()
    };
    assert_eq!(jaeger.find(&nobody).await.unwrap(), Found::default());
    let one = jaeger.trace("ABC").await.unwrap().unwrap();
    assert_eq!(one.id, "00000000000000000000000000000abc");
    assert_eq!(one.spans[0].duration_us, 0);
    assert_eq!(one.spans[0].warnings.len(), 1);
    assert_eq!(jaeger.operations("x").await.unwrap(), ["a", "b"]);
    let called = jaeger.dependencies(1, Duration::from_secs(1)).await;
    assert!(matches!(called, Err(JaegerError::Unspoken)));
    server.abort();
}

#[tokio::test]
async fn a_server_that_changed_is_met_anew() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let answers: Answers = |path| {
        let is_new = ASKED.fetch_add(1, Ordering::SeqCst) >= 2;
        match (path.split('?').next().unwrap(), is_new) {
            ("/api/services", false) => json(200, r#"{"data":["a"]}"#),
            ("/api/v3/services", _) => json(200, r#"{"services":["a"]}"#),
            ("/api/v3/traces", true) => json(200, V3_OLD),
            _ => html(),
        }
    };
    let (jaeger, server) = jaeger(answers).await;
    jaeger.meet().await;
    assert!(jaeger.dialect().await.unwrap().legacy().is_some());
    let found = jaeger.find(&search()).await.unwrap();
    assert_eq!(found.traces.len(), 1);
    assert!(jaeger.dialect().await.unwrap().legacy().is_none());
    server.abort();
}

#[tokio::test]
async fn every_fault_has_its_word_and_its_mend() {
    async fn error(answers: impl Fn(&str) -> Response + Clone + Send + Sync + 'static) -> String {
        let answers = move |path: &str| match path {
            "/x/api/services" => json(200, r#"{"data":["a"]}"#),
            path if path.contains("services") => gone(),
            path => answers(path),
        };
        let (jaeger, server) = jaeger_at("/x", answers).await;
        let error = jaeger.find(&search()).await.unwrap_err();
        server.abort();
        assert!(!error.mend().is_empty());
        assert!(!error.message().contains("secret"), "{}", error.message());
        format!("{}: {}", error.kind(), error.message())
    }
    assert!(
        error(|_| html())
            .await
            .starts_with("malformed: What answers at http://127.0.0.1")
    );
    let refused = |_: &str| {
        json(
            400,
            r#"{"data":null,"errors":[{"code":400,"msg":"parameter 'service' is required"}]}"#,
        )
    };
    assert_eq!(
        error(refused).await,
        "refused: Jaeger refused the question: parameter 'service' is required."
    );
    let in_a_200 = |_: &str| json(200, r#"{"data":null,"errors":[{"msg":"no such index"}]}"#);
    assert!(error(in_a_200).await.contains("no such index"));
    let cut = |_: &str| json(200, r#"{"data":[{"traceID":"aa","spa"#);
    assert_eq!(error(cut).await, "malformed: Jaeger's answer broke off.");
    let other = |_: &str| json(200, "[1, 2]");
    assert!(
        error(other)
            .await
            .starts_with("malformed: Jaeger's answer does not read")
    );
    let unauthorized = |_: &str| json(401, "{}");
    assert!(
        error(unauthorized)
            .await
            .starts_with("refused: Jaeger did not let us in")
    );
    let away = |_: &str| {
        (
            StatusCode::FOUND,
            [(header::LOCATION, "http://127.0.0.1:1/")],
        )
            .into_response()
    };
    assert!(error(away).await.starts_with("unreachable:"));
    let broken = |_: &str| StatusCode::INTERNAL_SERVER_ERROR.into_response();
    assert_eq!(
        error(broken).await,
        "refused: Jaeger answered with status 500."
    );
    let broken = |_: &str| json(500, "oh");
    assert_eq!(
        error(broken).await,
        "refused: Jaeger answered with status 500."
    );
    let busy = |_: &str| json(503, "{}");
    assert_eq!(
        error(busy).await,
        "overloaded: Jaeger answered with status 503."
    );
    let large = |_: &str| json(200, format!(r#"{{"x":"{}""#, "y".repeat(2 * 1024 * 1024)));
    assert!(error(large).await.starts_with("too_large:"));
    let slow = |_: &str| {
        let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        json(200, Sent::from_stream(never))
    };
    assert!(error(slow).await.starts_with("too_slow:"));
}

#[tokio::test]
async fn nobody_there_is_said() {
    let jaeger = Jaeger::new(Settings::new("http://127.0.0.1:1")).unwrap();
    let error = jaeger.services().await.unwrap_err();
    assert_eq!(error.kind(), "unreachable");
    assert!(
        error.message().contains("http://127.0.0.1:1/"),
        "{}",
        error.message()
    );
    for bad in [
        "",
        "127.0.0.1:16686",
        "ftp://host/",
        "kube://istio-system/tracing",
    ] {
        assert!(Jaeger::new(Settings::new(bad)).is_err(), "{bad}");
    }
}

#[test]
fn ten_megabytes_of_tags_and_fifty_thousand_spans_are_read() {
    let tag = format!(r#"{{"key":"k","value":"{}"}}"#, "x".repeat(1_000_000));
    let heavy = format!(
        r#"{{"data":[{{"traceID":"a","spans":[{{"spanID":"1","startTime":1,"duration":1,"tags":[{}]}}]}}]}}"#,
        vec![tag; 10].join(",")
    );
    let found = read_search(heavy.into_bytes(), false, &search()).unwrap();
    assert_eq!(found.traces[0].spans[0].tags.len(), 10);
    let spans: Vec<String> = (0..50_000)
        .map(|n| format!(r#"{{"spanID":"{n:x}","startTime":1,"duration":1}}"#))
        .collect();
    let many = format!(
        r#"{{"data":[{{"traceID":"a","spans":[{}]}}]}}"#,
        spans.join(",")
    );
    let found = read_search(many.into_bytes(), false, &search()).unwrap();
    assert_eq!(found.traces[0].spans.len(), 50_000);
    let deep = format!(r#"{{"data":{}"#, "[".repeat(100_000));
    assert!(read_search(deep.into_bytes(), false, &search()).is_err());
}
