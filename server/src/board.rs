//! The objects as they were read last, so that they are read once for each version, and before anybody waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mesh::api;
use mesh::routes::{Board, Read};
use tokio::sync::watch;

use crate::cluster::{Cluster, Snapshot};

/// Nobody looks any more after this time: then objects are read when they are asked for.
const IDLE: Duration = Duration::from_secs(60);
/// Changes come in crowds (a deployment, its pods): they are read together.
const CROWD: Duration = Duration::from_millis(100);
/// Reading ahead takes at most one part in so many of a processor's time.
const REST: u32 = 4;

/// The objects as they were read last.
#[derive(Default)]
pub struct BoardCache {
    kept: Mutex<Option<Current>>,
    asked_at: Mutex<Option<Instant>>,
}

/// The objects of one version, read.
#[derive(Clone)]
pub struct Current {
    /// The version.
    pub version: u64,
    /// The objects.
    pub board: Arc<Board>,
    /// What of the cluster is not known.
    pub notices: Arc<[api::Notice]>,
}

impl BoardCache {
    /// Returns the objects of `cluster` as they are now, read.
    pub fn now(&self, cluster: &Cluster) -> Arc<Board> {
        self.current(cluster).board
    }

    /// Returns the same with the version that they were read at, and what is not known of them.
    pub fn current(&self, cluster: &Cluster) -> Current {
        let mut asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        *asked_at = Some(Instant::now());
        drop(asked_at);
        self.read_at(cluster)
    }

    /// Reads ahead whatever changes, as long as someone looks, until the cluster is gone or `stopping` is told.
    pub async fn follow(&self, cluster: &Cluster, mut stopping: watch::Receiver<bool>) {
        let mut changes = cluster.changes();
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() {
                    return;
                },
                _ = stopping.wait_for(|stop| *stop) => return,
            }
            if !self.is_looked_at() {
                continue;
            }
            tokio::time::sleep(CROWD).await;
            changes.mark_unchanged();
            let begun = Instant::now();
            tokio::task::block_in_place(|| self.read_at(cluster));
            tokio::time::sleep(begun.elapsed() * REST).await;
        }
    }

    fn is_looked_at(&self) -> bool {
        let asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        asked_at.is_some_and(|it| it.elapsed() < IDLE)
    }

    fn read_at(&self, cluster: &Cluster) -> Current {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let version = cluster.version();
        if let Some(current) = kept.as_ref().filter(|it| it.version == version) {
            return current.clone();
        }
        // The old ones first: of a large cluster, two boards would be much.
        *kept = None;
        let snapshot = cluster.snapshot();
        let current = Current {
            version: snapshot.version,
            notices: snapshot.notices().into(),
            board: Arc::new(Board::read(read(snapshot))),
        };
        *kept = Some(current.clone());
        current
    }
}

/// Returns what a board is read from: kinds that are not all known are unknown there, too.
pub fn read(snapshot: Snapshot) -> Read {
    let unread = snapshot.unread.into_iter();
    let unread = unread.map(|it| match it.kind.as_str() {
        // Two groups have one.
        "Gateway" => format!("{}.{}", it.kind, it.group),
        _ => it.kind,
    });
    Read {
        unread: unread.collect(),
        ..Read::all(snapshot.objects)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesh::object::ObjectKey;
    use serde_json::json;

    use super::*;
    use crate::cluster::demo::DemoCluster;
    use crate::sources::demo::Demo;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_changes_is_read_ahead_while_somebody_looks() {
        let demo = Arc::new(DemoCluster::new(Arc::new(Demo::new(7)), false));
        let cluster = Cluster::Demo(Arc::clone(&demo));
        let boards = Arc::new(BoardCache::default());
        let (stop, stopping) = watch::channel(false);
        let following = {
            let (boards, cluster) = (Arc::clone(&boards), Cluster::Demo(Arc::clone(&demo)));
            tokio::spawn(async move { boards.follow(&cluster, stopping).await })
        };
        let kept = || boards.kept.lock().unwrap().as_ref().map(|it| it.version);
        let write = |value: &str| {
            let key = ObjectKey {
                kind: "VirtualService".to_owned(),
                namespace: "default".to_owned(),
                name: "backend-routing".to_owned(),
            };
            let patch =
                json!([{"op": "add", "path": "/metadata/annotations", "value": {"note": value}}]);
            demo.patch(&key, &serde_json::from_value(patch).unwrap(), false)
                .unwrap();
        };
        // Nobody has looked yet.
        write("first");
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(kept(), None);
        let seen = boards.current(&cluster).version;
        write("second");
        let begun = Instant::now();
        while kept().is_none_or(|it| it <= seen) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", kept());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.send(true).unwrap();
        following.await.unwrap();
    }
}
