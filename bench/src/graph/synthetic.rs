//! A mesh whose every counter is known at every moment: a function of time alone.
//!
//! About 3.3 calls for each workload, each reported by both proxies with Istio's 25 labels. Pods are replaced,
//! edges are born, one in twenty stands still, one in ten fails now and then.
//!
//! Pods come as a Deployment's do, only far more often: a pod has an address, and so is found, before its containers
//! run, and calls once it is ready, when its predecessor ends (docs/adr/0015).

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

const NAMESPACE_SIZE: usize = 50;
/// What was there when the world was first looked at, is there since then, in seconds after its beginning.
const BEFORE: f64 = -90_000.0;
/// How long a pod is there before its first call, in seconds: at least, and by how much at most longer. Kubernetes wants
/// 99 % of pods started within 5 seconds, and looks every 10 whether they are ready unless told otherwise.
const STARTS: (f64, f64) = (5.0, 10.0);
/// Istio's default bucket edges, in milliseconds.
const EDGES: [&str; 20] = [
    "0.5", "1", "5", "10", "25", "50", "100", "250", "500", "1000", "2500", "5000", "10000",
    "30000", "60000", "300000", "600000", "1800000", "3600000", "+Inf",
];

/// The mesh.
pub struct Mesh {
    /// When the world began: seconds since the epoch.
    began: f64,
    edges: Vec<Edge>,
    workloads: Vec<Workload>,
    /// What the proxies of each workload tell, by its place among the workloads.
    pages: Vec<Vec<Page>>,
}

struct Workload {
    namespace: String,
    name: String,
    app: String,
    version: &'static str,
    /// One of its two pods is replaced so often, in seconds.
    restarts_every: Option<f64>,
}

/// Calls from one workload to another.
struct Edge {
    from: usize,
    to: usize,
    protocol: &'static str,
    /// Calls a second by one pod of the caller.
    rate: f64,
    /// The share that fails.
    failing: f64,
    /// Where in the bucket edges the median lies.
    median: usize,
    /// How long after the world's beginning its first call is; counters from before are taken for old.
    born: f64,
}

/// What really happened on one edge of the graph within a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// The id of the graph's edge.
    pub id: String,
    /// Calls.
    pub requests: f64,
    /// For how long the edge was there, in seconds.
    pub age: f64,
    /// Whether every pod of the caller lives for good: what one that is replaced did after its last scrape, nobody
    /// knows.
    pub is_lasting: bool,
}

/// A pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Where its workload stands among the workloads.
    pub workload: usize,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// The same numbers each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Seconds since the epoch.
pub fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

impl Mesh {
    /// Returns a mesh of so many workloads, which begins now; edges that are born come into the world over
    /// the next `horizon_secs`.
    pub fn new(n_workloads: usize, horizon_secs: f64) -> Mesh {
        let mut dice = Dice(42);
        let workloads: Vec<Workload> = (0..n_workloads)
            .map(|n| Workload {
                namespace: format!("team-{:03}", n / NAMESPACE_SIZE),
                name: format!("app-{}-v{}", n / 2, n % 2 + 1),
                app: format!("app-{}", n / 2),
                version: if n % 2 == 0 { "v1" } else { "v2" },
                restarts_every: (n % 50 == 7).then_some(70.0 + 10.0 * (n % 7) as f64),
            })
            .collect();
        let mut edges = Vec::new();
        for from in 0..n_workloads {
            let mut callees = Vec::new();
            for call in 0..4 {
                // Mostly within the namespace, now and then to another one; a few of the fourth calls.
                if call == 3 && !from.is_multiple_of(4) {
                    continue;
                }
                let to = if call == 2 {
                    dice.below(n_workloads)
                } else {
                    let first = from / NAMESPACE_SIZE * NAMESPACE_SIZE;
                    first + dice.below(NAMESPACE_SIZE.min(n_workloads - first))
                };
                if to == from || callees.contains(&to) {
                    continue;
                }
                callees.push(to);
                let stands_still = dice.below(20) == 0;
                let fails = dice.below(10) == 0;
                let is_born = dice.below(50) == 0;
                edges.push(Edge {
                    from,
                    to,
                    protocol: if dice.below(4) == 0 { "grpc" } else { "http" },
                    rate: if stands_still {
                        0.0
                    } else {
                        // From one call in ten seconds to fifty a second.
                        0.1 * 500_f64.powf(dice.share())
                    },
                    failing: if fails {
                        0.005 + 0.2 * dice.share()
                    } else {
                        0.0
                    },
                    median: 2 + dice.below(9),
                    // On which side of a window's beginning it fell what one does once and never again, nobody knows.
                    born: if is_born && !stands_still {
                        horizon_secs * dice.share()
                    } else {
                        -86_400.0
                    },
                });
            }
        }
        let mut mesh = Mesh {
            began: now(),
            edges,
            workloads,
            pages: Vec::new(),
        };
        mesh.pages = mesh.pages();
        mesh
    }

    /// Returns how many edges it has.
    pub fn n_edges(&self) -> usize {
        self.edges.len()
    }

