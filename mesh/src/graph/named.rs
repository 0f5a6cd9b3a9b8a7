//! What is an id of the graph.

use super::identity::Identity;
use super::traced::TRACED;
use crate::telemetry::Protocol;

/// Returns whether `id` has the form of a node's or an edge's id, whether there is such a thing or not.
pub fn is_id(id: &str) -> bool {
    let is_node = |id: &str| Identity::parse(id).is_some();
    let edge = id.rsplit_once(':').and_then(|(ends, protocol)| {
        let (from, to) = ends.split_once("->")?;
        let is_edge = protocol == TRACED || Protocol::from_word(protocol).is_some();
        is_edge.then_some((from, to))
    });
    match edge {
        Some((from, to)) => is_node(from) && is_node(to),
        None => is_node(id),
    }
}

/// Returns the namespace and the name of the workload that `id` spells; `None` for what is no workload's id, or where
/// its namespace is not known.
pub fn workload_of(id: &str) -> Option<(String, String)> {
    match Identity::parse(id)? {
        Identity::Workload {
            namespace,
            workload,
            ..
        } => Some((namespace?.to_string(), workload.to_string())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_id, workload_of};

    #[test]
    fn a_workload_is_read_from_its_id() {
        let place = |namespace: &str, name: &str| Some((namespace.to_owned(), name.to_owned()));
        assert_eq!(workload_of("c/shop/web"), place("shop", "web"));
        assert_eq!(workload_of("-/shop/a%2Fb"), place("shop", "a/b"));
        for id in ["c/-/web", "c/shop/service/web", "c/-/unknown", "web", ""] {
            assert_eq!(workload_of(id), None, "{id}");
        }
    }

    #[test]
    fn an_id_is_told_by_its_form() {
        for id in [
            "c/shop/web",
            "c/shop/namespace/all",
            "c/shop/web->c/shop/cart:http",
            "c/shop/web->-/-/traced/mailer:traced",
        ] {
            assert!(is_id(id), "{id}");
        }
        for id in [
            "",
            "web",
            "c/shop/web->c/shop/cart",
            "c/shop/web->x:http",
            "a/b/c/d/e/f",
        ] {
            assert!(!is_id(id), "{id}");
        }
    }
}
