//! A panel over the page that must be answered or closed before anything else.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::icon::{Icon, Symbol};
use super::popover::FOCUSABLE;

/// Gives the focus to what has this id.
pub fn focus(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// A drawer at the side. It takes the focus when it opens and gives it back when it goes; Escape and a
/// click beside it ask to close it.
#[component]
pub fn Drawer(
    /// What it is about: its heading, and its name for readers of the screen.
    #[prop(into)]
    title: Signal<String>,
    /// The id of what takes the focus afterwards, where what had it is gone or dead.
    fallback: &'static str,
    /// Hears that the person wants to close it.
    on_close: Callback<()>,
    children: Children,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let before = document()
        .active_element()
        .and_then(|e| e.dyn_into::<HtmlElement>().ok());
    let before = StoredValue::new_local(before);
    Effect::new(move |_| {
        if let Some(dialog) = dialog.get() {
            // It is in the page only after this turn.
            request_animation_frame(move || {
                if dialog.is_connected() && !dialog.open() {
                    let _ = dialog.show_modal();
                }
            });
        }
    });
    on_cleanup(move || {
        let before = before.try_get_value().flatten();
        request_animation_frame(move || {
            let alive = before.filter(|e| e.is_connected() && !e.has_attribute("disabled"));
            match alive {
                Some(element) => drop(element.focus()),
                None => focus(fallback),
            }
        });
    });
    // The browser keeps the focus out of the page behind, but lets it leave for its own bars.
    let turn = move |event: KeyboardEvent| {
        if event.key() == "Tab" {
            wrap_focus(&event);
        }
    };
    view! {
        <dialog
            class="drawer"
            aria-labelledby="drawer-title"
            node_ref=dialog
            on:keydown=turn
            on:cancel=move |event: web_sys::Event| {
                event.prevent_default();
                on_close.run(());
            }
            on:click=move |event| {
                // The ground beside the drawer belongs to the dialog itself.
                let beside = event.target().is_some_and(|t| {
                    t.dyn_ref::<Element>().is_some_and(|e| e.tag_name() == "DIALOG")
                });
                if beside {
                    on_close.run(());
                }
            }
        >
            <div class="drawer__sheet">
                <header class="drawer__head">
                    <h2 class="drawer__title" id="drawer-title" tabindex="-1" autofocus="">{move || title.get()}</h2>
                    <button
                        type="button"
                        class="button button--quiet button--icon"
                        aria-label="Close preview"
                        title="Close (Esc)"
                        on:click=move |_| on_close.run(())
                    >
                        <Icon symbol=Symbol::Close />
                    </button>
                </header>
                {children()}
            </div>
        </dialog>
    }
}

/// Leads the focus from the last control to the first, and back.
fn wrap_focus(event: &KeyboardEvent) {
    let Some(host) = event
        .current_target()
        .and_then(|t| t.dyn_into::<Element>().ok())
    else {
        return;
    };
    let Ok(list) = host.query_selector_all(FOCUSABLE) else {
        return;
    };
    let items: Vec<HtmlElement> = (0..list.length())
        .filter_map(|idx| list.get(idx)?.dyn_into::<HtmlElement>().ok())
        // What is folded away has no place.
        .filter(|item| item.offset_width() > 0)
        .collect();
    let active = document().active_element();
    let at = |item: Option<&HtmlElement>| {
        active.is_some() && active.as_ref() == item.map(|i| i.unchecked_ref::<Element>())
    };
    let (first, last) = (items.first(), items.last());
    let inside = items.iter().any(|item| at(Some(item)));
    let to = if event.shift_key() && (at(first) || !inside) {
        last
    } else if !event.shift_key() && at(last) {
        first
    } else {
        return;
    };
    if let Some(to) = to {
        event.prevent_default();
        let _ = to.focus();
    }
}
