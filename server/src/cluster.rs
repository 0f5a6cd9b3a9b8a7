//! The seam to a Kubernetes API: whole JSON objects in and out, never through a struct that drops fields.
//!
//! Routes, checks and changes are built above it, once, whatever stands behind.

use std::sync::Arc;

use json_patch::Patch;
use mesh::api::routes::RouteRef;
use mesh::object::ObjectKey;
use serde_json::Value;
use tokio::sync::watch;

pub mod demo;

/// Whoever keeps the objects.
pub enum Cluster {
    /// The built-in mesh.
    Demo(Arc<demo::DemoCluster>),
}

/// The objects of a cluster at one moment.
#[derive(Clone)]
pub struct Snapshot {
    /// Grows with every change.
    pub version: u64,
    /// The objects, sorted by kind, namespace and name.
    pub objects: Vec<Arc<Value>>,
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
}

impl Verb {
    /// Returns Kubernetes's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Create => "create",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
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
}

impl Cluster {
    /// Returns everything that routes, checks and inventory are read from.
    pub fn snapshot(&self) -> Snapshot {
        match self {
            Cluster::Demo(it) => it.snapshot(),
        }
    }

    /// Returns one object as it is now.
    pub async fn get(&self, key: &ObjectKey) -> Result<Value, ClusterError> {
        match self {
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
            Cluster::Demo(it) => it.patch(key, patch, dry_run),
        }
    }

    /// Makes an object.
    pub async fn create(&self, object: &Value, dry_run: bool) -> Result<Written, ClusterError> {
        match self {
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
            Cluster::Demo(it) => it.delete(key, resource_version, dry_run),
        }
    }

    /// Returns whether the person may do that.
    pub async fn can_i(&self, verb: Verb, key: &ObjectKey) -> Result<bool, ClusterError> {
        match self {
            Cluster::Demo(it) => Ok(it.can_i(verb, key)),
        }
    }

    /// Returns a watch on the version of the objects.
    pub fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Cluster::Demo(it) => it.changes(),
        }
    }

    /// Returns who writes, for the record.
    pub fn who(&self) -> String {
        match self {
            Cluster::Demo(it) => it.who().to_owned(),
        }
    }

    /// Returns what the sources page says of it.
    pub fn describe(&self) -> mesh::api::Source {
        match self {
            Cluster::Demo(it) => it.describe(),
        }
    }
}

/// Returns the key of the object behind a route.
pub fn key_of(route: &RouteRef) -> ObjectKey {
    ObjectKey {
        kind: route.kind.kind().to_owned(),
        namespace: route.namespace.clone(),
        name: route.name.clone(),
    }
}
