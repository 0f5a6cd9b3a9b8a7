//! The parameters of the search for traces.

use crate::units::{UnixMillis, Window};

use super::{BadParameter, Seen, Writer, at, flag, read, shown, unknown, window};

/// The most traces that one search asks for.
pub const MAX_TRACES: u32 = 1000;

/// The parameters of `GET /api/v1/traces`.
///
/// What the search is about is a call: to `service`, to or from `workload`, by `version`, or along `edge`. It ends in the
/// window, takes between `min_duration` and `max_duration`, failed where `errors` is set, and bears `tags`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TracesQuery {
    /// The namespace of service and workload.
    pub namespace: Option<String>,
    /// The mesh's service.
    pub service: Option<String>,
    /// The workload whose proxy took part.
    pub workload: Option<String>,
    /// The version that took the call: a canonical revision, or a subset.
    pub version: Option<String>,
    /// The id of an edge of the graph by workload.
    pub edge: Option<String>,
    /// The tracing name to ask for, instead of those that fit the service.
    pub name: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
    /// The shortest duration, in microseconds.
    pub min_duration_us: Option<i64>,
    /// The longest duration, in microseconds.
    pub max_duration_us: Option<i64>,
    /// Whether only what failed is wanted.
    pub errors: bool,
    /// Tags that one span must bear, all of them, by name and value.
    pub tags: Vec<(String, String)>,
    /// The most traces to list.
    pub limit: u32,
}

impl Default for TracesQuery {
    fn default() -> TracesQuery {
        TracesQuery {
            namespace: None,
            service: None,
            workload: None,
            version: None,
            edge: None,
            name: None,
            operation: None,
            window: Window::default(),
            at: None,
            min_duration_us: None,
            max_duration_us: None,
            errors: false,
            tags: Vec::new(),
            limit: 100,
        }
    }
}

/// Which part of one trace is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceQuery {
    /// So many of its spans at most, in the order of its rows; all where it is nothing.
    pub first: Option<u32>,
}

