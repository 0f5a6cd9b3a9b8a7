//! A rule of a route, whichever kind of object says it: what it matches, where it sends, what it does besides.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::weights::{self, Absent, NoShares};

/// One of the lists of rules that a VirtualService has. Rules of a Gateway API route count as `Http`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleList {
    /// Requests: HTTP and gRPC.
    Http,
    /// TLS connections that the proxy passes on as they are, told apart by the name they ask for.
    Tls,
    /// Any other connection.
    Tcp,
}

impl RuleList {
    /// Every list, in the order a VirtualService is read.
    pub const ALL: [Self; 3] = [Self::Http, Self::Tls, Self::Tcp];

    /// Returns the name that objects and addresses write.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tls => "tls",
            Self::Tcp => "tcp",
        }
    }
}

/// Where a rule stands in its object: `http/0` is the first of its http rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RulePlace {
    /// Which list.
    pub list: RuleList,
    /// Which of that list, from 0.
    pub idx: usize,
}

impl fmt::Display for RulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.list.as_str(), self.idx)
    }
}

/// A text that names no place of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the place of a rule, such as `http/0`")]
pub struct NoRulePlace;

impl FromStr for RulePlace {
    type Err = NoRulePlace;

    fn from_str(text: &str) -> Result<Self, NoRulePlace> {
        let (list, idx) = text.split_once('/').ok_or(NoRulePlace)?;
        let mut lists = RuleList::ALL.into_iter();
        let list = lists.find(|l| l.as_str() == list).ok_or(NoRulePlace)?;
        // One spelling only, so that a place can be compared as a text: no `+1`, no `01`.
        let idx = idx
            .parse()
            .ok()
            .filter(|n: &usize| n.to_string() == idx)
            .ok_or(NoRulePlace)?;
        Ok(Self { list, idx })
    }
}

/// Where a rule sends what it matches, and how much of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    /// As written: [`full_host`](super::hosts::full_host) says what it means.
    pub host: String,
    /// A name that a DestinationRule of that host gives.
    pub subset: Option<String>,
    /// Which port of the service, where it is written.
    pub port: Option<u16>,
    /// As written; what an absent one means is the rule's to say.
    pub weight: Option<u32>,
}

impl Destination {
    /// Returns it as `host[:port][ subset]`: `backend v1`.
    pub fn key(&self) -> String {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let subset = self.subset.as_ref();
        let subset = subset
            .map(|subset| format!(" {subset}"))
            .unwrap_or_default();
        format!("{}{port}{subset}", self.host)
    }
}

/// What becomes of what a rule matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is sent to the destinations.
    Route,
    /// The proxy answers by a redirect.
    Redirect {
        /// The status of the answer.
        status: u16,
        /// Where to, such as `https://example.com/new`; `…` stands for what stays as it was.
        to: String,
    },
    /// The proxy answers by itself.
    DirectResponse {
        /// The status of the answer.
        status: u16,
    },
    /// Another VirtualService says it.
    Delegate {
        /// The delegate's namespace.
        namespace: String,
        /// The delegate's name.
        name: String,
    },
}

impl Action {
    /// Returns it in words that follow "this rule", where it is not to send.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Route => None,
            Self::Redirect { status, to } => Some(format!("redirects to {to} ({status})")),
            Self::DirectResponse { status } => Some(format!("answers {status} itself")),
            Self::Delegate { namespace, name } => {
                Some(format!("is decided by VirtualService {namespace}/{name}"))
            }
        }
    }
}

/// A delay that is injected.
#[derive(Clone, Debug, PartialEq)]
pub struct Delay {
    /// Of how many requests, in percent.
    pub percent: f64,
    /// For how long.
    pub length: Duration,
}

/// A failure that is injected.
#[derive(Clone, Debug, PartialEq)]
pub struct Abort {
    /// Of how many requests, in percent.
    pub percent: f64,
    /// What the caller is answered.
    pub status: Status,
}

/// What a caller is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// A status of HTTP.
    Http(u16),
    /// A status of gRPC by its name, such as `UNAVAILABLE`.
    Grpc(String),
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status) => write!(f, "{status}"),
            Self::Grpc(status) => write!(f, "gRPC status {status}"),
        }
    }
}

