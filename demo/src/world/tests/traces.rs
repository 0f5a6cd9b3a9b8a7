//! Traces: what is sampled, what spans say, and that both fit what was counted.

use std::collections::BTreeSet;

use mesh::trace::{Search, Span, SpanKind, Trace};

use super::*;

use crate::ledger::CLUSTER;
use crate::otlp;
use crate::trace::{Exported, ONE_IN};

fn search(service: &str) -> Search {
    Search {
        service: service.to_owned(),
        since_us: (NOW.0 - 3_600_000) * 1000,
        until_us: NOW.0 * 1000,
        limit: 100_000,
        ..Search::default()
    }
}

fn tag<'a>(span: &'a Span, key: &str) -> &'a str {
    span.tag(&[key]).unwrap_or("")
}

/// Every trace that a gateway, the scheduler, the waypoint or the importer's callees began in the last minutes.
fn all(world: &World, minutes: i64) -> Vec<Trace> {
    let mut exported = Exported::up_to(UnixMillis(world.now().0 - minutes * 60_000));
    world.export_traces(&mut exported, usize::MAX)
}

fn spans(traces: &[Trace]) -> impl Iterator<Item = &Span> {
    traces.iter().flat_map(|it| &it.spans)
}

/// Returns `namespace/workload` of the pod that a node's id names.
fn workload_of(span: &Span) -> Option<String> {
    let (pod, namespace) = tag(span, "node_id").split('~').nth(2)?.rsplit_once('.')?;
    // Behind a workload's name there are the hash of its template and five letters.
    let workload = pod.rsplitn(3, '-').nth(2)?;
    Some(format!("{namespace}/{workload}"))
}

/// Counts the calls of some traces by who called and who took them last, and those that failed; a client that went
/// away does not fail.
fn count_calls(traces: &[Trace], counts: &mut BTreeMap<String, [f64; 2]>) {
    for trace in traces {
        let mut taken = BTreeMap::<&str, String>::new();
        for span in &trace.spans {
            if let (SpanKind::Server, Some(parent)) = (span.kind, &span.parent) {
                taken.extend(workload_of(span).map(|to| (&**parent, to)));
            }
        }
        for span in trace.spans.iter().filter(|it| it.kind == SpanKind::Client) {
            if let Some((from, to)) = workload_of(span).zip(taken.get(&*span.id)) {
                let is_gone = tag(span, "response_flags").contains("DC");
                let edge = counts.entry(format!("{from}->{to}")).or_default();
                edge[0] += 1.0;
                edge[1] += f64::from(span.is_error && !is_gone);
            }
        }
    }
}

#[test]
fn a_share_of_what_was_counted_is_traced_and_fails_as_often() {
    let world = builtin();
    let mut traced = BTreeMap::new();
    let mut exported = Exported::up_to(UnixMillis(NOW.0 - 2_400_000));
    loop {
        let traces = world.export_traces(&mut exported, 500);
        if traces.is_empty() {
            break;
        }
        count_calls(&traces, &mut traced);
    }
    let truth = world.truth(window(2400), NOW);
    let mut counted = BTreeMap::<String, [f64; 2]>::new();
    for edge in truth["edges"].as_array().unwrap() {
        let (ends, _) = edge["id"].as_str().unwrap().rsplit_once(':').unwrap();
        let id = ends.replace(&format!("{CLUSTER}/"), "");
        if edge["view"] == "client" && !id.contains("/service/") {
            let both = counted.entry(id).or_default();
            both[0] += edge["requests"].as_f64().unwrap();
            both[1] += edge["errors"].as_f64().unwrap();
        }
    }
    let share = 1.0 / ONE_IN as f64;
    let mut n_compared = 0;
    for (edge, counted) in &counted {
        let traced = traced.get(edge).copied().unwrap_or_default();
        for (counted, traced) in counted.iter().zip(traced) {
            let expected = counted * share;
            // Calls of one page are sampled together: they vary more than lone ones would.
            let spread = (2.0 * expected * (1.0 - share)).sqrt();
            assert!(
                (traced - expected).abs() <= 4.0 * spread + 1.0,
                "{edge}: {traced} traced of {counted}"
            );
            n_compared += usize::from(100.0 < *counted);
        }
    }
    assert!(40 < n_compared, "{n_compared} figures");
    let canary = "shop/checkout->payments/payments-v2";
    let ([n, n_failed], [n_traced, n_traced_failed]) = (counted[canary], traced[canary]);
    let (fails, traced_fails) = (n_failed / n, n_traced_failed / n_traced);
    assert!(
        (0.03..0.1).contains(&traced_fails) && (fails - traced_fails).abs() < 0.025,
        "{traced_fails} of the spans fail, {fails} of the calls"
    );
}

