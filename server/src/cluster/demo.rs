//! The built-in mesh's objects, kept as an API server keeps them: a version for every write, conflicts,
//! refusals, dry runs. What is written here, the world obeys from its next step on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use demo::{Objects, Readiness};
use json_patch::Patch;
use mesh::api::query::to_rfc3339;
use mesh::object::{self, ObjectKey, Stored, at, text_at};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{ClusterError, Snapshot, Verb, Written};
use crate::clock;
use crate::sources::demo::Demo;

mod admission;

/// Events that are kept; an API server forgets them after an hour.
const MAX_EVENTS: usize = 200;
/// How Kubernetes would know who writes.
const MANAGER: &str = "pidali";

/// The objects of the built-in mesh.
pub struct DemoCluster {
    world: Arc<Demo>,
    store: Mutex<Store>,
    version: watch::Sender<u64>,
    read_only: bool,
    /// How many writes still work before all are denied, as with an istiod that went away.
    #[cfg(test)]
    pub(crate) writes_left: std::sync::atomic::AtomicUsize,
}

struct Store {
    objects: BTreeMap<ObjectKey, Arc<Stored>>,
    /// The version of the newest write.
    revision: u64,
    /// Grows with every write, and when other pods are ready than before: what is read from the objects
    /// is another thing then.
    seen: u64,
    /// The ready pods of each Deployment when they were looked at last.
    ready: Vec<Readiness>,
    /// In the order of their making.
    events: VecDeque<ObjectKey>,
}

impl DemoCluster {
    /// Returns the cluster of `world`, with the built-in objects. A read-only one refuses every write.
    pub fn new(world: Arc<Demo>, read_only: bool) -> DemoCluster {
        let mut store = Store {
            objects: BTreeMap::new(),
            revision: 1000,
            seen: 1,
            ready: Vec::new(),
            events: VecDeque::new(),
        };
        for object in Objects::builtin().iter() {
            let mut object = object.clone();
            store.revision += 1;
            let created = text_at(&object, "/metadata/creationTimestamp")
                .unwrap_or_default()
                .to_owned();
            if let Some(metadata) = metadata(&mut object) {
                metadata.insert(
                    "resourceVersion".to_owned(),
                    store.revision.to_string().into(),
                );
                metadata.insert("uid".to_owned(), uid(store.revision).into());
                let managed = managed_by("kubectl-client-side-apply", &created);
                metadata.insert("managedFields".to_owned(), managed);
            }
            store
                .objects
                .insert(ObjectKey::of(&object), Arc::new(object.into()));
        }
        let version = watch::Sender::new(store.seen);
        DemoCluster {
            world,
            store: Mutex::new(store),
            version,
            read_only,
            #[cfg(test)]
            writes_left: std::sync::atomic::AtomicUsize::new(usize::MAX),
        }
    }

    /// Returns the objects with the pods' present state.
    pub fn snapshot(&self) -> Snapshot {
        let ready = self.world.world().readiness();
        let mut store = self.store();
        if store.ready != ready {
            store.ready.clone_from(&ready);
            store.seen += 1;
            self.version.send_replace(store.seen);
        }
        let kept = store.objects.iter().filter(|(key, _)| steers(key));
        let mut objects: Vec<Arc<Stored>> = kept.map(|(_, object)| Arc::clone(object)).collect();
        for place in &ready {
            let key = ObjectKey {
                kind: "Deployment".to_owned(),
                namespace: place.namespace.clone(),
                name: place.name.clone(),
            };
            let Ok(idx) = objects.binary_search_by(|o| o.key().cmp(&key)) else {
                continue;
            };
            if let Some(object) = objects.get_mut(idx) {
                let value = object.value();
                let status = at(&value, "/status/readyReplicas").and_then(Value::as_u64);
                if status != Some(u64::from(place.ready)) {
                    let fresh = with_status(&value, place.ready);
                    *object = Arc::new(fresh.into());
                }
            }
        }
        Snapshot {
            version: store.seen,
            objects,
            unread: Vec::new(),
        }
    }

    /// Returns one object.
    pub fn get(&self, key: &ObjectKey) -> Result<Value, ClusterError> {
        let store = self.store();
        let found = store.objects.get(key);
        let found = found.ok_or_else(|| ClusterError::NotFound(key.clone()))?;
        Ok(found.value().into_owned())
    }

