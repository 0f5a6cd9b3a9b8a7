//! What is left of a change beside the object's own journal: its id, a Kubernetes Event.

use std::hash::{BuildHasher, Hasher, RandomState};

use mesh::api::query::to_rfc3339;
use serde_json::json;
use tracing::warn;

use super::plan::Planned;
use crate::clock;
use crate::cluster::Cluster;

/// Returns an id for a change: it sorts by time, and two servers do not make the same.
pub fn new_id() -> String {
    // The standard library's hashers are seeded at random.
    let chance = RandomState::new().build_hasher().finish();
    format!("{:011x}{:04x}", clock::now().0, chance & 0xffff)
}

/// Tells those who watch the object. The record is in the object itself, so a failure is only logged.
pub async fn tell(cluster: &Cluster, planned: &Planned, reason: Option<&str>, id: &str) {
    let now = to_rfc3339(clock::now().floor_to(1000));
    let because = reason.map(|r| format!(" ({r})")).unwrap_or_default();
    let event = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": format!("{}.{id}", planned.key.name),
            "namespace": planned.key.namespace,
        },
        "involvedObject": {
            "kind": planned.key.kind,
            "namespace": planned.key.namespace,
            "name": planned.key.name,
            "resourceVersion": planned.result.resource_version,
        },
        "type": "Normal",
        "reason": planned.event,
        "message": format!("{} by {}{because}", planned.summary, cluster.who()),
        "source": {"component": "pidali"},
        "reportingComponent": "pidali.dev/pidali",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    });
    if let Err(error) = cluster.create(&event, false).await {
        warn!(object = planned.result.object, %error, "No event could be written for a change");
    }
}
