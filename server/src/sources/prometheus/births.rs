//! Where series can have been born within a window: told by the scraper, so that the rest is not searched for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesh::api::Notice;
use mesh::units::{UnixMillis, Window};

use super::decode::{Item, Text};
use super::explain::Asked;
use super::promql::{self, Dialect};
use super::{Prometheus, PrometheusError};

/// With more targets than this the whole mesh is searched: naming them would cost more.
const MAX_TARGETS: usize = 600;

/// What was new within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Births {
    /// Where series can be that did not exist before.
    pub at: Place,
    /// What was asked to know it.
    pub asked: Arc<[Asked]>,
    /// Targets that were scraped for the first time although their proxies are older: what those counted before is
    /// not in the figures (rule R5).
    n_first_scraped: usize,
}

/// Which targets told series that did not exist before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Too many to be named, or nobody says it.
    Anywhere,
    /// These instances.
    At(Arc<[String]>),
}

/// A target as its scraper names it: `job` and `instance`.
type Target = (Option<Text>, Option<Text>);

/// How the targets began.
#[derive(Default)]
struct Beginnings {
    fresh: BTreeSet<Target>,
    first_scraped: BTreeSet<Target>,
}

impl Place {
    /// Returns where these targets are: anywhere, if they are none, too many to be named, or have no names.
    fn of(targets: &BTreeSet<Target>) -> Place {
        let instances = targets.iter().map(|(_, instance)| instance.as_deref());
        let names: Option<BTreeSet<&str>> = instances.collect();
        match names {
            Some(names) if (1..=MAX_TARGETS).contains(&names.len()) => {
                Place::At(names.into_iter().map(str::to_owned).collect())
            }
            _ => Place::Anywhere,
        }
    }

    /// Returns whether no series can be new.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Place::At(instances) if instances.is_empty())
    }

    /// Returns the matcher that leaves the targets in question.
    pub fn matcher(&self) -> Option<String> {
        match self {
            Place::Anywhere => None,
            Place::At(instances) => {
                let names: Vec<&str> = instances.iter().map(String::as_str).collect();
                Some(promql::one_of("instance", &names))
            }
        }
    }
}

impl Births {
    /// Returns what is known where nothing could be told: a failure costs time and hides nothing.
    pub fn anywhere(window: Window) -> Births {
        let began = promql::beginnings(window, &Place::Anywhere);
        Births {
            at: Place::Anywhere,
            asked: Arc::from([with_news(window), beginnings(began)]),
            n_first_scraped: 0,
        }
    }

    /// Says what was scraped for the first time.
    pub fn notice(&self) -> Option<Notice> {
        let message = match self.n_first_scraped {
            0 => return None,
            1 => "1 scrape target older than the window was scraped for the first time within it; its requests count \
                  from then on."
                .to_owned(),
            n => format!(
                "{n} scrape targets older than the window were scraped for the first time within it; their requests \
                 count from then on."
            ),
        };
        Some(Notice {
            kind: "first_scraped".to_owned(),
            source: "prometheus".to_owned(),
            message,
            hint: Some("wait for one window, or look at a shorter one".to_owned()),
        })
    }
}

fn with_news(window: Window) -> Asked {
    let text = promql::targets_with_new_series(window);
    Asked::once("targets that told new series in the window", text)
}

fn beginnings(promql: String) -> Asked {
    let label = "how those targets began: 1 where scraped before the window, else 2 and the age of their proxies in seconds";
    Asked::once(label, promql)
}

impl Prometheus {
    /// Returns what was new in the window, asked once for all questions about it. Where it can't be told, that can
    /// be anywhere.
    pub(super) async fn births(&self, dialect: &Dialect, window: Window, at: UnixMillis) -> Births {
        let ask = async {
            let told = self.told_births(dialect, window, at).await;
            told.unwrap_or_else(|_| Births::anywhere(window))
        };
        self.births.get_with((window, at), ask).await
    }

    /// First who told new series, then how those began: few did, and every target would be looked up otherwise.
    async fn told_births(
        &self,
        dialect: &Dialect,
        window: Window,
        at: UnixMillis,
    ) -> Result<Births, PrometheusError> {
        let mut asked = vec![with_news(window)];
        let new = promql::targets_with_new_series(window);
        let add = |found: &mut BTreeSet<Target>, item: Item| {
            found.insert((item.metric.job, item.metric.instance));
        };
        let (new, _) = self.gather(&new, at, add).await?;
        // Where nobody told any, or nobody counts them.
        let is_counted = !new.is_empty() || {
            let text = promql::counts_new_series();
            asked.push(Asked::once("whether new series are counted", text.clone()));
            self.value(&text, at).await?.is_some()
        };
        let mut began = Beginnings::default();
        if !is_counted || !new.is_empty() {
            let text = promql::beginnings(window, &Place::of(&new));
            asked.push(beginnings(text.clone()));
            let young = f64::from(window.secs());
            (began, _) = self
                .gather(&text, at, move |began: &mut Beginnings, item| {
                    let target = (item.metric.job, item.metric.instance);
                    let value = item.value.and_then(|point| point.1.parse::<f64>().ok());
                    if is_counted && !new.contains(&target) {
                        return;
                    }
                    match value {
                        Some(value) if promql::is_fresh_target(value, young) => {
                            began.fresh.insert(target);
                        }
                        _ => {
                            began.first_scraped.insert(target);
                        }
                    }
                })
                .await?;
        }
        let at = match dialect.tells_births_apart() {
            true if began.fresh.is_empty() => Place::At(Arc::from([])),
            true => Place::of(&began.fresh),
            false => Place::Anywhere,
        };
        Ok(Births {
            at,
            asked: asked.into(),
            n_first_scraped: began.first_scraped.len(),
        })
    }
}
