//! The bar on top: what is asked, and how fresh the answer is.

use leptos::prelude::*;

use super::instant::InstantMenu;
use super::namespaces::NamespacePicker;
use super::place::use_place;
use super::refresh::RefreshControl;
use super::search::Search;
use super::theme::ThemeMenu;
use super::window::WindowMenu;

/// Namespaces, window, instant, refresh, search, theme.
#[component]
pub fn Bar() -> impl IntoView {
    let place = use_place();
    // Where nothing answers to the question, it would be a dead control.
    let asks = Memo::new(move |_| {
        let section = place.section();
        matches!(
            section.as_str(),
            "overview"
                | "graph"
                | "routes"
                | "services"
                | "workloads"
                | "breakers"
                | "sidecars"
                | "control-plane"
                | "config"
                | "preflight"
        ) || place.page() == "traces"
    });
    // Traffic is steered now, and objects are as they are now: there is no other instant.
    let of_any_time = Memo::new(move |_| {
        let section = place.section();
        !matches!(section.as_str(), "routes" | "config" | "preflight")
    });
    // Objects are looked at, not their calls.
    let has_window = Memo::new(move |_| place.section() != "config");
    // The control plane serves them all, the preflight is of the whole mesh, and a search for traces names its own.
    let of_namespaces = Memo::new(move |_| {
        let section = place.section();
        !matches!(section.as_str(), "control-plane" | "preflight" | "traces")
    });
    view! {
        <div class="bar" role="region" aria-label="What to show">
            <div class="bar__question">
                <Show when=move || asks.get()>
                    <Show when=move || of_namespaces.get()>
                        <NamespacePicker />
                    </Show>
                    <Show when=move || has_window.get()>
                        <WindowMenu />
                    </Show>
                    <Show when=move || of_any_time.get()>
                        <InstantMenu />
                    </Show>
                </Show>
            </div>
            <div class="bar__state">
                <RefreshControl />
                <Search />
                <ThemeMenu />
            </div>
        </div>
    }
}
