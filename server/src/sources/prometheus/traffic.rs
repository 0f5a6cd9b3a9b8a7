//! The facts of a window: requests, their durations, bytes over TCP, messages in gRPC calls.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::HashMap;
use futures::future::OptionFuture;
use mesh::api::Notice;
use mesh::telemetry::{
    Bucket, DurationBuckets, GrpcMessages, Histogram, LatencySample, MessageSample, Requests,
    Sample, TcpSample, TcpTraffic, TrafficKey,
};
use mesh::units::UnixMillis;

use crate::sources::Answer;

use super::decode::Item;
use super::labels::Reader;
use super::promql::{self, Durations, View};
use super::{Prometheus, PrometheusError};

/// What an answer told by key, with what could not be read.
struct Told<K, V> {
    reader: Reader,
    by_key: HashMap<K, V>,
}

/// Counts by what was counted, in the order of that.
#[derive(Default)]
struct Counts {
    reader: Reader,
    rows: Vec<Sample>,
}
/// Bucket counts by what was timed.
type Timed = Told<Arc<TrafficKey>, Vec<Bucket>>;
/// Flows in the order of the names they are asked by; whether they are a tunnel's.
type Flows = Told<(Arc<TrafficKey>, bool), [f64; 4]>;

impl<K, V> Default for Told<K, V> {
    fn default() -> Told<K, V> {
        Told {
            reader: Reader::default(),
            by_key: HashMap::default(),
        }
    }
}

impl<K: Ord + Hash, V> Told<K, V> {
    /// Returns what was told in the order of the keys, so that sums come out the same each time.
    fn sorted(self) -> impl Iterator<Item = (K, V)> {
        let mut all: Vec<(K, V)> = self.by_key.into_iter().collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        all.into_iter()
    }
}

impl Counts {
    /// Puts the rows in order, and those that say the same together: names that the source tells apart and we do not.
    fn settle(&mut self) {
        self.rows.sort_by(|a, b| a.key.cmp(&b.key));
        self.rows.dedup_by(|next, sum| {
            let is_same = next.key == sum.key;
            if is_same {
                sum.value += next.value;
            }
            is_same
        });
    }

    /// Adds what another question counted.
    fn add(&mut self, other: Counts) {
        self.rows.extend(other.rows);
        // Two lists in order, one behind the other: next to nothing where the second begins behind the first.
        self.settle();
    }
}

impl Timed {
    /// Adds what another question timed.
    fn add(&mut self, other: Timed) {
        self.reader.leave_out_too(&other.reader);
        for (key, buckets) in other.sorted() {
            self.by_key.entry(key).or_default().extend(buckets);
        }
    }
}

/// Adds warnings of a question to those of another about the same metric: both are warned of in the same words.
fn add_warnings(notices: &mut Vec<Notice>, warnings: Vec<Notice>) {
    for warning in warnings {
        if !notices.contains(&warning) {
            notices.push(warning);
        }
    }
}

/// What stands before the name of a flow that a node's proxy tells.
const TUNNEL: &str = "tunnel_";

impl Prometheus {
    /// Returns how many requests there were in the window, mesh-wide.
    ///
    /// What counters rose by, a question for each view, and what those that are new began with are asked side by
    /// side: that is most of the wait, and a source answers on as many processors as it has questions.
    pub async fn requests(&self, ask: &Requests) -> Result<Answer<Vec<Sample>>, PrometheusError> {
        let Requests { window, at } = *ask;
        let dialect = self.dialect().await;
        let (client, server) = (
            dialect.requests(window, View::Client),
            dialect.requests(window, View::Server),
        );
        let new = async {
            let births = self.births(&dialect, window, at).await;
            let text = dialect.unseen(window, &births.unseen);
            let unseen = OptionFuture::from(text.as_ref().map(|text| self.counts(text, at)));
            Ok((unseen.await.transpose()?, births))
        };
        let rose = (self.counts(&client, at), self.counts(&server, at));
        let ((mut all, mut notices), (others, warnings), (unseen, births)) =
            tokio::try_join!(rose.0, rose.1, new)?;
        add_warnings(&mut notices, warnings);
        all.reader.leave_out_too(&others.reader);
        all.add(others);
        notices.extend(all.reader.notices());
        if let Some((unseen, warnings)) = unseen {
            notices.extend(warnings);
            all.add(unseen);
        }
        notices.extend(births.notice());
        notices.extend(self.prefixed());
        if all.rows.is_empty() {
            // An empty picture has a reason: no traffic, or nobody who would tell of it.
            let status = self.status().await;
            notices.extend(status.problem.map(|message| Notice {
                kind: "source_empty".to_owned(),
                source: "prometheus".to_owned(),
                message,
                hint: status.hint,
            }));
        }
        Ok(Answer {
            value: all.rows,
            notices,
        })
    }

