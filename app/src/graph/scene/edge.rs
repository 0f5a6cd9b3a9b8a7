//! Calls as lines.

use std::collections::BTreeMap;

use mesh::api::{self, HealthStatus};

use super::palette::alarm;
use super::{Ink, Item, Outline, Point, Rect, Stroke};

/// A smooth line: cubic Béziers from a start, each two control points and an end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Where it starts.
    pub start: Point,
    /// How it goes on.
    pub cubics: Vec<[Point; 3]>,
    /// Points along it.
    along: Vec<Point>,
    bounds: Rect,
}

/// Points along one Bézier, for distances.
const STEPS: u32 = 8;

impl Curve {
    /// Returns the uniform cubic B-spline with these control points, from the first to the last.
    pub fn through(points: &[[i32; 2]]) -> Curve {
        let points: Vec<Point> = points
            .iter()
            .map(|[x, y]| Point::new(f64::from(*x), f64::from(*y)))
            .collect();
        let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
            return Curve::default();
        };
        // The ends three times, so that the line starts and ends on them.
        let mut knots = vec![first, first];
        knots.extend(&points);
        knots.extend([last, last]);
        let mix =
            |a: Point, b: Point, t: f64| Point::new(a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t);
        let cubics: Vec<[Point; 3]> = knots
            .windows(4)
            .map(|w| {
                let (a, b) = (mix(w[1], w[2], 1.0 / 3.0), mix(w[1], w[2], 2.0 / 3.0));
                [a, b, mix(b, mix(w[2], w[3], 1.0 / 3.0), 0.5)]
            })
            .collect();
        let mut along = vec![first];
        let mut from = first;
        for &[a, b, to] in &cubics {
            for step in 1..=STEPS {
                let t = f64::from(step) / f64::from(STEPS);
                let (p, q, r) = (mix(from, a, t), mix(a, b, t), mix(b, to, t));
                along.push(mix(mix(p, q, t), mix(q, r, t), t));
            }
            from = to;
        }
        let bounds = along
            .iter()
            .map(|p| Rect::new(p.x, p.y, 0.0, 0.0))
            .reduce(Rect::joined)
            .unwrap_or_default();
        Curve {
            start: first,
            cubics,
            along,
            bounds,
        }
    }

    /// The point at a share of its length.
    pub fn at(&self, share: f64) -> Point {
        let length = |pair: &[Point]| (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y);
        let mut left = self.along.windows(2).map(length).sum::<f64>() * share;
        for pair in self.along.windows(2) {
            let step = length(pair);
            if step >= left && step > 0.0 {
                let t = left / step;
                return Point::new(
                    pair[0].x + (pair[1].x - pair[0].x) * t,
                    pair[0].y + (pair[1].y - pair[0].y) * t,
                );
            }
            left -= step;
        }
        self.along.last().copied().unwrap_or_default()
    }

    /// What it takes to show it.
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// How far a point is from it, if no further than `reach`.
    pub fn distance(&self, p: Point, reach: f64) -> Option<f64> {
        if !self.bounds.grown(reach).contains(p) {
            return None;
        }
        let to_part = |pair: &[Point]| {
            let (dx, dy) = (pair[1].x - pair[0].x, pair[1].y - pair[0].y);
            let square = (dx * dx + dy * dy).max(1e-9);
            let t = (((p.x - pair[0].x) * dx + (p.y - pair[0].y) * dy) / square).clamp(0.0, 1.0);
            (p.x - pair[0].x - dx * t).hypot(p.y - pair[0].y - dy * t)
        };
        let least = self
            .along
            .windows(2)
            .map(to_part)
            .fold(f64::INFINITY, f64::min);
        (least <= reach).then_some(least)
    }

    /// The head of an arrow at its end.
    fn arrow(&self, length: f64) -> Vec<Point> {
        let Some(&tip) = self.along.last() else {
            return vec![];
        };
        let tail = self
            .along
            .iter()
            .rev()
            .find(|p| (p.x - tip.x).hypot(p.y - tip.y) >= length);
        let tail = tail.copied().unwrap_or(self.start);
        let far = (tip.x - tail.x).hypot(tip.y - tail.y).max(1e-9);
        let (dx, dy) = ((tip.x - tail.x) / far, (tip.y - tail.y) / far);
        let back = Point::new(tip.x - dx * length, tip.y - dy * length);
        let half = length * 0.5;
        vec![
            tip,
            Point::new(back.x - dy * half, back.y + dx * half),
            Point::new(back.x + dy * half, back.y - dx * half),
        ]
    }
}

/// The share of each edge in its caller's calls to all versions of one app, where it calls several.
pub fn shares(graph: &api::Graph, ends: &[(usize, usize)]) -> Vec<Option<f64>> {
    // Caller, app of the callee, protocol.
    type Key<'a> = (usize, &'a str, &'a str, &'a str, &'a str);
    let key = |idx: usize| -> Option<Key<'_>> {
        let (from, to) = *ends.get(idx)?;
        let callee = graph.nodes.get(to)?;
        let protocol = graph.edges.get(idx)?.protocol.as_str();
        let app = callee.app.as_deref()?;
        Some((from, &callee.cluster, &callee.namespace, app, protocol))
    };
    let mut sums: BTreeMap<Key<'_>, (usize, f64)> = BTreeMap::new();
    for (idx, edge) in graph.edges.iter().enumerate() {
        if let Some(key) = key(idx) {
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + 1, sum.1 + edge.traffic.rps);
        }
    }
    let share = |idx: usize, edge: &api::Edge| {
        let (n, sum) = *sums.get(&key(idx)?)?;
        (n > 1 && sum > 0.0).then(|| edge.traffic.rps / sum)
    };
    graph
        .edges
        .iter()
        .enumerate()
        .map(|(idx, e)| share(idx, e))
        .collect()
}

