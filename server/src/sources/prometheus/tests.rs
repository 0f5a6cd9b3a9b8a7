//! Faults of an upstream, told over a real socket.

use axum::Router;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use mesh::telemetry::{Peer, Reporter, Requests, Sample};
use mesh::units::{UnixMillis, Window};

use super::*;
use crate::sources::Answer;

/// Asks for the requests of one who gives this answer to everything.
async fn asked(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Result<Answer<Vec<Sample>>, PrometheusError> {
    told(move |_| answer()).await
}

/// Asks for the requests of one who answers by what is asked.
async fn told(
    answer: impl Fn(&str) -> Response + Clone + Send + Sync + 'static,
) -> Result<Answer<Vec<Sample>>, PrometheusError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(move |form: String| {
        let answer = answer.clone();
        async move {
            let question =
                form_urlencoded::parse(form.as_bytes()).find(|(name, _)| name == "query");
            answer(
                &question
                    .map(|(_, text)| text.into_owned())
                    .unwrap_or_default(),
            )
        }
    });
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut settings = Settings::new(&format!("http://user:secret@{address}/prom"));
    settings.timeout = Duration::from_millis(700);
    settings.max_answer_bytes = 1024 * 1024;
    settings.max_samples = 100;
    let prometheus = Prometheus::new(settings).unwrap();
    assert!(!prometheus.url().contains("secret"));
    let window = Window::default();
    let answer = prometheus
        .requests(&Requests {
            window,
            at: UnixMillis(1_000_000),
        })
        .await;
    server.abort();
    answer
}

fn json(status: u16, body: impl Into<Body>) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        body.into(),
    )
        .into_response()
}

