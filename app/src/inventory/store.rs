//! The answers that the pages hold.

use std::marker::PhantomData;

use leptos::prelude::*;
use mesh::api::overview::Overview;
use mesh::api::service::{ServiceDetails, ServiceRow};
use mesh::api::workload::{WorkloadDetails, WorkloadRow};
use mesh::api::{InventoryQuery, List};
use serde::de::DeserializeOwned;

use crate::live::{self, Hears, Live, Question, Standing};
use crate::shell::clock::use_clock;
use crate::shell::place::use_place;
use crate::url::Refresh;

/// A question whose answer is an `A`.
pub struct Ask<A> {
    url: String,
    /// The address of a smaller answer, and whether one leaves something out.
    first: Option<(String, fn(&A) -> bool)>,
    is_fixed: bool,
    answer: PhantomData<fn() -> A>,
}

impl<A> Ask<A> {
    /// Returns the question that stands under `url`.
    pub fn new(url: String, query: &InventoryQuery) -> Ask<A> {
        Ask {
            url,
            first: None,
            is_fixed: query.at.is_some(),
            answer: PhantomData,
        }
    }

    /// Returns the question that stands under `url`; one about a past that does not change is asked once.
    pub fn plain(url: String, is_fixed: bool) -> Ask<A> {
        Ask {
            url,
            first: None,
            is_fixed,
            answer: PhantomData,
        }
    }

    /// Asks for a smaller answer first, which stands under `url`; `is_part` tells whether it leaves something out.
    pub fn after(self, url: String, is_part: fn(&A) -> bool) -> Ask<A> {
        Ask {
            first: Some((url, is_part)),
            ..self
        }
    }
}

// Derived, they would ask the same of the answer.
impl<A> Clone for Ask<A> {
    fn clone(&self) -> Self {
        Ask {
            url: self.url.clone(),
            first: self.first.clone(),
            is_fixed: self.is_fixed,
            answer: PhantomData,
        }
    }
}

impl<A> PartialEq for Ask<A> {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

impl<A: DeserializeOwned + Send + Sync + 'static> Question for Ask<A> {
    type Answer = A;

    fn url(&self) -> String {
        self.url.clone()
    }

    fn first_url(&self) -> Option<String> {
        self.first.as_ref().map(|(url, _)| url.clone())
    }

    fn is_part(&self, answer: &A) -> bool {
        self.first
            .as_ref()
            .is_none_or(|(_, is_part)| is_part(answer))
    }

    fn is_fixed(&self) -> bool {
        self.is_fixed
    }
}

/// The latest answers; cheap to copy. One for the whole page: who comes back sees the old picture at once.
#[derive(Clone, Copy)]
pub struct Store {
    /// The overview.
    pub overview: Live<Ask<Overview>>,
    /// All services.
    pub services: Live<Ask<List<ServiceRow>>>,
    /// One service.
    pub service: Live<Ask<ServiceDetails>>,
    /// All workloads.
    pub workloads: Live<Ask<List<WorkloadRow>>>,
    /// One workload.
    pub workload: Live<Ask<WorkloadDetails>>,
}

impl Store {
    /// Returns an empty store.
    pub fn new() -> Store {
        Store {
            overview: Live::new(),
            services: Live::new(),
            service: Live::new(),
            workloads: Live::new(),
            workload: Live::new(),
        }
    }

    /// Returns how the answer of a page stands, by the page's path; `None` where it has none of these.
    pub fn standing(self, path: &str) -> Option<Standing> {
        let is_one = path.contains('/');
        match (path.split('/').next()?, is_one) {
            ("overview", _) => Some(self.overview.standing()),
            ("services", false) => Some(self.services.standing()),
            ("services", true) => Some(self.service.standing()),
            ("workloads", false) => Some(self.workloads.standing()),
            ("workloads", true) => Some(self.workload.standing()),
            _ => None,
        }
    }
}

/// Keeps an answer fresh as long as the page is seen: asks what the address asks for, at once and on every hint.
pub fn follow<A>(
    live: Live<Ask<A>>,
    url: impl Fn(&InventoryQuery) -> String + Send + Sync + 'static,
) where
    A: DeserializeOwned + Send + Sync + 'static,
{
    let place = use_place();
    let clock = use_clock();
    let asked = Memo::new(move |_| {
        let query = place.address().ok()?.inventory_query();
        Some(Ask::new(url(&query), &query))
    });
    let refresh = Memo::new(move |_| place.address_or_default().refresh);
    Effect::new(move |_| {
        if let Some(ask) = asked.get() {
            live.follow(ask, refresh.get());
        }
    });
    Effect::new(move |_| live.tick(clock.get()));
    let is_live = Signal::derive(move || {
        let is_fixed = asked.with(|ask| ask.as_ref().is_none_or(|ask| ask.is_fixed));
        refresh.get() == Refresh::Live && !is_fixed
    });
    let hears = Hears {
        changed: Callback::new(move |_| live.hint()),
        is_open: Callback::new(move |open| live.stream_is(open)),
    };
    live::listen("graph,routes", is_live, hears);
}
