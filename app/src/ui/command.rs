//! A command to run elsewhere.

use std::time::Duration;

use leptos::prelude::*;

use super::icon::{Icon, Symbol};

/// A command with a button that copies it.
#[component]
pub fn Command(text: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let command = text.clone();
    let copy = move |_| {
        let _ = window().navigator().clipboard().write_text(&command);
        copied.set(true);
        set_timeout(
            move || {
                copied.try_set(false);
            },
            Duration::from_secs(2),
        );
    };
    view! {
        <div class="command">
            <code class="command__text">{text}</code>
            // Browsers give no clipboard to a page from another host without TLS.
            {window().is_secure_context().then(|| view! {
                <button type="button" class="button button--quiet command__copy" on:click=copy>
                    {move || if copied.get() {
                        view! { <Icon symbol=Symbol::Tick /><span role="status">"Copied"</span> }.into_any()
                    } else {
                        view! { "Copy"<span class="visually-hidden">" the command"</span> }.into_any()
                    }}
                </button>
            })}
        </div>
    }
}
