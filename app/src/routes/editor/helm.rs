//! What the parts of one editor share: the route, the hand at it, and what came of it.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::List;
use mesh::api::changes::{Changes, Edit};
use mesh::api::routes::{Change, OwnerEffect, Route, RouteRef};

use crate::fetch::{self, Answer, Problem, Refused};
use crate::routes::Store;
use crate::routes::forms::Form;
use crate::routes::proposal::{Proposal, What};
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
        /// An object of the change, by its id, and the change: where no history stands beside it.
        undo: Option<(String, String)>,
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
    /// What is being written by hand: it waits behind the look at what it would do.
    pub form: RwSignal<Option<Form>>,
}

impl Helm {
    /// Returns the editor of the route `id`; of no route, where that is empty.
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
            form: RwSignal::new(None),
        }
    }

    /// Returns whether a controller steers it, so that a hand at it is refused.
    pub fn is_locked(self) -> bool {
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
        // Other objects are no routes: whoever shows them asks anew.
        let is_route = |id: &&String| id.parse::<RouteRef>().is_ok();
        let routes: Vec<String> = ids.iter().filter(is_route).cloned().collect();
        for id in &routes {
            self.store.ask(id.clone(), query.clone()).await;
        }
        self.store.watch(&routes);
    }

    /// Asks for the history.
    pub fn ask_history(self) {
        let Some(id) = self.id.try_get_value().filter(|id| !id.is_empty()) else {
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
                Edit::SetWeights { .. } | Edit::Undo { .. } => continue,
                _ => {}
            }
            // An object came or went.
            self.store.live.ask_again();
        }
        let is_join = edits.iter().any(|e| matches!(e, Edit::Join { .. }));
        // Without a copy from before there is no way back to offer.
        let mut checks = changes.results.iter().flat_map(|it| &it.checks);
        let is_recorded = checks.all(|check| check.code != "no_record");
        let restore = changes.change.clone().filter(|_| is_join && is_recorded);
        self.form.try_set(None);
        self.say(text.clone());
        let is_back = edits.iter().any(|e| matches!(e, Edit::Restore { .. }));
        let undo = changes.change.clone().filter(|_| !is_back && is_recorded);
        // Of a join, the object that stays has the record.
        let first = edits.first().map(|e| e.object().to_string());
        let undo = first.zip(undo);
        self.note.try_set(Some(Note::Done {
            text,
            restore,
            undo,
        }));
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
            match proposal.send(false, reason, false).await {
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
