//! The tree of spans: a grid that draws the rows in view and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use mesh::api::trace::{Rank, TraceDetails};
use web_sys::KeyboardEvent;

use super::row::{Line, element_id};
use super::rows::{self, HEIGHT, Move, Shown, above, reveal, step};
use crate::trace::words::micros;
use crate::ui::measured::measured;

/// How high the head of the grid is, in pixels: rows begin below it.
const HEAD: f64 = 30.0;

/// Where a person is in a tree; cheap to copy.
#[derive(Clone, Copy)]
pub struct Walk {
    /// The trace.
    pub trace: Memo<Option<Arc<TraceDetails>>>,
    /// The folded spans.
    pub folded: RwSignal<BTreeSet<usize>>,
    /// The rows.
    pub shown: Memo<Arc<Shown>>,
    /// The span that keys are at.
    pub active: RwSignal<usize>,
    /// The spans that are looked for; nothing where all are.
    pub matches: Memo<Option<Arc<Vec<usize>>>>,
    /// How calls compare with others, by span.
    pub ranks: Memo<Arc<BTreeMap<String, Rank>>>,
    /// Hears that a span's details are wanted.
    pub on_open: Callback<usize>,
    frame: NodeRef<html::Div>,
    from_top: RwSignal<f64>,
    height: Memo<f64>,
}

impl Walk {
    /// Returns one that stands at the root, all unfolded.
    pub fn new(
        trace: Memo<Option<Arc<TraceDetails>>>,
        matches: Memo<Option<Arc<Vec<usize>>>>,
        ranks: Memo<Arc<BTreeMap<String, Rank>>>,
        on_open: Callback<usize>,
    ) -> Walk {
        let folded = RwSignal::new(BTreeSet::new());
        let shown = Memo::new(move |_| {
            let trace = trace.get();
            let spans = trace.as_ref().map_or(&[][..], |it| it.spans.as_slice());
            Arc::new(folded.with(|folded| Shown::new(spans, folded)))
        });
        let frame = NodeRef::new();
        let size = measured(frame);
        // Before it is measured: as much as a screen holds.
        let height = Memo::new(move |_| size.get().map_or(800.0, |(_, height)| height - HEAD));
        Walk {
            trace,
            folded,
            shown,
            active: RwSignal::new(0),
            matches,
            ranks,
            on_open,
            frame,
            from_top: RwSignal::new(0.0),
            height,
        }
    }

    /// Returns whether a span is looked for, or all are.
    pub fn is_match(self, span: usize) -> bool {
        self.matches.with(|matches| {
            matches
                .as_ref()
                .is_none_or(|matches| matches.binary_search(&span).is_ok())
        })
    }

    /// Goes to a span, and unfolds what it is in.
    pub fn go(self, span: usize) {
        let hidden = self.trace.with_untracked(|trace| {
            let spans = trace.as_ref().map_or(&[][..], |it| it.spans.as_slice());
            above(spans, span)
        });
        let is_hidden = |folded: &BTreeSet<usize>| hidden.iter().any(|it| folded.contains(it));
        if self.folded.with_untracked(is_hidden) {
            self.folded
                .update(|folded| folded.retain(|it| !hidden.contains(it)));
        }
        self.active.set(span);
        let Some(row) = self.shown.with_untracked(|shown| shown.row(span)) else {
            return;
        };
        let to = reveal(
            row,
            self.from_top.get_untracked(),
            self.height.get_untracked(),
        );
        if let (Some(to), Some(frame)) = (to, self.frame.get_untracked()) {
            frame.set_scroll_top(to.round() as i32);
            self.from_top.set(to);
        }
    }

    /// Goes to a span and shows what it says.
    pub fn open(self, span: usize) {
        self.go(span);
        self.on_open.run(span);
    }

    /// Folds what is below a span, or unfolds it.
    pub fn turn(self, span: usize) {
        self.active.set(span);
        self.folded.update(|folded| {
            if !folded.remove(&span) {
                folded.insert(span);
            }
        });
    }

