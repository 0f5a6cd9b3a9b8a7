//! The picture as a file.

use std::fmt::Write;

use super::{Anchor, Item, Outline, Point, Rect, Stroke, colour};
use crate::shell::theme::Theme;

/// Returns an SVG document of the items, as large as `bounds`.
pub fn to_svg(items: &[Item], bounds: Rect, theme: Theme) -> String {
    let b = bounds.grown(24.0);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{} {} {} {}" width="{}" height="{}" font-family="Inter, system-ui, sans-serif">"#,
        n(b.x),
        n(b.y),
        n(b.w),
        n(b.h),
        n(b.w),
        n(b.h)
    );
    let ground = colour(super::Ink::Ground, theme);
    push(
        &mut svg,
        format_args!(
            r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{ground}"/>"#,
            n(b.x),
            n(b.y),
            n(b.w),
            n(b.h)
        ),
    );
    for item in items {
        draw(item, theme, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(item: &Item, theme: Theme, svg: &mut String) {
    match item {
        Item::Shape {
            outline,
            fill,
            stroke,
            alpha,
        } => {
            let fill = fill.map_or("none", |ink| colour(ink, theme));
            let scale = match outline {
                Outline::Glyph(_, _, size) => size / 20.0,
                _ => 1.0,
            };
            let stroke = stroke.map(|s| line(s, scale, theme)).unwrap_or_default();
            let paint = format!(r#"fill="{fill}"{stroke}{}"#, opacity(*alpha));
            match outline {
                Outline::Round(r, radius) => push(
                    svg,
                    format_args!(
                        r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{}" {paint}/>"#,
                        n(r.x),
                        n(r.y),
                        n(r.w),
                        n(r.h),
                        n(*radius)
                    ),
                ),
                Outline::Polygon(points) => {
                    let points: Vec<String> = points.iter().map(|p| pair(*p)).collect();
                    push(
                        svg,
                        format_args!(r#"<polygon points="{}" {paint}/>"#, points.join(" ")),
                    );
                }
                Outline::Curve(curve) => {
                    let mut d = format!("M{}", pair(curve.start));
                    for [a, b, to] in &curve.cubics {
                        push(
                            &mut d,
                            format_args!("C{} {} {}", pair(*a), pair(*b), pair(*to)),
                        );
                    }
                    push(svg, format_args!(r#"<path d="{d}" {paint}/>"#));
                }
                Outline::Glyph(d, at, _) => push(
                    svg,
                    format_args!(
                        r#"<path transform="translate({}) scale({})" d="{d}" {paint} stroke-linecap="round" stroke-linejoin="round"/>"#,
                        pair(*at),
                        n(scale)
                    ),
                ),
            }
        }
        Item::Text {
            at,
            text,
            size,
            weight,
            ink,
            anchor,
            alpha,
            ..
        } => {
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
            };
            push(
                svg,
                format_args!(
                    r#"<text x="{}" y="{}" font-size="{}" font-weight="{weight}" fill="{}" text-anchor="{anchor}" dominant-baseline="central"{}>{}</text>"#,
                    n(at.x),
                    n(at.y),
                    n(*size),
                    colour(*ink, theme),
                    opacity(*alpha),
                    escape(text)
                ),
            );
        }
    }
}

fn line(stroke: Stroke, scale: f64, theme: Theme) -> String {
    let dash = if stroke.is_dashed {
        r#" stroke-dasharray="5 4""#
    } else {
        ""
    };
    let ink = colour(stroke.ink, theme);
    format!(
        r#" stroke="{ink}" stroke-width="{}"{dash}"#,
        n(stroke.width / scale.max(0.01))
    )
}

fn opacity(alpha: f64) -> String {
    if alpha >= 1.0 {
        String::new()
    } else {
        format!(r#" opacity="{}""#, n(alpha))
    }
}

/// A number, to a hundredth.
fn n(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn pair(p: Point) -> String {
    format!("{},{}", n(p.x), n(p.y))
}

fn push(to: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing into a string cannot fail.
    to.write_fmt(text).ok();
}

/// Names come from the mesh: they are text, never markup. Characters that XML forbids are left out.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::scene::Ink;

    #[test]
    fn names_stay_text() {
        let item = Item::Text {
            at: Point::new(1.0, 2.5),
            text: "<script>&\u{0}".to_owned(),
            size: 13.0,
            weight: 550,
            ink: Ink::Text,
            anchor: Anchor::Start,
            most: 100.0,
            alpha: 1.0,
        };
        let svg = to_svg(&[item], Rect::new(0.0, 0.0, 10.0, 10.0), Theme::Dark);
        assert!(svg.contains("&lt;script&gt;&amp;</text>"), "{svg}");
        assert!(svg.contains(r#"viewBox="-24 -24 58 58""#), "{svg}");
        assert!(svg.contains(r##"fill="#e7ecf1""##));
    }
}
