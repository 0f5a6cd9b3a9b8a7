//! The point in time: now, or one that a link can name.

use leptos::prelude::*;
use mesh::units::UnixMillis;

use super::clock::{day_and_time, from_local_field, local_field};
use super::place::{Step, use_place};
use crate::numbers;
use crate::ui::{Icon, Popover, Symbol};

/// "Live", or a time; with steps of one window back and forth.
#[component]
pub fn InstantMenu() -> impl IntoView {
    let place = use_place();
    let at = Memo::new(move |_| place.address_or_default().query.at);
    let window = Memo::new(move |_| place.address_or_default().query.window);
    let open = RwSignal::new(false);
    // A time to come has no traffic; a whole second is all that a link needs.
    let go = move |ms: f64| {
        let ms = ms.min(js_sys::Date::now());
        let chosen = UnixMillis(ms as i64).floor_to(1000);
        place.change(Step::Push, |address| address.query.at = Some(chosen));
    };
    let live = move || place.change(Step::Push, |address| address.query.at = None);
    let now = move || {
        at.get_untracked()
            .map_or_else(js_sys::Date::now, |at| at.0 as f64)
    };
    let step = move |windows: f64| {
        go(now() + windows * window.get_untracked().millis() as f64);
    };
    let said = move || {
        at.get()
            .map_or_else(|| "Live".to_owned(), |at| day_and_time(at.0 as f64))
    };
    view! {
        <Popover
            label="Point in time:"
            face=move || view! {
                {move || match at.get() {
                    None => view! { <span class="live-dot"></span> }.into_any(),
                    Some(_) => view! { <Icon symbol=Symbol::Clock /> }.into_any(),
                }}
                <span class="button__value figure">{said}</span>
                <Icon symbol=Symbol::Down />
            }
            open
        >
            <div class="popover__form popover__form--column">
                <button
                    type="button"
                    class="button"
                    aria-pressed=move || at.get().is_none().to_string()
                    on:click=move |_| {
                        live();
                        open.set(false);
                    }
                >
                    <span class="live-dot"></span>
                    "Live: the window ends now"
                </button>
                <label class="field">
                    <span class="field__label">"The window ends at (your local time)"</span>
                    <input
                        class="field__input"
                        type="datetime-local"
                        step="1"
                        prop:value=move || local_field(at.get().map_or_else(js_sys::Date::now, |at| at.0 as f64))
                        on:change=move |event| {
                            if let Some(ms) = from_local_field(&event_target_value(&event)) {
                                go(ms);
                            }
                        }
                    />
                </label>
                <div class="popover__row">
                    <button type="button" class="button" on:click=move |_| step(-1.0)>
                        {move || format!("{} earlier", numbers::span(window.get().secs()))}
                    </button>
                    <button
                        type="button"
                        class="button"
                        disabled=move || at.get().is_none()
                        on:click=move |_| step(1.0)
                    >
                        "Later"
                    </button>
                </div>
            </div>
        </Popover>
    }
}
