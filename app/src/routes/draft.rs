//! What a person means to make of a split, before anything is written.
//!
//! A draft remembers what it was drawn over, so that a change by someone else in between is seen and
//! nothing of either is lost.

use mesh::api::changes::Edit;
use mesh::api::routes::{Destination, Route, RouteRef, Rule};
use mesh::routing::weights::{self, WHOLE};

use super::split::{self, places};
use crate::numbers;

/// A split as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    route: String,
    rule: String,
    resource_version: String,
    uid: Option<String>,
    generation: Option<i64>,
    matches: Vec<String>,
    destinations: Vec<Destination>,
    weights: Vec<Option<u32>>,
    /// In basis points; nothing where the weights mean none.
    pub shares: Option<Vec<u32>>,
}

impl Base {
    /// Returns how a rule of a route stands.
    pub fn of(route: &Route, rule: &Rule) -> Base {
        let weights = split::weights(rule);
        // Evidence changes all the time; what a draft stands on does not.
        let destinations = rule.destinations.iter().map(|d| Destination {
            measured: Vec::new(),
            pods: None,
            weight: None,
            share: None,
            workloads: Vec::new(),
            ..d.clone()
        });
        Base {
            route: route.id.clone(),
            rule: rule.rule.clone(),
            resource_version: route.resource_version.clone(),
            uid: route.uid.clone(),
            generation: route.generation,
            matches: rule.matches.clone(),
            destinations: destinations.collect(),
            shares: split::shares(route.kind, &weights),
            weights,
        }
    }

    /// Returns the names of the destinations, in order.
    pub fn names(&self) -> Vec<String> {
        self.destinations.iter().map(|d| d.name.clone()).collect()
    }

    /// Returns the edit that gives this split `shares`; nothing where the route has no proper id.
    pub fn edit(&self, shares: &[u32]) -> Option<Edit> {
        Some(Edit::SetWeights {
            object: self.route.parse::<RouteRef>().ok()?,
            resource_version: self.resource_version.clone(),
            uid: self.uid.clone(),
            generation: self.generation,
            rule: self.rule.clone(),
            weights: weights::weights(shares, split::sum(&self.weights)),
        })
    }
}

/// What a person means to make of a split.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// What it was drawn over.
    pub base: Base,
    /// The shares meant, in basis points that sum to the whole.
    pub shares: Vec<u32>,
    /// Which destinations keep their share when another is moved.
    pub locks: Vec<bool>,
    /// The destination being moved, and all shares before it was: moving it there and back leaves the
    /// others as they were.
    hold: Option<(usize, Vec<u32>)>,
}

/// How a split stands to what a draft was drawn over.
#[derive(Clone, Debug, PartialEq)]
pub enum Drift {
    /// As it was; at most something else of the object changed. The draft holds for what is there now.
    None(Base),
    /// The shares are others.
    Moved(Base),
    /// It leads elsewhere: destinations came, went or changed places.
    Rebuilt(Base),
    /// It is not there any more.
    Gone,
}

impl Draft {
    /// Returns a draft that changes nothing yet. Where the weights mean nothing, it gives all to the
    /// first destination.
    pub fn new(base: Base) -> Draft {
        let n = base.destinations.len();
        let all_to_first = || (0..n).map(|at| if at == 0 { WHOLE } else { 0 }).collect();
        Draft {
            shares: base.shares.clone().unwrap_or_else(all_to_first),
            locks: vec![false; n],
            hold: None,
            base,
        }
    }

    /// Returns the draft of a split: the one that was kept, as long as it changes something; else a fresh
    /// one over what is there now, with the locks that were kept.
    pub fn of(kept: Option<&Draft>, now: Option<(&Route, &Rule)>) -> Option<Draft> {
        if let Some(kept) = kept.filter(|k| k.is_changed()) {
            return Some(kept.clone());
        }
        let (route, rule) = now?;
        let mut fresh = Draft::new(Base::of(route, rule));
        if let Some(kept) = kept.filter(|k| k.locks.len() == fresh.locks.len()) {
            fresh.locks = kept.locks.clone();
        }
        Some(fresh)
    }

    /// Returns whether it is worth keeping.
    pub fn says_something(&self) -> bool {
        self.is_changed() || self.locks.contains(&true)
    }

    /// Moves one share; the others that are not locked give way.
    pub fn shift(&mut self, index: usize, to: u32) {
        let before = match self.hold.take() {
            Some((held, before)) if held == index => before,
            _ => self.shares.clone(),
        };
        self.shares = weights::moved(&before, &self.locks, index, to);
        self.hold = Some((index, before));
    }

    /// Locks or frees a destination.
    pub fn set_lock(&mut self, index: usize, locked: bool) {
        if let Some(lock) = self.locks.get_mut(index) {
            *lock = locked;
        }
        self.hold = None;
    }

    /// Returns whether a share can be moved: neither it nor all others are locked.
    pub fn can_shift(&self, index: usize) -> bool {
        let is_free = |at: usize| !self.locks.get(at).copied().unwrap_or(false);
        is_free(index) && (0..self.shares.len()).any(|at| at != index && is_free(at))
    }

    /// Returns whether it changes anything.
    pub fn is_changed(&self) -> bool {
        self.base.shares.as_ref() != Some(&self.shares)
    }

    /// Returns what it comes to: "30 % to v2", by the share that rises most.
    pub fn gist(&self) -> Option<String> {
        gist(
            &self.base.names(),
            self.base.shares.as_deref().unwrap_or_default(),
            &self.shares,
        )
    }

