//! Time series as a small SVG, with a table of the same figures beside it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;

mod draw;
mod svg;

pub use draw::{Ink, Line, round_times};

/// The size a chart is drawn at, in pixels of its own box; the page scales it to its column.
const WIDTH: u32 = 348;
const HEIGHT: u32 = 132;

/// Rows of the text twin at most; a longer series is thinned, and says so.
const TABLE_ROWS: usize = 60;

/// Where a point of a chart leads.
#[derive(Clone, Copy)]
pub struct Onward {
    /// What is found there: "Traces". The time is written after it.
    pub label: &'static str,
    /// Returns the address for the end of a point's time, in milliseconds since the epoch.
    pub href: Callback<i64, String>,
}

/// One chart: lines over time with a legend, and its text twin behind "Values".
#[component]
pub fn Chart(
    /// What it shows; also the name for readers of the screen.
    title: &'static str,
    /// The end of the time of each point, in milliseconds since the epoch.
    at_ms: Vec<i64>,
    /// The lines, each with one value a point.
    lines: Vec<Line>,
    /// Writes a value with its unit.
    unit: fn(f64) -> String,
    /// Writes a time of day.
    clock: fn(f64) -> String,
    /// Where a point leads: the one that was clicked, else the highest; each by its time in the twin.
    #[prop(optional_no_strip)]
    onward: Option<Onward>,
) -> impl IntoView {
    let picture = draw::draw(&at_ms, &lines, unit, clock, (WIDTH, HEIGHT));
    let last = lines
        .iter()
        .map(|line| {
            let value = line.values.iter().rev().flatten().next();
            (
                line.name,
                line.ink,
                value.map_or_else(|| "–".to_owned(), |v| unit(*v)),
            )
        })
        .collect::<Vec<_>>();
    let summary = last
        .iter()
        .map(|(name, _, value)| format!("{name} {value}"))
        .collect::<Vec<_>>()
        .join(", ");
    // The point under the pointer: the legend then says its values, and the head its time.
    let pointed = RwSignal::new(None::<usize>);
    let times = StoredValue::new(at_ms.clone());
    let highest = draw::highest(&lines);
    let chosen = RwSignal::new(None::<usize>);
    let legend = last
        .into_iter()
        .zip(&lines)
        .map(|((name, ink, newest), line)| {
            let values = line.values.clone();
            let value = move || match pointed.get() {
                Some(idx) => values
                    .get(idx)
                    .copied()
                    .flatten()
                    .map_or_else(|| "–".to_owned(), unit),
                None => newest.clone(),
            };
            view! {
                <span class="chart__key">
                    <span class=format!("chart__swatch {}", ink.class())></span>
                    {name}" "<b class="figure">{value}</b>
                </span>
            }
        })
        .collect_view();
    let point = move |event: web_sys::PointerEvent| {
        let Some(picture) = event
            .current_target()
            .and_then(|t| t.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        let frame = picture.get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - frame.left()) / frame.width().max(1.0)
            * f64::from(WIDTH);
        pointed.set(times.with_value(|times| draw::nearest(times, x, WIDTH)));
    };
    let mark_x = move || {
        let idx = pointed.get()?;
        times.with_value(|times| draw::place(times, idx, WIDTH))
    };
    let time = move || {
        pointed
            .get()
            .and_then(|idx| times.with_value(|t| t.get(idx).map(|at| clock(*at as f64))))
    };

    let way_on = onward.map(|to| {
        move || {
            let idx = chosen.get().or(highest)?;
            let at = times.with_value(|times| times.get(idx).copied())?;
            let what = if chosen.get().is_some() {
                "at"
            } else {
                "at its highest,"
            };
            Some(view! {
                <a class="link chart__onward" href=to.href.run(at)>
                    {format!("{} {what} ", to.label)}<span class="figure">{clock(at as f64)}</span>
                </a>
            })
        }
    });
    let step = at_ms.len().div_ceil(TABLE_ROWS).max(1);
    let head = lines
        .iter()
        .map(|line| view! { <th scope="col">{line.name}</th> })
        .collect_view();
    let rows = at_ms
        .iter()
        .enumerate()
        .rev()
        .step_by(step)
        .map(|(idx, at)| {
            let cells = lines
                .iter()
                .map(|line| {
                    let value = line.values.get(idx).copied().flatten();
                    view! { <td class="figure">{value.map_or_else(|| "–".to_owned(), unit)}</td> }
                })
                .collect_view();
            let time = clock(*at as f64);
            let time = match onward {
                Some(to) => view! {
                    <a class="link" href=to.href.run(*at)><span class="visually-hidden">{to.label}" at "</span>{time}</a>
                }
                .into_any(),
                None => time.into_any(),
            };
            view! { <tr><th scope="row" class="figure">{time}</th>{cells}</tr> }
        })
        .collect_view();
    let thinned =
        (step > 1).then(|| view! { <p class="caption">{format!("Every {step}th value.")}</p> });
    view! {
        <figure class="chart">
            <figcaption class="chart__head">
                <span class="chart__title">{title}<span class="chart__time figure">{time}</span></span>
                <span class="chart__legend">{legend}</span>
            </figcaption>
            <svg
                class="chart__picture"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=format!("{title}, last values: {summary}")
                on:pointermove=point
                on:pointerleave=move |_| pointed.set(None)
                on:click=move |_| chosen.set(pointed.get_untracked())
            >
                {picture.into_iter().map(svg::Shape::into_view).collect_view()}
                {move || mark_x().map(|x| view! {
                    <line class="chart__mark" x1=x x2=x y1="8" y2=HEIGHT - 18 />
                })}
            </svg>
            {way_on}
            <details class="chart__twin">
                <summary>"Values"</summary>
                {thinned}
                <div class="chart__table" tabindex="0" role="region" aria-label=format!("{title}: values")>
                    <table class="small-table">
                        <thead><tr><th scope="col">"Time"</th>{head}</tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </figure>
    }
}
