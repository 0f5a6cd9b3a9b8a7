//! Spans as Istio's Envoy writes them, and as OpenTelemetry's libraries do for who has no proxy.
//!
//! The only place that knows the names of tags. Envoy's are those of its `common_values.h`, Istio's own those of
//! its `tracing.go`; a worker's are OpenTelemetry's conventions for messaging
//! (<https://opentelemetry.io/docs/specs/semconv/messaging/>).

use std::collections::BTreeMap;
use std::sync::Arc;

use mesh::telemetry::Protocol;
use mesh::trace::{Log, Process, Span, SpanKind, Tag, Trace};

use crate::World;
use crate::chance::mix;
use crate::ending::Ending;
use crate::ledger::{CLUSTER, Identity, UpstreamName};
use crate::story::{Call, To, Worker};
use crate::trace::{CastPod, Head, Record, Side};

/// What Envoy writes where there is nothing to say.
const NOTHING: &str = "-";
/// The port that every container of the story listens on.
const INBOUND_PORT: u16 = 80;

/// Makes spans of records; what spans have in common it makes once.
pub(crate) struct Builder<'a> {
    world: &'a World,
    keys: BTreeMap<&'static str, Arc<str>>,
    operations: BTreeMap<String, Arc<str>>,
    processes: BTreeMap<(u16, bool), Arc<Process>>,
}

/// For each pod whether its proxy, and whether its worker, traces under a name.
pub(crate) struct Tellers(Vec<[bool; 2]>);

impl Tellers {
    /// Returns whether they tell a record.
    pub(crate) fn tell(&self, record: &Record) -> bool {
        let pod = record.teller().and_then(|it| self.0.get(usize::from(it)));
        pod.is_some_and(|its| its[usize::from(record.side == Side::Worker)])
    }
}

