//! Addresses: what the page's own URL says, and where the server is.
//!
//! Everything resolves against `document.baseURI`, so the page works under any path prefix. What a
//! colleague should see from a link is in the query string, under the API's own parameter names;
//! preferences of one person (theme, width of the rail) are not.

use mesh::api::control_plane::ControlPlaneQuery;
use mesh::api::links::LinksQuery;
use mesh::api::objects::ObjectsQuery;
use mesh::api::preflight::PreflightQuery;
use mesh::api::queries::QueriesQuery;
use mesh::api::query::Fold;
use mesh::api::routes::Severity;
use mesh::api::{
    BadParameter, GraphQuery, InventoryQuery, RoutesQuery, SeriesQuery, SourcesQuery, TracesQuery,
    query,
};
use mesh::units::{UnixMillis, Window};

mod trace;

pub use trace::{Scale, TRACE_NAMES, ranks, span, trace, trace_first, trace_path, traces};

/// What the page shows, as its URL says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// What is asked of the server.
    pub query: GraphQuery,
    /// What is open beside the whole, by id: a node or an edge of the graph, a route.
    pub selected: Option<String>,
    /// Graph or table.
    pub view: View,
    /// When the picture is fetched again.
    pub refresh: Refresh,
    /// The column that the table is sorted by, with a `-` before it when the largest stands first;
    /// `None` is worst first. The table knows its columns.
    pub sort: Option<String>,
    /// How bad the findings are that are shown; `None` is all of them.
    pub severity: Option<Severity>,
    /// Words that a finding or a span must have.
    pub text: Option<String>,
    /// Whether spans that failed are looked for alone.
    pub failed: bool,
    /// What traces are looked for; window and end are those of `query`.
    pub search: TracesQuery,
    /// How durations are drawn.
    pub scale: Scale,
    /// The trace whose path the graph draws.
    pub trace: Option<String>,
    /// The trace that the one shown is compared with.
    pub with: Option<String>,
}

/// How bad a finding is, as the URL writes it.
const SEVERITIES: [(&str, Severity); 3] = [
    ("error", Severity::Error),
    ("warning", Severity::Warning),
    ("info", Severity::Info),
];

/// Returns the word for a severity in the URL; none for all of them.
pub fn severity_word(severity: Option<Severity>) -> &'static str {
    let word = SEVERITIES.iter().find(|(_, it)| Some(*it) == severity);
    word.map_or("", |(word, _)| word)
}

/// Reads a severity; no word is all of them.
pub fn severity_of(word: &str) -> Result<Option<Severity>, BadParameter> {
    let known = SEVERITIES.iter().find(|(it, _)| *it == word);
    match (word, known) {
        ("", _) => Ok(None),
        (_, Some((_, severity))) => Ok(Some(*severity)),
        (_, None) => Err(BadParameter {
            name: "severity".to_owned(),
            problem: "is none of its values".to_owned(),
            hint: Some("write error, warning or info".to_owned()),
        }),
    }
}

/// The two forms of the same edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The drawn graph.
    #[default]
    Graph,
    /// Its twin table.
    Table,
}

/// When the picture is fetched again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refresh {
    /// When the server says that there is something new.
    #[default]
    Live,
    /// Not before the person asks.
    Paused,
    /// Every so many seconds.
    Every(u32),
}

impl Refresh {
    /// The choices of the menu.
    pub const CHOICES: [Refresh; 6] = [
        Refresh::Live,
        Refresh::Every(5),
        Refresh::Every(15),
        Refresh::Every(60),
        Refresh::Every(300),
        Refresh::Paused,
    ];

    fn to_param(self) -> Option<String> {
        match self {
            Refresh::Live => None,
            Refresh::Paused => Some("paused".to_owned()),
            Refresh::Every(secs) => Some(format!("{secs}s")),
        }
    }

