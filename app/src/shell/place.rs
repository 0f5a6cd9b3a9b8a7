//! Where the person is: the URL, read as an [`Address`], and the ways to change it.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use mesh::api::query::{By, GraphQuery};
use mesh::api::{BadParameter, TracesQuery};

use crate::fetch;
use crate::url::{self, Address, View};

/// Whether "back" returns to what was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It does: the person asked for other facts.
    Push,
    /// It does not: only another detail of the same.
    Replace,
}

/// The page's address; cheap to copy.
#[derive(Clone, Copy)]
pub struct Place {
    address: Memo<Result<Address, BadParameter>>,
    path: Memo<String>,
    base: StoredValue<String>,
    go: StoredValue<Box<dyn Fn(&str, NavigateOptions) + Send + Sync>>,
}

/// Makes the place known to all below; inside the router.
pub fn provide() {
    let location = use_location();
    let (search, path) = (location.search, location.pathname);
    let base = url::base_path(&fetch::base_uri());
    let below = base.clone();
    let navigate = use_navigate();
    provide_context(Place {
        address: Memo::new(move |_| search.with(|text| Address::from_search(text))),
        path: Memo::new(move |_| {
            path.with(|p| {
                p.strip_prefix(&below)
                    .unwrap_or(p)
                    .trim_matches('/')
                    .to_owned()
            })
        }),
        base: StoredValue::new(base),
        go: StoredValue::new(Box::new(move |to: &str, options| navigate(to, options))),
    });
}

/// Returns the place. Everything below the shell has one.
pub fn use_place() -> Place {
    expect_context::<Place>()
}

impl Place {
    /// Returns what the URL says, or what is wrong with it.
    pub fn address(self) -> Result<Address, BadParameter> {
        self.address.get()
    }

    /// Returns what the URL says; where it is wrong, the defaults.
    pub fn address_or_default(self) -> Address {
        self.address.with(|a| a.clone().unwrap_or_default())
    }

    /// Returns the same without following it.
    pub fn now(self) -> Address {
        self.address
            .with_untracked(|a| a.clone().unwrap_or_default())
    }

    /// Returns what is asked of the server; where the URL is wrong, nothing.
    pub fn query(self) -> Option<GraphQuery> {
        self.address
            .with(|a| a.as_ref().ok().map(|a| a.query.clone()))
    }

    /// Returns the page's path: `graph`, `routes`, `services/shop/cart`, …; the root is the graph.
    pub fn page(self) -> String {
        self.path.with(|path| {
            if path.is_empty() {
                "graph".to_owned()
            } else {
                path.clone()
            }
        })
    }

    /// Returns the first part of the page's path: which of the rail's pages it belongs to.
    pub fn section(self) -> String {
        let page = self.page();
        page.split('/').next().unwrap_or_default().to_owned()
    }

    /// Returns a link to the page of one service or workload.
    pub fn thing_href(self, section: &str, namespace: &str, name: &str) -> String {
        let mut address = self.address_or_default().onward(&self.page(), section);
        address.query.focus = None;
        self.link(&url::thing(section, namespace, name), &address)
    }

    /// Returns a link to the list of `section` for one namespace.
    pub fn list_in_href(self, section: &str, namespace: &str) -> String {
        let mut address = self.address_or_default().onward(&self.page(), section);
        address.query.namespaces = vec![namespace.to_owned()];
        address.query.focus = None;
        self.link(section, &address)
    }

