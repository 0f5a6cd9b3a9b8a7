//! `POST /api/v1/changes`, the one door for writes, with its forms for one object: `PUT …/weights` and
//! `POST …/undo`.
//!
//! All edits are looked at before any is written: read, checked, tried with a dry run. Then they are
//! written one by one, and what stands after a failure is said exactly.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesh::api;
use mesh::api::changes::{ChangeRequest, Changes, Edit, EditResult, Outcome, SetWeights, Undo};
use mesh::api::objects::ObjectRef;
use mesh::api::routes::Check;
use mesh::changes::journal::{Journal, MAX_REASON};
use mesh::object::{self, ObjectKey};
use serde_json::Value;
use tracing::{info, warn};

use crate::cluster::{Cluster, ClusterError, Written, key_of};
use crate::http::{ApiError, App, Body, NoParams, Params};
use crate::objects::object_of;
use crate::routes::route_of;

mod diff;
mod keep;
mod plan;
mod record;
mod settle;

#[cfg(test)]
mod tests;

use plan::{Planned, Weights, Write};
use settle::settle;

/// More edits than a person makes at once.
const MAX_EDITS: usize = 20;

/// Changes what steers traffic, or only says what would happen.
#[utoipa::path(
    post,
    path = "/api/v1/changes",
    request_body = ChangeRequest,
    responses(
        (status = 200, body = Changes), (status = 400, body = api::ErrorBody), (status = 403, body = Changes),
        (status = 404, body = Changes), (status = 409, body = Changes), (status = 422, body = Changes),
    )
)]
pub async fn create(
    State(app): State<App>,
    _: Params<NoParams>,
    Body(request): Body<ChangeRequest>,
) -> Result<Response, ApiError> {
    change(&app, request).await
}

/// Sets the weights of one rule.
#[utoipa::path(
    put,
    path = "/api/v1/routes/{namespace}/{kind}/{name}/weights",
    params(("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path)),
    request_body = SetWeights,
    responses((status = 200, body = Changes), (status = 409, body = Changes), (status = 422, body = Changes))
)]
pub async fn set_weights(
    State(app): State<App>,
    Path(place): Path<(String, String, String)>,
    _: Params<NoParams>,
    Body(body): Body<SetWeights>,
) -> Result<Response, ApiError> {
    let edit = Edit::SetWeights {
        object: route_of(place)?,
        resource_version: body.resource_version,
        uid: body.uid,
        generation: body.generation,
        rule: body.rule,
        weights: body.weights,
    };
    let request = ChangeRequest {
        edits: vec![edit],
        reason: body.reason,
        // The record of weights is in the same patch.
        without_record: false,
        dry_run: body.dry_run,
    };
    change(&app, request).await
}

/// Takes one change back; changes made together are taken back together, in reverse order.
#[utoipa::path(
    post,
    path = "/api/v1/routes/{namespace}/{kind}/{name}/undo",
    params(("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path)),
    request_body = Undo,
    responses((status = 200, body = Changes), (status = 409, body = Changes), (status = 422, body = Changes))
)]
pub async fn undo(
    State(app): State<App>,
    Path(place): Path<(String, String, String)>,
    _: Params<NoParams>,
    Body(body): Body<Undo>,
) -> Result<Response, ApiError> {
    take_back(&app, route_of(place)?.into(), body).await
}

/// Takes one change of an object back; changes made together are taken back together, in reverse order.
#[utoipa::path(
    post,
    path = "/api/v1/objects/{namespace}/{kind}/{name}/undo",
    params(("namespace" = String, Path), ("kind" = String, Path), ("name" = String, Path)),
    request_body = Undo,
    responses((status = 200, body = Changes), (status = 409, body = Changes), (status = 422, body = Changes))
)]
pub async fn undo_object(
    State(app): State<App>,
    Path(place): Path<(String, String, String)>,
    _: Params<NoParams>,
    Body(body): Body<Undo>,
) -> Result<Response, ApiError> {
    take_back(&app, object_of(place)?, body).await
}

