//! What became of a write that got no answer: the object itself says it, since change and record are one write
//! (rule W6).

use std::time::{Duration, Instant};

use mesh::object::ObjectKey;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterError};

/// How long it is looked: a server that restarts is back in seconds, and one that is slow may still be writing.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(500);

/// Looks until `is_done` finds the write in the object (`None` where there is none), for a while. Returns the object,
/// or what can be said without.
pub async fn settle(
    cluster: &Cluster,
    key: &ObjectKey,
    problem: String,
    is_done: impl Fn(Option<&Value>) -> bool,
) -> Result<Option<Value>, ClusterError> {
    let begun = Instant::now();
    let is_as_it_was = loop {
        let is_as_it_was = match cluster.get(key).await {
            Ok(object) if is_done(Some(&object)) => return Ok(Some(object)),
            Err(ClusterError::NotFound(_)) if is_done(None) => return Ok(None),
            Ok(_) | Err(ClusterError::NotFound(_)) => true,
            Err(_) => false,
        };
        if begun.elapsed() > PATIENCE {
            break is_as_it_was;
        }
        tokio::time::sleep(PAUSE).await;
    };
    Err(if is_as_it_was {
        ClusterError::Unreachable {
            problem: format!(
                "{problem}; {key} was as before when it was looked at {} s later",
                PATIENCE.as_secs()
            ),
            mend: Some("nothing was changed: try again".to_owned()),
        }
    } else {
        let key = key.clone();
        ClusterError::Unanswered { key, problem }
    })
}
