//! What stands where there is nothing: why, and the ways on.

use leptos::prelude::*;
use mesh::api::Notice;

use super::place::{Step, use_place};
use crate::ui::state::{Message, sentence};

/// The way back to all namespaces, where the address names some; nothing where it does not.
#[component]
pub fn AllNamespaces() -> impl IntoView {
    let place = use_place();
    let is_narrowed = !place.now().query.namespaces.is_empty();
    is_narrowed.then(|| {
        view! {
            <button
                type="button"
                class="button button--primary"
                on:click=move |_| place.change(Step::Push, |a| a.query.namespaces.clear())
            >
                "Show all namespaces"
            </button>
        }
    })
}

/// Without a cluster there is nothing to read or to write. How to get one is the server's to say: it knows its
/// own flags.
#[component]
pub fn NoCluster(notice: Notice) -> impl IntoView {
    let place = use_place();
    view! {
        <Message title="No cluster" text=notice.message hint=notice.hint.map(|it| sentence(&it))>
            <a class="button" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
}
