//! Nodes as cards, namespaces as boxes.

use mesh::api::{self, HealthStatus, NodeKind};

use super::palette::alarm;
use super::{Anchor, Ink, Item, Outline, Point, Rect, Stroke, cut, text_width};
use crate::graph::flow;
use crate::graph::words;

/// Further away than this a card bears no text.
pub const NAMED: f64 = 0.3;
/// From here on it bears its rate, and from there on p95 as well.
const NEAR: f64 = 0.5;
const CLOSE: f64 = 0.66;
/// Names are not drawn smaller than this on the screen, as far as the card has room.
const LEAST: f64 = 9.5;

/// The shape that tells kinds apart.
fn outline(kind: NodeKind, r: Rect) -> Outline {
    let chamfer = |by: f64| {
        Outline::Polygon(vec![
            Point::new(r.x + by, r.y),
            Point::new(r.x + r.w - by, r.y),
            Point::new(r.x + r.w, r.y + r.h / 2.0),
            Point::new(r.x + r.w - by, r.y + r.h),
            Point::new(r.x + by, r.y + r.h),
            Point::new(r.x, r.y + r.h / 2.0),
        ])
    };
    match kind {
        NodeKind::Gateway | NodeKind::Waypoint => chamfer(12.0),
        NodeKind::Service => Outline::Round(r, r.h / 2.0),
        NodeKind::Namespace => Outline::Round(r, 12.0),
        _ => Outline::Round(r, 6.0),
    }
}

fn is_outside(kind: NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::External | NodeKind::Egress | NodeKind::Traced | NodeKind::Unknown
    )
}

fn glyph(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Workload => {
            "M10 2.5l6.5 3.7v7.6L10 17.5l-6.5-3.7V6.2zM3.5 6.2L10 10l6.5-3.8M10 10v7.5"
        }
        NodeKind::Version => {
            "M6 3v14M6 13c0-4 8-3 8-7M6 3a1.5 1.5 0 1 0 .1 0M14 3.5a1.5 1.5 0 1 0 .1 0"
        }
        NodeKind::App => "M3 3h9v9H3zM8 15.5h8.5V7",
        NodeKind::Service => "M10 3a7 7 0 1 0 .1 0M10 7.5a2.5 2.5 0 1 0 .1 0",
        NodeKind::Gateway => "M3 3v14M17 3v14M6 10h8M11 7l3 3l-3 3",
        NodeKind::Waypoint => "M10 2.5l7.5 7.5l-7.5 7.5l-7.5-7.5zM7 10h6",
        NodeKind::External => "M10 3a7 7 0 1 0 .1 0M3 10h14M10 3c-5 4-5 10 0 14M10 3c5 4 5 10 0 14",
        NodeKind::Egress => "M9 4H4v12h5M8 10h9M13.5 6.5L17 10l-3.5 3.5",
        NodeKind::Traced => "M3 4h8M7 10h8M11 16h6M3 4v3h4M7 10v3h4",
        NodeKind::Unknown => "M7 7a3 3 0 1 1 4.2 2.8c-.9.5-1.2 1-1.2 2.2M10 15.4v.2",
        NodeKind::Namespace => "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
    }
}

/// The version, where the name does not end in it.
fn chip(node: &api::Node) -> Option<&str> {
    let version = node.version.as_deref().filter(|v| !v.is_empty())?;
    (!node.name.ends_with(version)).then_some(version)
}

/// Draws a node.
pub fn draw(
    node: &api::Node,
    rect: Rect,
    scale: f64,
    is_selected: bool,
    alpha: f64,
    items: &mut Vec<Item>,
) {
    let alarm = alarm(node.health.status);
    let is_still = matches!(
        node.health.status,
        HealthStatus::Idle | HealthStatus::NoData
    );
    let width: f64 = if alarm.is_some() { 1.6 } else { 1.0 };
    let rim = Stroke {
        ink: alarm.unwrap_or(Ink::LineStrong),
        width: width.max(0.8_f64.min(0.6 / scale)),
        is_dashed: is_outside(node.kind) || is_still,
    };
    if is_selected {
        let ring = Stroke::solid(Ink::Accent, 2.0_f64.max(2.0 / scale));
        let around = Outline::Round(rect.grown(4.0), 9.0);
        items.push(Item::shape(around, None, Some(ring), 1.0));
    }
    if node.kind == NodeKind::App {
        let behind = Rect::new(rect.x + 4.0, rect.y + 4.0, rect.w, rect.h);
        let card = Outline::Round(behind, 6.0);
        items.push(Item::shape(card, Some(Ink::Surface), Some(rim), alpha));
    }
    // The ground hides the lines below even where the card itself has stepped back.
    let shape = outline(node.kind, rect);
    items.push(Item::shape(shape.clone(), Some(Ink::Surface), None, 1.0));
    items.push(Item::shape(shape, None, Some(rim), alpha));
    if scale < NAMED {
        // Too small to read: its colour alone, over all of it.
        if let Some(ink) = alarm {
            items.push(Item::shape(
                outline(node.kind, rect),
                Some(ink),
                None,
                alpha,
            ));
        }
        return;
    }
    face(node, rect, scale, alpha, items);
    errors(node, rect, alpha, items);
    if let Some(ink) = alarm {
        mark(
            node.health.status,
            ink,
            Point::new(rect.x + rect.w - 6.0, rect.y),
            alpha,
            items,
        );
    }
}

