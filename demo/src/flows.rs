//! Answers what flowed without requests: bytes over connections, messages in gRPC calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use mesh::telemetry::{
    Flags, GrpcMessages, MessageSample, Mtls, Protocol, Response, TcpSample, TcpTraffic, TrafficKey,
};

use crate::World;
use crate::answers::Steps;
use crate::ending::Ending;
use crate::wires::Flow;

impl World {
    /// Returns the exact bytes and connections of each key in `(at - window, at]`, as both sides report
    /// them, sorted by key.
    pub fn tcp(&self, query: &TcpTraffic) -> Vec<TcpSample> {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut flows = BTreeMap::<(TrafficKey, bool), Flow>::new();
        for (wire, flow) in self.wires.sums(steps.first, steps.last) {
            for told in self.ledger.wire_keys(wire).into_iter().flatten() {
                flows.entry(told).or_default().add(flow);
            }
        }
        flows
            .into_iter()
            .map(|((key, is_tunnel), flow)| TcpSample {
                key: Arc::new(key),
                is_tunnel,
                to_server_bytes: flow.to_server as f64,
                to_client_bytes: flow.to_client as f64,
                opened: flow.opened as f64,
                closed: flow.closed as f64,
            })
            .collect()
    }

    /// Returns the exact number of messages in the gRPC calls of each key that ended in
    /// `(at - window, at]`, as both sides report them, sorted by key.
    pub fn messages(&self, query: &GrpcMessages) -> Vec<MessageSample> {
        let steps = Steps::within(query.window.millis(), query.at);
        let mut messages = BTreeMap::<TrafficKey, [u64; 2]>::new();
        for (row, count) in self.ledger.rows().iter().zip(self.counts(steps)) {
            if row.series.protocol != Protocol::Grpc {
                continue;
            }
            for (key, count) in count.by_key(row) {
                let key = TrafficKey {
                    response: Response::default(),
                    flags: Flags::default(),
                    mtls: Mtls::default(),
                    ..TrafficKey::clone(key)
                };
                let [to_server, to_client] = messages.entry(key).or_default();
                *to_server += count;
                *to_client += count * row.series.ending.answers(row.answers);
            }
        }
        messages
            .into_iter()
            .map(|(key, [to_server, to_client])| MessageSample {
                key: Arc::new(key),
                to_server: to_server as f64,
                to_client: to_client as f64,
            })
            .collect()
    }
}

impl Ending {
    /// Returns how many messages came back in a gRPC call that ended like this, where a good answer has
    /// `good`: a status other than OK comes without one, in the trailers alone.
    pub(crate) fn answers(self, good: u64) -> u64 {
        if self.grpc == Some(0) { good } else { 0 }
    }
}
