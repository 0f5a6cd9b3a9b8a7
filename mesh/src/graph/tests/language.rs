//! A small language of meshes, for tests.
//!
//! ```text
//! web -> cart-v1 : 10 rps, 5% 5xx, 3 x 503 UO, server 400
//! a =grpc=> b : 40 requests, 2 x 14, 10 messages up, 20 messages down
//! a =tcp=> db : 900 B up, 300 B down, 9 opened, 8 closed, tunnel
//! pods shop/cart-v1 : 2/3, injected
//! service shop/cart : app=cart
//! entry payments/stripe : api.stripe.com
//! ```
//!
//! A call is told by both sides, unless the line says `client only`, `server only`, `waypoint only` or
//! `waypoint and server`. `[namespace/]name[@cluster]` is a workload, of namespace `shop` and cluster `c` where
//! the line does not say; its app is the name without `-v1`. `(name)` is no workload: who calls is unknown, what
//! is called is a service; `(?)` is nothing at all. `as NAME` is what the client calls the service, `plain` is
//! without mutual TLS, `flag UF` is the flag of connections, `took 1/2/3/4` are durations up to 10 ms, 100 ms, 1 s
//! and longer. A line that can't be read panics.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::graph::Facts;
use crate::inventory::Inventory;
use crate::telemetry::{
    Bucket, Flags, Histogram, LatencySample, MessageSample, Mtls, Peer, Protocol, Reporter,
    Response, Sample, ServiceRef, TcpSample, TrafficKey,
};

/// The window of all facts here.
pub const WINDOW_SECS: f64 = 300.0;

/// Returns the facts that `text` tells of.
pub fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut objects: Vec<Value> = Vec::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let read = match line.split_once(' ') {
            Some(("pods", rest)) => pods(rest).map(|it| objects.extend(it)),
            Some(("service", rest)) => service(rest).map(|it| objects.push(it)),
            Some(("entry", rest)) => entry(rest).map(|it| objects.push(it)),
            Some(("namespace", rest)) => namespace(rest).map(|it| objects.push(it)),
            _ => Call::read(line).map(|call| call.tell(&mut facts)),
        };
        read.unwrap_or_else(|| panic!("can't read the line `{line}`"));
    }
    if !objects.is_empty() {
        facts.inventory = Some(Arc::new(Inventory::read(objects.iter())));
    }
    facts
}

fn placed(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some(("-", name)) => (None, name),
        Some((namespace, name)) => (Some(namespace), name),
        None => (Some("shop"), text),
    }
}

fn app_and_version(name: &str) -> (&str, String) {
    match name.rsplit_once("-v") {
        Some((app, version)) => (app, format!("v{version}")),
        None => (name, "v1".to_owned()),
    }
}