    /// Applies a patch as an API server does: all of it or nothing.
    pub fn patch(
        &self,
        key: &ObjectKey,
        patch: &Patch,
        dry_run: bool,
    ) -> Result<Written, ClusterError> {
        self.may(Verb::Patch, key)?;
        let mut store = self.store();
        let live = store.objects.get(key);
        let live = Arc::clone(live.ok_or_else(|| ClusterError::NotFound(key.clone()))?);
        let live = live.value();
        let mut fresh = Value::clone(&live);
        json_patch::patch(&mut fresh, patch).map_err(|error| ClusterError::Invalid {
            key: key.clone(),
            problem: error.to_string(),
        })?;
        if ObjectKey::of(&fresh) != *key || object::uid(&fresh) != object::uid(&live) {
            return Err(ClusterError::Invalid {
                key: key.clone(),
                problem: "kind, name, namespace and uid can't be changed".to_owned(),
            });
        }
        if object::resource_version(&fresh) != object::resource_version(&live) {
            return Err(ClusterError::Conflict(key.clone()));
        }
        let warnings = admission::review(key, &fresh)?;
        if fresh == *live {
            // As on an API server, a patch without effect makes no new version.
            return Ok(Written {
                object: fresh,
                warnings,
            });
        }
        let generation = live.pointer("/metadata/generation").and_then(Value::as_i64);
        let spec_changed = fresh.get("spec") != live.get("spec");
        let revision = store.revision + 1;
        if let Some(metadata) = metadata(&mut fresh) {
            metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
            if spec_changed {
                metadata.insert(
                    "generation".to_owned(),
                    (generation.unwrap_or(1) + 1).into(),
                );
            }
            let managed = managed_by(MANAGER, &to_rfc3339(clock::now()));
            metadata.insert("managedFields".to_owned(), managed);
        }
        let written = Written {
            object: fresh.clone(),
            warnings,
        };
        if !dry_run {
            #[cfg(test)]
            if steers(key) {
                self.count_down(key)?;
            }
            store.revision = revision;
            store.objects.insert(key.clone(), Arc::new(fresh.into()));
            self.obey(store);
        }
        Ok(written)
    }

    /// Makes an object.
    pub fn create(&self, object: &Value, dry_run: bool) -> Result<Written, ClusterError> {
        let key = ObjectKey::of(object);
        self.may(Verb::Create, &key)?;
        let mut store = self.store();
        if store.objects.contains_key(&key) {
            return Err(ClusterError::Exists(key));
        }
        if key.name.is_empty() || key.kind.is_empty() {
            return Err(ClusterError::Invalid {
                key,
                problem: "it has no kind or no name".to_owned(),
            });
        }
        let warnings = admission::review(&key, object)?;
        let mut fresh = object.clone();
        let revision = store.revision + 1;
        if let Some(metadata) = metadata(&mut fresh) {
            let now = to_rfc3339(clock::now().floor_to(1000));
            metadata.insert("managedFields".to_owned(), managed_by(MANAGER, &now));
            metadata.insert("creationTimestamp".to_owned(), now.into());
            metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
            metadata.insert("uid".to_owned(), uid(revision).into());
            metadata.insert("generation".to_owned(), 1.into());
        }
        let written = Written {
            object: fresh.clone(),
            warnings,
        };
        if !dry_run {
            let steers = steers(&key);
            #[cfg(test)]
            if steers {
                self.count_down(&key)?;
            }
            store.revision = revision;
            if key.kind == "Event" {
                store.events.push_back(key.clone());
                if store.events.len() > MAX_EVENTS
                    && let Some(oldest) = store.events.pop_front()
                {
                    store.objects.remove(&oldest);
                }
            }
            store.objects.insert(key, Arc::new(fresh.into()));
            if steers {
                self.obey(store);
            }
        }
        Ok(written)
    }

