//! Whether a mesh has what this dashboard needs: facts in, findings out, each with the lines to paste. Pure.
//!
//! What could not be asked is `unknown`, never missing and never sound.

use crate::api::Source;
use crate::api::preflight::{Counts, Group, Item, Preflight, Status};
use crate::api::trace::Names;
use crate::inventory::Inventory;
use crate::sources::is_aks_addon;
use crate::wording::{count, listed};

mod cluster;
mod injection;
mod istio;
mod metrics;
pub mod rights;

#[cfg(test)]
mod tests;

pub use rights::{Asked, Right, wanted};

/// How many names a message holds.
const MAX_NAMED: usize = 6;
/// How many commands are pasted at once.
const MAX_LINES: usize = 24;

/// All that is known.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The cluster; `None` where no Kubernetes API is asked.
    pub cluster: Option<Cluster<'a>>,
    /// What the source of metrics says of itself; `None` where it did not say in time.
    pub metrics: Option<&'a Source>,
    /// How many requests were reported in the last five minutes, where that is known.
    pub requests: Option<f64>,
    /// What is known of traces.
    pub traces: Traces<'a>,
    /// Grafana's address, where pages link to it.
    pub grafana: Option<&'a str>,
}

/// What is known of traces.
#[derive(Clone, Copy, Debug)]
pub enum Traces<'a> {
    /// Nobody is asked for them.
    Unasked,
    /// Who keeps them did not say anything in time.
    Late,
    /// What their source says of itself, and under which names the services of the mesh trace, where that is known.
    Told(&'a Source, Option<&'a Names>),
}

/// What is known of a cluster.
#[derive(Clone, Debug)]
pub struct Cluster<'a> {
    /// What it says of itself.
    pub source: &'a Source,
    /// Who asks it, as it knows them.
    pub who: Option<&'a str>,
    /// Whether it is the built-in one.
    pub is_built_in: bool,
    /// The namespaces that are read; all where that is empty.
    pub namespaces: &'a [String],
    /// The kinds that are read or written.
    pub kinds: &'a [Kind],
    /// The kinds of which not all objects are known.
    pub unread: &'a [Unread],
    /// What it holds.
    pub inventory: &'a Inventory,
    /// The rights that were asked about.
    pub rights: &'a [Asked],
    /// Where Jaeger answers.
    pub jaeger: Option<Place>,
    /// Where Grafana answers.
    pub grafana: Option<Place>,
}

/// A kind of objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind as Kubernetes writes it.
    pub kind: String,
    /// Its group; empty for the core one.
    pub group: String,
    /// Its name in addresses and rights, where the server has it.
    pub plural: Option<String>,
    /// Whether its objects are in no namespace.
    pub is_cluster_wide: bool,
    /// Whether it is read; some are only written.
    pub is_read: bool,
    /// Whether the server has it, where that is known.
    pub is_served: Option<bool>,
}

/// A kind of which not all objects are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The kind.
    pub kind: String,
    /// Its group.
    pub group: String,
    /// Why.
    pub why: Why,
}

/// Why objects are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// They are being read.
    Soon,
    /// The right is missing.
    Forbidden,
    /// The server fails, and how.
    Failing(String),
}

/// A Service that another program answers at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}:{}", self.namespace, self.name, self.port)
    }
}

impl Cluster<'_> {
    /// Returns why nothing can be said that hangs on these kinds; `None` where all of them are read.
    fn unknown_of(&self, kinds: &[&str]) -> Option<String> {
        if !self.source.reachable {
            return Some("The Kubernetes API can't be asked now.".to_owned());
        }
        let of = |it: &&Unread| kinds.contains(&it.kind.as_str());
        let unread: Vec<&Unread> = self.unread.iter().filter(of).collect();
        let first = unread.first()?;
        let mut names: Vec<&str> = unread.iter().map(|it| it.kind.as_str()).collect();
        names.dedup();
        let names = names.join(", ");
        Some(match &first.why {
            Why::Soon => format!("Still being read: {names}."),
            Why::Forbidden => format!("No right to list {names}."),
            Why::Failing(problem) => format!("{names} can't be read: {problem}."),
        })
    }

    /// Returns whether Istio came as the add-on of AKS, or would: a cluster of AKS without any Istio.
    fn is_aks(&self) -> bool {
        let url = self.source.url.as_deref().unwrap_or_default();
        let is_aks_cluster = url.contains(".azmk8s.io");
        is_aks_addon(self.inventory) || (is_aks_cluster && self.inventory.revisions.is_empty())
    }

    fn is_limited(&self) -> bool {
        !self.namespaces.is_empty()
    }
}

