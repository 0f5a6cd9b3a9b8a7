//! The questions in PromQL. Values enter it only through [`matcher`].

use mesh::telemetry::{Selector, Side, SideKind};
use mesh::units::{UnixMillis, Window};

use super::births::{Place, Unseen};

/// Istio's counter of requests.
pub const REQUESTS: &str = "istio_requests_total";
/// Istio's histogram of durations.
pub const DURATIONS: &str = "istio_request_duration_milliseconds_bucket";
/// How long a proxy runs, in seconds.
pub const UPTIME: &str = "envoy_server_uptime";
/// How many series a scrape told that the one before had not: the scraper writes it for each target.
const NEW_SERIES: &str = "scrape_series_added";

/// Istio's counters of what flows over TCP: which metric tells of which flow.
///
/// Istio names them after the server: what it received came from the client, for both reporters (rule R9).
pub const TCP: [(&str, &str); 4] = [
    ("istio_tcp_received_bytes_total", "to_server"),
    ("istio_tcp_sent_bytes_total", "to_client"),
    ("istio_tcp_connections_opened_total", "opened"),
    ("istio_tcp_connections_closed_total", "closed"),
];
/// Istio's counters of the messages in gRPC calls, with which way they went.
pub const MESSAGES: [(&str, &str); 2] = [
    ("istio_request_messages_total", "to_server"),
    ("istio_response_messages_total", "to_client"),
];

const PEERS: &str = "reporter, source_workload, source_workload_namespace, source_canonical_service, \
     source_canonical_revision, source_cluster, destination_workload, destination_workload_namespace, \
     destination_canonical_service, destination_canonical_revision, destination_cluster, \
     destination_service_name, destination_service_namespace, request_protocol";
const ENDING: &str = "response_code, grpc_response_status, response_flags";
const POLICY: &str = "connection_security_policy";
/// The label of a scraped pod that tells the sides of an Argo Rollout apart (rule R6), as relabelling by `labelmap`
/// writes it. The callee's own report is asked for it: a caller's would say of which side that is.
const TEMPLATE: &str = "rollouts_pod_template_hash";
/// The upper edges of buckets below 1,000 ms, as any version of a source writes them (`500`, `500.0`).
const BELOW_SECOND: &str = "[0-9]{1,3}([.][0-9]*)?";
/// TCP has metrics of its own.
const PROTOCOLS: &str = "request_protocol=~\"http|grpc\"";

/// Who answers, as far as it changes the question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Stands before the names of Istio's metrics, where they were aggregated by rules of that name.
    pub prefix: String,
    /// Whether `increase()` is MetricsQL's: exact, but with a guess of its own at the first value of a series.
    pub is_metricsql: bool,
    /// Whether `increase()` assumes that a counter came from zero however long before its first sample that would
    /// have been, up to 1.1 intervals, as Prometheus 2.42 does: later ones assume it within half an interval
    /// ([`EXTRAPOLATED`] tells).
    pub goes_back_to_zero: bool,
}

/// Whose view of the requests is asked (rule R2). Together they are all reporters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The client's: sidecars, gateways and waypoints.
    Client,
    /// The server's.
    Server,
}

/// Whose durations are asked, and which buckets of them. Together they are all that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durations {
    /// The client's view (sidecars, gateways and waypoints), its buckets below a second: nine of Istio's twenty.
    ClientBelowSecond,
    /// The client's view, the other buckets.
    ClientFromSecond,
    /// The server's view, all buckets, where the caller has no proxy.
    WithoutCaller,
}

impl Dialect {
    pub(super) fn named(&self, metric: &str) -> String {
        format!("{}{metric}", self.prefix)
    }

    /// Asks for the number of requests of the whole mesh in one view: what counters rose by within the window. What
    /// [`Dialect::unseen`] tells comes on top.
    pub fn requests(&self, window: Window, view: View) -> String {
        let metric = selector(
            &self.named(REQUESTS),
            Some(view.matcher()),
            &Place::Anywhere,
        );
        let rose = self.rose(&metric, window);
        // What servers alone know (rules R6, R8): the rest is answered sooner without it.
        let also = match view {
            View::Client => String::new(),
            View::Server => format!(", {POLICY}, {TEMPLATE}"),
        };
        format!("sum by ({PEERS}, {ENDING}{also}) ({rose})")
    }