async fn take_back(app: &App, named: ObjectRef, body: Undo) -> Result<Response, ApiError> {
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    let object = cluster.get(&key_of(&named)).await?;
    let recorded = Journal::of(&object).find(&body.change).cloned();
    let mut edits = Vec::new();
    let route = match named.route() {
        Some(route) if recorded.as_ref().is_none_or(|c| c.what.is_none()) => route,
        _ => {
            edits.push(Edit::Restore {
                object: named,
                resource_version: body.resource_version,
                change: body.change,
                whole: body.whole,
            });
            let request = ChangeRequest {
                without_record: body.without_record,
                ..back(edits, body.dry_run)
            };
            return change(app, request).await;
        }
    };
    // What was written last is taken back first.
    let together = recorded.iter().flat_map(|c| &c.together).rev();
    let mut objects: Vec<_> = together.filter_map(|id| id.parse().ok()).collect();
    if !objects.contains(&route) {
        objects.push(route.clone());
    }
    for other in objects {
        let is_named = other == route;
        let resource_version = if is_named {
            body.resource_version.clone()
        } else {
            // One that is gone, or never got so far, has nothing to take back.
            let Ok(object) = cluster.get(&key_of(&other)).await else {
                continue;
            };
            if Journal::of(&object).find(&body.change).is_none() {
                continue;
            }
            object::resource_version(&object).to_owned()
        };
        edits.push(Edit::Undo {
            object: other,
            resource_version,
            change: body.change.clone(),
            over: body.over.clone().filter(|_| is_named),
        });
    }
    change(app, back(edits, body.dry_run)).await
}

fn back(edits: Vec<Edit>, dry_run: bool) -> ChangeRequest {
    ChangeRequest {
        edits,
        reason: None,
        without_record: false,
        dry_run,
    }
}

async fn change(app: &App, request: ChangeRequest) -> Result<Response, ApiError> {
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    check_request(&request)?;
    let id = record::new_id();
    let planned = Box::pin(plan::plan(app, cluster, &request, &id)).await?;
    let refusal = planned.iter().find_map(|p| p.refusal.clone());
    if let Some(refusal) = refusal {
        for refused in planned.iter().filter(|p| p.refusal.is_some()) {
            warn!(
                object = refused.result.object,
                dry_run = request.dry_run,
                why = refused.refusal.as_ref().map(|r| r.detail().message),
                "A change was refused"
            );
        }
        let results = planned.into_iter().map(Planned::not_written).collect();
        return Ok(answer(None, results, Some(refusal)));
    }
    if request.dry_run {
        let results = planned.into_iter().map(|p| p.result).collect();
        return Ok(answer(None, results, None));
    }
    // Whoever asked may hang up: what was begun is ended all the same.
    let (app, written_id) = (app.clone(), id.clone());
    let written =
        tokio::spawn(async move { write_all(&app, &request, planned, &written_id).await });
    let (results, failure) = written.await.map_err(|_| ApiError::internal())??;
    let written = results.iter().any(|r| r.outcome == Outcome::Applied);
    Ok(answer(written.then_some(id), results, failure))
}

fn check_request(request: &ChangeRequest) -> Result<(), ApiError> {
    if request.edits.is_empty() || request.edits.len() > MAX_EDITS {
        let problem = format!(
            "holds {} edits; a change has 1 to {MAX_EDITS}",
            request.edits.len()
        );
        return Err(ApiError::bad_body(&problem, None));
    }
    let reason = request.reason.as_deref().unwrap_or_default();
    if reason.len() > MAX_REASON {
        let problem = format!(
            "has a reason of {} bytes, at most {MAX_REASON} fit",
            reason.len()
        );
        return Err(ApiError::bad_body(&problem, Some("shorten the reason")));
    }
    Ok(())
}

/// Writes what was planned, in order, up to the first failure. Those who watch are told when all is done:
/// nothing stands between two writes that belong together.
async fn write_all(
    app: &App,
    request: &ChangeRequest,
    planned: Vec<Planned>,
    id: &str,
) -> Result<(Vec<EditResult>, Option<ApiError>), ApiError> {
    let cluster = app.cluster.as_ref().ok_or_else(ApiError::no_cluster)?;
    let mut done = Vec::new();
    let mut failure: Option<ApiError> = None;
    for mut planned in planned {
        if failure.is_some() {
            planned.result.outcome = Outcome::NotTried;
        } else if planned.result.outcome != Outcome::Unchanged {
            // Proxies learn of a new subset before a route names it: a route to what they don't know fails.
            if let Some(wait) = planned.result.waits_s
                && done
                    .iter()
                    .any(|p: &Planned| p.result.outcome == Outcome::Applied)
            {
                tokio::time::sleep(Duration::from_secs_f64(wait)).await;
            }
            match write(cluster, &mut planned, id, request.without_record).await {
                Ok(()) => {
                    planned.result.outcome = Outcome::Applied;
                    info!(
                        object = planned.result.object,
                        change = id,
                        who = cluster.who(),
                        reason = request.reason,
                        what = planned.summary,
                        "Changed"
                    );
                }
                Err(error) => {
                    warn!(
                        object = planned.result.object,
                        change = id,
                        why = error.detail().message,
                        "A change failed"
                    );
                    planned.result.outcome = Outcome::Failed;
                    planned.result.error = Some(error.detail());
                    failure = Some(error);
                }
            }
        }
        done.push(planned);
    }
    for planned in done.iter().filter(|p| p.result.outcome == Outcome::Applied) {
        record::tell(cluster, planned, request.reason.as_deref(), id).await;
    }
    let results = done.into_iter().map(|planned| planned.result).collect();
    Ok((results, failure))
}

