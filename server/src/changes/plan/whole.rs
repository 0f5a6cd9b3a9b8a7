//! Objects that are changed, made or removed as a whole: what an edit makes of them, what speaks against it,
//! and what is written.

use std::sync::Arc;
use std::time::Duration;

use mesh::api::changes::{Edit, Outcome};
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::routes::{Change, Check, OwnerEffect, Severity};
use mesh::api::rules::Fault;
use mesh::changes::whole::{self, Move};
use mesh::changes::{breaker, gateway, journal::Journal, rules, subsets};
use mesh::object::{self, ObjectKey, text_at};
use mesh::routes::{Board, owner};
use mesh::routing::destination_rule::DestinationRule;
use mesh::routing::gateway::Gateway;
use mesh::routing::{RulePlace, Unreadable, VirtualService};
use mesh::telemetry::ControlPlane;
use mesh::units::Window;
use serde_json::{Value, json};

use super::{Planned, Planner, Write};
use crate::board;
use crate::changes::diff::diff;
use crate::changes::keep;
use crate::cluster::{ClusterError, Snapshot, Verb, key_of};
use crate::http::{ApiError, App};
use crate::objects::ISTIO;

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

/// Why an edit does not say what becomes of an object.
struct Refusal {
    error: ApiError,
    faults: Vec<Fault>,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Refusal {
        Refusal {
            error,
            faults: Vec::new(),
        }
    }
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
    /// Returns what an edit makes of its objects.
    pub(super) async fn draft(&self, edit: &Edit) -> Vec<Draft> {
        if let Edit::Split {
            object,
            service,
            versions,
            rule,
        } = edit
        {
            return match self.split(object, service, versions, rule.as_ref()).await {
                Ok(both) => both.map(|it| Draft::Whole(Box::new(it))).into(),
                Err(error) => {
                    let refused = Planned::new(key_of(object)).refused(error);
                    vec![Draft::Done(Box::new(refused))]
                }
            };
        }
        let place = edit.object();
        let version = match edit {
            Edit::PutRule {
                resource_version, ..
            }
            | Edit::MoveRule {
                resource_version, ..
            }
            | Edit::RemoveRule {
                resource_version, ..
            }
            | Edit::Bind {
                resource_version, ..
            } => Some(resource_version),
            Edit::Apply {
                resource_version, ..
            }
            | Edit::SetBreaker {
                resource_version, ..
            }
            | Edit::PutGateway {
                resource_version, ..
            } => resource_version.as_ref(),
            _ => None,
        };
        let live = match self.seen(&place, version.map(String::as_str)).await {
            Ok(live) => live,
            Err(error) => {
                let mut refused = Planned::new(key_of(&place)).refused(error);
                refused.summary = "changed".to_owned();
                return vec![Draft::Done(Box::new(refused))];
            }
        };
        let draft = match self.wanted(edit, &place, live.as_ref()) {
            Ok((wanted, summary)) => {
                let mut draft = Whole::new(&place, live, Some(wanted));
                draft.planned.summary = summary;
                Draft::Whole(Box::new(draft))
            }
            Err(Refusal { error, faults }) => {
                let mut refused = Whole::new(&place, live, None).planned.refused(error);
                refused.result.faults = faults;
                Draft::Done(Box::new(refused))
            }
        };
        vec![draft]
    }

