//! Where the points of the scatter stand: pure.

use mesh::api::trace::{TraceRow, Traces};

use crate::ui::chart::round_times;
use crate::url::Scale;

/// The space around the points, in pixels.
pub const LEFT: f64 = 58.0;
pub const RIGHT: f64 = 14.0;
pub const TOP: f64 = 10.0;
pub const BOTTOM: f64 = 20.0;

/// How a version is told from another, besides its place: never by colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A circle: the first, or all where there is one.
    Circle,
    /// A diamond.
    Diamond,
    /// A square.
    Square,
    /// A triangle: the fourth and all after it.
    Triangle,
}

impl Mark {
    const ALL: [Mark; 4] = [Mark::Circle, Mark::Diamond, Mark::Square, Mark::Triangle];

    /// Its way around the middle, in SVG's notation.
    pub fn path(self) -> &'static str {
        match self {
            Mark::Circle => "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
            Mark::Diamond => "M0-6L6 0L0 6L-6 0z",
            Mark::Square => "M-4.2-4.2h8.4v8.4h-8.4z",
            Mark::Triangle => "M0-5.5L5.5 4.5H-5.5z",
        }
    }
}

/// One trace in the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Dot {
    /// The trace.
    pub id: String,
    /// Where.
    pub x: f64,
    /// Where.
    pub y: f64,
    /// Its version's shape.
    pub mark: Mark,
    /// Whether it failed.
    pub failed: bool,
}

/// The picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plot {
    /// The traces; failures last, so that they lie on top.
    pub dots: Vec<Dot>,
    /// Lines of duration: where, and how long in microseconds.
    pub levels: Vec<(f64, i64)>,
    /// Times: where, and when in milliseconds since the epoch.
    pub times: Vec<(f64, f64)>,
    /// The versions and their shapes, where there are several.
    pub versions: Vec<(String, Mark)>,
}

/// How long what a row is drawn by took: the call that the search is about, or the whole trace.
pub fn drawn_us(row: &TraceRow) -> i64 {
    row.matched
        .as_ref()
        .map_or(row.duration_us, |it| it.duration_us)
}

/// Whether what a row is drawn by failed.
pub fn has_failed(row: &TraceRow) -> bool {
    match &row.matched {
        Some(matched) => matched.failed,
        None => row.failed || row.n_errors > 0,
    }
}

/// Returns the time that the picture is of, from and to in milliseconds since the epoch: the window, or from the first of
/// what was found where there is more than was asked for. Of the time before, nothing is known then.
pub fn time(found: &Traces) -> (i64, i64) {
    let window = found.at_ms - i64::from(found.window_s) * 1000;
    let first = found.items.iter().map(|row| row.start_us / 1000).min();
    let from = first.filter(|_| found.is_cut).unwrap_or(window);
    (
        from.max(window).min(found.at_ms.saturating_sub(1)),
        found.at_ms,
    )
}

/// Places traces over a time, from and to in milliseconds since the epoch.
pub fn plot(
    rows: &[TraceRow],
    (from, to): (i64, i64),
    scale: Scale,
    (width, height): (f64, f64),
) -> Plot {
    let versions = versions(rows);
    let (wide, high) = (
        (width - LEFT - RIGHT).max(1.0),
        (height - TOP - BOTTOM).max(1.0),
    );
    let durations = Durations::of(rows, scale);
    let x =
        |ms: f64| LEFT + wide * ((ms - from as f64) / (to - from).max(1) as f64).clamp(0.0, 1.0);
    let y = |us: i64| TOP + high * (1.0 - durations.share(us));
    let mark = |row: &TraceRow| {
        let version = row.matched.as_ref().and_then(|it| it.version.as_deref());
        let known = versions
            .iter()
            .find(|(name, _)| Some(name.as_str()) == version);
        known.map_or(Mark::Circle, |(_, mark)| *mark)
    };
    let mut dots: Vec<Dot> = rows
        .iter()
        .map(|row| Dot {
            id: row.id.clone(),
            x: x(row.start_us as f64 / 1000.0),
            y: y(drawn_us(row)),
            mark: mark(row),
            failed: has_failed(row),
        })
        .collect();
    dots.sort_by_key(|dot| dot.failed);
    Plot {
        dots,
        levels: durations
            .levels()
            .into_iter()
            .map(|us| (y(us), us))
            .collect(),
        times: round_times(from as f64, to as f64)
            .into_iter()
            .map(|ms| (x(ms), ms))
            .collect(),
        versions,
    }
}

/// The versions, sorted, with their shapes; none where there are fewer than two.
fn versions(rows: &[TraceRow]) -> Vec<(String, Mark)> {
    let all = rows
        .iter()
        .filter_map(|row| row.matched.as_ref()?.version.clone());
    let mut all: Vec<String> = all.collect();
    all.sort_unstable();
    all.dedup();
    if all.len() < 2 {
        return Vec::new();
    }
    let last = Mark::ALL.len() - 1;
    let marks = (0..).map(|at: usize| Mark::ALL[at.min(last)]);
    all.into_iter().zip(marks).collect()
}

/// The axis of durations.
struct Durations {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Durations {
    fn of(rows: &[TraceRow], scale: Scale) -> Durations {
        let all = || rows.iter().map(|row| drawn_us(row).max(1) as f64);
        let (most, least) = (all().fold(1.0, f64::max), all().fold(f64::MAX, f64::min));
        let (low, high) = match scale {
            Scale::Linear => (0.0, most * 1.08),
            // Whole decades would leave much of the picture empty: a third of one is room enough.
            Scale::Log => (least.min(most) / 1.6, most * 1.6),
        };
        Durations { low, high, scale }
    }

