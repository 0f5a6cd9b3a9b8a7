//! Where series can have been born within a window, or ended at its start: told by the scraper, so that the rest is not
//! searched for them.

use std::collections::BTreeSet;
use std::sync::Arc;

use mesh::api::Notice;
use mesh::units::{UnixMillis, Window};

use super::decode::{Item, Text};
use super::explain::Asked;
use super::promql::{self, Dialect, Place, Unseen};
use super::{Prometheus, PrometheusError};

/// With more targets than this the whole mesh is searched: naming them would cost more.
const MAX_TARGETS: usize = 600;

/// What was new within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Births {
    /// What is asked for beside what counters rose by.
    pub unseen: Unseen,
    /// What was asked to know it.
    pub asked: Arc<[Asked]>,
    /// Targets that were scraped for the first time although their proxies are older: what those counted before is
    /// not in the figures (rule R5).
    n_first_scraped: usize,
}

/// A target as its scraper names it: `job` and `instance`.
type Target = (Option<Text>, Option<Text>);

/// What became of targets in a window.
#[derive(Default)]
struct News {
    /// Those that told series they had not told before.
    with_new: BTreeSet<Target>,
    /// Whether anybody counts those: any target can have told new series otherwise.
    are_counted: bool,
    /// Those that answer no more and were scraped once.
    ended: BTreeSet<Target>,
}

/// How targets began.
#[derive(Default)]
struct Beginnings {
    fresh: BTreeSet<Target>,
    first_scraped: BTreeSet<Target>,
    /// Whether any was scraped when the window began.
    has_before: bool,
}

/// Returns where these targets are: anywhere if they are too many to be named, or one has no name.
fn place_of(targets: &BTreeSet<Target>) -> Place {
    let instances = targets.iter().map(|(_, instance)| instance.as_deref());
    let names: Option<BTreeSet<&str>> = instances.collect();
    match names {
        Some(names) if names.len() <= MAX_TARGETS => {
            Place::At(names.into_iter().map(str::to_owned).collect())
        }
        _ => Place::Anywhere,
    }
}

impl Births {
    /// Returns what is taken for so where nothing is asked.
    pub fn unasked(window: Window) -> Births {
        let began = promql::beginnings(window, &Place::Anywhere);
        Births {
            unseen: Unseen::unknown(),
            asked: Arc::from([asks_for_news(window), asks_for_beginnings(began)]),
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

fn asks_for_news(window: Window) -> Asked {
    let label = "targets that told new series in the window, and how many; -1 where one answers no more that was scraped once in it";
    Asked::once(label, promql::targets_with_news(window))
}

fn asks_for_beginnings(promql: String) -> Asked {
    let label = "how targets began: 1 where scraped when the window began, else 2 and the age of their proxies in seconds";
    Asked::once(label, promql)
}

impl News {
    fn can_be_of(&self, target: &Target) -> bool {
        !self.are_counted || self.with_new.contains(target)
    }

    /// Where targets have ended; nowhere if those are too many to be named: the whole mesh is not searched for them.
    fn ended(&self) -> Place {
        match place_of(&self.ended) {
            Place::Anywhere => Place::nowhere(),
            place => place,
        }
    }
}

impl Beginnings {
    fn add(&mut self, target: Target, value: f64, window: Window) {
        self.has_before |= value == promql::WAS_SCRAPED;
        if promql::is_fresh_target(value, f64::from(window.secs())) {
            self.fresh.insert(target);
        } else {
            self.first_scraped.insert(target);
        }
    }
}

impl Prometheus {
    /// Returns what was new in the window, asked once for all questions about it. Where it can't be told, that can
    /// be anywhere: a failure costs time and hides nothing that was born; what ended at the window's start is not told
    /// then.
    pub(super) async fn births(&self, dialect: &Dialect, window: Window, at: UnixMillis) -> Births {
        let ask = async {
            let mut asked = Vec::new();
            let unseen = self.unseen(dialect, window, at, &mut asked).await;
            let (unseen, n_first_scraped) = unseen.unwrap_or((Unseen::unknown(), 0));
            Births {
                unseen,
                asked: asked.into(),
                n_first_scraped,
            }
        };
        self.births.get_with((window, at), ask).await
    }

    /// Returns what `increase()` does not see, and how many targets were scraped for the first time although their
    /// proxies are older.
    async fn unseen(
        &self,
        dialect: &Dialect,
        window: Window,
        at: UnixMillis,
        asked: &mut Vec<Asked>,
    ) -> Result<(Unseen, usize), PrometheusError> {
        // Where names are not needed they are left out: some sources refuse long questions.
        let place = |targets: &BTreeSet<Target>| {
            if dialect.tells_births_apart() {
                place_of(targets)
            } else {
                Place::Anywhere
            }
        };
        // First who told anything new: every target would be looked up otherwise, and few are.
        let news = self.news(window, at, asked).await?;
        let ended = news.ended();
        if news.are_counted && news.with_new.is_empty() {
            let born = Place::nowhere();
            return Ok((Unseen { born, ended }, 0));
        }
        let named = if news.are_counted {
            place(&news.with_new)
        } else {
            Place::Anywhere
        };
        let question = asks_for_beginnings(promql::beginnings(window, &named));
        asked.push(question.clone());
        // Where nobody counts, `up` may be missing, too: then no target is known to have been there before.
        let are_counted = news.are_counted;
        let add = move |began: &mut Beginnings, item: Item| {
            let value = item.value.and_then(|point| point.1.parse().ok());
            let target = (item.metric.job, item.metric.instance);
            if let Some(value) = value
                && news.can_be_of(&target)
            {
                began.add(target, value, window);
            }
        };
        let (began, _) = self.gather(&question.promql, at, add).await?;
        let n_first_scraped = if are_counted || began.has_before {
            began.first_scraped.len()
        } else {
            0
        };
        let born = place(&began.fresh);
        Ok((Unseen { born, ended }, n_first_scraped))
    }

    /// Returns who told new series, and who answers no more.
    async fn news(
        &self,
        window: Window,
        at: UnixMillis,
        asked: &mut Vec<Asked>,
    ) -> Result<News, PrometheusError> {
        let question = asks_for_news(window);
        asked.push(question.clone());
        let add = |news: &mut News, item: Item| {
            let value = item.value.and_then(|point| point.1.parse::<f64>().ok());
            let target = (item.metric.job, item.metric.instance);
            if value == Some(promql::HAS_ENDED) {
                news.ended.insert(target);
            } else {
                news.with_new.insert(target);
            }
        };
        let (mut news, _) = self.gather(&question.promql, at, add).await?;
        news.are_counted = true;
        if news.with_new.is_empty() {
            let text = promql::counts_new_series();
            asked.push(Asked::once("whether new series are counted", text.clone()));
            news.are_counted = self.value(&text, at).await?.is_some();
        }
        Ok(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_named_where_they_can_be() {
        let target = |instance: Option<String>| (Some("mesh".into()), instance.map(Into::into));
        let of = |n: usize| {
            let targets = (0..n).map(|n| target(Some(format!("pod-{n}:15020"))));
            targets.collect::<BTreeSet<Target>>()
        };
        assert!(place_of(&of(0)).is_nowhere());
        let one = place_of(&of(1)).matcher();
        assert_eq!(one.as_deref(), Some("instance=~\"pod-0:15020\""));
        assert!(place_of(&of(MAX_TARGETS)).matcher().is_some());
        assert_eq!(place_of(&of(MAX_TARGETS + 1)), Place::Anywhere);
        let mut nameless = of(2);
        nameless.insert(target(None));
        assert_eq!(place_of(&nameless), Place::Anywhere);
    }
}