    /// Returns the live object of that version; nothing where none was seen, and none is there.
    pub(super) async fn seen(
        &self,
        place: &ObjectRef,
        version: Option<&str>,
    ) -> Result<Option<Value>, ApiError> {
        if ![
            ObjectKind::VirtualService,
            ObjectKind::DestinationRule,
            ObjectKind::Gateway,
        ]
        .contains(&place.kind)
        {
            let message =
                "Only VirtualService, DestinationRule and Gateway can be changed as a whole.";
            return Err(ApiError::refused("bad_body", message, None));
        }
        let key = key_of(place);
        let Some(version) = version else {
            return match self.cluster.get(&key).await {
                Ok(_) => Err(ApiError::refused(
                    "conflict",
                    &format!("{place} is there already; nothing was written."),
                    Some("look at what it is, and change that"),
                )),
                Err(ClusterError::NotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            };
        };
        let live = self.cluster.get(&key).await?;
        let its = object::resource_version(&live);
        let read = self.snapshot.object(&key);
        let read = read.as_deref().map(object::resource_version);
        // What is checked must be what is written: the snapshot may lag behind for a moment.
        if its != version || read != Some(its) {
            return Err(ApiError::refused(
                "conflict",
                &format!("{place} has changed since it was read; nothing was written."),
                Some("look at what it is now, and decide again: your draft is kept"),
            ));
        }
        let group = text_at(&live, "/apiVersion").and_then(|api| Some(api.split_once('/')?.0));
        if group != Some(ISTIO) {
            let message = format!("{place} is not Istio's object of that kind.");
            return Err(ApiError::refused("bad_body", &message, None));
        }
        Ok(Some(live))
    }

    /// Returns what an edit makes of an object, and in words what it does.
    fn wanted(
        &self,
        edit: &Edit,
        place: &ObjectRef,
        live: Option<&Value>,
    ) -> Result<(Value, String), Refusal> {
        let route = || {
            live.filter(|_| place.kind == ObjectKind::VirtualService)
                .ok_or_else(|| wrong_kind("Rules are those of a VirtualService."))
        };
        let at = |text: &String| {
            text.parse::<RulePlace>()
                .map_err(|_| no_rule(&text.chars().take(40).collect::<String>()))
        };
        match edit {
            Edit::Apply { manifest, .. } => {
                let manifest = parsed(manifest)?;
                let wanted = whole::wanted(live, &key_of(place), ISTIO, &manifest);
                let wanted = wanted.map_err(|bad| {
                    let message = format!("The manifest can't be applied: {bad}.");
                    ApiError::refused("bad_body", &message, Some("nothing was changed"))
                })?;
                let summary = if live.is_some() { "edited" } else { "made" };
                Ok((wanted, summary.to_owned()))
            }
            Edit::PutRule {
                rule, new, spec, ..
            } => {
                let (route, at) = (route()?, at(rule)?);
                if *new {
                    let wanted = rules::add(route, at, spec).map_err(bad_rule)?;
                    Ok((wanted, format!("added rule {at}")))
                } else {
                    let wanted = rules::put(route, at, spec).map_err(bad_rule)?;
                    Ok((wanted, format!("changed rule {at}")))
                }
            }
            Edit::MoveRule { rule, to, .. } => {
                let (route, from, to) = (route()?, at(rule)?, at(to)?);
                let wanted = rules::shift(route, from, to).map_err(bad_rule)?;
                Ok((wanted, format!("moved rule {from} to {to}")))
            }
            Edit::RemoveRule { rule, .. } => {
                let (route, at) = (route()?, at(rule)?);
                let wanted = rules::remove(route, at).map_err(bad_rule)?;
                Ok((wanted, format!("removed rule {at}")))
            }
            Edit::SetBreaker { host, breaker, .. } => self.breaker(place, live, host, breaker),
            Edit::PutGateway { spec, .. } => {
                if place.kind != ObjectKind::Gateway {
                    return Err(wrong_kind("Ports are opened by a Gateway."));
                }
                let now = live.map(gateway::read).unwrap_or_default();
                no_faults(gateway::faults(spec, &now))?;
                let new =
                    || gateway::new(&self.api_version(place.kind), &place.namespace, &place.name);
                let wanted = gateway::put(&live.cloned().unwrap_or_else(new), spec);
                let ports: Vec<String> = spec.servers.iter().map(|s| s.port.to_string()).collect();
                Ok((wanted, format!("opens {}", ports.join(", "))))
            }
            Edit::Bind {
                gateways, hosts, ..
            } => {
                let wanted = gateway::bind(route()?, gateways, hosts.as_deref());
                let names = if gateways.is_empty() {
                    "mesh".to_owned()
                } else {
                    gateways.join(", ")
                };
                Ok((wanted, format!("bound to {names}")))
            }
            Edit::SetWeights { .. }
            | Edit::Undo { .. }
            | Edit::Join { .. }
            | Edit::Restore { .. }
            | Edit::Split { .. } => Err(ApiError::internal().into()),
        }
    }

    fn breaker(
        &self,
        place: &ObjectRef,
        live: Option<&Value>,
        host: &str,
        to: &mesh::api::rules::BreakerSpec,
    ) -> Result<(Value, String), Refusal> {
        if place.kind != ObjectKind::DestinationRule {
            return Err(wrong_kind("A circuit breaker is set by a DestinationRule."));
        }
        let mut faults = breaker::faults(to);
        if host.is_empty() {
            faults.push(Fault {
                field: "host".to_owned(),
                problem: "is missing".to_owned(),
            });
        }
        no_faults(faults)?;
        let full = |host: &str| self.board.full_name(host, &place.namespace);
        let rule = match live {
            Some(live) => {
                let its = text_at(live, "/spec/host").unwrap_or_default();
                if full(its) != full(host) {
                    let message = format!("{place} is of host {its}, not of {host}.");
                    return Err(ApiError::refused("bad_body", &message, None).into());
                }
                live.clone()
            }
            None => {
                let api = self.api_version(place.kind);
                subsets::new_rule(&api, &place.namespace, &place.name, host)
            }
        };
        let wanted = breaker::put(&rule, to);
        Ok((wanted, format!("set the circuit breaker of {host}")))
    }

    /// Returns what splits a service: its DestinationRule with subsets, then the route that is made.
    async fn split(
        &self,
        route: &ObjectRef,
        service: &str,
        versions: &[mesh::api::rules::VersionShare],
        seen: Option<&mesh::api::rules::Seen>,
    ) -> Result<[Whole; 2], ApiError> {
        if route.kind != ObjectKind::VirtualService {
            let message = "A split is made by a VirtualService.";
            return Err(ApiError::refused("bad_body", message, None));
        }
        let known = self.board.versions_of(&route.namespace, service);
        let known = known.ok_or_else(|| {
            let message = format!("There is no service {service} in {}.", route.namespace);
            ApiError::refused("not_found", &message, None)
        })?;
        let bad = |bad: subsets::BadSplit| {
            let message = format!("{service} can't be split so: {bad}.");
            let hint = format!(
                "its versions are {}",
                Vec::from_iter(&known)
                    .iter()
                    .map(|v| v.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            ApiError::refused("checks", &message, Some(&hint))
        };
        subsets::check(versions, &known).map_err(bad)?;
        let full = self.board.full_name(service, &route.namespace);
        let there = self.board.destination_rules_of(&full);
        // Without a name it is the one that is there, where there is one.
        let own = there
            .iter()
            .find(|(namespace, _)| *namespace == route.namespace);
        let name = seen
            .map(|seen| &seen.name)
            .or(own.map(|(_, name)| name))
            .map_or_else(|| service.to_owned(), Clone::clone);
        let its = (route.namespace.clone(), name.clone());
        if let Some((namespace, name)) = there.iter().find(|place| **place != its) {
            let message = format!(
                "DestinationRule {namespace}/{name} is there for {service} already: its subsets and another's would not add up."
            );
            let hint = "join them first, or name the one that takes the subsets";
            return Err(ApiError::refused("checks", &message, Some(hint)));
        }
        let place = ObjectRef {
            namespace: route.namespace.clone(),
            kind: ObjectKind::DestinationRule,
            name,
        };
        let now = self.snapshot.object(&key_of(&place));
        let version = seen
            .map(|seen| seen.resource_version.as_str())
            .or(now.as_deref().map(object::resource_version));
        let live = self.seen(&place, version).await?;
        let rule = match &live {
            Some(live) => {
                let its = text_at(live, "/spec/host").unwrap_or_default();
                if self.board.full_name(its, &place.namespace) != full {
                    let message = format!("{place} is of host {its}, not of {service}.");
                    return Err(ApiError::refused("bad_body", &message, None));
                }
                live.clone()
            }
            None => {
                let api = self.api_version(place.kind);
                subsets::new_rule(&api, &place.namespace, &place.name, service)
            }
        };
        let rule = subsets::with_subsets(&rule, versions).map_err(bad)?;
        self.seen(route, None).await?;
        let api = self.api_version(route.kind);
        let made = subsets::new_route(&api, &route.namespace, &route.name, service, versions);
        let mut first = Whole::new(&place, live, Some(rule));
        let names: Vec<&str> = versions.iter().map(|it| it.version.as_str()).collect();
        first.planned.summary = format!("has subsets {}", names.join(", "));
        let mut second = Whole::new(route, None, Some(made));
        second.planned.summary = format!("split {service} over {}", names.join(", "));
        Ok([first, second])
    }

    /// The version of Istio's API that this cluster's objects are of.
    fn api_version(&self, kind: ObjectKind) -> String {
        let objects = self.snapshot.objects.iter();
        let of_istio = objects.filter_map(|object| {
            let value = object.value();
            let api = text_at(&value, "/apiVersion")?;
            let is_istios = api.starts_with(&format!("{ISTIO}/"));
            is_istios.then(|| (object.key().kind == kind.kind(), api.to_owned()))
        });
        let best = of_istio.max_by_key(|(is_of_kind, _)| *is_of_kind);
        best.map_or_else(|| format!("{ISTIO}/v1"), |(_, api)| api)
    }

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

fn parsed(manifest: &str) -> Result<Value, ApiError> {
    // JSON is YAML too, but for its own reader it is plainer what is wrong.
    let is_json = manifest.trim_start().starts_with('{');
    let json = is_json.then(|| serde_json::from_str(manifest));
    if let Some(Ok(value)) = json {
        return Ok(value);
    }
    serde_saphyr::from_str(manifest).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let message = format!("The manifest is not YAML: {first}.");
        ApiError::refused("bad_body", &message, Some("nothing was changed"))
    })
}

fn wrong_kind(message: &str) -> Refusal {
    ApiError::refused("bad_body", message, None).into()
}

fn no_rule(shown: &str) -> Refusal {
    let message = format!("The route has no rule `{shown}`.");
    ApiError::refused("not_found", &message, None).into()
}

fn bad_rule(bad: rules::BadRule) -> Refusal {
    match bad {
        rules::BadRule::NoRule(place) => no_rule(&place),
        rules::BadRule::Faulty(faults) => match no_faults(faults) {
            Err(refusal) => refusal,
            Ok(()) => ApiError::internal().into(),
        },
        other => ApiError::refused("checks", &format!("It can't be done: {other}."), None).into(),
    }
}

/// Refuses what has faults, naming the first.
fn no_faults(faults: Vec<Fault>) -> Result<(), Refusal> {
    let Some(first) = faults.first() else {
        return Ok(());
    };
    let message = format!("`{}` {}.", first.field, first.problem);
    let more = faults.len() - 1;
    let hint = (more > 0).then(|| format!("{more} more below"));
    Err(Refusal {
        error: ApiError::refused("bad_body", &message, hint.as_deref()),
        faults,
    })
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
