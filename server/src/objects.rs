//! `GET /api/v1/objects/{namespace}/{kind}/{name}`: an object as it is, whole; and what was changed in it.

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::objects::{ObjectKind, ObjectRef, WholeObject};
use mesh::api::routes::Change;
use mesh::changes::journal::Journal;
use mesh::object::{self, text_at};
use mesh::routes::owner;
use serde_json::Value;

use crate::cluster::key_of;
use crate::http::{ApiError, App, Encoded, NoParams, Params, encoded};

/// The groups whose objects are shown: Istio's, and the Gateway API's.
const GROUPS: [&str; 2] = ["istio.io", "gateway.networking.k8s.io"];

/// The group of the objects that can be changed as a whole.
pub const ISTIO: &str = "networking.istio.io";

/// Shows one object of Istio or of the Gateway API.
#[utoipa::path(
    get,
    path = "/api/v1/objects/{namespace}/{kind}/{name}",
    params(
        ("namespace" = String, Path),
        ("kind" = String, Path, description = "The kind in lower case, such as destinationrule or peerauthentication"),
        ("name" = String, Path),
    ),
    responses((status = 200, body = WholeObject), (status = 404, body = api::ErrorBody))
)]
pub async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Path((namespace, kind, name)): Path<(String, String, String)>,
    _: Params<NoParams>,
) -> Result<Response, ApiError> {
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    let id = format!("{namespace}/{kind}/{name}");
    let snapshot = cluster.snapshot();
    let mut all = snapshot.objects.iter();
    let found = all.find(|object| object.key().id() == id && is_shown(&object.value()));
    let found = found.ok_or_else(|| ApiError::not_found(&format!("there is no object {id}")))?;
    // The snapshot may be a moment old; what is shown is what a write must name.
    let object = cluster.get(found.key()).await?;
    let board = app.boards.now(cluster);
    let told = WholeObject {
        resource_version: object::resource_version(&object).to_owned(),
        owner: owner::of_all(&object),
        last_write: owner::last_write(&object, |time| api::query::at(time).ok()),
        can_be_changed: can_be_changed(&object),
        checks: board.checks_of(&id).cloned().collect(),
        yaml: yaml(&object),
        object: without_managed_fields(&object),
        id,
    };
    Ok(Encoded::json(&told)?.respond(&headers))
}

/// Lists the changes that an object records, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/objects/{namespace}/{kind}/{name}/history",
    params(("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = api::List<Change>), (status = 404, body = api::ErrorBody))
)]
pub async fn history(
    State(app): State<App>,
    Path(place): Path<(String, String, String)>,
    _: Params<NoParams>,
) -> Result<Response, ApiError> {
    history_of(&app, &object_of(place)?).await
}

/// Answers with what an object records of its changes.
pub async fn history_of(app: &App, place: &ObjectRef) -> Result<Response, ApiError> {
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    let object = cluster.get(&key_of(place)).await?;
    let journal = Journal::of(&object);
    let mut notices = Vec::new();
    if journal.is_unreadable {
        notices.push(api::Notice {
            kind: "journal_unreadable".to_owned(),
            source: "cluster".to_owned(),
            message: "The record on this object can't be read: someone wrote over it.".to_owned(),
            hint: Some("the next change starts it anew".to_owned()),
        });
    }
    let items: Vec<Change> = journal.changes.into_iter().rev().collect();
    encoded(&api::List { items, notices })
}

/// Reads the place of an object that can be changed in an address.
pub fn object_of((namespace, kind, name): (String, String, String)) -> Result<ObjectRef, ApiError> {
    let known = ObjectKind::ALL.map(ObjectKind::as_str).join(", ");
    let kind = kind.parse().map_err(|_| {
        let hint = format!("write one of {known}");
        ApiError::bad_parameter("kind", "is none of its values", Some(&hint))
    })?;
    Ok(ObjectRef {
        namespace,
        kind,
        name,
    })
}

fn group(object: &Value) -> &str {
    let api = text_at(object, "/apiVersion").unwrap_or_default();
    api.split_once('/').map_or("", |(group, _)| group)
}

fn is_shown(object: &Value) -> bool {
    let group = group(object);
    let is_of = |known: &&str| {
        group == *known
            || group
                .strip_suffix(known)
                .is_some_and(|rest| rest.ends_with('.'))
    };
    GROUPS.iter().any(is_of)
}

fn can_be_changed(object: &Value) -> bool {
    let kind = text_at(object, "/kind").unwrap_or_default();
    group(object) == ISTIO && ["VirtualService", "DestinationRule", "Gateway"].contains(&kind)
}

fn without_managed_fields(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Returns an object as YAML, without what the server keeps of who wrote which field.
fn yaml(object: &Value) -> String {
    // Whatever is JSON can be written as YAML.
    serde_saphyr::to_string(&without_managed_fields(object))
        .unwrap_or_else(|error| format!("# {error}\n"))
}