fn peer(text: &str) -> Option<Peer> {
    if text.starts_with('(') {
        return text.ends_with(')').then(Peer::default);
    }
    let (place, cluster) = text.split_once('@').unwrap_or((text, "c"));
    let (namespace, name) = placed(place);
    let (app, version) = app_and_version(name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then(|| Peer {
        cluster: Some(cluster).filter(|it| *it != "-").map(Into::into),
        namespace: namespace.map(Into::into),
        workload: Some(name.into()),
        app: Some(app.into()),
        version: Some(version.as_str().into()),
    })
}

fn service_of(text: &str) -> Option<ServiceRef> {
    let inner = text.strip_prefix('(').and_then(|it| it.strip_suffix(')'));
    if inner == Some("?") {
        return None;
    }
    let text = inner.unwrap_or(text);
    let (namespace, name) = placed(text.split('@').next().unwrap_or(text));
    let name = match inner {
        Some(_) => name,
        None => app_and_version(name).0,
    };
    Some(ServiceRef {
        namespace: namespace.map(Into::into),
        name: name.into(),
    })
}

/// One line of calls.
struct Call {
    source: Peer,
    destination: Peer,
    service: Option<ServiceRef>,
    called: Option<String>,
    protocol: Protocol,
    reporters: Vec<Reporter>,
    total: f64,
    server_total: Option<f64>,
    /// Counts with codes and flags; shares of the total as negative numbers.
    endings: Vec<(f64, Response, Flags)>,
    mtls: Mtls,
    flags: Flags,
    is_tunnel: bool,
    /// Bytes up and down, connections opened and closed.
    flow: Option<[f64; 4]>,
    messages: Option<[f64; 2]>,
    took: Option<Histogram>,
}

impl Call {
    fn read(line: &str) -> Option<Call> {
        let (ends, words) = line.split_once(" : ")?;
        let mut parts = ends.split_whitespace();
        let (from, arrow, to) = (parts.next()?, parts.next()?, parts.next()?);
        let protocol = match arrow {
            "->" => Protocol::Http,
            "=grpc=>" => Protocol::Grpc,
            "=tcp=>" => Protocol::Tcp,
            _ => return None,
        };
        let mut call = Call {
            source: peer(from)?,
            destination: peer(to)?,
            service: service_of(to),
            called: None,
            protocol,
            reporters: vec![Reporter::Source, Reporter::Destination],
            total: 0.0,
            server_total: None,
            endings: Vec::new(),
            mtls: Mtls::Mutual,
            flags: Flags::default(),
            is_tunnel: false,
            flow: (protocol == Protocol::Tcp).then_some([0.0; 4]),
            messages: None,
            took: None,
        };
        if parts.next().is_some() {
            return None;
        }
        for word in words.split(',') {
            call.word(word.trim())?;
        }
        Some(call)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let parts: Vec<&str> = word.split_whitespace().collect();
        let number = |text: &str| text.parse::<f64>().ok();
        let is_tcp = self.protocol == Protocol::Tcp;
        match parts.as_slice() {
            ["client", "only"] => self.reporters = vec![Reporter::Source],
            ["server", "only"] => self.reporters = vec![Reporter::Destination],
            ["waypoint", "only"] => self.reporters = vec![Reporter::Waypoint],
            ["waypoint", "and", "server"] => {
                self.reporters = vec![Reporter::Waypoint, Reporter::Destination];
            }
            ["plain"] => self.mtls = Mtls::Plain,
            ["tunnel"] if is_tcp => self.is_tunnel = true,
            ["as", name] => self.called = Some((*name).to_owned()),
            ["flag", flags] if is_tcp => self.flags = joined(flags),
            ["server", n] => self.server_total = Some(number(n)?),
            [n, "rps"] if !is_tcp => self.total = number(n)? * WINDOW_SECS,
            [n, "requests"] if !is_tcp => self.total = number(n)?,
            [n, "x", rest @ ..] if !is_tcp => {
                let (response, flags) = self.ending(rest)?;
                self.endings.push((number(n)?, response, flags));
            }
            [share, rest @ ..] if !is_tcp && share.ends_with('%') => {
                let (response, flags) = self.ending(rest)?;
                let share = number(share.strip_suffix('%')?)? / 100.0;
                self.endings.push((-share, response, flags));
            }
            [n, "B", "up"] => self.flow.as_mut()?[0] = number(n)?,
            [n, "B", "down"] => self.flow.as_mut()?[1] = number(n)?,
            [n, "opened"] => self.flow.as_mut()?[2] = number(n)?,
            [n, "closed"] => self.flow.as_mut()?[3] = number(n)?,
            [n, "messages", "up"] => self.messages.get_or_insert_default()[0] = number(n)?,
            [n, "messages", "down"] => self.messages.get_or_insert_default()[1] = number(n)?,
            ["took", counts] => self.took = Some(histogram(counts)?),
            _ => return None,
        }
        Some(())
    }

    fn ending(&self, words: &[&str]) -> Option<(Response, Flags)> {
        let (code, flags) = match words {
            [code] => (code, "-"),
            [code, flags] => (code, *flags),
            _ => return None,
        };
        let http = |code: u16| Response {
            http: Some(code),
            grpc: None,
        };
        let response = match *code {
            "5xx" => http(500),
            "4xx" => http(404),
            code if self.protocol == Protocol::Grpc => Response {
                http: Some(200),
                grpc: Some(code.parse().ok()?),
            },
            code => http(code.parse().ok()?),
        };
        Some((response, joined(flags)))
    }

    fn key(&self, reporter: Reporter) -> TrafficKey {
        let called = self.called.as_deref();
        let called = called.filter(|_| reporter != Reporter::Destination);
        TrafficKey {
            reporter,
            source: self.source.clone(),
            destination: self.destination.clone(),
            service: self.service.clone().map(|service| ServiceRef {
                name: called.map_or(service.name, Into::into),
                ..service
            }),
            protocol: self.protocol,
            response: Response::default(),
            flags: self.flags.clone(),
            mtls: match reporter {
                Reporter::Source => Mtls::Unknown,
                // A waypoint says something too, of the way to itself.
                Reporter::Waypoint | Reporter::Destination => self.mtls,
            },
            template: None,
        }
    }

    fn tell(&self, facts: &mut Facts) {
        for reporter in self.reporters.iter().copied() {
            let key = self.key(reporter);
            let plain = Arc::new(TrafficKey {
                mtls: Mtls::Unknown,
                flags: Flags::default(),
                ..key.clone()
            });
            if let Some([to_server_bytes, to_client_bytes, opened, closed]) = self.flow {
                facts.tcp.push(TcpSample {
                    key: Arc::new(key.clone()),
                    is_tunnel: self.is_tunnel,
                    to_server_bytes,
                    to_client_bytes,
                    opened,
                    closed,
                });
            } else {
                self.count(&key, reporter, facts);
            }
            if let Some([to_server, to_client]) = self.messages {
                facts.messages.get_or_insert_default().push(MessageSample {
                    key: Arc::clone(&plain),
                    to_server,
                    to_client,
                });
            }
            // Durations are asked of one side.
            if let Some(histogram) = &self.took
                && self.reporters.first() == Some(&reporter)
            {
                facts.latency.get_or_insert_default().push(LatencySample {
                    key: plain,
                    histogram: histogram.clone(),
                });
            }
        }
    }

    fn count(&self, key: &TrafficKey, reporter: Reporter, facts: &mut Facts) {
        let server = self
            .server_total
            .filter(|_| reporter == Reporter::Destination);
        let total = server.unwrap_or(self.total);
        let mut rest = total;
        let mut push = |response: Response, flags: &Flags, value: f64| {
            facts.requests.push(Sample {
                key: Arc::new(TrafficKey {
                    response,
                    flags: flags.clone(),
                    ..key.clone()
                }),
                value,
            });
        };
        for (count, response, flags) in &self.endings {
            let count = if *count < 0.0 { -count * total } else { *count };
            rest -= count;
            push(*response, flags, count);
        }
        let fine = Response {
            http: Some(200),
            grpc: (self.protocol == Protocol::Grpc).then_some(0),
        };
        if rest > 0.0 || self.endings.is_empty() {
            push(fine, &Flags::default(), rest);
        }
    }
}

/// Several flags are joined by `+`: commas part the words of a line.
fn joined(flags: &str) -> Flags {
    Flags::parse(&flags.replace('+', ","))
}

fn histogram(counts: &str) -> Option<Histogram> {
    let mut sum = 0.0;
    let edges = [10.0, 100.0, 1000.0, f64::INFINITY];
    let buckets = edges.into_iter().zip(counts.split('/'));
    let buckets = buckets.map(|(le_ms, count)| {
        sum += count.parse::<f64>().ok()?;
        Some(Bucket { le_ms, count: sum })
    });
    Histogram::new(buckets.collect::<Option<_>>()?)
}

fn named(text: &str) -> Option<(String, String, Vec<&str>)> {
    let (place, words) = text.split_once(" : ")?;
    let (namespace, name) = placed(place.trim());
    let words = words.split(',').map(str::trim).collect();
    Some((namespace?.to_owned(), name.to_owned(), words))
}

/// `shop/cart-v1 : 2/3, injected, waypoint`: ready and wanted pods.
fn pods(text: &str) -> Option<Vec<Value>> {
    let (namespace, name, words) = named(text)?;
    let (ready, wanted) = words.first()?.split_once('/')?;
    let (ready, wanted) = (ready.parse::<u32>().ok()?, wanted.parse::<u32>().ok()?);
    let (app, version) = app_and_version(&name);
    let mut labels = json!({"app": app, "version": version});
    for word in words.get(1..)? {
        let (key, value) = match *word {
            "injected" => ("sidecar.istio.io/inject", "true"),
            "not injected" => ("sidecar.istio.io/inject", "false"),
            "waypoint" => ("gateway.istio.io/managed", "istio.io-mesh-controller"),
            "gateway" => ("gateway.istio.io/managed", "istio.io-gateway-controller"),
            _ => return None,
        };
        labels[key] = value.into();
    }
    Some(vec![json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"replicas": wanted, "template": {"metadata": {"labels": labels}}},
        "status": {"replicas": wanted, "readyReplicas": ready},
    })])
}

