//! A real Kubernetes API: reads are watches into a store, writes are single requests.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::Request;
use json_patch::Patch;
use kube::Client;
use kube::api::{
    DeleteParams, DynamicObject, Patch as Patching, PatchParams, PostParams, Preconditions,
    ValidationDirective,
};
use kube::core::{ApiResource, Resource};
use mesh::object::{ObjectKey, text_at};
use mesh::preflight;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::{ClusterError, Snapshot, Verb, Written};

mod access;
mod addons;
mod ask;
mod failure;
mod kinds;
mod store;
mod trim;
mod watches;

pub use access::Access;
pub use addons::{Addon, Place};
pub use failure::Failure;
pub use kinds::{all_kinds, is_of_mesh};

use ask::{Reply, ask};
use kinds::{KINDS, Kept, Kind, Served};
use store::{Reading, Store};

/// How Kubernetes knows who writes.
const MANAGER: &str = "pidali";
/// How often it is looked whether the server is there, and whether it has new kinds.
const LOOK: Duration = Duration::from_secs(10);
/// How long a failed connection rests, at first and at most: each try may run a program that asks a person.
const REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// The objects of a cluster.
pub struct KubeCluster {
    access: Access,
    store: Arc<Store>,
    link: RwLock<Link>,
}

/// What is known of the connection.
#[derive(Default)]
struct Link {
    client: Option<Client>,
    url: Option<String>,
    version: Option<String>,
    who: Option<String>,
    /// Where the server has the kinds that are not its own.
    places: Vec<(&'static Kind, ApiResource)>,
    /// Whether all of them were looked for.
    is_looked_at: bool,
    /// Why it can't be asked.
    problem: Option<Failure>,
}

impl KubeCluster {
    /// Returns the cluster that `access` leads to; it is connected to and read from now on, until `stopping`.
    pub fn begin(access: Access, mut stopping: watch::Receiver<bool>) -> Arc<KubeCluster> {
        let cluster = Arc::new(KubeCluster {
            access,
            store: Arc::default(),
            link: RwLock::default(),
        });
        let kept = Arc::clone(&cluster);
        tokio::spawn(async move {
            tokio::select! {
                () = kept.keep() => {}
                // An error means that the server is gone, which is a stop as well.
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        });
        cluster
    }

    /// Connects, reads and follows, again and again.
    async fn keep(&self) {
        let mut rest = REST.0;
        loop {
            match self.access.client().await {
                Ok((client, url)) => {
                    self.link(|link| {
                        link.places.clear();
                        link.is_looked_at = false;
                        link.client = Some(client.clone());
                        link.url = Some(url);
                    });
                    if self.follow(&client).await {
                        rest = REST.0;
                    }
                }
                Err(failure) => self.trouble(failure),
            }
            tokio::time::sleep(rest).await;
            rest = (rest * 2).min(REST.1);
        }
    }

    /// Keeps the watches of one connection, until its credentials are no longer taken. Returns whether the server
    /// ever answered.
    async fn follow(&self, client: &Client) -> bool {
        let mut watches = JoinSet::new();
        let mut begun: Vec<&Kind> = Vec::new();
        let mut answered = false;
        loop {
            let looked = self.look(client).await;
            match looked {
                Ok(served) => {
                    answered = true;
                    self.link(|link| link.problem = None);
                    for kind in KINDS.iter().filter(|it| it.kept != Kept::Nothing) {
                        if begun.contains(&kind) {
                            continue;
                        }
                        let Some(at) = kind.built_in().or_else(|| kind.at(&served)) else {
                            self.store.note(kind, "", Reading::Absent);
                            continue;
                        };
                        begun.push(kind);
                        self.link(|link| link.places.push((kind, at.clone())));
                        for scope in self.scopes(kind) {
                            let (store, client) = (Arc::clone(&self.store), client.clone());
                            watches.spawn(watches::keep(store, client, kind, at.clone(), scope));
                        }
                    }
                    self.link(|link| link.is_looked_at = true);
                }
                Err(failure) => {
                    let is_stale = matches!(failure, Failure::Credentials { .. });
                    self.trouble(failure);
                    if is_stale {
                        // Other credentials may be had by now.
                        return answered;
                    }
                }
            }
            let is_over = |client: &Client| {
                let until = client.valid_until().as_ref().map(|it| it.as_millisecond());
                until.is_some_and(|until| until < crate::clock::now().0 + 30_000)
            };
            tokio::time::sleep(LOOK).await;
            if is_over(client) {
                return answered;
            }
        }
    }

    /// Looks whether the server is there, who asks it, and what it serves.
    async fn look(&self, client: &Client) -> Result<Served, Failure> {
        let version = ask(client, get("/version")?).await?.value;
        let version = text_at(&version, "/gitVersion").map(failure::shorten);
        let who = match self.read(|link| link.who.clone()) {
            Some(who) => Some(who),
            None => self.whoami(client).await,
        };
        if self.read(|link| link.version.is_none()) {
            info!(version, who, "The Kubernetes API answers");
        }
        self.link(|link| {
            link.version = version;
            link.who = who;
        });
        Ok(Served::ask(client).await?)
    }

    /// Asks who asks: servers tell since 1.28. What it can't tell, the record can't.
    async fn whoami(&self, client: &Client) -> Option<String> {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let request = post("/apis/authentication.k8s.io/v1/selfsubjectreviews", &review).ok()?;
        let told = ask(client, request).await.ok()?.value;
        text_at(&told, "/status/userInfo/username").map(failure::shorten)
    }

    /// Returns the namespaces that a kind is watched in; the empty one is all.
    fn scopes(&self, kind: &Kind) -> Vec<String> {
        if self.access.namespaces.is_empty() || kind.is_cluster_wide() {
            vec![String::new()]
        } else {
            self.access.namespaces.clone()
        }
    }

    fn trouble(&self, failure: Failure) {
        if self.read(|link| link.problem.as_ref() != Some(&failure)) {
            warn!(
                problem = failure.problem(),
                "The Kubernetes API can't be asked"
            );
        }
        self.link(|link| link.problem = Some(failure));
    }

    fn link(&self, change: impl FnOnce(&mut Link)) {
        change(&mut self.link.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn read<T>(&self, look: impl FnOnce(&Link) -> T) -> T {
        look(&self.link.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the client, as soon as there is one.
    fn client(&self) -> Result<Client, Failure> {
        self.read(|link| match (&link.client, &link.problem) {
            (Some(client), _) => Ok(client.clone()),
            (None, Some(problem)) => Err(problem.clone()),
            (None, None) => Err(Failure::Unreachable("it is being connected to".to_owned())),
        })
    }

    /// Returns where the API server has a kind.
    fn place(&self, kind: &Kind) -> Option<ApiResource> {
        let found = |link: &Link| {
            let place = link.places.iter().find(|(it, _)| *it == kind);
            place.map(|(_, at)| at.clone())
        };
        kind.built_in().or_else(|| self.read(found))
    }

    /// Sends what `make` makes of the place of the object's kind; `of` names kind and version, where they are known.
    async fn send(
        &self,
        key: &ObjectKey,
        of: Option<(&'static Kind, &str)>,
        verb: Option<Verb>,
        make: impl FnOnce(&kube::core::Request) -> Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<(&'static Kind, Reply), ClusterError> {
        let kind = of.map(|(kind, _)| kind).or_else(|| Kind::named(&key.kind));
        let unserved = || ClusterError::Unserved {
            kind: key.kind.clone(),
        };
        let kind = kind.ok_or_else(unserved)?;
        let sent = async {
            let mut place = match self.place(kind) {
                Some(place) => place,
                // Where the server can't be asked at all, that is the news.
                None => {
                    return Err(self
                        .client()
                        .err()
                        .unwrap_or(Failure::Unserved(String::new())));
                }
            };
            if let Some((_, version)) = of.filter(|(_, version)| !version.is_empty()) {
                place.api_version = version.to_owned();
                version
                    .rsplit('/')
                    .next()
                    .unwrap_or(version)
                    .clone_into(&mut place.version);
            }
            let namespace = Some(key.namespace.as_str()).filter(|it| !it.is_empty());
            let at = kube::core::Request::new(DynamicObject::url_path(&place, namespace));
            let request =
                make(&at).map_err(|error| Failure::from(kube::Error::BuildRequest(error)))?;
            ask(&self.client()?, request).await
        };
        let reply = sent.await.map_err(|failure| failure.of(verb, key))?;
        Ok((kind, reply))
    }

    /// Returns the objects as the watches know them.
    pub fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Returns one object as the server has it.
    pub async fn get(&self, key: &ObjectKey) -> Result<Value, ClusterError> {
        let get = |at: &kube::core::Request| at.get(&key.name, &kube::api::GetParams::default());
        let read = self.send(key, None, None, get).await;
        if matches!(read, Err(ClusterError::NotFound(_)))
            && let Some(kind) = Kind::named(&key.kind)
        {
            self.store.forget(kind, &key.namespace, &key.name);
        }
        let (kind, reply) = read?;
        // Whoever looks at the store next sees what was answered.
        self.store.keep(kind, reply.value.clone());
        Ok(reply.value)
    }

    /// Applies a patch.
    pub async fn patch(
        &self,
        key: &ObjectKey,
        patch: &Patch,
        dry_run: bool,
    ) -> Result<Written, ClusterError> {
        let params = PatchParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let patching = Patching::Json::<()>(patch.clone());
        let made = self
            .send(key, None, Some(Verb::Patch), |at| {
                at.patch(&key.name, &params, &patching)
            })
            .await?;
        Ok(self.written(made, dry_run))
    }

    /// Merges fields into an object, or into its status: for what is this program's own to say.
    pub async fn merge(
        &self,
        key: &ObjectKey,
        fields: &Value,
        is_status: bool,
    ) -> Result<Written, ClusterError> {
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patching = Patching::Merge(fields);
        let make = |at: &kube::core::Request| {
            if is_status {
                at.patch_subresource("status", &key.name, &params, &patching)
            } else {
                at.patch(&key.name, &params, &patching)
            }
        };
        let made = self.send(key, None, Some(Verb::Patch), make).await?;
        Ok(self.written(made, false))
    }

    /// Returns whether the cluster has machines that run pods.
    pub async fn has_nodes(&self) -> Result<bool, ClusterError> {
        let key = ObjectKey {
            kind: "Node".to_owned(),
            namespace: String::new(),
            name: String::new(),
        };
        let asked = async { ask(&self.client()?, get("/api/v1/nodes?limit=1")?).await };
        let told = asked.await.map_err(|failure| failure.of(None, &key))?;
        let nodes = told.value.get("items").and_then(Value::as_array);
        Ok(nodes.is_none_or(|nodes| !nodes.is_empty()))
    }

    /// Makes an object.
    pub async fn create(&self, object: &Value, dry_run: bool) -> Result<Written, ClusterError> {
        let key = ObjectKey::of(object);
        let params = PostParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
        };
        let body = object.to_string().into_bytes();
        let version = text_at(object, "/apiVersion").unwrap_or_default();
        let of = Kind::of(object).map(|kind| (kind, version));
        let made = self
            .send(&key, of, Some(Verb::Create), |at| {
                at.create(&params, body).map(strictly)
            })
            .await?;
        Ok(self.written(made, dry_run))
    }

    /// Removes an object, if it still has this version.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        resource_version: &str,
        dry_run: bool,
    ) -> Result<(), ClusterError> {
        let mut params = DeleteParams::default().preconditions(Preconditions {
            resource_version: Some(resource_version.to_owned()),
            uid: None,
        });
        params.dry_run = dry_run;
        let (kind, _) = self
            .send(key, None, Some(Verb::Delete), |at| {
                at.delete(&key.name, &params)
            })
            .await?;
        if !dry_run {
            self.store.forget(kind, &key.namespace, &key.name);
        }
        Ok(())
    }

    fn written(&self, (kind, reply): (&'static Kind, Reply), dry_run: bool) -> Written {
        let mut object = reply.value;
        if let (Some(place), Some(fields)) = (self.place(kind), object.as_object_mut()) {
            // One made in an older version is read in the newest.
            fields.insert("apiVersion".to_owned(), place.api_version.into());
        }
        if !dry_run {
            self.store.keep(kind, object.clone());
        }
        Written {
            object,
            warnings: reply.warnings,
        }
    }

    /// Returns whether whoever asks may do that.
    pub async fn can_i(&self, verb: Verb, key: &ObjectKey) -> Result<bool, ClusterError> {
        let unserved = || ClusterError::Unserved {
            kind: key.kind.clone(),
        };
        let kind = Kind::named(&key.kind);
        let place = kind
            .and_then(|kind| self.place(kind))
            .ok_or_else(unserved)?;
        let attributes = json!({
            "verb": verb.as_str(), "group": place.group, "version": place.version, "resource": place.plural,
            "namespace": key.namespace, "name": key.name,
        });
        let allowed = self.review(&attributes).await;
        allowed.map_err(|failure| failure.of(None, key))
    }

    /// Returns whether whoever asks has a right.
    pub async fn may(&self, right: &preflight::Right) -> Result<bool, Failure> {
        let attributes = json!({
            "verb": right.verb, "group": right.group, "resource": right.resource,
            "subresource": right.subresource, "namespace": right.namespace, "name": right.name,
        });
        self.review(&attributes).await
    }

    async fn review(&self, attributes: &Value) -> Result<bool, Failure> {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let request = post(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            &review,
        )?;
        let told = ask(&self.client()?, request).await?.value;
        let allowed = told.pointer("/status/allowed").and_then(Value::as_bool);
        Ok(allowed.unwrap_or(false))
    }

    /// Returns the kinds that are read or written, and where the server has them.
    pub fn kinds(&self) -> Vec<preflight::Kind> {
        self.read(|link| {
            let kinds = KINDS.iter().map(|kind| {
                let found = || link.places.iter().find(|(it, _)| *it == kind);
                let place = kind.built_in().or_else(|| Some(found()?.1.clone()));
                let is_served = match place {
                    Some(_) => Some(true),
                    None => link.is_looked_at.then_some(false),
                };
                kind.told(place, is_served)
            });
            kinds.collect()
        })
    }

    /// Returns the namespaces that are read; all where there are none.
    pub fn namespaces(&self) -> &[String] {
        &self.access.namespaces
    }

    /// Sends a request to what stands behind the API server, and returns its answer as it comes.
    pub async fn proxied(
        &self,
        request: Request<Vec<u8>>,
    ) -> Result<http::Response<kube::client::Body>, Failure> {
        Ok(self
            .client()?
            .send(request.map(kube::client::Body::from))
            .await?)
    }

    /// Returns where an add-on answers, as far as the cluster's Services tell.
    pub fn find(&self, addon: Addon) -> Option<Place> {
        let services = Kind::named("Service").map_or_else(Vec::new, |kind| self.store.all(kind));
        addons::find(addon, services.iter().map(|it| it.value()))
    }

    /// Returns which add-ons are there, in words.
    fn found(&self) -> impl Iterator<Item = String> {
        let all = [
            (Addon::Prometheus, "Prometheus", ""),
            (Addon::Jaeger, "Jaeger", ""),
            (
                Addon::Grafana,
                "Grafana",
                ": `istioctl dashboard grafana`, and start with --grafana http://localhost:3000, to have links there",
            ),
        ];
        let found = all.map(|(addon, name, more)| {
            let Place {
                namespace,
                name: service,
                port,
            } = self.find(addon)?;
            Some(format!(
                "{name} found at {namespace}/{service}:{port}{more}"
            ))
        });
        found.into_iter().flatten()
    }

    /// Returns whether this program runs in a pod of the cluster.
    pub fn is_ours(&self) -> bool {
        self.access.is_pod()
    }

    /// Returns whether the cluster's Services are not all known yet.
    pub fn is_being_read(&self) -> bool {
        let unread = self.store.snapshot().unread;
        unread
            .iter()
            .any(|it| it.kind == "Service" && it.why == super::Why::Soon)
    }

    /// Returns a watch on the version of the objects.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.store.changes()
    }

    /// Returns who writes, as the server knows them.
    pub fn who(&self) -> String {
        self.known_as().unwrap_or_else(|| "unknown".to_owned())
    }

    /// Returns who asks, where the server tells.
    pub fn known_as(&self) -> Option<String> {
        self.read(|link| link.who.clone())
    }

    /// Returns what the sources page says of it.
    pub fn describe(&self) -> mesh::api::Source {
        let (n, n_kinds) = self.store.counts();
        let snapshot = self.store.snapshot();
        self.read(|link| {
            let mut capabilities = Vec::new();
            if let Some(who) = &link.who {
                capabilities.push(format!("asked as {who}"));
            }
            if n > 0 {
                capabilities.push(format!(
                    "{n} objects of {n_kinds} kinds, followed as they change"
                ));
            }
            capabilities.extend(self.found());
            if !self.access.namespaces.is_empty() {
                capabilities.push(format!(
                    "only namespaces {}",
                    self.access.namespaces.join(", ")
                ));
            }
            mesh::api::Source {
                name: "cluster".to_owned(),
                kind: "kubernetes".to_owned(),
                reachable: link.client.is_some()
                    && link.problem.is_none()
                    && link.version.is_some(),
                url: link.url.clone(),
                version: link.version.clone(),
                problem: link.problem.as_ref().map(|it| {
                    super::sentence(&format!(
                        "the Kubernetes API can't be asked: {}",
                        it.problem()
                    ))
                }),
                hint: link.problem.as_ref().and_then(Failure::mend),
                capabilities,
                missing: snapshot.unread.iter().map(super::Unread::words).collect(),
                ..mesh::api::Source::default()
            }
        })
    }
}

/// Has fields that no schema knows refused, where the parameters of a request have no word for it.
fn strictly(mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    let uri = request.uri().to_string();
    let joint = if uri.contains('?') { '&' } else { '?' };
    if let Ok(strict) = format!("{uri}{joint}fieldValidation=Strict").parse() {
        *request.uri_mut() = strict;
    }
    request
}

fn get(path: &str) -> Result<Request<Vec<u8>>, Failure> {
    let made = Request::get(path).body(Vec::new());
    made.map_err(|error| Failure::Unreadable(error.to_string()))
}

fn post(path: &str, body: &Value) -> Result<Request<Vec<u8>>, Failure> {
    let made = Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes());
    made.map_err(|error| Failure::Unreadable(error.to_string()))
}