/// So many bytes over TCP weigh as much as a request.
const BYTES_A_CALL: f64 = 10_000.0;

/// Wider, the more calls there are: by the logarithm of their rate.
fn width(edge: &api::Edge) -> f64 {
    let calls = edge.traffic.rps.max(0.0) + bytes(edge).max(0.0) / BYTES_A_CALL;
    (1.0 + (1.0 + calls).log10() * 1.1).clamp(1.0, 5.0)
}

/// Bytes per second over TCP, both ways.
fn bytes(edge: &api::Edge) -> f64 {
    let flow = &edge.flow;
    flow.client_to_server_bps.unwrap_or(0.0) + flow.server_to_client_bps.unwrap_or(0.0)
}

/// A line no thinner than this on the screen.
fn at_least(width: f64, scale: f64) -> f64 {
    width.max(0.7 / scale)
}

/// Not all calls use mutual TLS.
pub fn lacks_mtls(edge: &api::Edge) -> bool {
    edge.mtls_ratio.is_some_and(|ratio| ratio < 0.999)
}

/// Draws an edge.
pub fn draw(edge: &api::Edge, line: &Curve, scale: f64, alpha: f64, items: &mut Vec<Item>) {
    let is_busy = edge.traffic.requests > 0.0 || bytes(edge) > 0.0;
    let is_idle = !is_busy || edge.health.status == HealthStatus::Idle;
    let ink =
        alarm(edge.health.status).unwrap_or(if is_idle { Ink::Text3 } else { Ink::LineStrong });
    let stroke = Stroke {
        ink,
        width: at_least(width(edge), scale),
        is_dashed: is_idle,
    };
    items.push(Item::shape(
        Outline::Curve(line.clone()),
        None,
        Some(stroke),
        alpha,
    ));
    if scale >= 0.2 {
        let arrow = Outline::Polygon(line.arrow(6.0 + width(edge) * 1.2));
        items.push(Item::shape(arrow, Some(ink), None, alpha));
    }
    if lacks_mtls(edge) && scale >= 0.5 {
        let p = line.at(0.86);
        let ground = Rect::new(p.x, p.y, 0.0, 0.0).grown(8.0);
        let rim = Stroke::solid(Ink::Degraded, 1.0);
        items.push(Item::shape(
            Outline::Round(ground, 8.0),
            Some(Ink::Surface),
            Some(rim),
            alpha,
        ));
        let corner = Point::new(p.x - 5.5, p.y - 5.5);
        let lock = Outline::Glyph(crate::ui::Symbol::Unlocked.path(), corner, 11.0);
        items.push(Item::shape(
            lock,
            None,
            Some(Stroke::solid(Ink::Degraded, 1.8)),
            alpha,
        ));
    }
}

/// Draws what lies under an edge that a trace passed.
pub fn draw_halo(edge: &api::Edge, line: &Curve, scale: f64, items: &mut Vec<Item>) {
    let stroke = Stroke::solid(
        Ink::Accent,
        at_least(width(edge) + 7.0, scale).max(3.5 / scale),
    );
    items.push(Item::shape(
        Outline::Curve(line.clone()),
        None,
        Some(stroke),
        0.3,
    ));
}

/// Draws an edge that the pointer or the keys are at.
pub fn draw_pointed(edge: &api::Edge, line: &Curve, scale: f64, items: &mut Vec<Item>) {
    let stroke = Stroke::solid(Ink::Accent, at_least(width(edge) + 1.5, scale));
    items.push(Item::shape(
        Outline::Curve(line.clone()),
        None,
        Some(stroke),
        1.0,
    ));
    let arrow = Outline::Polygon(line.arrow(8.0 + width(edge) * 1.2));
    items.push(Item::shape(arrow, Some(Ink::Accent), None, 1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_starts_and_ends_on_its_points() {
        let curve = Curve::through(&[[0, 0], [40, 10], [60, 90], [100, 100]]);
        let near = |a: Point, b: Point| (a.x - b.x).abs() < 1e-6 && (a.y - b.y).abs() < 1e-6;
        assert_eq!(curve.at(0.0), Point::new(0.0, 0.0));
        assert!(
            near(curve.at(1.0), Point::new(100.0, 100.0)),
            "{:?}",
            curve.at(1.0)
        );
        assert!(curve.distance(curve.at(0.4), 1.0).is_some());
        assert_eq!(curve.distance(Point::new(90.0, 0.0), 5.0), None);
    }

    #[test]
    fn a_line_without_points_is_nowhere() {
        let curve = Curve::through(&[]);
        assert_eq!(curve.at(0.5), Point::default());
        assert!(curve.arrow(5.0).is_empty());
    }
}
