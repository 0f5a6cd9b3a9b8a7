//! Finding a workload, a service, a call or a route by its name, from any page.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api;
use mesh::api::query::InventoryQuery;
use mesh::api::routes::Routes;
use mesh::api::service::ServiceRow;
use mesh::api::workload::WorkloadRow;
use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use super::place::use_place;
use crate::fetch::{self, Answer};
use crate::graph::{Store, words};
use crate::ui::popover::step;
use crate::ui::{HealthMark, Icon, Symbol};
use crate::{routes, url};

/// How many finds are offered; who wants more types more.
const MAX_FOUND: usize = 12;

/// Where a find leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A node or an edge, selected in the graph.
    Graph,
    /// The page of a service or a workload: the section it is in.
    Page(&'static str),
    /// A route, opened.
    Route,
}

/// Something found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The id to select.
    pub id: String,
    /// What to show.
    pub name: String,
    /// Kind and namespace, or the protocol.
    pub what: String,
    /// Where it leads.
    pub to: To,
    namespace: String,
    status: api::HealthStatus,
}

/// What is searched.
#[derive(Clone, Copy, Default)]
pub struct Haystack<'a> {
    /// The graph, where one is drawn.
    pub graph: Option<&'a api::Graph>,
    /// All workloads and services.
    pub things: &'a [Found],
    /// The routes, where they were asked for.
    pub routes: Option<&'a Routes>,
    /// Whether the graph is looked at: then what it draws is selected there, and has no page offered.
    pub is_graph_open: bool,
}

