//! The routes that the page holds, and the drafts drawn over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::RoutesQuery;
use mesh::api::routes::{Route, Routes, Service, SplitRef};

use super::draft::Draft;
use crate::fetch::{self, Answer, Problem};
use crate::live::{Live, Question};
use crate::url;

impl Question for RoutesQuery {
    type Answer = Routes;

    fn url(&self) -> String {
        url::routes(self)
    }
}

/// How long a change is watched closely, and how often then.
const WATCH_MS: f64 = 120_000.0;
const POLL_MS: f64 = 3_000.0;

/// Routes and drafts; cheap to copy. One for the whole page: a draft outlives the look at another route.
#[derive(Clone, Copy)]
pub struct Store {
    /// All routes of the namespaces chosen.
    pub live: Live<RoutesQuery>,
    /// What is meant to become of each split.
    pub drafts: RwSignal<BTreeMap<SplitRef, Draft>>,
    /// Splits that are moved without their siblings, because the person said so.
    pub apart: RwSignal<BTreeSet<SplitRef>>,
    /// Routes that were asked for alone and are not in the list: a link may name one of a namespace that
    /// is not shown.
    beside: RwSignal<BTreeMap<String, Result<Route, Problem>>>,
    /// Routes whose calls are following a change: until when they are watched, and when to ask next.
    watched: StoredValue<BTreeMap<String, (f64, f64)>>,
}

impl Store {
    /// Returns an empty store.
    pub fn new() -> Store {
        Store {
            live: Live::new(),
            drafts: RwSignal::new(BTreeMap::new()),
            apart: RwSignal::new(BTreeSet::new()),
            beside: RwSignal::new(BTreeMap::new()),
            watched: StoredValue::new(BTreeMap::new()),
        }
    }

    /// Returns a route as it was last seen, and follows it.
    pub fn route(self, id: &str) -> Option<Route> {
        let listed = self.live.answer.with(|routes| {
            let items = &routes.as_ref()?.items;
            items.iter().find(|r| r.id == id).cloned()
        });
        listed.or_else(|| {
            self.beside
                .with(|beside| beside.get(id).and_then(|r| r.as_ref().ok().cloned()))
        })
    }

    /// Returns why a route could not be had, where it could not.
    pub fn missing(self, id: &str) -> Option<Problem> {
        self.beside
            .with(|beside| beside.get(id).and_then(|r| r.as_ref().err().cloned()))
    }

    /// Returns a service, and follows it.
    pub fn service(self, id: &str) -> Option<Service> {
        self.live.answer.with(|routes| {
            let services = &routes.as_ref()?.services;
            services.iter().find(|s| s.id == id).cloned()
        })
    }

    /// Returns all routes that are known, those beside the list last.
    pub fn all(self) -> Vec<Route> {
        let mut all = self
            .live
            .answer
            .with(|routes| routes.as_ref().map(|r| r.items.clone()).unwrap_or_default());
        self.beside.with(|beside| {
            for route in beside.values().flatten() {
                if !all.iter().any(|r| r.id == route.id) {
                    all.push(route.clone());
                }
            }
        });
        all
    }

    /// Returns whether a route is in the list.
    pub fn is_listed(self, id: &str) -> bool {
        self.live.answer.with(|routes| {
            (routes.as_ref()).is_some_and(|routes| routes.items.iter().any(|r| r.id == id))
        })
    }

    /// Asks for one route alone, and takes it in.
    pub async fn ask(self, id: String, query: RoutesQuery) {
        let got = fetch::get::<Route>(&url::route(&id, &query), None, None).await;
        let got = match got {
            Ok(Answer::Fresh { value, .. }) => Ok(value),
            Ok(Answer::Unchanged) => return,
            Err(problem) => Err(problem),
        };
        let listed = untrack(|| self.is_listed(&id));
        match got {
            Ok(route) if listed => self.live.answer.try_update(|routes| {
                let routes = Arc::make_mut(routes.as_mut()?);
                let place = routes.items.iter_mut().find(|r| r.id == id)?;
                *place = route;
                Some(())
            }),
            // What is in the list is told to be stale there.
            Err(_) if listed => None,
            got => self.beside.try_update(|beside| {
                // An old picture is better than none, unless what it shows is gone.
                let is_gone = got.as_ref().is_err_and(|p| p.kind == "not_found");
                if got.is_ok() || is_gone || !matches!(beside.get(&id), Some(Ok(_))) {
                    beside.insert(id, got);
                }
                Some(())
            }),
        };
    }

    /// Asks for all routes of a namespace that the list does not show: a route of it may have siblings.
    pub async fn ask_around(self, namespace: String, query: RoutesQuery) {
        let query = RoutesQuery {
            namespaces: vec![namespace],
            ..query
        };
        let got = fetch::get::<Routes>(&url::routes(&query), None, None).await;
        if let Ok(Answer::Fresh { value, .. }) = got {
            self.beside.try_update(|beside| {
                for route in value.items {
                    beside.insert(route.id.clone(), Ok(route));
                }
            });
        }
    }

    /// Watches routes closely: their calls are about to follow a change.
    pub fn watch(self, ids: &[String]) {
        let now = js_sys::Date::now();
        self.watched.update_value(|watched| {
            for id in ids {
                watched.insert(id.clone(), (now + WATCH_MS, now + POLL_MS));
            }
        });
    }

    /// Stops watching a route that is gone.
    pub fn forget(self, id: &str) {
        self.watched.update_value(|watched| {
            watched.remove(id);
        });
    }

    /// Returns the watched routes that are to be asked for now.
    pub fn due(self, now_ms: f64) -> Vec<String> {
        let mut due = Vec::new();
        self.watched.update_value(|watched| {
            watched.retain(|_, (until, _)| now_ms < *until);
            for (id, (_, next)) in watched.iter_mut().filter(|(_, (_, next))| *next <= now_ms) {
                *next = now_ms + POLL_MS;
                due.push(id.clone());
            }
        });
        due
    }
}
