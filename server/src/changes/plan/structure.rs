//! Joining two routes into one, and parting them again: changes of more than weights.

use mesh::api::objects::{ObjectKind, ObjectRef};
use mesh::api::routes::{Change, OwnerEffect, RouteRef};
use mesh::changes::journal::Journal;
use mesh::changes::{self, breaker, whole};
use mesh::object::{self, ObjectKey};
use mesh::routes::owner;
use serde_json::Value;

use super::whole::{Draft, Whole, as_it_was};
use super::{Planned, Planner, Write};
use crate::changes::diff::diff;
use crate::changes::keep;
use crate::clock;
use crate::cluster::{ClusterError, key_of};
use crate::http::ApiError;

impl Planner<'_> {
    /// Plans that one object speaks for two, and the other goes.
    pub(super) async fn join(
        &self,
        stays: (&ObjectRef, &str),
        goes: (&ObjectRef, &str),
    ) -> Vec<Draft> {
        if let (Some(first), Some(second)) = (stays.0.route(), goes.0.route()) {
            let planned = self.join_routes((&first, stays.1), (&second, goes.1));
            return done(planned.await);
        }
        match self.join_rules(stays, goes).await {
            Ok(both) => both.map(|it| Draft::Whole(Box::new(it))).into(),
            Err(error) => done(vec![Planned::new(key_of(stays.0)).refused(error)]),
        }
    }

    /// Plans that one DestinationRule says what two said, so that all of it counts.
    async fn join_rules(
        &self,
        stays: (&ObjectRef, &str),
        goes: (&ObjectRef, &str),
    ) -> Result<[Whole; 2], ApiError> {
        let refused = |why: &str| {
            let message = format!("They can't be joined: {why}.");
            let hint = "write into one of them what both should say";
            ApiError::refused("checks", &message, Some(hint))
        };
        let is_rule = |place: &ObjectRef| place.kind == ObjectKind::DestinationRule;
        if !is_rule(stays.0) || !is_rule(goes.0) {
            return Err(refused(
                "only two VirtualServices or two DestinationRules can be",
            ));
        }
        if stays.0 == goes.0 {
            return Err(refused("an object can't be joined with itself"));
        }
        if stays.0.namespace != goes.0.namespace {
            return Err(refused("they are in different namespaces"));
        }
        let live = self.seen(stays.0, Some(stays.1)).await?;
        let other = self.seen(goes.0, Some(goes.1)).await?;
        let (Some(live), Some(other)) = (live, other) else {
            return Err(ApiError::internal());
        };
        let full = |host: &str| self.board.full_name(host, &stays.0.namespace);
        let joined = breaker::join(&live, &other, full).map_err(|bad| refused(&bad.to_string()))?;
        let copy = keep::copy(&other, &live, self.id, None);
        let mut first = Whole::new(stays.0, Some(live), Some(joined));
        first.planned.event = "RulesJoined";
        first.planned.summary = format!("joined with {}", goes.0.name);
        first.keeps.push(copy);
        let mut second = Whole::new(goes.0, Some(other), None);
        second.planned.event = "RulesJoined";
        second.planned.summary = format!("deleted: {} speaks for it", stays.0.name);
        Ok([first, second])
    }

    /// Plans that a structural change is taken back.
    pub(super) async fn restore(
        &self,
        place: &ObjectRef,
        seen: &str,
        change: &str,
        is_whole: bool,
    ) -> Vec<Draft> {
        let refused = |error: ApiError| done(vec![Planned::new(key_of(place)).refused(error)]);
        let leader = match self.seen(place, Some(seen)).await {
            Ok(Some(leader)) => leader,
            Ok(None) => return Vec::new(),
            Err(error) => return refused(error),
        };
        let shown: String = change.chars().take(40).collect();
        let journal = Journal::of(&leader);
        let Some(recorded) = journal.find(change).filter(|c| c.what.is_some()) else {
            let message = format!("{place} records no such change `{shown}`.");
            let hint = "the last twenty changes are kept";
            return refused(ApiError::refused("not_found", &message, Some(hint)));
        };
        let own = keep::find(self.cluster, &leader, &place.to_string(), change).await;
        if !recorded.made
            && own
                .as_ref()
                .map_or(recorded.together.len() > 1, |kept| kept.back.is_none())
            && let Some(route) = place.route()
        {
            return done(self.part(&route, seen, change).await);
        }
        let mut together = recorded.together.clone();
        if together.is_empty() {
            together.push(place.to_string());
        }
        let mut drafts = Vec::new();
        // What was written last is taken back first.
        for id in together.iter().rev() {
            let Ok(other) = id.parse::<ObjectRef>() else {
                continue;
            };
            match self.draft_back(&other, &leader, change, is_whole).await {
                Ok(Some(mut it)) => {
                    it.undoes = Some(change.to_owned());
                    drafts.push(Draft::Whole(Box::new(it)));
                }
                Ok(None) => {}
                Err(error) => {
                    let planned = Planned::new(key_of(&other)).refused(error);
                    drafts.push(Draft::Done(Box::new(planned)));
                }
            }
        }
        drafts
    }

    /// Returns what takes a change of one object back; nothing where there is nothing to take back.
    async fn draft_back(
        &self,
        place: &ObjectRef,
        leader: &Value,
        change: &str,
        is_whole: bool,
    ) -> Result<Option<Whole>, ApiError> {
        let key = key_of(place);
        let id = place.to_string();
        let live = match self.cluster.get(&key).await {
            Ok(live) => live,
            Err(ClusterError::NotFound(_)) => {
                // It went with the change, or never came, or is gone again.
                let kept = keep::find(self.cluster, leader, &id, change).await;
                return Ok(kept.map(|kept| {
                    let mut again = Whole::new(place, None, Some(kept.object));
                    again.planned.summary = "made again".to_owned();
                    again
                }));
            }
            Err(error) => return Err(error.into()),
        };
        let journal = Journal::of(&live);
        let Some(recorded) = journal.find(change) else {
            return Ok(None);
        };
        let version = object::resource_version(&live).to_owned();
        let live = self.seen(place, Some(&version)).await?;
        let Some(live) = live else {
            return Ok(None);
        };
        if recorded.made {
            let is_last = journal.changes.last().is_some_and(|c| c.change == change);
            let is_as_made = object::generation(&live).is_none_or(|n| n == 1);
            if !(is_last && is_as_made) {
                let message = format!("Someone changed {place} since it was made.");
                let hint = "take the later changes back first, or delete it by hand";
                return Err(ApiError::refused("changed_since", &message, Some(hint)));
            }
            let mut gone = Whole::new(place, Some(live), None);
            gone.planned.summary = "deleted: it was made by the change".to_owned();
            return Ok(Some(gone));
        }
        let kept = keep::find(self.cluster, &live, &id, change).await;
        let Some((copy, back)) = kept.and_then(|kept| Some((kept.object, kept.back?))) else {
            let message = format!("No copy of {id} from before change {change} is kept.");
            let hint = "write the object by hand, from your files or from Git";
            return Err(ApiError::refused("not_found", &message, Some(hint)));
        };
        let what = recorded.what.as_deref().unwrap_or_default().to_owned();
        let wanted = if is_whole {
            as_it_was(&live, &copy)
        } else {
            whole::moved(&live, &back).map_err(|changed| changed_since(place, &changed))?
        };
        let mut it = Whole::new(place, Some(live), Some(wanted));
        it.planned.event = "ChangeTakenBack";
        it.planned.summary = if is_whole {
            format!("as it was before: {what}")
        } else {
            format!("taken back: {what}")
        };
        Ok(Some(it))
    }

    /// Plans that one route speaks for two, and the other goes.
    async fn join_routes(&self, stays: (&RouteRef, &str), goes: (&RouteRef, &str)) -> Vec<Planned> {
        let mut first = Planned::new(key_of(stays.0));
        let mut second = Planned::new(key_of(goes.0));
        first.event = "RoutesJoined";
        second.event = "RoutesJoined";
        first.summary = format!("joined with {}", goes.0.name);
        second.summary = format!("deleted: {} speaks for it", stays.0.name);
        let live = self.live(stays.0, stays.1, (None, None)).await;
        let other = self.live(goes.0, goes.1, (None, None)).await;
        let (live, other) = match (live, other) {
            (Ok(live), Ok(other)) => (live, other),
            (live, other) => {
                if let Err(error) = live {
                    first.refuse(error);
                }
                if let Err(error) = other {
                    second.refuse(error);
                }
                return vec![first, second];
            }
        };
        for (planned, object) in [(&mut first, &live), (&mut second, &other)] {
            planned.about(object);
            let owner = owner::owner(object).filter(|o| o.effect != OwnerEffect::Rewrites);
            if let Some(owner) = owner {
                let hint = owner.hint.as_deref();
                planned.refuse(ApiError::refused("owned", &owner.message, hint));
            }
        }
        first.result.checks = self.board.check_join(stays.0, goes.0);
        let record = self.structural(&first.summary, None);
        match changes::join(&live, &other, &record) {
            Ok(patch) => {
                self.try_patch(&mut first, &live, &patch).await;
                let copies = [&live, &other].map(|it| keep::copy(it, &live, self.id, None));
                let without = self.request.without_record;
                first.keep(self.cluster, copies.into(), without).await;
                first.writes.push(Write::Patch(first.key.clone(), patch));
            }
            Err(error) => {
                let message = format!("They can't be joined: {error}.");
                let hint = "move them together instead";
                first.refuse(ApiError::refused("checks", &message, Some(hint)));
            }
        }
        let version = object::resource_version(&other);
        match self.cluster.delete(&second.key, version, true).await {
            Ok(()) => {
                second.result.server_checked = true;
                second.result.diff = diff(Some(&other), None);
            }
            Err(error) => second.not_tried(error),
        }
        second.writes = vec![Write::Delete(second.key.clone(), version.to_owned())];
        vec![first, second]
    }

    /// Plans that a join is taken back: the objects are two again, with the weights that they have now.
    async fn part(&self, route: &RouteRef, seen: &str, change: &str) -> Vec<Planned> {
        let mut leader = Planned::new(key_of(route));
        leader.event = "RoutesParted";
        leader.summary = "parted again".to_owned();
        let live = match self.live(route, seen, (None, None)).await {
            Ok(live) => live,
            Err(error) => return vec![leader.refused(error)],
        };
        leader.about(&live);
        if let Some(owner) = owner::owner(&live).filter(|o| o.effect != OwnerEffect::Rewrites) {
            let refusal = ApiError::refused("owned", &owner.message, owner.hint.as_deref());
            return vec![leader.refused(refusal)];
        }
        // Only what the object itself records as joined is put back, and only from our own copies.
        let journal = Journal::of(&live);
        let recorded = journal.find(change).filter(|c| c.what.is_some());
        let together = recorded.map(|c| c.together.clone()).unwrap_or_default();
        let mut copies = Vec::new();
        for id in &together {
            match keep::find(self.cluster, &live, id, change).await {
                Some(kept) => copies.push(kept.object),
                None => {
                    let message = format!("No copy of {id} from before change {change} is kept.");
                    let hint = "write the object by hand, from your files or from Git";
                    let refusal = ApiError::refused("not_found", &message, Some(hint));
                    return vec![leader.refused(refusal)];
                }
            }
        }
        let before = copies.iter().find(|copy| ObjectKey::of(copy) == leader.key);
        let Some(before) = before else {
            let shown: String = change.chars().take(40).collect();
            let message = format!("{route} records no join `{shown}`.");
            let hint = "the last twenty changes are kept";
            return vec![leader.refused(ApiError::refused("not_found", &message, Some(hint)))];
        };
        if !changes::is_still_joined(&live, &copies.iter().collect::<Vec<_>>()) {
            let message = format!("Someone changed the hosts of {route} since it was joined.");
            let hint = "part them by hand: the hosts are no longer those of the two";
            return vec![leader.refused(ApiError::refused("changed_since", &message, Some(hint)))];
        }
        let mut planned = Vec::new();
        for copy in copies
            .iter()
            .filter(|copy| ObjectKey::of(copy) != leader.key)
        {
            let object = changes::parted(&live, before, copy);
            let mut other = Planned::new(ObjectKey::of(copy));
            other.event = "RoutesParted";
            other.summary = "made again".to_owned();
            match self.cluster.create(&object, true).await {
                Ok(written) => {
                    other.result.server_checked = true;
                    other.result.diff = diff(None, Some(&written.object));
                }
                Err(error) => other.not_tried(error),
            }
            other.writes = vec![Write::Create(object)];
            planned.push(other);
        }
        let record = self.structural(&leader.summary, Some(change));
        let patch = changes::part(&live, before, &record);
        self.try_patch(&mut leader, &live, &patch).await;
        leader.writes = vec![Write::Patch(leader.key.clone(), patch)];
        planned.push(leader);
        planned
    }

    pub(super) fn structural(&self, what: &str, undoes: Option<&str>) -> Change {
        Change {
            change: self.id.to_owned(),
            at_ms: clock::now().0,
            who: self.cluster.who(),
            reason: self.request.reason.clone().filter(|r| !r.trim().is_empty()),
            rule: String::new(),
            destinations: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            what: Some(what.to_owned()),
            made: false,
            undoes: undoes.map(str::to_owned),
            together: self.together(),
        }
    }
}

fn done(planned: Vec<Planned>) -> Vec<Draft> {
    let drafts = planned.into_iter().map(|it| Draft::Done(Box::new(it)));
    drafts.collect()
}

/// Says all three sides of what someone changed since.
fn changed_since(place: &ObjectRef, changed: &[whole::Changed]) -> ApiError {
    let shown = |value: &Option<Value>| {
        let text = value.as_ref().map(Value::to_string);
        let text = text.unwrap_or_else(|| "nothing".to_owned());
        if text.chars().count() > 120 {
            let start: String = text.chars().take(119).collect();
            return format!("{start}…");
        }
        text
    };
    let sides: Vec<String> = changed
        .iter()
        .take(3)
        .map(|it| {
            format!(
                "{} was {}, the change made it {}, now it is {}",
                it.path.trim_start_matches('/').replace('/', "."),
                shown(&it.before),
                shown(&it.after),
                shown(&it.now)
            )
        })
        .collect();
    let message = format!("Someone changed {place} since: {}.", sides.join("; "));
    let hint = "put the whole object back only if what is there now may go";
    ApiError::refused("changed_since", &message, Some(hint))
}
