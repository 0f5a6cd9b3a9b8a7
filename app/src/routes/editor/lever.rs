//! One split in the editor: its draft, and the changes that can be made of it.

use leptos::prelude::*;
use mesh::api::changes::Edit;
use mesh::api::objects::ObjectRef;
use mesh::api::routes::{Route, Rule, SplitRef};
use mesh::routing::weights::WHOLE;

use super::helm::Helm;
use crate::routes::draft::{Base, Draft, Drift};
use crate::routes::proposal::{Proposal, What};
use crate::routes::split::{self, Sibling};
use crate::routes::words;

/// One split of a route; cheap to copy.
#[derive(Clone, Copy)]
pub struct Lever {
    /// The editor it is in.
    pub helm: Helm,
    /// Where it stands.
    pub at: StoredValue<SplitRef>,
    /// The rule as it was last seen.
    pub rule: Memo<Option<Rule>>,
    /// What is meant to become of it.
    pub draft: Memo<Option<Draft>>,
    /// How it stands to what the draft was drawn over.
    pub drift: Memo<Drift>,
    /// The same split in other objects.
    pub siblings: Memo<Vec<Sibling>>,
    /// The destination that all calls go back to.
    pub back: Memo<Option<usize>>,
}

impl Lever {
    /// Returns the split of a route that `rule` names.
    pub fn new(helm: Helm, rule: String) -> Lever {
        let store = helm.store;
        let at = SplitRef {
            route: helm.id.get_value(),
            rule: rule.clone(),
        };
        let key = StoredValue::new(at.clone());
        let found = Memo::new(move |_| {
            helm.route
                .with(|r| split::rule(r.as_ref()?, &rule).cloned())
        });
        let kept = Memo::new(move |_| store.drafts.with(|d| d.get(&at).cloned()));
        let now = move |use_it: &dyn Fn(Option<(&Route, &Rule)>) -> Option<Draft>| {
            helm.route
                .with(|route| found.with(|rule| use_it(route.as_ref().zip(rule.as_ref()))))
        };
        let draft = Memo::new(move |_| kept.with(|kept| now(&|now| Draft::of(kept.as_ref(), now))));
        let drift = Memo::new(move |_| {
            helm.route.with(|route| {
                found.with(|rule| {
                    let now = route.as_ref().zip(rule.as_ref());
                    draft.with(|d| d.as_ref().map_or(Drift::Gone, |d| d.drift(now)))
                })
            })
        });
        let siblings = Memo::new(move |_| {
            let all = store.all();
            helm.route.with(|route| {
                found.with(|rule| {
                    let (Some(route), Some(rule)) = (route, rule) else {
                        return Vec::new();
                    };
                    split::siblings(&all, route, rule)
                })
            })
        });
        let back = Memo::new(move |_| {
            let kind = helm.route.with(|r| r.as_ref().map(|r| r.kind))?;
            helm.history.with(|history| {
                let changes = match history {
                    Some(Ok(list)) => list.items.as_slice(),
                    _ => &[],
                };
                found.with(|rule| split::way_back(kind, rule.as_ref()?, changes))
            })
        });
        Lever {
            helm,
            at: key,
            rule: found,
            draft,
            drift,
            siblings,
            back,
        }
    }

    /// Changes the draft.
    fn edit(self, change: impl FnOnce(&mut Draft)) {
        let Some(mut draft) = self.draft.get_untracked() else {
            return;
        };
        change(&mut draft);
        let at = self.at.get_value();
        self.helm.store.drafts.update(|drafts| {
            if draft.says_something() {
                drafts.insert(at, draft);
            } else {
                drafts.remove(&at);
            }
        });
    }

    /// Moves one share; returns the share that it has then.
    pub fn shift(self, index: usize, to: u32) -> u32 {
        self.edit(|draft| draft.shift(index, to));
        let now = self
            .draft
            .with_untracked(|d| d.as_ref()?.shares.get(index).copied());
        now.unwrap_or(to)
    }

    /// Locks or frees a destination.
    pub fn set_lock(self, index: usize, locked: bool) {
        self.edit(|draft| draft.set_lock(index, locked));
    }

    /// Forgets the draft.
    pub fn discard(self) {
        let at = self.at.get_value();
        self.helm.store.drafts.update(|drafts| {
            drafts.remove(&at);
        });
    }

    /// Keeps the shares meant, over what is there now.
    pub fn keep_mine(self) {
        if let Drift::Moved(now) = self.drift.get_untracked() {
            self.edit(|draft| draft.rebase(now));
        }
    }

    /// Whether the siblings are moved along.
    pub fn is_together(self) -> bool {
        let apart =
            (self.helm.store.apart).with(|apart| self.at.with_value(|at| apart.contains(at)));
        !apart && self.siblings.with(|s| !s.is_empty())
    }

    /// Says whether the siblings are moved along.
    pub fn set_together(self, together: bool) {
        let at = self.at.get_value();
        self.helm.store.apart.update(|apart| {
            if together {
                apart.remove(&at);
            } else {
                apart.insert(at);
            }
        });
    }

