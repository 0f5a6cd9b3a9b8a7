//! What the graph asks of a Prometheus: how often, how widely, in what order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use mesh::api::query::to_rfc3339;
use mesh::units::UnixMillis;
use support::{Pidali, Stub, is_about_targets, question_of, response};

/// A Prometheus that remembers what it was asked. Two workloads call each other.
struct Asked {
    stub: Stub,
    questions: Arc<Mutex<Vec<String>>>,
    holds_back: Arc<AtomicBool>,
    /// Whether a target told new series.
    has_news: Arc<AtomicBool>,
    /// Whether new series are counted.
    counts_news: Arc<AtomicBool>,
    /// Whether that target has ended, too.
    has_ended: Arc<AtomicBool>,
}

const CALL: &str = r#"{"metric":{"reporter":"source","request_protocol":"http","response_code":"200",
    "source_workload":"web","source_workload_namespace":"shop","source_cluster":"Kubernetes",
    "source_canonical_service":"web","source_canonical_revision":"v1",
    "destination_workload":"cart","destination_workload_namespace":"shop","destination_cluster":"Kubernetes",
    "destination_canonical_service":"cart","destination_canonical_revision":"v1",
    "destination_service_name":"cart","destination_service_namespace":"shop"},"value":[1,"60"]}"#;

/// A target told a new series, or was there when the window began.
const NEW: &str = r#"{"metric":{"job":"mesh","instance":"web:15020"},"value":[1,"1"]}"#;
/// It answers no more.
const ENDED: &str =
    r#"{"metric":{"job":"mesh","instance":"web:15020","ended":"yes"},"value":[1,"-1"]}"#;