    /// What the counters of `metric` rose by, with what was born where that can't be told apart.
    fn rose(&self, metric: &str, window: Window) -> String {
        if self.is_metricsql && self.prefix.is_empty() {
            increase_from_zero(metric, window)
        } else {
            format!("increase({metric}[{window}])")
        }
    }

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
        let first = |place: &Place| self.first_value(&selector(REQUESTS, None, place), window);
        let last = |place: &Place| last_rise(&selector(REQUESTS, None, place), window);
        self.sum_of_unseen(&by, window, unseen, first, last)
    }

    /// Adds up what is asked for where series were born, as far as they are really new, and where they ended; `None`
    /// where that is nowhere.
    fn sum_of_unseen(
        &self,
        by: &str,
        window: Window,
        unseen: &Unseen,
        first: impl Fn(&Place) -> String,
        last: impl Fn(&Place) -> String,
    ) -> Option<String> {
        if !self.tells_births_apart() {
            return None;
        }
        let born = born_at(&unseen.born, window, first);
        let ended = (!unseen.ended.is_nowhere()).then(|| last(&unseen.ended));
        let parts: Vec<String> = born.into_iter().chain(ended).collect();
        (!parts.is_empty()).then(|| format!("sum by ({by}) ({})", parts.join(" or ")))
    }

    /// Asks for the requests to some workloads alone, by name, in whatever namespace; and for those that no
    /// workload took.
    pub fn requests_to(&self, window: Window, workloads: &[&str]) -> String {
        let metric = self.named(REQUESTS);
        let workloads: Vec<&str> = workloads.iter().copied().chain(["unknown"]).collect();
        let matcher = one_of("destination_workload", &workloads);
        format!("sum by ({PEERS}, {ENDING}) (increase({metric}{{{matcher}}}[{window}]))")
    }

    /// Asks for a part of the durations of the whole mesh.
    pub fn durations(&self, window: Window, part: Durations) -> String {
        let metric = self.named(DURATIONS);
        let matchers = part.matchers();
        format!("sum by (le, {PEERS}) (increase({metric}{{{matchers}}}[{window}]))")
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
        if !self.tells_births_apart() {
            return None;
        }
        let first = format!("({metric} unless {metric} offset {window})");
        let born = born_at(births, window, |_| first)?;
        Some(format!("sum by (le, {PEERS}) ({born})"))
    }

    /// Asks for TCP bytes and connections of the whole mesh: what counters rose by. The label `flow` says which;
    /// it starts with `tunnel_` where an ambient node proxy tells it. What [`Dialect::tcp_unseen`] tells comes on top.
    pub fn tcp(&self, window: Window) -> String {
        let by = format!("{PEERS}, response_flags, {POLICY}");
        self.flows(&tcp_flows(), &by, window)
    }

    /// Asks for what `increase()` does not see of TCP, as [`Dialect::unseen`] does of requests.
    pub fn tcp_unseen(&self, window: Window, unseen: &Unseen) -> Option<String> {
        let by = format!("{PEERS}, response_flags, {POLICY}");
        self.flows_unseen(&tcp_flows(), &by, window, unseen)
    }

    /// Asks for the messages in gRPC calls of the whole mesh: what counters rose by; the label `flow` says which
    /// way they went. What [`Dialect::messages_unseen`] tells comes on top.
    pub fn messages(&self, window: Window) -> String {
        self.flows(&message_flows(), PEERS, window)
    }

    /// Asks for what `increase()` does not see of the messages, as [`Dialect::unseen`] does of requests.
    pub fn messages_unseen(&self, window: Window, unseen: &Unseen) -> Option<String> {
        self.flows_unseen(&message_flows(), PEERS, window, unseen)
    }

    fn flows(&self, flows: &[Flow], by: &str, window: Window) -> String {
        let parts = flows.iter().map(|flow| {
            let metric = selector(&self.named(flow.metric), flow.matcher, &Place::Anywhere);
            let rose = self.rose(&metric, window);
            flow.labelled(&format!("sum by ({by}) ({rose})"))
        });
        parts.collect::<Vec<_>>().join(" or ")
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

    fn flows_unseen(
        &self,
        flows: &[Flow],
        by: &str,
        window: Window,
        unseen: &Unseen,
    ) -> Option<String> {
        let all = |place: &Place, told: &dyn Fn(&str) -> String| {
            let parts = flows.iter().map(|flow| {
                let metric = selector(flow.metric, flow.matcher, place);
                flow.labelled(&told(&metric))
            });
            format!("({})", parts.collect::<Vec<_>>().join(" or "))
        };
        self.sum_of_unseen(
            &format!("flow, {by}"),
            window,
            unseen,
            |place| all(place, &|metric| self.first_value(metric, window)),
            |place| all(place, &|metric| last_rise(metric, window)),
        )
    }
}