/// `shop/cart : app=cart`.
fn service(text: &str) -> Option<Value> {
    let (namespace, name, words) = named(text)?;
    let mut selector = json!({});
    for word in words {
        let (key, value) = word.split_once('=')?;
        selector[key] = value.into();
    }
    Some(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": namespace, "name": name}, "spec": {"selector": selector},
    }))
}

/// `payments/stripe : api.stripe.com, internal`: hosts.
fn entry(text: &str) -> Option<Value> {
    let (namespace, name, words) = named(text)?;
    let (internal, hosts): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| **word == "internal");
    let location = match internal.is_empty() {
        true => "MESH_EXTERNAL",
        false => "MESH_INTERNAL",
    };
    Some(json!({
        "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"hosts": hosts, "location": location, "ports": []},
    }))
}

/// `shop : injected`.
fn namespace(text: &str) -> Option<Value> {
    let (name, word) = text.split_once(" : ")?;
    let labels = match word {
        "injected" => json!({"istio-injection": "enabled"}),
        "ambient" => json!({"istio.io/dataplane-mode": "ambient"}),
        "not injected" => json!({}),
        _ => return None,
    };
    Some(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}),
    )
}

#[test]
fn a_line_that_cannot_be_read_panics_with_it() {
    for line in [
        "web => cart : 1 rps",
        "web -> cart : 1 rpm",
        "web -> cart 1 rps",
        "web -> cart : 1 rps, tunnel",
        "web =tcp=> cart : 1 rps",
        "web =grpc=> cart : 1 rps, 5% UNAVAILABLE",
        "pods shop/cart : many",
    ] {
        let error = std::panic::catch_unwind(|| facts(line)).unwrap_err();
        let message = error.downcast_ref::<String>().unwrap();
        assert!(message.contains(line), "{message}");
    }
}
