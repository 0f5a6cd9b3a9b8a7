//! What a change will write, object by object, and what speaks against it. Nothing is written here but dry
//! runs.

use std::collections::BTreeSet;

use json_patch::Patch;
use mesh::api::changes::{ChangeRequest, Edit, EditResult, Outcome};
use mesh::api::objects::ObjectRef;
use mesh::api::routes::{Change, Check, OwnerEffect, RouteRef, Severity};
use mesh::changes::{self, CannotUndo};
use mesh::object::{self, ObjectKey};
use mesh::routes::{Board, owner};
use mesh::routing::{self, RouteView, Rule, RulePlace, weights};
use serde_json::Value;

use super::diff::diff;
use crate::clock;
use crate::cluster::{Cluster, ClusterError, Snapshot, Verb, key_of, sentence};
use crate::http::{ApiError, App};
use crate::routes::Measured;

mod draft;
mod structure;
mod whole;

use whole::Draft;

/// One object's part of a change.
pub struct Planned {
    /// The object.
    pub key: ObjectKey,
    /// What is said of it; the outcome is `Previewed` until it is written.
    pub result: EditResult,
    /// What is to be written, in order.
    pub writes: Vec<Write>,
    /// Why nothing may be written.
    pub refusal: Option<ApiError>,
    /// For logs and events: what changes.
    pub summary: String,
    /// The event's reason, one word.
    pub event: &'static str,
    /// The object's API version and uid, for events about it.
    pub api_version: Option<String>,
    /// See `api_version`.
    pub uid: Option<String>,
}

/// One request to the cluster.
pub enum Write {
    /// Keeps a copy of an object before it is changed.
    Keep(Value),
    /// Sets weights; made again for a newer version of the object where only something else of it changed.
    Weights(Box<Weights>),
    /// Changes an object.
    Patch(ObjectKey, Patch),
    /// Makes an object.
    Create(Value),
    /// Removes an object of this version.
    Delete(ObjectKey, String),
}

/// The weights of one rule, to be set.
pub struct Weights {
    /// Where.
    pub route: RouteRef,
    /// The object as it was planned on.
    pub live: Value,
    /// The rule.
    pub rule: RulePlace,
    /// The weights.
    pub to: Vec<Option<u32>>,
    /// The record.
    pub record: Change,
}

impl Weights {
    /// Returns the patch for an object; `None` where the rule is not there.
    pub fn patch(&self, object: &Value) -> Option<Patch> {
        let view = RouteView::read(self.route.kind, object).ok()?;
        let rule = view.rules.iter().find(|rule| rule.place == self.rule)?;
        let patch = changes::set_weights(object, self.route.kind, rule, &self.to, &self.record);
        Some(patch)
    }
}

impl Planned {
    fn new(key: ObjectKey) -> Planned {
        Planned {
            result: EditResult {
                object: key.id(),
                outcome: Outcome::Previewed,
                resource_version: None,
                diff: Vec::new(),
                server_checked: false,
                warnings: Vec::new(),
                checks: Vec::new(),
                predicted: None,
                waits_s: None,
                faults: Vec::new(),
                error: None,
            },
            key,
            writes: Vec::new(),
            refusal: None,
            summary: String::new(),
            event: "WeightsSet",
            api_version: None,
            uid: None,
        }
    }

    /// Takes note of the object as it is.
    fn about(&mut self, live: &Value) {
        self.result.resource_version = Some(object::resource_version(live).to_owned());
        self.api_version = object::text_at(live, "/apiVersion").map(str::to_owned);
        self.uid = object::uid(live).map(str::to_owned);
    }

    fn refused(mut self, error: impl Into<ApiError>) -> Planned {
        self.refuse(error.into());
        self
    }

    fn refuse(&mut self, error: ApiError) {
        self.result.outcome = Outcome::Refused;
        self.result.error = Some(error.detail());
        self.refusal.get_or_insert(error);
    }

    /// Takes note that the server could not try it. Whatever refuses only to try may still take the real thing
    /// (rule W2).
    fn not_tried(&mut self, error: ClusterError) {
        if let ClusterError::NoDryRun { .. } = error {
            let warning =
                format!("Only looked at here, since it can't be tried on the server: {error}");
            self.result.warnings.push(sentence(&warning));
        } else {
            self.refuse(error.into());
        }
    }

