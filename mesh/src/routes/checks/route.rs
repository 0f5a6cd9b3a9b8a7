//! What is wrong with a route, and with what it sends where.

use std::collections::BTreeSet;

use super::destination_rule::with_labels;
use super::{Known, WORKLOADS, percent, quoted};
use crate::api::routes::{Check, RouteKind, Severity};
use crate::inventory::{ROLLOUT_HASH, Service};
use crate::routes::measured::Target;
use crate::routes::owner::paste_name;
use crate::routes::show::followers;
use crate::routes::{Board, ReadRoute};
use crate::routing::hosts::{self, MESH};
use crate::routing::{self, Action, RouteView, RuleList, RulePlace};

/// A destination of a rule, where it stands.
#[derive(Clone, Copy)]
pub(in crate::routes) struct Spot<'a> {
    pub(in crate::routes) read: &'a ReadRoute,
    pub(in crate::routes) view: &'a RouteView,
    pub(in crate::routes) rule: &'a routing::Rule,
    pub(in crate::routes) idx: usize,
}

impl Spot<'_> {
    fn about(&self) -> String {
        self.read.place.to_string()
    }

    fn path(&self) -> String {
        destination_path(self.read.place.kind, self.rule.place, self.idx)
    }
}

impl Board {
    /// Returns what is wrong with a route. What it shares with another, which says it already, goes to `seen`.
    pub(super) fn check(
        &self,
        read: &ReadRoute,
        known: &Known<'_>,
        seen: &mut Vec<Check>,
    ) -> Vec<Check> {
        let about = read.place.to_string();
        let mut found = Vec::new();
        let view = match &read.view {
            Ok(view) => view,
            Err(problem) => {
                let check = Check::new("unreadable", Severity::Error, &about)
                    .known_as(&["IST0106"])
                    .says(format!("The route can't be read: {problem}."))
                    .because(
                        "Istio refuses such an object, or leaves it out: its calls go elsewhere.",
                    )
                    .mended("mend the object, or put back what was there before");
                return vec![check];
            }
        };
        for (rule, targets) in view.rules.iter().zip(&read.targets) {
            self.check_rule(read, view, rule, targets, known, &mut found);
        }
        self.check_gateways(&about, read, view, known, &mut found);
        self.check_parents(&about, view, known, &mut found);
        self.check_reach(&about, view, &mut found);
        self.check_speakers(&about, read, view, known, &mut found, seen);
        self.check_ingress(&about, read, view, &mut found);
        self.check_twice(&about, read, view, &mut found, seen);
        if read.journal.is_unreadable {
            found.push(
                Check::new("journal_unreadable", Severity::Info, &about)
                    .says("The record of changes on this object can't be read.".to_owned())
                    .because("Earlier changes can't be taken back from it.")
                    .mended("the next change starts the record anew"),
            );
        }
        found
    }

    fn check_rule(
        &self,
        read: &ReadRoute,
        view: &RouteView,
        rule: &routing::Rule,
        targets: &[Target],
        known: &Known<'_>,
        found: &mut Vec<Check>,
    ) {
        let about = read.place.to_string();
        let shares = rule.shares();
        if !rule.destinations.is_empty() && shares.is_err() {
            found.push(
                Check::new("weights_zero", Severity::Error, &about)
                    .at(rule_path(read.place.kind, rule.place))
                    .says(format!("All weights of rule {} are zero.", rule.place))
                    .because("Istio refuses such a rule, and a Gateway API route answers 500.")
                    .mended("give one destination a weight"),
            );
        }
        let shares = shares.unwrap_or_default();
        let (mut broken, mut served) = (Vec::new(), false);
        for (idx, target) in targets.iter().enumerate() {
            let share = shares.get(idx).copied().unwrap_or(0);
            let spot = Spot {
                read,
                view,
                rule,
                idx,
            };
            let check = self.check_destination(spot, target, share);
            let is_dead = check
                .as_ref()
                .is_some_and(|it| it.code == "subset_not_ready");
            served |= share > 0 && !is_dead;
            // That a subset's labels select nothing is the fault of its DestinationRule, which says it.
            let is_labels = is_dead && is_subset(spot) && target.workloads.is_empty();
            if is_dead && !is_labels {
                broken.extend(check);
            } else if !is_dead {
                found.extend(check);
            }
            found.extend(self.check_port(spot, target));
            found.extend(again(spot));
        }
        match (broken.as_slice(), served) {
            ([first, ..], false) => found.push(nothing_ready(first, broken.len(), read, rule)),
            _ => found.extend(broken),
        }
        if let Action::Delegate { namespace, name } = &rule.action
            && !known.may_be("VirtualService", namespace, name)
        {
            found.push(
                Check::new("delegate_missing", Severity::Error, &about)
                    .at(format!("{}.delegate", rule_path(read.place.kind, rule.place)))
                    .known_as(&["IST0101"])
                    .says(format!("Rule {} leaves its calls to VirtualService {namespace}/{name}, which is not there.", rule.place))
                    .because("The rule has no effect.")
                    .mended("make the delegate, or name one that is there"),
            );
        }
    }