impl<'a> Builder<'a> {
    pub(crate) fn of(world: &'a World) -> Builder<'a> {
        Builder {
            world,
            keys: BTreeMap::new(),
            operations: BTreeMap::new(),
            processes: BTreeMap::new(),
        }
    }

    /// Returns the name that a pod's proxy traces under, or who works for the pod.
    pub(crate) fn service(&self, pod: u16, side: Side) -> Option<String> {
        let pod = self.pod(pod)?;
        if side == Side::Worker {
            return Some(pod.actor.worker.as_ref()?.name.to_owned());
        }
        if let Some(name) = pod.actor.traced_as {
            return Some(name.to_owned());
        }
        let identity = self.identity(pod)?;
        let app = identity.app_label.as_ref();
        let app = app.unwrap_or(&identity.canonical_service);
        Some(format!("{app}.{}", identity.namespace))
    }

    /// Returns the pods whose proxies trace under a name, and those whose workers do.
    pub(crate) fn tellers(&self, service: &str) -> Tellers {
        let numbers = (0..).take(self.world.traces.cast.pods().len());
        let is_it = |pod, side| self.service(pod, side).as_deref() == Some(service);
        Tellers(
            numbers
                .map(|pod| [is_it(pod, Side::Server), is_it(pod, Side::Worker)])
                .collect(),
        )
    }

    /// Returns whether the span of a record says that it failed.
    pub(crate) fn failed(&self, record: &Record) -> bool {
        let ending = self.world.traces.cast.ending_of(record.ending);
        ending.is_some_and(is_error)
    }

    /// Returns the operation of a record's span.
    pub(crate) fn operation(&mut self, record: &Record) -> Arc<str> {
        let name = match (record.side, self.worker(record)) {
            (Side::Worker, Some(worker)) => format!("{} process", worker.queue),
            _ => format!("{}/*", self.addressed(record)),
        };
        if let Some(known) = self.operations.get(&name) {
            return Arc::clone(known);
        }
        let made: Arc<str> = name.as_str().into();
        self.operations.insert(name, Arc::clone(&made));
        made
    }

    /// Returns a trace.
    pub(crate) fn trace(&mut self, head: &Head, records: &[Record]) -> Trace {
        let mut spans = Vec::with_capacity(records.len() + 1);
        for (record, idx) in records.iter().zip(0_u16..) {
            let Some(span) = self.span(head, record, idx) else {
                continue;
            };
            let sending = self.worker(record).filter(|_| record.side == Side::Worker);
            let sending = sending.map(|worker| self.sending(head, &span, worker, idx));
            spans.push(span);
            spans.extend(sending);
        }
        Trace {
            id: trace_id(head.key),
            spans,
            warnings: Vec::new(),
        }
    }

    fn span(&mut self, head: &Head, record: &Record, idx: u16) -> Option<Span> {
        let teller = record.teller()?;
        let ending = self.world.traces.cast.ending_of(record.ending)?;
        let process = self.process(teller, record.side)?;
        let operation = self.operation(record);
        let start_us = head.start_us + i64::from(record.start_us);
        let mut logs = Vec::new();
        let (kind, tags) = match record.side {
            Side::Worker => {
                let worker = self.worker(record)?;
                if is_error(ending) {
                    let at_us = start_us + i64::from(record.us) * 9 / 10;
                    logs.push(self.exception(at_us, worker));
                }
                (SpanKind::Consumer, self.worker_tags(worker, ending))
            }
            Side::Client => (SpanKind::Client, self.proxy_tags(head, record, ending)?),
            Side::Waypoint | Side::Server | Side::Copy => {
                (SpanKind::Server, self.proxy_tags(head, record, ending)?)
            }
        };
        Some(Span {
            id: span_id(head.key, idx.into()).into(),
            parent: record.parent.map(|it| span_id(head.key, it.into()).into()),
            process,
            operation,
            kind,
            start_us,
            duration_us: record.us.into(),
            is_error: is_error(ending),
            tags,
            logs,
            warnings: Vec::new(),
        })
    }

    fn process(&mut self, pod: u16, side: Side) -> Option<Arc<Process>> {
        let is_worker = side == Side::Worker;
        if let Some(known) = self.processes.get(&(pod, is_worker)) {
            return Some(Arc::clone(known));
        }
        let service = self.service(pod, side)?;
        let tags = match is_worker {
            // Outside the cluster: it runs on a machine of its own.
            true => self.tags([
                ("host.name", format!("{service}-1.example.net")),
                ("service.version", "4.1.0".to_owned()),
                ("telemetry.sdk.language", "go".to_owned()),
                ("telemetry.sdk.name", "opentelemetry".to_owned()),
                ("telemetry.sdk.version", "1.38.0".to_owned()),
            ]),
            false => Vec::new(),
        };
        let made = Arc::new(Process { service, tags });
        self.processes.insert((pod, is_worker), Arc::clone(&made));
        Some(made)
    }

    /// Returns what a proxy says of a call.
    fn proxy_tags(&mut self, head: &Head, record: &Record, ending: Ending) -> Option<Vec<Tag>> {
        let cast = &self.world.traces.cast;
        let call = cast.call_of(record.call)?;
        let teller = self.pod(record.teller()?)?;
        let identity = self.identity(teller)?;
        let from = self.pod(record.from)?;
        let to = record.to.and_then(|it| self.pod(it));
        let is_grpc = call.protocol == Protocol::Grpc;
        let is_from_gateway = from.actor.gateway;
        let authority = match record.side {
            // Envoy marks copies so that nobody takes them for what they are copies of.
            Side::Copy => format!("{}-shadow", self.authority(record)),
            _ => self.authority(record),
        };
        let mut size = SizeOf(mix(head.key ^ u64::from(record.start_us)));
        let sizes = (size.about(240), size.about(1800));
        let mut tags = vec![
            ("guid:x-request-id", request_id(head.key)),
            ("http.url", format!("http://{authority}{}", call.path)),
            ("http.method", method(call).to_owned()),
            ("downstream_cluster", NOTHING.to_owned()),
            ("user_agent", agent(is_grpc, is_from_gateway).to_owned()),
            (
                "http.protocol",
                match is_grpc || is_from_gateway && record.side == Side::Client {
                    true => "HTTP/2",
                    false => "HTTP/1.1",
                }
                .to_owned(),
            ),
            ("request_size", sizes.0.to_string()),
            (
                "peer.address",
                match (record.side, is_from_gateway) {
                    (Side::Client, true) => visitor(head.key),
                    _ => address(from),
                },
            ),
        ];
        if is_grpc {
            tags.push(("grpc.path", call.path.to_owned()));
            tags.push(("grpc.authority", authority));
            tags.push(("grpc.content_type", "application/grpc".to_owned()));
        }
        tags.push(("node_id", self.node_id(teller, identity, record.side)));
        tags.push(("component", "proxy".to_owned()));
        if let Some(cluster) = self.cluster(record) {
            tags.push(("upstream_cluster", cluster.clone()));
            tags.push(("upstream_cluster.name", cluster));
        }
        if let Some(to) = to {
            tags.push((
                "upstream_address",
                format!("{}:{INBOUND_PORT}", address(to)),
            ));
        }
        if record.retries != 0 {
            tags.push(("retry.count", record.retries.to_string()));
        }
        tags.push(("http.status_code", ending.http.to_string()));
        let answered = if ending.http == 0 { 0 } else { sizes.1 };
        tags.push(("response_size", answered.to_string()));
        tags.push(("response_flags", ending.flags.text()));
        if let Some(status) = ending.grpc {
            tags.push(("grpc.status_code", status.to_string()));
        }
        if is_error(ending) {
            tags.push(("error", "true".to_owned()));
        }
        tags.push((
            "istio.canonical_service",
            identity.canonical_service.clone(),
        ));
        tags.push((
            "istio.canonical_revision",
            identity.canonical_revision.clone(),
        ));
        tags.push(("istio.mesh_id", "cluster.local".to_owned()));
        tags.push(("istio.namespace", identity.namespace.clone()));
        tags.push(("istio.cluster_id", CLUSTER.to_owned()));
        if record.side == Side::Waypoint {
            let from = self.identity(from);
            let to = to.and_then(|it| self.identity(it));
            tags.extend(from.into_iter().flat_map(|it| ends(&SOURCE, it)));
            tags.extend(to.into_iter().flat_map(|it| ends(&DESTINATION, it)));
        }
        Some(self.tags(tags))
    }

    fn worker_tags(&mut self, worker: &Worker, ending: Ending) -> Vec<Tag> {
        let mut tags = vec![
            ("messaging.system", "rabbitmq".to_owned()),
            ("messaging.operation.type", "process".to_owned()),
            ("messaging.destination.name", worker.queue.to_owned()),
        ];
        if is_error(ending) {
            tags.push(("error.type", "smtp.Temporary".to_owned()));
            tags.push(("otel.status_code", "ERROR".to_owned()));
            tags.push(("error", "true".to_owned()));
        }
        tags.push(("otel.scope.name", worker.name.to_owned()));
        self.tags(tags)
    }

    /// Returns the call that a worker makes for a message: most of its time, and all of its failures.
    fn sending(&mut self, head: &Head, above: &Span, worker: &Worker, idx: u16) -> Span {
        let mut tags = vec![
            ("server.address", worker.calls.to_owned()),
            ("server.port", "587".to_owned()),
            ("network.transport", "tcp".to_owned()),
        ];
        if above.is_error {
            tags.push(("otel.status_code", "ERROR".to_owned()));
            tags.push(("error", "true".to_owned()));
        }
        tags.push(("otel.scope.name", worker.name.to_owned()));
        Span {
            // The places of records are smaller.
            id: span_id(head.key, u64::from(idx) | 1 << 32).into(),
            parent: Some(above.id.clone()),
            process: Arc::clone(&above.process),
            operation: "smtp send".into(),
            kind: SpanKind::Client,
            start_us: above.start_us + above.duration_us / 10,
            duration_us: above.duration_us * 8 / 10,
            is_error: above.is_error,
            tags: self.tags(tags),
            logs: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn exception(&mut self, at_us: i64, worker: &Worker) -> Log {
        Log {
            at_us,
            fields: self.tags([
                ("event", "exception".to_owned()),
                ("exception.type", "smtp.Temporary".to_owned()),
                (
                    "exception.message",
                    format!("{} is busy: 451 try again later", worker.calls),
                ),
            ]),
        }
    }

    fn tags(&mut self, pairs: impl IntoIterator<Item = (&'static str, String)>) -> Vec<Tag> {
        let keys = &mut self.keys;
        pairs
            .into_iter()
            .map(|(key, value)| Tag {
                key: Arc::clone(keys.entry(key).or_insert_with(|| key.into())),
                value: value.into(),
            })
            .collect()
    }

    fn worker(&self, record: &Record) -> Option<&'static Worker> {
        let pod = self.pod(record.teller()?)?;
        pod.actor.worker.as_ref()
    }

    fn pod(&self, number: u16) -> Option<&'a CastPod> {
        self.world.traces.cast.pod_of(number)
    }

    fn identity(&self, pod: &CastPod) -> Option<&'a Identity> {
        self.world.ledger.identity(pod.workload)
    }

    fn upstream(&self, record: &Record) -> Option<&'a UpstreamName> {
        let id = self.world.traces.cast.upstream_of(record.upstream?)?;
        self.world.ledger.upstream(id)
    }

