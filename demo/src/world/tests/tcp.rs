//! TCP: who is connected to whom, what flows, who tells of it; and messages in gRPC calls.

use mesh::telemetry::{GrpcMessages, Mtls, Protocol, TcpSample, TcpTraffic};

use super::answers::{label, scraped};
use super::*;

pub(super) fn tcp(world: &World, secs: u32) -> Vec<TcpSample> {
    world.tcp(&TcpTraffic {
        window: window(secs),
        at: world.now(),
    })
}

fn numbers(sample: &TcpSample) -> [f64; 4] {
    [
        sample.to_server_bytes,
        sample.to_client_bytes,
        sample.opened,
        sample.closed,
    ]
}

fn is_from(key: &TrafficKey, name: &str) -> bool {
    key.source
        .workload
        .as_ref()
        .is_some_and(|w| w.as_str() == name)
}

#[test]
fn both_ends_of_connections_tell_the_same() {
    let world = builtin();
    let samples = tcp(&world, 3600);
    assert!(samples.is_sorted_by(|a, b| (&a.key, a.is_tunnel) < (&b.key, b.is_tunnel)));
    let side = |from: &str, to: &str, reporter| {
        let mut found = samples
            .iter()
            .filter(|s| is_from(&s.key, from) && named(&s.key) == to && s.key.reporter == reporter);
        let sample = found.next().unwrap();
        assert!(found.next().is_none(), "{from} to {to} once");
        sample
    };
    for (from, to, is_tunnel) in [
        ("ledger", "postgres", false),
        ("encoder", "blobs", true),
        ("gallery", "blobs", true),
    ] {
        let client = side(from, to, Reporter::Source);
        let server = side(from, to, Reporter::Destination);
        assert_eq!(numbers(client), numbers(server), "{from} to {to}");
        assert!(numbers(client).iter().all(|n| 0.0 < *n), "{client:?}");
        assert_eq!((client.is_tunnel, server.is_tunnel), (is_tunnel, is_tunnel));
        assert_eq!(server.key.mtls, Mtls::Mutual);
        assert_eq!(client.key.protocol, Protocol::Tcp);
        assert_eq!(client.key.response, mesh::telemetry::Response::default());
        // Opened and closed keep up with each other: two pods hold a few each.
        assert!((client.opened - client.closed).abs() < 20.0, "{client:?}");
    }
    // Three questions for each booking, each some 200 bytes, each answer some 1400.
    let books = side("ledger", "postgres", Reporter::Source);
    let share = books.to_client_bytes / books.to_server_bytes;
    assert!((5.0..10.0).contains(&share), "{share}");
}

#[test]
fn what_leaves_the_mesh_is_told_by_its_callers_alone() {
    let mut world = builtin();
    let leaving = |world: &World, from: &str| {
        let samples = tcp(world, 3600);
        let mut found = samples.into_iter().filter(|s| is_from(&s.key, from));
        let sample = found.next().unwrap();
        assert!(found.next().is_none(), "{from} leaves by one way");
        assert_eq!(sample.key.reporter, Reporter::Source);
        assert_eq!(sample.key.destination, mesh::telemetry::Peer::default());
        assert!(0.0 < sample.to_server_bytes && 0.0 < sample.to_client_bytes);
        let service = sample.key.service.clone().unwrap();
        (
            service.namespace.map(|n| n.to_string()),
            service.name.to_string(),
        )
    };
    let provider = (
        Some("payments".to_owned()),
        "api.pay.example.com".to_owned(),
    );
    let passthrough = (None, "PassthroughCluster".to_owned());
    assert_eq!(leaving(&world, "payments-v1"), provider);
    assert_eq!(leaving(&world, "payments-v2"), provider);
    assert_eq!(leaving(&world, "notifications"), passthrough);

    // Without its ServiceEntry the provider is a host like any other.
    let builtin = Objects::builtin();
    let kept = builtin.iter().filter(|o| o["kind"] != "ServiceEntry");
    world.set_objects(&Objects::from_values(kept.cloned().collect()).unwrap());
    world.advance_to(later(60));
    world.advance_to(later(3660));
    assert_eq!(leaving(&world, "payments-v1"), passthrough);
}