    fn from_param(value: &str) -> Result<Refresh, BadParameter> {
        match value {
            "" | "live" => Ok(Refresh::Live),
            "paused" => Ok(Refresh::Paused),
            other => other
                .strip_suffix('s')
                .and_then(|secs| secs.parse().ok())
                .filter(|secs| (1..=86_400).contains(secs))
                .map(Refresh::Every)
                .ok_or_else(|| BadParameter {
                    name: "refresh".to_owned(),
                    problem: "is none of its values".to_owned(),
                    hint: Some("write live, paused or a number of seconds such as 15s".to_owned()),
                }),
        }
    }
}

impl Address {
    /// Reads the decoded parameters of the page's URL.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Address, BadParameter> {
        let mut address = Address::default();
        let (mut rest, mut of_search) = (Vec::new(), Vec::new());
        for (name, value) in pairs {
            if trace::is_of_search(name) || matches!(name, "window" | "at") {
                of_search.push((name, value));
            }
            match name {
                _ if trace::is_of_search(name) => {}
                "selected" => address.selected = (!value.is_empty()).then(|| value.to_owned()),
                "view" => {
                    address.view = match value {
                        "" | "graph" => View::Graph,
                        "table" => View::Table,
                        _ => {
                            return Err(BadParameter {
                                name: "view".to_owned(),
                                problem: "is none of its values".to_owned(),
                                hint: Some("write graph or table".to_owned()),
                            });
                        }
                    };
                }
                "sort" => address.sort = (!value.is_empty()).then(|| value.to_owned()),
                "severity" => address.severity = severity_of(value)?,
                "text" => address.text = (!value.is_empty()).then(|| value.to_owned()),
                "refresh" => address.refresh = Refresh::from_param(value)?,
                "failed" => address.failed = truth(name, value)?,
                "scale" => address.scale = Scale::of(value)?,
                "trace" => address.trace = (!value.is_empty()).then(|| value.to_owned()),
                "with" => address.with = (!value.is_empty()).then(|| value.to_owned()),
                _ => rest.push((name, value)),
            }
        }
        address.query = GraphQuery::from_pairs(rest)?;
        // What is fetched first and what later is the page's business, not the link's.
        address.query.include.clear();
        address.search = TracesQuery::from_pairs(of_search)?;
        (address.query.window, address.query.at) = trace::parted(&mut address.search);
        Ok(address)
    }

    /// Reads the query string of the page's URL, with or without its `?`.
    pub fn from_search(search: &str) -> Result<Address, BadParameter> {
        let pairs: Vec<(String, String)> = search
            .trim_start_matches('?')
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        Address::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())))
    }

    /// Returns what is asked about routes. They are steered now: there is no other instant.
    pub fn routes_query(&self) -> RoutesQuery {
        RoutesQuery {
            namespaces: self.query.namespaces.clone(),
            window: self.query.window,
        }
    }

    /// Returns what is asked about namespaces, services and workloads.
    pub fn inventory_query(&self) -> InventoryQuery {
        InventoryQuery {
            namespaces: self.query.namespaces.clone(),
            window: self.query.window,
            at: self.query.at,
        }
    }

    /// Returns the address of page `to` for who comes from page `from`: what is asked stays, what was open
    /// does not, and neither does an instant where there is only now.
    pub fn onward(mut self, from: &str, to: &str) -> Address {
        if from != to {
            self.selected = None;
            self.severity = None;
            self.text = None;
            self.failed = false;
            self.trace = None;
            self.with = None;
        }
        // From a trace one goes back to the search that found it.
        if section(from) != section(to) {
            self.search = TracesQuery::default();
            self.scale = Scale::default();
        }
        if matches!(section(to), "routes" | "config" | "preflight") {
            self.query.at = None;
        }
        self
    }

    /// Writes the query string, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = self.query.to_query_string();
        let mut pair = |name: &str, value: &str| {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            query::encode_into(&mut out, value);
        };
        if self.view == View::Table {
            pair("view", "table");
        }
        if let Some(sort) = &self.sort {
            pair("sort", sort);
        }
        if self.severity.is_some() {
            pair("severity", severity_word(self.severity));
        }
        if let Some(text) = &self.text {
            pair("text", text);
        }
        if let Some(refresh) = self.refresh.to_param() {
            pair("refresh", &refresh);
        }
        if let Some(selected) = &self.selected {
            pair("selected", selected);
        }
        if self.scale != Scale::default() {
            pair("scale", self.scale.word());
        }
        if self.failed {
            pair("failed", "true");
        }
        for (name, id) in [("trace", &self.trace), ("with", &self.with)] {
            if let Some(id) = id {
                pair(name, id);
            }
        }
        let search = self.search.to_query_string();
        if !out.is_empty() && !search.is_empty() {
            out.push('&');
        }
        out + &search
    }
}

