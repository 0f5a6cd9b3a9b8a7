//! Texts to paste, for the settings that they fit.

use leptos::prelude::*;
use mesh::api::breakers::Paste;

use super::{Segmented, Snippet};

/// Texts to paste. Where they differ between an Istio of one's own and AKS's add-on, one of both is chosen.
#[component]
pub fn Pastes(
    /// A name unique on the page.
    name: &'static str,
    /// The texts.
    pastes: Vec<Paste>,
) -> impl IntoView {
    let is_for = |setting: &str| pastes.iter().any(|it| it.setting == setting);
    let has_both = is_for("upstream") && is_for("aks");
    let setting = RwSignal::new(if is_for("upstream") || !is_for("aks") {
        "upstream"
    } else {
        "aks"
    });
    let items = pastes
        .into_iter()
        .map(|paste| {
            let of = paste.setting.clone();
            let shown = move || of == "any" || of == setting.get();
            view! {
                <li class="pastes__item" hidden=move || !shown()>
                    <p class="pastes__title">{paste.title}</p>
                    <Snippet text=paste.text what="the text" />
                    {paste.then.map(|then| view! { <p class="caption">{then}</p> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <div class="pastes">
            {has_both.then(|| view! {
                <Segmented
                    label="How Istio came to the cluster"
                    name
                    options=vec![("upstream", "Istio you installed"), ("aks", "AKS add-on")]
                    value=setting
                    on_choose=Callback::new(move |chosen: &'static str| setting.set(chosen))
                />
            })}
            <ul class="pastes__list">{items}</ul>
        </div>
    }
}
