//! One edge: what each proxy reports of its calls, kept apart (rules R2, R8, R9).

use crate::api::graph::{Flow, ServerView, View};
use crate::telemetry::{Histogram, MessageSample, Mtls, Protocol, Reporter, TcpSample, TrafficKey};
use crate::units::{Ratio, Window, six_digits};

use super::identity::Identity;
use super::streams::{self, Connections, Messages, Streams};
use super::totals::Totals;
use super::words;

/// The two views differ when they are further apart than this share.
const DIFFERENCE: f64 = 0.1;
/// Views of fewer requests or connections than this are not compared.
const MIN_COMPARED: f64 = 5.0;

/// One report of an edge: counts, durations, flows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The counts.
    pub totals: Totals,
    /// The durations, where they were asked.
    pub histogram: Option<Histogram>,
    /// What flowed, where that was reported.
    pub streams: Option<Box<Streams>>,
    /// Whether requests were reported: over TCP there are none to count.
    pub has_requests: bool,
}

impl Calls {
    /// Adds another report of the same side.
    pub fn merge(&mut self, other: &Calls) {
        self.totals.merge(&other.totals);
        if let Some(histogram) = &other.histogram {
            merge_histogram(&mut self.histogram, histogram);
        }
        if let Some(streams) = &other.streams {
            self.flow(streams);
        }
        self.has_requests |= other.has_requests;
    }

    /// Adds flows.
    pub fn flow(&mut self, other: &Streams) {
        self.streams.get_or_insert_default().merge(other);
    }

    /// Returns what flowed over TCP.
    pub fn tcp(&self) -> Option<&Connections> {
        self.streams.as_ref()?.tcp.as_ref()
    }

    /// Returns whether anything was counted.
    pub fn is_busy(&self) -> bool {
        self.totals.requests > 0.0 || self.tcp().is_some_and(Connections::is_busy)
    }

    /// How much there is to compare, and its word.
    fn amount(&self) -> (f64, &'static str) {
        match self.tcp() {
            Some(tcp) if !self.has_requests => (tcp.opened(), "connections"),
            _ => (self.totals.requests, "requests"),
        }
    }
}

/// Adds durations to those known.
pub fn merge_histogram(into: &mut Option<Histogram>, other: &Histogram) {
    match into {
        Some(known) => known.merge(other),
        None => *into = Some(other.clone()),
    }
}

/// Who speaks for an edge, in the order in which they are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    Client,
    Waypoint,
    Server,
}

/// The reports of one edge by who makes them. They are never added.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sides {
    client: Option<Calls>,
    waypoint: Option<Calls>,
    server: Option<Calls>,
}

impl Sides {
    fn of(&mut self, reporter: Reporter) -> &mut Option<Calls> {
        match reporter {
            Reporter::Source => &mut self.client,
            Reporter::Waypoint => &mut self.waypoint,
            Reporter::Destination => &mut self.server,
        }
    }

    /// The report that is shown: the first in the order of belief that counted something. A series that
    /// only repeats an old count must not hide another side's news.
    fn chosen(&self) -> Option<(Speaker, &Calls)> {
        let sides = || {
            [
                (Speaker::Client, &self.client),
                (Speaker::Waypoint, &self.waypoint),
                (Speaker::Server, &self.server),
            ]
            .into_iter()
            .filter_map(|(speaker, calls)| Some((speaker, calls.as_ref()?)))
        };
        let busy = sides().find(|(_, calls)| calls.is_busy());
        busy.or_else(|| sides().next())
    }

    fn tcp(&mut self, sample: &TcpSample) {
        let calls = self.of(sample.key.reporter).get_or_insert_default();
        calls.flow(&Streams::of_tcp(Connections::of(sample)));
        calls.totals.flag(&sample.key.flags, streams::count(sample));
    }
}

/// How much of some calls was under mutual TLS (rule R8).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sealed {
    mutual: f64,
    known: f64,
    /// Of connections that were opened before the window, only their existence counts.
    has_mutual: bool,
    has_plain: bool,
}

