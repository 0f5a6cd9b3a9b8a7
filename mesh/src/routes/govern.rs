//! Which objects say how calls to a service go.

use std::collections::BTreeSet;

use crate::api::workload::ObjectLink;
use crate::routing::hosts;

use super::Board;

impl Board {
    /// Returns the routes that send to a service or speak for its host, and the DestinationRules on that host,
    /// sorted. Rules for a wildcard are those that callers of the service's own namespace follow.
    pub fn governing(&self, namespace: &str, name: &str) -> Vec<ObjectLink> {
        let place = (namespace.to_owned(), name.to_owned());
        let host = hosts::service_host(namespace, name, &self.domain);
        let sends = self
            .uses
            .get(&place)
            .into_iter()
            .flatten()
            .map(|it| it.route);
        let speaks = self.routes.iter().enumerate().filter(|(_, route)| {
            let written = route.view.iter().flat_map(|view| &view.hosts);
            let mut full =
                written.map(|it| hosts::full_host(it, &route.place.namespace, &self.domain));
            full.any(|it| it == host)
        });
        let found: BTreeSet<usize> = sends.chain(speaks.map(|(idx, _)| idx)).collect();
        let routes = found.into_iter().filter_map(|idx| self.routes.get(idx));
        let mut links: BTreeSet<ObjectLink> = routes
            .map(|route| ObjectLink {
                kind: route.place.kind.kind().to_owned(),
                namespace: route.place.namespace.clone(),
                name: route.place.name.clone(),
                route: Some(route.place.to_string()),
            })
            .collect();
        let named = self.routing.destination_rules_of(&host);
        let followed = self.routing.destination_rules_for(&host, namespace);
        links.extend(named.into_iter().chain(followed).map(|rule| ObjectLink {
            kind: "DestinationRule".to_owned(),
            namespace: rule.namespace.clone(),
            name: rule.name.clone(),
            route: None,
        }));
        links.into_iter().collect()
    }
}
