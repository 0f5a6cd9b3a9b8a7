//! A ghost of a graph, while the first one is on its way.

use std::time::Duration;

use leptos::prelude::*;

/// Left edge, top edge and width of each ghost card; all are as high as a real one.
const CARDS: [(u32, u32, u32); 8] = [
    (20, 168, 132),
    (240, 168, 148),
    (476, 58, 132),
    (476, 168, 132),
    (476, 278, 148),
    (712, 112, 140),
    (712, 222, 132),
    (712, 332, 156),
];

/// The caller and the callee of each ghost line, by place in [`CARDS`].
const LINES: [(usize, usize); 8] = [
    (0, 1),
    (1, 2),
    (1, 3),
    (1, 4),
    (2, 5),
    (3, 5),
    (4, 6),
    (4, 7),
];

const HEIGHT: u32 = 44;

/// Cards and lines without facts. They appear after 150 ms, so that a quick answer does not flicker.
#[component]
pub fn GraphSkeleton() -> impl IntoView {
    let shown = RwSignal::new(false);
    let timer = set_timeout_with_handle(move || shown.set(true), Duration::from_millis(150)).ok();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    let lines = move || {
        LINES
            .into_iter()
            .filter_map(|(from, to)| Some((CARDS.get(from)?, CARDS.get(to)?)))
            .map(|((x, y, width), (to_x, to_y, _))| {
                let (x, y, to_y) = (x + width, y + HEIGHT / 2, to_y + HEIGHT / 2);
                let middle = (x + to_x) / 2;
                let path = format!("M{x} {y}C{middle} {y} {middle} {to_y} {to_x} {to_y}");
                view! { <path class="ghost__line" d=path /> }
            })
            .collect_view()
    };
    let cards = move || {
        CARDS
            .into_iter()
            .map(|(x, y, width)| {
                view! {
                    <rect class="ghost__card" x=x y=y width=width height=HEIGHT rx="6" />
                    <rect class="ghost__text" x=x + 14 y=y + 16 width=width * 3 / 5 height="10" rx="3" />
                }
            })
            .collect_view()
    };
    view! {
        <div class="ghost" role="status">
            <Show when=move || shown.get()>
                <span class="visually-hidden">"Loading the graph"</span>
                <svg class="ghost__picture" viewBox="0 0 888 420" aria-hidden="true" focusable="false">
                    {lines()}
                    {cards()}
                </svg>
            </Show>
        </div>
    }
}
