//! The questions behind the figures, in the words in which they are sent: by the same functions.

use mesh::telemetry::Series;
use mesh::units::{UnixMillis, Window};

use super::births::Births;
use super::promql::{Dialect, Durations, View};
use super::{Prometheus, breakers, control_plane, proxies, series};

/// One question with what its answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What the answer says.
    pub label: String,
    /// The text.
    pub promql: String,
    /// The time between points, where it is asked for several times.
    pub step_secs: Option<u32>,
}

impl Asked {
    /// Returns a question that is asked for one time.
    pub fn once(label: &str, promql: String) -> Asked {
        Asked {
            label: label.to_owned(),
            promql,
            step_secs: None,
        }
    }
}

/// Whose figures are to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// The whole graph over a window.
    Graph(Window),
    /// One edge or node of it, with its charts.
    Calls(Window, Series),
    /// The control plane over a window.
    ControlPlane(Window),
    /// The proxies over a window.
    Proxies(Window),
    /// The breakers over a window.
    Breakers(Window),
}

impl About {
    /// Returns the window whose graph the figures are of, or a part of; `None` for other pages.
    fn graph(&self) -> Option<Window> {
        match *self {
            About::Graph(window) | About::Calls(window, _) => Some(window),
            About::ControlPlane(_) | About::Proxies(_) | About::Breakers(_) => None,
        }
    }
}

/// Returns the questions about something, as a Prometheus without anything special would be asked.
pub fn questions(about: &About) -> Vec<Asked> {
    let dialect = Dialect::default();
    let graph = about
        .graph()
        .map(|window| dialect.graph_questions(window, &Births::unasked(window)));
    dialect.questions(about, graph.unwrap_or_default())
}

impl Prometheus {
    /// Returns the questions about something, as this source is asked of a window that ends at `at`.
    pub async fn questions(&self, about: &About, at: UnixMillis) -> Vec<Asked> {
        let dialect = self.dialect().await;
        let graph = match about.graph() {
            Some(window) => {
                let births = self.births(&dialect, window, at).await;
                dialect.graph_questions(window, &births)
            }
            None => Vec::new(),
        };
        dialect.questions(about, graph)
    }
}

impl Dialect {
    /// `graph`: the questions about the whole graph, for what is of it.
    fn questions(&self, about: &About, graph: Vec<Asked>) -> Vec<Asked> {
        match about {
            About::Graph(_) => graph,
            About::Calls(_, series) => {
                let mut asked = self.charts(series);
                asked.extend(graph.into_iter().map(|it| Asked {
                    label: format!("whole mesh, this is a part of it: {}", it.label),
                    ..it
                }));
                asked
            }
            About::ControlPlane(window) => control_plane::questions(*window),
            About::Proxies(window) => proxies::questions(*window),
            About::Breakers(window) => {
                let mut asked = breakers::questions(*window);
                asked.push(Asked::once(
                    "calls by response flag (UO, UH): the graph's own question",
                    self.requests(*window, View::Client),
                ));
                asked
            }
        }
    }

    fn graph_questions(&self, window: Window, births: &Births) -> Vec<Asked> {
        let unseen = &births.unseen;
        let of_unseen = |what: &str, text: Option<String>| {
            text.map(|it| Asked::once(&unseen.in_words(what), it))
        };
        let mut asked = vec![
            Asked::once(
                "requests in the window, as callers report them",
                self.requests(window, View::Client),
            ),
            Asked::once(
                "requests in the window, as servers report them",
                self.requests(window, View::Server),
            ),
        ];
        asked.extend(births.asked.iter().cloned());
        asked.extend(of_unseen("requests", self.unseen(window, unseen)));
        asked.push(Asked::once(
            "durations as callers report them, buckets below a second",
            self.durations(window, Durations::ClientBelowSecond),
        ));
        asked.push(Asked::once(
            "durations as callers report them, the other buckets",
            self.durations(window, Durations::ClientFromSecond),
        ));
        asked.push(Asked::once(
            "durations, of callers without a proxy",
            self.durations(window, Durations::WithoutCaller),
        ));
        asked.push(Asked::once(
            "bytes and connections over TCP",
            self.tcp(window),
        ));
        asked.extend(of_unseen(
            "bytes and connections",
            self.tcp_unseen(window, unseen),
        ));
        asked.push(Asked::once("messages in gRPC calls", self.messages(window)));
        asked.extend(of_unseen("messages", self.messages_unseen(window, unseen)));
        asked
    }

    fn charts(&self, ask: &Series) -> Vec<Asked> {
        let [counts, buckets] = series::texts(self, ask);
        let chart = |label: &str, promql: String| Asked {
            step_secs: Some(ask.step_secs),
            ..Asked::once(label, promql)
        };
        vec![
            chart("chart of rate and errors", counts),
            chart("chart of latency, buckets", buckets),
        ]
    }
}