    /// Returns what is wrong with a destination that gets `share` basis points.
    pub(in crate::routes) fn check_destination(
        &self,
        spot: Spot<'_>,
        target: &Target,
        share: u32,
    ) -> Option<Check> {
        let destination = spot.rule.destinations.get(spot.idx)?;
        let is_gateway_api = spot.view.is_gateway_api;
        if spot.read.elsewhere.contains(&(spot.rule.place, spot.idx)) {
            return None;
        }
        let namespace = &spot.read.place.namespace;
        let full = self.full_host(destination, is_gateway_api, namespace);
        if let Some(check) = self.host_missing(spot, destination, target, &full) {
            return Some(check);
        }
        if let Some(check) = self.subset_missing(spot, destination, &full) {
            return Some(check);
        }
        let place = target.service.as_ref()?;
        let service = self.inventory.services.get(place);
        let service = service.filter(|it| share > 0 && !it.selector.is_empty())?;
        let named = destination.subset.as_deref().unwrap_or(&place.1);
        let what = percent(share);
        self.not_ready(spot, named, (&full, service), target)
            .map(|check| {
                check.because(&format!(
                    "{what} of the rule's calls go there, and each of them ends as 503 with flag UH: no healthy \
                     endpoint."
                ))
            })
    }

    fn host_missing(
        &self,
        spot: Spot<'_>,
        destination: &routing::Destination,
        target: &Target,
        full: &str,
    ) -> Option<Check> {
        let is_known = target.service.is_some() || self.routing.is_entry(full);
        let is_elsewhere = full.ends_with(hosts::CLUSTER_SET);
        if is_known || is_elsewhere || !self.knows(&["Service", "ServiceEntry"]) {
            return None;
        }
        let is_gateway_api = spot.view.is_gateway_api;
        let (field, codes) = match is_gateway_api {
            true => ("name", ["KIA1402", "IST0101"]),
            false => ("destination.host", ["KIA1101", "IST0101"]),
        };
        let check = |severity| {
            Check::new("host_missing", severity, &spot.about())
                .at(format!("{}.{field}", spot.path()))
                .known_as(&codes)
        };
        let nowhere = "Calls that the rule sends there end as 503 with flag NC.";
        let written = &destination.host;
        if let Some((namespace, name)) = hosts::service_of(full, &self.domain) {
            let (why, mend) = match is_gateway_api {
                true => (
                    "Calls that the rule sends there are answered 500.",
                    "name a service that is there, with its namespace if it is in another",
                ),
                false => (
                    nowhere,
                    "name a service that is there; a name without a dot is one of the route's own namespace",
                ),
            };
            return Some(
                check(Severity::Error)
                    .says(format!(
                        "There is no service {namespace}/{name}, which `{written}` means here."
                    ))
                    .because(why)
                    .mended(mend),
            );
        }
        let short = full.split_once('.');
        let place = short.map(|(name, namespace)| (namespace.to_owned(), name.to_owned()));
        if let Some((namespace, name)) =
            place.filter(|place| self.inventory.services.contains_key(place))
        {
            let full = hosts::service_host(&namespace, &name, &self.domain);
            return Some(
                check(Severity::Error)
                    .says(format!(
                        "`{written}` is no host: Istio completes names without a dot only."
                    ))
                    .because(nowhere)
                    .mended("write the full name of the service")
                    .by_yaml(format!("host: {full}\n")),
            );
        }
        Some(
            check(Severity::Warning)
                .says(format!("No ServiceEntry has the host `{written}`."))
                .because("Unless another cluster of the mesh knows it, calls that the rule sends there end as 503 with flag NC.")
                .mended("make a ServiceEntry for the host, or correct it"),
        )
    }

