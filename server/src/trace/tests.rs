use mesh::trace::{Process, Span};

use super::*;

/// A trace of one span under a tracing name.
fn trace(id: &str, service: &str, start_us: i64) -> Trace {
    let process = Process {
        service: service.to_owned(),
        tags: Vec::new(),
    };
    Trace {
        id: id.to_owned(),
        spans: vec![Span {
            id: "1".into(),
            process: Arc::new(process),
            operation: "GET".into(),
            start_us,
            duration_us: 10,
            ..Span::default()
        }],
        warnings: Vec::new(),
    }
}

fn found(traces: Vec<Trace>, not_applied: &[&'static str]) -> Arc<Found> {
    Arc::new(Found {
        traces: traces.into_iter().map(Arc::new).collect(),
        not_applied: not_applied.to_vec(),
        warnings: vec!["Jaeger warns: slow".to_owned()],
    })
}

fn ids(traces: &Traces) -> Vec<&str> {
    traces.items.iter().map(|it| it.id.as_str()).collect()
}

#[test]
fn a_trace_found_under_two_names_is_listed_once_the_youngest_first() {
    let known = trace::Known::default();
    let all = [
        found(vec![trace("0a", "web", 1), trace("c", "web", 3)], &[]),
        found(vec![trace("b", "web", 2), trace("a", "web", 1)], &["tag"]),
    ];
    let query = TracesQuery::default();
    let listed = listed_of(&all, &query, &known);
    assert_eq!(ids(&listed), ["c", "b", "0a"]);
    assert!(!listed.is_cut);
    assert_eq!(listed.applied_after, ["tag"]);
    let query = TracesQuery {
        limit: 2,
        ..TracesQuery::default()
    };
    let listed = listed_of(&all, &query, &known);
    assert_eq!((ids(&listed), listed.is_cut), (vec!["c", "b"], true));
    assert_eq!(warnings(&all).len(), 1);
}

#[test]
fn a_filter_that_no_backend_knows_is_said_to_be_applied_after() {
    let known = trace::Known::default();
    let all = [found(vec![trace("a", "web", 1)], &["errors"])];
    let query = TracesQuery {
        version: Some("v2".to_owned()),
        workload: Some("web".to_owned()),
        ..TracesQuery::default()
    };
    let listed = listed_of(&all, &query, &known);
    assert_eq!(ids(&listed), [""; 0]);
    assert_eq!(listed.applied_after, ["errors", "version", "workload"]);
}

#[test]
fn names_are_asked_where_the_backend_lists_them_or_a_person_gives_them() {
    let known = trace::Known::default();
    let listed = ["jaeger", "web", "web.shop", "zed.other"].map(str::to_owned);
    let tried = |query: TracesQuery| {
        let mut notices = Vec::new();
        let tried = Tried::of(&query, &known, &listed, &mut notices);
        let kinds: Vec<String> = notices.into_iter().map(|it| it.kind).collect();
        format!("{} {}", tried.to_ask.join(","), kinds.join(","))
    };
    let some = |text: &str| Some(text.to_owned());
    let query = TracesQuery::default;
    assert_eq!(tried(query()), "web,web.shop,zed.other ");
    let namespace = some("shop");
    assert_eq!(
        tried(TracesQuery {
            namespace: namespace.clone(),
            ..query()
        }),
        "web,web.shop "
    );
    let service = some("web");
    assert_eq!(
        tried(TracesQuery {
            namespace,
            service,
            ..query()
        }),
        "web.shop,web "
    );
    assert_eq!(
        tried(TracesQuery {
            service: some("cart"),
            ..query()
        }),
        " no_names"
    );
    assert_eq!(
        tried(TracesQuery {
            name: some("new"),
            ..query()
        }),
        "new "
    );
}

#[test]
fn times_are_rounded_up_to_what_many_share() {
    assert_eq!(ceil(60_000, MINUTE_MS), 60_000);
    assert_eq!(ceil(60_001, MINUTE_MS), 120_000);
    let end = end_of(&trace("a", "web", 1_769_860_800_000_000));
    assert_eq!(end, UnixMillis(1_769_860_800_000));
}
