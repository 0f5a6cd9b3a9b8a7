//! Draws a scene's items on a canvas.

use std::f64::consts::TAU;

use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, Path2d};

use crate::graph::camera::Camera;
use crate::graph::scene::{Anchor, Ink, Item, Outline, Point, Rect, Stroke, colour};
use crate::shell::theme::Theme;

const FONT: &str = "Inter, system-ui, sans-serif";

/// Returns what draws on a canvas.
pub fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    let context = canvas.get_context("2d").ok().flatten()?;
    context.dyn_into().ok()
}

/// Fills the canvas with the page's ground.
pub fn clear(canvas: &HtmlCanvasElement, to: &CanvasRenderingContext2d, theme: Theme) {
    to.reset_transform().ok();
    to.set_global_alpha(1.0);
    to.set_fill_style_str(colour(Ink::Ground, theme));
    to.fill_rect(
        0.0,
        0.0,
        f64::from(canvas.width()),
        f64::from(canvas.height()),
    );
}

/// Draws items as the camera sees them; `density` is device pixels for one of the page's.
pub fn items(
    to: &CanvasRenderingContext2d,
    items: &[Item],
    camera: Camera,
    density: f64,
    theme: Theme,
) {
    let scale = camera.scale * density;
    let (dx, dy) = (-camera.corner.x * scale, -camera.corner.y * scale);
    to.set_transform(scale, 0.0, 0.0, scale, dx, dy).ok();
    to.set_text_baseline("middle");
    let mut brush = Brush {
        to,
        theme,
        font: String::new(),
    };
    for item in items {
        brush.item(item);
    }
    to.set_global_alpha(1.0);
}

struct Brush<'a> {
    to: &'a CanvasRenderingContext2d,
    theme: Theme,
    /// The font in use: setting it makes the browser read it again.
    font: String,
}

impl Brush<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Shape {
                outline,
                fill,
                stroke,
                alpha,
            } => {
                self.to.set_global_alpha(*alpha);
                if let Outline::Glyph(d, at, size) = outline {
                    self.glyph(d, *at, *size, *stroke);
                    return;
                }
                self.trace(outline);
                if let Some(ink) = fill {
                    self.to.set_fill_style_str(colour(*ink, self.theme));
                    self.to.fill();
                }
                if let Some(stroke) = stroke {
                    self.line(*stroke, 1.0);
                    self.to.stroke();
                }
            }
            Item::Text {
                at,
                text,
                size,
                weight,
                ink,
                anchor,
                most,
                alpha,
            } => {
                self.to.set_global_alpha(*alpha);
                let font = format!("{weight} {size:.2}px {FONT}");
                if font != self.font {
                    self.to.set_font(&font);
                    self.font = font;
                }
                self.to.set_text_align(match anchor {
                    Anchor::Start => "left",
                    Anchor::Middle => "center",
                });
                self.to.set_fill_style_str(colour(*ink, self.theme));
                self.to
                    .fill_text_with_max_width(text, at.x, at.y, *most)
                    .ok();
            }
        }
    }

    fn trace(&self, outline: &Outline) {
        let to = self.to;
        to.begin_path();
        match outline {
            Outline::Round(r, radius) => round(to, *r, *radius),
            Outline::Polygon(points) => {
                for (idx, p) in points.iter().enumerate() {
                    if idx == 0 {
                        to.move_to(p.x, p.y);
                    } else {
                        to.line_to(p.x, p.y);
                    }
                }
                to.close_path();
            }
            Outline::Curve(curve) => {
                to.move_to(curve.start.x, curve.start.y);
                for [a, b, end] in &curve.cubics {
                    to.bezier_curve_to(a.x, a.y, b.x, b.y, end.x, end.y);
                }
            }
            Outline::Glyph(..) => {}
        }
    }

    fn glyph(&self, d: &str, at: Point, size: f64, stroke: Option<Stroke>) {
        let (Ok(path), Some(stroke)) = (Path2d::new_with_path_string(d), stroke) else {
            return;
        };
        let scale = size / 20.0;
        self.to.save();
        self.to.translate(at.x, at.y).ok();
        self.to.scale(scale, scale).ok();
        self.to.set_line_cap("round");
        self.to.set_line_join("round");
        self.line(stroke, scale);
        self.to.stroke_with_path(&path);
        self.to.restore();
    }

    fn line(&self, stroke: Stroke, scale: f64) {
        self.to.set_stroke_style_str(colour(stroke.ink, self.theme));
        self.to.set_line_width(stroke.width / scale);
        let dash = if stroke.is_dashed {
            js_sys::Array::of2(&JsValue::from_f64(5.0), &JsValue::from_f64(4.0))
        } else {
            js_sys::Array::new()
        };
        self.to.set_line_dash(&dash).ok();
    }
}

fn round(to: &CanvasRenderingContext2d, r: Rect, radius: f64) {
    let radius = radius.min(r.w / 2.0).min(r.h / 2.0).max(0.0);
    let (right, bottom) = (r.x + r.w, r.y + r.h);
    let quarter = TAU / 4.0;
    to.move_to(r.x + radius, r.y);
    for (x, y, from) in [
        (right - radius, r.y + radius, 3.0 * quarter),
        (right - radius, bottom - radius, 0.0),
        (r.x + radius, bottom - radius, quarter),
        (r.x + radius, r.y + radius, 2.0 * quarter),
    ] {
        to.arc(x, y, radius, from, from + quarter).ok();
    }
    to.close_path();
}
