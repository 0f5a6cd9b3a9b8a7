//! Latency over time as a heatmap, with the same counts as a table beside it.

use leptos::prelude::*;
use mesh::api::series::Heatmap;
use wasm_bindgen::JsCast;

use crate::numbers;

/// The size it is drawn at, in pixels of its own box; as wide as the charts beside it.
const WIDTH: f64 = 348.0;
const HEIGHT: f64 = 132.0;
/// The space for the labels of the buckets, and of the times.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 18.0;
/// How many labels fit beside the buckets.
const MAX_LABELS: usize = 6;
/// The faintest that a bucket with calls is drawn: one call of thousands is seen.
const FAINTEST: f64 = 0.16;
/// Rows of the text twin at most.
const TABLE_ROWS: usize = 60;

/// The buckets that hold calls, and nothing around them.
#[derive(Clone, Debug, PartialEq)]
struct Picture {
    at_ms: Vec<i64>,
    /// Lower and upper edge of each bucket, ascending; no upper edge above the last.
    buckets: Vec<(f64, Option<f64>)>,
    /// By point, then by bucket; `None` is no data.
    counts: Vec<Option<Vec<f64>>>,
    most: f64,
}

impl Picture {
    /// Cuts away the empty buckets at both ends; `None` where there is no call at all.
    fn new(at_ms: &[i64], map: &Heatmap) -> Option<Picture> {
        let has = |idx: usize| {
            let mut points = map.counts.iter().flatten();
            points.any(|counts| counts.get(idx).is_some_and(|n| *n > 0.0))
        };
        let n = map.edges_ms.len();
        let first = (0..n).find(|idx| has(*idx))?;
        let last = (0..n).rfind(|idx| has(*idx))?;
        let low = |idx: usize| {
            let below = idx
                .checked_sub(1)
                .and_then(|idx| map.edges_ms.get(idx).copied());
            below.flatten().unwrap_or(0.0)
        };
        let buckets =
            (first..=last).map(|idx| (low(idx), map.edges_ms.get(idx).copied().flatten()));
        let counts: Vec<Option<Vec<f64>>> = map
            .counts
            .iter()
            .map(|counts| Some(counts.as_ref()?.get(first..=last)?.to_vec()))
            .collect();
        let all = counts.iter().flatten().flatten().copied();
        Some(Picture {
            at_ms: at_ms.to_vec(),
            buckets: buckets.collect(),
            most: all.fold(0.0, f64::max),
            counts,
        })
    }

    fn cell(&self) -> (f64, f64) {
        let (columns, rows) = (self.at_ms.len().max(1), self.buckets.len().max(1));
        let (wide, high) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        (wide / columns as f64, high / rows as f64)
    }

    /// How strongly a count is drawn: by its logarithm, since the tail is what is looked for.
    fn strength(&self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        let share = (1.0 + count).ln() / (1.0 + self.most).ln();
        FAINTEST + (1.0 - FAINTEST) * share.clamp(0.0, 1.0)
    }

    /// The point and the bucket under a place of the picture.
    fn at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let (wide, high) = self.cell();
        let (column, from_top) = ((x - LEFT) / wide, (y - TOP) / high);
        if column < 0.0 || from_top < 0.0 {
            return None;
        }
        let (column, from_top) = (column as usize, from_top as usize);
        let row = self.buckets.len().checked_sub(from_top + 1)?;
        (column < self.at_ms.len()).then_some((column, row))
    }
}

/// Writes a bucket: `25 ms to 50 ms`, `> 10.0 s`.
fn bucket((low, high): (f64, Option<f64>)) -> String {
    match high {
        Some(high) if low <= 0.0 => format!("up to {}", numbers::millis(high)),
        Some(high) => format!("{} to {}", numbers::millis(low), numbers::millis(high)),
        None => numbers::longer_than(low),
    }
}

/// How many calls took how long, over time.
#[component]
pub fn LatencyMap(
    at_ms: Vec<i64>,
    map: Heatmap,
    /// Writes a time of day.
    clock: fn(f64) -> String,
) -> impl IntoView {
    Picture::new(&at_ms, &map).map(|picture| drawn(picture, clock))
}

