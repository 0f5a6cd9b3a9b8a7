//! The watches that keep the store: one for each kind and namespace that is read. A watch that is lost is begun
//! again; what can't be read is noted.

use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use kube::api::DynamicObject;
use kube::core::{ApiResource, DynamicResourceScope, PartialObjectMeta, Resource};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use mesh::object::{ObjectKey, Stored};
use serde::Serialize;
use serde_json::Value;
use tracing::{debug, warn};

use super::failure::Failure;
use super::kinds::{Kept, Kind};
use super::store::{Reading, Store};
use super::trim::trimmed;
use crate::cluster::Why;

/// So many objects are listed at once: unfolded, with who wrote which of their fields, a page of large ones is some MiB,
/// and several kinds are listed side by side.
const PAGE: u32 = 200;

/// Keeps a kind in the store for as long as it is polled.
pub async fn keep(
    store: Arc<Store>,
    client: Client,
    kind: &'static Kind,
    at: ApiResource,
    scope: String,
) {
    store.note(kind, &scope, Reading::Begun);
    let config = watcher::Config::default().page_size(PAGE);
    let follow = Follow {
        store,
        kind,
        api_version: at.api_version.clone(),
        scope,
    };
    if kind.kept == Kept::Name {
        let api: Api<PartialObjectMeta<DynamicObject>> = follow.api(client, &at);
        follow.run(watcher(api, config)).await;
    } else {
        let api: Api<DynamicObject> = follow.api(client, &at);
        follow.run(watcher(api, config)).await;
    }
}

struct Follow {
    store: Arc<Store>,
    kind: &'static Kind,
    api_version: String,
    scope: String,
}

impl Follow {
    /// Returns where the objects are, in the form that is wanted of them.
    fn api<K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>>(
        &self,
        client: Client,
        at: &ApiResource,
    ) -> Api<K> {
        if self.scope.is_empty() {
            Api::all_with(client, at)
        } else {
            Api::namespaced_with(client, &self.scope, at)
        }
    }

    async fn run<K: Serialize + 'static>(
        self,
        events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    ) {
        let mut events = std::pin::pin!(events.default_backoff());
        let mut listed: Vec<Stored> = Vec::new();
        let mut is_read = false;
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(object)) => {
                    // Trimmed at once: whole, a list of thousands would be many times as large as what is kept of it.
                    let object = self.whole(&object);
                    listed.extend(object.map(|it| trimmed(self.kind, it)));
                }
                Ok(Event::InitDone) => {
                    debug!(kind = self.kind.kind, n = listed.len(), "Read");
                    self.store
                        .replace(self.kind, &self.scope, std::mem::take(&mut listed));
                    is_read = true;
                }
                Ok(Event::Apply(object)) => {
                    if let Some(object) = self.whole(&object) {
                        self.store.keep(self.kind, object);
                    }
                    is_read = self.again(is_read);
                }
                Ok(Event::Delete(object)) => {
                    if let Some(object) = self.whole(&object) {
                        let key = ObjectKey::of(&object);
                        self.store.forget(self.kind, &key.namespace, &key.name);
                    }
                    is_read = self.again(is_read);
                }
                Err(error) => is_read = self.failed(error, is_read),
            }
        }
    }

    /// Notes that a watch which was lost goes on where it was.
    fn again(&self, is_read: bool) -> bool {
        if !is_read {
            self.store.note(self.kind, &self.scope, Reading::Done);
        }
        true
    }

    fn failed(&self, error: watcher::Error, was_read: bool) -> bool {
        let failure = match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => Failure::from(error),
            // The watch fell too far behind: it lists again by itself.
            watcher::Error::WatchError(status) if status.code == 410 => return was_read,
            watcher::Error::WatchError(status) => Failure::from(kube::Error::Api(status)),
            watcher::Error::NoResourceVersion => {
                Failure::Unreadable("it has no version".to_owned())
            }
        };
        let why = if failure.is_forbidden() {
            Why::Forbidden
        } else {
            Why::Failing(failure.problem())
        };
        if was_read || why != Why::Forbidden {
            warn!(
                kind = self.kind.kind,
                namespace = self.scope,
                problem = failure.problem(),
                "A watch was lost"
            );
        }
        self.store.note(self.kind, &self.scope, Reading::Not(why));
        false
    }

    /// Returns an object whole; the items of a list do not say what they are.
    fn whole<K: Serialize>(&self, object: &K) -> Option<Value> {
        let mut value = serde_json::to_value(object).ok()?;
        let fields = value.as_object_mut()?;
        fields.insert("kind".to_owned(), self.kind.kind.into());
        fields.insert("apiVersion".to_owned(), self.api_version.clone().into());
        Some(value)
    }
}