    /// Returns how many namespaces it has: `team-000` and so on.
    pub fn n_namespaces(&self) -> usize {
        self.workloads.len().div_ceil(NAMESPACE_SIZE)
    }

    /// Returns what happened on each edge in the `window` seconds before `at`, sorted by id.
    pub fn truth(&self, at: f64, window: f64) -> Vec<Truth> {
        let mut truths: Vec<Truth> = self
            .edges
            .iter()
            .map(|edge| {
                let (from, to) = (&self.workloads[edge.from], &self.workloads[edge.to]);
                // Counters are whole, and each pod of the caller has its own.
                let mut requests = 0.0;
                let (since, until) = (at - self.began - window, at - self.began);
                for life in lives(from, since, until) {
                    let last = life.until.min(until);
                    // Whoever is only starting calls nobody.
                    let first = life.calls_since.max(since).min(last);
                    requests += edge.counted(first, last, edge.failing)
                        + edge.counted(first, last, 1.0 - edge.failing);
                }
                Truth {
                    id: format!(
                        "Kubernetes/{}/{}->Kubernetes/{}/{}:{}",
                        from.namespace, from.name, to.namespace, to.name, edge.protocol
                    ),
                    requests,
                    age: at - self.began - edge.born,
                    is_lasting: from.restarts_every.is_none(),
                }
            })
            .collect();
        truths.sort_by(|a, b| a.id.cmp(&b.id));
        truths
    }

    /// Returns the pods that live now.
    pub fn living(&self) -> Vec<Pod> {
        let t = now() - self.began;
        let pods = self
            .workloads
            .iter()
            .enumerate()
            .flat_map(|(idx, workload)| {
                living(workload, t).map(move |life| Pod {
                    workload: idx,
                    namespace: workload.namespace.clone(),
                    name: format!("{}-{}", workload.name, life.name),
                })
            });
        pods.collect()
    }

    fn pods(&self, workload: &Workload) -> f64 {
        if workload.restarts_every.is_some() {
            2.0
        } else {
            1.0
        }
    }

    /// The labels of each report, by the workload that reports, prepared: they do not change.
    fn pages(&self) -> Vec<Vec<Page>> {
        let mut pages: Vec<Vec<Page>> = self.workloads.iter().map(|_| Vec::new()).collect();
        for (idx, edge) in self.edges.iter().enumerate() {
            for (reporter, reporting) in [("source", edge.from), ("destination", edge.to)] {
                let endings: &[(&str, &str, bool)] = match (edge.failing > 0.0, edge.protocol) {
                    (false, "grpc") => &[("200", "0", false)],
                    (false, _) => &[("200", "", false)],
                    (true, "grpc") => &[("200", "0", false), ("200", "14", true)],
                    (true, _) => &[("200", "", false), ("503", "", true)],
                };
                let told = endings.iter().map(|(code, grpc, is_failure)| Page {
                    edge: idx,
                    is_failure: *is_failure,
                    labels: self.labels(edge, reporter, code, grpc),
                });
                if let Some(of_workload) = pages.get_mut(reporting) {
                    of_workload.extend(told);
                }
            }
        }
        pages
    }

    fn labels(&self, edge: &Edge, reporter: &str, code: &str, grpc: &str) -> String {
        let (from, to) = (&self.workloads[edge.from], &self.workloads[edge.to]);
        let policy = if reporter == "source" {
            "unknown"
        } else {
            "mutual_tls"
        };
        let grpc = if edge.protocol == "grpc" {
            format!(",grpc_response_status=\"{grpc}\"")
        } else {
            String::new()
        };
        let host = format!("{}.{}.svc.cluster.local", to.app, to.namespace);
        format!(
            "reporter=\"{reporter}\",source_workload=\"{0}\",source_canonical_service=\"{1}\",\
             source_canonical_revision=\"{2}\",source_workload_namespace=\"{3}\",\
             source_principal=\"spiffe://cluster.local/ns/{3}/sa/{1}\",source_app=\"{1}\",\
             source_version=\"{2}\",source_cluster=\"Kubernetes\",destination_workload=\"{4}\",\
             destination_workload_namespace=\"{7}\",\
             destination_principal=\"spiffe://cluster.local/ns/{7}/sa/{5}\",destination_app=\"{5}\",\
             destination_version=\"{6}\",destination_service=\"{host}\",\
             destination_canonical_service=\"{5}\",destination_canonical_revision=\"{6}\",\
             destination_service_name=\"{5}\",destination_service_namespace=\"{7}\",\
             destination_cluster=\"Kubernetes\",request_protocol=\"{8}\",response_code=\"{code}\"{grpc},\
             response_flags=\"-\",connection_security_policy=\"{policy}\"",
            from.name,
            from.app,
            from.version,
            from.namespace,
            to.name,
            to.app,
            to.version,
            to.namespace,
            edge.protocol,
        )
    }