    /// Folds everything below the roots, or unfolds all.
    pub fn turn_all(self, is_folded: bool) {
        let folded = self.trace.with_untracked(|trace| {
            let spans = trace.iter().flat_map(|it| it.spans.iter().enumerate());
            let parents = spans.filter(|(_, span)| is_folded && span.n_below > 0 && span.depth > 0);
            parents.map(|(at, _)| at).collect()
        });
        self.folded.set(folded);
        let active = self.active.get_untracked();
        if self
            .shown
            .with_untracked(|shown| shown.row(active))
            .is_none()
        {
            self.active.set(0);
        }
    }

    /// Takes the focus.
    pub fn focus(self) {
        if let Some(frame) = self.frame.get_untracked() {
            let _ = frame.focus();
        }
    }

    fn key(self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.alt_key() || event.meta_key() {
            return;
        }
        let at = self.active.get_untracked();
        if event.key() == "Enter" {
            event.prevent_default();
            self.on_open.run(at);
            return;
        }
        let page = (self.height.get_untracked() / HEIGHT).max(2.0) as usize - 1;
        let moved = self.trace.with_untracked(|trace| {
            let spans = trace.as_ref()?.spans.as_slice();
            self.folded.with_untracked(|folded| {
                self.shown
                    .with_untracked(|shown| step(&event.key(), at, page, spans, folded, shown))
            })
        });
        let Some(moved) = moved else {
            return;
        };
        event.prevent_default();
        match moved {
            Move::To(span) => self.go(span),
            Move::Fold(span) | Move::Unfold(span) => self.turn(span),
        }
    }
}

/// The grid. It has the focus itself and names the row that keys are at: rows come and go as it is scrolled.
#[component]
pub fn Tree(walk: Walk) -> impl IntoView {
    let window = Memo::new(move |_| {
        let n = walk.shown.with(|shown| shown.spans.len());
        rows::window(n, walk.from_top.get(), walk.height.get())
    });
    let lines = move || {
        let window = window.get();
        walk.shown.with(|shown| {
            let rows = shown.spans.get(window.clone()).unwrap_or_default();
            window.zip(rows.iter().copied()).collect::<Vec<_>>()
        })
    };
    let n = Memo::new(move |_| walk.shown.with(|shown| shown.spans.len()));
    let active = move || {
        let active = walk.active.get();
        let row = walk.shown.with(|shown| shown.row(active))?;
        // Rows out of sight are not in the page, so they can't be named.
        window.get().contains(&row).then(|| element_id(active))
    };
    Effect::new(move |_| {
        if walk.frame.get().is_some() {
            request_animation_frame(|| {
                if let Some(performance) = leptos::prelude::window().performance() {
                    performance.mark("pidali:first-rows").ok();
                }
            });
        }
    });
    let whole_us = Memo::new(move |_| {
        walk.trace
            .with(|it| it.as_ref().map_or(0, |it| it.duration_us))
    });
    view! {
        <div
            class="tree"
            role="treegrid"
            tabindex="0"
            aria-label="Spans"
            aria-rowcount=move || (n.get() + 1).to_string()
            aria-activedescendant=active
            node_ref=walk.frame
            on:keydown=move |event| walk.key(&event)
            on:scroll=move |_| {
                if let Some(frame) = walk.frame.get_untracked() {
                    walk.from_top.set(f64::from(frame.scroll_top()));
                }
            }
        >
            <div class="tree__head" role="row" aria-rowindex="1">
                <div role="columnheader">"Service and operation"</div>
                <div class="span__status" role="columnheader">"Status"</div>
                <div class="span__duration" role="columnheader">"Duration"</div>
                <div class="tree__axis" role="columnheader">
                    <span class="visually-hidden">"When"</span>
                    {move || ticks(whole_us.get())}
                </div>
            </div>
            <div class="tree__rows" role="rowgroup" style:height=move || format!("{}px", n.get() as f64 * HEIGHT)>
                <For
                    each=lines
                    key=|line| *line
                    children=move |(row, span)| {
                        let trace = walk.trace.get_untracked();
                        trace.map(|trace| view! { <Line walk trace span row /> })
                    }
                />
            </div>
        </div>
    }
}

/// The axis in quarters.
fn ticks(whole_us: i64) -> AnyView {
    (0..=4)
        .map(|n| view! { <span class="tree__tick figure" aria-hidden="true">{micros(whole_us * n / 4)}</span> })
        .collect_view()
        .into_any()
}