    /// Plans that copies from before the change are kept: without them there is no way back (rule W6). Where one can't
    /// be, the change is refused, unless it is wanted `without_record`.
    async fn keep(&mut self, cluster: &Cluster, copies: Vec<Value>, without_record: bool) {
        for copy in copies {
            if self.refusal.is_none()
                && let Err(error) = cluster.create(&copy, true).await
            {
                if !error.is_lasting() {
                    self.not_tried(error);
                } else if without_record {
                    let check = Check::unrecorded(&self.result.object, &error.to_string());
                    self.result.checks.push(check);
                    continue;
                } else {
                    self.refuse(ApiError::no_record(error));
                }
            }
            self.writes.push(Write::Keep(copy));
        }
    }

    /// Returns what is said of it when nothing of the change is written.
    pub fn not_written(mut self) -> EditResult {
        if self.refusal.is_none() {
            self.result.outcome = Outcome::NotTried;
        }
        self.result
    }
}

/// Plans every edit of a request.
pub async fn plan(
    app: &App,
    cluster: &Cluster,
    request: &ChangeRequest,
    id: &str,
) -> Result<Vec<Planned>, ApiError> {
    let mut seen = BTreeSet::new();
    let objects = request.edits.iter().flat_map(Edit::objects);
    for object in objects.collect::<Vec<ObjectRef>>() {
        if !seen.insert(object.clone()) {
            let problem = format!("holds two edits of {object}");
            return Err(ApiError::bad_body(
                &problem,
                Some("make one change after the other"),
            ));
        }
    }
    let board = app.boards.now(cluster);
    let measured = Measured::at_once(app, &board).await?;
    let planner = Planner {
        cluster,
        board: &board,
        snapshot: cluster.snapshot(),
        measured: &measured,
        request,
        id,
    };
    let mut drafts = Vec::new();
    for edit in &request.edits {
        match edit {
            Edit::SetWeights { object, .. } | Edit::Undo { object, .. } => {
                let planned = Box::pin(planner.weights(edit, object)).await;
                drafts.push(Draft::Done(Box::new(planned)));
            }
            Edit::Join {
                object,
                resource_version,
                with,
                with_resource_version,
            } => {
                let stays = (object, resource_version.as_str());
                let goes = (with, with_resource_version.as_str());
                drafts.extend(Box::pin(planner.join(stays, goes)).await);
            }
            Edit::Restore {
                object,
                resource_version,
                change,
                whole,
            } => {
                let drafted = planner.restore(object, resource_version, change, *whole);
                drafts.extend(Box::pin(drafted).await);
            }
            _ => drafts.extend(Box::pin(planner.draft(edit)).await),
        }
    }
    Ok(Box::pin(planner.finish(app, drafts)).await)
}

struct Planner<'a> {
    cluster: &'a Cluster,
    board: &'a Board,
    snapshot: Snapshot,
    measured: &'a Measured,
    request: &'a ChangeRequest,
    id: &'a str,
}

