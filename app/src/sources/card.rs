//! One source: whether it answers, what it holds, what is missing and what to paste.

use leptos::prelude::*;
use mesh::api::Source;
use mesh::api::sources::{Label, Metric, ScrapeVerdict, Scrapes};

use crate::numbers;
use crate::ui::pastes::Pastes;
use crate::ui::state::sentence;
use crate::ui::{Icon, Symbol};

/// Returns the card of a source.
pub fn card(source: Source) -> impl IntoView {
    let fact = |label: &'static str, value: Option<String>| {
        value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
    };
    let interval = source.scrape_interval_s.map(interval);
    let is_wide = !source.metrics.is_empty();
    let list = |title: &'static str, items: Vec<String>, symbol: Symbol, class: &'static str| {
        (!items.is_empty()).then(|| {
            view! {
                <section class="source__part">
                    <h3>{title}</h3>
                    <ul class=class>
                        {items
                            .into_iter()
                            .map(|item| view! { <li><Icon symbol /><span>{item}</span></li> })
                            .collect_view()}
                    </ul>
                </section>
            }
        })
    };
    // Where each metric stands in a table, the same need not stand in a list.
    let (capabilities, missing) = match is_wide {
        true => (Vec::new(), Vec::new()),
        false => (source.capabilities, source.missing),
    };
    let storage = source.storage.filter(|it| *it != source.kind);
    let version = match (&storage, source.version) {
        (Some(storage), Some(version)) => Some(format!("{storage} {version}")),
        (Some(storage), None) => Some(storage.clone()),
        (None, version) => version,
    };
    view! {
        <li class="source" class:source--down=!source.reachable class:source--wide=is_wide>
            <header class="source__head">
                <h2 class="source__name">{source.name.clone()}</h2>
                {(source.kind != source.name).then(|| view! { <span class="chip">{source.kind.clone()}</span> })}
                {if source.reachable {
                    view! { <span class="source__state source__state--up"><Icon symbol=Symbol::Tick />"Answers"</span> }
                        .into_any()
                } else {
                    view! {
                        <span class="source__state source__state--down"><Icon symbol=Symbol::Close />"Does not answer"</span>
                    }
                    .into_any()
                }}
            </header>
            {source.problem.map(|problem| view! {
                <div class="source__problem">
                    <p>{problem}</p>
                    {source.hint.map(|hint| view! { <p class="source__hint">{sentence(&hint)}</p> })}
                </div>
            })}
            <dl class="facts source__facts">
                {fact("Address", source.url)}
                {fact("Version", version)}
                {fact("Keeps", source.retention)}
                {fact("Scraped every", interval)}
            </dl>
            {source.scrapes.map(scrapes)}
            {(!source.mends.is_empty()).then(|| view! {
                <section class="source__part">
                    <h3>"What to paste"</h3>
                    <Pastes name=if is_wide { "mends" } else { "mends-of-cluster" } pastes=source.mends />
                </section>
            })}
            {is_wide.then(|| metrics(source.metrics))}
            {(!source.labels.is_empty()).then(|| labels(source.labels))}
            <div class="source__parts">
                {list("It can tell", capabilities, Symbol::Tick, "source__list source__list--can")}
                {list("Missing", missing, Symbol::Info, "source__list source__list--missing")}
            </div>
        </li>
    }
}

fn interval(secs: f64) -> String {
    // Intervals are set in whole seconds as a rule; what is measured is close to them.
    if secs >= 1.0 && (secs - secs.round()).abs() < 0.02 * secs {
        numbers::span(secs.round() as u32)
    } else {
        numbers::millis(secs * 1000.0)
    }
}

fn scrapes(scrapes: Scrapes) -> AnyView {
    let (class, symbol) = match scrapes.verdict {
        ScrapeVerdict::Enough => ("source__scrapes", Symbol::Tick),
        ScrapeVerdict::Few => ("source__scrapes source__scrapes--few", Symbol::Info),
        ScrapeVerdict::TooFew => ("source__scrapes source__scrapes--none", Symbol::Close),
    };
    view! { <p class=class><Icon symbol />{scrapes.reason}</p> }.into_any()
}

/// Returns those that are missing first, in the order given.
fn missing_first(metrics: Vec<Metric>) -> Vec<Metric> {
    let rank = |it: &Metric| match (it.present, it.optional) {
        (false, false) => 0,
        (true, _) => 1,
        (false, true) => 2,
    };
    let mut metrics = metrics;
    metrics.sort_by_key(rank);
    metrics
}

fn metrics(metrics: Vec<Metric>) -> AnyView {
    let present = metrics.iter().filter(|it| it.present).count();
    let count = format!("{present} of {} are there", metrics.len());
    let rows = missing_first(metrics)
        .into_iter()
        .map(|it| {
            let (symbol, class, word) = match (it.present, it.optional) {
                (true, _) => (Symbol::Tick, "source__there", "there"),
                (false, true) => (
                    Symbol::Minus,
                    "source__maybe",
                    "not there, which may be right",
                ),
                (false, false) => (Symbol::Close, "source__lost", "missing"),
            };
            let means = match it.present {
                true => it.shows.clone(),
                false => format!("{}. Lost without it: {}.", it.shows, it.lost),
            };
            view! {
                <tr>
                    <td class=class><Icon symbol /><span class="visually-hidden">{word}</span></td>
                    <th scope="row"><code>{it.name}</code></th>
                    <td>{means}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <section class="source__part">
            <h3>"Metrics"<span class="source__count">{count}</span></h3>
            <div class="table-frame table-frame--short source__table" tabindex="0" role="region" aria-label="Metrics">
                <table class="source__metrics">
                    <thead class="visually-hidden">
                        <tr><th scope="col">"There"</th><th scope="col">"Metric"</th><th scope="col">"What it shows"</th></tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn labels(labels: Vec<Label>) -> AnyView {
    let present = labels.iter().filter(|it| it.present).count();
    let count = format!("{present} of {} are there", labels.len());
    let (there, lost): (Vec<Label>, Vec<Label>) = labels.into_iter().partition(|it| it.present);
    let there = there
        .into_iter()
        .map(|it| view! { <li title=it.lost><Icon symbol=Symbol::Tick /><code>{it.name}</code></li> })
        .collect_view();
    let lost = lost
        .into_iter()
        .map(|it| view! {
            <li><Icon symbol=Symbol::Close /><span><code>{it.name}</code>{format!(": without it, not known: {}", it.lost)}</span></li>
        })
        .collect_view();
    view! {
        <section class="source__part">
            <h3>"Labels of requests"<span class="source__count">{count}</span></h3>
            <ul class="source__list source__list--missing">{lost}</ul>
            <ul class="source__labels">{there}</ul>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_stands_first_and_what_may_be_missing_last() {
        let metric = |name: &str, present, optional| Metric {
            name: name.to_owned(),
            shows: String::new(),
            present,
            optional,
            lost: String::new(),
        };
        let sorted = missing_first(vec![
            metric("there", true, false),
            metric("maybe", false, true),
            metric("lost", false, false),
        ]);
        let names: Vec<&str> = sorted.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["lost", "there", "maybe"]);
    }

    #[test]
    fn an_interval_that_is_measured_is_read_as_the_one_that_was_set() {
        assert_eq!(interval(15.02), "15 seconds");
        assert_eq!(interval(60.0), "1 minute");
        assert_eq!(interval(0.5), "500 ms");
    }
}
