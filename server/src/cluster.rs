//! The seam to a Kubernetes API: whole JSON objects in and out, never through a struct that drops fields.
//!
//! Routes, checks and changes are built above it, once, whatever stands behind.

use std::borrow::Cow;
use std::sync::Arc;

use json_patch::Patch;
use mesh::api::Notice;
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::object::{ObjectKey, Stored};
use mesh::preflight;
use serde_json::Value;
use tokio::sync::watch;

pub mod demo;
pub mod kube;
pub mod stage;

/// Whoever keeps the objects.
pub enum Cluster {
    /// A Kubernetes API.
    Kube(Arc<kube::KubeCluster>),
    /// The built-in mesh.
    Demo(Arc<demo::DemoCluster>),
}

/// The objects of a cluster at one moment.
#[derive(Clone)]
pub struct Snapshot {
    /// Grows with every change.
    pub version: u64,
    /// The objects, sorted by kind, namespace and name.
    pub objects: Vec<Arc<Stored>>,
    /// The kinds of which not all objects are known: nothing can be said to be missing of them.
    pub unread: Vec<Unread>,
}

/// A kind of which not all objects are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The kind as Kubernetes writes it.
    pub kind: String,
    /// Its group; empty for the core one.
    pub group: String,
    /// Why.
    pub why: Why,
}

/// Why objects are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// They are being read.
    Soon,
    /// The right to list them is missing.
    Forbidden,
    /// The server can't be asked, or fails. What was known is still there, and old.
    Failing(String),
}

impl Unread {
    /// Returns it in words.
    pub fn words(&self) -> String {
        let Unread { kind, group, why } = self;
        let of = if group.is_empty() {
            kind.clone()
        } else {
            format!("{kind}.{group}")
        };
        match why {
            Why::Soon => format!("{of}: being read"),
            Why::Forbidden => format!("{of}: no right to list them"),
            Why::Failing(problem) => format!("{of}: {problem}"),
        }
    }
}

impl Snapshot {
    /// Returns what should be known about what is made of it.
    pub fn notices(&self) -> Vec<Notice> {
        let of = |is: fn(&Why) -> bool| {
            let kinds = self.unread.iter().filter(|it| is(&it.why));
            let mut kinds: Vec<&str> = kinds.map(|it| it.kind.as_str()).collect();
            kinds.dedup();
            (!kinds.is_empty()).then(|| kinds.join(", "))
        };
        let notice = |kind: &str, message: String, hint: Option<&str>| Notice {
            kind: kind.to_owned(),
            source: "cluster".to_owned(),
            message,
            hint: hint.map(str::to_owned),
        };
        let soon = of(|it| *it == Why::Soon).map(|kinds| {
            let message = format!("The cluster is still being read ({kinds}).");
            notice("cluster_reading", message, None)
        });
        let forbidden = of(|it| *it == Why::Forbidden).map(|kinds| {
            let message = format!("No right to list {kinds}: what hangs on them can't be told.");
            let hint = "whoever runs Pidali needs the verbs list and watch on them";
            notice("cluster_forbidden", message, Some(hint))
        });
        let failing = of(|it| matches!(it, Why::Failing(_))).map(|kinds| {
            let message = format!(
                "The cluster is not followed for now ({kinds}): what is shown of them may be old."
            );
            notice("cluster_stale", message, Some("the sources page says why"))
        });
        [soon, forbidden, failing].into_iter().flatten().collect()
    }
}

/// A written object, or what would be written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The object as it is now.
    pub object: Value,
    /// What admission said, in its words.
    pub warnings: Vec<String>,
}

/// What a person may want to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Make it.
    Create,
    /// Change it.
    Patch,
    /// Remove it.
    Delete,
    /// Read it.
    Get,
}

impl Verb {
    /// Returns Kubernetes's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
            Verb::Get => "get",
        }
    }
}

/// Why the cluster did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// 404.
    #[error("there is no {0}")]
    NotFound(ObjectKey),
    /// 409: the object is not as it was seen.
    #[error("{0} has changed since it was read")]
    Conflict(ObjectKey),
    /// 409: an object of that name is there.
    #[error("{0} is there already")]
    Exists(ObjectKey),
    /// 422: the object does not fit its schema, or a `test` of the patch did not hold.
    #[error("{key} would not be valid: {problem}")]
    Invalid {
        /// Which object.
        key: ObjectKey,
        /// Where and why.
        problem: String,
    },
    /// An admission webhook refused it.
    #[error("{problem}")]
    Denied {
        /// Which object.
        key: ObjectKey,
        /// The webhook's words.
        problem: String,
    },
    /// 403.
    #[error("no right to {} {key}", .verb.as_str())]
    Forbidden {
        /// Which object.
        key: ObjectKey,
        /// To do what.
        verb: Verb,
    },
    /// A webhook on the way can't take part in dry runs.
    #[error("{problem}")]
    NoDryRun {
        /// Which object.
        key: ObjectKey,
        /// The server's words.
        problem: String,
    },
    /// The server does not have this kind.
    #[error("the cluster has no objects of kind {kind}")]
    Unserved {
        /// The kind.
        kind: String,
    },
    /// The server can't be asked: nothing was written.
    #[error("the Kubernetes API can't be asked: {problem}")]
    Unreachable {
        /// Why.
        problem: String,
        /// What to do.
        mend: Option<String>,
    },
    /// The server took a write and gave no answer: whether it is written is not known.
    #[error("the Kubernetes API did not say whether {key} was written: {problem}")]
    Unanswered {
        /// Which object.
        key: ObjectKey,
        /// What came instead.
        problem: String,
    },
}

