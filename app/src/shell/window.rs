//! How far to look back.

use leptos::prelude::*;
use mesh::units::Window;

use super::place::{Step, use_place};
use crate::numbers;
use crate::ui::choice::ChoiceList;
use crate::ui::{Choice, Icon, Popover, Symbol};

const PRESETS_S: [u32; 10] = [
    30, 60, 300, 900, 1800, 3600, 10_800, 21_600, 86_400, 604_800,
];

/// The menu of windows, with a field for any other.
#[component]
pub fn WindowMenu() -> impl IntoView {
    let place = use_place();
    let window = Memo::new(move |_| place.address_or_default().query.window);
    let open = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    let draft = RwSignal::new(String::new());
    let choose = move |chosen: Window| {
        place.change(Step::Push, |address| address.query.window = chosen);
        problem.set(None);
        open.set(false);
    };
    let apply = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        match draft.get_untracked().trim().parse::<Window>() {
            Ok(window) => choose(window),
            Err(error) => problem.set(Some(error.to_string())),
        }
    };
    view! {
        <Popover
            label="Window:"
            face=move || view! {
                <span class="button__caption">"Last"</span>
                <span class="button__value figure">{move || window.get().to_string()}</span>
                <Icon symbol=Symbol::Down />
            }
            open
        >
            <ChoiceList label="Window">
                {PRESETS_S
                    .into_iter()
                    .filter_map(Window::from_secs)
                    .map(|option| view! {
                        <Choice
                            text=numbers::span(option.secs())
                            chosen=Signal::derive(move || window.get() == option)
                            on_choose=Callback::new(move |()| choose(option))
                        />
                    })
                    .collect_view()}
            </ChoiceList>
            <form class="popover__form" on:submit=apply>
                <label class="field">
                    <span class="field__label">"Another, 10s to 7d"</span>
                    <input
                        class="field__input"
                        type="text"
                        placeholder="90m"
                        autocomplete="off"
                        spellcheck="false"
                        aria-invalid=move || problem.get().is_some().to_string()
                        aria-describedby="window-problem"
                        prop:value=move || draft.get()
                        on:input=move |event| draft.set(event_target_value(&event))
                    />
                </label>
                <button type="submit" class="button">"Use"</button>
                <p class="field__problem" id="window-problem" role="alert">{move || problem.get()}</p>
            </form>
        </Popover>
    }
}