/// Returns what was found, the groups with the worst first.
pub fn answer(facts: &Facts<'_>) -> Preflight {
    let mut groups = Vec::new();
    match &facts.cluster {
        None => groups.push(group("cluster", "Cluster", vec![cluster::none()])),
        Some(it) => {
            groups.push(group("cluster", "Cluster", cluster::items(it)));
            groups.push(group("rights", "Rights", rights::items(it)));
            groups.push(group("istio", "Istio", istio::items(it)));
            groups.push(group("injection", "Injection", injection::items(it)));
            groups.push(group("restarts", "Restarts due", injection::restarts(it)));
        }
    }
    groups.push(group("metrics", "Metrics", metrics::items(facts)));
    groups.push(group("traces", "Traces", vec![metrics::traces(facts)]));
    groups.push(group(
        "dashboards",
        "Dashboards",
        vec![metrics::grafana(facts)],
    ));
    // Stable: of equals, in the order that they build on each other.
    groups.sort_by_key(|it| it.status);
    let mut counts = Counts::default();
    for item in groups.iter().flat_map(|it| &it.items) {
        let count = match item.status {
            Status::Fail => &mut counts.fail,
            Status::Warn => &mut counts.warn,
            Status::Unknown => &mut counts.unknown,
            Status::Ok => &mut counts.ok,
        };
        *count += 1;
    }
    Preflight {
        status: groups
            .iter()
            .map(|it| it.status)
            .min()
            .unwrap_or(Status::Ok),
        counts,
        groups,
    }
}

fn group(id: &str, title: &str, mut items: Vec<Item>) -> Group {
    items.sort_by_key(|it| it.status);
    Group {
        id: id.to_owned(),
        title: title.to_owned(),
        status: items.iter().map(|it| it.status).min().unwrap_or(Status::Ok),
        items,
    }
}

/// What is looked at, before it is known how it stands.
#[derive(Clone, Copy)]
struct Look {
    id: &'static str,
    title: &'static str,
    why: &'static str,
}

impl Look {
    fn stands(self, status: Status, message: impl Into<String>) -> Item {
        Item {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            status,
            message: message.into(),
            why: self.why.to_owned(),
            mend: None,
            paste: None,
        }
    }

    fn ok(self, message: impl Into<String>) -> Item {
        self.stands(Status::Ok, message)
    }

    fn warn(self, message: impl Into<String>) -> Item {
        self.stands(Status::Warn, message)
    }

    fn fail(self, message: impl Into<String>) -> Item {
        self.stands(Status::Fail, message)
    }

    fn unknown(self, message: impl Into<String>) -> Item {
        self.stands(Status::Unknown, message)
    }
}

impl Item {
    fn mend(mut self, mend: impl Into<String>) -> Item {
        self.mend = Some(mend.into());
        self
    }

    fn paste(mut self, paste: impl Into<String>) -> Item {
        self.paste = Some(paste.into());
        self
    }
}

/// Lists as many names as a finding has room for.
fn named(names: &[String]) -> String {
    listed(names, MAX_NAMED)
}

/// Joins commands, and says how many more there would be.
fn lines(commands: &[String]) -> String {
    let mut out: Vec<String> = commands.iter().take(MAX_LINES).cloned().collect();
    let more = commands.len().saturating_sub(MAX_LINES);
    if more > 0 {
        out.push(format!("# and {more} more of this kind"));
    }
    out.join("\n")
}
