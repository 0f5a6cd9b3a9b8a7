//! Istio's labels become our types: once, or are refused with a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashSet;

use mesh::api::Notice;
use mesh::telemetry::{Flags, Mtls, Peer, Protocol, Reporter, Response, ServiceRef, TrafficKey};

use super::decode::{Labels, Point, Text};

/// Reads labels and values, sharing what repeats, and remembers what it had to leave out.
#[derive(Default)]
pub struct Reader {
    known: HashSet<Arc<TrafficKey>>,
    texts: HashSet<Arc<str>>,
    left_out: BTreeMap<&'static str, u64>,
}

impl Reader {
    /// Returns what was counted, the same for all that say the same; `None` when the labels do not say it.
    pub fn key(&mut self, labels: &Labels) -> Option<Arc<TrafficKey>> {
        let key = self.own_key(labels)?;
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let shared = Arc::new(key);
        self.known.insert(shared.clone());
        Some(shared)
    }

    /// Returns what was counted, for a metric that has one series of a kind; `None` when the labels do not say it.
    pub fn own_key(&mut self, labels: &Labels) -> Option<TrafficKey> {
        let reporter = match labels.reporter.as_deref() {
            Some("source") => Reporter::Source,
            Some("destination") => Reporter::Destination,
            Some("waypoint") => Reporter::Waypoint,
            _ => return self.leave_out("without a known `reporter` label"),
        };
        let Some(protocol) = labels
            .request_protocol
            .as_deref()
            .and_then(Protocol::from_word)
        else {
            return self.leave_out("without a known `request_protocol` label");
        };
        let source = self.peer(
            &labels.source_cluster,
            &labels.source_workload_namespace,
            &labels.source_workload,
            &labels.source_canonical_service,
            &labels.source_canonical_revision,
        );
        let destination = self.peer(
            &labels.destination_cluster,
            &labels.destination_workload_namespace,
            &labels.destination_workload,
            &labels.destination_canonical_service,
            &labels.destination_canonical_revision,
        );
        let service = self
            .text(&labels.destination_service_name)
            .map(|name| ServiceRef {
                namespace: self
                    .text(&labels.destination_service_namespace)
                    .map(mesh::names::NamespaceName::new),
                name: mesh::names::ServiceName::new(name),
            });
        let number = |text: &Option<Text>| text.as_deref().and_then(|t| t.parse().ok());
        Some(TrafficKey {
            reporter,
            source,
            destination,
            service,
            protocol,
            response: Response {
                http: number(&labels.response_code),
                grpc: number(&labels.grpc_response_status).filter(|_| protocol == Protocol::Grpc),
            },
            flags: Flags::parse(labels.response_flags.as_deref().unwrap_or_default()),
            mtls: match labels.connection_security_policy.as_deref() {
                Some("mutual_tls") => Mtls::Mutual,
                Some("none") => Mtls::Plain,
                _ => Mtls::Unknown,
            },
            template: self
                .text(&labels.rollouts_pod_template_hash)
                .filter(|_| reporter == Reporter::Destination)
                .map(mesh::names::TemplateHash::new),
        })
    }

    /// Returns the upper edge of a bucket; Prometheus 2 writes `500`, 3 writes `500.0`.
    pub fn le(&mut self, labels: &Labels) -> Option<f64> {
        let le = labels
            .le
            .as_deref()
            .and_then(|text| text.parse::<f64>().ok());
        match le {
            Some(le) if !le.is_nan() => Some(le),
            _ => self.leave_out("without a readable `le` label"),
        }
    }

    /// Returns a count: a finite number that is not negative.
    pub fn value(&mut self, point: Option<&Point>) -> Option<f64> {
        let value = point.and_then(|point| point.1.parse::<f64>().ok());
        match value {
            Some(value) if value.is_finite() && value >= 0.0 => Some(value),
            _ => self.leave_out("with a value that is no count (NaN, infinite or negative)"),
        }
    }

    /// Says what was left out.
    pub fn notices(&self) -> Vec<Notice> {
        self.left_out
            .iter()
            .map(|(why, n)| Notice {
                kind: "source_partial".to_owned(),
                source: "prometheus".to_owned(),
                message: format!("{n} series {why} are left out."),
                hint: Some(
                    "check Prometheus's relabelling and Istio's telemetry settings".to_owned(),
                ),
            })
            .collect()
    }

    /// Remembers what another had to leave out.
    pub fn leave_out_too(&mut self, other: &Reader) {
        for (why, n) in &other.left_out {
            *self.left_out.entry(why).or_default() += n;
        }
    }

    fn leave_out<T>(&mut self, why: &'static str) -> Option<T> {
        *self.left_out.entry(why).or_default() += 1;
        None
    }

    fn peer(
        &mut self,
        cluster: &Option<Text>,
        namespace: &Option<Text>,
        workload: &Option<Text>,
        app: &Option<Text>,
        version: &Option<Text>,
    ) -> Peer {
        let workload = self.text(workload);
        Peer {
            cluster: self.text(cluster).map(mesh::names::ClusterName::new),
            namespace: self.text(namespace).map(mesh::names::NamespaceName::new),
            app: self.text(app).map(mesh::names::AppName::new),
            // Istio writes `latest` for a peer that it knows nothing of.
            version: self
                .text(version)
                .filter(|_| workload.is_some())
                .map(mesh::names::VersionName::new),
            workload: workload.map(mesh::names::WorkloadName::new),
        }
    }

    /// Returns the text of a label, shared; Istio writes `unknown` for what it does not know.
    fn text(&mut self, label: &Option<Text>) -> Option<Arc<str>> {
        let text = label
            .as_deref()
            .filter(|t| !t.is_empty() && *t != "unknown")?;
        if let Some(known) = self.texts.get(text) {
            return Some(known.clone());
        }
        let shared: Arc<str> = text.into();
        self.texts.insert(shared.clone());
        Some(shared)
    }
}