    /// Returns the requests to workloads of these names in the window.
    pub async fn requests_to(
        &self,
        ask: &Requests,
        workloads: &[&str],
    ) -> Result<Answer<Vec<Sample>>, PrometheusError> {
        let text = self.dialect().await.requests_to(ask.window, workloads);
        let (all, notices) = self.counts(&text, ask.at).await?;
        Ok(Answer {
            value: all.rows,
            notices,
        })
    }

    /// Returns how long requests took in the window, mesh-wide: the buckets are shared out over questions, as
    /// [`Prometheus::requests`] shares out the views.
    pub async fn durations(
        &self,
        ask: &DurationBuckets,
    ) -> Result<Answer<Vec<LatencySample>>, PrometheusError> {
        let dialect = self.dialect().await;
        let [below, from, without] = [
            Durations::ClientBelowSecond,
            Durations::ClientFromSecond,
            Durations::WithoutCaller,
        ]
        .map(|part| dialect.durations(ask.window, part));
        let (mut all, others, without) = tokio::try_join!(
            self.timed(&below, ask.at),
            self.timed(&from, ask.at),
            self.timed(&without, ask.at)
        )?;
        for (other, warnings) in [others, without] {
            add_warnings(&mut all.1, warnings);
            all.0.add(other);
        }
        let (all, mut notices) = all;
        notices.extend(all.reader.notices());
        Ok(Answer {
            value: histograms(all),
            notices,
        })
    }

    /// Returns the durations of calls between workloads of these names whose series are too young for
    /// [`Prometheus::durations`]: one value each.
    pub async fn first_durations(
        &self,
        ask: &DurationBuckets,
        from: &[&str],
        to: &[&str],
    ) -> Result<Answer<Vec<LatencySample>>, PrometheusError> {
        let dialect = self.dialect().await;
        let births = self.births(&dialect, ask.window, ask.at).await;
        let text = dialect.first_durations(ask.window, from, to, &births.unseen.born);
        let Some(text) = text else {
            return Ok(Answer::plain(Vec::new()));
        };
        let (all, notices) = self.timed(&text, ask.at).await?;
        Ok(Answer {
            value: histograms(all),
            notices,
        })
    }

    /// Returns what flowed over TCP in the window, mesh-wide.
    pub async fn tcp(&self, ask: &TcpTraffic) -> Result<Answer<Vec<TcpSample>>, PrometheusError> {
        let TcpTraffic { window, at } = *ask;
        let dialect = self.dialect().await;
        let names = promql::TCP.map(|(_, flow)| flow);
        let text = dialect.tcp(window);
        // The requests come first: few meshes have as much to tell of TCP, and this waits beside them.
        let births = self.births(&dialect, window, at).await;
        let (mut flows, mut notices) = self.flows(&text, at, &names, true).await?;
        if !flows.by_key.is_empty() {
            let unseen = dialect.tcp_unseen(window, &births.unseen);
            notices.extend(self.add_flows(&mut flows, unseen, at, &names, true).await?);
        }
        notices.extend(flows.reader.notices());
        let value = flows.sorted().map(|((key, is_tunnel), flow)| {
            let [to_server_bytes, to_client_bytes, opened, closed] = flow;
            TcpSample {
                key,
                is_tunnel,
                to_server_bytes,
                to_client_bytes,
                opened,
                closed,
            }
        });
        Ok(Answer {
            value: value.collect(),
            notices,
        })
    }

    /// Returns the messages in gRPC calls in the window, mesh-wide.
    pub async fn messages(
        &self,
        ask: &GrpcMessages,
    ) -> Result<Answer<Vec<MessageSample>>, PrometheusError> {
        let GrpcMessages { window, at } = *ask;
        let dialect = self.dialect().await;
        let names = promql::MESSAGES.map(|(_, flow)| flow);
        let text = dialect.messages(window);
        let (mut flows, mut notices) = self.flows(&text, at, &names, false).await?;
        if !flows.by_key.is_empty() {
            let births = self.births(&dialect, window, at).await;
            let unseen = dialect.messages_unseen(window, &births.unseen);
            notices.extend(
                self.add_flows(&mut flows, unseen, at, &names, false)
                    .await?,
            );
        }
        notices.extend(flows.reader.notices());
        let value = flows.sorted();
        let value = value.map(|((key, _), [to_server, to_client, ..])| MessageSample {
            key,
            to_server,
            to_client,
        });
        Ok(Answer {
            value: value.collect(),
            notices,
        })
    }

