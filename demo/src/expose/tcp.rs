//! Bytes and connections over TCP, as sidecars and nodes' proxies count them.

use super::labels::{ends, policy, reporter};
use super::{Exposed, family, line};
use crate::World;
use crate::ledger::WireReportId;
use crate::wires::Flow;

/// Istio's counters, each with the part of a flow that it tells. What the server received came from the
/// client, for both reporters.
const TCP: [(&str, fn(&Flow) -> u64); 4] = [
    ("istio_tcp_connections_closed_total", |flow| flow.closed),
    ("istio_tcp_connections_opened_total", |flow| flow.opened),
    ("istio_tcp_received_bytes_total", |flow| flow.to_server),
    ("istio_tcp_sent_bytes_total", |flow| flow.to_client),
];

impl World {
    pub(super) fn expose_tcp(&self, pods: &[Exposed<'_>], text: &mut String) {
        let mut reports: Vec<(String, &Flow)> = Vec::new();
        for it in pods {
            reports.extend(it.pod.wires.iter().filter_map(|(report, flow)| {
                let labels = self.connected(*report, &it.at)?;
                Some((labels, flow))
            }));
        }
        reports.sort_by(|a, b| a.0.cmp(&b.0));
        for (metric, part) in TCP {
            family(text, metric, "counter");
            for (labels, flow) in &reports {
                line(text, metric, labels, "", &part(flow));
            }
        }
    }

    fn connected(&self, report: WireReportId, at: &str) -> Option<String> {
        let wire = self.ledger.wire_of(report.wire)?;
        let [client, server] = self.ledger.wire_keys(report.wire);
        let (key, _) = if report.by_server { server } else { client }?;
        let labels = ends(
            &self.ledger,
            at,
            reporter(report.by_server, false),
            (wire.source, wire.destination, wire.service),
        )?;
        Some(format!(
            "{labels},request_protocol=\"tcp\",response_flags=\"-\",connection_security_policy=\"{}\"",
            policy(key.mtls)
        ))
    }
}
