//! Where nodes and edges are drawn. Depends on topology and sizes only, never on rates.

use crate::api::NodeKind;

/// Returns the width and height of a node in whole pixels, from what is written on it.
///
/// The page draws 13 px Inter, whose average advance is about 7 px; names longer than the card are
/// cut with an ellipsis.
pub fn node_size(kind: NodeKind, name: &str, version: Option<&str>) -> (i32, i32) {
    let n_chars = name.chars().count() + version.map_or(0, |v| v.chars().count() + 3);
    let text = i32::try_from(n_chars).unwrap_or(i32::MAX).min(30) * 7;
    let width = (text + 48).clamp(112, 240);
    match kind {
        NodeKind::Namespace => (width + 24, 64),
        _ => (width, 44),
    }
}
