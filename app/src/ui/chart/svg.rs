//! A drawing backend for plotters that writes SVG shapes and measures text itself.
//!
//! Plotters' own measuring in a browser puts styled elements into the page, which a strict content
//! security policy refuses. Colours are not colours here: the red channel is the number of an
//! [`Ink`](super::draw::Ink), and the style sheet says how it looks, so a change of theme needs no new
//! drawing.

use std::convert::Infallible;
use std::fmt::Write as _;

use leptos::prelude::*;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::draw::Ink;

/// One element of the picture.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A line through points.
    Stroke {
        /// How it looks.
        ink: Ink,
        /// SVG path data.
        path: String,
    },
    /// A filled area.
    Area {
        /// How it looks.
        ink: Ink,
        /// SVG path data.
        path: String,
    },
    /// A text.
    Text {
        /// Where its anchor stands.
        x: i32,
        /// Where its baseline stands.
        y: i32,
        /// `start`, `middle` or `end`.
        anchor: &'static str,
        /// The text.
        text: String,
    },
}

impl Shape {
    /// Returns the element.
    pub fn into_view(self) -> AnyView {
        match self {
            Shape::Stroke { ink, path } => {
                view! { <path class=format!("chart__stroke {}", ink.class()) d=path /> }.into_any()
            }
            Shape::Area { ink, path } => {
                view! { <path class=format!("chart__area {}", ink.class()) d=path /> }.into_any()
            }
            Shape::Text { x, y, anchor, text } => {
                view! { <text class="chart__text" x=x y=y text-anchor=anchor>{text}</text> }
                    .into_any()
            }
        }
    }
}

/// Collects shapes.
pub struct Svg<'a> {
    size: (u32, u32),
    shapes: &'a mut Vec<Shape>,
}

impl<'a> Svg<'a> {
    /// Starts a picture of `size` into `shapes`.
    pub fn new(size: (u32, u32), shapes: &'a mut Vec<Shape>) -> Svg<'a> {
        Svg { size, shapes }
    }
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn path_of(points: impl IntoIterator<Item = BackendCoord>) -> String {
    let mut path = String::new();
    for (idx, (x, y)) in points.into_iter().enumerate() {
        let _ = write!(path, "{}{x} {y}", if idx == 0 { 'M' } else { 'L' });
    }
    path
}

/// Returns the width of `text` in Inter of `size` pixels: its digits are tabular, so a table of three
/// widths is close enough to place a label.
fn text_width(text: &str, size: f64) -> u32 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            '.' | ',' | ':' | ' ' | 'i' | 'l' | '/' => 0.3,
            'm' | 'M' | 'w' | 'W' | '%' => 0.88,
            _ => 0.62,
        })
        .sum();
    (ems * size).ceil() as u32
}

impl DrawingBackend for Svg<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, _: BackendCoord, _: BackendColor) -> Drawn {
        // Single dots carry nothing in our charts.
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let color = style.color();
        if color.alpha > 0.0 {
            self.shapes.push(Shape::Stroke {
                ink: Ink::of_channel(color.rgb.0),
                path: path_of(path),
            });
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)];
        if fill {
            self.fill_polygon(corners, style)
        } else {
            self.draw_path(corners, style)
        }
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let color = style.color();
        if color.alpha > 0.0 {
            self.shapes.push(Shape::Area {
                ink: Ink::of_channel(color.rgb.0),
                path: path_of(vert),
            });
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        _fill: bool,
    ) -> Drawn {
        // A lone measured point between gaps: a short bar is seen better than a dot of one pixel.
        let r = i32::try_from(radius).unwrap_or(2);
        self.draw_path([(x - r, y), (x + r, y)], style)
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        (x, y): BackendCoord,
    ) -> Drawn {
        let size = style.size();
        let anchor = style.anchor();
        // SVG places text by its baseline, plotters by its box.
        let down = match anchor.v_pos {
            VPos::Top => 0.8,
            VPos::Center => 0.35,
            VPos::Bottom => -0.2,
        };
        self.shapes.push(Shape::Text {
            x,
            y: y + (size * down) as i32,
            anchor: match anchor.h_pos {
                HPos::Left => "start",
                HPos::Center => "middle",
                HPos::Right => "end",
            },
            text: text.to_owned(),
        });
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok((text_width(text, style.size()), style.size().ceil() as u32))
    }
}