impl ClusterError {
    /// Returns whether the same would be refused again, until someone changes what the cluster allows.
    pub fn is_lasting(&self) -> bool {
        match self {
            // One that does not answer may do so the next time.
            ClusterError::Denied { problem, .. } => !problem.contains("failed calling webhook"),
            ClusterError::Forbidden { .. }
            | ClusterError::Invalid { .. }
            | ClusterError::Unserved { .. } => true,
            _ => false,
        }
    }
}

/// Returns a text as a sentence: a capital letter in front, a full stop behind.
pub fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(char::to_uppercase).into_iter().flatten();
    let mut out: String = first.chain(chars).collect();
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

impl Snapshot {
    /// Returns an object as it was then.
    pub fn object(&self, key: &ObjectKey) -> Option<Cow<'_, Value>> {
        // Two groups have a Gateway: the first is the one that is written.
        let mut objects = self.objects.iter();
        let found = objects.find(|object| object.key() == key);
        found.map(|object| object.value())
    }
}

impl Cluster {
    // What a request to a server takes to be sent is kept apart: the futures of all who ask would be as large.

    /// Returns everything that routes, checks and inventory are read from.
    pub fn snapshot(&self) -> Snapshot {
        match self {
            Cluster::Kube(it) => it.snapshot(),
            Cluster::Demo(it) => it.snapshot(),
        }
    }

    /// Returns one object as it is now.
    pub async fn get(&self, key: &ObjectKey) -> Result<Value, ClusterError> {
        match self {
            Cluster::Kube(it) => Box::pin(it.get(key)).await,
            Cluster::Demo(it) => it.get(key),
        }
    }

    /// Applies a JSON Patch; with `dry_run` only says what would come of it.
    pub async fn patch(
        &self,
        key: &ObjectKey,
        patch: &Patch,
        dry_run: bool,
    ) -> Result<Written, ClusterError> {
        match self {
            Cluster::Kube(it) => Box::pin(it.patch(key, patch, dry_run)).await,
            Cluster::Demo(it) => it.patch(key, patch, dry_run),
        }
    }

    /// Makes an object.
    pub async fn create(&self, object: &Value, dry_run: bool) -> Result<Written, ClusterError> {
        match self {
            Cluster::Kube(it) => Box::pin(it.create(object, dry_run)).await,
            Cluster::Demo(it) => it.create(object, dry_run),
        }
    }

    /// Removes an object, if it still has this version.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        resource_version: &str,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        match self {
            Cluster::Kube(it) => Box::pin(it.delete(key, resource_version, dry_run)).await,
            Cluster::Demo(it) => it.delete(key, resource_version, dry_run),
        }
    }

    /// Returns whether the person may do that.
    pub async fn can_i(&self, verb: Verb, key: &ObjectKey) -> Result<bool, ClusterError> {
        match self {
            Cluster::Kube(it) => Box::pin(it.can_i(verb, key)).await,
            Cluster::Demo(it) => Ok(it.can_i(verb, key)),
        }
    }

    /// Returns whether the person has a right; `None` where the server does not say.
    pub async fn may(&self, right: &preflight::Right) -> Option<bool> {
        match self {
            Cluster::Kube(it) => it.may(right).await.ok(),
            Cluster::Demo(it) => Some(it.may_do(right.verb)),
        }
    }

    /// Returns the kinds that are read or written.
    pub fn kinds(&self) -> Vec<preflight::Kind> {
        match self {
            Cluster::Kube(it) => it.kinds(),
            Cluster::Demo(_) => kube::all_kinds(),
        }
    }

    /// Returns the namespaces that are read; all where there are none.
    pub fn namespaces(&self) -> &[String] {
        match self {
            Cluster::Kube(it) => it.namespaces(),
            Cluster::Demo(_) => &[],
        }
    }

    /// Returns who asks, where the server tells.
    pub fn known_as(&self) -> Option<String> {
        match self {
            Cluster::Kube(it) => it.known_as(),
            Cluster::Demo(it) => Some(it.who().to_owned()),
        }
    }

    /// Returns whether it is the built-in one.
    pub fn is_built_in(&self) -> bool {
        matches!(self, Cluster::Demo(_))
    }

    /// Returns where an add-on answers, as far as the cluster's Services tell.
    pub fn find(&self, addon: kube::Addon) -> Option<kube::Place> {
        match self {
            Cluster::Kube(it) => it.find(addon),
            Cluster::Demo(_) => None,
        }
    }

    /// Returns a watch on the version of the objects.
    pub fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Cluster::Kube(it) => it.changes(),
            Cluster::Demo(it) => it.changes(),
        }
    }

    /// Returns the version of what is known now.
    pub fn version(&self) -> u64 {
        match self {
            Cluster::Kube(it) => *it.changes().borrow(),
            // It has no watch on its pods: they are looked at.
            Cluster::Demo(it) => it.snapshot().version,
        }
    }

    /// Returns who writes, for the record.
    pub fn who(&self) -> String {
        match self {
            Cluster::Kube(it) => it.who(),
            Cluster::Demo(it) => it.who().to_owned(),
        }
    }

    /// Returns what the sources page says of it.
    pub fn describe(&self) -> mesh::api::Source {
        match self {
            Cluster::Kube(it) => it.describe(),
            Cluster::Demo(it) => it.describe(),
        }
    }
}

/// Returns the key of the object at a place.
pub fn key_of<K: Copy + Into<ObjectKind>>(place: &ObjectRef<K>) -> ObjectKey {
    ObjectKey {
        kind: place.kind.into().kind().to_owned(),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
    }
}
