//! What `increase()` does not see of a window (rule R5): what series began with that were born inside it, and what those
//! rose by that ended at its start; and how the scraper tells where to look for them.

use std::sync::Arc;

use mesh::units::{UnixMillis, Window};

use super::{
    DURATIONS, Dialect, ENDING, Flow, PEERS, POLICY, REQUESTS, TEMPLATE, UPTIME, View,
    message_flows, one_of, selector, tcp_flows,
};

/// How many series a scrape told that the one before had not: the scraper writes it for each target.
const NEW_SERIES: &str = "scrape_series_added";

/// Which targets are to be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Too many to be named, or nobody says it.
    Anywhere,
    /// These instances.
    At(Arc<[String]>),
}

/// Where that is which `increase()` does not see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// Where series can be that did not exist before: it misses what they began with.
    pub born: Place,
    /// Where series have ended that were scraped once in the window: it makes nothing of one value.
    pub ended: Place,
}

/// What of a series is not seen.
#[derive(Clone, Copy, Debug)]
enum Missed {
    /// What it began with.
    First,
    /// What it rose by before it ended.
    Last,
}

impl Place {
    /// Returns no place at all.
    pub fn nowhere() -> Place {
        Place::At(Arc::default())
    }

    /// Returns whether it is no target at all.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Place::At(instances) if instances.is_empty())
    }

    /// Returns the matcher that leaves the targets in question; `None` where that is all of them.
    pub fn matcher(&self) -> Option<String> {
        match self {
            Place::Anywhere => None,
            Place::At(instances) => {
                let names: Vec<&str> = instances.iter().map(String::as_str).collect();
                Some(one_of("instance", &names))
            }
        }
    }
}

impl Unseen {
    /// Returns what is not known: series can be new anywhere.
    pub fn unknown() -> Unseen {
        Unseen::born_at(Place::Anywhere)
    }

    /// Returns what was born somewhere, where nothing ended.
    pub fn born_at(born: Place) -> Unseen {
        let ended = Place::nowhere();
        Unseen { born, ended }
    }

    /// Says what is asked of `what`, such as `requests`.
    pub fn in_words(&self, what: &str) -> String {
        let parts = [
            (&self.born, "first", "that were born in the window"),
            (&self.ended, "last", "that ended at the window's start"),
        ];
        let parts = parts.into_iter().filter(|(place, ..)| !place.is_nowhere());
        let parts = parts.map(|(_, which, series)| format!("{which} {what} of series {series}"));
        parts.collect::<Vec<_>>().join("; ")
    }
}

impl Dialect {
    /// Returns whether births are asked for apart from what rose: not where the answer holds them already, nor
    /// where aggregated series do not say of whom they are.
    pub fn tells_births_apart(&self) -> bool {
        !self.is_metricsql && self.prefix.is_empty()
    }

    /// Asks for what `increase()` does not see: the first values of the series that were born within the window (it
    /// starts from them, not from zero, and a first failure has no other value, rule R5), and what those rose by that
    /// ended at its start. `None` where that is not told apart, or there was nothing.
    pub fn unseen(&self, window: Window, unseen: &Unseen) -> Option<String> {
        let by = format!("{PEERS}, {ENDING}, {POLICY}, {TEMPLATE}");
        self.sum_of_unseen(&by, window, unseen, |missed, place| {
            self.missed(missed, &selector(REQUESTS, None, place), window)
        })
    }

    /// Asks for what `increase()` does not see of TCP, as [`Dialect::unseen`] does of requests.
    pub fn tcp_unseen(&self, window: Window, unseen: &Unseen) -> Option<String> {
        let by = format!("{PEERS}, response_flags, {POLICY}");
        self.flows_unseen(&tcp_flows(), &by, window, unseen)
    }

    /// Asks for what `increase()` does not see of the messages, as [`Dialect::unseen`] does of requests.
    pub fn messages_unseen(&self, window: Window, unseen: &Unseen) -> Option<String> {
        self.flows_unseen(&message_flows(), PEERS, window, unseen)
    }

    /// Asks for the durations of calls that are the first of their series, between some workloads alone.
    pub fn first_durations(
        &self,
        window: Window,
        from: &[&str],
        to: &[&str],
        births: &Place,
    ) -> Option<String> {
        let own = [
            View::Client.matcher().to_owned(),
            one_of("source_workload", from),
            one_of("destination_workload", to),
        ];
        let metric = selector(DURATIONS, Some(&own.join(", ")), births);
        if !self.tells_births_apart() || births.is_nowhere() {
            return None;
        }
        let first = format!("({metric} unless {metric} offset {window})");
        let born = only_fresh(first, births, window);
        Some(format!("sum by (le, {PEERS}) ({born})"))
    }