/// Returns what matches all words of `needle`: names that start with it first; what is looked at before the rest, calls
/// before routes; worst first.
pub fn find(haystack: Haystack<'_>, needle: &str) -> Vec<Found> {
    let needle = needle.to_lowercase();
    let wanted: Vec<&str> = needle.split_whitespace().collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let drawn = |id: &str| {
        let graph = haystack.graph;
        graph.is_some_and(|g| g.nodes.iter().any(|node| node.id == id))
    };
    let listed = |id: &str| haystack.things.iter().any(|thing| thing.id == id);
    let is_open = haystack.is_graph_open;
    let nodes = nodes(haystack.graph).filter(|f| is_open || !listed(&f.id));
    let things = haystack.things.iter().cloned();
    let things = things.filter(|f| !is_open || !drawn(&f.id));
    let (of_nodes, of_things) = if is_open { (0, 2) } else { (2, 0) };
    let mut found: Vec<(bool, u8, Found)> = nodes
        .map(|f| (of_nodes, f))
        .chain(edges(haystack.graph).map(|f| (1, f)))
        .chain(things.map(|f| (of_things, f)))
        .chain(routes_of(haystack.routes).map(|f| (3, f)))
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

fn nodes(graph: Option<&api::Graph>) -> impl Iterator<Item = Found> {
    graph.into_iter().flat_map(|g| &g.nodes).map(|node| Found {
        id: node.id.clone(),
        name: words::node_name(node),
        what: format!("{} · {}", words::kind(node.kind), node.namespace),
        to: To::Graph,
        namespace: node.namespace.clone(),
        status: node.health.status,
    })
}

fn edges(graph: Option<&api::Graph>) -> impl Iterator<Item = Found> {
    let names = graph.map(words::NodeNames::new);
    graph
        .into_iter()
        .flat_map(|g| &g.edges)
        .map(move |edge| Found {
            id: edge.id.clone(),
            name: names.as_ref().map_or_else(String::new, |it| it.edge(edge)),
            what: words::calls(edge),
            to: To::Graph,
            namespace: String::new(),
            status: edge.health.status,
        })
}

fn routes_of(routes: Option<&Routes>) -> impl Iterator<Item = Found> {
    routes
        .into_iter()
        .flat_map(|r| &r.items)
        .map(|route| Found {
            id: route.id.clone(),
            name: route.name.clone(),
            what: format!("Route · {}", route.namespace),
            to: To::Route,
            namespace: route.namespace.clone(),
            status: api::HealthStatus::NoData,
        })
}

/// Asks for all workloads and services; `None` where neither can be had.
async fn things(query: InventoryQuery) -> Option<Vec<Found>> {
    let workloads = listed("workloads", &query, |row: WorkloadRow| Found {
        id: row.id,
        what: format!("{} · {}", words::kind(row.kind), row.namespace),
        name: row.name,
        to: To::Page("workloads"),
        namespace: row.namespace,
        status: row.health.status,
    });
    let workloads = workloads.await;
    let services = listed("services", &query, |row: ServiceRow| Found {
        id: row.id,
        what: format!("Service · {}", row.namespace),
        name: row.name,
        to: To::Page("services"),
        namespace: row.namespace,
        status: row.health.status,
    });
    let services = services.await;
    let some = workloads.is_some() || services.is_some();
    let all = [workloads, services].into_iter().flatten().flatten();
    some.then(|| all.collect())
}

async fn listed<R: serde::de::DeserializeOwned>(
    section: &str,
    query: &InventoryQuery,
    found: impl Fn(R) -> Found,
) -> Option<Vec<Found>> {
    match fetch::get::<api::List<R>>(&url::inventory(section, query), None, None).await {
        Ok(Answer::Fresh { value, .. }) => Some(value.items.into_iter().map(found).collect()),
        Ok(Answer::Unchanged) | Err(_) => None,
    }
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
    // Asked for when somebody begins to search.
    let all = RwSignal::new(None::<Vec<Found>>);
    let asking = RwSignal::new(false);
    let ask = move || {
        if asking.get_untracked() {
            return;
        }
        asking.set(true);
        let query = InventoryQuery {
            namespaces: Vec::new(),
            ..place.now().inventory_query()
        };
        spawn_local(async move {
            if let Some(got) = things(query).await {
                all.try_set(Some(got));
            }
            asking.try_set(false);
        });
    };
    let found = Memo::new(move |_| {
        let is_graph_open = place.section() == "graph";
        let (graph, routes) = (store.answer.get(), routes.live.answer.get());
        text.with(|needle| {
            all.with(|all| {
                let haystack = Haystack {
                    graph: graph.as_deref(),
                    things: all.as_deref().unwrap_or_default(),
                    routes: routes.as_deref(),
                    is_graph_open,
                };
                find(haystack, needle)
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
        match found.to {
            To::Route => place.open_route(found.id.clone()),
            To::Graph => place.open_in_graph(found.id.clone()),
            To::Page(section) => place.open_thing(section, &found.namespace, &found.name),
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
                aria-label="Find a workload, a service, a call or a route"
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
                on:focus=move |_| {
                    open.set(true);
                    ask();
                }
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
                                {match (all.with(Option::is_some), asking.get()) {
                                    (false, true) => "Looking…",
                                    (false, false) => "The lists can’t be had now; on this page nothing has this name.",
                                    (true, _) => "Nothing has this name.",
                                }}
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
                                    {if item.to == To::Route {
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

    fn thing(name: &str, what: &str, section: &'static str) -> Found {
        Found {
            id: format!("c/shop/{name}"),
            name: name.to_owned(),
            what: format!("{what} · shop"),
            to: To::Page(section),
            namespace: "shop".to_owned(),
            status: api::HealthStatus::Healthy,
        }
    }

    fn names(needle: &str, is_graph_open: bool) -> Vec<String> {
        let routes = Routes {
            items: vec![Route {
                id: "shop/virtualservice/checkout".to_owned(),
                name: "checkout".to_owned(),
                namespace: "shop".to_owned(),
                ..Route::default()
            }],
            ..Routes::default()
        };
        let things = [
            thing("cart", "Workload", "workloads"),
            thing("stock-v2", "Workload", "workloads"),
        ];
        let graph = graph();
        let haystack = Haystack {
            graph: Some(&graph),
            things: &things,
            routes: Some(&routes),
            is_graph_open,
        };
        let found = find(haystack, needle);
        let to = |f: &Found| match f.to {
            To::Graph => "",
            To::Page(section) => section,
            To::Route => "routes",
        };
        let line = |f: Found| format!("{} {}", f.name, to(&f)).trim().to_owned();
        found.into_iter().map(line).collect()
    }

    #[test]
    fn what_starts_with_the_words_comes_first_and_of_those_the_worst() {
        assert_eq!(
            names("check", true),
            [
                "checkout-v2",
                "checkout-v1",
                "checkout-v2 → cart",
                "checkout routes",
                "cart → checkout-v1"
            ]
        );
    }

    #[test]
    fn what_is_not_drawn_is_found_as_well_and_nothing_twice() {
        assert_eq!(names("stock", true), ["stock-v2 workloads"]);
        assert_eq!(names("workload cart", true), ["cart"]);
        assert_eq!(names("workload cart", false), ["cart workloads"]);
    }

    #[test]
    fn all_words_must_match_and_none_finds_nothing() {
        assert_eq!(names("cart http V1", true), ["cart → checkout-v1"]);
        assert!(names("  ", true).is_empty());
        assert!(names("payments", true).is_empty());
    }
}