impl TraceQuery {
    /// Reads the parameters, decoded.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<TraceQuery, BadParameter> {
        let mut query = TraceQuery::default();
        read(pairs, "first", |name, value| {
            match name {
                "first" => {
                    let number = value.parse().ok().filter(|it| *it > 0);
                    query.first = Some(number.ok_or_else(|| BadParameter {
                        name: name.to_owned(),
                        problem: format!("`{}` is not a number of spans", shown(value)),
                        hint: Some("write a whole number, 1 at least".to_owned()),
                    })?);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        if let Some(first) = self.first {
            out.pair("first", &first.to_string());
        }
        out.0
    }
}

const KNOWN: &str = "namespace, service, workload, version, edge, name, operation, window, at, since, until, \
                     min_duration, max_duration, errors, tag, limit";

impl TracesQuery {
    /// Reads the parameters, decoded, in any order; `tag` may come more than once. `since` and `until` may stand for
    /// `window` and `at`.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<TracesQuery, BadParameter> {
        let mut query = TracesQuery::default();
        let mut seen = Seen::default();
        let (mut since, mut until, mut look_back) = (None, None, None);
        for (name, value) in pairs {
            if name != "tag" {
                seen.once(name)?;
            }
            let text = || Some(value.to_owned()).filter(|it| !it.is_empty());
            match name {
                "namespace" => query.namespace = text(),
                "service" => query.service = text(),
                "workload" => query.workload = text(),
                "version" => query.version = text(),
                "edge" => query.edge = edge(value)?,
                "name" => query.name = text(),
                "operation" => query.operation = text(),
                "window" => look_back = Some(window(value)?),
                "at" => query.at = Some(at(value)?),
                "since" => since = Some(time(name, value)?),
                "until" => until = Some(time(name, value)?),
                "min_duration" => query.min_duration_us = duration(name, value)?,
                "max_duration" => query.max_duration_us = duration(name, value)?,
                "errors" => query.errors = flag(name, value)?,
                "tag" => query.tags.extend(tag(value)?),
                "limit" => query.limit = limit(value)?,
                other => return Err(unknown(other, KNOWN)),
            }
        }
        if let (Some(low), Some(high)) = (query.min_duration_us, query.max_duration_us)
            && low > high
        {
            return Err(BadParameter {
                name: "max_duration".to_owned(),
                problem: "is less than min_duration".to_owned(),
                hint: Some("give the longer of the two as max_duration".to_owned()),
            });
        }
        query.tags.sort_unstable();
        query.tags.dedup();
        query.window = look_back.unwrap_or_default();
        query.between(since, until, look_back.is_some())?;
        Ok(query)
    }

    /// Makes `since` and `until` what window and end they mean.
    fn between(
        &mut self,
        since: Option<UnixMillis>,
        until: Option<UnixMillis>,
        has_window: bool,
    ) -> Result<(), BadParameter> {
        let both = |name: &str, problem: &str, hint: &str| BadParameter {
            name: name.to_owned(),
            problem: problem.to_owned(),
            hint: Some(hint.to_owned()),
        };
        if until.is_some() && self.at.is_some() {
            return Err(both(
                "until",
                "says the end, as `at` does",
                "give one of the two",
            ));
        }
        self.at = self.at.or(until);
        let Some(since) = since else {
            return Ok(());
        };
        if has_window {
            return Err(both(
                "since",
                "says the beginning, as `window` does",
                "give one of the two",
            ));
        }
        let Some(end) = self.at else {
            return Err(both(
                "since",
                "has no end",
                "give `until` too, or `window` for what ends now",
            ));
        };
        let secs = (end.0 - since.0 + 999).div_euclid(1000);
        let span = u32::try_from(secs).ok().and_then(Window::from_secs);
        self.window = span.ok_or_else(|| {
            both(
                "since",
                "is not 10 seconds to 7 days before the end",
                "move it",
            )
        })?;
        Ok(())
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        for (name, value) in [
            ("namespace", &self.namespace),
            ("service", &self.service),
            ("workload", &self.workload),
            ("version", &self.version),
            ("edge", &self.edge),
            ("name", &self.name),
            ("operation", &self.operation),
        ] {
            if let Some(value) = value {
                out.pair(name, value);
            }
        }
        out.window_and_at(self.window, self.at);
        for (name, value) in [
            ("min_duration", self.min_duration_us),
            ("max_duration", self.max_duration_us),
        ] {
            if let Some(value) = value {
                out.pair(name, &duration_text(value));
            }
        }
        if self.errors {
            out.pair("errors", "true");
        }
        for (key, value) in &self.tags {
            out.pair("tag", &format!("{key}={value}"));
        }
        if self.limit != TracesQuery::default().limit {
            out.pair("limit", &self.limit.to_string());
        }
        out.0
    }
}

/// Writes a duration of so many microseconds as a parameter has it: `250us`, `12ms`, `3s`.
pub fn duration_text(micros: i64) -> String {
    match micros {
        it if it != 0 && it % 1_000_000 == 0 => format!("{}s", it / 1_000_000),
        it if it != 0 && it % 1000 == 0 => format!("{}ms", it / 1000),
        it => format!("{it}us"),
    }
}

/// Reads a number, with a fraction or not, and its unit: `250us`, `1.5ms`, `3s`. Nothing means none.
fn duration(name: &str, value: &str) -> Result<Option<i64>, BadParameter> {
    if value.is_empty() {
        return Ok(None);
    }
    let bad = || BadParameter {
        name: name.to_owned(),
        problem: format!("`{}` is not a duration", shown(value)),
        hint: Some(
            "write a number and a unit, such as 250us, 1.5ms or 3s; at most 1h is told apart"
                .to_owned(),
        ),
    };
    let digits = value
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(bad)?;
    let (number, unit) = value.split_at(digits);
    let micros = match unit {
        "us" | "µs" => 1.0,
        "ms" => 1000.0,
        "s" => 1_000_000.0,
        "m" => 60_000_000.0,
        "h" => 3_600_000_000.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    let total = (number * micros).round();
    if !(0.0..=86_400_000_000.0).contains(&total) {
        return Err(bad());
    }
    Ok(Some(total as i64))
}

fn limit(value: &str) -> Result<u32, BadParameter> {
    let number = value.parse().ok();
    number
        .filter(|it| (1..=MAX_TRACES).contains(it))
        .ok_or_else(|| BadParameter {
            name: "limit".to_owned(),
            problem: format!("`{}` is not a number from 1 to {MAX_TRACES}", shown(value)),
            hint: Some("leave it out for 100".to_owned()),
        })
}

fn tag(value: &str) -> Result<Option<(String, String)>, BadParameter> {
    if value.is_empty() {
        return Ok(None);
    }
    match value.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Some((key.trim().to_owned(), value.trim().to_owned())))
        }
        _ => Err(BadParameter {
            name: "tag".to_owned(),
            problem: format!("`{}` is not a name and its value", shown(value)),
            hint: Some("write it as http.status_code=503".to_owned()),
        }),
    }
}