#[test]
fn tcp_as_exposed_is_tcp_as_answered() {
    let mut world = builtin();
    let names = |world: &World| -> Vec<String> {
        let pods = world.fleet.workloads.iter().flat_map(|w| &w.pods);
        pods.map(|pod| pod.name.clone()).collect()
    };
    // Minutes in which no pod is replaced.
    let (before, after) = loop {
        let (pods, before) = (names(&world), scraped(&world.expose()));
        world.advance_to(UnixMillis(world.now().0 + 120_000));
        if pods == names(&world) {
            break (before, scraped(&world.expose()));
        }
    };
    let flows = [
        "istio_tcp_received_bytes_total{",
        "istio_tcp_sent_bytes_total{",
        "istio_tcp_connections_opened_total{",
        "istio_tcp_connections_closed_total{",
    ];
    let mut exposed = BTreeMap::<[String; 6], [f64; 4]>::new();
    for (series, value) in &after {
        let Some(idx) = flows.iter().position(|flow| series.starts_with(flow)) else {
            continue;
        };
        assert_eq!(label(series, "request_protocol"), "tcp");
        let rose = value - before.get(series).copied().unwrap_or(0.0);
        let key = [
            "reporter",
            "source_workload",
            "destination_workload",
            "destination_service_name",
            "app",
            "connection_security_policy",
        ];
        let key = key.map(|name| label(series, name).to_owned());
        exposed.entry(key).or_default()[idx] += rose;
    }
    exposed.retain(|_, flow| flow.iter().any(|n| 0.0 < *n));
    let said: BTreeMap<[String; 6], [f64; 4]> = tcp(&world, 120)
        .iter()
        .map(|sample| {
            let key = &sample.key;
            let workload = |peer: &mesh::telemetry::Peer| {
                let name = peer.workload.as_ref();
                name.map_or("unknown".to_owned(), |w| w.to_string())
            };
            let key = [
                match key.reporter {
                    Reporter::Destination => "destination".to_owned(),
                    _ => "source".to_owned(),
                },
                workload(&key.source),
                workload(&key.destination),
                key.service.as_ref().unwrap().name.to_string(),
                match sample.is_tunnel {
                    true => "ztunnel".to_owned(),
                    false => String::new(),
                },
                match key.mtls {
                    Mtls::Mutual => "mutual_tls".to_owned(),
                    Mtls::Plain => "none".to_owned(),
                    Mtls::Unknown => "unknown".to_owned(),
                },
            ];
            (key, numbers(sample))
        })
        .collect();
    assert!(6 <= said.len(), "{}", said.len());
    assert_eq!(exposed, said);
}

#[test]
fn worlds_that_began_at_other_times_agree_on_tcp() {
    let late = World::new(7, later(600), &Objects::builtin());
    let overlap = TcpTraffic {
        window: window(2400),
        at: later(-100),
    };
    let early = builtin().tcp(&overlap);
    assert!(!early.is_empty());
    assert_eq!(early, late.tcp(&overlap));
}

#[test]
fn the_truth_tells_connections_apart_from_calls() {
    let world = builtin();
    let truth = world.truth(window(600), NOW);
    let edges = truth["tcp"].as_array().unwrap();
    let ids: Vec<&str> = edges.iter().map(|e| e["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted());
    for id in [
        "Kubernetes/payments/ledger->Kubernetes/payments/postgres:tcp",
        "Kubernetes/payments/payments-v1->Kubernetes/payments/external/api.pay.example.com:tcp",
        "Kubernetes/media/gallery->Kubernetes/media/blobs:tcp",
    ] {
        let edge = edges.iter().find(|e| e["id"] == id).unwrap();
        assert_eq!(edge["view"], "client");
        assert!(edge.get("requests").is_none());
    }
    assert!(!ids.iter().any(|id| id.contains("waypoint")), "{ids:?}");
    let said = tcp(&world, 600);
    let books = said
        .iter()
        .find(|s| s.key.reporter == Reporter::Source && is_from(&s.key, "ledger"));
    let books = books.unwrap();
    let edge = edges.iter().find(|e| e["id"] == ids_of(books)).unwrap();
    for (field, n) in ["to_server_bytes", "to_client_bytes", "opened", "closed"]
        .iter()
        .zip(numbers(books))
    {
        assert_eq!(edge[field].as_f64(), Some(n), "{field}");
    }
}

fn ids_of(sample: &TcpSample) -> String {
    let end = |peer: &mesh::telemetry::Peer| {
        let (namespace, workload) = (peer.namespace.as_ref(), peer.workload.as_ref());
        format!("Kubernetes/{}/{}", namespace.unwrap(), workload.unwrap())
    };
    format!(
        "{}->{}:tcp",
        end(&sample.key.source),
        end(&sample.key.destination)
    )
}

#[test]
fn good_answers_have_messages_and_bad_ones_have_none() {
    let world = builtin();
    let query = Requests {
        window: Window::HOUR,
        at: NOW,
    };
    let requests = world.requests(&query);
    let messages = world.messages(&GrpcMessages {
        window: Window::HOUR,
        at: NOW,
    });
    assert!(messages.is_sorted_by(|a, b| a.key < b.key));
    for (to, answers) in [("recommendation", 6.0), ("features", 1.0)] {
        for reporter in [Reporter::Source, Reporter::Destination] {
            let its = messages
                .iter()
                .filter(|m| m.key.reporter == reporter && named(&m.key) == to);
            let (up, down) = its.fold((0.0, 0.0), |(up, down), m| {
                (up + m.to_server, down + m.to_client)
            });
            let all = count(&requests, reporter, to, |_| true);
            let good = count(&requests, reporter, to, |key| key.response.grpc == Some(0));
            assert_eq!((up, down), (all, answers * good), "{to} {reporter:?}");
            assert!(0.0 < good && good <= all);
        }
    }
    let exposed = scraped(&world.expose());
    let sum = |metric: &str| -> f64 {
        let its = exposed.iter().filter(|(series, _)| {
            series.starts_with(metric)
                && label(series, "reporter") == "source"
                && label(series, "destination_workload") == "features"
        });
        its.map(|(_, n)| *n).sum()
    };
    assert!(0.0 < sum("istio_request_messages_total{"));
    // `features` never fails, so each question has its answer.
    assert_eq!(
        sum("istio_request_messages_total{"),
        sum("istio_response_messages_total{")
    );
}
