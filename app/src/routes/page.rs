//! The routes' page: the list, the editor beside it, and what to say when there is neither.

use leptos::prelude::*;
use mesh::api::Notice;
use mesh::api::routes::Routes;

use super::Store;
use super::editor::RouteEditor;
use super::list::RouteList;
use super::{order, words};
use crate::fetch::Problem;
use crate::live::{self, BadLink, Failure, Hears, Phase, Progress, Strip};
use crate::shell::clock::use_clock;
use crate::shell::nothing::{AllNamespaces, NoCluster};
use crate::shell::place::use_place;
use crate::shell::{announce, set_title};
use crate::ui::state::{Message, Skeleton};
use crate::url::Refresh;

/// What stands in the place of the list.
#[derive(Clone, Debug, PartialEq)]
enum Shown {
    Loading,
    Failed(Problem),
    /// Nothing is known, and why.
    NoCluster(Notice),
    Empty,
    List,
}

/// How traffic is told to go, and the hand that moves it.
#[component]
pub fn RoutesPage() -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let live = store.live;
    let clock = use_clock();

    let asked = Memo::new(move |_| place.address().ok().map(|a| a.routes_query()));
    let refresh = Memo::new(move |_| place.address_or_default().refresh);
    Effect::new(move |_| {
        if let Some(query) = asked.get() {
            live.follow(query, refresh.get());
        }
    });
    Effect::new(move |_| live.tick(clock.get()));
    let is_live = Signal::derive(move || refresh.get() == Refresh::Live);
    let hears = Hears {
        changed: Callback::new(move |_| live.hint()),
        is_open: Callback::new(move |open| live.stream_is(open)),
    };
    live::listen("graph,routes", is_live, hears);

    let bad = Memo::new(move |_| place.address().err());
    let selected = Memo::new(move |_| {
        let address = place.address().ok()?;
        address.selected
    });
    let shown = Memo::new(move |_| {
        if let Phase::Failed { problem, .. } = live.phase.get() {
            return Shown::Failed(problem);
        }
        live.answer.with(|routes| match routes {
            None => Shown::Loading,
            Some(routes) if routes.items.is_empty() && routes.services.is_empty() => {
                let no_cluster = routes.notices.iter().find(|n| n.kind == "no_cluster");
                no_cluster.map_or(Shown::Empty, |n| Shown::NoCluster(n.clone()))
            }
            Some(_) => Shown::List,
        })
    });
    let notices = Memo::new(move |_| {
        let said = |routes: &Routes| routes.notices.clone();
        let mut notices = live
            .answer
            .with(|r| r.as_ref().map(|r| said(r)).unwrap_or_default());
        // What fills the page need not stand above it, too.
        if matches!(shown.get(), Shown::NoCluster(_)) {
            notices.retain(|n| n.kind != "no_cluster");
        }
        notices
    });
    let tally = Memo::new(move |_| {
        live.answer
            .with(|r| r.as_ref().map(|r| tally(r)).unwrap_or_default())
    });
    tell(store, tally, selected.into());

    let body = move || {
        if let Some(error) = bad.get() {
            return view! { <BadLink error way_on="Start from all routes" /> }.into_any();
        }
        match shown.get() {
            Shown::Loading => {
                view! { <div class="page__pad"><Skeleton lines=9 label="Loading routes" /></div> }
                    .into_any()
            }
            Shown::Failed(problem) => {
                view! { <Failure problem standing=live.standing() /> }.into_any()
            }
            Shown::NoCluster(notice) => view! { <NoCluster notice /> }.into_any(),
            Shown::Empty => view! { <Empty /> }.into_any(),
            Shown::List => view! { <RouteList selected /> }.into_any(),
        }
    };
    view! {
        <div
            class="routes-page"
            class:routes-page--open=move || selected.with(Option::is_some)
            aria-busy=move || live.busy.get().to_string()
        >
            <div class="toolbar">
                <h1 class="toolbar__title">"Routes"</h1>
                <p class="tally">{move || (shown.get() == Shown::List).then(|| tally.get())}</p>
                <Progress standing=live.standing() />
            </div>
            <Strip standing=live.standing() said=notices />
            <div class="routes-page__body">
                <div class="routes-page__list">{body}</div>
                {move || selected.get().map(|id| view! { <RouteEditor id /> })}
            </div>
        </div>
    }
}

/// Keeps the title of the tab and the live region in step.
fn tell(store: Store, tally: Memo<String>, selected: Signal<Option<String>>) {
    Effect::new(move |_| {
        let open = selected.with(|id| {
            let id = id.as_ref()?;
            Some(id.rsplit('/').next().unwrap_or(id).to_owned())
        });
        set_title(&open.unwrap_or_else(|| "Routes".to_owned()));
    });
    // Compared, so that not each refresh is said again over what the person did.
    let phase = Memo::new(move |_| store.live.phase.get());
    Effect::new(move |_| match phase.get() {
        Phase::Loading => {}
        Phase::Ready => {
            announce(format!("Routes up to date. {}.", tally.get_untracked()));
        }
        Phase::Stale { problem, .. } => {
            announce(format!("The routes are stale. {}", problem.message))
        }
        Phase::Failed { problem, .. } => {
            announce(format!("{}. {}", problem.title(), problem.message))
        }
    });
}

/// Returns `5 services, 6 splits, 2 errors`.
fn tally(routes: &Routes) -> String {
    let n_splits = routes.items.iter().flat_map(order::splits).count();
    let count =
        |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let mut parts = vec![
        count(routes.services.len(), "service", "services"),
        count(n_splits, "split", "splits"),
    ];
    let checks = order::distinct(routes.items.iter().flat_map(|r| &r.checks));
    let checks = words::tally(checks);
    parts.extend(
        checks
            .into_iter()
            .map(|(severity, n)| format!("{n} {}", words::severity(severity, n))),
    );
    parts.join(", ")
}

/// No route and no service: why, and the next step.
#[component]
fn Empty() -> impl IntoView {
    let place = use_place();
    let narrowed = !place.now().query.namespaces.is_empty();
    let (text, hint) = if narrowed {
        (
            "The namespaces chosen have no route and no service with several versions.",
            "Show all namespaces.",
        )
    } else {
        (
            "No route says where calls go, and no service has several versions.",
            "Deploy a second version of a service, and a VirtualService or HTTPRoute that names both.",
        )
    };
    view! {
        <Message title="Nothing to steer" text hint=Some(hint.to_owned())>
            <AllNamespaces />
            <a class="button" href=move || place.href("graph")>"See the traffic"</a>
        </Message>
    }
}
