//! A row of which one is chosen, all in sight.

use leptos::prelude::*;

/// A row of radio buttons. The browser's own keys work: arrows choose, Tab leaves.
#[component]
pub fn Segmented(
    /// What is chosen, for readers of the screen.
    label: &'static str,
    /// A name unique on the page.
    name: &'static str,
    /// The values and what they say.
    options: Vec<(&'static str, &'static str)>,
    /// The value chosen.
    #[prop(into)]
    value: Signal<&'static str>,
    /// Hears of a choice.
    on_choose: Callback<&'static str>,
) -> impl IntoView {
    let options = options
        .into_iter()
        .map(|(option, text)| {
            view! {
                <label class="segmented__option">
                    <input
                        type="radio"
                        class="visually-hidden"
                        name=name
                        value=option
                        prop:checked=move || value.get() == option
                        on:change=move |_| on_choose.run(option)
                    />
                    <span class="segmented__text">{text}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="segmented">
            <legend class="visually-hidden">{label}</legend>
            {options}
        </fieldset>
    }
}
