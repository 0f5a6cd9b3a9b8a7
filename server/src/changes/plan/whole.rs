//! Objects that are changed, made or removed as a whole: what speaks against it, and what is written.

use std::sync::Arc;
use std::time::Duration;

use mesh::api::changes::Outcome;
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::routes::{Change, Check, OwnerEffect, Severity};
use mesh::changes::whole::{self, Move};
use mesh::changes::{journal::Journal, subsets};
use mesh::object::{self, ObjectKey, text_at};
use mesh::routes::{Board, owner};
use mesh::routing::destination_rule::DestinationRule;
use mesh::routing::gateway::Gateway;
use mesh::routing::{Unreadable, VirtualService};
use mesh::telemetry::ControlPlane;
use mesh::units::Window;
use serde_json::{Value, json};

use super::{Planned, Planner, Write};
use crate::board;
use crate::changes::diff::diff;
use crate::changes::keep;
use crate::cluster::{ClusterError, Snapshot, Verb, key_of};
use crate::http::{ApiError, App};

/// How long proxies get at least to learn of new subsets (rule W10).
const LEAST_WAIT: Duration = Duration::from_secs(3);
/// No longer than this is waited, whatever the proxies' figures say.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long the figures may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// One object of a change that is not planned to its end: the whole change must be known for that.
pub(super) enum Draft {
    /// Nothing is left to plan.
    Done(Box<Planned>),
    /// An object as a whole.
    Whole(Box<Whole>),
}

/// What is to become of one object.
pub(super) struct Whole {
    pub(super) planned: Planned,
    pub(super) live: Option<Value>,
    /// Nothing where it is to be removed.
    pub(super) wanted: Option<Value>,
    /// The change that this takes back.
    pub(super) undoes: Option<String>,
    /// Copies of objects that go for it.
    pub(super) keeps: Vec<Value>,
}

impl Whole {
    pub(super) fn new(place: &ObjectRef, live: Option<Value>, wanted: Option<Value>) -> Whole {
        let mut planned = Planned::new(key_of(place));
        if let Some(live) = &live {
            planned.about(live);
        } else if let Some(wanted) = &wanted {
            planned.api_version = text_at(wanted, "/apiVersion").map(str::to_owned);
        }
        planned.event = match (&live, &wanted) {
            (None, _) => "Made",
            (Some(_), Some(_)) => "Changed",
            (Some(_), None) => "Removed",
        };
        Whole {
            planned,
            live,
            wanted,
            undoes: None,
            keeps: Vec::new(),
        }
    }

    fn is_a(&self, kind: ObjectKind) -> bool {
        self.planned.key.kind == kind.kind()
    }

    /// Returns whether it names subsets that were not there.
    fn adds_subsets(&self) -> bool {
        let names = |rule: &Option<Value>| rule.as_ref().map(subsets::names).unwrap_or_default();
        self.is_a(ObjectKind::DestinationRule) && !names(&self.wanted).is_subset(&names(&self.live))
    }

    /// Returns whether subsets go.
    fn drops_subsets(&self) -> bool {
        let names = |rule: &Option<Value>| rule.as_ref().map(subsets::names).unwrap_or_default();
        self.is_a(ObjectKind::DestinationRule) && !names(&self.live).is_subset(&names(&self.wanted))
    }
}

