//! The frame of a page: its head, its state, and what stands in the place of an answer that is not there.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use mesh::api::Notice;
use serde::de::DeserializeOwned;

use super::Ask;
use crate::fetch::Problem;
use crate::live::{BadLink, Failure, Live, Phase, Progress, Standing, Strip};
use crate::shell::announce;
use crate::shell::nothing::AllNamespaces;
use crate::shell::place::use_place;
use crate::ui::state::{Message, Skeleton};

/// What stands in the place of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Shown {
    /// Nothing is here yet.
    Loading,
    /// There is no answer, and why.
    Failed(Problem),
    /// There is nothing of what was asked for.
    Empty,
    /// The answer.
    Ready,
}

/// An answer as its page shows it; cheap to copy.
pub struct Frame<A: Send + Sync + 'static> {
    /// The answer, where it is one to what the address asks for.
    pub answer: Memo<Option<Arc<A>>>,
    shown: Memo<Shown>,
    standing: Standing,
}

impl<A: Send + Sync + 'static> Clone for Frame<A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Send + Sync + 'static> Copy for Frame<A> {}

impl<A: DeserializeOwned + PartialEq + Send + Sync + 'static> Frame<A> {
    /// Returns the frame around an answer. `belongs` says whether an answer is to what the address asks for now.
    pub fn new(
        live: Live<Ask<A>>,
        belongs: impl Fn(&A) -> bool + Send + Sync + 'static,
        is_empty: fn(&A) -> bool,
    ) -> Frame<A> {
        let answer = Memo::new(move |_| live.answer.get().filter(|answer| belongs(answer)));
        let shown = Memo::new(move |_| {
            if let Phase::Failed { problem, .. } = live.phase.get() {
                return Shown::Failed(problem);
            }
            answer.with(|answer| match answer {
                None => Shown::Loading,
                Some(answer) if is_empty(answer) => Shown::Empty,
                Some(_) => Shown::Ready,
            })
        });
        Frame {
            answer,
            shown,
            standing: live.standing(),
        }
    }

    /// Picks something of the answer, where there is one.
    pub fn pick<T: PartialEq + Send + Sync + 'static>(
        self,
        pick: impl Fn(&A) -> T + Send + Sync + 'static,
    ) -> Memo<Option<T>> {
        Memo::new(move |_| {
            self.answer
                .with(|answer| answer.as_ref().map(|it| pick(it)))
        })
    }

    /// Shows the page: the answer, or what stands in its place.
    pub fn view(
        self,
        /* What should be known about it. */ notices: fn(&A) -> Vec<Notice>,
        head: AnyView,
        other: Others,
        ready: impl Fn() -> AnyView + Send + Sync + 'static,
    ) -> AnyView {
        let place = use_place();
        let (shown, standing) = (self.shown, self.standing);
        let bad = Memo::new(move |_| place.address().err());
        let said = Memo::new(move |_| {
            let said = self
                .answer
                .with(|answer| answer.as_ref().map(|it| notices(it)));
            said.unwrap_or_default()
        });
        tell(standing, other.what);
        let body = move || {
            if let Some(error) = bad.get() {
                return view! { <BadLink error way_on="Start from the whole mesh" /> }.into_any();
            }
            match shown.get() {
                Shown::Loading => view! {
                    <div class="page__pad"><Skeleton lines=9 label="Loading" /></div>
                }
                .into_any(),
                Shown::Failed(problem) if problem.kind == "not_found" => (other.unknown)(problem),
                Shown::Failed(problem) => view! { <Failure problem standing /> }.into_any(),
                Shown::Empty => (other.empty)(),
                Shown::Ready => ready(),
            }
        };
        view! {
            <div class="inventory" aria-busy=move || standing.busy.get().to_string()>
                {head}
                <div class="inventory__progress"><Progress standing /></div>
                <Strip standing said />
                <div class="inventory__body">{body}</div>
            </div>
        }
        .into_any()
    }
}

/// What a page says where it has no answer.
#[derive(Clone, Copy)]
pub struct Others {
    /// What is shown, for readers of the screen: "Services".
    pub what: &'static str,
    /// Stands where there is nothing.
    pub empty: fn() -> AnyView,
    /// Stands where the one thing asked for is not known.
    pub unknown: fn(Problem) -> AnyView,
}

/// Says aloud how the answer stands. Compared, so that not each refresh is said again.
fn tell(standing: Standing, what: &'static str) {
    let phase = Memo::new(move |_| standing.phase.get());
    Effect::new(move |_| match phase.get() {
        Phase::Loading => {}
        Phase::Ready => announce(format!("{what} up to date.")),
        Phase::Stale { problem, .. } => announce(format!("{what} stale. {}", problem.message)),
        Phase::Failed { problem, .. } => {
            announce(format!("{}. {}", problem.title(), problem.message));
        }
    });
}

/// The head of a list: its name and what it counts.
pub fn list_head(title: &'static str, tally: Memo<Option<String>>) -> AnyView {
    view! {
        <div class="toolbar">
            <h1 class="toolbar__title">{title}</h1>
            <p class="tally">{move || tally.get()}</p>
        </div>
    }
    .into_any()
}

/// Counts rows by how they are: `12 services, 1 failing, 2 degraded`.
pub fn tally(
    (one, many): (&str, &str),
    statuses: impl Iterator<Item = mesh::api::HealthStatus> + Clone,
) -> String {
    use mesh::api::HealthStatus::{Degraded, Failing};
    let n = statuses.clone().count();
    let mut parts = vec![format!("{n} {}", if n == 1 { one } else { many })];
    for (status, word) in [(Failing, "failing"), (Degraded, "degraded")] {
        let n = statuses.clone().filter(|it| *it == status).count();
        if n > 0 {
            parts.push(format!("{n} {word}"));
        }
    }
    parts.join(", ")
}

/// Namespace and name in the page's path.
pub fn named() -> Memo<(String, String)> {
    let params = use_params_map();
    Memo::new(move |_| {
        params.with(|params| {
            let part = |name| params.get(name).unwrap_or_default();
            (part("namespace"), part("name"))
        })
    })
}

/// Says that there is nothing of a kind, why, and the next step.
pub fn empty(title: &'static str, text: &'static str) -> AnyView {
    let place = use_place();
    let narrowed = !place.now().query.namespaces.is_empty();
    let (text, hint) = if narrowed {
        ("The namespaces chosen have none.", "Show all namespaces.")
    } else {
        (
            text,
            "Look back further, or see whether the sources answer.",
        )
    };
    view! {
        <Message title text hint=Some(hint.to_owned())>
            <AllNamespaces />
            <a class="button" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
    .into_any()
}

/// Says that the one thing asked for is not known, and where to look.
pub fn unknown(
    title: &'static str,
    section: &'static str,
    all: &'static str,
    problem: Problem,
) -> AnyView {
    let place = use_place();
    view! {
        <Message
            title
            text=crate::ui::state::sentence(&problem.message)
            hint=Some("Look back further if it had traffic once, or choose from the list.".to_owned())
        >
            <a class="button button--primary" href=move || place.href(section)>{all}</a>
            <a class="button" href=move || place.href("graph")>"See the graph"</a>
        </Message>
    }
    .into_any()
}
