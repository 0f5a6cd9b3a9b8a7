//! What flows without requests: bytes and connections over TCP, messages in gRPC calls (rule R9).

use crate::api::graph::Flow;
use crate::api::{Health, HealthStatus};
use crate::health::{self, Outcome, Seen, Thresholds};
use crate::telemetry::{Flags, MessageSample, TcpSample};
use crate::units::{Window, six_digits};

/// Envoy's flags of connections that never came to be. One that was cut off (`DC`, `UC`, `DT` …) had been
/// there: many protocols end like that.
const FAILED: [&str; 7] = ["UF", "UH", "UO", "NR", "NC", "URX", "UAEX"];

/// What flowed over TCP in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Connections {
    to_server_bytes: f64,
    to_client_bytes: f64,
    opened: f64,
    closed: f64,
    failed: f64,
}

/// Messages in gRPC calls in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Messages {
    to_server: f64,
    to_client: f64,
}

/// What one report says of flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streams {
    /// Over TCP, where that was reported.
    pub tcp: Option<Connections>,
    /// In gRPC calls, where that was reported.
    pub messages: Option<Messages>,
}

impl Connections {
    /// Returns what a sample says.
    pub fn of(sample: &TcpSample) -> Connections {
        Connections {
            to_server_bytes: sample.to_server_bytes,
            to_client_bytes: sample.to_client_bytes,
            opened: sample.opened,
            closed: sample.closed,
            failed: if has_failed(&sample.key.flags) {
                count(sample)
            } else {
                0.0
            },
        }
    }

    /// Adds another report of the same side.
    pub fn merge(&mut self, other: &Connections) {
        self.to_server_bytes += other.to_server_bytes;
        self.to_client_bytes += other.to_client_bytes;
        self.opened += other.opened;
        self.closed += other.closed;
        self.failed += other.failed;
    }

    /// Returns whether anything happened.
    pub fn is_busy(&self) -> bool {
        self.opened > 0.0 || self.closed > 0.0 || self.has_bytes()
    }

    /// Returns whether bytes flowed.
    pub fn has_bytes(&self) -> bool {
        self.to_server_bytes > 0.0 || self.to_client_bytes > 0.0
    }

    /// Returns how many connections were opened.
    pub fn opened(&self) -> f64 {
        self.opened
    }

    /// Judges by the share of connections that failed; the reason says so.
    pub fn judge(&self, window: Window, by: &Thresholds) -> Health {
        // One that failed may have been opened before the window.
        let tried = self.opened.max(self.failed);
        if tried > 0.0 {
            let seen = Seen {
                outcome: Outcome {
                    requests: tried,
                    errors: self.failed,
                },
                ..Seen::default()
            };
            let judged = health::judge(seen, window, by);
            return Health {
                reason: judged
                    .reason
                    .replace("too little traffic", "too few connections")
                    .replace("requests", "connections"),
                status: judged.status,
            };
        }
        let (status, reason) = if self.is_busy() {
            let reason = "connections opened earlier are in use, none failed in";
            (HealthStatus::Healthy, reason)
        } else {
            (HealthStatus::Idle, "nothing flowed in")
        };
        Health {
            status,
            reason: format!("{reason} {window}"),
        }
    }
}

/// Returns how many connections a sample is about: opened and closed ones may carry other flags, since how
/// a connection ends is not known when it is opened.
pub fn count(sample: &TcpSample) -> f64 {
    sample.opened.max(sample.closed)
}

fn has_failed(flags: &Flags) -> bool {
    flags.iter().any(|flag| FAILED.contains(&flag))
}

impl Messages {
    /// Returns what a sample says.
    pub fn of(sample: &MessageSample) -> Messages {
        Messages {
            to_server: sample.to_server,
            to_client: sample.to_client,
        }
    }

    /// Adds another report of the same side.
    pub fn merge(&mut self, other: &Messages) {
        self.to_server += other.to_server;
        self.to_client += other.to_client;
    }
}

impl Streams {
    /// Returns what flows over TCP alone.
    pub fn of_tcp(connections: Connections) -> Streams {
        Streams {
            tcp: Some(connections),
            messages: None,
        }
    }

    /// Adds another report of the same side.
    pub fn merge(&mut self, other: &Streams) {
        if let Some(tcp) = &other.tcp {
            self.tcp.get_or_insert_default().merge(tcp);
        }
        if let Some(messages) = &other.messages {
            self.messages.get_or_insert_default().merge(messages);
        }
    }

    /// Returns the figures as they go over the wire.
    pub fn to_wire(&self, window: Window) -> Flow {
        let per_sec = |count: f64| Some(six_digits(count / f64::from(window.secs())));
        let mut flow = Flow::default();
        if let Some(tcp) = &self.tcp {
            flow.client_to_server_bps = per_sec(tcp.to_server_bytes);
            flow.server_to_client_bps = per_sec(tcp.to_client_bytes);
            flow.connections_opened = Some(six_digits(tcp.opened));
            flow.connections_closed = Some(six_digits(tcp.closed));
            flow.connections_failed = Some(six_digits(tcp.failed));
        }
        if let Some(messages) = &self.messages {
            flow.messages_to_server_ps = per_sec(messages.to_server);
            flow.messages_to_client_ps = per_sec(messages.to_client);
        }
        flow
    }
}
