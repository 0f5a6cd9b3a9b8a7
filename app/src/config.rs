//! The objects that steer traffic: what is wrong with them, and all of them as they are.

use leptos::prelude::*;

use crate::shell::place::use_place;

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