    /// Returns how the split stands now to what the draft was drawn over.
    pub fn drift(&self, now: Option<(&Route, &Rule)>) -> Drift {
        let Some((route, rule)) = now else {
            return Drift::Gone;
        };
        let now = Base::of(route, rule);
        let order: Vec<usize> = (0..now.destinations.len()).collect();
        let leads_there = places(&self.base.destinations, &now.destinations) == Some(order);
        // A rule is known by its place alone: under other conditions it is another rule.
        if !leads_there || now.matches != self.base.matches {
            Drift::Rebuilt(now)
        } else if now.shares == self.base.shares {
            Drift::None(now)
        } else {
            Drift::Moved(now)
        }
    }

    /// Keeps the shares meant, over what is there now.
    pub fn rebase(&mut self, now: Base) {
        if now.destinations.len() == self.shares.len() {
            self.base = now;
            self.hold = None;
        }
    }
}

/// Returns what a change of shares comes to: "30 % to v2", by the share that rises most.
pub fn gist(names: &[String], before: &[u32], after: &[u32]) -> Option<String> {
    let rise = |at: usize| {
        let share = |of: &[u32]| i64::from(of.get(at).copied().unwrap_or(0));
        share(after) - share(before)
    };
    let most = (0..after.len()).rev().max_by_key(|at| rise(*at))?;
    (rise(most) > 0).then_some(())?;
    let to = numbers::basis(*after.get(most)?);
    Some(format!("{to} to {}", names.get(most)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{route, split};

    fn draft(weights: &[(&str, u32)]) -> Draft {
        let route = route("backend-routing", vec![split("http/0", weights)]);
        Draft::new(Base::of(&route, &route.rules[0]))
    }

    #[test]
    fn a_draft_says_what_it_does_by_the_share_that_rises_most() {
        let mut draft = draft(&[("v1", 90), ("v2", 10)]);
        assert!(!draft.is_changed());
        assert_eq!(draft.gist(), None);
        draft.shift(1, 3_000);
        assert_eq!(draft.shares, [7_000, 3_000]);
        assert_eq!(draft.gist().as_deref(), Some("30 % to v2"));
        draft.shift(0, 10_000);
        assert_eq!(draft.gist().as_deref(), Some("100 % to v1"));
        draft.shift(0, 9_000);
        assert!(!draft.is_changed());
    }

    #[test]
    fn moving_there_and_back_leaves_the_others_as_they_were() {
        let mut draft = draft(&[("v1", 50), ("v2", 40), ("v3", 10)]);
        draft.shift(0, 10_000);
        draft.shift(0, 3_000);
        assert_eq!(draft.shares, [3_000, 5_600, 1_400]);
        draft.shift(0, 5_000);
        assert_eq!(draft.shares, [5_000, 4_000, 1_000]);
    }

    #[test]
    fn what_is_locked_stays_and_when_all_others_are_nothing_moves() {
        let mut draft = draft(&[("v1", 50), ("v2", 40), ("v3", 10)]);
        draft.set_lock(1, true);
        draft.shift(2, 9_000);
        assert_eq!(draft.shares, [0, 4_000, 6_000]);
        assert!(!draft.can_shift(1));
        draft.set_lock(0, true);
        assert!(!draft.can_shift(2));
    }

    #[test]
    fn an_edit_keeps_the_sum_and_names_what_was_seen() {
        let mut draft = draft(&[("v1", 9), ("v2", 1)]);
        draft.shift(1, 2_500);
        let Some(Edit::SetWeights {
            weights,
            resource_version,
            generation,
            rule,
            object,
            ..
        }) = draft.base.edit(&draft.shares)
        else {
            panic!("no edit");
        };
        assert_eq!(weights, [75, 25]);
        assert_eq!((resource_version.as_str(), generation), ("1", Some(1)));
        assert_eq!(rule, "http/0");
        assert_eq!(object.to_string(), "default/virtualservice/backend-routing");
        draft.shift(1, 3_000);
        let Some(Edit::SetWeights { weights, .. }) = draft.base.edit(&draft.shares) else {
            panic!("no edit");
        };
        assert_eq!(weights, [7, 3], "ten is enough to say thirty percent");
    }

    #[test]
    fn weights_that_mean_nothing_start_with_all_to_the_first() {
        let draft = draft(&[("v1", 0), ("v2", 0)]);
        assert_eq!(draft.shares, [10_000, 0]);
        assert!(draft.is_changed(), "that is not what is there");
        assert_eq!(draft.gist().as_deref(), Some("100 % to v1"));
    }

    #[test]
    fn a_change_by_someone_else_is_seen_and_the_draft_can_stand_on_it() {
        let mut draft = draft(&[("v1", 90), ("v2", 10)]);
        draft.shift(1, 3_000);
        let mut now = route(
            "backend-routing",
            vec![split("http/0", &[("v1", 90), ("v2", 10)])],
        );
        now.resource_version = "7".to_owned();
        let drift = |now: &Route| draft.drift(Some((now, &now.rules[0])));
        let Drift::None(same) = drift(&now) else {
            panic!("only its status was written");
        };
        assert_eq!(same.resource_version, "7");

        now.rules = vec![split("http/0", &[("v1", 80), ("v2", 20)])];
        let Drift::Moved(theirs) = drift(&now) else {
            panic!("not seen");
        };
        assert_eq!(theirs.shares, Some(vec![8_000, 2_000]));

        now.rules = vec![split("http/0", &[("v1", 80), ("v3", 20)])];
        assert!(matches!(drift(&now), Drift::Rebuilt(_)));
        assert_eq!(draft.drift(None), Drift::Gone);

        draft.rebase(theirs);
        assert_eq!(draft.shares, [7_000, 3_000], "mine on top of theirs");
        let Some(Edit::SetWeights {
            resource_version, ..
        }) = draft.base.edit(&draft.shares)
        else {
            panic!("no edit");
        };
        assert_eq!(resource_version, "7");
    }
}