    fn subset_missing(
        &self,
        spot: Spot<'_>,
        destination: &routing::Destination,
        full: &str,
    ) -> Option<Check> {
        let subset = destination.subset.as_deref()?;
        let view = spot.view;
        // Pods of a gateway follow the rules of their own namespace.
        let through = view
            .gateways
            .iter()
            .filter_map(|it| self.gateways.get(it))
            .flatten();
        let own = [spot.read.place.namespace.as_str()];
        let callers: BTreeSet<&str> = own
            .into_iter()
            .chain(through.map(|(namespace, _)| namespace.as_str()))
            .collect();
        let mut callers = callers.into_iter();
        if !self.knows(&["DestinationRule"])
            || callers.any(|namespace| self.subset(full, subset, namespace).is_some())
        {
            return None;
        }
        let rules = self.routing.destination_rules_of(full);
        let (mend, yaml) = match rules.first() {
            Some(rule) => (
                format!(
                    "add the subset to DestinationRule {}/{}",
                    rule.namespace, rule.name
                ),
                with_labels(subset),
            ),
            None => (
                format!("make a DestinationRule for host {full} with the subset"),
                made(full, subset, &spot.read.place.namespace, &self.domain),
            ),
        };
        let whose = match hosts::service_of(full, &self.domain) {
            Some((namespace, name)) => format!("{namespace}/{name}"),
            None => full.to_owned(),
        };
        Some(
            Check::new("subset_missing", Severity::Error, &spot.about())
                .at(format!("{}.destination.subset", spot.path()))
                .known_as(&["KIA1107", "IST0101"])
                .says(format!(
                    "No DestinationRule of {whose} has a subset `{subset}`."
                ))
                .because("Calls that the rule sends there end as 503 with flag NC.")
                .mended(&mend)
                .by_yaml(yaml),
        )
    }

    /// Returns the finding that no pod stands behind a destination; `None` where one does, and where it can't be
    /// told.
    fn not_ready(
        &self,
        spot: Spot<'_>,
        named: &str,
        (full, service): (&str, &Service),
        target: &Target,
    ) -> Option<Check> {
        let workloads: Vec<_> = target
            .workloads
            .iter()
            .filter_map(|place| self.inventory.workloads.get(place))
            .collect();
        if workloads.iter().any(|w| w.ready > 0) || !self.knows(&WORKLOADS) {
            return None;
        }
        let check = Check::new("subset_not_ready", Severity::Error, &spot.about())
            .at(spot.path())
            .known_as(&["IST0173"]);
        let Some(first) = workloads.first() else {
            let destination = spot.rule.destinations.get(spot.idx)?;
            let namespace = &spot.read.place.namespace;
            let subset = destination.subset.as_deref();
            let subset = subset.and_then(|name| self.subset(full, name, namespace));
            let labels = subset.map(|it| it.labels.clone()).unwrap_or_default();
            let rules = self.routing.destination_rules_of(full);
            let steers = |rule: &&routing::destination_rule::DestinationRule| {
                let place = (rule.namespace.clone(), rule.name.clone());
                self.steered.contains(&place)
            };
            // What Argo Rollouts steers is its own business, and what nothing here keeps running may run.
            let is_argos = rules.iter().any(steers)
                || labels.contains_key(ROLLOUT_HASH)
                || service.selector.contains_key(ROLLOUT_HASH);
            if is_argos || self.inventory.is_served_otherwise(service, &labels) {
                return None;
            }
            return Some(
                check
                    .says(format!("{named} selects no workload."))
                    .mended("deploy the version, or correct the labels that select it"),
            );
        };
        let kind = first.kind.to_ascii_lowercase();
        let (name, namespace) = (paste_name(&first.name), paste_name(&first.namespace));
        let place = format!("{kind}/{name} -n {namespace}");
        let wanted: u32 = workloads.iter().map(|w| w.wanted).sum();
        Some(if wanted == 0 {
            check
                .says(format!(
                    "{named} has no pod: {} {} is scaled to zero.",
                    first.kind, first.name
                ))
                .mended("scale it up first")
                .by_command(format!("kubectl scale {place} --replicas=1"))
        } else {
            check
                .says(format!("{named} has no ready pod: 0 of {wanted}."))
                .mended("find out why its pods do not become ready")
                .by_command(format!("kubectl describe {place}"))
        })
    }

    /// Finds that a destination does not say which of several ports.
    fn check_port(&self, spot: Spot<'_>, target: &Target) -> Option<Check> {
        let destination = spot.rule.destinations.get(spot.idx)?;
        let service = self.inventory.services.get(target.service.as_ref()?)?;
        if spot.view.is_gateway_api || destination.port.is_some() || service.ports.len() < 2 {
            return None;
        }
        let offered: Vec<u16> = service.ports.iter().map(|port| port.port).collect();
        let asked = self.ports_asked(spot);
        let lost: Vec<String> = asked
            .iter()
            .filter(|it| !offered.contains(it))
            .map(u16::to_string)
            .collect();
        // Without one, Istio takes the port that was called.
        let (severity, why) = match (lost.len(), asked.len()) {
            (0, _) => (
                Severity::Info,
                "Istio takes the port that was called, which is one of them; `istioctl analyze` asks for it to be said."
                    .to_owned(),
            ),
            (lost_n, all) => {
                let severity = match lost_n == all {
                    true => Severity::Error,
                    false => Severity::Warning,
                };
                let ports = lost.join(" and ");
                let why = format!(
                    "Istio takes the port that was called: {ports} is none of them, and such calls end as 503 with flag NC."
                );
                (severity, why)
            }
        };
        let names: Vec<String> = offered.iter().map(u16::to_string).collect();
        let first = offered.first().copied().unwrap_or_default();
        Some(
            Check::new("port_missing", severity, &spot.about())
                .at(format!("{}.destination.port", spot.path()))
                .known_as(&["IST0112"])
                .says(format!(
                    "{} has {} ports ({}), and the destination does not say which.",
                    destination.host,
                    names.len(),
                    names.join(", ")
                ))
                .because(&why)
                .mended("say the port of the destination")
                .by_yaml(format!("port:\n  number: {first}\n")),
        )
    }

