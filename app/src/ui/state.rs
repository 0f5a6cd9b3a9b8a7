//! What stands where there is no picture: loading, empty, failed.

use leptos::prelude::*;
use std::time::Duration;

use super::icon::{Icon, Symbol};

/// Grey bars in the place of lines to come. They appear after 150 ms, so that a quick answer does not
/// flicker.
#[component]
pub fn Skeleton(
    /// How many lines.
    lines: usize,
    /// What is being loaded, for readers of the screen.
    label: &'static str,
) -> impl IntoView {
    let shown = RwSignal::new(false);
    let timer = set_timeout_with_handle(move || shown.set(true), Duration::from_millis(150)).ok();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    view! {
        <div class="skeleton" role="status">
            <Show when=move || shown.get()>
                <span class="visually-hidden">{label}</span>
                {(0..lines).map(|_| view! { <span class="skeleton__line"></span> }).collect_view()}
            </Show>
        </div>
    }
}

/// A message in the place of a picture: what, why, and the one next step.
#[component]
pub fn Message(
    /// What.
    #[prop(into)]
    title: String,
    /// Why.
    #[prop(into)]
    text: String,
    /// The mend.
    #[prop(optional_no_strip)]
    hint: Option<String>,
    /// Whether it is a failure.
    #[prop(optional)]
    failed: bool,
    /// Buttons and links.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let symbol = if failed { Symbol::Close } else { Symbol::Info };
    let class = if failed {
        "message message--failed"
    } else {
        "message"
    };
    view! {
        <div class=class role=if failed { "alert" } else { "status" }>
            <div class="message__icon"><Icon symbol /></div>
            <h2 class="message__title">{title}</h2>
            <p class="message__text">{text}</p>
            {hint.map(|hint| view! { <p class="message__hint">{hint}</p> })}
            <div class="choices">{children.map(|children| children())}</div>
        </div>
    }
}

/// Writes a hint of the server as a sentence; a command stays as it is to be typed.
pub fn sentence(hint: &str) -> String {
    if hint.starts_with("kubectl ") {
        return hint.to_owned();
    }
    let mut chars = hint.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}