    /// Returns the host and port that a proxy knows a call by: what the caller addressed, or whose proxy took it.
    fn addressed(&self, record: &Record) -> String {
        let upstream = self.upstream(record);
        let port = upstream.map_or(INBOUND_PORT, |it| it.port);
        let call = self.world.traces.cast.call_of(record.call);
        match (record.side, upstream, call.map(|it| it.to)) {
            (Side::Client, _, Some(To::Host(host))) => format!("{host}:{INBOUND_PORT}"),
            (Side::Client, _, Some(To::Service(namespace, name))) => {
                let port = match upstream {
                    Some(_) => port,
                    None => self.world.ledger.port_of(namespace, name).unwrap_or(port),
                };
                format!("{}:{port}", full_host(namespace, name))
            }
            (_, Some(upstream), _) => {
                format!(
                    "{}:{port}",
                    full_host(&upstream.namespace, &upstream.service)
                )
            }
            (_, None, Some(To::Service(namespace, name))) => {
                format!("{}:{port}", full_host(namespace, name))
            }
            (_, None, Some(To::Host(host))) => format!("{host}:{port}"),
            (_, None, None) => NOTHING.to_owned(),
        }
    }

    /// Returns the host that a caller wrote into its request.
    fn authority(&self, record: &Record) -> String {
        let call = self.world.traces.cast.call_of(record.call);
        match call.map(|it| it.to) {
            Some(To::Host(host)) => host.to_owned(),
            Some(To::Service(namespace, name)) => {
                let port = self.world.ledger.port_of(namespace, name);
                match port.filter(|it| *it != 80) {
                    Some(port) => format!("{name}.{namespace}:{port}"),
                    None => format!("{name}.{namespace}"),
                }
            }
            None => NOTHING.to_owned(),
        }
    }