    async fn counts(
        &self,
        text: &str,
        at: UnixMillis,
    ) -> Result<(Counts, Vec<Notice>), PrometheusError> {
        let mut counts = Counts::default();
        let sink = move |item: Option<Item>| {
            let Some(item) = item else {
                // Here, where each question has a thread of its own.
                counts.settle();
                return Some(std::mem::take(&mut counts));
            };
            if let Some(key) = counts.reader.own_key(&item.metric)
                && let Some(value) = counts.reader.value(item.value.as_ref())
            {
                let key = Arc::new(key);
                counts.rows.push(Sample { key, value });
            }
            None
        };
        self.instant(text, at, sink).await
    }

    async fn timed(
        &self,
        text: &str,
        at: UnixMillis,
    ) -> Result<(Timed, Vec<Notice>), PrometheusError> {
        self.gather(text, at, |timed: &mut Timed, item| {
            if let Some(le_ms) = timed.reader.le(&item.metric)
                && let Some(key) = timed.reader.key(&item.metric)
                && let Some(count) = timed.reader.value(item.value.as_ref())
            {
                let buckets = timed.by_key.entry(key).or_default();
                buckets.push(Bucket { le_ms, count });
            }
        })
        .await
    }

    /// Adds what was born to what rose. It is asked last: most meshes have few such flows or none, and the first
    /// sample of the very first one shows as soon as the second is there.
    async fn add_flows(
        &self,
        all: &mut Flows,
        born: Option<String>,
        at: UnixMillis,
        names: &[&'static str],
        is_tcp: bool,
    ) -> Result<Vec<Notice>, PrometheusError> {
        let Some(born) = born else {
            return Ok(Vec::new());
        };
        let (born, warnings) = self.flows(&born, at, names, is_tcp).await?;
        for (key, flow) in born.sorted() {
            let sums = all.by_key.entry(key).or_default();
            for (sum, value) in sums.iter_mut().zip(flow) {
                *sum += value;
            }
        }
        Ok(warnings)
    }

    /// `is_tcp`: whether the metrics are TCP's, whatever the protocol's label says.
    async fn flows(
        &self,
        text: &str,
        at: UnixMillis,
        names: &[&'static str],
        is_tcp: bool,
    ) -> Result<(Flows, Vec<Notice>), PrometheusError> {
        let names = names.to_vec();
        self.gather(text, at, move |flows: &mut Flows, mut item| {
            let flow = item.metric.flow.take().unwrap_or_default();
            let (is_tunnel, flow) = match flow.strip_prefix(TUNNEL) {
                Some(rest) => (true, rest),
                None => (false, &*flow),
            };
            if is_tcp {
                item.metric.request_protocol = Some("tcp".into());
            }
            if let Some(place) = names.iter().position(|name| *name == flow)
                && let Some(key) = flows.reader.key(&item.metric)
                && let Some(value) = flows.reader.value(item.value.as_ref())
                && let Some(sum) = flows
                    .by_key
                    .entry((key, is_tunnel))
                    .or_default()
                    .get_mut(place)
            {
                *sum += value;
            }
        })
        .await
    }

    /// Says what sums of counters can't: a fall when a pod leaves looks like a restart.
    fn prefixed(&self) -> Option<Notice> {
        let prefix = &self.prefix;
        (!prefix.is_empty()).then(|| Notice {
            kind: "pre_aggregated".to_owned(),
            source: "prometheus".to_owned(),
            message: format!(
                "The figures come from metrics that start with `{prefix}`, which rules have added up over \
                 pods: when a pod leaves, such a sum falls, and all it still holds is counted once more."
            ),
            hint: Some("leave out --metric-prefix to read the proxies' own counters".to_owned()),
        })
    }
}

fn histograms(timed: Timed) -> Vec<LatencySample> {
    let timed = timed.sorted().filter_map(|(key, buckets)| {
        let histogram = Histogram::new(buckets)?;
        Some(LatencySample { key, histogram })
    });
    timed.collect()
}
