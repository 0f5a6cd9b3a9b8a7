//! A text of several lines to paste elsewhere.

use std::time::Duration;

use leptos::prelude::*;

use super::icon::{Icon, Symbol};

/// A text as it is, with a button that copies it.
#[component]
pub fn Snippet(
    /// The text.
    text: String,
    /// What is copied, for readers of the screen: "the question".
    what: &'static str,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let whole = text.clone();
    let copy = move |_| {
        let _ = window().navigator().clipboard().write_text(&whole);
        copied.set(true);
        set_timeout(
            move || {
                copied.try_set(false);
            },
            Duration::from_secs(2),
        );
    };
    view! {
        <div class="snippet">
            <pre class="snippet__text" tabindex="0">{text}</pre>
            // Browsers give no clipboard to a page from another host without TLS.
            {window().is_secure_context().then(|| view! {
                <button type="button" class="button button--quiet snippet__copy" on:click=copy>
                    {move || if copied.get() {
                        view! { <Icon symbol=Symbol::Tick /><span role="status">"Copied"</span> }.into_any()
                    } else {
                        view! { "Copy"<span class="visually-hidden">{format!(" {what}")}</span> }.into_any()
                    }}
                </button>
            })}
        </div>
    }
}