/// Returns the first part of a page's path.
fn section(page: &str) -> &str {
    page.split('/').next().unwrap_or_default()
}

fn truth(name: &str, value: &str) -> Result<bool, BadParameter> {
    match value {
        "" | "false" => Ok(false),
        "true" => Ok(true),
        _ => Err(BadParameter {
            name: name.to_owned(),
            problem: "is none of its values".to_owned(),
            hint: Some("write true or false".to_owned()),
        }),
    }
}

/// Decodes `%41` and `+`. What is no valid escape stays as it is: a link someone typed should still open.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let (byte, next) = match (first, tail) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high * 16 + low, after),
                _ => (b'%', tail),
            },
            (b'+', _) => (b' ', tail),
            (other, _) => (*other, tail),
        };
        bytes.push(byte);
        rest = next;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

/// Joins a relative address of the server onto the document's base.
pub fn resolve(base_uri: &str, relative: &str) -> String {
    let end = base_uri
        .split(['?', '#'])
        .next()
        .and_then(|path| path.rfind('/'))
        .map_or(0, |slash| slash + 1);
    format!("{}{relative}", &base_uri[..end])
}

/// Returns the path part of the document's base without its last slash: what the router stands on.
pub fn base_path(base_uri: &str) -> String {
    let after_scheme = base_uri
        .split_once("://")
        .map_or(base_uri, |(_, rest)| rest);
    let path = after_scheme
        .find('/')
        .map_or("", |slash| &after_scheme[slash..]);
    let path = path.split(['?', '#']).next().unwrap_or("");
    path.rfind('/')
        .map_or("", |slash| &path[..slash])
        .to_owned()
}

/// Returns the API address of the graph. The page asks for a large mesh folded; the API never folds
/// unasked.
pub fn graph(query: &GraphQuery) -> String {
    let fold = match &query.fold {
        Fold::None => Fold::Auto,
        chosen => chosen.clone(),
    };
    let query = GraphQuery {
        fold,
        ..query.clone()
    };
    with_query("api/v1/graph", &query.to_query_string())
}

/// Returns the API address of the time series of one node or edge.
pub fn series(query: &SeriesQuery) -> String {
    with_query("api/v1/series", &query.to_query_string())
}

/// Returns the API address of the overview, of all services or of all workloads.
pub fn inventory(section: &str, query: &InventoryQuery) -> String {
    with_query(&format!("api/v1/{section}"), &query.to_query_string())
}

/// Returns the API address of one service or workload.
pub fn inventory_of(section: &str, namespace: &str, name: &str, query: &InventoryQuery) -> String {
    let alone = InventoryQuery {
        namespaces: Vec::new(),
        ..query.clone()
    };
    let path = format!("api/v1/{}", thing(section, namespace, name));
    with_query(&path, &alone.to_query_string())
}

/// Returns the path of one service or workload, of the page and below the API alike.
pub fn thing(section: &str, namespace: &str, name: &str) -> String {
    let mut path = section.to_owned();
    for part in [namespace, name] {
        path.push('/');
        let mut encoded = String::new();
        query::encode_into(&mut encoded, part);
        // A slash inside a name is part of it.
        path.push_str(&encoded.replace('/', "%2F"));
    }
    path
}

