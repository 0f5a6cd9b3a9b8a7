//! Ways to Grafana's dashboards, where the server knows a Grafana.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::List;
use mesh::api::links::{Link, LinksQuery};

use crate::fetch::{self, Answer};
use crate::url;

/// Links to dashboards about what `query` names; nothing where there are none. What is at fault with them is no
/// matter of this page.
#[component]
pub fn Dashboards(#[prop(into)] query: Signal<Option<LinksQuery>>) -> impl IntoView {
    let links = RwSignal::new(Vec::<Link>::new());
    let generation = StoredValue::new(0u32);
    Effect::new(move |_| {
        generation.update_value(|n| *n = n.wrapping_add(1));
        let mine = generation.get_value();
        let Some(query) = query.get() else {
            links.set(Vec::new());
            return;
        };
        spawn_local(async move {
            let answer = fetch::get::<List<Link>>(&url::links(&query), None, None).await;
            if generation.try_get_value() != Some(mine) {
                return;
            }
            links.set(match answer {
                Ok(Answer::Fresh { value, .. }) => value.items,
                _ => Vec::new(),
            });
        });
    });
    move || {
        let links = links.get();
        let safe = links.into_iter().filter(|link| is_web(&link.url));
        let items = safe
            .map(|link| view! {
                <li>
                    <a class="link" href=link.url target="_blank" rel="noopener noreferrer">
                        {link.label}<span class="visually-hidden">" dashboard in Grafana, in a new tab"</span>
                    </a>
                </li>
            })
            .collect::<Vec<_>>();
        (!items.is_empty()).then(|| {
            view! {
                <div class="dashboards">
                    <span class="dashboards__title">"Grafana"</span>
                    <ul class="dashboards__list">{items}</ul>
                </div>
            }
        })
    }
}

/// Returns whether a browser opens it as a page: nothing else is worth a link.
pub fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_pages_are_linked_to() {
        assert!(is_web("https://grafana.example/d/x"));
        assert!(!is_web("javascript:alert(1)"));
        assert!(!is_web(" http://x"));
    }
}
