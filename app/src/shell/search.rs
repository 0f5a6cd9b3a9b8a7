//! Finding a node or an edge of the graph, or a route, by its name.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use mesh::api;
use mesh::api::routes::Routes;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::place::use_place;
use crate::graph::{Store, words};
use crate::routes;
use crate::ui::popover::step;
use crate::ui::{HealthMark, Icon, Symbol};

/// How many finds are offered; who wants more types more.
const MAX_FOUND: usize = 12;

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The id to select.
    pub id: String,
    /// What to show.
    pub name: String,
    /// Kind and namespace, or the protocol.
    pub what: String,
    /// Whether it is a route: then it opens there, not in the graph.
    pub is_route: bool,
    status: api::HealthStatus,
}

/// Returns what matches all words of `needle`: names that start with it first, nodes before edges before
/// routes, worst first.
pub fn find(graph: Option<&api::Graph>, routes: Option<&Routes>, needle: &str) -> Vec<Found> {
    let needle = needle.to_lowercase();
    let wanted: Vec<&str> = needle.split_whitespace().collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let nodes = graph.into_iter().flat_map(|g| &g.nodes).map(|node| Found {
        id: node.id.clone(),
        name: words::node_name(node),
        what: format!("{} · {}", words::kind(node.kind), node.namespace),
        is_route: false,
        status: node.health.status,
    });
    let names = graph.map(words::NodeNames::new);
    let edges = graph
        .into_iter()
        .flat_map(|g| &g.edges)
        .zip(names.iter().cycle())
        .map(|(edge, names)| Found {
            id: edge.id.clone(),
            name: names.edge(edge),
            what: words::calls(edge),
            is_route: false,
            status: edge.health.status,
        });
    let routes = routes
        .into_iter()
        .flat_map(|r| &r.items)
        .map(|route| Found {
            id: route.id.clone(),
            name: route.name.clone(),
            what: format!("Route · {}", route.namespace),
            is_route: true,
            status: api::HealthStatus::NoData,
        });
    let mut found: Vec<(bool, u8, Found)> = nodes
        .map(|f| (0, f))
        .chain(edges.map(|f| (1, f)))
        .chain(routes.map(|f| (2, f)))
        .filter(|(_, f)| {
            let text = format!("{} {}", f.name, f.what).to_lowercase();
            wanted.iter().all(|word| text.contains(word))
        })
        .map(|(kind, f)| (!f.name.to_lowercase().starts_with(&needle), kind, f))
        .collect();
    found.sort_by(|a, b| {
        (a.0, a.1, a.2.status, &a.2.name, &a.2.id).cmp(&(b.0, b.1, b.2.status, &b.2.name, &b.2.id))
    });
    found.truncate(MAX_FOUND);
    found.into_iter().map(|(_, _, f)| f).collect()
}

