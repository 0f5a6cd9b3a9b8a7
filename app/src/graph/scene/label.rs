//! Figures on the lines: share, rate, errors, p95.

use mesh::api;

use super::palette::alarm;
use super::{Anchor, Ink, Item, Outline, Picture, Point, Rect, Stroke, text_width};
use crate::graph::flow;
use crate::numbers;

use super::Look;

/// At this scale and closer every line bears its figures, as far as there is room.
pub const CLOSE: f64 = 0.72;

/// From here on those do that call for attention.
pub const NEAR: f64 = 0.42;

/// The height of the type on the screen.
const SIZE: f64 = 10.5;
const LINE: f64 = 14.0;

/// Along the line, where a label may stand, in this order.
const SPOTS: [f64; 5] = [0.5, 0.4, 0.6, 0.3, 0.7];

struct Label {
    lines: Vec<(String, Ink)>,
    w: f64,
    h: f64,
}

/// Returns what an edge bears: `90 % · 12.4 rps`, and below it `5.2 % failed` and `p95 23 ms`.
fn label(edge: &api::Edge, share: Option<f64>, scale: f64) -> Label {
    let t = &edge.traffic;
    let rate = flow::rate(edge);
    let first = match share {
        Some(share) => format!("{} · {rate}", numbers::share(share)),
        None => rate,
    };
    let mut lines = vec![(first, Ink::Text)];
    lines.extend(failed(edge));
    if let Some(p95) = t.latency.p95_ms {
        lines.push((format!("p95 {}", numbers::millis(p95)), Ink::Text2));
    }
    Label::new(lines, scale)
}

/// Returns what an edge bears from further away: that it fails, or else its share of a split.
fn brief(edge: &api::Edge, share: Option<f64>, scale: f64) -> Label {
    let is_bad = alarm(edge.health.status).is_some();
    let line = failed(edge).filter(|_| is_bad);
    let line = line.or_else(|| Some((numbers::share(share?), Ink::Text)));
    let line = line.unwrap_or_else(|| (flow::rate(edge), Ink::Text));
    Label::new(vec![line], scale)
}

fn failed(edge: &api::Edge) -> Option<(String, Ink)> {
    let ratio = edge.traffic.error_ratio.filter(|ratio| *ratio > 0.0)?;
    let ink = alarm(edge.health.status).unwrap_or(Ink::Text2);
    Some((format!("{} failed", numbers::share(ratio)), ink))
}

impl Label {
    /// On the screen it is always of one size.
    fn new(lines: Vec<(String, Ink)>, scale: f64) -> Label {
        let w = lines
            .iter()
            .map(|l| text_width(&l.0, SIZE))
            .fold(0.0, f64::max)
            + 12.0;
        let h = LINE * f64::from(u32::try_from(lines.len()).unwrap_or(1)) + 5.0;
        Label {
            lines,
            w: w / scale,
            h: h / scale,
        }
    }

    fn at(&self, p: Point) -> Rect {
        Rect::new(p.x - self.w / 2.0, p.y - self.h / 2.0, self.w, self.h)
    }

    /// On the line, or where a card is in the way, just above or below it.
    fn beside(&self, p: Point) -> [Rect; 3] {
        let off = self.h / 2.0 + 4.0;
        [0.0, -off, off].map(|dy| self.at(Point::new(p.x, p.y + dy)))
    }

    fn draw(self, rect: Rect, scale: f64, items: &mut Vec<Item>) {
        let rim = Stroke::solid(Ink::Line, 1.0 / scale);
        let ground = Outline::Round(rect, 4.0 / scale);
        items.push(Item::shape(ground, Some(Ink::Surface), Some(rim), 1.0));
        let mut y = rect.y + (2.5 + LINE / 2.0) / scale;
        for (idx, (text, ink)) in self.lines.into_iter().enumerate() {
            items.push(Item::Text {
                at: Point::new(rect.x + rect.w / 2.0, y),
                text,
                size: SIZE / scale,
                weight: if idx == 0 { 550 } else { 450 },
                ink,
                anchor: Anchor::Middle,
                most: rect.w,
                alpha: 1.0,
            });
            y += LINE / scale;
        }
    }
}

/// Draws the labels of the edges wanted, the worst and the busiest first, none over a card or another.
pub fn draw_all(
    picture: &Picture,
    look: &Look,
    wanted: impl Fn(usize) -> bool,
    items: &mut Vec<Item>,
) {
    let edges = &picture.graph.edges;
    let mut order: Vec<usize> = (0..edges.len()).filter(|idx| wanted(*idx)).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&edges[*a], &edges[*b]);
        let by_health = a.health.status.cmp(&b.health.status);
        by_health.then(b.traffic.rps.total_cmp(&a.traffic.rps))
    });
    // The names of namespaces stay readable.
    let title = |r: &Rect| Rect::new(r.x + 8.0, r.y, r.w.min(140.0), 28.0);
    let mut taken: Vec<Rect> = picture.boxes.iter().map(|(_, r)| title(r)).collect();
    for idx in order {
        let (Some(edge), Some(line)) = (edges.get(idx), picture.lines.get(idx)) else {
            continue;
        };
        if !line.bounds().grown(40.0).overlaps(look.seen) {
            continue;
        }
        let share = picture.shares.get(idx).copied().flatten();
        let label = if look.scale < CLOSE && look.selected.is_none() {
            brief(edge, share, look.scale)
        } else {
            label(edge, share, look.scale)
        };
        let free = |rect: &Rect| {
            let meets = |other: &Rect| other.overlaps(*rect);
            !taken.iter().any(meets) && !picture.cards.iter().any(meets)
        };
        let spots = SPOTS.iter().flat_map(|s| label.beside(line.at(*s)));
        let spot = spots.into_iter().find(free);
        // What is selected says its figures even where that hides something.
        let spot = spot
            .or_else(|| (look.selected == Some(edge.id.as_str())).then(|| label.at(line.at(0.5))));
        if let Some(rect) = spot {
            taken.push(rect.grown(2.0 / look.scale));
            label.draw(rect, look.scale, items);
        }
    }
}

/// Draws the label of one edge, wherever it comes to lie.
pub fn draw_one(picture: &Picture, idx: usize, scale: f64, items: &mut Vec<Item>) {
    if let (Some(edge), Some(line)) = (picture.graph.edges.get(idx), picture.lines.get(idx)) {
        let label = label(edge, picture.shares.get(idx).copied().flatten(), scale);
        let rect = label.at(line.at(0.5));
        label.draw(rect, scale, items);
    }
}