/// Returns the first values of what was born somewhere, as far as it is really new; `None` where that is nowhere.
fn born_at(place: &Place, window: Window, first: impl FnOnce(&Place) -> String) -> Option<String> {
    if place.is_nowhere() {
        return None;
    }
    let first = first(place);
    Some(match place {
        Place::At(_) => first,
        Place::Anywhere => format!("({first} and {})", is_fresh(window)),
    })
}

/// Returns what the series of `metric` that have one value in the window rose by since the one before it. That is one
/// interval, as long as scrapes did not fail, and on average as much as they were there for: half an interval until
/// that value, and half of one after it.
fn last_rise(metric: &str, window: Window) -> String {
    let rise = format!("last_over_time({metric}[{window}]) - {metric} offset {window} > 0");
    format!("({rise} and count_over_time({metric}[{window}]) == 1)")
}

/// One of several counters in one question.
struct Flow {
    metric: &'static str,
    matcher: Option<&'static str>,
    name: String,
}

impl Flow {
    fn labelled(&self, counted: &str) -> String {
        let name = &self.name;
        format!("label_replace({counted}, \"flow\", \"{name}\", \"\", \"\")")
    }
}

fn tcp_flows() -> Vec<Flow> {
    let sides = [("app!=\"ztunnel\"", ""), ("app=\"ztunnel\"", "tunnel_")];
    let flows = TCP.iter().flat_map(|&(metric, flow)| {
        sides.map(|(matcher, tunnel)| Flow {
            metric,
            matcher: Some(matcher),
            name: format!("{tunnel}{flow}"),
        })
    });
    flows.collect()
}

fn message_flows() -> Vec<Flow> {
    let flows = MESSAGES.iter().map(|&(metric, flow)| Flow {
        metric,
        matcher: None,
        name: flow.to_owned(),
    });
    flows.collect()
}

/// Writes the series of `metric` that one matcher leaves at some place.
fn selector(metric: &str, matcher: Option<&str>, place: &Place) -> String {
    let of_place = place.matcher();
    let matchers: Vec<&str> = matcher.into_iter().chain(of_place.as_deref()).collect();
    if matchers.is_empty() {
        metric.to_owned()
    } else {
        format!("{metric}{{{}}}", matchers.join(", "))
    }
}

impl View {
    fn matcher(self) -> &'static str {
        match self {
            View::Client => "reporter!=\"destination\"",
            View::Server => "reporter=\"destination\"",
        }
    }
}