    /// From the floor of the picture to its top, 0 to 1.
    fn share(&self, us: i64) -> f64 {
        let us = us.max(1) as f64;
        let share = match self.scale {
            Scale::Linear => (us - self.low) / (self.high - self.low),
            Scale::Log => (us / self.low).ln() / (self.high / self.low).ln(),
        };
        share.clamp(0.0, 1.0)
    }

    /// Durations worth a line: up to five.
    fn levels(&self) -> Vec<i64> {
        match self.scale {
            Scale::Linear => {
                let rough = self.high / 4.0;
                let decade = 10f64.powf(rough.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * decade);
                let step = step
                    .into_iter()
                    .find(|step| *step >= rough)
                    .unwrap_or(rough);
                (0..=4)
                    .map(|n| f64::from(n) * step)
                    .filter(|us| *us <= self.high)
                    .map(|us| us as i64)
                    .collect()
            }
            Scale::Log => {
                let steps = (0..12).flat_map(|exp| [1, 2, 5].map(|n| n * 10i64.pow(exp)));
                let inside = |us: &i64| (self.low..=self.high).contains(&(*us as f64));
                let all: Vec<i64> = steps.filter(inside).collect();
                let tens: Vec<i64> = all.iter().copied().filter(|us| is_ten(*us)).collect();
                if all.len() <= 5 || tens.len() < 2 {
                    all
                } else {
                    tens
                }
            }
        }
    }
}

fn is_ten(us: i64) -> bool {
    us.to_string().trim_end_matches('0') == "1"
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::trace::Matched;

    fn row(
        id: &str,
        start_ms: i64,
        duration_us: i64,
        version: Option<&str>,
        failed: bool,
    ) -> TraceRow {
        TraceRow {
            id: id.to_owned(),
            service: "web".to_owned(),
            operation: "GET /".to_owned(),
            start_us: start_ms * 1000,
            duration_us,
            n_spans: 3,
            n_errors: u32::from(failed),
            n_orphans: 0,
            failed,
            services: vec![],
            matched: version.map(|version| Matched {
                span: "1".to_owned(),
                duration_us: duration_us / 2,
                failed,
                status: None,
                version: Some(version.to_owned()),
            }),
        }
    }

    const SIZE: (f64, f64) = (472.0, 130.0);

    #[test]
    fn points_stand_by_time_and_duration_and_failures_lie_on_top() {
        let rows = [
            row("slow", 1000, 1_000_000, None, true),
            row("quick", 500, 1000, None, false),
        ];
        let plot = plot(&rows, (0, 1000), Scale::Linear, SIZE);
        let [quick, slow] = plot.dots.as_slice() else {
            panic!("two points");
        };
        assert_eq!((quick.id.as_str(), slow.id.as_str()), ("quick", "slow"));
        assert!((quick.x - 258.0).abs() < 0.1 && (slow.x - 458.0).abs() < 0.1);
        assert!(quick.y > 109.0 && slow.y < 20.0, "{plot:?}");
        assert!(plot.versions.is_empty());
    }

    #[test]
    fn a_logarithm_tells_the_fast_ones_apart() {
        let rows = [1000, 10_000, 100_000].map(|us| row("x", 0, us, None, false));
        let plot = plot(&rows, (0, 1000), Scale::Log, SIZE);
        let gaps = [
            plot.dots[0].y - plot.dots[1].y,
            plot.dots[1].y - plot.dots[2].y,
        ];
        assert!((gaps[0] - gaps[1]).abs() < 0.01, "{gaps:?}");
        let levels: Vec<i64> = plot.levels.iter().map(|it| it.1).collect();
        assert_eq!(levels, [1000, 10_000, 100_000]);
    }

    #[test]
    fn versions_have_shapes_where_there_are_two() {
        let rows = [
            row("a", 0, 10, Some("v2"), false),
            row("b", 0, 10, Some("v1"), false),
            row("c", 0, 10, None, false),
        ];
        let two = plot(&rows, (0, 1), Scale::Log, SIZE);
        assert_eq!(
            two.versions,
            [
                ("v1".to_owned(), Mark::Circle),
                ("v2".to_owned(), Mark::Diamond)
            ]
        );
        assert_eq!(two.dots[0].mark, Mark::Diamond);
        assert!(
            plot(&rows[..1], (0, 1), Scale::Log, SIZE)
                .versions
                .is_empty()
        );
    }

    #[test]
    fn where_there_is_more_the_picture_begins_with_what_was_found() {
        let mut found = Traces {
            at_ms: 100_000,
            window_s: 60,
            items: vec![
                row("b", 97_000, 1, None, false),
                row("a", 95_000, 1, None, false),
            ],
            ..Traces::default()
        };
        assert_eq!(time(&found), (40_000, 100_000));
        found.is_cut = true;
        assert_eq!(time(&found), (95_000, 100_000));
        // A trace may have begun before the window.
        found.items.push(row("c", 1, 1, None, false));
        assert_eq!(time(&found), (40_000, 100_000));
        found.items.clear();
        found.window_s = 0;
        assert_eq!(time(&found), (99_999, 100_000));
    }

    #[test]
    fn odd_durations_are_drawn_inside() {
        for scale in [Scale::Log, Scale::Linear] {
            let rows = [0, -5, i64::MAX].map(|us| row("x", 0, us, None, false));
            for dot in plot(&rows, (5, 5), scale, SIZE).dots {
                assert!(
                    dot.x.is_finite() && (TOP..=SIZE.1 - BOTTOM).contains(&dot.y),
                    "{dot:?}"
                );
            }
            assert!(plot(&[], (0, 1), scale, SIZE).dots.is_empty());
        }
    }
}
