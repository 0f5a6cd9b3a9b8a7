//! Addresses of traces: the search as the page's URL has it, and where the server tells of traces.

use mesh::api::{BadParameter, TraceQuery, TracesQuery, query};
use mesh::units::{UnixMillis, Window};

/// The parameters of a search besides its window and end, which it shares with all pages.
const NAMES: [&str; 14] = [
    "namespace",
    "service",
    "workload",
    "version",
    "edge",
    "name",
    "operation",
    "min_duration",
    "max_duration",
    "errors",
    "tag",
    "limit",
    "since",
    "until",
];

/// The API address of the names that services trace under.
pub const TRACE_NAMES: &str = "api/v1/traces/names";

/// How durations are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// By their logarithm: the fast ones are told apart beside a slow one.
    #[default]
    Log,
    /// As they are.
    Linear,
}

impl Scale {
    /// Returns the word for it in the URL.
    pub fn word(self) -> &'static str {
        match self {
            Scale::Log => "log",
            Scale::Linear => "linear",
        }
    }

    /// Reads the word.
    pub fn of(word: &str) -> Result<Scale, BadParameter> {
        match word {
            "" | "log" => Ok(Scale::Log),
            "linear" => Ok(Scale::Linear),
            _ => Err(BadParameter {
                name: "scale".to_owned(),
                problem: "is none of its values".to_owned(),
                hint: Some("write log or linear".to_owned()),
            }),
        }
    }
}

/// Returns whether a parameter belongs to the search alone.
pub fn is_of_search(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Takes window and end out of a search: an address has them once. Returns them where `since` or `until` said them.
pub fn parted(search: &mut TracesQuery) -> (Window, Option<UnixMillis>) {
    let window = std::mem::take(&mut search.window);
    (window, search.at.take())
}

/// Returns the API address of a search over a window.
pub fn traces(search: &TracesQuery, window: Window, at: Option<UnixMillis>) -> String {
    let whole = TracesQuery {
        window,
        at,
        ..search.clone()
    };
    super::with_query("api/v1/traces", &whole.to_query_string())
}

/// Returns the path of one trace, of the page and below the API alike.
pub fn trace_path(id: &str) -> String {
    format!("traces/{}", part(id))
}

/// Returns the API address of one trace.
pub fn trace(id: &str) -> String {
    format!("api/v1/{}", trace_path(id))
}

/// Returns the API address of the first of its spans: as many as fill any screen.
pub fn trace_first(id: &str) -> String {
    let first = TraceQuery { first: Some(200) };
    super::with_query(&trace(id), &first.to_query_string())
}

/// Returns the API address of what one span says.
pub fn span(id: &str, span: &str) -> String {
    format!("{}/spans/{}", trace(id), part(span))
}

/// Returns the API address of how a trace's calls compare with others.
pub fn ranks(id: &str) -> String {
    format!("{}/ranks", trace(id))
}

/// Ids come from elsewhere: a slash inside one is part of it.
fn part(id: &str) -> String {
    let mut encoded = String::new();
    query::encode_into(&mut encoded, id);
    encoded.replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::super::Address;
    use super::*;

    const LINK: &str = "window=15m&at=2026-01-31T12:00:00Z&scale=linear&failed=true&trace=ab1&with=cd2\
                        &namespace=shop&service=payments&version=v2&min_duration=12ms&errors=true\
                        &tag=http.status_code%3D503&limit=20";

    #[test]
    fn a_search_is_in_the_address_and_reads_back() {
        let address = Address::from_search(LINK).unwrap();
        assert_eq!(address.search.service.as_deref(), Some("payments"));
        assert_eq!(address.search.min_duration_us, Some(12_000));
        assert_eq!(address.scale, Scale::Linear);
        assert_eq!(address.to_query_string(), LINK);
        assert_eq!(
            traces(&address.search, address.query.window, address.query.at),
            "api/v1/traces?namespace=shop&service=payments&version=v2&window=15m&at=2026-01-31T12:00:00Z\
             &min_duration=12ms&errors=true&tag=http.status_code%3D503&limit=20"
        );
    }

    #[test]
    fn a_beginning_and_an_end_become_the_window_of_the_page() {
        let link = "since=2026-01-31T12:00:00Z&until=2026-01-31T12:10:00Z&service=cart";
        let address = Address::from_search(link).unwrap();
        assert_eq!(address.query.window.to_string(), "10m");
        assert_eq!(
            address.to_query_string(),
            "window=10m&at=2026-01-31T12:10:00Z&service=cart"
        );
    }

    #[test]
    fn what_is_no_search_is_named() {
        for link in ["min_duration=fast", "scale=cubic", "failed=some", "edge=x"] {
            let error = Address::from_search(link).unwrap_err();
            assert_eq!(error.name, link.split('=').next().unwrap());
        }
    }

    #[test]
    fn a_search_stays_on_the_pages_of_traces_and_goes_elsewhere_with_nobody() {
        let address = Address::from_search(LINK).unwrap();
        let to = |page| address.clone().onward("traces", page).to_query_string();
        assert!(to("traces/ab1").contains("service=payments"));
        assert_eq!(to("overview"), "window=15m&at=2026-01-31T12:00:00Z");
    }

    #[test]
    fn ids_are_one_part_of_a_path() {
        assert_eq!(span("a/b", "c?1~2"), "api/v1/traces/a%2Fb/spans/c%3F1~2");
        assert_eq!(ranks("ab"), "api/v1/traces/ab/ranks");
    }
}