/// Glyph, name, version, figures.
fn face(node: &api::Node, rect: Rect, scale: f64, alpha: f64, items: &mut Vec<Item>) {
    let inset = match node.kind {
        NodeKind::Gateway | NodeKind::Waypoint | NodeKind::Service => 16.0,
        _ => 10.0,
    };
    let middle = rect.y + rect.h / 2.0;
    let corner = Point::new(rect.x + inset, middle - 8.0);
    let icon = Outline::Glyph(glyph(node.kind), corner, 16.0);
    items.push(Item::shape(
        icon,
        None,
        Some(Stroke::solid(Ink::Text3, 1.5)),
        alpha,
    ));

    let figures = (scale >= NEAR)
        .then(|| flow::node_rate(node, scale >= CLOSE))
        .flatten();
    let name_y = if figures.is_some() {
        middle - 8.0
    } else {
        middle - 0.5
    };
    let left = rect.x + inset + 22.0;
    let mut room = rect.x + rect.w - left - inset.min(12.0);
    if let Some(version) = chip(node) {
        let text = cut(version, 10.5, 60.0);
        let w = text_width(&text, 10.5) + 10.0;
        let ground = Rect::new(
            rect.x + rect.w - w - inset.min(12.0) + 3.0,
            name_y - 8.0,
            w,
            16.0,
        );
        let rim = Stroke::solid(Ink::Line, 1.0);
        items.push(Item::shape(
            Outline::Round(ground, 8.0),
            Some(Ink::Ground),
            Some(rim),
            alpha,
        ));
        items.push(Item::Text {
            at: ground.centre(),
            text,
            size: 10.5,
            weight: 550,
            ink: Ink::Text2,
            anchor: Anchor::Middle,
            most: w - 6.0,
            alpha,
        });
        room -= w + 2.0;
    }
    let name = words::node_name(node);
    let name = if chip(node).is_some() {
        node.name.clone()
    } else {
        name
    };
    // Grown for those who look from afar, as far as the whole name still fits.
    let fits = room / text_width(&name, 1.0).max(0.1) * 0.99;
    let most = if figures.is_some() { 15.5 } else { 22.0 };
    let size = 13.0_f64.max((LEAST / scale).min(fits).min(most));
    items.push(Item::Text {
        at: Point::new(left, name_y),
        text: cut(&name, size, room.max(20.0)),
        size,
        weight: 550,
        ink: Ink::Text,
        anchor: Anchor::Start,
        most: room.max(20.0),
        alpha,
    });
    if let Some(figures) = figures {
        let room = rect.x + rect.w - left - 8.0;
        // Not smaller than can be read, as far as the card has room; smaller before anything is left out.
        let least = (8.5 / scale).min(14.0);
        let fits = room / text_width(&figures, 1.0).max(0.1) * 0.99;
        let size = 11.0_f64.min(fits).max(least);
        items.push(Item::Text {
            at: Point::new(left, middle + 8.5),
            text: fitting(&figures, size, room),
            size,
            weight: 450,
            ink: Ink::Text2,
            anchor: Anchor::Start,
            most: room,
            alpha,
        });
    }
}

/// As many of the figures as fit whole, the first ones first: half a number is another number.
fn fitting(figures: &str, size: f64, room: f64) -> String {
    let mut kept = figures;
    while text_width(kept, size) > room {
        match kept.rsplit_once(" · ") {
            Some((first, _)) => kept = first,
            None => return cut(kept, size, room),
        }
    }
    kept.to_owned()
}

/// The share of what failed, as a bar of 3 px at the foot.
fn errors(node: &api::Node, rect: Rect, alpha: f64, items: &mut Vec<Item>) {
    let inbound = node.inbound.as_ref().or(node.outbound.as_ref());
    let Some(ratio) = inbound.and_then(|t| t.error_ratio).filter(|r| *r > 0.0) else {
        return;
    };
    let inset = match node.kind {
        NodeKind::Gateway | NodeKind::Waypoint => 14.0,
        NodeKind::Service => rect.h / 2.0,
        _ => 5.0,
    };
    let whole = rect.w - 2.0 * inset;
    let ink = alarm(node.health.status).unwrap_or(Ink::Text3);
    let ground = Rect::new(rect.x + inset, rect.y + rect.h - 5.0, whole, 3.0);
    items.push(Item::shape(
        Outline::Round(ground, 1.5),
        Some(Ink::Line),
        None,
        alpha,
    ));
    let bar = Rect {
        w: (whole * ratio.min(1.0)).max(3.0),
        ..ground
    };
    items.push(Item::shape(
        Outline::Round(bar, 1.5),
        Some(ink),
        None,
        alpha,
    ));
}