impl Planner<'_> {
    /// Plans drafts to their end, all of them in view.
    pub(super) async fn finish(&self, app: &App, drafts: Vec<Draft>) -> Vec<Planned> {
        let ids: Vec<String> = drafts
            .iter()
            .map(|draft| match draft {
                Draft::Done(planned) => planned.result.object.clone(),
                Draft::Whole(it) => it.planned.result.object.clone(),
            })
            .collect();
        let together = if ids.len() > 1 { ids } else { Vec::new() };
        let mut found = self.findings(&drafts);
        let wait = self.wait(app, &drafts).await;
        let (mut subsets_come, mut routes_change) = (false, false);
        let mut planned = Vec::new();
        let mut is_first = true;
        for draft in drafts {
            let mut whole = match draft {
                Draft::Done(done) => {
                    routes_change |= done.key.kind == ObjectKind::VirtualService.kind();
                    planned.push(*done);
                    continue;
                }
                Draft::Whole(whole) => whole,
            };
            let id = whole.planned.result.object.clone();
            // What another object says of it now is told with the first.
            let (its, others): (Vec<Check>, Vec<Check>) = found
                .into_iter()
                .partition(|check| check.object == id || is_first);
            found = others;
            is_first = false;
            whole.planned.result.checks = its;
            let is_route = whole.is_a(ObjectKind::VirtualService);
            if is_route && subsets_come || whole.drops_subsets() && routes_change {
                whole.planned.result.waits_s = Some(wait.as_secs_f64());
            }
            if whole.adds_subsets() && routes_change {
                let message = "A route stands before the DestinationRule with its new subsets: its calls would fail in between.";
                let hint = "put the DestinationRule before the route";
                whole
                    .planned
                    .refuse(ApiError::refused("checks", message, Some(hint)));
            }
            subsets_come |= whole.adds_subsets();
            routes_change |= is_route;
            planned.push(self.end(*whole, &together).await);
        }
        planned
    }

    /// Returns what is wrong once all drafts are written and was not before.
    fn findings(&self, drafts: &[Draft]) -> Vec<Check> {
        let wholes: Vec<&Whole> = drafts
            .iter()
            .filter_map(|draft| match draft {
                Draft::Whole(it) => Some(&**it),
                Draft::Done(_) => None,
            })
            .collect();
        if wholes.is_empty() {
            return Vec::new();
        }
        let mut objects = self.snapshot.objects.clone();
        for whole in wholes {
            let key = &whole.planned.key;
            // Two groups have a Gateway: the first is the one that is written.
            let at = objects.iter().position(|o| o.key() == key);
            match (at, &whole.wanted) {
                (Some(at), Some(wanted)) => {
                    if let Some(object) = objects.get_mut(at) {
                        *object = Arc::new(wanted.clone().into());
                    }
                }
                (Some(at), None) => {
                    objects.remove(at);
                }
                (None, Some(wanted)) => objects.push(Arc::new(wanted.clone().into())),
                (None, None) => {}
            }
        }
        let after = Board::read(board::read(Snapshot {
            objects,
            ..self.snapshot.clone()
        }));
        // A rule that moved takes its findings along: the place alone makes none a new one.
        let same = |a: &Check, b: &Check| {
            (&a.code, &a.object, &a.other, &a.message) == (&b.code, &b.object, &b.other, &b.message)
        };
        let mut before: Vec<&Check> = self.board.all_checks().collect();
        let mut found = Vec::new();
        for check in after.all_checks() {
            match before.iter().position(|known| same(known, check)) {
                Some(at) => {
                    before.swap_remove(at);
                }
                None => found.push(check.clone()),
            }
        }
        found
    }

    /// Returns how long proxies need to learn of a change: what is measured of it, within bounds.
    async fn wait(&self, app: &App, drafts: &[Draft]) -> Duration {
        let is_needed = drafts.iter().any(|draft| match draft {
            Draft::Whole(it) => it.adds_subsets() || it.drops_subsets(),
            Draft::Done(_) => false,
        });
        if !is_needed {
            return LEAST_WAIT;
        }
        let Ok(at) = app.facts.instant(None) else {
            return LEAST_WAIT;
        };
        let ask = ControlPlane {
            window: Window::default(),
            at,
        };
        let asked = app.reports.control_plane(app.facts.metrics(), ask);
        let measured = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => {
                let notices = answer.notices.clone();
                let told = mesh::control_plane::answer(&answer.value, &ask, None, notices);
                told.convergence.and_then(|it| it.p99_ms)
            }
            Ok(Err(_)) | Err(_) => None,
        };
        let measured = measured.filter(|ms| ms.is_finite() && *ms >= 0.0);
        let measured = measured.map_or(LEAST_WAIT, |ms| Duration::from_secs_f64(ms / 1e3));
        measured.clamp(LEAST_WAIT, LONGEST_WAIT)
    }

    /// Plans one object to its end.
    async fn end(&self, whole: Whole, together: &[String]) -> Planned {
        let Whole {
            mut planned,
            live,
            wanted,
            undoes,
            keeps,
        } = whole;
        let record = Change {
            together: together.to_vec(),
            made: live.is_none() && undoes.is_none(),
            ..self.structural(&planned.summary, undoes.as_deref())
        };
        let Some(wanted) = wanted else {
            if let Some(live) = &live {
                self.remove(&mut planned, live).await;
            }
            return planned;
        };
        if let Some(problem) = refusal(&planned.key, &wanted) {
            let path = problem.path.replace('/', ".");
            let path = path.trim_start_matches('.');
            let message = format!("Istio would refuse it: {path} {}.", problem.problem);
            planned.refuse(ApiError::refused("checks", &message, None));
        }
        let Some(live) = live else {
            refuse_errors(&mut planned);
            self.make(&mut planned, &whole::made(&wanted, &record))
                .await;
            return planned;
        };
        let moves = whole::moves(&live, &wanted);
        if moves.is_empty() && keeps.is_empty() {
            planned.result.outcome = Outcome::Unchanged;
            return planned;
        }
        judge_owner(&mut planned, &live, &moves);
        refuse_errors(&mut planned);
        if Journal::of(&live).is_unreadable {
            planned.result.warnings.push(
                "The record on this object can't be read; this change starts it anew.".to_owned(),
            );
        }
        let patch = whole::patch(&live, &moves, &record);
        self.try_patch(&mut planned, &live, &patch).await;
        let back = whole::inverse(&moves);
        let mut copies = vec![keep::copy(&live, &live, self.id, Some(&back))];
        copies.extend(keeps);
        let without = self.request.without_record;
        planned.keep(self.cluster, copies, without).await;
        planned
            .writes
            .push(Write::Patch(planned.key.clone(), patch));
        planned
    }

    async fn make(&self, planned: &mut Planned, object: &Value) {
        self.may(planned, Verb::Create).await;
        planned.result.diff = diff(None, Some(object));
        if planned.refusal.is_none() {
            match self.cluster.create(object, true).await {
                Ok(written) => {
                    planned.result.diff = diff(None, Some(&written.object));
                    planned.result.server_checked = true;
                    planned.result.warnings.extend(written.warnings);
                }
                Err(error) => planned.not_tried(error),
            }
        }
        planned.writes.push(Write::Create(object.clone()));
    }

    async fn remove(&self, planned: &mut Planned, live: &Value) {
        if let Some(owner) = owner::of_all(live).filter(|o| o.effect != OwnerEffect::Rewrites) {
            let hint = owner.hint.as_deref();
            planned.refuse(ApiError::refused("owned", &owner.message, hint));
        }
        refuse_errors(planned);
        self.may(planned, Verb::Delete).await;
        planned.result.diff = diff(Some(live), None);
        let version = object::resource_version(live);
        if planned.refusal.is_none() {
            match self.cluster.delete(&planned.key, version, true).await {
                Ok(()) => planned.result.server_checked = true,
                Err(error) => planned.not_tried(error),
            }
        }
        planned
            .writes
            .push(Write::Delete(planned.key.clone(), version.to_owned()));
    }

    async fn may(&self, planned: &mut Planned, verb: Verb) {
        match self.cluster.can_i(verb, &planned.key).await {
            Ok(true) => {}
            Ok(false) => {
                let key = planned.key.clone();
                planned.refuse(ClusterError::Forbidden { key, verb }.into());
            }
            Err(error) => planned.refuse(error.into()),
        }
    }
}