    /// Returns the ports at which calls come to a rule, as far as that is known; sorted.
    fn ports_asked(&self, spot: Spot<'_>) -> BTreeSet<u16> {
        let matches = &spot.rule.matches;
        let said: BTreeSet<u16> = matches.iter().filter_map(|m| m.port).collect();
        if !matches.is_empty() && matches.iter().all(|m| m.port.is_some()) {
            return said;
        }
        let mut ports = BTreeSet::new();
        for follower in followers(spot.rule, &spot.view.gateways) {
            if follower == MESH {
                for host in &spot.view.hosts {
                    let full = hosts::full_host(host, &spot.read.place.namespace, &self.domain);
                    ports.extend(self.routing.ports_of(&full));
                }
                continue;
            }
            let mut gateways = self.routing.gateways.iter();
            let gateway = gateways.find(|it| it.full_name() == follower);
            let servers = gateway.into_iter().flat_map(|it| &it.servers);
            let is_http = spot.rule.place.list == RuleList::Http;
            ports.extend(
                servers
                    .filter(|it| (it.passes() == routing::gateway::Passes::Requests) == is_http)
                    .map(|it| it.port),
            );
        }
        ports
    }
}

/// Returns the one finding for a rule none of whose destinations has a ready pod.
fn nothing_ready(first: &Check, n: usize, read: &ReadRoute, rule: &routing::Rule) -> Check {
    let lone = rule.destinations.len() == 1 || n == 1;
    let path = match lone {
        true => first.path.clone().unwrap_or_default(),
        false => rule_path(read.place.kind, rule.place),
    };
    let more = match n {
        1 => String::new(),
        n => format!(" So have {} more.", n - 1),
    };
    Check {
        code: "nothing_ready".to_owned(),
        message: format!(
            "Rule {} sends every call where no pod is ready: {}{more}",
            rule.place, first.message
        ),
        ..first.clone()
    }
    .at(path)
    .because("Every call that the rule takes ends as 503 with flag UH: no healthy endpoint.")
}

/// Finds that a destination is named a second time in its rule.
fn again(spot: Spot<'_>) -> Option<Check> {
    let destination = spot.rule.destinations.get(spot.idx)?;
    let mut before = spot.rule.destinations.iter().take(spot.idx);
    let first = before.position(|it| it.key() == destination.key())?;
    let codes: &[&str] = match spot.view.is_gateway_api {
        true => &[],
        false => &["KIA1105"],
    };
    Some(
        Check::new("destination_twice", Severity::Warning, &spot.about())
            .at(spot.path())
            .known_as(codes)
            .says(format!(
                "Rule {} names {} twice: as destination {first} and as {}.",
                spot.rule.place,
                destination.key(),
                spot.idx
            ))
            .because("Both weights count together, and neither alone says how much it gets.")
            .mended("put both weights into one destination"),
    )
}

fn is_subset(spot: Spot<'_>) -> bool {
    let destination = spot.rule.destinations.get(spot.idx);
    destination.is_some_and(|it| it.subset.is_some())
}

/// Writes a DestinationRule with one subset.
fn made(full: &str, subset: &str, namespace: &str, domain: &str) -> String {
    let (namespace, name) = hosts::service_of(full, domain)
        .unwrap_or_else(|| (namespace.to_owned(), "NAME".to_owned()));
    let spec: String = with_labels(subset)
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  \
         host: {}\n{spec}",
        quoted(&name),
        quoted(&namespace),
        quoted(full),
    )
}

/// Returns where a rule stands in its object.
pub(in crate::routes) fn rule_path(kind: RouteKind, place: RulePlace) -> String {
    match kind {
        RouteKind::VirtualService => format!("spec.{}[{}]", place.list.as_str(), place.idx),
        RouteKind::HttpRoute | RouteKind::GrpcRoute => format!("spec.rules[{}]", place.idx),
    }
}

/// Returns where a destination stands in its object.
fn destination_path(kind: RouteKind, place: RulePlace, idx: usize) -> String {
    let list = match kind {
        RouteKind::VirtualService => "route",
        RouteKind::HttpRoute | RouteKind::GrpcRoute => "backendRefs",
    };
    format!("{}.{list}[{idx}]", rule_path(kind, place))
}