    /// Returns Envoy's name of where a proxy sent a call.
    fn cluster(&self, record: &Record) -> Option<String> {
        let upstream = self.upstream(record);
        let subset = |it: &UpstreamName| it.subset.clone().unwrap_or_default();
        match record.side {
            Side::Client => upstream.map(|it| {
                let host = full_host(&it.namespace, &it.service);
                format!("outbound|{}|{}|{host}", it.port, subset(it))
            }),
            Side::Waypoint => upstream.map(|it| {
                let host = full_host(&it.namespace, &it.service);
                let subset = match it.subset {
                    Some(_) => format!("http/{}", subset(it)),
                    None => "http".to_owned(),
                };
                format!("inbound-vip|{}|{subset}|{host}", it.port)
            }),
            Side::Server | Side::Copy => Some(format!("inbound|{INBOUND_PORT}||")),
            Side::Worker => None,
        }
    }

    fn node_id(&self, pod: &CastPod, identity: &Identity, side: Side) -> String {
        let kind = match (side, pod.actor.gateway) {
            (Side::Waypoint, _) => "waypoint",
            (_, true) => "router",
            (_, false) => "sidecar",
        };
        let (name, namespace) = (&pod.name, &identity.namespace);
        let address = address(pod);
        format!("{kind}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local")
    }
}

