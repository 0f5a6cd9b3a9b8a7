//! A rule as it is typed: texts, until they are read.

use mesh::api::rules::{
    AbortSpec, DelaySpec, DestinationSpec, Fault, MatchSpec, MirrorSpec, RetriesSpec, RuleSpec,
    TextMatch,
};
use mesh::changes::rules;

/// A condition on a text: how, and what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextDraft {
    /// `exact`, `prefix`, `regex` or `present`.
    pub how: String,
    /// The text; for none of them, empty is no condition.
    pub text: String,
}

/// One entry of the conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MatchDraft {
    /// Which entry of the object it is.
    pub of: Option<usize>,
    /// On the path.
    pub uri: TextDraft,
    /// On the method.
    pub method: TextDraft,
    /// On headers.
    pub headers: Vec<(String, TextDraft)>,
    /// Through which gateways, joined by commas.
    pub gateways: String,
    /// Labels of the caller, which are only shown.
    pub callers: String,
}

/// One destination.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DestinationDraft {
    /// The host.
    pub host: String,
    /// The subset.
    pub subset: String,
    /// The port.
    pub port: String,
    /// The weight.
    pub weight: String,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleDraft {
    /// Its name.
    pub name: String,
    /// Its conditions.
    pub matches: Vec<MatchDraft>,
    /// Where it sends.
    pub destinations: Vec<DestinationDraft>,
    /// Where copies go: host, subset, percent.
    pub mirror: [String; 3],
    mirror_port: Option<u16>,
    /// Percent and length.
    pub delay: [String; 2],
    /// Percent and status: a number is HTTP's, a name gRPC's.
    pub abort: [String; 2],
    /// After how long it gives up.
    pub timeout: String,
    /// Attempts, time for each, after which failures.
    pub retries: [String; 3],
}

impl RuleDraft {
    /// Returns a rule as it is typed.
    pub fn of(spec: &RuleSpec) -> RuleDraft {
        let text = |it: &Option<String>| it.clone().unwrap_or_default();
        let number = |it: f64| it.to_string();
        let mirror = spec.mirror.as_ref();
        RuleDraft {
            name: text(&spec.name),
            matches: spec.matches.iter().map(match_draft).collect(),
            destinations: spec.destinations.iter().map(destination_draft).collect(),
            mirror: mirror.map_or_else(Default::default, |it| {
                [
                    it.host.clone(),
                    text(&it.subset),
                    it.percent.map(number).unwrap_or_default(),
                ]
            }),
            mirror_port: mirror.and_then(|it| it.port),
            delay: spec.delay.as_ref().map_or_else(Default::default, |it| {
                [number(it.percent), it.length.clone()]
            }),
            abort: spec.abort.as_ref().map_or_else(Default::default, |it| {
                let http = it.http_status.map(|status| status.to_string());
                [
                    number(it.percent),
                    http.unwrap_or_else(|| text(&it.grpc_status)),
                ]
            }),
            timeout: text(&spec.timeout),
            retries: spec.retries.as_ref().map_or_else(Default::default, |it| {
                [
                    it.attempts.to_string(),
                    text(&it.per_try_timeout),
                    text(&it.retry_on),
                ]
            }),
        }
    }