/// Returns the API address of all routes.
pub fn routes(query: &RoutesQuery) -> String {
    with_query("api/v1/routes", &query.to_query_string())
}

/// Returns the API address of one route, by its id `namespace/kind/name`.
pub fn route(id: &str, query: &RoutesQuery) -> String {
    let alone = RoutesQuery {
        namespaces: Vec::new(),
        window: query.window,
    };
    with_query(&below_routes(id, ""), &alone.to_query_string())
}

/// Returns the API address of what was changed in a route.
pub fn history(id: &str) -> String {
    below_routes(id, "/history")
}

/// Returns the API address that takes a change of a route back.
pub fn undo(id: &str) -> String {
    below_routes(id, "/undo")
}

/// Returns the API address of an object as a whole, by its id.
pub fn object(id: &str) -> String {
    let mut path = "api/v1/objects/".to_owned();
    query::encode_into(&mut path, id);
    path
}

fn below_routes(id: &str, end: &str) -> String {
    let mut path = "api/v1/routes/".to_owned();
    // Slashes stay: an id is three parts of a path.
    query::encode_into(&mut path, id);
    path + end
}

/// The API address that changes are sent to.
pub const CHANGES: &str = "api/v1/changes";

/// The API address of the namespace list.
pub const NAMESPACES: &str = "api/v1/namespaces";

/// Returns the API address of the sources.
pub fn sources(query: SourcesQuery) -> String {
    with_query("api/v1/sources", &query.to_query_string())
}

/// Returns the API address of the control plane.
pub fn control_plane(window: Window, at: Option<UnixMillis>) -> String {
    let query = ControlPlaneQuery { window, at };
    with_query("api/v1/control-plane", &query.to_query_string())
}

/// Returns the API address of the sidecars.
pub fn sidecars(query: &InventoryQuery) -> String {
    with_query("api/v1/sidecars", &query.to_query_string())
}

/// Returns the API address of the circuit breakers.
pub fn breakers(query: &InventoryQuery) -> String {
    with_query("api/v1/breakers", &query.to_query_string())
}

/// Returns the API address of what is wrong with the objects that steer traffic. They are as they are now: there is
/// no other instant.
pub fn checks(query: &InventoryQuery) -> String {
    let query = ObjectsQuery {
        namespaces: query.namespaces.clone(),
    };
    with_query("api/v1/checks", &query.to_query_string())
}

/// Returns the API address of the objects of Istio and of the Gateway API, as they are now.
pub fn objects(query: &InventoryQuery) -> String {
    let query = ObjectsQuery {
        namespaces: query.namespaces.clone(),
    };
    with_query("api/v1/objects", &query.to_query_string())
}

/// Returns the API address of what was changed in an object.
pub fn object_history(id: &str) -> String {
    object(id) + "/history"
}

/// Returns the API address of whether the mesh has what this dashboard needs, which is asked of now.
pub fn preflight(query: &InventoryQuery) -> String {
    let query = PreflightQuery {
        window: query.window,
    };
    with_query("api/v1/preflight", &query.to_query_string())
}

/// Returns the API address of the questions behind some figures.
pub fn queries(query: &QueriesQuery) -> String {
    with_query("api/v1/queries", &query.to_query_string())
}

/// Returns the API address of ways to other programs.
pub fn links(query: &LinksQuery) -> String {
    with_query("api/v1/links", &query.to_query_string())
}

