//! From values to shapes, by plotters.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::svg::{Shape, Svg};

/// How a line looks; the style sheet says the colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Lines of the grid.
    Grid,
    /// What matters most and is no alarm.
    First,
    /// A second line.
    Second,
    /// A third line.
    Third,
    /// Errors.
    Alarm,
    /// What is there, and nothing to look at.
    Quiet,
}

impl Ink {
    const ALL: [Ink; 6] = [
        Ink::Grid,
        Ink::First,
        Ink::Second,
        Ink::Third,
        Ink::Alarm,
        Ink::Quiet,
    ];

    fn color(self) -> RGBColor {
        let number = Ink::ALL.iter().position(|ink| *ink == self).unwrap_or(0);
        RGBColor(u8::try_from(number).unwrap_or(0), 0, 0)
    }

    /// Returns the ink whose number a colour channel carries.
    pub fn of_channel(red: u8) -> Ink {
        Ink::ALL.get(usize::from(red)).copied().unwrap_or(Ink::Grid)
    }

    /// Returns its class.
    pub fn class(self) -> &'static str {
        match self {
            Ink::Grid => "ink--grid",
            Ink::First => "ink--first",
            Ink::Second => "ink--second",
            Ink::Third => "ink--third",
            Ink::Alarm => "ink--alarm",
            Ink::Quiet => "ink--quiet",
        }
    }
}

/// One line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub name: &'static str,
    /// How it looks.
    pub ink: Ink,
    /// Whether the space under it is filled.
    pub filled: bool,
    /// One value a point; `None` is a gap.
    pub values: Vec<Option<f64>>,
}

/// The space for the labels of the values, and the space to the right of the lines.
const LEFT: u32 = 56;
const RIGHT: u32 = 8;

/// Returns where the point `idx` stands in a picture `width` wide.
pub fn place(at_ms: &[i64], idx: usize, width: u32) -> Option<f64> {
    let (first, last, at) = (*at_ms.first()?, *at_ms.last()?, *at_ms.get(idx)?);
    let plot = f64::from(width.saturating_sub(LEFT + RIGHT));
    let span = (last - first).max(1) as f64;
    Some(f64::from(LEFT) + plot * (at - first) as f64 / span)
}

/// Returns the point nearest to `x`; `None` beside the lines.
pub fn nearest(at_ms: &[i64], x: f64, width: u32) -> Option<usize> {
    let inside = f64::from(LEFT) - 4.0..=f64::from(width - RIGHT) + 4.0;
    if !inside.contains(&x) {
        return None;
    }
    let away = |idx: usize| place(at_ms, idx, width).map_or(f64::MAX, |at| (at - x).abs());
    (0..at_ms.len()).min_by(|a, b| away(*a).total_cmp(&away(*b)))
}

/// Returns the point with the highest value of all lines.
pub fn highest(lines: &[Line]) -> Option<usize> {
    let values = lines.iter().flat_map(|line| line.values.iter().enumerate());
    let known = values.filter_map(|(idx, value)| Some((idx, value.filter(|it| it.is_finite())?)));
    known.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(idx, _)| idx)
}

/// Draws lines over time. What can't be drawn is left out: the text twin still has it.
pub fn draw(
    at_ms: &[i64],
    lines: &[Line],
    unit: fn(f64) -> String,
    clock: fn(f64) -> String,
    size: (u32, u32),
) -> Vec<Shape> {
    let mut shapes = Vec::new();
    // plotters' error is that of the backend, which has none.
    let _ = try_draw(at_ms, lines, unit, clock, Svg::new(size, &mut shapes));
    shapes
}

fn try_draw(
    at_ms: &[i64],
    lines: &[Line],
    unit: fn(f64) -> String,
    clock: fn(f64) -> String,
    svg: Svg<'_>,
) -> Option<()> {
    let (first, last) = (*at_ms.first()? as f64, *at_ms.last()? as f64);
    let most = lines
        .iter()
        .flat_map(|line| line.values.iter().flatten().copied())
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max);
    // A line at zero lies on the floor of the chart, not in its middle.
    let top = if most > 0.0 { most * 1.1 } else { 1.0 };
    let root = svg.into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin_top(8)
        .margin_right(RIGHT)
        .x_label_area_size(18)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(Times { first, last }, 0.0..top)
        .ok()?;
    let label = ("Inter", 11).into_font().color(&Ink::Grid.color());
    chart
        .configure_mesh()
        .disable_x_mesh()
        .axis_style(TRANSPARENT)
        .x_labels(4)
        .y_labels(4)
        .max_light_lines(0)
        .bold_line_style(Ink::Grid.color())
        .label_style(label)
        .x_label_formatter(&|at| clock(*at))
        .y_label_formatter(&|value| unit(*value))
        .draw()
        .ok()?;
    for line in lines {
        for run in runs(at_ms, &line.values) {
            if let [only] = run.as_slice() {
                let dot = Circle::new(*only, 2, line.ink.color());
                chart.draw_series([dot]).ok()?;
                continue;
            }
            if line.filled {
                let area = AreaSeries::new(run.iter().copied(), 0.0, line.ink.color());
                chart.draw_series(area).ok()?;
            }
            chart
                .draw_series(LineSeries::new(run, line.ink.color()))
                .ok()?;
        }
    }
    root.present().ok()
}