/// A new error refuses the change.
fn refuse_errors(planned: &mut Planned) {
    let checks = &mut planned.result.checks;
    checks
        .sort_by(|a, b| (a.severity, &a.code, &a.message).cmp(&(b.severity, &b.code, &b.message)));
    let error = checks
        .iter()
        .find(|check| check.severity == Severity::Error);
    if let Some(check) = error {
        let mend = check.command.as_ref().or(check.mend.as_ref());
        let refusal = ApiError::refused("checks", &check.message, mend.map(String::as_str));
        planned.refuse(refusal);
    }
}

/// Who steers the weights locks rules and subsets; who applies the object says what will become of the change.
fn judge_owner(planned: &mut Planned, live: &Value, moves: &[Move]) {
    let Some(owner) = owner::of_all(live) else {
        return;
    };
    let steered = match planned.key.kind.as_str() {
        "VirtualService" => "/spec",
        _ => "/spec/subsets",
    };
    if owner.effect != OwnerEffect::Locks {
        let check = owner::check(&owner, &planned.result.object);
        planned.result.checks.push(check);
    } else if moves.iter().any(|it| it.path.starts_with(steered)) {
        let hint = owner.hint.as_deref();
        planned.refuse(ApiError::refused("owned", &owner.message, hint));
    }
}

/// Returns why Istio would not take an object, as far as its lens tells.
fn refusal(key: &ObjectKey, object: &Value) -> Option<Unreadable> {
    match key.kind.as_str() {
        "VirtualService" => match VirtualService::read(object) {
            Ok(view) => view.refusal(),
            Err(problem) => Some(problem),
        },
        "DestinationRule" => match DestinationRule::read(object) {
            Ok(view) => view.refusal(),
            Err(problem) => Some(problem),
        },
        "Gateway" => match Gateway::read(object) {
            Ok(view) => view.refusal(),
            Err(problem) => Some(problem),
        },
        _ => None,
    }
}

/// Returns an object with what may be changed of it as it was in a copy.
pub(super) fn as_it_was(live: &Value, copy: &Value) -> Value {
    let mut manifest = copy.clone();
    if let Some(annotations) = manifest
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.retain(|name, _| !name.starts_with(whole::OURS));
    }
    let mut wanted = live.clone();
    wanted["spec"] = manifest.get("spec").cloned().unwrap_or(Value::Null);
    for field in ["labels", "annotations"] {
        let was = manifest.pointer(&format!("/metadata/{field}")).cloned();
        let mut fields = was.unwrap_or_else(|| json!({}));
        if field == "annotations"
            && let (Some(fields), Some(now)) = (
                fields.as_object_mut(),
                live.pointer("/metadata/annotations")
                    .and_then(Value::as_object),
            )
        {
            let ours = now.iter().filter(|(name, _)| name.starts_with(whole::OURS));
            fields.extend(ours.map(|(name, value)| (name.clone(), value.clone())));
        }
        wanted["metadata"][field] = fields;
    }
    wanted
}