impl Durations {
    fn matchers(self) -> String {
        let (view, more) = match self {
            Durations::ClientBelowSecond => (View::Client, format!("le=~\"{BELOW_SECOND}\"")),
            Durations::ClientFromSecond => (View::Client, format!("le!~\"{BELOW_SECOND}\"")),
            Durations::WithoutCaller => (View::Server, "source_workload=\"unknown\"".to_owned()),
        };
        format!("{}, {more}", view.matcher())
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
pub(super) fn increase_from_zero(metric: &str, window: Window) -> String {
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

/// A question that MetricsQL answers and PromQL refuses.
pub const IS_METRICSQL: &str = "median_over_time(up[1m])";

impl Dialect {
    /// Asks for the counts of `selector` over `range_secs` at each point.
    pub fn series_counts(&self, selector: &Selector, range_secs: u32) -> String {
        let matchers = matchers(selector);
        let metric = self.named(REQUESTS);
        format!(
            "sum by (reporter, request_protocol, {ENDING}) \
             (increase({metric}{{{matchers}}}[{range_secs}s]))"
        )
    }

    /// Asks for the durations of `selector` over `range_secs` at each point.
    pub fn series_buckets(&self, selector: &Selector, range_secs: u32) -> String {
        let matchers = matchers(selector);
        let metric = self.named(DURATIONS);
        format!("sum by (le, reporter) (increase({metric}{{{matchers}}}[{range_secs}s]))")
    }
}

fn matchers(selector: &Selector) -> String {
    let mut out = vec![PROTOCOLS.to_owned()];
    if let Some(protocol) = selector.protocol {
        out.push(matcher("request_protocol", protocol.as_str()));
    }
    if let Some(side) = &selector.source {
        side_matchers("source", side, &mut out);
    }
    if let Some(side) = &selector.destination {
        side_matchers("destination", side, &mut out);
    }
    out.join(", ")
}

fn side_matchers(end: &str, side: &Side, out: &mut Vec<String>) {
    let label = |name: &str| format!("{end}_{name}");
    if let Some(cluster) = &side.cluster {
        out.push(matcher(&label("cluster"), cluster.as_str()));
    }
    let mut namespace = |name: &str| match &side.namespace {
        Some(namespace) => out.push(matcher(&label(name), namespace.as_str())),
        // What proxies do not know is written in two ways.
        None => out.push(format!("{}=~\"|unknown\"", label(name))),
    };
    match &side.what {
        SideKind::Workload(workload) => {
            namespace("workload_namespace");
            out.push(matcher(&label("workload"), workload.as_str()));
        }
        SideKind::Version(app, version) => {
            namespace("workload_namespace");
            out.push(matcher(&label("canonical_service"), app.as_str()));
            out.push(matcher(&label("canonical_revision"), version.as_str()));
        }
        SideKind::App(app) => {
            namespace("workload_namespace");
            out.push(matcher(&label("canonical_service"), app.as_str()));
        }
        SideKind::Service(service) => {
            namespace("service_namespace");
            out.push(matcher(&label("service_name"), service.as_str()));
        }
        SideKind::ServiceWithoutEndpoint(service) => {
            namespace("service_namespace");
            out.push(matcher(&label("service_name"), service.as_str()));
            out.push(format!("{}=~\"|unknown\"", label("workload")));
        }
        SideKind::Unknown => out.push(format!("{}=~\"|unknown\"", label("workload"))),
    }
}

/// Writes `label="value"`, escaped: the one door for values.
pub fn matcher(label: &str, value: &str) -> String {
    compared(label, "=", value)
}

/// Writes `label=~"a|b"`, where each value stands for itself alone.
pub fn one_of(label: &str, values: &[&str]) -> String {
    let escaped: Vec<String> = values.iter().map(|value| literal(value)).collect();
    compared(label, "=~", &escaped.join("|"))
}

/// Writes a value as a regular expression that matches nothing else.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn compared(label: &str, how: &str, value: &str) -> String {
    let mut out = String::with_capacity(label.len() + value.len() + 4);
    out.push_str(label);
    out.push_str(how);
    out.push('"');
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a matcher as Prometheus's lexer does: to the first quote that no backslash escapes.
    fn read(text: &str) -> (String, String, String) {
        let (label, rest) = text.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    'n' => value.push('\n'),
                    c => value.push(c),
                },
                c => value.push(c),
            }
        }
        (label.to_owned(), value, chars.collect())
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_quotes(value in "(.|\n|[\"\\\\{}]){0,30}") {
            let text = matcher("pod", &value);
            prop_assert_eq!(read(&text), ("pod".to_owned(), value, String::new()));
        }

        #[test]
        fn a_list_of_values_matches_those_values_alone(
            values in prop::collection::vec("[a-z.|()\\\\^$+*\"-]{1,8}", 1..4),
            other in "[a-z.|()\\\\^$+*\"-]{1,8}",
        ) {
            let names: Vec<&str> = values.iter().map(String::as_str).collect();
            let text = one_of("pod", &names);
            let (_, pattern, rest) = read(&text.replacen("=~", "=", 1));
            prop_assert_eq!(rest, "");
            // Prometheus anchors patterns at both ends.
            let pattern = regex_lite::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            for name in &names {
                prop_assert!(pattern.is_match(name));
            }
            prop_assert_eq!(pattern.is_match(&other), values.contains(&other));
        }
    }

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
        // Where something ended and nothing began, that alone is asked for.
        let ended = Unseen {
            ended: here,
            ..nothing
        };
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

    #[test]
    fn a_namespace_with_quotes_and_backslashes_is_only_a_value() {
        let selector = Selector {
            source: Some(Side {
                cluster: None,
                namespace: Some("a\"} or {b=\\\"".into()),
                what: SideKind::Workload("w".into()),
            }),
            destination: None,
            protocol: None,
        };
        assert!(
            Dialect::default()
                .series_counts(&selector, 60)
                .contains(r#"source_workload_namespace="a\"} or {b=\\\"", source_workload="w""#)
        );
    }
}