async fn write(
    cluster: &Cluster,
    planned: &mut Planned,
    change: &str,
    without_record: bool,
) -> Result<(), ApiError> {
    // What was kept, the object before, and the object after.
    let mut copies: Vec<&Value> = Vec::new();
    let mut before: Option<&Value> = None;
    let mut after: Option<Value> = None;
    for step in &planned.writes {
        match step {
            Write::Keep(copy) => {
                let is_own = |data: &&Value| ObjectKey::of(data) == planned.key;
                before = before.or(copy.get("data").filter(is_own));
            }
            Write::Weights(weights) => before = Some(&weights.live),
            Write::Create(_) | Write::Patch(..) | Write::Delete(..) => {}
        }
        let written = match write_step(cluster, &planned.key, step).await {
            Err(ClusterError::Unanswered { key, problem }) => {
                let is_done = |object: Option<&Value>| match (step, object) {
                    (Write::Delete(..), found) => found.is_none(),
                    (Write::Keep(_) | Write::Create(_), found) => found.is_some(),
                    (Write::Weights(_) | Write::Patch(..), Some(found)) => {
                        Journal::of(found).find(change).is_some()
                    }
                    (Write::Weights(_) | Write::Patch(..), None) => false,
                };
                settle(cluster, &key, problem, is_done).await?
            }
            // Where it could not be tried before, that shows only now.
            Err(error) if matches!(step, Write::Keep(_)) && error.is_lasting() => {
                if !without_record {
                    return Err(ApiError::no_record(error));
                }
                let check = Check::unrecorded(&planned.result.object, &error.to_string());
                planned.result.checks.push(check);
                continue;
            }
            outcome => outcome?,
        };
        match (step, written) {
            (Write::Keep(copy), _) => copies.push(copy),
            (_, None) => planned.result.resource_version = None,
            (_, Some(object)) => {
                let version = object::resource_version(&object).to_owned();
                planned.result.resource_version = Some(version);
                planned.uid = object::uid(&object).map(str::to_owned);
                after = Some(object);
            }
        }
    }
    if let Some(after) = &after {
        keep::note_applied(cluster, &copies, object::resource_version(after)).await;
        if let Some(before) = before {
            keep::prune(cluster, before, after).await;
        }
    }
    Ok(())
}

/// Makes one request; returns the object as it is then.
async fn write_step(
    cluster: &Cluster,
    key: &ObjectKey,
    step: &Write,
) -> Result<Option<Value>, ClusterError> {
    let written = match step {
        Write::Keep(object) | Write::Create(object) => cluster.create(object, false).await?,
        Write::Weights(weights) => set(cluster, key, weights).await?,
        Write::Patch(key, patch) => cluster.patch(key, patch, false).await?,
        Write::Delete(key, version) => {
            cluster.delete(key, version, false).await?;
            return Ok(None);
        }
    };
    Ok(Some(written.object))
}

/// Sets weights. Where the object has a newer version with the same specification (what writes status makes
/// new versions, too), it is tried once more on that (rule W8).
async fn set(
    cluster: &Cluster,
    key: &ObjectKey,
    weights: &Weights,
) -> Result<Written, ClusterError> {
    let changed = || ClusterError::Conflict(key.clone());
    let patch = weights.patch(&weights.live).ok_or_else(changed)?;
    let refusal = match cluster.patch(key, &patch, false).await {
        // A destination that is no longer the one that was seen fails its test, whatever the version.
        Err(error @ (ClusterError::Conflict(_) | ClusterError::Invalid { .. })) => error,
        outcome => return outcome,
    };
    let now = cluster.get(key).await?;
    if object::resource_version(&now) == object::resource_version(&weights.live) {
        return Err(refusal);
    }
    let is_same = object::uid(&now) == object::uid(&weights.live)
        && now.get("spec") == weights.live.get("spec");
    if !is_same {
        return Err(changed());
    }
    let patch = weights.patch(&now).ok_or_else(changed)?;
    cluster.patch(key, &patch, false).await
}

fn answer(change: Option<String>, results: Vec<EditResult>, error: Option<ApiError>) -> Response {
    let status = error.as_ref().map_or(StatusCode::OK, ApiError::status);
    let body = Changes {
        change,
        results,
        error: error.map(|e| e.detail()),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    (status, no_store, axum::Json(body)).into_response()
}
