//! What an edit makes of its objects, before anything speaks against it.

use mesh::api::changes::Edit;
use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::rules::Fault;
use mesh::changes::whole;
use mesh::changes::{breaker, gateway, rules, subsets};
use mesh::object::{self, text_at};
use mesh::routing::RulePlace;
use serde_json::Value;

use super::whole::{Draft, Whole};
use super::{Planned, Planner};
use crate::cluster::{ClusterError, key_of};
use crate::http::ApiError;
use crate::objects::ISTIO;

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