/// The tags of a waypoint for one end, in the order of [`ends`].
const SOURCE: [&str; 5] = [
    "istio.source_workload",
    "istio.source_namespace",
    "istio.source_canonical_service",
    "istio.source_canonical_revision",
    "istio.source_cluster_id",
];
const DESTINATION: [&str; 5] = [
    "istio.destination_workload",
    "istio.destination_namespace",
    "istio.destination_canonical_service",
    "istio.destination_canonical_revision",
    "istio.destination_cluster_id",
];

fn ends(names: &[&'static str; 5], identity: &Identity) -> Vec<(&'static str, String)> {
    let values = [
        identity.workload.clone(),
        identity.namespace.clone(),
        identity.canonical_service.clone(),
        identity.canonical_revision.clone(),
        CLUSTER.to_owned(),
    ];
    names.iter().copied().zip(values).collect()
}

/// Returns the id of a trace: 32 hexadecimal digits.
pub(crate) fn trace_id(key: u64) -> String {
    format!("{:016x}{:016x}", mix(key ^ 1), mix(key ^ 2))
}

/// Returns the id of the span at a place within its trace: 16 hexadecimal digits.
fn span_id(key: u64, place: u64) -> String {
    // Zero would be none.
    format!("{:016x}", mix(mix(key) ^ place).max(1))
}

/// Returns a request's id as Envoy makes them: the 9 says that it is sampled.
fn request_id(key: u64) -> String {
    let (a, b) = (mix(key ^ 3), mix(key ^ 4));
    format!(
        "{:08x}-{:04x}-9{:03x}-{:04x}-{:012x}",
        a >> 32,
        a >> 16 & 0xffff,
        a & 0xfff,
        b >> 48 & 0x3fff | 0x8000,
        b & 0xffff_ffff_ffff
    )
}

/// Returns whether Envoy says that a call failed: no answer counts, whoever went away.
fn is_error(ending: Ending) -> bool {
    let by_grpc = ending
        .grpc
        .is_some_and(|it| matches!(it, 2 | 4 | 12 | 13 | 14 | 15));
    by_grpc || ending.http == 0 || 500 <= ending.http
}

fn full_host(namespace: &str, name: &str) -> String {
    // A host outside the mesh is its own name; a service's name has no dot.
    match name.contains('.') {
        true => name.to_owned(),
        false => format!("{name}.{namespace}.svc.cluster.local"),
    }
}

fn method(call: &Call) -> &'static str {
    match call.protocol {
        Protocol::Grpc => "POST",
        _ => "GET",
    }
}

fn agent(is_grpc: bool, is_from_gateway: bool) -> &'static str {
    match (is_grpc, is_from_gateway) {
        (_, true) => "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        (true, false) => "grpc-go/1.76.0",
        (false, false) => "Go-http-client/1.1",
    }
}

/// Returns the address of a pod.
fn address(pod: &CastPod) -> String {
    let [a, b, ..] = mix(pod.id.0).to_be_bytes();
    format!("10.244.{}.{}", a % 8, b.clamp(2, 254))
}

/// Returns the address of a person's browser, of those kept for documents.
fn visitor(key: u64) -> String {
    format!("203.0.113.{}", mix(key ^ 5) % 254 + 1)
}

/// Sizes that a call's key says.
struct SizeOf(u64);

impl SizeOf {
    fn about(&mut self, bytes: u64) -> u64 {
        self.0 = mix(self.0);
        bytes / 2 + self.0 % bytes
    }
}