fn edge(value: &str) -> Result<Option<String>, BadParameter> {
    if value.is_empty() {
        return Ok(None);
    }
    if value.contains("->") && crate::graph::is_id(value) {
        return Ok(Some(value.to_owned()));
    }
    Err(BadParameter {
        name: "edge".to_owned(),
        problem: format!("`{}` is not the id of an edge", shown(value)),
        hint: Some("copy it from the graph's address".to_owned()),
    })
}

fn time(name: &str, value: &str) -> Result<UnixMillis, BadParameter> {
    at(value).map_err(|error| BadParameter {
        name: name.to_owned(),
        ..error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let pairs = [
            ("namespace", "shop"),
            ("service", "payments"),
            ("version", "v2"),
            ("edge", "c/shop/checkout->c/shop/payments-v2:http"),
            ("window", "15m"),
            ("at", "2026-01-31T12:00:00Z"),
            ("min_duration", "1.5ms"),
            ("max_duration", "3s"),
            ("errors", "true"),
            ("tag", "http.status_code=503"),
            ("tag", "guid:x-request-id=a=b"),
            ("limit", "20"),
        ];
        let query = TracesQuery::from_pairs(pairs).unwrap();
        assert_eq!(query.min_duration_us, Some(1500));
        assert_eq!(
            query.to_query_string(),
            "namespace=shop&service=payments&version=v2\
             &edge=c/shop/checkout-%3Ec/shop/payments-v2:http&window=15m&at=2026-01-31T12:00:00Z\
             &min_duration=1500us&max_duration=3s&errors=true\
             &tag=guid:x-request-id%3Da%3Db&tag=http.status_code%3D503&limit=20"
        );
        assert_eq!(TracesQuery::default().to_query_string(), "");
    }

    #[test]
    fn a_beginning_and_an_end_are_a_window() {
        let query = TracesQuery::from_pairs([
            ("since", "2026-01-31T12:00:00Z"),
            ("until", "2026-01-31T12:10:00Z"),
        ])
        .unwrap();
        assert_eq!(query.window.to_string(), "10m");
        assert_eq!(query.at, Some(UnixMillis(1_769_861_400_000)));
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (name, value) in [
            ("service", "a"),
            ("since", "2026-01-31T12:00:00Z"),
            ("min_duration", "fast"),
            ("min_duration", "1e9s"),
            ("errors", "some"),
            ("tag", "=x"),
            ("limit", "0"),
            ("limit", "1001"),
            ("edge", "c/shop/web"),
            ("by", "app"),
        ] {
            let read = TracesQuery::from_pairs([(name, value)]);
            if name == "service" {
                assert!(read.is_ok());
            } else {
                let error = read.unwrap_err();
                assert_eq!(error.name, name, "{value}");
                assert!(error.hint.is_some());
            }
        }
        let turned = [("min_duration", "2s"), ("max_duration", "1s")];
        assert_eq!(
            TracesQuery::from_pairs(turned).unwrap_err().name,
            "max_duration"
        );
    }
}
