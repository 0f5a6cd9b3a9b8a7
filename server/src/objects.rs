//! `GET /api/v1/objects`: the objects of Istio and of the Gateway API; each as it is, whole, and what was changed in
//! it.

use std::collections::{HashMap, HashSet};

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::objects::{ObjectKind, ObjectRef, ObjectRow, Objects, ObjectsQuery, WholeObject};
use mesh::api::routes::{Change, RouteRef, Severity};
use mesh::api::workload::ObjectLink;
use mesh::changes::journal::Journal;
use mesh::object::{self, text_at};
use mesh::routes::{Board, owner};
use serde_json::Value;

use crate::cluster::{Snapshot, key_of, kube};
use crate::http::{ApiError, App, Encoded, NoParams, Params, encoded};
use crate::routes::no_cluster;

/// The groups whose objects are shown: Istio's, and the Gateway API's.
const GROUPS: [&str; 2] = ["istio.io", "gateway.networking.k8s.io"];

/// The group of the objects that can be changed as a whole.
pub const ISTIO: &str = "networking.istio.io";

/// Lists the objects of Istio and of the Gateway API, those with the worst findings first.
#[utoipa::path(
    get,
    path = "/api/v1/objects",
    params(("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out")),
    responses((status = 200, body = Objects), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<ObjectsQuery>,
) -> Result<Response, ApiError> {
    let Some(cluster) = &app.cluster else {
        return encoded(&Objects {
            notices: vec![no_cluster()],
            ..Objects::default()
        });
    };
    let current = app.boards.current(cluster);
    let snapshot = cluster.snapshot();
    // Of a large cluster thousands are read.
    let listed = tokio::task::spawn_blocking(move || {
        let objects = Objects {
            items: rows(&snapshot, &current.board, &query.namespaces),
            notices: current.notices.to_vec(),
        };
        Encoded::json(&objects)
    });
    let listed = listed.await.map_err(|_| ApiError::internal())?;
    Ok(listed?.respond(&headers))
}

/// Returns the objects of `namespaces`, or all where that is empty.
fn rows(snapshot: &Snapshot, board: &Board, namespaces: &[String]) -> Vec<ObjectRow> {
    let mut found: HashMap<&str, (Severity, u32)> = HashMap::new();
    for check in board.all_checks() {
        let (worst, n) = found.entry(&check.object).or_insert((check.severity, 0));
        *worst = check.severity.min(*worst);
        *n += 1;
    }
    let mut seen = HashSet::new();
    let objects = snapshot.objects.iter();
    let wanted = objects
        .filter(|object| namespaces.is_empty() || namespaces.contains(&object.key().namespace));
    let mut rows: Vec<ObjectRow> = wanted
        .filter_map(|object| {
            // Most objects of a cluster are of its own kinds: they are not read for this.
            if !kube::is_of_mesh(&object.key().kind) {
                return None;
            }
            let value = object.value();
            // Two groups have a Gateway: under one name the first is the one that is shown.
            if !is_shown(&value) || !seen.insert(object.key()) {
                return None;
            }
            let id = object.key().id();
            let said = found.get(id.as_str());
            let key = object.key();
            Some(ObjectRow {
                object: ObjectLink {
                    kind: key.kind.clone(),
                    namespace: key.namespace.clone(),
                    name: key.name.clone(),
                    route: id.parse::<RouteRef>().ok().map(|it| it.to_string()),
                },
                api_version: text_at(&value, "/apiVersion")
                    .unwrap_or_default()
                    .to_owned(),
                can_be_changed: can_be_changed(&value),
                worst: said.map(|(worst, _)| *worst),
                n_findings: said.map_or(0, |(_, n)| *n),
                last_write: owner::last_write(&value, |time| api::query::at(time).ok()),
                id,
            })
        })
        .collect();
    let place = |it: &ObjectRow| {
        let calm = it.worst.is_none();
        let about = it.object.clone();
        (calm, it.worst, about.namespace, about.kind, about.name)
    };
    rows.sort_by_cached_key(place);
    rows
}

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
