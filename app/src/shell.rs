//! The frame around every page: rail, bar, and what they share.

use leptos::prelude::*;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::{StaticSegment, path};

pub mod clock;
pub mod nothing;
pub mod place;
pub mod theme;

mod bar;
mod instant;
mod namespaces;
mod rail;
mod refresh;
mod search;
mod window;

use crate::breakers::BreakersPage;
use crate::config::{ConfigPage, ObjectsPage};
use crate::control_plane::ControlPlanePage;
use crate::fetch;
use crate::graph::{GraphPage, Store};
use crate::inventory;
use crate::overview::OverviewPage;
use crate::preflight::PreflightPage;
use crate::reports;
use crate::routes::{self, RoutesPage};
use crate::service::{ServicePage, ServicesPage};
use crate::sidecars::SidecarsPage;
use crate::sources::SourcesPage;
use crate::trace::{self, NamesPage, SearchPage, TracePage};
use crate::url;
use crate::workload::{WorkloadPage, WorkloadsPage};

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    theme::provide();
    clock::provide();
    provide_context(Announcer(RwSignal::new(String::new())));
    provide_context(Store::new());
    provide_context(routes::Store::new());
    provide_context(inventory::Store::new());
    provide_context(reports::Store::new());
    provide_context(trace::Store::new());
    let base = url::base_path(&fetch::base_uri());
    view! {
        <Router base>
            <Frame />
        </Router>
    }
}

#[component]
fn Frame() -> impl IntoView {
    place::provide();
    let announced = use_context::<Announcer>();
    view! {
        <a class="skip-link" href="#content">"Skip to the content"</a>
        <div class="shell">
            <rail::Rail />
            <div class="shell__main">
                <bar::Bar />
                <main class="shell__content" id="content" tabindex="-1">
                    <FlatRoutes fallback=NoSuchPage>
                        <Route path=path!("") view=GraphPage />
                        <Route path=StaticSegment("graph") view=GraphPage />
                        <Route path=StaticSegment("overview") view=OverviewPage />
                        <Route path=StaticSegment("routes") view=RoutesPage />
                        <Route path=StaticSegment("traces") view=SearchPage />
                        <Route path=path!("traces/names") view=NamesPage />
                        <Route path=path!("traces/:id") view=TracePage />
                        <Route path=StaticSegment("services") view=ServicesPage />
                        <Route path=path!("services/:namespace/:name") view=ServicePage />
                        <Route path=StaticSegment("workloads") view=WorkloadsPage />
                        <Route path=path!("workloads/:namespace/:name") view=WorkloadPage />
                        <Route path=StaticSegment("control-plane") view=ControlPlanePage />
                        <Route path=StaticSegment("sidecars") view=SidecarsPage />
                        <Route path=StaticSegment("breakers") view=BreakersPage />
                        <Route path=StaticSegment("config") view=ConfigPage />
                        <Route path=path!("config/objects") view=ObjectsPage />
                        <Route path=StaticSegment("preflight") view=PreflightPage />
                        <Route path=StaticSegment("sources") view=SourcesPage />
                    </FlatRoutes>
                </main>
            </div>
        </div>
        <div class="visually-hidden" role="status" aria-live="polite">
            {move || announced.map(|a| a.0.get())}
        </div>
    }
}

#[component]
fn NoSuchPage() -> impl IntoView {
    let place = place::use_place();
    set_title("Not found");
    view! {
        <div class="page page--centre">
            <crate::ui::state::Message
                title="There is no such page"
                text="The address leads nowhere in Pidali. It may come from a newer version."
            >
                <a class="button button--primary" href=move || place.href("graph")>"Go to the graph"</a>
            </crate::ui::state::Message>
        </div>
    }
}

/// Says a change aloud for readers of the screen.
#[derive(Clone, Copy)]
pub struct Announcer(RwSignal<String>);

impl Announcer {
    /// Says `text` aloud.
    pub fn say(self, text: String) {
        if self.0.try_with_untracked(|now| *now != text) == Some(true) {
            self.0.set(text);
        }
    }
}

/// Says `text` aloud for readers of the screen.
pub fn announce(text: String) {
    if let Some(announcer) = use_context::<Announcer>() {
        announcer.say(text);
    }
}

/// Sets the title of the browser's tab.
pub fn set_title(what: &str) {
    document().set_title(&format!("{what} · Pidali"));
}

/// Reads what the browser keeps for this person.
pub fn stored(key: &str) -> Option<String> {
    window()
        .local_storage()
        .ok()
        .flatten()?
        .get_item(key)
        .ok()
        .flatten()
}

/// Keeps a preference of this person; where the browser keeps nothing, it lasts for this page.
pub fn store(key: &str, value: &str) {
    if let Some(storage) = window().local_storage().ok().flatten() {
        let _ = storage.set_item(key, value);
    }
}