    fn flows_unseen(
        &self,
        flows: &[Flow],
        by: &str,
        window: Window,
        unseen: &Unseen,
    ) -> Option<String> {
        self.sum_of_unseen(&format!("flow, {by}"), window, unseen, |missed, place| {
            let parts = flows.iter().map(|flow| {
                let metric = selector(flow.metric, flow.matcher, place);
                flow.labelled(&self.missed(missed, &metric, window))
            });
            format!("({})", parts.collect::<Vec<_>>().join(" or "))
        })
    }

    /// Adds up what is not seen, as `ask` asks for it at some place; `None` where that is nowhere.
    fn sum_of_unseen(
        &self,
        by: &str,
        window: Window,
        unseen: &Unseen,
        ask: impl Fn(Missed, &Place) -> String,
    ) -> Option<String> {
        if !self.tells_births_apart() {
            return None;
        }
        let mut parts = Vec::new();
        if !unseen.born.is_nowhere() {
            let first = ask(Missed::First, &unseen.born);
            parts.push(only_fresh(first, &unseen.born, window));
        }
        if !unseen.ended.is_nowhere() {
            parts.push(ask(Missed::Last, &unseen.ended));
        }
        (!parts.is_empty()).then(|| format!("sum by ({by}) ({})", parts.join(" or ")))
    }

    fn missed(&self, missed: Missed, metric: &str, window: Window) -> String {
        match missed {
            Missed::First => self.first_value(metric, window),
            Missed::Last => last_rise(metric, window),
        }
    }

    /// Returns what the series of `metric` that were born inside the window began with, less what `increase()` has
    /// made of it: that assumes that a counter came from zero before its first sample (`extrapolatedRate` in
    /// Prometheus's promql/functions.go), and n samples are n - 1 intervals apart.
    ///
    /// A step is told as a share of the first value, so that few selectors do: what finding the series again costs is
    /// most of the question.
    fn first_value(&self, metric: &str, window: Window) -> String {
        let over = |what: &str| format!("{what}_over_time({metric}[{window}])");
        let (min, max, count) = (over("min"), over("max"), over("count"));
        let first = format!("(({min} > 0) unless {metric} offset {window})");
        let step = format!("({max} / {min} - 1) / clamp_min({count} - 1, 1)");
        let beyond = if self.goes_back_to_zero {
            format!("(1 - 0.5 * ({step} <= 1 / 1.1))")
        } else {
            format!("clamp_min(1 - 0.5 * {step}, 0)")
        };
        format!("({first} * {beyond})")
    }
}

/// Returns what the series of `metric` that have one value in the window rose by since the one before it. That is one
/// interval, as long as scrapes did not fail, and on average as much as they were there for: half an interval until
/// that value, and half of one after it.
fn last_rise(metric: &str, window: Window) -> String {
    let rise = format!("last_over_time({metric}[{window}]) - {metric} offset {window} > 0");
    format!("({rise} and count_over_time({metric}[{window}]) == 1)")
}

/// Leaves of the first values at some place those that are really new: named targets are known to be fresh.
fn only_fresh(first: String, place: &Place, window: Window) -> String {
    match place {
        Place::At(_) => first,
        Place::Anywhere => format!("({first} and {})", is_fresh(window)),
    }
}

/// Targets whose series, when they appear within the window, are really new: the target was scraped at the
/// window's start, or all its proxies are younger than the window. A proxy that was only scraped for the first
/// time is neither, and its past is not counted.
fn is_fresh(window: Window) -> String {
    let (up, uptime) = (was_scraped("up", window), oldest(UPTIME, window));
    format!(
        "on (job, instance) ({up} or ({uptime} < {}))",
        window.secs()
    )
}

/// Which targets of `up` were scraped when the window began.
fn was_scraped(up: &str, window: Window) -> String {
    format!("({up} offset {window} == 1)")
}

/// How long the oldest proxy of each target of `uptime` ran, when it was heard of last within the window.
fn oldest(uptime: &str, window: Window) -> String {
    format!("max by (job, instance) (max_over_time({uptime}[{window}]))")
}

/// Returns the increase of `metric` over `window`, where a series born inside the window counts from zero
/// (rule R5), as one expression: for what has few series, and for an `increase()` that guesses itself.
pub fn increase_from_zero(metric: &str, window: Window) -> String {
    let fresh = is_fresh(window);
    format!(
        "((({metric} unless {metric} offset {window}) and {fresh}) or increase({metric}[{window}]))"
    )
}

