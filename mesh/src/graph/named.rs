//! What is an id of the graph.

use super::identity::Identity;
use crate::telemetry::Protocol;

/// Returns whether `id` has the form of a node's or an edge's id, whether there is such a thing or not.
pub fn is_id(id: &str) -> bool {
    let is_node = |id: &str| Identity::parse(id).is_some();
    let edge = id.rsplit_once(':').and_then(|(ends, protocol)| {
        let (from, to) = ends.split_once("->")?;
        Some((from, to, Protocol::from_word(protocol)?))
    });
    match edge {
        Some((from, to, _)) => is_node(from) && is_node(to),
        None => is_node(id),
    }
}

#[cfg(test)]
mod tests {
    use super::is_id;

    #[test]
    fn an_id_is_told_by_its_form() {
        for id in [
            "c/shop/web",
            "c/shop/namespace/all",
            "c/shop/web->c/shop/cart:http",
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