    /// Returns the edits that give this split `shares`, and its siblings where they go along.
    fn edits(self, shares: &[u32]) -> Option<(Vec<Edit>, Vec<SplitRef>)> {
        untrack(|| {
            let mut edits = Vec::new();
            let mut settles = vec![self.at.get_value()];
            let route = self.helm.route.get()?;
            edits.push(Base::of(&route, &self.rule.get()?).edit(shares)?);
            if self.is_together() {
                let all = self.helm.store.all();
                for sibling in self.siblings.get() {
                    let route = all.iter().find(|r| r.id == sibling.at.route)?;
                    let rule = split::rule(route, &sibling.at.rule)?;
                    edits.push(Base::of(route, rule).edit(&sibling.in_its_order(shares))?);
                    settles.push(sibling.at);
                }
            }
            Some((edits, settles))
        })
    }

    fn proposal(self, title: String, gist: String, shares: &[u32]) -> Option<Proposal> {
        let (edits, settles) = self.edits(shares)?;
        Some(Proposal {
            title,
            gist,
            touches: settles.iter().map(|at| at.route.clone()).collect(),
            what: What::Edits(edits),
            settles,
        })
    }

    /// Opens the preview of the draft.
    pub fn propose(self) {
        let draft = self.draft.get_untracked();
        let proposal = draft.and_then(|draft| {
            let gist = draft.gist()?;
            self.proposal(format!("Send {gist}"), gist, &draft.shares)
        });
        if proposal.is_some() {
            self.helm.note.set(None);
            self.helm.proposal.set(proposal);
        }
    }

    /// Opens the preview of joining this route with its sibling.
    pub fn propose_join(self, sibling: &Sibling) {
        let all = untrack(|| self.helm.store.all());
        let Some((route, with)) = self
            .helm
            .route
            .get_untracked()
            .zip(all.into_iter().find(|r| r.id == sibling.at.route))
        else {
            return;
        };
        let place = |r: &Route| r.id.parse::<ObjectRef>().ok();
        let Some((object, other)) = place(&route).zip(place(&with)) else {
            return;
        };
        self.helm.note.set(None);
        self.helm.proposal.set(Some(Proposal {
            title: format!("Join {} into {}", with.name, route.name),
            gist: format!("one route, {}", route.name),
            what: What::Edits(vec![Edit::Join {
                object,
                resource_version: route.resource_version,
                with: other,
                with_resource_version: with.resource_version,
            }]),
            touches: vec![route.id],
            settles: Vec::new(),
        }));
    }

    /// Returns the name of the destination that all calls go back to.
    pub fn back_name(self) -> Option<String> {
        let at = self.back.get()?;
        self.rule
            .with(|r| Some(r.as_ref()?.destinations.get(at)?.name.clone()))
    }

    /// Returns whether it has all calls already, here and in the siblings that go along.
    pub fn is_back(self) -> bool {
        let Some(at) = self.back.get() else {
            return false;
        };
        let all =
            |shares: Option<Vec<u32>>, at: usize| shares.is_some_and(|s| s.get(at) == Some(&WHOLE));
        let here = self.helm.route.with(|route| {
            self.rule.with(|rule| {
                let shares = route.as_ref().zip(rule.as_ref());
                all(
                    shares.and_then(|(route, rule)| Base::of(route, rule).shares),
                    at,
                )
            })
        });
        let there = !self.is_together() || {
            let known = self.helm.store.all();
            self.siblings.with(|siblings| {
                siblings.iter().all(|sibling| {
                    let found = known.iter().find(|r| r.id == sibling.at.route);
                    let rule = found.and_then(|r| Some((r, split::rule(r, &sibling.at.rule)?)));
                    let shares = rule.and_then(|(route, rule)| Base::of(route, rule).shares);
                    let n = shares.as_ref().map_or(0, Vec::len);
                    let whole: Vec<u32> = (0..n).map(|i| if i == at { WHOLE } else { 0 }).collect();
                    shares == Some(sibling.in_its_order(&whole))
                })
            })
        };
        here && there
    }

    /// Sends all calls back, at once.
    pub fn roll_back(self) {
        let (Some(at), Some(name)) = untrack(|| (self.back.get(), self.back_name())) else {
            return;
        };
        let n = self
            .rule
            .with_untracked(|r| r.as_ref().map_or(0, |r| r.destinations.len()));
        let shares: Vec<u32> = (0..n).map(|i| if i == at { WHOLE } else { 0 }).collect();
        let gist = format!("100 % to {name}");
        let Some(proposal) = self.proposal(format!("Roll back: {gist}"), gist.clone(), &shares)
        else {
            return;
        };
        let dropped = self.draft.with_untracked(|draft| {
            let draft = draft.as_ref().filter(|d| d.is_changed())?;
            let line = words::shares_line(&draft.base.names(), &draft.shares);
            Some(format!(" Your draft is gone: {line}."))
        });
        let others = proposal.settles.iter().skip(1);
        let others: Vec<String> = others
            .filter_map(|at| at.route.rsplit('/').next().map(str::to_owned))
            .collect();
        let with = match others.as_slice() {
            [] => String::new(),
            names => format!(", with {}", words::and(names)),
        };
        let done = format!("Rolled back: {gist}{with}.{}", dropped.unwrap_or_default());
        let tried = format!("Roll back: {gist}");
        self.helm
            .send(proposal, Some("rolled back".to_owned()), done, tried);
    }
}