impl Asked {
    fn new() -> Result<Asked> {
        let questions = Arc::new(Mutex::new(Vec::new()));
        let holds_back = Arc::new(AtomicBool::new(false));
        let has_news = Arc::new(AtomicBool::new(true));
        let (heard, held) = (Arc::clone(&questions), Arc::clone(&holds_back));
        let counts_news = Arc::new(AtomicBool::new(true));
        let has_ended = Arc::new(AtomicBool::new(false));
        let (news, counts) = (Arc::clone(&has_news), Arc::clone(&counts_news));
        let ended = Arc::clone(&has_ended);
        let stub = Stub::raw(move |request| {
            let question = question_of(request);
            if let Ok(mut questions) = heard.lock() {
                questions.push(question.clone());
            }
            while question.contains("_bucket") && held.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let json = |items: &str| {
                let body = format!(
                    r#"{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}"#
                );
                Some(response(200, "application/json", &body))
            };
            if question.contains("median_over_time") {
                let body =
                    r#"{"status":"error","errorType":"bad_data","error":"unknown function"}"#;
                return Some(response(400, "application/json", body));
            }
            let is_counted = counts.load(Ordering::Relaxed);
            if question == "count(scrape_series_added)" && is_counted {
                return json(r#"{"metric":{},"value":[1,"1"]}"#);
            }
            let is_beginning = question.starts_with("(up") && !is_counted;
            let has_news = news.load(Ordering::Relaxed);
            if is_about_targets(&question) {
                let mut rows = Vec::new();
                if has_news || is_beginning {
                    rows.push(NEW);
                }
                if ended.load(Ordering::Relaxed) && !question.starts_with("(up") {
                    rows.push(ENDED);
                }
                return json(&rows.join(","));
            }
            let counts = question.contains("increase(istio_requests_total{reporter!=")
                || question.contains("increase(workload:istio_requests_total{reporter!=");
            json(if counts { CALL } else { "" })
        })?;
        Ok(Asked {
            stub,
            questions,
            holds_back,
            has_news,
            counts_news,
            has_ended,
        })
    }

    /// The questions so far about this metric.
    fn about(&self, metric: &str) -> Vec<String> {
        let questions = self
            .questions
            .lock()
            .map(|it| it.clone())
            .unwrap_or_default();
        questions
            .into_iter()
            .filter(|it| it.contains(metric))
            .collect()
    }
}

fn a_minute_ago() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let secs = since.map_or(0, |it| it.as_secs()) as i64 - 60;
    to_rfc3339(UnixMillis(secs * 1000))
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_one_question_for_each_view_of_the_whole_mesh_whatever_is_looked_at() -> Result<()> {
    let asked = Asked::new()?;
    let pidali = Pidali::serve(&asked.stub.url)?;
    let at = a_minute_ago();
    for by in ["workload", "version", "app", "service"] {
        for more in [
            "",
            "&namespaces=shop",
            "&namespaces=shop,bank",
            "&fold=auto",
            "&include=traffic",
        ] {
            let graph = pidali.json(&format!("graph?at={at}&by={by}{more}")).await?;
            assert_eq!(
                graph["edges"].as_array().map(Vec::len),
                Some(1),
                "{by}{more}"
            );
        }
    }
    let requests = asked.about("istio_requests_total");
    assert_eq!(
        requests.len(),
        3,
        "what rose in each view, and what is new: {requests:#?}"
    );
    let tcp = asked.about("istio_tcp_sent_bytes_total");
    assert_eq!(tcp.len(), 1, "{tcp:#?}");
    let all = asked.about("");
    let named: Vec<&String> = all.iter().filter(|it| it.contains("\"shop\"")).collect();
    assert!(
        named.is_empty(),
        "a namespace was asked for by name: {named:#?}"
    );
    // The client's view in two parts, the server's of callers without a proxy, and the first of their series.
    let buckets = asked.about("istio_request_duration_milliseconds_bucket");
    assert_eq!(buckets.len(), 4, "{buckets:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_the_traffic_does_not_wait_for_latency() -> Result<()> {
    let asked = Asked::new()?;
    let pidali = Pidali::serve(&asked.stub.url)?;
    asked.holds_back.store(true, Ordering::Relaxed);
    let at = a_minute_ago();
    let traffic = format!("graph?at={at}&include=traffic");
    let full = format!("graph?at={at}&include=traffic,latency");
    let slow = async {
        let graph = pidali.json(&full).await?;
        let held = asked.holds_back.load(Ordering::Relaxed);
        assert!(!held, "latency was answered before the source told it");
        anyhow::Ok(graph)
    };
    let quick = async {
        let graph = pidali.json(&traffic).await?;
        assert_eq!(graph["include"], serde_json::json!(["traffic"]));
        assert_eq!(graph["edges"].as_array().map(Vec::len), Some(1));
        // Only now may the durations come.
        asked.holds_back.store(false, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (graph, ()) = futures::try_join!(slow, quick)?;
    assert_eq!(graph["edges"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_pre_aggregated_metrics_are_read_when_asked_for_and_said_to_jump() -> Result<()> {
    let asked = Asked::new()?;
    let pidali = Pidali::start(&[
        "serve",
        "--prometheus",
        &asked.stub.url,
        "--metric-prefix",
        "workload:",
    ])?;
    let graph = pidali.json("graph").await?;
    let questions = asked.about("istio_requests_total");
    assert!(!questions.is_empty());
    for question in &questions {
        assert!(
            question.contains("workload:istio_requests_total"),
            "{question}"
        );
    }
    let notices = graph["notices"].to_string();
    assert!(
        notices.contains("pre_aggregated") && notices.contains("leaves"),
        "{notices}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_first_values_are_asked_where_series_are_new_and_nowhere_else() -> Result<()> {
    let asked = Asked::new()?;
    let pidali = Pidali::serve(&asked.stub.url)?;
    pidali.json(&format!("graph?at={}", a_minute_ago())).await?;
    let requests = asked.about("istio_requests_total");
    let first = requests.iter().find(|it| it.contains("min_over_time"));
    let first = first.map(String::as_str).unwrap_or_default();
    let n_named = first.matches("instance=~\"web:15020\"").count();
    let n_selected = first.matches("istio_requests_total{").count();
    assert!(n_selected > 0 && n_named == n_selected, "{first}");

    let asked = Asked::new()?;
    asked.has_news.store(false, Ordering::Relaxed);
    let pidali = Pidali::serve(&asked.stub.url)?;
    pidali.json(&format!("graph?at={}", a_minute_ago())).await?;
    let requests = asked.about("istio_requests_total");
    assert_eq!(requests.len(), 2, "nothing is new: {requests:#?}");

    // Where nobody counts new series, any target can have some.
    let asked = Asked::new()?;
    asked.has_news.store(false, Ordering::Relaxed);
    asked.counts_news.store(false, Ordering::Relaxed);
    let pidali = Pidali::serve(&asked.stub.url)?;
    let graph = pidali.json(&format!("graph?at={}", a_minute_ago())).await?;
    let requests = asked.about("min_over_time(istio_requests_total{instance=~\"web:15020\"}");
    assert_eq!(requests.len(), 1, "{:#?}", asked.about("istio_requests"));
    let notices = graph["notices"].to_string();
    assert!(!notices.contains("first_scraped"), "{notices}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_last_values_are_asked_where_series_ended_and_nowhere_else() -> Result<()> {
    for has_news in [true, false] {
        let asked = Asked::new()?;
        asked.has_news.store(has_news, Ordering::Relaxed);
        asked.has_ended.store(true, Ordering::Relaxed);
        let pidali = Pidali::serve(&asked.stub.url)?;
        pidali.json(&format!("graph?at={}", a_minute_ago())).await?;
        let requests = asked.about("last_over_time(istio_requests_total{instance=~\"web:15020\"}");
        let [one] = requests.as_slice() else {
            panic!("it is one question: {requests:#?}");
        };
        // One that told a new series at its last scrape is both.
        assert_eq!(one.contains("min_over_time"), has_news, "{one}");
    }
    let asked = Asked::new()?;
    let pidali = Pidali::serve(&asked.stub.url)?;
    pidali.json(&format!("graph?at={}", a_minute_ago())).await?;
    let requests = asked.about("last_over_time(istio_requests_total");
    assert!(requests.is_empty(), "nothing ended: {requests:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_slow_source_is_asked_about_one_instant_at_a_time() -> Result<()> {
    let asked = Asked::new()?;
    let pidali = Pidali::serve(&asked.stub.url)?;
    asked.holds_back.store(true, Ordering::Relaxed);
    let slow = async { pidali.json("graph").await };
    let others = async {
        // Beyond the next tick.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let graph = pidali.json("graph?include=traffic&namespaces=shop").await;
        asked.holds_back.store(false, Ordering::Relaxed);
        graph
    };
    let (slow, others) = futures::try_join!(slow, others)?;
    assert_eq!(slow["at_ms"], others["at_ms"]);
    let births = asked.about("scrape_series_added");
    assert_eq!(births.len(), 1, "{births:#?}");
    // It rests as long as a tick after so much work, and is asked again then.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let later = pidali.json("graph?include=traffic").await?;
    assert_ne!(later["at_ms"], slow["at_ms"]);
    Ok(())
}