/// The search field. "/" and Ctrl K go to it from anywhere.
#[component]
pub fn Search() -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let routes = expect_context::<routes::Store>();
    let field = NodeRef::<html::Input>::new();
    let text = RwSignal::new(String::new());
    let open = RwSignal::new(false);
    let active = RwSignal::new(0usize);
    let found = Memo::new(move |_| {
        text.with(|needle| {
            store.answer.with(|graph| {
                routes
                    .live
                    .answer
                    .with(|routes| find(graph.as_deref(), routes.as_deref(), needle))
            })
        })
    });

    let slash = window_event_listener(ev::keydown, move |event| {
        let with_ctrl = event.ctrl_key() || event.meta_key();
        let slash = event.key() == "/" && !with_ctrl && !is_typing(&event);
        if slash || (with_ctrl && event.key() == "k") {
            event.prevent_default();
            if let Some(field) = field.get_untracked() {
                let _ = field.focus();
                field.select();
            }
        }
    });
    on_cleanup(move || slash.remove());

    let leave = move || {
        open.set(false);
        text.set(String::new());
        if let Some(field) = field.get_untracked() {
            let _ = field.blur();
        }
    };
    let choose = move |found: &Found| {
        if found.is_route {
            place.open_route(found.id.clone());
        } else {
            place.open_in_graph(found.id.clone());
        }
        leave();
    };
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Escape" => {
            event.stop_propagation();
            leave();
        }
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            let n = found.with(Vec::len);
            if let Some(idx) = step(&event.key(), Some(active.get_untracked()), n) {
                active.set(idx);
            }
        }
        "Enter" => {
            let chosen = found.with(|f| f.get(active.get_untracked()).cloned());
            if let Some(chosen) = chosen {
                choose(&chosen);
            }
        }
        _ => {}
    };
    let listed = Memo::new(move |_| open.get() && text.with(|t| !t.trim().is_empty()));
    view! {
        <div class="search" role="search">
            <Icon symbol=Symbol::Search />
            <input
                class="search__field"
                type="text"
                node_ref=field
                role="combobox"
                aria-expanded=move || listed.get().to_string()
                aria-controls="search-found"
                aria-autocomplete="list"
                aria-activedescendant=move || {
                    (listed.get() && found.with(|f| !f.is_empty())).then(|| format!("found-{}", active.get()))
                }
                aria-label="Find a workload, a call or a route"
                aria-keyshortcuts="/ Control+K"
                placeholder="Find"
                autocomplete="off"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=move |event| {
                    text.set(event_target_value(&event));
                    active.set(0);
                    open.set(true);
                }
                on:focus=move |_| open.set(true)
                on:blur=move |_| open.set(false)
                on:keydown=on_key
            />
            <kbd class="search__key" aria-hidden="true">"/"</kbd>
            <ul
                class="search__found"
                id="search-found"
                role="listbox"
                aria-label="Found"
                class:search__found--open=move || listed.get()
            >
                {move || {
                    let items = found.get();
                    if !listed.get() {
                        return ().into_any();
                    }
                    if items.is_empty() {
                        return view! {
                            <li class="picker__note" role="option" aria-disabled="true" aria-selected="false">
                                "Nothing of this name in what was loaded."
                            </li>
                        }
                        .into_any();
                    }
                    items
                        .into_iter()
                        .enumerate()
                        .map(|(idx, item)| {
                            let chosen = item.clone();
                            view! {
                                <li
                                    class="picker__option"
                                    class:picker__option--active=move || active.get() == idx
                                    id=format!("found-{idx}")
                                    role="option"
                                    aria-selected=move || (active.get() == idx).to_string()
                                    // The field's blur must not close the list before the click arrives.
                                    on:mousedown=move |event| {
                                        event.prevent_default();
                                        choose(&chosen);
                                    }
                                >
                                    {if item.is_route {
                                        view! { <Icon symbol=Symbol::Routes /> }.into_any()
                                    } else {
                                        view! { <HealthMark status=Signal::stored(item.status) /> }.into_any()
                                    }}
                                    <span class="picker__name">{item.name}</span>
                                    <span class="picker__figure">{item.what}</span>
                                </li>
                            }
                        })
                        .collect_view()
                        .into_any()
                }}
            </ul>
        </div>
    }
}

fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|t| t.dyn_into::<HtmlElement>().ok());
    target.is_some_and(|t| {
        matches!(t.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT") || t.is_content_editable()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::routes::Route;

    fn graph() -> api::Graph {
        let health = |status: &str| serde_json::json!({ "status": status, "reason": "" });
        let node = |name: &str, status: &str| {
            serde_json::json!({
                "id": format!("c/shop/{name}"), "kind": "workload", "name": name, "cluster": "c",
                "namespace": "shop", "health": health(status), "w": 112, "h": 44,
            })
        };
        let edge = |from: &str, to: &str| {
            serde_json::json!({
                "id": format!("c/shop/{from}->c/shop/{to}:http"), "from": format!("c/shop/{from}"),
                "to": format!("c/shop/{to}"), "protocol": "http", "view": "client",
                "rps": 1.0, "requests": 300.0, "errors": 0.0, "health": health("healthy"),
            })
        };
        let graph = serde_json::json!({
            "nodes": [node("cart", "healthy"), node("checkout-v1", "healthy"), node("checkout-v2", "failing")],
            "edges": [edge("cart", "checkout-v1"), edge("checkout-v2", "cart")],
            "namespaces": [], "notices": [], "layout": "pending", "include": ["traffic"],
            "window_s": 300, "at_ms": 0, "generated_at_ms": 0,
        });
        serde_json::from_value(graph).unwrap()
    }

    fn names(needle: &str) -> Vec<String> {
        let routes = Routes {
            items: vec![Route {
                id: "shop/virtualservice/checkout".to_owned(),
                name: "checkout".to_owned(),
                namespace: "shop".to_owned(),
                ..Route::default()
            }],
            ..Routes::default()
        };
        let found = find(Some(&graph()), Some(&routes), needle);
        found.into_iter().map(|f| f.name).collect()
    }

    #[test]
    fn what_starts_with_the_words_comes_first_and_of_those_the_worst() {
        assert_eq!(
            names("check"),
            [
                "checkout-v2",
                "checkout-v1",
                "checkout-v2 → cart",
                "checkout",
                "cart → checkout-v1"
            ]
        );
    }

    #[test]
    fn all_words_must_match_and_none_finds_nothing() {
        assert_eq!(names("cart http V1"), ["cart → checkout-v1"]);
        assert!(names("  ").is_empty());
        assert!(names("payments").is_empty());
    }
}