fn drawn(picture: Picture, clock: fn(f64) -> String) -> AnyView {
    let cells = cells(&picture);
    let labels = labels(&picture, clock);
    let twin = twin(&picture, clock);
    let summary = summary(&picture);
    let pointed = RwSignal::new(None::<(usize, usize)>);
    let shown = StoredValue::new(picture);
    let point = move |event: web_sys::PointerEvent| {
        let target = event.current_target();
        let Some(target) = target.and_then(|t| t.dyn_into::<web_sys::Element>().ok()) else {
            return;
        };
        let frame = target.get_bounding_client_rect();
        let share = |at: i32, from: f64, size: f64| (f64::from(at) - from) / size.max(1.0);
        let x = share(event.client_x(), frame.left(), frame.width()) * WIDTH;
        let y = share(event.client_y(), frame.top(), frame.height()) * HEIGHT;
        pointed.set(shown.with_value(|it| it.at(x, y)));
    };
    let legend = move || {
        let Some((column, row)) = pointed.get() else {
            return "stronger: more calls".to_owned();
        };
        shown.with_value(|it| {
            let count = it
                .counts
                .get(column)
                .and_then(|counts| counts.as_ref()?.get(row).copied());
            let at = it
                .at_ms
                .get(column)
                .map_or_else(String::new, |at| clock(*at as f64));
            let edges = it
                .buckets
                .get(row)
                .map_or_else(String::new, |it| bucket(*it));
            let count = count.map_or_else(|| "no data".to_owned(), calls);
            format!("{at}, {edges}: {count}")
        })
    };
    view! {
        <figure class="chart">
            <figcaption class="chart__head">
                <span class="chart__title">"Latency heatmap"</span>
                <span class="chart__legend figure">{legend}</span>
            </figcaption>
            <svg
                class="chart__picture heatmap"
                viewBox=format!("0 0 {WIDTH} {HEIGHT}")
                role="img"
                aria-label=summary
                on:pointermove=point
                on:pointerleave=move |_| pointed.set(None)
            >
                {cells}
                {labels}
            </svg>
            {twin}
        </figure>
    }
    .into_any()
}

fn calls(n: f64) -> String {
    match numbers::count(n) {
        one if one == "1" => "1 call".to_owned(),
        n => format!("{n} calls"),
    }
}

fn cells(picture: &Picture) -> AnyView {
    let (wide, high) = picture.cell();
    let top = |row: usize| TOP + (picture.buckets.len() - 1 - row) as f64 * high;
    let mut rects = Vec::new();
    for (column, counts) in picture.counts.iter().enumerate() {
        for (row, count) in counts.iter().flatten().enumerate() {
            if *count <= 0.0 {
                continue;
            }
            let x = LEFT + column as f64 * wide;
            rects.push(view! {
                <rect
                    x=format!("{x:.2}")
                    y=format!("{:.2}", top(row))
                    width=format!("{:.2}", (wide - 0.5).max(0.5))
                    height=format!("{:.2}", (high - 0.5).max(0.5))
                    fill-opacity=format!("{:.3}", picture.strength(*count))
                />
            });
        }
    }
    view! { <g class="heatmap__cells">{rects}</g> }.into_any()
}

/// The edges of the buckets at the left, times at the foot.
fn labels(picture: &Picture, clock: fn(f64) -> String) -> AnyView {
    let (wide, high) = picture.cell();
    let n = picture.buckets.len();
    let every = n.div_ceil(MAX_LABELS).max(1);
    let edges = picture
        .buckets
        .iter()
        .enumerate()
        .filter(|(idx, _)| idx % every == 0);
    let edges = edges
        .map(|(idx, (low, _))| {
            let y = TOP + (n - idx) as f64 * high + 3.5;
            view! {
                <text class="chart__text" text-anchor="end" x=LEFT - 6.0 y=format!("{y:.1}")>{numbers::millis(*low)}</text>
            }
        })
        .collect_view();
    let columns = picture.at_ms.len();
    let times = [0, columns / 2, columns.saturating_sub(1)];
    let anchors = ["start", "middle", "end"];
    let times = times
        .into_iter()
        .zip(anchors)
        .filter_map(|(idx, anchor)| {
            let at = picture.at_ms.get(idx)?;
            let x = match anchor {
                "start" => LEFT,
                "end" => WIDTH - RIGHT,
                _ => LEFT + (idx as f64 + 0.5) * wide,
            };
            Some(view! {
                <text class="chart__text" text-anchor=anchor x=format!("{x:.1}") y=HEIGHT - 4.0>{clock(*at as f64)}</text>
            })
        })
        .collect_view();
    view! { {edges}{times} }.into_any()
}

