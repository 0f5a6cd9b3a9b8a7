//! Joining two routes into one, and parting them again: changes of more than weights.

use mesh::api::routes::{Change, OwnerEffect, RouteRef};
use mesh::changes;
use mesh::object::{self, ObjectKey};
use mesh::routes::owner;

use super::{Planned, Planner, Write};
use crate::changes::diff::diff;
use crate::changes::keep;
use crate::clock;
use crate::cluster::key_of;
use crate::http::ApiError;

impl Planner<'_> {
    /// Plans that one route speaks for two, and the other goes.
    pub(super) async fn join(
        &self,
        stays: (&RouteRef, &str),
        goes: (&RouteRef, &str),
    ) -> Vec<Planned> {
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
                for copy in [
                    keep::copy(&live, &live, self.id),
                    keep::copy(&other, &live, self.id),
                ] {
                    // Without a copy there is no way back.
                    if let Err(error) = self.cluster.create(&copy, true).await {
                        first.refuse(error.into());
                    }
                    first.writes.push(Write::Keep(copy));
                }
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
            Err(error) => second.refuse(error.into()),
        }
        second.writes = vec![Write::Delete(second.key.clone(), version.to_owned())];
        vec![first, second]
    }

    /// Plans that a join is taken back: the objects are two again, with the weights that they have now.
    pub(super) async fn restore(&self, route: &RouteRef, seen: &str, change: &str) -> Vec<Planned> {
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
        let journal = changes::journal::Journal::of(&live);
        let recorded = journal.find(change).filter(|c| c.what.is_some());
        let together = recorded.map(|c| c.together.clone()).unwrap_or_default();
        let mut copies = Vec::new();
        for id in &together {
            match keep::find(self.cluster, &live, id, change).await {
                Some(copy) => copies.push(copy),
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
                Err(error) => other.refuse(error.into()),
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

    fn structural(&self, what: &str, undoes: Option<&str>) -> Change {
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
            undoes: undoes.map(str::to_owned),
            together: self.together(),
        }
    }
}