impl Planner<'_> {
    /// Returns the live object, if it is the version that was seen.
    async fn live(
        &self,
        route: &RouteRef,
        seen: &str,
        same: (Option<&str>, Option<i64>),
    ) -> Result<Value, ApiError> {
        let live = self.cluster.get(&key_of(route)).await?;
        let (uid, generation) = same;
        let is_same_object = uid.is_some() && object::uid(&live) == uid;
        let is_same_spec = generation.is_some() && object::generation(&live) == generation;
        let version = object::resource_version(&live);
        let is_as_seen = version == seen || (is_same_object && is_same_spec);
        // What is checked must be what is written: the board may lag behind for a moment.
        let is_as_read = self.board.version_of(route) == Some(version);
        if !is_as_seen || !is_as_read {
            return Err(ApiError::refused(
                "conflict",
                &format!("{route} has changed since it was read; nothing was written."),
                Some("look at what it is now, and decide again: your draft is kept"),
            ));
        }
        Ok(live)
    }

    /// Plans a change of one rule's weights, forward or back.
    async fn weights(&self, edit: &Edit, route: &RouteRef) -> Planned {
        let planned = Planned::new(key_of(route));
        let (seen, same) = match edit {
            Edit::SetWeights {
                resource_version,
                uid,
                generation,
                ..
            } => (resource_version, (uid.as_deref(), *generation)),
            Edit::Undo {
                resource_version, ..
            } => (resource_version, (None, None)),
            _ => return planned.refused(ApiError::internal()),
        };
        let live = match self.live(route, seen, same).await {
            Ok(live) => live,
            Err(error) => return planned.refused(error),
        };
        let view = match RouteView::read(route.kind, &live) {
            Ok(view) => view,
            Err(error) => {
                let message = format!("{route} can't be read: {error}.");
                return planned.refused(ApiError::refused("checks", &message, None));
            }
        };
        match target(&live, &view, edit) {
            Ok((rule, to, undoes)) => {
                self.set(planned, route, live.clone(), rule, to, undoes)
                    .await
            }
            Err(error) => planned.refused(error),
        }
    }

    async fn set(
        &self,
        mut planned: Planned,
        route: &RouteRef,
        live: Value,
        rule: &Rule,
        to: Vec<Option<u32>>,
        undoes: Option<String>,
    ) -> Planned {
        let before: Vec<Option<u32>> = rule.destinations.iter().map(|d| d.weight).collect();
        planned.about(&live);
        planned.summary = format!("{}: {}", rule.place, told(&before, &to));
        if to == before {
            planned.result.outcome = Outcome::Unchanged;
            return planned;
        }
        if undoes.is_some() {
            planned.event = "WeightsTakenBack";
        }
        self.judge(&mut planned, route, &live, rule, &to);
        let record = Change {
            change: self.id.to_owned(),
            at_ms: clock::now().0,
            who: self.cluster.who(),
            reason: self.request.reason.clone().filter(|r| !r.trim().is_empty()),
            rule: rule.place.to_string(),
            destinations: rule.destination_keys(),
            before,
            after: to.clone(),
            what: None,
            made: false,
            undoes,
            together: self.together(),
        };
        if changes::journal::Journal::of(&live).is_unreadable {
            planned.result.warnings.push(
                "The record on this object can't be read; this change starts it anew.".to_owned(),
            );
        }
        let weights = Weights {
            route: route.clone(),
            live,
            rule: rule.place,
            to,
            record,
        };
        if let Some(patch) = weights.patch(&weights.live) {
            self.try_patch(&mut planned, &weights.live, &patch).await;
        }
        planned.writes.push(Write::Weights(Box::new(weights)));
        planned
    }

    /// All objects of the change in the order in which they are written, for each one's record; none where
    /// there is only one.
    fn together(&self) -> Vec<String> {
        let objects = self.request.edits.iter().flat_map(Edit::objects);
        let ids: Vec<String> = objects.map(|object| object.to_string()).collect();
        if ids.len() > 1 { ids } else { Vec::new() }
    }

    /// Says what speaks against the weights, and what they will move.
    fn judge(
        &self,
        planned: &mut Planned,
        route: &RouteRef,
        live: &Value,
        rule: &Rule,
        to: &[Option<u32>],
    ) {
        if let Some(owner) = owner::owner(live)
            && owner.effect == OwnerEffect::Locks
        {
            planned.refuse(ApiError::refused(
                "owned",
                &owner.message,
                owner.hint.as_deref(),
            ));
        }
        let shares = weights::shares(to, routing::absent_weight(route.kind));
        let Ok(shares) = shares else {
            let message = "All weights would be zero, so the rule would send its calls nowhere.";
            planned.refuse(ApiError::refused(
                "checks",
                message,
                Some("give one a weight"),
            ));
            return;
        };
        let notices = self.measured.notices().iter();
        planned
            .result
            .warnings
            .extend(notices.map(|notice| notice.message.clone()));
        let evidence = self.measured.evidence();
        let seen = self.board.route(route, &evidence);
        let place = rule.place.to_string();
        if let Some(seen) = &seen
            && let Some(shown) = seen.rules.iter().find(|r| r.rule == place)
        {
            let moved = self.request.edits.iter().map(Edit::object);
            let moved: Vec<RouteRef> = moved.filter_map(|object| object.route()).collect();
            let moved: Vec<&RouteRef> = moved.iter().collect();
            planned.result.predicted = changes::predict(shown, &shares);
            planned.result.checks = self.board.check_move(route, seen, shown, &shares, &moved);
        }
        if let Some(check) = planned
            .result
            .checks
            .iter()
            .find(|check| check.severity == Severity::Error)
        {
            let mend = check.command.as_ref().or(check.mend.as_ref());
            let error = ApiError::refused("checks", &check.message, mend.map(String::as_str));
            planned.refuse(error);
        }
    }

    /// Tries a patch with a dry run, and shows what it does.
    async fn try_patch(&self, planned: &mut Planned, live: &Value, patch: &Patch) {
        match self.cluster.can_i(Verb::Patch, &planned.key).await {
            Ok(true) => {}
            Ok(false) => {
                let key = planned.key.clone();
                let verb = Verb::Patch;
                planned.refuse(ClusterError::Forbidden { key, verb }.into());
            }
            Err(error) => planned.refuse(error.into()),
        }
        if planned.refusal.is_none() {
            match self.cluster.patch(&planned.key, patch, true).await {
                Ok(written) => {
                    planned.result.diff = diff(Some(live), Some(&written.object));
                    planned.result.server_checked = true;
                    planned.result.warnings.extend(written.warnings);
                    return;
                }
                Err(error) => planned.not_tried(error),
            }
        }
        // What the change would be is shown all the same; that it is only ours is said.
        let mut local = live.clone();
        if json_patch::patch(&mut local, patch).is_ok() {
            planned.result.diff = diff(Some(live), Some(&local));
        }
    }
}