impl Sealed {
    /// Counts calls; only the destination's proxy knows.
    pub fn count(&mut self, key: &TrafficKey, count: f64) {
        if key.reporter != Reporter::Destination || key.mtls == Mtls::Unknown {
            return;
        }
        self.known += count;
        if key.mtls == Mtls::Mutual {
            self.mutual += count;
        }
    }

    /// Counts connections, not bytes: one large copy says no more than one small query.
    pub fn connect(&mut self, sample: &TcpSample) {
        self.count(&sample.key, sample.opened);
        let is_used = Connections::of(sample).is_busy();
        if sample.key.reporter == Reporter::Destination && is_used {
            self.has_mutual |= sample.key.mtls == Mtls::Mutual;
            self.has_plain |= sample.key.mtls == Mtls::Plain;
        }
    }

    /// Adds other calls.
    pub fn merge(&mut self, other: &Sealed) {
        self.mutual += other.mutual;
        self.known += other.known;
        self.has_mutual |= other.has_mutual;
        self.has_plain |= other.has_plain;
    }

    /// Returns the share. Where no connection was opened, it is known only if all in use are alike.
    pub fn ratio(&self) -> Option<f64> {
        if let Some(ratio) = Ratio::of(self.mutual, self.known) {
            return Some(ratio.get());
        }
        match (self.has_mutual, self.has_plain) {
            (true, false) => Some(1.0),
            (false, true) => Some(0.0),
            _ => None,
        }
    }
}

/// All calls of one protocol between two nodes, by who reports them.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// The caller.
    pub from: Identity,
    /// The callee.
    pub to: Identity,
    /// The protocol.
    pub protocol: Protocol,
    sides: Sides,
    /// The ambient tunnel that the requests of this edge run through (rule R7).
    tunnel: Option<Box<Sides>>,
    sealed: Sealed,
    /// What is known of the ways beneath: the tunnel, the hop from a waypoint.
    sealed_beneath: Sealed,
}

impl Edge {
    /// Returns an edge that nobody has reported of.
    pub fn between(from: &Identity, to: &Identity, protocol: Protocol) -> Edge {
        Edge {
            from: from.clone(),
            to: to.clone(),
            protocol,
            sides: Sides::default(),
            tunnel: None,
            sealed: Sealed::default(),
            sealed_beneath: Sealed::default(),
        }
    }

    /// Returns the report that is shown: the client's; the waypoint's or the server's where there are none.
    /// Views are never added.
    pub fn calls(&self) -> Option<&Calls> {
        self.sides.chosen().map(|(_, calls)| calls)
    }

    /// Returns whose report is shown.
    pub fn view(&self) -> View {
        match self.sides.chosen() {
            Some((Speaker::Client | Speaker::Waypoint, _)) => View::Client,
            _ => View::Server,
        }
    }

    /// Returns the counts that are shown.
    pub fn shown(&self) -> &Totals {
        static NONE: Totals = Totals::NONE;
        self.calls().map_or(&NONE, |calls| &calls.totals)
    }

    /// Returns the durations of the view shown.
    pub fn latency(&self) -> Option<&Histogram> {
        self.calls().and_then(|calls| calls.histogram.as_ref())
    }

    /// Returns what flows, in the view shown; with the bytes of the tunnel beneath.
    pub fn flow(&self, window: Window) -> Flow {
        let Some(streams) = self.calls().and_then(|calls| calls.streams.as_deref()) else {
            let beneath = self.beneath();
            return beneath.map_or_else(Flow::default, |it| it.to_wire(window));
        };
        match self.beneath() {
            Some(beneath) => {
                let mut streams = streams.clone();
                streams.merge(beneath);
                streams.to_wire(window)
            }
            None => streams.to_wire(window),
        }
    }

    /// Returns what flows in the tunnel beneath, in one view.
    pub fn beneath(&self) -> Option<&Streams> {
        let (_, calls) = self.tunnel.as_ref()?.chosen()?;
        calls.streams.as_deref()
    }