/// What [`targets_with_news`] says of a target that answers no more and was scraped once.
pub const HAS_ENDED: f64 = -1.0;

/// Asks which targets told series within the window that they had not told before, by Prometheus's own count at
/// each scrape; and which were scraped once in it and answer no more ([`HAS_ENDED`]). A target can be both: the label
/// keeps the two apart.
pub fn targets_with_news(window: Window) -> String {
    let ended = format!("(sum_over_time(up[{window}]) == 1) unless up == 1");
    format!(
        "sum_over_time({NEW_SERIES}[{window}]) > 0 or label_replace(-({ended}), \"ended\", \"yes\", \"\", \"\")"
    )
}

/// Asks whether new series are counted at all.
pub fn counts_new_series() -> String {
    format!("count({NEW_SERIES})")
}

/// What [`beginnings`] says of a target that was scraped when the window began.
pub const WAS_SCRAPED: f64 = 1.0;

/// Asks how the targets in question began: [`WAS_SCRAPED`], or 2 and how long their oldest proxy ran, in seconds.
/// [`is_fresh_target`] reads the values.
pub fn beginnings(window: Window, targets: &Place) -> String {
    let up = selector("up", None, targets);
    let uptime = selector(UPTIME, None, targets);
    format!(
        "{} or on (job, instance) (2 + {})",
        was_scraped(&up, window),
        oldest(&uptime, window)
    )
}

/// Returns whether new series of a target are really new, by what [`beginnings`] says of it: 1 where it
/// was scraped at the window's start, else 2 and how long its oldest proxy ran.
pub fn is_fresh_target(value: f64, window_secs: f64) -> bool {
    value < 2.0 + window_secs
}

/// What `increase()` makes of a counter that is 8 at its first sample and rises by one a second, 10 s apart: asked for
/// the time 1000 s, when it was told from 970 s on. It needs no data.
pub const EXTRAPOLATED: &str = "increase((vector(time() - 962) > 0)[100s:10s])";
/// The time that [`EXTRAPOLATED`] is asked for.
pub const EXTRAPOLATED_AT: UnixMillis = UnixMillis(1_000_000);
/// What it is where the eight seconds back to zero are taken in; half an interval would make it 35.
pub const BACK_TO_ZERO: f64 = 38.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn births_are_searched_where_they_can_be() {
        let dialect = Dialect::default();
        let window = Window::default();
        let nothing = Unseen::born_at(Place::At([].into()));
        assert_eq!(dialect.unseen(window, &nothing), None);
        assert_eq!(dialect.tcp_unseen(window, &nothing), None);
        assert_eq!(dialect.messages_unseen(window, &nothing), None);
        let here = Place::At(["10.0.0.1:15020".to_owned(), "a|b".to_owned()].into());
        let born = Unseen::born_at(here.clone());
        let text = dialect.tcp_unseen(window, &born).unwrap();
        let named = r#"{app="ztunnel", instance=~"10\\.0\\.0\\.1:15020|a\\|b"}"#;
        assert!(text.contains(named), "{text}");
        assert!(
            !text.contains("up offset"),
            "these targets are known to be fresh: {text}"
        );
        assert!(!text.contains("last_over_time"), "nothing ended: {text}");
        let text = dialect.unseen(window, &Unseen::unknown()).unwrap();
        assert!(text.contains("up offset"), "{text}");
        let aggregated = Dialect {
            prefix: "workload:".to_owned(),
            ..Dialect::default()
        };
        assert_eq!(aggregated.unseen(window, &Unseen::unknown()), None);
        assert_eq!(
            born.in_words("requests"),
            "first requests of series that were born in the window"
        );
        // Where something ended and nothing began, that alone is asked for.
        let ended = Unseen {
            ended: here,
            ..nothing
        };
        assert_eq!(
            ended.in_words("messages"),
            "last messages of series that ended at the window's start"
        );
        let text = dialect.tcp_unseen(window, &ended).unwrap();
        assert!(
            text.contains(named) && !text.contains("min_over_time"),
            "{text}"
        );
    }

    #[test]
    fn a_target_is_fresh_that_was_scraped_or_that_is_young() {
        assert!(is_fresh_target(1.0, 60.0), "scraped at the window's start");
        assert!(is_fresh_target(2.0, 60.0), "its proxy has just started");
        assert!(
            is_fresh_target(61.9, 60.0),
            "its proxy is younger than the window"
        );
        assert!(!is_fresh_target(62.0, 60.0), "its proxy is older");
    }
}