/// Returns the rule that an edit is of, the weights it wants there, and the change that it takes back.
fn target<'v>(
    live: &Value,
    view: &'v RouteView,
    edit: &Edit,
) -> Result<(&'v Rule, Vec<Option<u32>>, Option<String>), ApiError> {
    match edit {
        Edit::SetWeights { rule, weights, .. } => {
            let found = rule
                .parse::<RulePlace>()
                .ok()
                .and_then(|place| view.rules.iter().find(|r| r.place == place));
            let found = found.ok_or_else(|| {
                let shown: String = rule.chars().take(40).collect();
                let known: Vec<String> = view.rules.iter().map(|r| r.place.to_string()).collect();
                ApiError::refused(
                    "not_found",
                    &format!("The route has no rule `{shown}`."),
                    Some(&format!("it has {}", known.join(", "))),
                )
            })?;
            let to = changes::checked(found, weights).map_err(|bad| {
                let hint = "weights are proportions, one for each destination in order";
                ApiError::refused(
                    "bad_body",
                    &format!("The weights don't fit: {bad}."),
                    Some(hint),
                )
            })?;
            Ok((found, to, None))
        }
        Edit::Undo { change, over, .. } => {
            let undone = changes::undo(live, &view.rules, change, over.as_deref());
            let (rule, recorded) = undone.map_err(|error| cannot_undo(&error))?;
            Ok((rule, recorded.before, Some(recorded.change)))
        }
        _ => Err(ApiError::internal()),
    }
}

fn cannot_undo(error: &CannotUndo) -> ApiError {
    match error {
        CannotUndo::NotRecorded(_) => {
            let hint = "the last twenty changes are kept";
            ApiError::refused(
                "not_found",
                &format!("Can't take that back: {error}."),
                Some(hint),
            )
        }
        CannotUndo::NotWeights(_) => {
            let hint = "it is a change of kind restore";
            let message = format!("Can't take that back: {error}.");
            ApiError::refused("bad_body", &message, Some(hint))
        }
        CannotUndo::RuleGone(_) => {
            let hint = "set the weights that you want instead";
            ApiError::refused(
                "changed_since",
                &format!("Can't take that back: {error}."),
                Some(hint),
            )
        }
        CannotUndo::ChangedSince { before, after, now } => ApiError::refused(
            "changed_since",
            &format!(
                "Someone changed these weights since: the change set {} instead of {}, now they are {}.",
                list(after),
                list(before),
                list(now)
            ),
            Some("take it back all the same only if what is there now may go"),
        ),
    }
}

fn list(weights: &[Option<u32>]) -> String {
    let words = weights
        .iter()
        .map(|w| w.map_or_else(|| "–".to_owned(), |w| w.to_string()));
    words.collect::<Vec<_>>().join("/")
}

fn told(before: &[Option<u32>], after: &[Option<u32>]) -> String {
    format!("{} → {}", list(before), list(after))
}
