//! What is left of a change beside the object's own journal: its id, a Kubernetes Event.

use std::hash::{BuildHasher, Hasher, RandomState};

use mesh::api::query::to_rfc3339;
use serde_json::json;
use tracing::warn;

use super::plan::Planned;
use crate::clock;
use crate::cluster::Cluster;

/// How long an event may take: it is not the record.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

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
            "apiVersion": planned.api_version,
            "uid": planned.uid,
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
    match tokio::time::timeout(PATIENCE, cluster.create(&event, false)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            warn!(object = planned.result.object, %error, "No event could be written for a change");
        }
        Err(_) => warn!(
            object = planned.result.object,
            "No event could be written for a change in time"
        ),
    }
}
