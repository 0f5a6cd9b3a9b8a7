//! What was asked of the sources, once for all viewers: same question, one upstream call.

mod live;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mesh::api::Notice;
use mesh::api::overview::Freshness;
use mesh::graph::{self, Facts, Picture, Scope};
use mesh::health::Objectives;
use mesh::inventory::Inventory;
use mesh::telemetry::{
    DurationBuckets, GrpcMessages, LatencySample, Reporter, Requests, Sample, TcpTraffic,
    TrafficKey,
};
use mesh::units::{UnixMillis, Window};
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use moka::sync;

use crate::clock;
use crate::http::ApiError;
use crate::sources::Metrics;
use crate::trace::Beyond;

use live::{Lives, Noted};

/// A time that nobody named is floored to this, so that viewers share answers.
pub const TICK_MS: i64 = 5_000;
/// Health looks back over an hour where the window holds too little; that moves slowly.
const HOUR_TICK_MS: i64 = 60_000;
/// Above so many names, the last hour is asked of the whole mesh: a longer question would cost more.
const MAX_NAMED: usize = 200;

/// What nobody asked for in so long is of a tick that has passed.
pub const IDLE: Duration = Duration::from_millis(TICK_MS as u64 + 1_000);
/// So many projections of the whole mesh are kept: one of each kind, for all who look at parts of it.
const MAX_PICTURES: u64 = 4;

/// Facts of one window with what should be known about them.
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// What is missing or only estimated.
    pub notices: Vec<Notice>,
    /// Tells them from others of the same window.
    number: u64,
    pictures: Pictures,
}

/// Projections by facts and scope.
type Pictures = sync::Cache<(u64, Scope), Arc<Picture>>;

impl Known {
    /// Returns a projection of the facts, made once for all selections. It may take long: not for a worker.
    pub fn picture(&self, scope: Scope) -> Arc<Picture> {
        let make = || Arc::new(Picture::of(&self.facts, &scope));
        self.pictures.get_with((self.number, scope.clone()), make)
    }
}

/// What the cluster holds, as of now; `None` where none is asked.
pub type Holds = Box<dyn Fn() -> Option<Arc<Inventory>> + Send + Sync>;

type Samples = Arc<Vec<Sample>>;

/// Facts by question.
pub struct FactsCache {
    metrics: Metrics,
    holds: Holds,
    beyond: Arc<Beyond>,
    objectives: Arc<Objectives>,
    /// Asked only when nothing was seen; it does not change under a server.
    interval: Cache<(), Option<f64>>,
    traffic: Cache<(Window, UnixMillis), Arc<Known>>,
    full: Cache<(Window, UnixMillis), Arc<Known>>,
    pictures: Pictures,
    n_known: AtomicU64,
    lives: Lives,
    hours: Cache<(UnixMillis, Arc<[String]>), Samples>,
    fresh: Cache<UnixMillis, Freshness>,
}

impl FactsCache {
    /// Returns an empty cache in front of `metrics`, of a cluster that `holds` something, and of what is `beyond` both
    /// of them; its facts are to be judged by `objectives`.
    pub fn new(
        metrics: Metrics,
        holds: Holds,
        beyond: Arc<Beyond>,
        objectives: Objectives,
    ) -> FactsCache {
        fn cache<
            K: std::hash::Hash + Eq + Send + Sync + 'static,
            V: Clone + Send + Sync + 'static,
        >(
            n: u64,
        ) -> Cache<K, V> {
            Cache::builder()
                .max_capacity(n)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(Duration::from_secs(20))
                .time_to_idle(IDLE)
                .build()
        }
        FactsCache {
            metrics,
            holds,
            beyond,
            objectives: Arc::new(objectives),
            interval: Cache::builder()
                .max_capacity(1)
                .time_to_live(Duration::from_secs(300))
                .build(),
            // A window for each age of fresh weights, beside those that people look at.
            traffic: cache(24),
            full: cache(4),
            pictures: sync::Cache::builder()
                .max_capacity(MAX_PICTURES)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(Duration::from_secs(20))
                .time_to_idle(IDLE)
                .build(),
            n_known: AtomicU64::new(0),
            lives: Lives::default(),
            // By the minute, and asked by whoever comes within it.
            hours: Cache::builder()
                .max_capacity(2)
                .time_to_live(Duration::from_secs(20))
                .build(),
            fresh: cache(8),
        }
    }

