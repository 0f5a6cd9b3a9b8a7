//! Hops that are part of a longer way (rule R7): those to and from a waypoint, and ambient's tunnels.
//!
//! Told by workloads, before any projection, so that all projections fold alike.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet};

use crate::telemetry::{Peer, Protocol, Reporter, TrafficKey};

use super::Facts;
use super::roles::{Role, Roles};
use super::streams::Connections;

/// A workload by namespace and name; `None` for what no proxy knows, and for what no endpoint took.
type Seat<'a> = Option<(&'a str, &'a str)>;
type Pair<'a> = (Seat<'a>, Seat<'a>);

/// Which samples are of a hop that is not drawn.
#[derive(Default)]
pub struct Hops<'a> {
    /// Requests between a waypoint and an end whose calls the waypoint reports itself.
    requests: HashSet<Pair<'a>>,
    /// Connections between the same.
    connections: HashSet<Pair<'a>>,
    /// Pairs whose requests are reported and run through a tunnel.
    tunnelled: HashSet<Pair<'a>>,
}

/// Returns the two ends of what a key counts.
fn pair(key: &TrafficKey) -> Pair<'_> {
    fn seat(peer: &Peer) -> Seat<'_> {
        let namespace = peer.namespace.as_ref().map_or("", |it| it.as_str());
        Some((namespace, peer.workload.as_ref()?.as_str()))
    }
    (seat(&key.source), seat(&key.destination))
}

/// Calls `visit` once for each run of samples with the same two ends. Samples come sorted.
fn each_pair<'a>(
    keys: impl Iterator<Item = &'a TrafficKey>,
    mut visit: impl FnMut(Pair<'a>, &'a TrafficKey),
) {
    let mut last: Option<&TrafficKey> = None;
    for key in keys {
        let is_same = last.is_some_and(|last| {
            last.source == key.source
                && last.destination == key.destination
                && last.reporter == key.reporter
        });
        if !is_same {
            visit(pair(key), key);
        }
        last = Some(key);
    }
}

/// Which pairs the waypoints speak of, by either end.
#[derive(Default)]
struct Spoken<'a> {
    by_client: BTreeMap<Seat<'a>, BTreeSet<Seat<'a>>>,
    by_server: BTreeMap<Seat<'a>, BTreeSet<Seat<'a>>>,
}

impl<'a> Spoken<'a> {
    fn of(keys: impl Iterator<Item = &'a TrafficKey>) -> Spoken<'a> {
        let mut spoken = Spoken::default();
        let keys = keys.filter(|key| key.reporter == Reporter::Waypoint);
        each_pair(keys, |(client, server), _| {
            spoken.by_client.entry(client).or_default().insert(server);
            spoken.by_server.entry(server).or_default().insert(client);
        });
        spoken
    }

    /// Whether calls of `client` through the waypoint that sends to `servers` are reported.
    fn of_client(&self, client: Seat<'a>, servers: Option<&BTreeSet<Seat<'a>>>) -> bool {
        let mut to = self.by_client.get(&client).into_iter().flatten();
        to.any(|server| server.is_none() || servers.is_none_or(|it| it.contains(server)))
    }

    /// Whether calls to `server` through the waypoint that hears from `clients` are reported.
    fn of_server(&self, server: Seat<'a>, clients: Option<&BTreeSet<Seat<'a>>>) -> bool {
        let mut from = self.by_server.get(&server).into_iter().flatten();
        from.any(|client| client.is_none() || clients.is_none_or(|it| it.contains(client)))
    }
}

impl<'a> Hops<'a> {
    /// Finds them.
    pub fn of(facts: &'a Facts, roles: &Roles<'_>) -> Hops<'a> {
        let mut hops = Hops::default();
        hops.find_waypoints(facts, roles);
        hops.find_tunnels(facts);
        hops
    }

    /// Returns whether what is counted is a hop to or from a waypoint, and told by the waypoint's own report.
    pub fn is_folded(&self, key: &TrafficKey) -> bool {
        let folded = match key.protocol {
            Protocol::Tcp => &self.connections,
            Protocol::Http | Protocol::Grpc => &self.requests,
        };
        !folded.is_empty() && folded.contains(&pair(key))
    }

    /// Returns whether the requests that run through the tunnel of `key` are reported themselves.
    pub fn is_beneath(&self, key: &TrafficKey) -> bool {
        !self.tunnelled.is_empty() && self.tunnelled.contains(&pair(key))
    }

    fn find_waypoints(&mut self, facts: &'a Facts, roles: &Roles<'_>) {
        let requests = || {
            let busy = facts.requests.iter().filter(|it| it.value > 0.0);
            busy.map(|it| &*it.key)
        };
        let tcp = || {
            let busy = facts.tcp.iter();
            let busy = busy.filter(|it| Connections::of(it).is_busy());
            busy.map(|it| &*it.key)
        };
        let mut speakers = requests().chain(tcp());
        if !speakers.any(|key| key.reporter == Reporter::Waypoint) {
            return;
        }
        let all = facts.requests.iter().map(|it| &*it.key);
        let all = || all.clone().chain(facts.tcp.iter().map(|it| &*it.key));
        let mut into: BTreeMap<Seat, BTreeSet<Seat>> = BTreeMap::new();
        let mut out_of: BTreeMap<Seat, BTreeSet<Seat>> = BTreeMap::new();
        let is_waypoint = |seat: Seat| {
            seat.is_some_and(|(namespace, workload)| {
                roles.get(Some(namespace), workload) == Some(Role::Waypoint)
            })
        };
        each_pair(all(), |(from, to), _| {
            if is_waypoint(to) {
                into.entry(to).or_default().insert(from);
            }
            if is_waypoint(from) {
                out_of.entry(from).or_default().insert(to);
            }
        });
        // Connections carry requests; requests are not told by connections.
        let of_requests = Spoken::of(requests());
        let of_any = Spoken::of(requests().chain(tcp()));
        for (spoken, folded) in [
            (of_requests, &mut self.requests),
            (of_any, &mut self.connections),
        ] {
            for (waypoint, clients) in &into {
                let servers = out_of.get(waypoint);
                let told = clients.iter().filter(|it| spoken.of_client(**it, servers));
                folded.extend(told.map(|client| (*client, *waypoint)));
            }
            for (waypoint, servers) in &out_of {
                let clients = into.get(waypoint);
                let told = servers.iter().filter(|it| spoken.of_server(**it, clients));
                folded.extend(told.map(|server| (*waypoint, *server)));
            }
        }
    }

    fn find_tunnels(&mut self, facts: &'a Facts) {
        let tunnels = facts.tcp.iter().filter(|it| it.is_tunnel);
        // Whether requests of the pair are reported.
        let mut pairs: HashMap<Pair, bool> = HashMap::default();
        each_pair(tunnels.map(|it| &*it.key), |pair, _| {
            pairs.insert(pair, false);
        });
        if pairs.is_empty() {
            return;
        }
        let requests = facts.requests.iter().filter(|it| it.value > 0.0);
        each_pair(requests.map(|it| &*it.key), |pair, _| {
            if let Some(is_reported) = pairs.get_mut(&pair) {
                *is_reported = true;
            }
        });
        let reported = pairs.into_iter().filter(|(_, is_reported)| *is_reported);
        self.tunnelled = reported.map(|(pair, _)| pair).collect();
    }
}