#[test]
fn the_failing_canary_has_failing_traces() {
    let world = builtin();
    let five_minutes_ago = |at: i64| (at - 300_000) * 1000;
    let mut without = 0;
    for minutes_ago in (0..40).step_by(5) {
        let at = NOW.0 - minutes_ago * 60_000;
        let found = world.find_traces(&Search {
            since_us: five_minutes_ago(at),
            until_us: at * 1000,
            errors: true,
            tags: vec![(
                "upstream_cluster".to_owned(),
                "outbound|80|canary|payments.payments.svc.cluster.local".to_owned(),
            )],
            ..search("checkout.shop")
        });
        without += usize::from(found.is_empty());
        for trace in &found {
            let failing = trace.spans.iter().filter(|it| it.is_error);
            let tagged = failing.filter(|it| tag(it, "upstream_cluster").contains("|canary|"));
            let by_checkout = tagged.filter(|it| it.process.service == "checkout.shop");
            assert!(0 < by_checkout.count());
        }
    }
    assert!(without <= 1, "{without} of 8 windows");
}

#[test]
fn spans_say_what_envoy_says() {
    let world = builtin();
    let traces = all(&world, 3);
    let of = |name: &str| {
        let found = spans(&traces).find(|it| {
            it.process.service == "checkout.shop"
                && it.kind == SpanKind::Client
                && tag(it, "upstream_cluster").contains(name)
        });
        found.unwrap()
    };
    let client = of("payments.payments");
    assert_eq!(
        &*client.operation,
        "payments.payments.svc.cluster.local:80/*"
    );
    assert_eq!(tag(client, "component"), "proxy");
    assert_eq!(tag(client, "http.url"), "http://payments.payments/charge");
    assert_eq!(tag(client, "http.method"), "GET");
    assert_eq!(tag(client, "istio.canonical_service"), "checkout");
    assert_eq!(tag(client, "istio.namespace"), "shop");
    assert!(tag(client, "node_id").starts_with("sidecar~10.244."));
    assert!(tag(client, "node_id").ends_with(".shop~shop.svc.cluster.local"));
    assert!(tag(client, "upstream_cluster").starts_with("outbound|80|"));

    let server = spans(&traces).find(|it| it.parent.as_deref() == Some(&*client.id));
    let server = server.unwrap();
    assert_eq!(server.process.service, "payments.payments");
    assert_eq!(server.kind, SpanKind::Server);
    assert_eq!(tag(server, "upstream_cluster"), "inbound|80||");
    assert_eq!(server.operation, client.operation);
    assert!(client.start_us <= server.start_us && server.end_us() <= client.end_us());

    let grpc = of("warehouse.inventory");
    assert_eq!(tag(grpc, "grpc.path"), "/inventory.Warehouse/Allocate");
    assert!(!tag(grpc, "grpc.status_code").is_empty());
    assert_eq!(tag(grpc, "http.protocol"), "HTTP/2");
}

