//! Shares side by side: yours, theirs, what it was.

use leptos::prelude::*;

use super::words;
use crate::numbers;

/// One side: whose it is, and its shares in basis points; nothing where the weights mean none.
pub struct Side {
    /// Whose it is.
    pub name: String,
    /// The names of the destinations.
    pub destinations: Vec<String>,
    /// Their shares.
    pub shares: Option<Vec<u32>>,
}

/// A table of sides, one row each, with a column for each destination of any of them.
pub fn sides(sides: &[Side]) -> AnyView {
    let mut names: Vec<&String> = Vec::new();
    for name in sides.iter().flat_map(|s| &s.destinations) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let head = names
        .iter()
        .map(|name| view! { <th scope="col">{(*name).clone()}</th> })
        .collect_view();
    let rows = sides
        .iter()
        .map(|side| {
            let cells = names
                .iter()
                .map(|name| {
                    let at = side.destinations.iter().position(|d| d == *name);
                    let share = at.and_then(|at| side.shares.as_ref()?.get(at));
                    let text =
                        share.map_or_else(|| numbers::NO_DATA.to_owned(), |s| numbers::basis(*s));
                    view! { <td class="figure">{text}</td> }
                })
                .collect_view();
            view! { <tr><th scope="row">{side.name.clone()}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <table class="small-table sides">
            <thead><tr><th scope="col"><span class="visually-hidden">"Whose"</span></th>{head}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

/// Returns who wrote a route last, where the server says it: "kubectl at 12:04:30".
pub fn last_write(route: &mesh::api::routes::Route, clock: fn(f64) -> String) -> Option<String> {
    let write = route.last_write.as_ref()?;
    Some(words::written(&write.manager, &clock(write.at_ms as f64)))
}
