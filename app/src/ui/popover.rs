//! A button that opens a floating panel.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, FocusOptions, HtmlElement, KeyboardEvent, Node};

/// What can take the focus inside a panel.
pub const FOCUSABLE: &str = "input:not([disabled]), button:not([disabled]):not([tabindex='-1']), select, summary, a[href], [tabindex='0']";

/// A button and the panel it opens. Escape, a click elsewhere and leaving by Tab close it; closing by
/// keyboard gives the focus back to the button.
#[component]
pub fn Popover(
    /// The name of the panel, and what readers of the screen hear before the button's face.
    #[prop(into)]
    label: Signal<String>,
    /// What the button shows.
    #[prop(into)]
    face: ViewFn,
    /// Whether the panel is open.
    open: RwSignal<bool>,
    /// A class of the button.
    #[prop(optional)]
    button_class: &'static str,
    /// A class of the panel.
    #[prop(optional)]
    panel_class: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let root = NodeRef::<html::Div>::new();
    let button = NodeRef::<html::Button>::new();
    let panel = NodeRef::<html::Div>::new();

    let outside = window_event_listener(ev::pointerdown, move |event| {
        if open.get_untracked() && !holds(root, event.target()) {
            open.set(false);
        }
    });
    on_cleanup(move || outside.remove());

    // The panel is in the page only after this turn; then its first control takes the focus.
    Effect::new(move |_| {
        if let Some(panel) = panel.get() {
            request_animation_frame(move || {
                let chosen = panel.query_selector("[data-first-focus]").ok().flatten();
                let first = chosen.or_else(|| panel.query_selector(FOCUSABLE).ok().flatten());
                focus(first);
            });
        }
    });

    let close_by_key = move |event: KeyboardEvent| {
        if event.key() == "Escape" && open.get_untracked() {
            event.stop_propagation();
            event.prevent_default();
            open.set(false);
            if let Some(button) = button.get_untracked() {
                let _ = button.focus();
            }
        }
    };
    let close_by_leaving = move |event: web_sys::FocusEvent| {
        let to = event.related_target();
        if to.is_some() && !holds(root, to) {
            open.set(false);
        }
    };

    view! {
        <div class="popover" node_ref=root on:keydown=close_by_key on:focusout=close_by_leaving>
            <button
                type="button"
                node_ref=button
                class=format!("button {button_class}")
                aria-haspopup="dialog"
                aria-expanded=move || open.get().to_string()
                on:click=move |_| open.update(|it| *it = !*it)
            >
                <span class="visually-hidden">{move || label.get()}" "</span>
                {move || face.run()}
            </button>
            <Show when=move || open.get()>
                <div
                    class=format!("popover__panel {panel_class}")
                    role="dialog"
                    aria-label=move || label.get()
                    node_ref=panel
                >
                    {children()}
                </div>
            </Show>
        </div>
    }
}

fn holds(root: NodeRef<html::Div>, target: Option<web_sys::EventTarget>) -> bool {
    let node = target.and_then(|t| t.dyn_into::<Node>().ok());
    root.get_untracked()
        .is_some_and(|root| root.contains(node.as_ref()))
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Gives the focus back to a link or a button inside of what changes places in this step: rows are taken out of the page
/// for a moment then, which takes it away.
pub fn keep_focus() {
    let active = document().active_element();
    let Some(active) = active.and_then(|it| it.dyn_into::<HtmlElement>().ok()) else {
        return;
    };
    queue_microtask(move || {
        let now = document().active_element();
        let is_lost = now.is_none_or(|it| it.tag_name() == "BODY");
        if is_lost && active.is_connected() && active.tag_name() != "BODY" {
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            // What can't take it any more has lost it for good.
            active.focus_with_options(&options).ok();
        }
    });
}

/// Moves the focus among the elements of `selector` under the element that heard the key: arrows step
/// and wrap, Home and End go to the ends.
pub fn step_focus(event: &KeyboardEvent, selector: &str) {
    let Some(host) = event
        .current_target()
        .and_then(|t| t.dyn_into::<Element>().ok())
    else {
        return;
    };
    let Ok(list) = host.query_selector_all(selector) else {
        return;
    };
    let items: Vec<HtmlElement> = (0..list.length())
        .filter_map(|idx| list.get(idx)?.dyn_into().ok())
        .collect();
    let active = document().active_element();
    let now = items.iter().position(|item| {
        active
            .as_ref()
            .is_some_and(|a| a == item.unchecked_ref::<Element>())
    });
    if let Some(item) = step(&event.key(), now, items.len()).and_then(|idx| items.get(idx)) {
        event.prevent_default();
        let _ = item.focus();
    }
}

/// Returns where a key leads from place `now` among `n` things; `None` for other keys.
pub fn step(key: &str, now: Option<usize>, n: usize) -> Option<usize> {
    if n == 0 {
        return None;
    }
    match key {
        "ArrowDown" | "ArrowRight" => Some(now.map_or(0, |idx| (idx + 1) % n)),
        "ArrowUp" | "ArrowLeft" => Some(now.map_or(n - 1, |idx| (idx + n - 1) % n)),
        "Home" => Some(0),
        "End" => Some(n - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn arrows_wrap_and_an_empty_list_is_left_alone() {
        assert_eq!(step("ArrowDown", None, 3), Some(0));
        assert_eq!(step("ArrowDown", Some(2), 3), Some(0));
        assert_eq!(step("ArrowUp", Some(0), 3), Some(2));
        assert_eq!(step("End", Some(0), 3), Some(2));
        assert_eq!(step("a", Some(0), 3), None);
        assert_eq!(step("ArrowDown", None, 0), None);
    }
}