#[test]
fn gateways_are_roots_and_who_has_no_proxy_tells_nothing() {
    let world = builtin();
    let traces = all(&world, 3);
    for trace in &traces {
        assert_eq!(trace.id.len(), 32);
        let ids: BTreeSet<&str> = trace.spans.iter().map(|it| &*it.id).collect();
        assert_eq!(ids.len(), trace.spans.len(), "ids are given once");
        let roots = trace.spans.iter().filter(|it| it.parent.is_none());
        assert_eq!(roots.count(), 1);
        let known = |it: &Span| it.parent.as_deref().is_none_or(|it| ids.contains(it));
        assert!(trace.spans.iter().all(known));
        assert!(ids.iter().all(|it| it.len() == 16));
    }
    let roots: BTreeSet<&str> = spans(&traces)
        .filter(|it| it.parent.is_none())
        .map(|it| it.process.service.as_str())
        .collect();
    // Nobody traces the importer's calls but those that it calls; ambient is told by the waypoint alone.
    assert_eq!(
        roots,
        [
            "catalog.shop",
            "istio-ingressgateway.istio-system",
            "scheduler.platform",
            "stock.inventory",
            "waypoint.media",
        ]
        .into()
    );
    let gateway = spans(&traces).find(|it| it.process.service.starts_with("istio-ingress"));
    assert!(tag(gateway.unwrap(), "node_id").starts_with("router~"));
    let waypoint = spans(&traces).find(|it| it.process.service == "waypoint.media");
    let waypoint = waypoint.unwrap();
    assert!(tag(waypoint, "node_id").starts_with("waypoint~"));
    assert_eq!(tag(waypoint, "istio.source_namespace"), "media");
    assert_eq!(
        tag(waypoint, "istio.destination_canonical_service"),
        "gallery"
    );
}

#[test]
fn some_trace_under_other_names_and_some_are_seen_in_traces_alone() {
    let world = builtin();
    let names = world.tracing_services();
    let has = |name: &str| names.iter().any(|it| it == name);
    assert!(has("web.shop") && has("payments.payments") && has("mailer"));
    assert!(has("accounts") && !has("users.platform"));
    assert!(!has("importer.legacy") && !has("gallery.media"));
    assert!(names.is_sorted());

    let called = world.dependencies((NOW.0 - 600_000) * 1000, NOW.0 * 1000);
    let n_calls = |parent: &str, child: &str| {
        let found = called
            .iter()
            .find(|it| it.parent == parent && it.child == child);
        found.map_or(0, |it| it.n_calls)
    };
    assert!(0 < n_calls("orders.shop", "mailer"));
    assert!(0 < n_calls("orders.shop", "accounts"));
    assert!(n_calls("web.shop", "catalog.shop") > n_calls("web.shop", "checkout.shop"));
    assert_eq!(n_calls("mailer", "orders.shop"), 0);

    let mails = world.find_traces(&Search {
        since_us: (NOW.0 - 900_000) * 1000,
        ..search("mailer")
    });
    let mail = spans(&mails)
        .find(|it| it.process.service == "mailer")
        .unwrap();
    assert_eq!(mail.kind, SpanKind::Consumer);
    assert_eq!(
        tag(mail, "messaging.destination.name"),
        "order-confirmations"
    );
    assert_eq!(tag(mail, "node_id"), "");
    let failed = spans(&mails).find(|it| it.is_error && !it.logs.is_empty());
    assert_eq!(failed.unwrap().process.service, "mailer");
}

#[test]
fn all_that_is_asked_holds_of_one_span() {
    let world = builtin();
    let recent = Search {
        since_us: (NOW.0 - 180_000) * 1000,
        ..search("web.shop")
    };
    let everything = world.find_traces(&recent);
    assert!(everything.is_sorted_by_key(|it| {
        let start = it.spans.iter().map(|it| it.start_us).min();
        std::cmp::Reverse(start.unwrap())
    }));
    let few = world.find_traces(&Search {
        limit: 3,
        ..recent.clone()
    });
    assert_eq!(few, everything[..3]);
    let slow = world.find_traces(&Search {
        operation: Some("search.platform.svc.cluster.local:80/*".to_owned()),
        min_duration_us: Some(60_000),
        max_duration_us: Some(200_000),
        tags: vec![("http.status_code".to_owned(), "200".to_owned())],
        ..recent
    });
    assert!(!slow.is_empty() && slow.len() < everything.len());
    for trace in &slow {
        assert!(trace.spans.iter().any(|it| {
            &*it.operation == "search.platform.svc.cluster.local:80/*"
                && (60_000..=200_000).contains(&it.duration_us)
                && it.process.service == "web.shop"
        }));
    }
    assert_eq!(world.find_traces(&search("nobody")), []);
    let one = &slow[0];
    assert_eq!(world.trace(&one.id).as_ref(), Some(one));
    assert_eq!(world.trace("00000000000000000000000000000000"), None);
}

