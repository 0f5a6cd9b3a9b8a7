//! A menu of which one thing is chosen.

use leptos::prelude::*;

use super::icon::{Icon, Symbol};
use super::popover::step_focus;

/// One line of a menu; put several into a [`super::Popover`] inside a [`menu`](ChoiceList).
#[component]
pub fn Choice(
    /// What the line says.
    #[prop(into)]
    text: String,
    /// Whether it is the one chosen.
    #[prop(into)]
    chosen: Signal<bool>,
    /// Hears of the choice.
    on_choose: Callback<()>,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="choice"
            role="menuitemradio"
            aria-checked=move || chosen.get().to_string()
            // The one chosen takes the focus when the menu opens.
            data-first-focus=move || chosen.get().then_some("")
            on:click=move |_| on_choose.run(())
        >
            <span class="choice__tick">{move || chosen.get().then(|| view! { <Icon symbol=Symbol::Tick /> })}</span>
            <span>{text}</span>
        </button>
    }
}

/// The frame of a menu: arrows, Home and End move in it.
#[component]
pub fn ChoiceList(
    /// The name of the menu for readers of the screen.
    label: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <div
            class="choice-list"
            role="menu"
            aria-label=label
            on:keydown=move |event| step_focus(&event, "[role=menuitemradio]")
        >
            {children()}
        </div>
    }
}