    /// Returns a link to the graph that shows one node of a projection, with those one call away.
    pub fn graph_href(self, id: &str, by: By) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "graph");
        address.query.by = by;
        address.query.namespaces.clear();
        address.query.focus = Some(id.to_owned());
        address.selected = Some(id.to_owned());
        address.view = View::Graph;
        self.link("graph", &address)
    }

    /// Returns a link to the graph of one namespace.
    pub fn graph_of_href(self, namespace: &str) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "graph");
        address.query.namespaces = vec![namespace.to_owned()];
        address.query.focus = None;
        address.view = View::Graph;
        self.link("graph", &address)
    }

    /// Returns a link to another page under the same question.
    pub fn href(self, page: &str) -> String {
        let address = self.address_or_default().onward(&self.page(), page);
        self.link(page, &address)
    }

    /// Returns a link to the routes with one open, or none.
    pub fn route_href(self, id: Option<&str>) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "routes");
        address.selected = id.map(str::to_owned);
        self.link("routes", &address)
    }

    /// Returns a link to the routes of one namespace.
    pub fn routes_in_href(self, namespace: &str) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "routes");
        address.query.namespaces = vec![namespace.to_owned()];
        self.link("routes", &address)
    }

    /// Returns a link to a search for traces in the window looked at; `edit` may narrow it to another.
    pub fn traces_href(self, search: TracesQuery, edit: impl FnOnce(&mut Address)) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "traces");
        address.search = search;
        edit(&mut address);
        self.link("traces", &address)
    }

    /// Returns a link to one trace, from where the search that found it is remembered.
    pub fn trace_href(self, id: &str) -> String {
        let path = url::trace_path(id);
        let mut address = self.address_or_default().onward(&self.page(), &path);
        // From two side by side one comes to one of them alone.
        (address.selected, address.with) = (None, None);
        self.link(&path, &address)
    }

    /// Returns a link to two traces side by side.
    pub fn compare_href(self, id: &str, with: &str) -> String {
        let path = url::trace_path(id);
        let mut address = self.address_or_default().onward(&self.page(), &path);
        address.selected = None;
        address.with = Some(with.to_owned());
        self.link(&path, &address)
    }

    /// Returns a link to the graph with the path of a trace drawn over it.
    pub fn path_href(self, id: &str) -> String {
        let mut address = self.address_or_default().onward(&self.page(), "graph");
        address.query.by = By::Workload;
        address.query.namespaces.clear();
        address.query.focus = None;
        address.view = View::Graph;
        address.trace = Some(id.to_owned());
        self.link("graph", &address)
    }

    /// Opens the graph with the path of a trace, and one of its edges selected.
    pub fn open_path(self, id: &str, edge: Option<String>) {
        let page = untrack(|| self.page());
        let mut address = self.now().onward(&page, "graph");
        address.query.by = By::Workload;
        address.query.namespaces.clear();
        address.query.focus = None;
        address.view = View::Graph;
        address.trace = Some(id.to_owned());
        address.selected = edge;
        self.navigate(&self.link("graph", &address), Step::Push);
    }

    /// Opens one trace.
    pub fn open_trace(self, id: &str) {
        let to = untrack(|| self.trace_href(id));
        self.navigate(&to, Step::Push);
    }

    /// Changes what the URL says.
    pub fn change(self, step: Step, edit: impl FnOnce(&mut Address)) {
        let before = self.now();
        let mut address = before.clone();
        edit(&mut address);
        let wrong = self.address.with_untracked(Result::is_err);
        if address == before && !wrong {
            return;
        }
        let page = untrack(|| self.page());
        self.navigate(&self.link(&page, &address), step);
    }

    /// Opens the graph with one node or edge selected.
    pub fn open_in_graph(self, id: String) {
        let page = untrack(|| self.page());
        let mut address = self.now().onward(&page, "graph");
        address.selected = Some(id);
        self.navigate(&self.link("graph", &address), Step::Push);
    }

    /// Opens the page of one service or workload.
    pub fn open_thing(self, section: &str, namespace: &str, name: &str) {
        let to = untrack(|| self.thing_href(section, namespace, name));
        self.navigate(&to, Step::Push);
    }

    /// Opens a route.
    pub fn open_route(self, id: String) {
        let page = untrack(|| self.page());
        let mut address = self.now().onward(&page, "routes");
        address.selected = Some(id);
        self.navigate(&self.link("routes", &address), Step::Push);
    }

    fn link(self, page: &str, address: &Address) -> String {
        let query = address.to_query_string();
        let mark = if query.is_empty() { "" } else { "?" };
        self.base
            .with_value(|base| format!("{base}/{page}{mark}{query}"))
    }

    fn navigate(self, to: &str, step: Step) {
        let options = NavigateOptions {
            resolve: false,
            replace: step == Step::Replace,
            scroll: false,
            ..NavigateOptions::default()
        };
        self.go.with_value(|go| go(to, options));
    }
}
