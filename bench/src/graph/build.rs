//! A mesh of 1,000 workloads: 10 namespaces of 100, three calls each.

use std::hint::black_box;
use std::sync::Arc;

use mesh::api::GraphQuery;
use mesh::graph::{Facts, answer};
use mesh::layout::{Shape, place};
use mesh::names::{AppName, ClusterName, NamespaceName, ServiceName, VersionName, WorkloadName};
use mesh::telemetry::{
    Bucket, Flags, Histogram, LatencySample, Mtls, Peer, Protocol, Reporter, Response, Sample,
    ServiceRef, TrafficKey,
};
use mesh::units::{UnixMillis, Window};

use crate::{Report, median, ms};

const NAMESPACES: usize = 10;
const EACH: usize = 100;
const CALLS: usize = 3;

/// Measures building the graph and laying it out.
pub fn measure(report: &mut Report) {
    let cyclic = facts(true);
    let query = GraphQuery::default();
    let draw = |facts: &Facts| answer(facts, &query, UnixMillis(0), UnixMillis(0), Vec::new());
    let graph = draw(&cyclic);
    report.beside("graph_nodes", graph.nodes.len() as f64, "nodes");
    report.beside("graph_edges", graph.edges.len() as f64, "edges");
    report.beside("graph_samples", cyclic.requests.len() as f64, "samples");
    let build = median(15, || {
        black_box(draw(black_box(&cyclic)));
    });
    report.promised("graph_build_1000_ms", ms(build), "ms", 20.0);
    for (name, is_cyclic) in [
        ("layout_layered_1000_ms", false),
        ("layout_cyclic_1000_ms", true),
    ] {
        let shape = Shape::of(&draw(&facts(is_cyclic)));
        let time = median(5, || {
            black_box(place(black_box(&shape)));
        });
        report.promised(name, ms(time), "ms", 500.0);
    }
}

/// Every workload makes three calls: two to later ones of its namespace, one to another namespace's; with
/// cycles, every seventh of them goes back.
fn facts(is_cyclic: bool) -> Facts {
    let mut requests = Vec::new();
    let mut latency = Vec::new();
    let names = Names::new();
    let n_all = NAMESPACES * EACH;
    for from in 0..n_all {
        for call in 0..CALLS {
            let step = match call {
                0 => 1,
                1 => 7 + from % 13,
                _ => EACH + from % 31,
            };
            let goes_back = is_cyclic && (from + call).is_multiple_of(7);
            let to = if goes_back {
                from.checked_sub(step)
            } else {
                Some(from + step).filter(|to| *to < n_all)
            };
            if let Some(to) = to.or_else(|| from.checked_sub(1).filter(|_| is_cyclic)) {
                let seen = (from * CALLS + call) as f64;
                push(&names, from, to, seen, &mut requests, &mut latency);
            }
        }
    }
    Facts {
        window: Window::default(),
        requests,
        hour: None,
        latency: Some(latency),
        ..Facts::default()
    }
}

/// Names repeat in samples, and whoever reads samples shares what repeats: so do these.
struct Names {
    peers: Vec<Peer>,
    services: Vec<ServiceRef>,
}

impl Names {
    fn new() -> Names {
        let shared = |text: String| Arc::<str>::from(text);
        let cluster = ClusterName::new(shared("Kubernetes".to_owned()));
        let versions = ["v1", "v2"].map(VersionName::from);
        let namespaces: Vec<NamespaceName> = (0..NAMESPACES)
            .map(|n| NamespaceName::new(shared(format!("team-{n}"))))
            .collect();
        let apps: Vec<Arc<str>> = (0..NAMESPACES * EACH / 2)
            .map(|n| shared(format!("app-{n}")))
            .collect();
        let peers = (0..NAMESPACES * EACH).map(|n| Peer {
            cluster: Some(cluster.clone()),
            namespace: Some(namespaces[n / EACH].clone()),
            workload: Some(WorkloadName::new(shared(format!(
                "app-{}-v{}",
                n / 2,
                n % 2 + 1
            )))),
            app: Some(AppName::new(Arc::clone(&apps[n / 2]))),
            version: Some(versions[n % 2].clone()),
        });
        let services = (0..NAMESPACES * EACH).map(|n| ServiceRef {
            namespace: Some(namespaces[n / EACH].clone()),
            name: ServiceName::new(Arc::clone(&apps[n / 2])),
        });
        Names {
            peers: peers.collect(),
            services: services.collect(),
        }
    }
}

/// Both reporters, three codes, and the client's durations.
fn push(
    names: &Names,
    from: usize,
    to: usize,
    seen: f64,
    requests: &mut Vec<Sample>,
    latency: &mut Vec<LatencySample>,
) {
    let key = |reporter: Reporter, code: u16| {
        Arc::new(TrafficKey {
            reporter,
            source: names.peers[from].clone(),
            destination: names.peers[to].clone(),
            service: Some(names.services[to].clone()),
            protocol: if to.is_multiple_of(3) {
                Protocol::Grpc
            } else {
                Protocol::Http
            },
            response: Response {
                http: Some(code),
                grpc: None,
            },
            flags: Flags::parse(if code == 503 { "UH" } else { "-" }),
            mtls: match reporter {
                Reporter::Destination => Mtls::Mutual,
                _ => Mtls::Unknown,
            },
            template: None,
        })
    };
    for reporter in [Reporter::Source, Reporter::Destination] {
        for (code, count) in [(200, 900.0 + seen % 97.0), (404, 3.0), (503, seen % 5.0)] {
            requests.push(Sample {
                key: key(reporter, code),
                value: count,
            });
        }
    }
    // As many as Istio has for what is faster than ten seconds, and the last.
    let edges = (0..13)
        .map(|n| 0.5 * f64::from(1 << n))
        .chain([f64::INFINITY]);
    let buckets = edges.enumerate();
    let buckets = buckets.map(|(at, le)| Bucket {
        le_ms: le,
        count: 70.0 * (at as f64 + 1.0),
    });
    if let Some(histogram) = Histogram::new(buckets.collect()) {
        latency.push(LatencySample {
            key: key(Reporter::Source, 200),
            histogram,
        });
    }
}
