//! Light, dark, or as the system says. One person's preference: stored in the browser, not in the URL.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use crate::ui::choice::ChoiceList;
use crate::ui::{Choice, Icon, Popover, Symbol};

/// What is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on light ground.
    #[default]
    Light,
    /// Light ink on dark ground.
    Dark,
}

/// What the person chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wish {
    #[default]
    System,
    Light,
    Dark,
}

impl Wish {
    const ALL: [Wish; 3] = [Wish::System, Wish::Light, Wish::Dark];

    fn word(self) -> &'static str {
        match self {
            Wish::System => "system",
            Wish::Light => "light",
            Wish::Dark => "dark",
        }
    }
}

/// Where the browser keeps the wish; `theme.js` reads it before the first picture.
const KEY: &str = "pidali-theme";

/// Returns the theme on the screen: made once, by the shell, and handed down.
pub fn provide() -> Signal<Theme> {
    let stored = super::stored(KEY);
    let wish = Wish::ALL
        .into_iter()
        .find(|w| Some(w.word()) == stored.as_deref())
        .unwrap_or_default();
    let wish = RwSignal::new(wish);
    let media = window()
        .match_media("(prefers-color-scheme: dark)")
        .ok()
        .flatten();
    let system_is_dark = RwSignal::new(media.as_ref().is_some_and(|m| m.matches()));
    if let Some(media) = media {
        let heard = Closure::<dyn FnMut(web_sys::MediaQueryListEvent)>::new(
            move |event: web_sys::MediaQueryListEvent| system_is_dark.set(event.matches()),
        );
        let _ = media.add_event_listener_with_callback(
            &ev::EventDescriptor::name(&ev::change),
            heard.as_ref().unchecked_ref(),
        );
        // The shell lives as long as the page.
        heard.forget();
    }
    Effect::new(move |_| {
        let wish = wish.get();
        super::store(KEY, wish.word());
        if let Some(root) = document().document_element() {
            let _ = match wish {
                Wish::System => root.remove_attribute("data-theme"),
                chosen => root.set_attribute("data-theme", chosen.word()),
            };
        }
    });
    let theme = Signal::derive(move || match (wish.get(), system_is_dark.get()) {
        (Wish::Dark, _) | (Wish::System, true) => Theme::Dark,
        _ => Theme::Light,
    });
    provide_context(Wished(wish));
    provide_context(theme);
    theme
}

#[derive(Clone, Copy)]
struct Wished(RwSignal<Wish>);

/// The button that changes the theme.
#[component]
pub fn ThemeMenu() -> impl IntoView {
    let Some(Wished(wish)) = use_context::<Wished>() else {
        return ().into_any();
    };
    let open = RwSignal::new(false);
    let face = move || {
        let symbol = match wish.get() {
            Wish::System => Symbol::Screen,
            Wish::Light => Symbol::Sun,
            Wish::Dark => Symbol::Moon,
        };
        view! { <Icon symbol /> }
    };
    view! {
        <Popover
            label=move || format!("Theme: {}", wish.get().word())
            face
            open
            button_class="button--quiet button--icon"
            panel_class="popover__panel--end"
        >
            <ChoiceList label="Theme">
                {Wish::ALL
                    .into_iter()
                    .map(|option| {
                        let text = match option {
                            Wish::System => "As the system",
                            Wish::Light => "Light",
                            Wish::Dark => "Dark",
                        };
                        view! {
                            <Choice
                                text
                                chosen=Signal::derive(move || wish.get() == option)
                                on_choose=Callback::new(move |()| {
                                    wish.set(option);
                                    open.set(false);
                                })
                            />
                        }
                    })
                    .collect_view()}
            </ChoiceList>
        </Popover>
    }
    .into_any()
}
