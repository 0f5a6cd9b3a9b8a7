//! The scatter: each trace a point, by when it began and how long it took. The list below says the same in words.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use mesh::api::trace::Traces;
use web_sys::MouseEvent;

use super::scatter::{self, Dot, LEFT, Mark, Plot, RIGHT, TOP};
use crate::shell::clock::{time_of_day, time_with_seconds};
use crate::shell::place::{Place, Step, use_place};
use crate::trace::words::micros;
use crate::ui::Segmented;
use crate::ui::measured::measured;
use crate::url::Scale;

/// How high the picture is, in pixels.
const HEIGHT: f64 = 188.0;

/// Draws what was found.
#[component]
pub fn Scatter(
    found: Memo<Option<Arc<Traces>>>,
    /// The trace that the pointer or the keys are at, here or in the list.
    pointed: RwSignal<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let frame = NodeRef::<html::Div>::new();
    let size = measured(frame);
    let scale = Memo::new(move |_| place.address_or_default().scale);
    let width = Memo::new(move |_| size.get().map(|(width, _)| width));
    let plot = Memo::new(move |_| {
        let width = width.get().filter(|it| *it > LEFT + RIGHT)?;
        let found = found.get()?;
        let (from, to) = scatter::time(&found);
        let plot = scatter::plot(&found.items, (from, to), scale.get(), (width, HEIGHT));
        Some((width, plot, to - from))
    });
    let of_calls = Memo::new(move |_| {
        found.with(|found| {
            found
                .as_ref()
                .is_some_and(|it| it.items.iter().any(|row| row.matched.is_some()))
        })
    });
    let title = move || match of_calls.get() {
        true => "Duration of the call that matches",
        false => "Duration of the whole trace",
    };
    view! {
        <figure class="card scatter">
            <figcaption class="scatter__head">
                <span class="chart__title">{title}", by the start of its trace"</span>
                {move || plot.with(|it| it.as_ref().map(|(_, plot, _)| legend(plot)))}
                <Segmented
                    label="Scale of durations"
                    name="scale"
                    options=vec![("log", "Logarithmic"), ("linear", "Linear")]
                    value=Signal::derive(move || scale.get().word())
                    on_choose=Callback::new(move |word: &'static str| {
                        place.change(Step::Replace, |address| {
                            address.scale = Scale::of(word).unwrap_or_default();
                        });
                    })
                />
            </figcaption>
            <div class="scatter__frame" node_ref=frame>
                {move || plot.get().map(|(width, plot, span_ms)| {
                    drawn(place, width, plot, span_ms, pointed)
                })}
            </div>
        </figure>
    }
}

/// What the shapes mean.
fn legend(plot: &Plot) -> AnyView {
    let key = |mark: Mark, class: &'static str, text: String| {
        view! {
            <span class="chart__key scatter__key">
                <svg class="scatter__sign" viewBox="-8 -8 16 16" aria-hidden="true" focusable="false">
                    <path class=class d=mark.path() />
                    {(class == FAILED).then(|| view! { <path class="scatter__cross" d=CROSS /> })}
                </svg>
                {text}
            </span>
        }
    };
    let versions = plot.versions.iter();
    let versions = versions
        .map(|(name, mark)| key(*mark, OK, name.clone()))
        .collect_view();
    let failed = plot
        .dots
        .iter()
        .any(|dot| dot.failed)
        .then(|| key(Mark::Circle, FAILED, "failed".to_owned()));
    view! { <span class="chart__legend scatter__legend">{versions}{failed}</span> }.into_any()
}

const OK: &str = "scatter__dot";
const FAILED: &str = "scatter__dot scatter__dot--failed";
const CROSS: &str = "M-7-7L7 7M-7 7L7-7";

fn drawn(
    place: Place,
    width: f64,
    plot: Plot,
    span_ms: i64,
    pointed: RwSignal<Option<String>>,
) -> AnyView {
    let clock = if span_ms >= 600_000 {
        time_of_day
    } else {
        time_with_seconds
    };
    let right = width - RIGHT;
    let levels = plot.levels.into_iter().map(|(y, us)| {
        view! {
            <line class="chart__stroke ink--grid" x1=LEFT x2=right y1=y y2=y />
            <text class="chart__text" x=LEFT - 8.0 y=y + 4.0 text-anchor="end">{micros(us)}</text>
        }
    });
    let times = plot.times.into_iter().map(|(x, ms)| {
        let anchor = if x > right - 24.0 { "end" } else { "middle" };
        view! { <text class="chart__text" x=x y=HEIGHT - 5.0 text-anchor=anchor>{clock(ms)}</text> }
    });
    let n = plot.dots.len();
    let failed = plot.dots.iter().filter(|dot| dot.failed).count();
    let label =
        format!("{n} traces by start and duration, {failed} failed; the list below has the same");
    let dots = plot
        .dots
        .into_iter()
        .map(|dot| point(place, dot, pointed))
        .collect_view();
    view! {
        <svg class="scatter__picture" viewBox=format!("0 0 {width} {HEIGHT}") role="img" aria-label=label>
            {levels.collect_view()}
            {times.collect_view()}
            <line class="chart__stroke ink--grid" x1=LEFT x2=LEFT y1=TOP y2=HEIGHT - scatter::BOTTOM />
            {dots}
        </svg>
    }
    .into_any()
}

/// A point leads to its trace. By keys, the list leads there: hundreds of stops between two controls help nobody.
fn point(place: Place, dot: Dot, pointed: RwSignal<Option<String>>) -> AnyView {
    let Dot {
        id,
        x,
        y,
        mark,
        failed,
    } = dot;
    let href = place.trace_href(&id);
    let (to, own, over) = (id.clone(), id.clone(), id);
    let is_pointed = move || pointed.with(|it| it.as_deref() == Some(own.as_str()));
    // The router follows links of HTML alone.
    let open = move |event: MouseEvent| {
        let elsewhere =
            event.ctrl_key() || event.meta_key() || event.shift_key() || event.button() != 0;
        if !elsewhere {
            event.prevent_default();
            place.open_trace(&to);
        }
    };
    view! {
        <g
            class="scatter__point"
            class:scatter__point--on=is_pointed
            transform=format!("translate({x:.1} {y:.1})")
            on:pointerenter=move |_| pointed.set(Some(over.clone()))
            on:pointerleave=move |_| pointed.set(None)
        >
            <a href=href tabindex="-1" on:click=open>
                <circle class="scatter__reach" r="9" />
                <path class=if failed { FAILED } else { OK } d=mark.path() />
                {failed.then(|| view! { <path class="scatter__cross" d=CROSS /> })}
            </a>
        </g>
    }
    .into_any()
}
