//! The objects that steer traffic: what is wrong with them, and all of them as they are.

use leptos::prelude::*;
use mesh::api::Notice;

use crate::shell::nothing::{AllNamespaces, NoCluster};
use crate::shell::place::{Step, use_place};
use crate::ui::state::Message;

mod objects;
mod page;
mod words;

pub use objects::ObjectsPage;
pub use page::ConfigPage;

/// The two pages there are, by path.
const PAGES: [(&str, &str); 2] = [("config", "Findings"), ("config/objects", "Objects")];

/// Ways between the two.
fn pages() -> AnyView {
    let place = use_place();
    let links = PAGES.into_iter().map(|(page, label)| {
        let current = Memo::new(move |_| place.page() == page);
        view! {
            <a
                class="pages__link"
                href=move || place.href(page)
                aria-current=move || current.get().then_some("page")
            >
                {label}
            </a>
        }
    });
    view! { <nav class="pages" aria-label="Config">{links.collect_view()}</nav> }.into_any()
}

/// Looks for words, which the address says.
#[component]
fn Words(
    /// What is looked for, for readers of the screen.
    label: &'static str,
    /// The same in short.
    short: &'static str,
) -> impl IntoView {
    let place = use_place();
    let text = Memo::new(move |_| place.address_or_default().text.unwrap_or_default());
    view! {
        <input
            class="field__input faulties__words"
            type="search"
            aria-label=label
            placeholder=short
            autocomplete="off"
            spellcheck="false"
            prop:value=move || text.get()
            on:input=move |event| {
                let words = event_target_value(&event);
                place.change(Step::Replace, |address| {
                    address.text = (!words.is_empty()).then_some(words);
                });
            }
        />
    }
}

/// Returns the notice that there is no cluster.
fn no_cluster(notices: &[Notice]) -> Option<&Notice> {
    notices.iter().find(|it| it.kind == "no_cluster")
}

/// Returns what need not stand above a page that the lack of a cluster fills.
fn beside_no_cluster(notices: &[Notice]) -> Vec<Notice> {
    let notices = notices.iter().filter(|it| it.kind != "no_cluster");
    notices.cloned().collect()
}

/// Says that there is no cluster, or in `title` and `text` that there is nothing here; with ways on.
fn nothing_here(notices: &[Notice], title: &'static str, text: String, to: AnyView) -> AnyView {
    let place = use_place();
    if let Some(notice) = no_cluster(notices).cloned() {
        return view! { <NoCluster notice /> }.into_any();
    }
    let narrowed = !place.now().query.namespaces.is_empty();
    let hint = narrowed.then(|| "Other namespaces may have some.".to_owned());
    view! {
        <Message title text hint>
            <AllNamespaces />
            {to}
        </Message>
    }
    .into_any()
}
