//! Parameters of the API, read and written by one piece of code. The page's own URL uses the same names.

use std::fmt::Write as _;

use crate::units::{UnixMillis, Window};

use super::graph::Include;

mod inventory;
mod span;
mod time;
mod trace;

pub use inventory::InventoryQuery;
pub(super) use span::{window_and_at, write_window_and_at};
pub use trace::{MAX_TRACES, TraceQuery, TracesQuery, duration_text};

/// Why a parameter is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("parameter `{name}`: {problem}")]
pub struct BadParameter {
    /// The parameter's name.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// The most namespaces one question may name; asking for all is shorter.
pub const MAX_NAMESPACES: usize = 500;

/// Which nodes facts are projected on (rule R6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// One node a workload.
    #[default]
    Workload,
    /// One node a version of an app.
    Version,
    /// One node an app.
    App,
    /// One node a service.
    Service,
}

impl By {
    /// All projections, in the order of the menu.
    pub const ALL: [By; 4] = [By::Workload, By::Version, By::App, By::Service];

    /// Returns the word for it in parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Workload => "workload",
            By::Version => "version",
            By::App => "app",
            By::Service => "service",
        }
    }
}

/// The parameters of `GET /api/v1/graph`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct GraphQuery {
    /// The namespaces to show, sorted; empty means all.
    pub namespaces: Vec<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
    /// The projection.
    pub by: By,
    /// What the answer holds; empty means traffic and latency.
    pub include: Vec<Include>,
    /// What to fold.
    pub fold: Fold,
    /// Ids of nodes to leave out, sorted.
    pub hide: Vec<String>,
    /// Show only this node and those one call away.
    pub focus: Option<String>,
    /// Show what the cluster holds without traffic, too.
    pub idle: bool,
}

/// Which namespaces are drawn as one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fold {
    /// None.
    #[default]
    None,
    /// The healthy ones, when the graph is large.
    Auto,
    /// These, sorted.
    Namespaces(Vec<String>),
}

/// The parameters of `GET /api/v1/series`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SeriesQuery {
    /// An edge's id (`from->to:protocol`), or a node's (its inbound calls; its outbound ones where it
    /// has none).
    pub id: String,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
    /// The projection that the id is of: one service's node means other calls in another projection.
    pub by: By,
    /// Which calls of a node; `None` means those to it, or those it makes where there are none to it.
    pub direction: Option<Direction>,
    /// Whether to count calls by bucket of latency, too.
    pub heatmap: bool,
}

/// Which calls of a node are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Those to it.
    Inbound,
    /// Those it makes.
    Outbound,
}

impl Direction {
    /// Returns the word for it in parameters.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Inbound => "inbound",
            Direction::Outbound => "outbound",
        }
    }
}