    /// Returns what it says, and all that is wrong with it.
    pub fn read(&self) -> (RuleSpec, Vec<Fault>) {
        let mut faults = Vec::new();
        let spec = RuleSpec {
            name: word(&self.name),
            matches: self.matches.iter().map(read_match).collect(),
            destinations: self
                .destinations
                .iter()
                .enumerate()
                .map(|(idx, to)| DestinationSpec {
                    host: to.host.trim().to_owned(),
                    subset: word(&to.subset),
                    port: whole(&format!("destinations[{idx}].port"), &to.port, &mut faults),
                    weight: whole(
                        &format!("destinations[{idx}].weight"),
                        &to.weight,
                        &mut faults,
                    ),
                })
                .collect(),
            mirror: self.read_mirror(&mut faults),
            delay: said(&self.delay).then(|| DelaySpec {
                percent: percent("delay.percent", &self.delay[0], &mut faults).unwrap_or(0.0),
                length: self.delay[1].trim().to_owned(),
            }),
            abort: said(&self.abort).then(|| {
                let status = self.abort[1].trim();
                let http = status.parse().ok();
                AbortSpec {
                    percent: percent("abort.percent", &self.abort[0], &mut faults).unwrap_or(0.0),
                    http_status: http,
                    grpc_status: word(status).filter(|_| http.is_none()),
                }
            }),
            timeout: word(&self.timeout),
            retries: said(&self.retries).then(|| RetriesSpec {
                attempts: whole("retries.attempts", &self.retries[0], &mut faults).unwrap_or(0),
                per_try_timeout: word(&self.retries[1]),
                retry_on: word(&self.retries[2]),
            }),
        };
        faults.extend(rules::faults(&spec));
        for (idx, entry) in spec.matches.iter().enumerate() {
            if *entry == MatchSpec::default() {
                faults.push(Fault {
                    field: format!("matches[{idx}].uri"),
                    problem: "and all the others say nothing: fill one, or remove the condition"
                        .to_owned(),
                });
            }
        }
        for (idx, entry) in self.matches.iter().enumerate() {
            let mut names: Vec<&str> = Vec::new();
            for (name, _) in &entry.headers {
                if names.contains(&name.trim()) {
                    faults.push(Fault {
                        field: format!("matches[{idx}].headers.{}", name.trim()),
                        problem: "is named twice".to_owned(),
                    });
                }
                names.push(name.trim());
            }
        }
        (spec, faults)
    }

    fn read_mirror(&self, faults: &mut Vec<Fault>) -> Option<MirrorSpec> {
        said(&self.mirror).then(|| MirrorSpec {
            host: self.mirror[0].trim().to_owned(),
            subset: word(&self.mirror[1]),
            port: self.mirror_port,
            percent: percent("mirror.percent", &self.mirror[2], faults),
        })
    }
}

fn said(texts: &[String]) -> bool {
    texts.iter().any(|text| !text.trim().is_empty())
}