/// Returns the API address of the stream of hints about `topics`, joined by commas.
pub fn stream(topics: &str) -> String {
    format!("api/v1/stream?topics={topics}")
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::query::By;

    #[test]
    fn a_link_says_all_that_a_colleague_should_see() {
        let pairs = [
            ("namespaces", "shop,default"),
            ("window", "15m"),
            ("at", "2026-01-31T12:00:00Z"),
            ("by", "service"),
            ("view", "table"),
            ("sort", "-p95"),
            ("severity", "warning"),
            ("text", "KIA0201 cart"),
            ("refresh", "15s"),
            (
                "selected",
                "Kubernetes/default/frontend->Kubernetes/default/backend-v1:http",
            ),
        ];
        let address = Address::from_pairs(pairs).unwrap();
        assert_eq!(address.query.by, By::Service);
        assert_eq!(address.refresh, Refresh::Every(15));
        assert_eq!(
            address.to_query_string(),
            "namespaces=default,shop&window=15m&at=2026-01-31T12:00:00Z&by=service&view=table&sort=-p95\
             &severity=warning&text=KIA0201%20cart&refresh=15s&selected=Kubernetes/default/frontend-%3EKubernetes/default/backend-v1:http"
        );
        let read_back = Address::from_search(&format!("?{}", address.to_query_string()));
        assert_eq!(read_back.as_ref(), Ok(&address));
        assert_eq!(Address::from_pairs([]).unwrap().to_query_string(), "");
        assert_eq!(decode("50%+%zz%C3%A9%4"), "50% %zzé%4");
    }

    #[test]
    fn a_bad_parameter_is_named() {
        for (name, value) in [
            ("window", "5x"),
            ("view", "pie"),
            ("severity", "worse"),
            ("refresh", "0s"),
            ("colour", "red"),
        ] {
            assert_eq!(Address::from_pairs([(name, value)]).unwrap_err().name, name);
        }
    }

    #[test]
    fn a_route_stands_under_its_id_and_asks_for_no_namespace() {
        let query = RoutesQuery {
            namespaces: vec!["shop".to_owned()],
            window: "15m".parse().unwrap(),
        };
        let id = "default/virtualservice/backend-routing";
        assert_eq!(
            route(id, &query),
            "api/v1/routes/default/virtualservice/backend-routing?window=15m"
        );
        assert_eq!(
            undo("a/httproute/b?c"),
            "api/v1/routes/a/httproute/b%3Fc/undo"
        );
        assert_eq!(routes(&query), "api/v1/routes?namespaces=shop&window=15m");
    }

    #[test]
    fn a_thing_stands_under_its_namespace_and_name_and_lists_nothing() {
        let query = InventoryQuery {
            namespaces: vec!["shop".to_owned()],
            window: "15m".parse().unwrap(),
            at: None,
        };
        assert_eq!(
            inventory("services", &query),
            "api/v1/services?namespaces=shop&window=15m"
        );
        assert_eq!(
            inventory_of("workloads", "shop", "cart-v1", &query),
            "api/v1/workloads/shop/cart-v1?window=15m"
        );
        assert_eq!(thing("services", "a/b", "c?d"), "services/a%2Fb/c%3Fd");
    }

    #[test]
    fn another_page_keeps_the_question_and_leaves_what_was_open() {
        let search =
            "namespaces=shop&at=2026-01-31T12:00:00Z&severity=error&text=a&selected=shop/cart";
        let address = Address::from_search(search).unwrap();
        let to = |page| address.clone().onward("graph", page).to_query_string();
        assert_eq!(to("routes"), "namespaces=shop");
        assert_eq!(to("config"), "namespaces=shop");
        assert_eq!(to("preflight"), "namespaces=shop");
        assert_eq!(to("sources"), "namespaces=shop&at=2026-01-31T12:00:00Z");
        assert_eq!(address.clone().onward("graph", "graph"), address);
    }

    #[test]
    fn the_page_asks_for_a_large_mesh_folded() {
        let query = GraphQuery::default();
        assert_eq!(graph(&query), "api/v1/graph?fold=auto");
    }

    #[test]
    fn everything_stands_on_the_document_base() {
        let base = "https://host/tools/pidali/?x=1/2";
        assert_eq!(
            resolve(base, "api/v1/graph"),
            "https://host/tools/pidali/api/v1/graph"
        );
        assert_eq!(base_path(base), "/tools/pidali");
        assert_eq!(base_path("http://127.0.0.1:20002/"), "");
        assert_eq!(base_path("http://host/a/index.html"), "/a");
    }
}
