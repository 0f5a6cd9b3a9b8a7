//! How all calls to a version went over the window: a line without axes.

use std::fmt::Write as _;

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::SeriesQuery;
use mesh::api::query::By;
use mesh::api::series::Series;

use crate::fetch::{self, Answer};
use crate::numbers;
use crate::routes::Store;
use crate::shell::place::use_place;
use crate::url;

/// The size of the picture, in its own units.
const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 28.0;

/// Requests as an area, errors as one before it in the colour of alarm, of one workload.
#[component]
pub fn Spark(
    /// The id of the workload's node; where there is none, there is nothing to draw.
    #[prop(into)]
    workload: Signal<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let store = expect_context::<Store>();
    let series = RwSignal::new(None::<Series>);
    let question = Memo::new(move |_| {
        Some(SeriesQuery {
            id: workload.get()?,
            window: place.address_or_default().query.window,
            at: None,
            by: By::Workload,
            direction: None,
            heatmap: false,
        })
    });
    // A new answer to the list is a new tick of the mesh.
    let tick = Memo::new(move |_| store.live.updated_ms.get());
    let generation = StoredValue::new(0u32);
    Effect::new(move |_| {
        let _ = tick.get();
        let Some(query) = question.get() else {
            series.set(None);
            return;
        };
        generation.update_value(|n| *n = n.wrapping_add(1));
        let mine = generation.get_value();
        spawn_local(async move {
            let got = fetch::get::<Series>(&url::series(&query), None, None).await;
            // An old line is better than none; that the data is stale is said elsewhere.
            if let Ok(Answer::Fresh { value, .. }) = got
                && generation.try_get_value() == Some(mine)
            {
                series.try_set(Some(value));
            }
        });
    });
    let name = move || {
        workload.with(|id| {
            let id = id.as_ref()?;
            Some(id.rsplit('/').next().unwrap_or(id).to_owned())
        })
    };
    move || {
        let name = name()?;
        let (area, errors, said) = series.with(|s| match s {
            Some(s) => (
                area(&s.rps, peak(&s.rps)),
                area(&s.errors_rps, peak(&s.rps)),
                said(&name, s),
            ),
            None => (String::new(), String::new(), format!("All calls to {name}")),
        });
        Some(view! {
            <figure class="spark">
                <svg
                    class="spark__picture"
                    viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                    preserveAspectRatio="none"
                    role="img"
                    aria-label=said
                >
                    <path class="spark__area" d=area.clone() />
                    <path class="spark__errors" d=errors />
                </svg>
                <figcaption class="spark__name">{format!("all calls to {name}")}</figcaption>
            </figure>
        })
    }
}

fn peak(values: &[Option<f64>]) -> f64 {
    values
        .iter()
        .flatten()
        .copied()
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max)
}

fn said(name: &str, series: &Series) -> String {
    let last = |values: &[Option<f64>]| {
        let value = values.iter().rev().flatten().next();
        value.map_or_else(|| numbers::NO_DATA.to_owned(), |v| numbers::rate(*v))
    };
    let failed = if peak(&series.errors_rps) > 0.0 {
        format!("errors up to {}", numbers::rate(peak(&series.errors_rps)))
    } else {
        "no errors".to_owned()
    };
    format!(
        "All calls to {name}: {} now, up to {}, {failed}",
        last(&series.rps),
        numbers::rate(peak(&series.rps))
    )
}

/// Returns the points of the values on a ground where `top` is all of the height.
fn points(values: &[Option<f64>], top: f64) -> Vec<Option<(f64, f64)>> {
    let last = values.len().saturating_sub(1).max(1) as f64;
    let top = if top > 0.0 { top } else { 1.0 };
    values
        .iter()
        .enumerate()
        .map(|(at, value)| {
            let value = value.filter(|v| v.is_finite())?;
            let y = HEIGHT - (HEIGHT - 2.0) * (value / top).clamp(0.0, 1.0);
            Some((WIDTH * at as f64 / last, y))
        })
        .collect()
}

/// Writes the area under the values; where one is missing, it touches the ground.
fn area(values: &[Option<f64>], top: f64) -> String {
    if peak(values) <= 0.0 {
        return String::new();
    }
    let points = points(values, top);
    let mut path = format!("M0 {HEIGHT}");
    let last = values.len().saturating_sub(1).max(1) as f64;
    for (at, point) in points.into_iter().enumerate() {
        let (x, y) = point.unwrap_or((WIDTH * at as f64 / last, HEIGHT));
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    let _ = write!(path, "L{WIDTH} {HEIGHT}Z");
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_touches_the_ground_and_nothing_is_drawn_for_nothing() {
        assert_eq!(area(&[None, None], 4.0), "");
        assert_eq!(area(&[Some(0.0), Some(0.0)], 4.0), "");
        assert_eq!(
            area(&[Some(2.0), None, Some(4.0)], 4.0),
            "M0 28L0.0 15.0L50.0 28.0L100.0 2.0L100 28Z"
        );
    }
}
