//! Under which names the services of a mesh trace.
//!
//! Istio names a proxy's tracer `app.namespace`, `canonical-service` or `canonical-service.namespace` (mesh config
//! `tracing_service_name`); an application's own tracer has whatever name it was given. So names are tried, and the
//! backend's own list decides.

use std::collections::BTreeSet;

use crate::api::TracesQuery;
use crate::api::trace::{NameRow, Names};

use super::known::Known;

/// Returns the tracing names that a search could be asked for, the likeliest first; none where it is about no service,
/// workload or edge.
pub fn candidates(query: &TracesQuery, known: &Known) -> Vec<String> {
    if let Some(name) = &query.name {
        return vec![name.clone()];
    }
    let mut names = Ordered::default();
    if let Some(edge) = &query.edge {
        // The caller's side tells of calls that nobody took.
        if let Some((from, to)) = edge
            .rsplit_once(':')
            .and_then(|(ends, _)| ends.split_once("->"))
        {
            for id in [from, to] {
                if let Some(place) = known.place_of(id) {
                    names.of_workload(&place, known);
                } else if let Some(name) = known.traced_name(id) {
                    names.add(name.to_owned());
                }
            }
            if let Some(place) = known.service_of(to) {
                names.of_service(place, known);
            }
        }
    }
    let in_namespace = |own: &str| query.namespace.as_deref().is_none_or(|it| it == own);
    if let Some(service) = &query.service {
        let places = known.services().keys();
        let found: Vec<_> = places
            .filter(|(namespace, name)| name == service && in_namespace(namespace))
            .collect();
        for place in &found {
            names.of_service(place, known);
        }
        if found.is_empty() {
            let namespace = query.namespace.as_deref();
            names.of_app(namespace, service);
        }
    }
    if let Some(workload) = &query.workload {
        let namespace = query.namespace.clone().unwrap_or_default();
        names.of_workload(&(namespace, workload.clone()), known);
    }
    names.all
}

/// Returns whether a name is that of the tracing backend itself: nobody's of the mesh.
pub fn is_of_backend(name: &str) -> bool {
    matches!(name, "jaeger" | "jaeger-all-in-one" | "jaeger-query")
}

/// Returns the names of each service of the mesh, with those that the backend lists.
pub fn table(known: &Known, listed: &[String]) -> Names {
    let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    let mut claimed: BTreeSet<String> = BTreeSet::new();
    let items = known
        .services()
        .keys()
        .map(|place| {
            let mut names = Ordered::default();
            names.of_service(place, known);
            let tried = names.all;
            let found: Vec<String> = tried
                .iter()
                .filter(|it| listed.contains(it.as_str()))
                .cloned()
                .collect();
            claimed.extend(found.iter().cloned());
            let explanation = found.is_empty().then(|| {
                format!(
                    "None of {} names that {}.{} could trace under is listed. It was not sampled yet (Istio samples 1 % \
                     unless `randomSamplingPercentage` of a Telemetry object says more), it has no sidecar, or it \
                     traces under another name: choose that one from the list.",
                    tried.len(),
                    place.1,
                    place.0,
                )
            });
            NameRow {
                namespace: place.0.clone(),
                service: place.1.clone(),
                tried,
                found,
                explanation,
            }
        })
        .collect();
    let unclaimed = listed
        .into_iter()
        .filter(|it| !claimed.contains(*it))
        .map(str::to_owned)
        .collect();
    Names {
        items,
        unclaimed,
        notices: Vec::new(),
    }
}

/// Names in the order of their likelihood, each once.
#[derive(Default)]
struct Ordered {
    all: Vec<String>,
}

impl Ordered {
    fn add(&mut self, name: String) {
        if !self.all.contains(&name) {
            self.all.push(name);
        }
    }

    fn of_app(&mut self, namespace: Option<&str>, app: &str) {
        if let Some(namespace) = namespace {
            self.add(format!("{app}.{namespace}"));
        }
        self.add(app.to_owned());
    }

    fn of_workload(&mut self, place: &(String, String), known: &Known) {
        for (namespace, app) in known.apps([place]) {
            self.of_app(Some(namespace), app);
        }
        self.of_app(
            Some(&place.0)
                .filter(|it| !it.is_empty())
                .map(String::as_str),
            &place.1,
        );
    }

    fn of_service(&mut self, place: &(String, String), known: &Known) {
        let workloads = known.services().get(place);
        for (namespace, app) in known.apps(workloads.into_iter().flatten()) {
            self.of_app(Some(namespace), app);
        }
        self.of_app(Some(&place.0), &place.1);
        for (namespace, workload) in workloads.into_iter().flatten() {
            self.of_app(Some(namespace), workload);
        }
    }
}