/// The judgement as a shape, so that colour is never its only carrier.
fn mark(status: HealthStatus, ink: Ink, at: Point, alpha: f64, items: &mut Vec<Item>) {
    let p = |x: f64, y: f64| Point::new(at.x + x, at.y + y);
    let (shape, sign) = if status == HealthStatus::Failing {
        let (a, b) = (3.3, 8.0);
        let corners = [
            (-a, -b),
            (a, -b),
            (b, -a),
            (b, a),
            (a, b),
            (-a, b),
            (-b, a),
            (-b, -a),
        ];
        let corners = corners.iter().map(|(x, y)| p(*x, *y)).collect();
        (corners, "M6.5 6.5l7 7M13.5 6.5l-7 7")
    } else {
        (
            vec![p(0.0, -8.5), p(9.0, 7.0), p(-9.0, 7.0)],
            "M10 7v4.5M10 14.4v.2",
        )
    };
    let rim = Stroke::solid(Ink::Surface, 1.5);
    items.push(Item::shape(
        Outline::Polygon(shape),
        Some(ink),
        Some(rim),
        alpha,
    ));
    let sign = Outline::Glyph(sign, p(-8.0, -8.0), 16.0);
    items.push(Item::shape(
        sign,
        None,
        Some(Stroke::solid(Ink::Surface, 2.2)),
        alpha,
    ));
}

/// A ring around a node that the pointer or the keys are at.
pub fn ring(node: &api::Node, rect: Rect, scale: f64, items: &mut Vec<Item>) {
    let stroke = Stroke::solid(Ink::Accent, 1.5_f64.max(1.5 / scale));
    items.push(Item::shape(
        outline(node.kind, rect),
        None,
        Some(stroke),
        1.0,
    ));
}

/// Draws the box of a namespace.
pub fn namespace(ns: &api::graph::NamespaceBox, rect: Rect, scale: f64, items: &mut Vec<Item>) {
    let alarm = alarm(ns.status);
    let rim = Stroke::solid(Ink::Line, 1.0_f64.max(0.8 / scale));
    items.push(Item::shape(
        Outline::Round(rect, 10.0),
        Some(Ink::Ground),
        Some(rim),
        1.0,
    ));
    if scale < NAMED {
        // Its name stands on a plate, above everything.
        return;
    }
    // Its name stays readable from afar.
    let size = 12.0_f64.max((11.0 / scale).min(40.0));
    let y = rect.y + 16.0_f64.max(size * 0.75);
    let mut left = rect.x + 14.0;
    if let Some(ink) = alarm {
        mark(ns.status, ink, Point::new(left + 7.0, y), 1.0, items);
        left += 22.0;
    }
    let room = rect.x + rect.w - left - 10.0;
    items.push(Item::Text {
        at: Point::new(left, y),
        text: cut(&ns.namespace, size, room.max(size)),
        size,
        weight: 600,
        ink: Ink::Text2,
        anchor: Anchor::Start,
        most: room.max(size),
        alpha: 1.0,
    });
}

/// The name of a namespace seen from afar: of one size on the screen, over cards and lines.
pub fn plate(ns: &api::graph::NamespaceBox, rect: Rect, scale: f64, items: &mut Vec<Item>) {
    let (size, pad) = (11.5, 6.0);
    let room = (rect.w * scale - 2.0 * pad).max(40.0);
    let text = cut(&ns.namespace, size, room);
    let alarm = alarm(ns.status);
    let sign = if alarm.is_some() { 20.0 } else { 0.0 };
    let w = (text_width(&text, size) + 2.0 * pad + sign) / scale;
    let plate = Rect::new(rect.x, rect.y, w, 20.0 / scale);
    let rim = Stroke::solid(Ink::Line, 1.0 / scale);
    let ground = Outline::Round(plate, 4.0 / scale);
    items.push(Item::shape(ground, Some(Ink::Surface), Some(rim), 1.0));
    let y = rect.y + 10.0 / scale;
    if let Some(ink) = alarm {
        // The shape alone: at this size a sign in it would be a speck.
        let (x, r) = (rect.x + (pad + 6.0) / scale, 5.5 / scale);
        let p = |dx: f64, dy: f64| Point::new(x + dx * r, y + dy * r);
        let corners = if ns.status == HealthStatus::Failing {
            let (a, b) = (0.41, 1.0);
            vec![
                p(-a, -b),
                p(a, -b),
                p(b, -a),
                p(b, a),
                p(a, b),
                p(-a, b),
                p(-b, a),
                p(-b, -a),
            ]
        } else {
            vec![p(0.0, -1.0), p(1.1, 0.9), p(-1.1, 0.9)]
        };
        items.push(Item::shape(Outline::Polygon(corners), Some(ink), None, 1.0));
    }
    items.push(Item::Text {
        at: Point::new(rect.x + (pad + sign) / scale, y),
        text,
        size: size / scale,
        weight: 600,
        ink: Ink::Text,
        anchor: Anchor::Start,
        most: room / scale,
        alpha: 1.0,
    });
}
