//! The drawn graph.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api;

use crate::shell::theme::Theme;

/// Draws the graph.
#[component]
pub fn GraphCanvas(
    /// The latest answer.
    #[prop(into)]
    graph: Signal<Option<Arc<api::Graph>>>,
    /// The node or edge selected, by id.
    #[prop(into)]
    selected: Signal<Option<String>>,
    /// Hears what is selected.
    on_select: Callback<Option<String>>,
    /// What is on the screen.
    #[prop(into)]
    theme: Signal<Theme>,
    /// Grows when the person asks for a fresh layout.
    #[prop(into)]
    rearrange: Signal<u32>,
    /// Grows when the person asks to see all.
    #[prop(into)]
    fit: Signal<u32>,
) -> impl IntoView {
    let _ = (selected, on_select, theme, rearrange, fit);
    view! {
        <div class="canvas">
            {move || graph.with(|g| g.as_ref().map(|g| g.nodes.len()))}
        </div>
    }
}
