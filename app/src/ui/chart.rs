//! Time series as a small SVG, with a table of the same figures beside it.

use leptos::prelude::*;

mod draw;
mod svg;

pub use draw::{Ink, Line};

/// The size a chart is drawn at, in pixels of its own box; the page scales it to its column.
const WIDTH: u32 = 348;
const HEIGHT: u32 = 132;

/// Rows of the text twin at most; a longer series is thinned, and says so.
const TABLE_ROWS: usize = 60;

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
    let legend = last
        .iter()
        .map(|(name, ink, value)| {
            view! {
                <span class="chart__key">
                    <span class=format!("chart__swatch {}", ink.class())></span>
                    {*name}" "<b class="figure">{value.clone()}</b>
                </span>
            }
        })
        .collect_view();
    let summary = last
        .iter()
        .map(|(name, _, value)| format!("{name} {value}"))
        .collect::<Vec<_>>()
        .join(", ");

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
            view! { <tr><th scope="row" class="figure">{clock(*at as f64)}</th>{cells}</tr> }
        })
        .collect_view();
    let thinned =
        (step > 1).then(|| view! { <p class="caption">{format!("Every {step}th value.")}</p> });
    view! {
        <figure class="chart">
            <figcaption class="chart__head">
                <span class="chart__title">{title}</span>
                <span class="chart__legend">{legend}</span>
            </figcaption>
            <svg
                class="chart__picture"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=format!("{title}, last values: {summary}")
            >
                {picture.into_iter().map(svg::Shape::into_view).collect_view()}
            </svg>
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