fn word(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn whole<T: std::str::FromStr>(field: &str, text: &str, faults: &mut Vec<Fault>) -> Option<T> {
    let text = word(text)?;
    let read = text.parse().ok();
    if read.is_none() {
        faults.push(Fault {
            field: field.to_owned(),
            problem: "is not a whole number that fits".to_owned(),
        });
    }
    read
}

fn percent(field: &str, text: &str, faults: &mut Vec<Fault>) -> Option<f64> {
    let text = word(text)?;
    let read = text.trim_end_matches('%').trim().parse().ok();
    if read.is_none() {
        faults.push(Fault {
            field: field.to_owned(),
            problem: "is not a number".to_owned(),
        });
    }
    read
}

fn text_draft(text: Option<&TextMatch>) -> TextDraft {
    let (how, text) = match text {
        None => ("exact", ""),
        Some(TextMatch::Exact(text)) => ("exact", text.as_str()),
        Some(TextMatch::Prefix(text)) => ("prefix", text.as_str()),
        Some(TextMatch::Regex(text)) => ("regex", text.as_str()),
        Some(TextMatch::Present) => ("present", ""),
    };
    TextDraft {
        how: how.to_owned(),
        text: text.to_owned(),
    }
}

fn read_text(draft: &TextDraft) -> TextMatch {
    let text = draft.text.clone();
    match draft.how.as_str() {
        "prefix" => TextMatch::Prefix(text),
        "regex" => TextMatch::Regex(text),
        "present" => TextMatch::Present,
        _ => TextMatch::Exact(text),
    }
}

fn match_draft(entry: &MatchSpec) -> MatchDraft {
    let labels = entry.source_labels.iter().map(|(k, v)| format!("{k}={v}"));
    MatchDraft {
        of: entry.of,
        uri: text_draft(entry.uri.as_ref()),
        method: text_draft(entry.method.as_ref()),
        headers: entry
            .headers
            .iter()
            .map(|(name, text)| (name.clone(), text_draft(Some(text))))
            .collect(),
        gateways: entry.gateways.join(", "),
        callers: labels.collect::<Vec<_>>().join(", "),
    }
}

fn read_match(draft: &MatchDraft) -> MatchSpec {
    let text = |it: &TextDraft| (!it.text.is_empty()).then(|| read_text(it));
    let headers = draft.headers.iter();
    MatchSpec {
        of: draft.of,
        uri: text(&draft.uri),
        method: text(&draft.method),
        headers: headers
            // A line that nobody filled is none.
            .filter(|(name, text)| !(name.trim().is_empty() && text.text.is_empty()))
            .map(|(name, text)| (name.trim().to_owned(), read_text(text)))
            .collect(),
        gateways: names(&draft.gateways),
        source_labels: Default::default(),
    }
}

/// Reads names that are joined by commas.
pub fn names(text: &str) -> Vec<String> {
    let names = text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn destination_draft(to: &DestinationSpec) -> DestinationDraft {
    DestinationDraft {
        host: to.host.clone(),
        subset: to.subset.clone().unwrap_or_default(),
        port: to.port.map(|port| port.to_string()).unwrap_or_default(),
        weight: to
            .weight
            .map(|weight| weight.to_string())
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn testers() -> RuleSpec {
        RuleSpec {
            name: Some("testers".to_owned()),
            matches: vec![MatchSpec {
                of: Some(0),
                uri: Some(TextMatch::Prefix("/api".to_owned())),
                headers: [
                    ("x-testing".to_owned(), TextMatch::Exact("true".to_owned())),
                    ("x-there".to_owned(), TextMatch::Present),
                ]
                .into(),
                gateways: vec!["mesh".to_owned(), "edge".to_owned()],
                ..MatchSpec::default()
            }],
            destinations: vec![DestinationSpec {
                host: "backend".to_owned(),
                subset: Some("v2".to_owned()),
                port: Some(80),
                weight: None,
            }],
            mirror: Some(MirrorSpec {
                host: "backend".to_owned(),
                subset: Some("v1".to_owned()),
                port: Some(8080),
                percent: Some(2.5),
            }),
            delay: Some(DelaySpec {
                percent: 10.0,
                length: "2s".to_owned(),
            }),
            abort: Some(AbortSpec {
                percent: 0.5,
                http_status: None,
                grpc_status: Some("UNAVAILABLE".to_owned()),
            }),
            timeout: Some("5s".to_owned()),
            retries: Some(RetriesSpec {
                attempts: 3,
                per_try_timeout: None,
                retry_on: Some("5xx".to_owned()),
            }),
        }
    }

    #[test]
    fn what_is_not_typed_at_stays_as_it_is() {
        for spec in [
            testers(),
            RuleSpec {
                destinations: testers().destinations,
                ..RuleSpec::default()
            },
        ] {
            assert_eq!(RuleDraft::of(&spec).read(), (spec, vec![]));
        }
    }

    #[test]
    fn what_is_typed_wrong_is_said_by_field() {
        let mut draft = RuleDraft::of(&testers());
        draft.destinations[0].weight = "much".to_owned();
        draft.delay[0] = "half".to_owned();
        draft.timeout = "soon".to_owned();
        draft.matches.push(MatchDraft::default());
        draft.matches[0]
            .headers
            .push(("x-there".to_owned(), TextDraft::default()));
        let (_, faults) = draft.read();
        let fields: Vec<&str> = faults.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "destinations[0].weight",
                "delay.percent",
                "timeout",
                "matches[1].uri",
                "matches[0].headers.x-there"
            ]
        );
    }
}
