//! Where series can have been born within a window: told by the scraper, so that the rest is not searched for them.

use std::sync::Arc;

use mesh::units::{UnixMillis, Window};

use super::Prometheus;
use super::promql::{self, Dialect};

/// With more targets than this the whole mesh is searched: naming them would cost more.
const MAX_TARGETS: usize = 600;

/// Which targets told a series for the first time within a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Births {
    /// Too many, or nobody says it.
    Anywhere,
    /// These instances.
    At(Arc<[String]>),
}

impl Births {
    /// Returns whether no series can be new.
    pub fn is_none(&self) -> bool {
        matches!(self, Births::At(instances) if instances.is_empty())
    }

    /// Returns the matcher that leaves the targets in question, with what stands between it and others.
    pub fn matcher(&self) -> Option<String> {
        match self {
            Births::Anywhere => None,
            Births::At(instances) => {
                let names: Vec<&str> = instances.iter().map(String::as_str).collect();
                Some(promql::one_of("instance", &names))
            }
        }
    }
}

impl Prometheus {
    /// Returns where series can have been born in the window, asked once for all questions about it. Where it
    /// can't be told, that is anywhere: a failure costs time and hides nothing.
    pub(super) async fn births(&self, dialect: &Dialect, window: Window, at: UnixMillis) -> Births {
        if !dialect.tells_births_apart() {
            return Births::Anywhere;
        }
        let ask = async {
            let text = promql::targets_with_new_series(window);
            let targets = self.gather(&text, at, |found: &mut Vec<Option<String>>, item| {
                found.push(item.metric.instance.map(String::from));
            });
            let Ok((targets, _)) = targets.await else {
                return Births::Anywhere;
            };
            if targets.is_empty() || targets.len() > MAX_TARGETS {
                return Births::Anywhere;
            }
            // What has no instance is the word that the metric is there.
            let mut instances: Vec<String> = targets.into_iter().flatten().collect();
            instances.sort_unstable();
            instances.dedup();
            Births::At(instances.into())
        };
        self.births.get_with((window, at), ask).await
    }
}