    /// Returns the share under mutual TLS, as the server reports it (rule R8).
    pub fn mtls_ratio(&self) -> Option<f64> {
        self.sealed.ratio().or_else(|| self.sealed_beneath.ratio())
    }

    /// Returns whether a waypoint reports these calls.
    pub fn is_via_waypoint(&self) -> bool {
        self.sides.waypoint.as_ref().is_some_and(Calls::is_busy)
    }

    /// Returns short facts to mark it with.
    pub fn badges(&self) -> Vec<String> {
        let mut badges = Vec::new();
        if self.is_via_waypoint() {
            badges.push("via_waypoint".to_owned());
        }
        if self.tunnel.is_some() {
            badges.push("tunnel".to_owned());
        }
        badges
    }

    /// Returns whether the two views are further apart than a tenth.
    pub fn differs(&self) -> bool {
        let Some(((client, _), (server, _))) = self.compared() else {
            return false;
        };
        let larger = server.max(client);
        larger >= MIN_COMPARED && (server - client).abs() > DIFFERENCE * larger
    }

    fn compared(&self) -> Option<((f64, &'static str), (f64, &'static str))> {
        let server = self.sides.server.as_ref()?;
        match self.sides.chosen()? {
            (Speaker::Server, _) => None,
            (_, client) => Some((client.amount(), server.amount())),
        }
    }

    /// Returns the server's own report beside the client's, with why they differ; `names` are those that
    /// the callee is called by, where there is more than one.
    pub fn server_view(&self, window: Window, names: &[String]) -> Option<ServerView> {
        let ((_, word), (n_server, _)) = self.compared()?;
        let report = self.sides.server.as_ref()?;
        let server = &report.totals;
        let difference = self.differs().then(|| {
            let client = self.calls()?;
            let is_more = n_server > client.amount().0;
            Some(words::difference(is_more, word, &client.totals, names))
        });
        let streams = report.streams.as_ref();
        Some(ServerView {
            rps: six_digits(server.requests / f64::from(window.secs())),
            requests: six_digits(server.requests),
            errors: six_digits(server.errors),
            error_ratio: Ratio::of(server.errors, server.requests).map(|r| six_digits(r.get())),
            flow: streams.map_or_else(Flow::default, |it| it.to_wire(window)),
            difference: difference.flatten(),
        })
    }

    /// Counts requests.
    pub fn count(&mut self, key: &TrafficKey, count: f64) {
        let calls = self.sides.of(key.reporter).get_or_insert_default();
        calls.has_requests = true;
        calls.totals.add(key.response, &key.flags, count);
        self.sealed.count(key, count);
    }

    /// Adds durations. Without counts they say nothing of who called: they make no view of their own.
    pub fn time(&mut self, key: &TrafficKey, histogram: &Histogram) {
        if let Some(calls) = self.sides.of(key.reporter) {
            merge_histogram(&mut calls.histogram, histogram);
        }
    }

    /// Adds messages to the view that counted their calls.
    pub fn message(&mut self, sample: &MessageSample) {
        if let Some(calls) = self.sides.of(sample.key.reporter) {
            calls.flow(&Streams {
                tcp: None,
                messages: Some(Messages::of(sample)),
            });
        }
    }

    /// Adds what flowed over TCP.
    pub fn connect(&mut self, sample: &TcpSample) {
        self.sides.tcp(sample);
        self.sealed.connect(sample);
    }

    /// Adds what flowed in the tunnel beneath: it is no view of the requests.
    pub fn connect_beneath(&mut self, sample: &TcpSample) {
        self.tunnel.get_or_insert_default().tcp(sample);
        self.sealed_beneath.connect(sample);
    }

    /// Takes note of how the way from the waypoint to the callee is sealed.
    pub fn arrive(&mut self, last_hop: &Sealed) {
        self.sealed_beneath.merge(last_hop);
    }
}