/// The time axis. Plotters would put labels on round numbers of milliseconds, which are odd times of day.
struct Times {
    first: f64,
    last: f64,
}

impl Ranged for Times {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (low, high): (i32, i32)) -> i32 {
        let span = (self.last - self.first).max(1.0);
        low + (f64::from(high - low) * (value - self.first) / span).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        round_times(self.first, self.last)
    }

    fn range(&self) -> Range<f64> {
        self.first..self.last
    }
}

impl ValueFormatter<f64> for Times {}

/// Returns the times worth a label: three or four, on full seconds, minutes or hours.
pub fn round_times(first: f64, last: f64) -> Vec<f64> {
    const STEPS_S: [f64; 17] = [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
        21_600.0, 43_200.0, 86_400.0,
    ];
    let span = last - first;
    let step = STEPS_S
        .into_iter()
        .map(|secs| secs * 1000.0)
        .find(|step| span / step <= 4.0)
        .unwrap_or(172_800_000.0);
    let start = (first / step).ceil() * step;
    (0..8)
        .map(|n| start + f64::from(n) * step)
        .take_while(|at| *at <= last)
        .collect()
}

/// Returns the stretches without gaps.
fn runs(at_ms: &[i64], values: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let mut runs = vec![Vec::new()];
    for (at, value) in at_ms.iter().zip(values) {
        match (value.filter(|v| v.is_finite()), runs.last_mut()) {
            (Some(value), Some(run)) => run.push((*at as f64, value)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: Vec<Option<f64>>) -> Line {
        Line {
            name: "requests",
            ink: Ink::First,
            filled: false,
            values,
        }
    }

    fn strokes(shapes: &[Shape]) -> usize {
        let of_line = |s: &&Shape| {
            matches!(
                s,
                Shape::Stroke {
                    ink: Ink::First,
                    ..
                }
            )
        };
        shapes.iter().filter(of_line).count()
    }

    fn drawn(values: Vec<Option<f64>>) -> Vec<Shape> {
        let at: Vec<i64> = (0..values.len() as i64).map(|n| n * 1000).collect();
        draw(
            &at,
            &[line(values)],
            crate::numbers::rate,
            |at| format!("{at}"),
            (300, 120),
        )
    }

    #[test]
    fn a_gap_is_a_gap_and_a_lone_point_is_seen() {
        let shapes = drawn(vec![
            Some(1.0),
            Some(2.0),
            None,
            Some(3.0),
            None,
            Some(f64::NAN),
        ]);
        assert_eq!(strokes(&shapes), 2);
        assert!(
            shapes
                .iter()
                .any(|s| matches!(s, Shape::Text { text, .. } if text.contains("rps")))
        );
    }

    #[test]
    fn times_are_labelled_on_round_numbers() {
        assert_eq!(round_times(61_000.0, 359_000.0), [120_000.0, 240_000.0]);
        assert_eq!(round_times(0.0, 0.0), [0.0]);
        assert!(round_times(0.0, 7.0 * 86_400_000.0).len() >= 3);
    }

    #[test]
    fn the_pointer_finds_the_nearest_point() {
        let at = [0, 1000, 2000];
        assert_eq!(nearest(&at, 57.0, 348), Some(0));
        assert_eq!(nearest(&at, 200.0, 348), Some(1));
        assert_eq!(nearest(&at, 20.0, 348), None);
        assert_eq!(nearest(&[], 200.0, 348), None);
        assert_eq!(place(&at, 2, 348), Some(340.0));
    }

    #[test]
    fn the_highest_point_of_all_lines_is_found() {
        let lines = [
            line(vec![Some(1.0), Some(2.0), None]),
            line(vec![None, Some(f64::NAN), Some(9.0)]),
        ];
        assert_eq!(highest(&lines), Some(2));
        assert_eq!(highest(&[]), None);
    }

    #[test]
    fn nothing_to_draw_is_no_panic() {
        assert_eq!(strokes(&drawn(vec![])), 0);
        assert_eq!(strokes(&drawn(vec![None, None])), 0);
        assert_eq!(strokes(&drawn(vec![Some(0.0), Some(0.0)])), 1);
        assert_eq!(strokes(&drawn(vec![Some(1e308), Some(1e-308)])), 1);
    }
}
