//! What was asked of the tracing backend, and what that means for what is listed, in words.

use mesh::api::TracesQuery;
use mesh::api::trace::{AskedName, Names, Traces};

use crate::trace::words::{grouped, joined, n_of};

/// Returns what a person calls a parameter.
pub fn field(name: &str) -> &str {
    match name {
        "service" => "Service",
        "namespace" => "Namespace",
        "workload" => "Workload",
        "version" => "Version",
        "edge" => "Call path",
        "name" => "Tracing name",
        "operation" => "Operation",
        "min_duration" => "Longer than",
        "max_duration" => "Shorter than",
        "errors" => "Errors only",
        "tag" => "Tags",
        "limit" => "At most",
        other => other,
    }
}

/// Writes an edge's id as people say it: `from checkout to payments-v2`.
pub fn edge(id: &str) -> String {
    let ends = id.rsplit_once(':').map_or(id, |(ends, _)| ends);
    let last = |id: &str| id.rsplit('/').next().unwrap_or(id).to_owned();
    match ends.split_once("->") {
        Some((from, to)) => format!("from {} to {}", last(from), last(to)),
        None => ends.to_owned(),
    }
}

/// Writes what a search counts: `42 traces, 5 with errors`.
pub fn tally(found: &Traces) -> String {
    let failed = found.items.iter().filter(|row| row.n_errors > 0).count();
    let more = if found.is_cut { "more than " } else { "" };
    let all = n_of(found.items.len(), "trace", "traces");
    match failed {
        0 => format!("{more}{all}"),
        n => format!("{more}{all}, {} with errors", grouped(n)),
    }
}

/// Says which names were asked for and what they gave.
pub fn asked(names: &[AskedName]) -> Option<String> {
    let one = |name: &AskedName| match (name.is_known, name.n_traces) {
        (false, 0) => format!("{} (not known to the tracing backend)", name.name),
        (_, n) => format!("{} ({})", name.name, n_of(n as usize, "trace", "traces")),
    };
    let all: Vec<String> = names.iter().map(one).collect();
    (!all.is_empty()).then(|| format!("Asked for {}.", joined(&all)))
}

/// Says that there are more, and which filters may hide some of them.
pub fn limits(found: &Traces) -> Vec<String> {
    let mut said = Vec::new();
    if found.is_cut {
        said.push(format!(
            "There are more than the {} asked for: narrow the window or the filters to see them all.",
            n_of(found.limit as usize, "trace", "traces"),
        ));
    }
    if !found.applied_after.is_empty() {
        let names: Vec<String> = found.applied_after.iter().map(|it| quoted(it)).collect();
        let them = if names.len() == 1 { "was" } else { "were" };
        said.push(format!(
            "{} {them} applied to what the backend gave within the limit: others may match, too.",
            joined(&names),
        ));
    }
    said
}

fn quoted(name: &str) -> String {
    format!("“{}”", field(name))
}

/// Says why nothing was found, and what to do next.
pub fn nothing(found: &Traces, search: &TracesQuery, names: Option<&Names>) -> (String, String) {
    let service = search.service.as_deref();
    let explained = names.and_then(|names| {
        let mut rows = names.items.iter();
        rows.find(|row| {
            Some(row.service.as_str()) == service
                && search
                    .namespace
                    .as_ref()
                    .is_none_or(|it| *it == row.namespace)
        })
    });
    if !found.asked.is_empty() && found.asked.iter().all(|name| !name.is_known) {
        let tried: Vec<String> = found.asked.iter().map(|it| it.name.clone()).collect();
        let why = explained.and_then(|row| row.explanation.clone());
        return (
            format!("The tracing backend knows no service by the name of {}.", joined(&tried)),
            why.unwrap_or_else(|| {
                "Look at the names that it does know, and correct the one of this service; or sample more: proxies \
                 send no trace until a request is sampled."
                    .to_owned()
            }),
        );
    }
    if found.is_cut || !found.applied_after.is_empty() {
        return (
            "None of the traces that the backend gave within the limit matches.".to_owned(),
            "Raise the limit or narrow the window: some filters apply only to what it gave."
                .to_owned(),
        );
    }
    let is_narrow = search.errors
        || search.min_duration_us.is_some()
        || search.max_duration_us.is_some()
        || search.version.is_some()
        || !search.tags.is_empty();
    if is_narrow {
        return (
            "No trace in this window matches all filters.".to_owned(),
            "Take a filter out, or look back further. Traces are a sample: what failed need not have been recorded."
                .to_owned(),
        );
    }
    (
        "No trace in this window.".to_owned(),
        "Look back further. Traces are a sample: a service with few calls may have none for a while.".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str, is_known: bool, n_traces: u32) -> AskedName {
        AskedName {
            name: name.to_owned(),
            is_known,
            n_traces,
        }
    }

    #[test]
    fn what_was_asked_and_left_out_is_said() {
        let found = Traces {
            asked: vec![name("pay.shop", true, 61), name("pay", false, 0)],
            limit: 100,
            is_cut: true,
            applied_after: vec!["errors".to_owned(), "version".to_owned()],
            ..Traces::default()
        };
        assert_eq!(
            asked(&found.asked).unwrap(),
            "Asked for pay.shop (61 traces) and pay (not known to the tracing backend)."
        );
        assert_eq!(
            limits(&found).join(" "),
            "There are more than the 100 traces asked for: narrow the window or the filters to see them all. \
             “Errors only” and “Version” were applied to what the backend gave within the limit: others may match, too."
        );
        assert_eq!(asked(&[]), None);
        assert_eq!(edge("c/shop/a->c/pay/b-v2:http"), "from a to b-v2");
    }

    #[test]
    fn nothing_found_says_why() {
        let why = |found: &Traces, search: &TracesQuery| nothing(found, search, None).0;
        let mut found = Traces {
            asked: vec![name("pay", false, 0)],
            ..Traces::default()
        };
        let mut search = TracesQuery::default();
        assert!(why(&found, &search).contains("by the name of pay"));
        found.asked = vec![name("pay", true, 0)];
        assert_eq!(why(&found, &search), "No trace in this window.");
        search.errors = true;
        assert!(why(&found, &search).contains("matches all filters"));
        found.applied_after = vec!["errors".to_owned()];
        assert!(why(&found, &search).contains("within the limit"));
    }
}