#[tokio::test]
async fn every_fault_has_its_word_and_its_mend() {
    let error = |answer: Result<Answer<Vec<Sample>>, PrometheusError>| {
        let error = answer.unwrap_err();
        assert!(!error.mend().is_empty());
        assert!(!error.message().contains("secret"), "{}", error.message());
        format!("{}: {}", error.kind(), error.message())
    };
    let html = || ([(header::CONTENT_TYPE, "text/html")], "<html>").into_response();
    assert!(error(asked(html).await).starts_with("malformed: What answers at http://127.0.0.1"));
    let refused = || {
        json(
            200,
            r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#,
        )
    };
    assert!(error(asked(refused).await).contains("parse error (bad_data)"));
    let timeout = || {
        json(
            503,
            r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#,
        )
    };
    assert_eq!(
        error(asked(timeout).await),
        "too_slow: Prometheus took longer than 0 s: query timed out."
    );
    let cut = || json(200, r#"{"status":"success","data":{"resu"#);
    assert!(error(asked(cut).await).starts_with("malformed: Prometheus's answer broke off"));
    let unauthorized = || json(401, "{}");
    assert!(error(asked(unauthorized).await).starts_with("refused:"));
    let away = || {
        (
            StatusCode::FOUND,
            [(header::LOCATION, "http://127.0.0.1:1/")],
        )
            .into_response()
    };
    assert!(error(asked(away).await).starts_with("unreachable:"));
    let broken = || StatusCode::INTERNAL_SERVER_ERROR.into_response();
    assert_eq!(
        error(asked(broken).await),
        "refused: Prometheus answered with status 500."
    );
    let large = || json(200, format!(r#"{{"x":"{}""#, "y".repeat(2 * 1024 * 1024)));
    assert!(error(asked(large).await).starts_with("too_large:"));
    let slow = || {
        let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        json(200, Body::from_stream(never))
    };
    assert!(error(asked(slow).await).starts_with("too_slow:"));
    let matrix = || {
        json(
            200,
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
        )
    };
    assert!(error(asked(matrix).await).contains("not a vector"));
}

#[tokio::test]
async fn what_can_not_be_counted_is_left_out_and_said() {
    let labels = r#""request_protocol":"http","source_workload":"web","destination_workload":"unknown","destination_canonical_revision":"latest","destination_service_name":"cart","destination_service_namespace":"shop","response_code":"503","response_flags":"UH""#;
    let item = |reporter: &str, value: &str| {
        format!(r#"{{"metric":{{"reporter":"{reporter}",{labels}}},"value":[1,"{value}"]}}"#)
    };
    let callers = [
        item("source", "2.5"),
        item("source", "NaN"),
        item("source", "+Inf"),
        item("moon", "1"),
    ];
    let servers = [item("destination", "-1"), item("destination", "2")];
    let body = |items: &[String]| {
        let items = items.join(",");
        format!(
            r#"{{"status":"success","warnings":["slow disk"],"data":{{"resultType":"vector","result":[{items}]}}}}"#
        )
    };
    let (callers, servers) = (body(&callers), body(&servers));
    let answer = told(move |question| {
        let is_servers = question.contains(r#"reporter="destination""#);
        json(200, if is_servers { &servers } else { &callers }.clone())
    });
    let answer = answer.await.unwrap();
    let values: Vec<f64> = answer.value.iter().map(|it| it.value).collect();
    assert_eq!(values, [2.5, 2.0]);
    let sample = &answer.value[0];
    assert_eq!(sample.key.destination, Peer::default());
    assert_eq!(sample.key.response.http, Some(503));
    assert!(sample.key.flags.contains("UH"));
    let said: Vec<&str> = answer.notices.iter().map(|n| n.message.as_str()).collect();
    assert!(
        said[0].contains("slow disk"),
        "once, though both say it: {said:?}"
    );
    assert!(said[1].starts_with("3 series with a value"), "{said:?}");
    assert!(
        said[2].starts_with("1 series without a known `reporter`"),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_the_source_tells_apart_and_we_do_not_is_counted_together() {
    let item = |reporter: &str, callee: &str, value: &str| {
        format!(
            r#"{{"metric":{{"reporter":"{reporter}","request_protocol":"http","source_workload":"web","destination_workload":"{callee}"}},"value":[1,"{value}"]}}"#
        )
    };
    // Istio writes `unknown`, or nothing, for what it does not know.
    let answer = told(move |question| {
        let items = if !question.contains("increase") {
            Vec::new()
        } else if question.contains(r#"reporter="destination""#) {
            vec![item("destination", "cart", "4")]
        } else {
            let callees = ["unknown", "cart", ""];
            callees.map(|callee| item("source", callee, "2")).into()
        };
        let items = items.join(",");
        json(
            200,
            format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}"#
            ),
        )
    });
    let answer = answer.await.unwrap();
    let counts = answer.value.iter().map(|it| {
        let callee = it.key.destination.workload.as_ref();
        (it.key.reporter, callee.map(ToString::to_string), it.value)
    });
    let cart = || Some("cart".to_owned());
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            (Reporter::Source, None, 4.0),
            (Reporter::Source, cart(), 2.0),
            (Reporter::Destination, cart(), 4.0),
        ]
    );
}

#[tokio::test]
async fn r6_the_template_of_the_pod_that_took_a_call_is_read_from_its_own_report() {
    let item = |reporter: &str| {
        format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"reporter":"{reporter}","request_protocol":"http","source_workload":"web","destination_workload":"pay","rollouts_pod_template_hash":"6f7c"}},"value":[1,"2"]}}]}}}}"#
        )
    };
    let answer = told(move |question| {
        let is_servers = question.contains(r#"reporter="destination""#);
        let is_asked = question.contains("rollouts_pod_template_hash");
        assert_eq!(is_servers && question.contains("increase"), is_asked);
        json(200, item(if is_servers { "destination" } else { "source" }))
    });
    let answer = answer.await.unwrap();
    let templates = answer.value.iter().map(|it| {
        let template = it.key.template.as_ref();
        (it.key.reporter, template.map(ToString::to_string))
    });
    assert_eq!(
        templates.collect::<Vec<_>>(),
        [
            (Reporter::Source, None),
            (Reporter::Destination, Some("6f7c".to_owned()))
        ]
    );
}

#[test]
fn what_is_no_address_is_refused() {
    for bad in [
        "",
        "127.0.0.1:9090",
        "ftp://host/",
        "http://",
        "file:///etc/passwd",
    ] {
        assert!(Prometheus::new(Settings::new(bad)).is_err(), "{bad}");
    }
    let prefixed = Prometheus::new(Settings::new("http://host:1/prom")).unwrap();
    assert_eq!(prefixed.url(), "http://host:1/prom/");
}
