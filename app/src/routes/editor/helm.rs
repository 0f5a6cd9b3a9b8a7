//! What the parts of one editor share: the route, the hand at it, and what came of it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::List;
use mesh::api::changes::{Changes, Edit};
use mesh::api::routes::{Change, Route, RouteRef, Rule, SplitRef};
use mesh::routing::weights::WHOLE;

use crate::fetch::{self, Answer, Problem, Refused};
use crate::routes::draft::{Base, Draft, Drift};
use crate::routes::proposal::{Proposal, What};
use crate::routes::split::{self, Sibling};
use crate::routes::{Store, words};
use crate::shell::Announcer;
use crate::shell::place::{Place, use_place};
use crate::url;

/// What came of the last change from this page.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It is written.
    Done {
        /// What was done, in words.
        text: String,
        /// The change that can be put back whole, where it was a structural one.
        restore: Option<String>,
    },
    /// It was refused.
    Refused {
        /// What was tried, in words.
        tried: String,
        /// Why it was not done.
        refused: Refused,
    },
}

/// One route's editor; cheap to copy.
#[derive(Clone, Copy)]
pub struct Helm {
    /// All routes and drafts.
    pub store: Store,
    /// What is asked for. Kept here, because after an answer there is no context to look it up in.
    place: Place,
    announcer: Option<Announcer>,
    /// The route's id.
    pub id: StoredValue<String>,
    /// The route as it was last seen.
    pub route: Memo<Option<Route>>,
    /// What was changed in it, newest first.
    pub history: RwSignal<Option<Result<List<Change>, Problem>>>,
    /// The change being looked at.
    pub proposal: RwSignal<Option<Proposal>>,
    /// Whether a change is on its way.
    pub busy: RwSignal<bool>,
    /// What came of the last one.
    pub note: RwSignal<Option<Note>>,
}

/// One split of that route.
#[derive(Clone, Copy)]
pub struct Split {
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

impl Helm {
    /// Returns the editor of the route `id`.
    pub fn new(store: Store, id: String) -> Helm {
        let key = id.clone();
        Helm {
            store,
            place: use_place(),
            announcer: use_context(),
            id: StoredValue::new(id),
            route: Memo::new(move |_| store.route(&key)),
            history: RwSignal::new(None),
            proposal: RwSignal::new(None),
            busy: RwSignal::new(false),
            note: RwSignal::new(None),
        }
    }

    /// Returns whether a controller steers it, so that a hand at it is refused.
    pub fn is_locked(self) -> bool {
        use mesh::api::routes::OwnerEffect;
        self.route.with(|r| {
            let owner = r.as_ref().and_then(|r| r.owner.as_ref());
            owner.is_some_and(|o| o.effect == OwnerEffect::Locks)
        })
    }

    /// Says `text` aloud for readers of the screen.
    pub fn say(self, text: String) {
        if let Some(announcer) = self.announcer {
            announcer.say(text);
        }
    }

    /// Asks anew for routes that were just changed, and watches them.
    pub async fn refresh(self, ids: &[String]) {
        let query = self.place.now().routes_query();
        for id in ids {
            self.store.ask(id.clone(), query.clone()).await;
        }
        self.store.watch(ids);
    }

    /// Asks for the history.
    pub fn ask_history(self) {
        let Some(id) = self.id.try_get_value() else {
            return;
        };
        spawn_local(async move {
            let got = fetch::get::<List<Change>>(&url::history(&id), None, None).await;
            match got {
                Ok(Answer::Fresh { value, .. }) => {
                    self.history.try_set(Some(Ok(value)));
                }
                Ok(Answer::Unchanged) => {}
                Err(problem) => {
                    // What was known still happened.
                    let known = self
                        .history
                        .try_with_untracked(|h| matches!(h, Some(Ok(_))));
                    if known != Some(true) {
                        self.history.try_set(Some(Err(problem)));
                    }
                }
            }
        });
    }

    /// Takes in that a change was made: its drafts have come true, its routes are asked for and watched.
    pub async fn applied(self, proposal: &Proposal, changes: &Changes, text: String) {
        // The draft stays until what it became is here: nothing flickers.
        self.refresh(&proposal.touches).await;
        self.store.drafts.try_update(|drafts| {
            drafts.retain(|at, _| !proposal.settles.contains(at));
        });
        let edits = match &proposal.what {
            What::Edits(edits) => edits.as_slice(),
            What::Undo { .. } => &[],
        };
        for edit in edits {
            match edit {
                Edit::Join { with, .. } => self.store.forget(&with.to_string()),
                Edit::Restore { .. } => {}
                _ => continue,
            }
            // An object came or went.
            self.store.live.ask_again();
        }
        let is_join = edits.iter().any(|e| matches!(e, Edit::Join { .. }));
        let restore = changes.change.clone().filter(|_| is_join);
        self.say(text.clone());
        self.note.try_set(Some(Note::Done { text, restore }));
        self.ask_history();
    }

    /// Sends a change at once, without a look at it first.
    pub fn send(self, proposal: Proposal, reason: Option<String>, done: String, tried: String) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.note.set(None);
        spawn_local(async move {
            match proposal.send(false, reason).await {
                Ok(changes) => self.applied(&proposal, &changes, done).await,
                Err(refused) => {
                    self.refresh(&proposal.touches).await;
                    self.say(format!("{tried}: refused. {}", refused.problem.message));
                    self.note.try_set(Some(Note::Refused { tried, refused }));
                }
            }
            self.busy.try_set(false);
        });
    }
}

impl Split {
    /// Returns the split of a route that `rule` names.
    pub fn new(helm: Helm, rule: String) -> Split {
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
        Split {
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
        let place = |r: &Route| r.id.parse::<RouteRef>().ok();
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
        let done = format!("Rolled back: {gist}.{}", dropped.unwrap_or_default());
        let tried = format!("Roll back: {gist}");
        self.helm
            .send(proposal, Some("rolled back".to_owned()), done, tried);
    }
}