/// A rule of a route.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it stands in its object.
    pub place: RulePlace,
    /// The name it was given.
    pub name: Option<String>,
    /// What it matches: one of these holds. None at all means everything.
    pub matches: Vec<Match>,
    /// Where it sends; in the order written, which is the order of weights everywhere.
    pub destinations: Vec<Destination>,
    /// What a weight means that is not written.
    pub absent_weight: Absent,
    /// What becomes of what it matches.
    pub action: Action,
    /// A delay that it injects.
    pub delay: Option<Delay>,
    /// A failure that it injects.
    pub abort: Option<Abort>,
    /// What it does besides, in words that follow "this rule": `times out after 5s`.
    pub also: Vec<String>,
}

impl Rule {
    /// Returns the shares of its destinations in basis points.
    ///
    /// # Errors
    /// Where its weights mean none.
    pub fn shares(&self) -> Result<Vec<u32>, NoShares> {
        let weights: Vec<_> = self.destinations.iter().map(|d| d.weight).collect();
        weights::shares(&weights, self.absent_weight)
    }

    /// Returns its destinations as `host[:port][ subset]`, in order: what a record knows them by.
    pub fn destination_keys(&self) -> Vec<String> {
        self.destinations.iter().map(Destination::key).collect()
    }

    /// Returns whether it takes everything that comes to it, whoever calls and through which gateway: a
    /// rule behind it is never reached.
    pub fn catches_all(&self) -> bool {
        self.matches.is_empty() || self.matches.iter().any(Match::holds_always)
    }

    /// Returns what it matches, in words.
    pub fn words(&self) -> String {
        let matches: Vec<String> = self.matches.iter().map(Match::words).collect();
        match matches.as_slice() {
            [] => "everything".to_owned(),
            [one] => one.clone(),
            several => several.join(", or "),
        }
    }

    /// Returns the names under which Envoy counts what its matches take apart, sorted.
    pub fn stat_prefixes(&self) -> Vec<&str> {
        let mut prefixes: Vec<&str> = self
            .matches
            .iter()
            .filter_map(|m| m.stat_prefix.as_deref())
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }
}

/// A condition on one text of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// It is there, whatever it is.
    Present,
    /// It is exactly this.
    Exact(String),
    /// It starts with this.
    Prefix(String),
    /// A path that starts with this by whole segments, as the Gateway API counts: `/a` is `/a` and `/a/b`,
    /// never `/ab`.
    PathPrefix(String),
    /// All of it matches this expression (RE2).
    Regex(String),
}

impl fmt::Display for Condition {
    /// In words that follow a subject: `starts with /api`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("is there"),
            Self::Exact(text) => write!(f, "is exactly \"{text}\""),
            Self::Prefix(text) => write!(f, "starts with {text}"),
            Self::PathPrefix(text) => write!(f, "is {text} or below it"),
            Self::Regex(text) => write!(f, "matches {text}"),
        }
    }
}

/// One set of conditions of a rule: all of them hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The name it was given.
    pub name: Option<String>,
    /// On the path, without the query.
    pub path: Option<Condition>,
    /// Whether upper and lower case are the same in the path.
    pub ignores_case: bool,
    /// On `http` or `https`.
    pub scheme: Option<Condition>,
    /// On the method.
    pub method: Option<Condition>,
    /// On the host that the request names.
    pub authority: Option<Condition>,
    /// On headers, by their names in lower case.
    pub headers: BTreeMap<String, Condition>,
    /// What headers must not be.
    pub without_headers: BTreeMap<String, Condition>,
    /// On parameters of the query.
    pub query: BTreeMap<String, Condition>,
    /// The port that is addressed.
    pub port: Option<u16>,
    /// The callers it is for: `mesh` or gateways as `namespace/name`; none means those of the object.
    pub gateways: Vec<String>,
    /// Labels of the caller's pods.
    pub source_labels: BTreeMap<String, String>,
    /// The caller's namespace.
    pub source_namespace: Option<String>,
    /// The names that a TLS connection may ask for.
    pub sni_hosts: Vec<String>,
    /// Addresses that a connection may be made to.
    pub destination_subnets: Vec<String>,
    /// The name under which Envoy counts what it takes.
    pub stat_prefix: Option<String>,
}

impl Match {
    /// Returns whether it holds for everything.
    pub fn holds_always(&self) -> bool {
        self.asks_nothing_of_the_caller() && self.asks_nothing_of_the_call()
    }