/// The same counts in words.
fn twin(picture: &Picture, clock: fn(f64) -> String) -> AnyView {
    let step = picture.at_ms.len().div_ceil(TABLE_ROWS).max(1);
    let head = picture
        .buckets
        .iter()
        .map(|it| view! { <th scope="col">{bucket(*it)}</th> })
        .collect_view();
    let points = picture
        .at_ms
        .iter()
        .zip(&picture.counts)
        .rev()
        .step_by(step);
    let rows = points
        .map(|(at, counts)| {
            let cells = (0..picture.buckets.len()).map(|idx| {
                let count = counts.as_ref().and_then(|counts| counts.get(idx).copied());
                let text = count.map_or_else(|| numbers::NO_DATA.to_owned(), numbers::count);
                view! { <td class="figure">{text}</td> }
            });
            let cells = cells.collect_view();
            view! { <tr><th scope="row" class="figure">{clock(*at as f64)}</th>{cells}</tr> }
        })
        .collect_view();
    let thinned =
        (step > 1).then(|| view! { <p class="caption">{format!("Every {step}th value.")}</p> });
    view! {
        <details class="chart__twin">
            <summary>"Values"</summary>
            {thinned}
            <div class="chart__table" tabindex="0" role="region" aria-label="Latency heatmap: values">
                <table class="small-table small-table--wide">
                    <caption class="visually-hidden">"Calls by time and by how long they took"</caption>
                    <thead><tr><th scope="col">"Time"</th>{head}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </details>
    }
    .into_any()
}

fn summary(picture: &Picture) -> String {
    let mut totals = vec![0.0; picture.buckets.len()];
    for counts in picture.counts.iter().flatten() {
        for (sum, count) in totals.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let most = totals.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    let fullest = most
        .and_then(|(idx, _)| picture.buckets.get(idx))
        .map_or_else(String::new, |it| bucket(*it));
    let slowest = picture
        .buckets
        .last()
        .map_or_else(String::new, |it| bucket(*it));
    format!(
        "Latency heatmap: most calls took {fullest}, the slowest {slowest}. The values follow as a table."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        let map = Heatmap {
            edges_ms: vec![Some(5.0), Some(10.0), Some(25.0), Some(50.0), None],
            counts: vec![
                Some(vec![0.0, 3.0, 0.0, 0.0, 0.0]),
                None,
                Some(vec![0.0, 100.0, 0.0, 1.0, 0.0]),
            ],
        };
        Picture::new(&[0, 1000, 2000], &map).unwrap()
    }

    #[test]
    fn empty_buckets_at_the_ends_are_cut_away_and_no_data_stays_no_data() {
        let picture = picture();
        let buckets: Vec<String> = picture.buckets.iter().map(|it| bucket(*it)).collect();
        assert_eq!(
            buckets,
            ["5.0 ms to 10 ms", "10 ms to 25 ms", "25 ms to 50 ms"]
        );
        assert_eq!(picture.counts[0], Some(vec![3.0, 0.0, 0.0]));
        assert_eq!(picture.counts[1], None);
        assert_eq!(bucket((0.0, Some(5.0))), "up to 5.0 ms");
        assert_eq!(bucket((10_000.0, None)), "> 10.0 s");
        let nothing = Heatmap {
            edges_ms: vec![Some(5.0), None],
            counts: vec![None, Some(vec![0.0, 0.0])],
        };
        assert_eq!(Picture::new(&[0, 1], &nothing), None);
    }

    #[test]
    fn a_lone_slow_call_is_seen_beside_hundreds() {
        let picture = picture();
        assert_eq!(picture.strength(0.0), 0.0);
        assert!(picture.strength(1.0) > FAINTEST);
        assert_eq!(picture.strength(100.0), 1.0);
    }

    #[test]
    fn the_pointer_finds_the_cell_under_it() {
        let picture = picture();
        assert_eq!(picture.at(LEFT + 1.0, HEIGHT - BOTTOM - 1.0), Some((0, 0)));
        assert_eq!(picture.at(WIDTH - RIGHT - 1.0, TOP + 1.0), Some((2, 2)));
        assert_eq!(picture.at(LEFT - 1.0, TOP + 1.0), None);
        assert_eq!(picture.at(LEFT + 1.0, HEIGHT), None);
    }
}