#[test]
fn nothing_grows_past_its_bound_and_the_oldest_is_forgotten() {
    let mut world = builtin();
    let oldest = |world: &World| {
        let mut exported = Exported::up_to(UnixMillis(0));
        world.export_traces(&mut exported, 1).remove(0)
    };
    let is_bounded = |world: &World| world.traces.bytes() < 8 << 20;
    assert!(is_bounded(&world), "{}", world.traces.bytes());
    let first = oldest(&world);
    assert_eq!(world.trace(&first.id), Some(first.clone()));
    world.advance_to(later(3600));
    assert_eq!(world.trace(&first.id), None);
    assert!(is_bounded(&world), "{}", world.traces.bytes());
    let began = oldest(&world).spans.iter().map(|it| it.start_us).min();
    let age_secs = world.now().0 / 1000 - began.unwrap() / 1_000_000;
    assert!((2400..=3600).contains(&age_secs), "{age_secs} s are kept");
}

#[test]
fn an_export_gives_each_trace_once_in_the_protocols_words() {
    let mut world = builtin();
    let mut exported = Exported::up_to(UnixMillis(NOW.0 - 60_000));
    let mut seen = BTreeSet::new();
    for secs in [0, 5, 10] {
        world.advance_to(later(secs));
        loop {
            let traces = world.export_traces(&mut exported, 100);
            if traces.is_empty() {
                break;
            }
            for trace in &traces {
                assert!(seen.insert(trace.id.clone()), "{} came twice", trace.id);
                let end = trace.spans.iter().map(Span::end_us).max().unwrap();
                assert!(end <= world.now().0 * 1000 && (NOW.0 - 60_000) * 1000 < end);
            }
        }
    }
    assert_eq!(seen.len(), {
        let mut from = Exported::up_to(UnixMillis(NOW.0 - 60_000));
        world.export_traces(&mut from, usize::MAX).len()
    });

    let trace = world.find_traces(&search("mailer")).remove(0);
    let body: Value = serde_json::from_str(&otlp(std::slice::from_ref(&trace))).unwrap();
    let groups = body["resourceSpans"].as_array().unwrap();
    let n_spans: usize = groups
        .iter()
        .map(|it| it["scopeSpans"][0]["spans"].as_array().unwrap().len())
        .sum();
    assert_eq!(n_spans, trace.spans.len());
    let named = |it: &&Value| it["resource"]["attributes"][0]["value"]["stringValue"] == "mailer";
    let mailer = &groups.iter().find(named).unwrap()["scopeSpans"][0];
    assert_eq!(mailer["scope"]["name"], "mailer");
    assert_eq!(mailer["spans"][0]["kind"], 5);
    assert_eq!(mailer["spans"][0]["traceId"], trace.id);
    let start = mailer["spans"][0]["startTimeUnixNano"].as_str().unwrap();
    assert!(start.ends_with("000") && start.len() == 19);
}

#[test]
fn worlds_of_one_seed_tell_the_same_traces() {
    let (a, b) = (builtin(), {
        let mut late = World::new(7, UnixMillis(NOW.0 - 1_200_000), &Objects::builtin());
        late.advance_to(NOW);
        late
    });
    let recent = |world: &World| {
        let mut traces = all(world, 2);
        traces.sort_by(|a, b| a.id.cmp(&b.id));
        traces
    };
    assert_eq!(recent(&a), recent(&b));
}