    /// Returns whether it holds whoever calls, through which gateway and on which port.
    pub fn asks_nothing_of_the_caller(&self) -> bool {
        self.port.is_none()
            && self.gateways.is_empty()
            && self.source_labels.is_empty()
            && self.source_namespace.is_none()
    }

    /// Returns whether it holds whatever is called: a path that starts with `/` is every path.
    pub fn asks_nothing_of_the_call(&self) -> bool {
        let any_path = match &self.path {
            None => true,
            Some(Condition::Prefix(text) | Condition::PathPrefix(text)) => {
                text.is_empty() || text == "/"
            }
            Some(_) => false,
        };
        any_path
            && self.scheme.is_none()
            && self.method.is_none()
            && self.authority.is_none()
            && self.headers.is_empty()
            && self.without_headers.is_empty()
            && self.query.is_empty()
            && self.sni_hosts.is_empty()
            && self.destination_subnets.is_empty()
    }

    /// Returns the conditions on texts of a request, but for the one on the path.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let alone = [&self.scheme, &self.method, &self.authority];
        let named = [&self.headers, &self.without_headers, &self.query];
        let alone = alone.into_iter().flatten();
        alone.chain(named.into_iter().flat_map(BTreeMap::values))
    }

    /// Returns its conditions in words, in a fixed order.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        for (name, condition) in &self.headers {
            words.push(format!("header {name} {condition}"));
        }
        for (name, condition) in &self.without_headers {
            words.push(match condition {
                Condition::Present => format!("header {name} is not there"),
                _ => format!("it is not so that header {name} {condition}"),
            });
        }
        let case = match self.ignores_case {
            true => " in any case",
            false => "",
        };
        words.extend(self.path.iter().map(|c| format!("path {c}{case}")));
        for (name, condition) in &self.query {
            words.push(format!("parameter {name} {condition}"));
        }
        let subjects = [
            ("method", &self.method),
            ("host", &self.authority),
            ("scheme", &self.scheme),
        ];
        for (subject, condition) in subjects {
            words.extend(condition.iter().map(|c| format!("{subject} {c}")));
        }
        if !self.sni_hosts.is_empty() {
            words.push(format!("the name asked for is {}", any_of(&self.sni_hosts)));
        }
        if !self.destination_subnets.is_empty() {
            words.push(format!(
                "the address is in {}",
                any_of(&self.destination_subnets)
            ));
        }
        words.extend(self.port.iter().map(|port| format!("port is {port}")));
        if !self.source_labels.is_empty() {
            let labels = self.source_labels.iter().map(|(k, v)| format!("{k}={v}"));
            words.push(format!(
                "the caller has {}",
                labels.collect::<Vec<_>>().join(", ")
            ));
        }
        let namespaces = self.source_namespace.iter();
        words.extend(namespaces.map(|ns| format!("the caller is in namespace {ns}")));
        if !self.gateways.is_empty() {
            let through = |gateway: &String| match gateway.as_str() {
                "mesh" => "from inside the mesh".to_owned(),
                gateway => format!("through gateway {gateway}"),
            };
            let gateways: Vec<String> = self.gateways.iter().map(through).collect();
            words.push(format!("it comes {}", gateways.join(" or ")));
        }
        match words.is_empty() {
            true => "everything".to_owned(),
            false => words.join(" and "),
        }
    }
}

fn any_of(texts: &[String]) -> String {
    texts.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn conditions_read_as_a_sentence() {
        let mut m = Match::default();
        assert_eq!(m.words(), "everything");
        assert!(m.holds_always());
        let exact = Condition::Exact("true".to_owned());
        m.headers.insert("x-testing".to_owned(), exact);
        m.path = Some(Condition::Prefix("/api".to_owned()));
        m.gateways = vec!["mesh".to_owned(), "shop/edge".to_owned()];
        assert_eq!(
            m.words(),
            "header x-testing is exactly \"true\" and path starts with /api and it comes from inside the \
             mesh or through gateway shop/edge"
        );
    }

    #[test]
    fn a_place_has_one_spelling() {
        for wrong in [
            "", "http", "http/", "http/-1", "http/01", "http/+1", "HTTP/0", "udp/0",
        ] {
            assert_eq!(wrong.parse::<RulePlace>(), Err(NoRulePlace), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_place_reads_back_what_it_writes(idx in any::<usize>(), list in 0usize..3) {
            let place = RulePlace { list: RuleList::ALL[list], idx };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