    /// Removes an object, if it still has this version.
    pub fn delete(
        &self,
        key: &ObjectKey,
        resource_version: &str,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        self.may(Verb::Delete, key)?;
        let mut store = self.store();
        let live = store.objects.get(key);
        let live = live.ok_or_else(|| ClusterError::NotFound(key.clone()))?;
        if object::resource_version(&live.value()) != resource_version {
            return Err(ClusterError::Conflict(key.clone()));
        }
        if !dry_run {
            store.objects.remove(key);
            store.revision += 1;
            self.obey(store);
        }
        Ok(())
    }

    /// Returns whether the person may do that.
    pub fn can_i(&self, verb: Verb, key: &ObjectKey) -> bool {
        self.may(verb, key).is_ok()
    }

    /// Returns whether the person may do that with any object: all may look.
    pub fn may_do(&self, verb: &str) -> bool {
        !self.read_only || matches!(verb, "get" | "list" | "watch")
    }

    /// Returns a watch on the version of the objects.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Returns who writes: the demo knows no accounts.
    pub fn who(&self) -> &'static str {
        "you"
    }

    /// Returns what the sources page says of it.
    pub fn describe(&self) -> mesh::api::Source {
        let n = self.store().objects.len();
        let complaints = self.world.world().complaints().to_vec();
        mesh::api::Source {
            name: "cluster".to_owned(),
            kind: "demo".to_owned(),
            reachable: true,
            url: None,
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            scrape_interval_s: None,
            problem: None,
            hint: None,
            capabilities: vec![
                format!("{n} objects, kept as an API server keeps them"),
                if self.read_only {
                    "no writes: started read-only".to_owned()
                } else {
                    "writes, which the mesh obeys at once".to_owned()
                },
            ],
            missing: complaints
                .iter()
                .map(|c| format!("{} {}/{}: {}", c.kind, c.namespace, c.name, c.reason))
                .collect(),
            ..mesh::api::Source::default()
        }
    }

    fn may(&self, verb: Verb, key: &ObjectKey) -> Result<(), ClusterError> {
        if self.read_only {
            return Err(ClusterError::Forbidden {
                key: key.clone(),
                verb,
            });
        }
        Ok(())
    }

    /// Returns what there is.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> Vec<ObjectKey> {
        self.store().objects.keys().cloned().collect()
    }

    #[cfg(test)]
    fn count_down(&self, key: &ObjectKey) -> Result<(), ClusterError> {
        use std::sync::atomic::Ordering::SeqCst;
        let left = |n: usize| n.checked_sub(1);
        let denied = |_| ClusterError::Denied {
            key: key.clone(),
            problem: "failed calling webhook \"validation.istio.io\": no endpoints".to_owned(),
        };
        let counted = self.writes_left.fetch_update(SeqCst, SeqCst, left);
        counted.map(drop).map_err(denied)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A write changes the store in one step: what a panicking writer held can be read on.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the objects to the world, still under the store's lock: it obeys writes in their order.
    fn obey(&self, mut store: MutexGuard<'_, Store>) {
        store.seen += 1;
        let routed = store
            .objects
            .iter()
            .filter(|(key, _)| steers(key))
            .map(|(_, object)| object.value().into_owned())
            .collect();
        match Objects::from_values(routed) {
            Ok(objects) => self.world.world().set_objects(&objects),
            // Every object was admitted with a kind and a name.
            Err(error) => tracing::error!(%error, "The built-in mesh can't follow its objects"),
        }
        // Under the lock as well: versions are told in their order.
        self.version.send_replace(store.seen);
    }
}

/// Returns whether the world looks at such an object: records of what was done are not for it.
fn steers(key: &ObjectKey) -> bool {
    !matches!(key.kind.as_str(), "Event" | "ControllerRevision")
}

fn metadata(object: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    object.get_mut("metadata").and_then(Value::as_object_mut)
}

fn managed_by(manager: &str, time: &str) -> Value {
    json!([{
        "manager": manager,
        "operation": "Update",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {}},
    }])
}

/// A stable id that looks like Kubernetes's and names the write that made the object.
fn uid(revision: u64) -> String {
    format!("00000000-0000-4000-8000-{revision:012x}")
}

fn with_status(object: &Value, ready: u32) -> Value {
    let mut object = object.clone();
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.insert("readyReplicas".to_owned(), ready.into());
        status.insert("availableReplicas".to_owned(), ready.into());
    }
    object
}

#[cfg(test)]
mod tests;
