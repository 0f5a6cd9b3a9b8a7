//! The rail on the left: the pages there are.

use leptos::html;
use leptos::prelude::*;

use super::place::use_place;
use crate::ui::{Icon, Symbol};

/// Where the browser keeps whether the rail shows its labels.
const KEY: &str = "pidali-rail";

const PAGES: [(&str, &str, Symbol); 12] = [
    ("overview", "Overview", Symbol::Overview),
    ("graph", "Graph", Symbol::Graph),
    ("routes", "Routes", Symbol::Routes),
    ("traces", "Traces", Symbol::Traces),
    ("services", "Services", Symbol::Services),
    ("workloads", "Workloads", Symbol::Workloads),
    ("config", "Config", Symbol::Config),
    ("breakers", "Breakers", Symbol::Breakers),
    ("sidecars", "Sidecars", Symbol::Sidecars),
    ("control-plane", "Control plane", Symbol::ControlPlane),
    ("preflight", "Preflight", Symbol::Preflight),
    ("sources", "Sources", Symbol::Sources),
];

/// Links to every page; narrow with icons, wide with labels.
#[component]
pub fn Rail() -> impl IntoView {
    let place = use_place();
    let wide = RwSignal::new(super::stored(KEY).as_deref() == Some("wide"));
    Effect::new(move |_| super::store(KEY, if wide.get() { "wide" } else { "narrow" }));
    let links = PAGES
        .into_iter()
        .map(|(page, label, symbol)| {
            let current = Memo::new(move |_| place.section() == page);
            let link = NodeRef::<html::A>::new();
            // On a narrow screen not all fit: the one that is shown is in sight.
            Effect::new(move |_| {
                if let Some(link) = link.get().filter(|_| current.get()) {
                    in_sight(&link);
                }
            });
            view! {
                <li>
                    <a
                        class="rail__link"
                        node_ref=link
                        href=move || place.href(page)
                        aria-current=move || current.get().then_some("page")
                        title=move || (!wide.get()).then_some(label)
                    >
                        <Icon symbol />
                        <span class="rail__label">{label}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <header class="rail" class:rail--wide=move || wide.get()>
            <a class="rail__brand" href=move || place.href("graph") aria-label="Pidali, to the graph">
                <Icon symbol=Symbol::Helm />
                <span class="rail__name">"Pidali"</span>
            </a>
            <nav aria-label="Pages">
                <ul class="rail__list">{links}</ul>
            </nav>
            <button
                type="button"
                class="rail__toggle"
                aria-pressed=move || wide.get().to_string()
                aria-label="Show labels"
                on:click=move |_| wide.update(|it| *it = !*it)
            >
                {move || {
                    let symbol = if wide.get() { Symbol::Collapse } else { Symbol::Expand };
                    view! { <Icon symbol /> }
                }}
                <span class="rail__label">"Narrow"</span>
            </button>
        </header>
    }
}

fn in_sight(link: &web_sys::Element) {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    options.set_inline(web_sys::ScrollLogicalPosition::Nearest);
    link.scroll_into_view_with_scroll_into_view_options(&options);
}
