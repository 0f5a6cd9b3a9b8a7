//! Where series can have been born within a window: told by the scraper, so that the rest is not searched for them.

use std::sync::Arc;

use mesh::api::Notice;
use mesh::units::{UnixMillis, Window};

use super::Prometheus;
use super::promql::{self, Dialect};

/// With more targets than this the whole mesh is searched: naming them would cost more.
const MAX_TARGETS: usize = 600;

/// What was new within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Births {
    /// Where series can be that did not exist before.
    pub at: Place,
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

/// The targets with new series, as they are told.
#[derive(Default)]
struct Targets {
    fresh: Vec<String>,
    n_first_scraped: usize,
    has_nameless: bool,
}

impl Place {
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
    /// Says what was scraped for the first time.
    pub fn notice(&self) -> Option<Notice> {
        let n = self.n_first_scraped;
        (n > 0).then(|| Notice {
            kind: "first_scraped".to_owned(),
            source: "prometheus".to_owned(),
            message: format!(
                "{n} scrape targets older than the window were scraped for the first time within it; \
                 their requests count from then on."
            ),
            hint: Some("wait for one window, or look at a shorter one".to_owned()),
        })
    }
}

impl Prometheus {
    /// Returns what was new in the window, asked once for all questions about it. Where it can't be told, that can
    /// be anywhere: a failure costs time and hides nothing.
    pub(super) async fn births(&self, dialect: &Dialect, window: Window, at: UnixMillis) -> Births {
        let ask = async {
            let text = promql::targets_with_new_series(window);
            let young = f64::from(window.secs());
            let targets = self.gather(&text, at, move |found: &mut Targets, item| {
                let value = item.value.and_then(|point| point.1.parse::<f64>().ok());
                match (item.metric.instance, value) {
                    (Some(instance), Some(value)) if promql::is_fresh_target(value, young) => {
                        found.fresh.push(instance.into());
                    }
                    (Some(_), _) => found.n_first_scraped += 1,
                    (None, _) => found.has_nameless = true,
                }
            });
            let Ok((mut targets, _)) = targets.await else {
                return Births {
                    at: Place::Anywhere,
                    n_first_scraped: 0,
                };
            };
            targets.fresh.sort_unstable();
            targets.fresh.dedup();
            let is_told = !targets.has_nameless && targets.fresh.len() <= MAX_TARGETS;
            Births {
                at: if is_told && dialect.tells_births_apart() {
                    Place::At(targets.fresh.into())
                } else {
                    Place::Anywhere
                },
                n_first_scraped: targets.n_first_scraped,
            }
        };
        self.births.get_with((window, at), ask).await
    }
}