impl GraphQuery {
    /// Returns whether `part` is asked for.
    pub fn includes(&self, part: Include) -> bool {
        self.include.is_empty() || self.include.contains(&part)
    }

    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<GraphQuery, BadParameter> {
        const KNOWN: &str = "namespaces, window, at, by, include, fold, hide, focus, idle";
        let mut query = GraphQuery::default();
        read(pairs, KNOWN, |name, value| {
            match name {
                "namespaces" => query.namespaces = list(name, value)?,
                "window" => query.window = window(value)?,
                "at" => query.at = Some(at(value)?),
                "by" => query.by = by(value)?,
                "include" => {
                    query.include = list(name, value)?
                        .iter()
                        .map(|part| match part.as_str() {
                            "traffic" => Ok(Include::Traffic),
                            "latency" => Ok(Include::Latency),
                            other => Err(one_of(name, other, "traffic or latency")),
                        })
                        .collect::<Result<_, _>>()?;
                }
                "fold" => {
                    query.fold = match value {
                        "" | "none" => Fold::None,
                        "auto" => Fold::Auto,
                        names => Fold::Namespaces(list(name, names)?),
                    };
                }
                "hide" => query.hide = list(name, value)?,
                "focus" => query.focus = (!value.is_empty()).then(|| value.to_owned()),
                "idle" => query.idle = flag(name, value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        out.list("namespaces", &self.namespaces);
        out.window_and_at(self.window, self.at);
        if self.by != By::default() {
            out.pair("by", self.by.as_str());
        }
        let include: Vec<String> = self
            .include
            .iter()
            .map(|part| match part {
                Include::Traffic => "traffic".to_owned(),
                Include::Latency => "latency".to_owned(),
            })
            .collect();
        out.list("include", &include);
        match &self.fold {
            Fold::None => {}
            Fold::Auto => out.pair("fold", "auto"),
            Fold::Namespaces(names) => out.list("fold", names),
        }
        out.list("hide", &self.hide);
        if let Some(focus) = &self.focus {
            out.pair("focus", focus);
        }
        if self.idle {
            out.pair("idle", "true");
        }
        out.0
    }
}

/// The parameters of `GET /api/v1/routes` and of one route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RoutesQuery {
    /// The namespaces whose routes and services to show, sorted; empty means all.
    pub namespaces: Vec<String>,
    /// How far the evidence looks back.
    pub window: Window,
}

impl RoutesQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<RoutesQuery, BadParameter> {
        let mut query = RoutesQuery::default();
        read(pairs, "namespaces, window", |name, value| {
            match name {
                "namespaces" => query.namespaces = list(name, value)?,
                "window" => query.window = window(value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        out.list("namespaces", &self.namespaces);
        out.window_and_at(self.window, None);
        out.0
    }
}

impl SeriesQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<SeriesQuery, BadParameter> {
        const KNOWN: &str = "id, window, at, by, direction, heatmap";
        let (mut id, mut look_back, mut end) = (None, Window::default(), None);
        let mut projection = By::default();
        let (mut direction, mut heatmap) = (None, false);
        read(pairs, KNOWN, |name, value| {
            match name {
                "id" if !value.is_empty() => id = Some(value.to_owned()),
                "id" => {}
                "window" => look_back = window(value)?,
                "at" => end = Some(at(value)?),
                "by" => projection = by(value)?,
                "direction" => {
                    direction = Some(match value {
                        "inbound" => Direction::Inbound,
                        "outbound" => Direction::Outbound,
                        other => return Err(one_of(name, other, "inbound or outbound")),
                    });
                }
                "heatmap" => heatmap = flag(name, value)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let id =
            id.ok_or_else(|| missing("id", "give the id of a node or an edge of the graph"))?;
        Ok(SeriesQuery {
            id,
            window: look_back,
            at: end,
            by: projection,
            direction,
            heatmap,
        })
    }

    /// Writes the parameters, encoded, without a leading `?`.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        out.pair("id", &self.id);
        out.pair("window", &self.window.to_string());
        if let Some(at) = self.at {
            out.pair("at", &time::to_rfc3339(at));
        }
        if self.by != By::default() {
            out.pair("by", self.by.as_str());
        }
        if let Some(direction) = self.direction {
            out.pair("direction", direction.as_str());
        }
        if self.heatmap {
            out.pair("heatmap", "true");
        }
        out.0
    }
}

/// Reads `RFC 3339` with `Z`, such as `2026-01-31T12:00:00Z`. The parameter is named `at` in the error.
pub fn at(value: &str) -> Result<UnixMillis, BadParameter> {
    time::from_rfc3339(value).ok_or_else(|| BadParameter {
        name: "at".to_owned(),
        problem: format!("`{}` is not an RFC 3339 time in UTC", shown(value)),
        hint: Some("write it as 2026-01-31T12:00:00Z".to_owned()),
    })
}

/// Writes `at` as RFC 3339 with `Z`, with milliseconds only where they are not zero.
pub fn to_rfc3339(at: UnixMillis) -> String {
    time::to_rfc3339(at)
}

pub(super) fn by(value: &str) -> Result<By, BadParameter> {
    By::ALL
        .into_iter()
        .find(|by| by.as_str() == value)
        .ok_or_else(|| one_of("by", value, "workload, version, app or service"))
}

pub(super) fn window(value: &str) -> Result<Window, BadParameter> {
    value
        .parse()
        .map_err(|error: crate::units::BadWindow| BadParameter {
            name: "window".to_owned(),
            problem: error.to_string(),
            hint: Some("write a whole number and a unit, from 10s to 7d".to_owned()),
        })
}

pub(super) fn list(name: &str, value: &str) -> Result<Vec<String>, BadParameter> {
    let mut items: Vec<String> = value
        .split(',')
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect();
    items.sort_unstable();
    items.dedup();
    if items.len() > MAX_NAMESPACES {
        return Err(BadParameter {
            name: name.to_owned(),
            problem: format!("names {} things, at most {MAX_NAMESPACES} fit", items.len()),
            hint: Some("leave the parameter out to ask for all".to_owned()),
        });
    }
    Ok(items)
}

/// Returns the start of a value that may be of any length.
fn shown(value: &str) -> String {
    value.chars().take(40).collect()
}

/// Reads what is on or off.
fn flag(name: &str, value: &str) -> Result<bool, BadParameter> {
    match value {
        "true" => Ok(true),
        "" | "false" => Ok(false),
        other => Err(one_of(name, other, "true or false")),
    }
}

pub(super) fn one_of(name: &str, value: &str, words: &str) -> BadParameter {
    BadParameter {
        name: name.to_owned(),
        problem: format!("`{}` is none of its values", shown(value)),
        hint: Some(format!("write {words}")),
    }
}

pub(super) fn missing(name: &str, hint: &str) -> BadParameter {
    BadParameter {
        name: name.to_owned(),
        problem: "is missing".to_owned(),
        hint: Some(hint.to_owned()),
    }
}

fn unknown(name: &str, known: &str) -> BadParameter {
    BadParameter {
        name: shown(name),
        problem: "is not a parameter of this address".to_owned(),
        hint: Some(format!("known are {known}")),
    }
}

/// Hands each parameter to `take`, which returns whether it knows the name; `known` lists what it does for who wrote
/// another one. None may come twice.
pub(super) fn read<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    known: &str,
    mut take: impl FnMut(&'a str, &'a str) -> Result<bool, BadParameter>,
) -> Result<(), BadParameter> {
    let mut seen = Seen::default();
    for (name, value) in pairs {
        seen.once(name)?;
        if !take(name, value)? {
            return Err(unknown(name, known));
        }
    }
    Ok(())
}

/// Refuses a parameter given twice: which of the two counts would be a guess.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn once(&mut self, name: &str) -> Result<(), BadParameter> {
        if self.0.iter().any(|n| n == name) {
            return Err(BadParameter {
                name: shown(name),
                problem: "is given twice".to_owned(),
                hint: Some("join several values by commas".to_owned()),
            });
        }
        self.0.push(name.to_owned());
        Ok(())
    }
}

/// Writes an encoded query string.
#[derive(Default)]
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn pair(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        encode_into(&mut self.0, value);
    }

    pub(super) fn list(&mut self, name: &str, values: &[String]) {
        if !values.is_empty() {
            self.pair(name, &values.join(","));
        }
    }
}

/// Percent-encodes all but what is always safe in a query, and `,` `/` `:` `@`, which keep ids readable.
pub fn encode_into(out: &mut String, value: &str) {
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b','
            | b'/'
            | b':'
            | b'@' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pairs: &[(&str, &str)]) -> Result<GraphQuery, BadParameter> {
        GraphQuery::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn defaults_are_all_namespaces_and_five_minutes() {
        let query = read(&[]).unwrap();
        assert_eq!(query, GraphQuery::default());
        assert_eq!(query.window.to_string(), "5m");
        assert_eq!(query.to_query_string(), "");
    }

    #[test]
    fn an_empty_switch_is_off() {
        assert!(!read(&[("idle", "")]).unwrap().idle);
        let series = SeriesQuery::from_pairs([("id", "c/shop/web"), ("heatmap", "")]);
        assert!(!series.unwrap().heatmap);
        let traces = TracesQuery::from_pairs([("errors", "")]);
        assert!(!traces.unwrap().errors);
    }

    #[test]
    fn a_bad_parameter_is_named_with_its_mend() {
        for (name, value) in [
            ("window", "0s"),
            ("window", "3650d"),
            ("window", "NaN"),
            ("at", "yesterday"),
            ("at", "2026-02-30T00:00:00Z"),
            ("by", "pod"),
            ("include", "traffic,money"),
            ("idle", "perhaps"),
            ("colour", "red"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.name, name, "{value}");
            assert!(error.hint.is_some(), "{name}={value}");
        }
        assert_eq!(
            read(&[("by", "app"), ("by", "app")]).unwrap_err().problem,
            "is given twice"
        );
        let many: Vec<String> = (0..10_000).map(|n| format!("ns-{n}")).collect();
        let error = read(&[("namespaces", &many.join(","))]).unwrap_err();
        assert!(error.problem.contains("10000"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            namespaces in prop::collection::btree_set("[^,]{1,12}", 0..4),
            window in 10u32..604_800,
            at in prop::option::of(0i64..4_000_000_000_000),
            by in 0usize..4,
            focus in prop::option::of(".{1,20}"),
            idle in any::<bool>(),
        ) {
            let query = GraphQuery {
                namespaces: namespaces.into_iter().collect(),
                window: Window::from_secs(window).unwrap(),
                at: at.map(UnixMillis),
                by: By::ALL[by],
                focus,
                idle,
                ..GraphQuery::default()
            };
            let text = query.to_query_string();
            prop_assert!(text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>\\`".contains(&b)));
            let pairs: Vec<(String, String)> = text
                .split('&')
                .filter(|p| !p.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap();
                    (name.to_owned(), decode(value))
                })
                .collect();
            let read = GraphQuery::from_pairs(pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            prop_assert_eq!(read.unwrap(), query);
        }
    }

    fn decode(text: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}