    /// Returns what a pod's proxy tells now; `None` for a pod that is gone.
    pub fn metrics(&self, pod: &Pod) -> Option<String> {
        let t = now() - self.began;
        let workload = self.workloads.get(pod.workload)?;
        let pages = self.pages.get(pod.workload)?;
        let life = living(workload, t).find(|life| {
            pod.name.strip_prefix(&workload.name) == Some(&format!("-{}", life.name))
        })?;
        let place = format!("namespace=\"{}\",pod=\"{}\"", pod.namespace, pod.name);
        let mut text = String::with_capacity(pages.len() * 24 * 1100);
        let uptime = (t - life.there_since).min(-BEFORE);
        let _ = writeln!(text, "envoy_server_uptime{{{place}}} {uptime:.0}");
        for page in pages {
            let edge = &self.edges[page.edge];
            if edge.born > t {
                continue;
            }
            // The caller's pods count apart at the caller, together at the callee; the callee's pods share
            // what comes to them.
            let share = if pod.workload == edge.from {
                1.0
            } else {
                self.pods(&self.workloads[edge.from]) / self.pods(workload)
            };
            let ending = if page.is_failure {
                edge.failing
            } else {
                1.0 - edge.failing
            };
            let count = edge.counted(life.calls_since.min(t), t, share * ending);
            // A proxy tells of what has happened.
            if count > 0.0 {
                series(&mut text, &place, &page.labels, count, edge.median);
            }
        }
        Some(text)
    }
}

impl Edge {
    /// Calls of some kind between two moments: they come when they come, whoever lives just then, not in step with
    /// each pod's own birth.
    fn counted(&self, since: f64, until: f64, share: f64) -> f64 {
        (self.calls(until) * share).floor() - (self.calls(since) * share).floor()
    }

    /// Calls of one pod of the caller until `t` seconds after the world's beginning.
    fn calls(&self, t: f64) -> f64 {
        // One that stands still did something once.
        let once = if self.rate == 0.0 && t >= self.born {
            40.0
        } else {
            0.0
        };
        once + self.rate * (t - self.born).max(0.0)
    }
}

/// One report: an edge as one side tells it, with one ending.
struct Page {
    edge: usize,
    is_failure: bool,
    labels: String,
}

/// The time of a pod, in seconds since the world's beginning.
struct Life {
    name: String,
    /// Since when it has an address.
    there_since: f64,
    calls_since: f64,
    /// It is gone with its last call.
    until: f64,
}

/// The pods of a workload that are there at `t`: one for good, and for some a second one that is replaced, with its
/// successor at times.
fn living(workload: &Workload, t: f64) -> impl Iterator<Item = Life> {
    lives(workload, t, t)
}

/// The pods of a workload that were there at some time between `from` and `to`.
fn lives(workload: &Workload, from: f64, to: f64) -> impl Iterator<Item = Life> {
    let steady = Life {
        name: "0".to_owned(),
        there_since: BEFORE,
        calls_since: BEFORE,
        until: f64::INFINITY,
    };
    let replaced = workload.restarts_every.into_iter().flat_map(move |every| {
        let nth = |t: f64| (t / every).floor().max(0.0) as u32;
        // The one after the last may be starting.
        (nth(from)..=nth(to) + 1).map(move |nth| Life::of_replaced(nth, every))
    });
    let all = std::iter::once(steady).chain(replaced);
    all.filter(move |life| life.there_since <= to)
}

impl Life {
    /// The life of the `nth` pod in a row whose pods are replaced every so many seconds.
    fn of_replaced(nth: u32, every: f64) -> Life {
        let turn = f64::from(nth) * every;
        let starts = STARTS.0 + STARTS.1 * Dice(u64::from(nth) ^ every.to_bits()).share();
        // The first was there before the world was looked at.
        let (there_since, calls_since) = if nth == 0 {
            (BEFORE, BEFORE)
        } else {
            (turn - starts, turn)
        };
        Life {
            name: format!("r{nth}"),
            there_since,
            calls_since,
            until: turn + every,
        }
    }
}

fn series(text: &mut String, place: &str, labels: &str, count: f64, median: usize) {
    let line = |text: &mut String, name: &str, le: &str, value: f64| {
        for part in [name, "{", place, ",", labels, le, "} "] {
            text.push_str(part);
        }
        let _ = writeln!(text, "{value}");
    };
    line(text, "istio_requests_total", "", count);
    let mut sum = 0.0;
    for (idx, le) in EDGES.iter().enumerate() {
        // Half are below the median's edge, and two thirds of the rest below each further one.
        let share = if idx < median {
            0.5_f64.powi((median - idx + 1) as i32)
        } else {
            1.0 - 0.5 / 3_f64.powi((idx - median) as i32)
        };
        let below = if *le == "+Inf" {
            count
        } else {
            (count * share).floor()
        };
        sum += below;
        let le = format!(",le=\"{le}\"");
        line(
            text,
            "istio_request_duration_milliseconds_bucket",
            &le,
            below,
        );
    }
    line(text, "istio_request_duration_milliseconds_sum", "", sum);
    line(text, "istio_request_duration_milliseconds_count", "", count);
}