    /// Returns the source behind.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Returns the instant that a question means: an explicit one exactly, none as the last tick.
    pub fn instant(&self, at: Option<UnixMillis>) -> Result<UnixMillis, ApiError> {
        let now = clock::now();
        match at {
            // Clocks of laptops differ from the server's by a little.
            Some(at) if at.0 > now.0 + TICK_MS => Err(ApiError::bad_parameter(
                "at",
                "lies in the future",
                Some("leave it out for now"),
            )),
            Some(at) => Ok(at),
            None => Ok(now.floor_to(TICK_MS)),
        }
    }

    /// Returns the instant that a question about the whole window means: an explicit one exactly; else the last
    /// tick, unless facts of an earlier one are on their way, or took so long that the source should rest. So
    /// however many look, and however slow the source is, it is asked about one instant at a time.
    pub fn live(&self, window: Window, at: Option<UnixMillis>) -> Result<UnixMillis, ApiError> {
        let fresh = self.instant(at)?;
        if at.is_some() {
            return Ok(fresh);
        }
        Ok(self.lives.instant(window, fresh))
    }

    /// Notes that somebody waits for what the source is being asked about an instant, until what is returned is
    /// dropped: the source rests from then on. `None` where it has answered and is asked nothing more.
    pub fn waiting(&self, window: Window, at: UnixMillis) -> Option<Noted<'_>> {
        self.lives.waiting(window, at)
    }

    /// Returns the traffic of a window, without latency.
    ///
    /// It does not wait for the last hour, by which health judges what the window alone can't: that comes with
    /// [`FactsCache::full`].
    pub async fn traffic(&self, window: Window, at: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.traffic
            .try_get_with((window, at), async {
                let mut asking = self.lives.asking(window, at);
                let requests = Requests { window, at };
                let tcp = TcpTraffic { window, at };
                let (requests, tcp) =
                    tokio::join!(self.metrics.requests(&requests), self.metrics.tcp(&tcp));
                let requests = requests?;
                let mut notices = requests.notices;
                let tcp = match tcp {
                    Ok(answer) => {
                        notices.extend(answer.notices);
                        answer.value
                    }
                    Err(error) => {
                        notices.push(error.into_notice("tcp_missing"));
                        Vec::new()
                    }
                };
                let mut facts = Facts {
                    window,
                    requests: requests.value,
                    tcp,
                    inventory: (self.holds)(),
                    traced: self.beyond.now(),
                    objectives: Arc::clone(&self.objectives),
                    ..Facts::default()
                };
                if facts.requests.is_empty() && facts.tcp.is_empty() {
                    facts.scrape_interval_s = self.interval(at).await;
                }
                if self.metrics.is_built_in() {
                    self.add_hour(&mut facts, at, &mut notices).await;
                }
                asking.iter_mut().for_each(Noted::set_answered);
                Ok(self.known(facts, notices))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns traffic and latency of a window, with the messages of gRPC calls. They start when the traffic
    /// is in (rule R1); where they fail, the traffic is answered with a notice.
    pub async fn full(&self, window: Window, at: UnixMillis) -> Result<Arc<Known>, ApiError> {
        self.full
            .try_get_with((window, at), async {
                let mut asking = self.lives.asking(window, at);
                let traffic = self.traffic(window, at).await?;
                let mut notices = traffic.notices.clone();
                let mut facts = traffic.facts.clone();
                let (mut late, mut later) = (Vec::new(), Vec::new());
                let hour = async {
                    let mut hour = Facts {
                        window,
                        requests: facts.requests.clone(),
                        hour: facts.hour.clone(),
                        objectives: Arc::clone(&self.objectives),
                        ..Facts::default()
                    };
                    if hour.hour.is_none() {
                        self.add_hour(&mut hour, at, &mut late).await;
                    }
                    hour.hour
                };
                let messages = GrpcMessages { window, at };
                let (hour, latency, messages) = tokio::join!(
                    hour,
                    self.latency(&facts, at, &mut later),
                    self.metrics.messages(&messages)
                );
                notices.extend(late);
                notices.extend(later);
                facts.hour = hour;
                facts.latency = latency;
                match messages {
                    Ok(answer) => {
                        notices.extend(answer.notices);
                        facts.messages = Some(answer.value);
                    }
                    Err(error) => notices.push(error.into_notice("messages_missing")),
                }
                asking.iter_mut().for_each(Noted::set_answered);
                Ok(self.known(facts, notices))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }

    fn known(&self, facts: Facts, notices: Vec<Notice>) -> Arc<Known> {
        Arc::new(Known {
            facts,
            notices,
            number: self.n_known.fetch_add(1, Ordering::Relaxed),
            pictures: self.pictures.clone(),
        })
    }

    /// Returns how fresh the data was at an instant.
    pub async fn freshness(&self, at: UnixMillis) -> Result<Freshness, ApiError> {
        self.fresh
            .try_get_with(at, self.metrics.freshness(at))
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }

    /// Returns the seconds between two scrapes, where they can be told.
    async fn interval(&self, at: UnixMillis) -> Option<f64> {
        self.interval
            .get_with((), self.metrics.scrape_interval(at))
            .await
    }

    /// Returns the durations of what `facts` counted; those of calls whose series are too young to have risen
    /// are asked apart.
    async fn latency(
        &self,
        facts: &Facts,
        at: UnixMillis,
        notices: &mut Vec<Notice>,
    ) -> Option<Vec<LatencySample>> {
        let window = facts.window;
        let ask = DurationBuckets { window, at };
        let mut all = match self.metrics.durations(&ask).await {
            Ok(answer) => {
                notices.extend(answer.notices);
                answer.value
            }
            Err(error) => {
                notices.push(error.into_notice("latency_missing"));
                return None;
            }
        };
        let (from, to) = untimed(&facts.requests, &all);
        if !from.is_empty() && !self.metrics.is_built_in() {
            match self.metrics.first_durations(&ask, &from, &to).await {
                Ok(answer) => {
                    let known: BTreeSet<Pair> = all.iter().filter_map(|it| pair(&it.key)).collect();
                    let fresh = answer.value.into_iter();
                    let fresh =
                        fresh.filter(|it| pair(&it.key).is_some_and(|it| !known.contains(&it)));
                    let fresh: Vec<LatencySample> = fresh.collect();
                    all.extend(fresh);
                }
                Err(error) => notices.push(error.into_notice("latency_missing")),
            }
        }
        Some(all)
    }

    /// Adds the last hour where health can't be told from the window alone (rule R10).
    async fn add_hour(&self, facts: &mut Facts, at: UnixMillis, notices: &mut Vec<Notice>) {
        if !graph::needs_hour(facts) {
            return;
        }
        match self.hour(graph::uncertain_workloads(facts), at).await {
            Ok(hour) => facts.hour = Some(hour.to_vec()),
            // Health says "too little traffic to judge" then; the picture stands.
            Err(error) => notices.push(error.into_notice("hour_missing")),
        }
    }

    /// The last hour's requests to the workloads named.
    async fn hour(&self, names: BTreeSet<String>, at: UnixMillis) -> Result<Samples, ApiError> {
        let at = at.floor_to(HOUR_TICK_MS);
        let names: Arc<[String]> = if names.len() > MAX_NAMED {
            Arc::from([])
        } else {
            names.into_iter().collect()
        };
        self.hours
            .try_get_with((at, Arc::clone(&names)), async {
                let window = Window::HOUR;
                let ask = Requests { window, at };
                let answer = if names.is_empty() {
                    self.metrics.requests(&ask).await?
                } else {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    self.metrics.requests_to(&ask, &names).await?
                };
                Ok(Arc::new(answer.value))
            })
            .await
            .map_err(|error: Arc<ApiError>| (*error).clone())
    }
}

/// Caller and callee, as far as names go.
type Pair<'a> = (&'a str, &'a str);

fn pair(key: &TrafficKey) -> Option<Pair<'_>> {
    let from = key.source.workload.as_ref()?.as_str();
    Some((from, key.destination.workload.as_ref()?.as_str()))
}

/// The callers and callees of calls that were counted on the client's side and not timed, sorted; none where
/// they are too many to be named.
fn untimed<'a>(counted: &'a [Sample], timed: &[LatencySample]) -> (Vec<&'a str>, Vec<&'a str>) {
    let timed: BTreeSet<Pair> = timed.iter().filter_map(|it| pair(&it.key)).collect();
    let (mut from, mut to) = (BTreeSet::new(), BTreeSet::new());
    for sample in counted {
        let is_client = sample.key.reporter != Reporter::Destination;
        if let Some(pair) = pair(&sample.key)
            && is_client
            && sample.value > 0.0
            && !timed.contains(&pair)
        {
            from.insert(pair.0);
            to.insert(pair.1);
        }
    }
    if from.len() > MAX_NAMED || to.len() > MAX_NAMED {
        return (Vec::new(), Vec::new());
    }
    (from.into_iter().collect(), to.into_iter().collect())
}
