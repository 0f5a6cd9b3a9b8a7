//! Who is meant by the two sides of a sample, and what samples say of each.

use foldhash::{HashMap, HashMapExt};

use crate::telemetry::{Peer, Reporter, ServiceRef, TrafficKey};

use super::identity::Identity;
use super::project::Projection;
use super::views::Node;

/// Numbers for identities, so that a pair is spelled once and not once a sample.
pub struct Ends<'a> {
    projection: &'a Projection<'a>,
    sources: HashMap<(&'a Peer, Option<&'a Peer>), usize>,
    destinations: HashMap<(&'a Peer, Option<&'a ServiceRef>, Option<&'a Peer>), usize>,
    identities: Vec<Identity>,
    numbers: HashMap<Identity, usize>,
    /// Samples come sorted: most are of the same two as the one before.
    last: Option<(&'a TrafficKey, (usize, usize))>,
    /// Whether the last answer was the same as the one before, for the same reasons.
    pub is_repeated: bool,
}

impl<'a> Ends<'a> {
    /// Prepares numbers for the identities of one projection.
    pub fn new(projection: &'a Projection<'a>) -> Ends<'a> {
        Ends {
            projection,
            sources: HashMap::new(),
            destinations: HashMap::new(),
            identities: Vec::new(),
            numbers: HashMap::new(),
            last: None,
            is_repeated: false,
        }
    }

    /// The numbers of caller and callee.
    pub fn of(&mut self, key: &'a TrafficKey) -> (usize, usize) {
        if let Some((last, ends)) = self.last
            && last.source == key.source
            && last.destination == key.destination
            && last.service == key.service
        {
            self.is_repeated = last.reporter == key.reporter;
            self.last = Some((key, ends));
            return ends;
        }
        self.is_repeated = false;
        // A peer without a cluster borrows the other side's: then both sides matter.
        let from = (
            &key.source,
            key.source.cluster.is_none().then_some(&key.destination),
        );
        let from = match self.sources.get(&from) {
            Some(number) => *number,
            None => {
                let number = self.number(self.projection.source(key));
                self.sources.insert(from, number);
                number
            }
        };
        let to = (
            &key.destination,
            key.service.as_ref(),
            key.destination.cluster.is_none().then_some(&key.source),
        );
        let to = match self.destinations.get(&to) {
            Some(number) => *number,
            None => {
                let number = self.number(self.projection.destination(key));
                self.destinations.insert(to, number);
                number
            }
        };
        self.last = Some((key, (from, to)));
        (from, to)
    }

    /// The place of each identity, by its number, among all in order.
    pub fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.identities.len()).collect();
        order.sort_by(|a, b| self.identities[*a].cmp(&self.identities[*b]));
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.into_iter().enumerate() {
            ranks[number] = rank;
        }
        ranks
    }

    /// All identities in order.
    pub fn sorted(self) -> Vec<Identity> {
        let mut identities = self.identities;
        identities.sort();
        identities
    }

    /// The number of an identity, new or known.
    pub fn number(&mut self, identity: Identity) -> usize {
        *self.numbers.entry(identity).or_insert_with_key(|identity| {
            self.identities.push(identity.clone());
            self.identities.len() - 1
        })
    }

    /// The number of an identity that was seen.
    pub fn known(&self, identity: &Identity) -> Option<usize> {
        self.numbers.get(identity).copied()
    }

    /// All identities in the order of their numbers.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The identity of a number.
    pub fn identity(&self, number: usize) -> &Identity {
        // Numbers are only made here.
        &self.identities[number]
    }
}

/// What samples say of one node: a value is told only where all agree.
#[derive(Default)]
pub struct About {
    app: One<String>,
    version: One<String>,
    service: One<String>,
    with_endpoint: bool,
    reports: bool,
}

impl About {
    /// Hears of the caller of a sample.
    pub fn caller(&mut self, key: &TrafficKey) {
        self.with_endpoint |= key.source.workload.is_some();
        self.reports |= key.reporter == Reporter::Source;
        self.peer(&key.source);
    }

    /// Hears of the callee of a sample.
    pub fn callee(&mut self, key: &TrafficKey) {
        self.with_endpoint |= key.destination.workload.is_some();
        self.reports |= key.reporter == Reporter::Destination;
        self.peer(&key.destination);
        if let Some(service) = &key.service {
            self.service.see(service.name.as_str());
        }
    }

    fn peer(&mut self, peer: &Peer) {
        if let Some(app) = &peer.app {
            self.app.see(app.as_str());
        }
        if let Some(version) = &peer.version {
            self.version.see(version.as_str());
        }
    }

    /// Returns a node of which nothing is known but this.
    pub fn node(about: Option<&About>) -> Node {
        let Some(about) = about else {
            return Node::default();
        };
        Node {
            app: about.app.get(),
            version: about.version.get(),
            service: about.service.get(),
            without_endpoint: !about.with_endpoint,
            reports: about.reports,
            ..Node::default()
        }
    }
}

/// A value that may turn out to be several.
#[derive(Default)]
enum One<T> {
    #[default]
    None,
    Just(T),
    Several,
}

impl One<String> {
    fn see(&mut self, text: &str) {
        match self {
            One::None => *self = One::Just(text.to_owned()),
            One::Just(known) if known != text => *self = One::Several,
            One::Just(_) | One::Several => {}
        }
    }

    fn get(&self) -> Option<String> {
        match self {
            One::Just(text) => Some(text.clone()),
            One::None | One::Several => None,
        }
    }
}
