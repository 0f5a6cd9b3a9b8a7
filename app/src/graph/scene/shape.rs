//! What pictures are made of: places, outlines, texts.

use super::{Curve, Ink};

/// A place in the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// Returns a point.
    pub const fn new(x: f64, y: f64) -> Point {
        Point { x, y }
    }
}

/// A rectangle by its left top corner.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// Returns a rectangle.
    pub const fn new(x: f64, y: f64, w: f64, h: f64) -> Rect {
        Rect { x, y, w, h }
    }

    /// Returns its middle.
    pub fn centre(self) -> Point {
        Point::new(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Whether a point lies in it.
    pub fn contains(self, p: Point) -> bool {
        p.x >= self.x && p.x <= self.x + self.w && p.y >= self.y && p.y <= self.y + self.h
    }

    /// Whether the two have a part in common.
    pub fn overlaps(self, o: Rect) -> bool {
        self.x < o.x + o.w && o.x < self.x + self.w && self.y < o.y + o.h && o.y < self.y + self.h
    }

    /// Returns it with `by` more on every side.
    pub fn grown(self, by: f64) -> Rect {
        Rect::new(
            self.x - by,
            self.y - by,
            self.w + 2.0 * by,
            self.h + 2.0 * by,
        )
    }

    /// Returns the smallest that holds both.
    pub fn joined(self, o: Rect) -> Rect {
        let (x, y) = (self.x.min(o.x), self.y.min(o.y));
        let right = (self.x + self.w).max(o.x + o.w);
        let bottom = (self.y + self.h).max(o.y + o.h);
        Rect::new(x, y, right - x, bottom - y)
    }
}

/// The way along a shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Outline {
    /// A rectangle with round corners.
    Round(Rect, f64),
    /// Straight lines, closed.
    Polygon(Vec<Point>),
    /// A smooth line.
    Curve(Curve),
    /// A path in SVG's notation on a ground of 20 × 20, its left top corner, and its size.
    Glyph(&'static str, Point, f64),
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub ink: Ink,
    /// Its width.
    pub width: f64,
    /// Whether it is dashed.
    pub is_dashed: bool,
}

impl Stroke {
    /// Returns a line without gaps.
    pub const fn solid(ink: Ink, width: f64) -> Stroke {
        Stroke {
            ink,
            width,
            is_dashed: false,
        }
    }
}

/// Where a text stands by its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// It starts there.
    Start,
    /// Its middle is there.
    Middle,
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A filled or outlined shape.
    Shape {
        /// Its way.
        outline: Outline,
        /// What it is filled with.
        fill: Option<Ink>,
        /// How it is outlined.
        stroke: Option<Stroke>,
        /// From 0, not there, to 1.
        alpha: f64,
    },
    /// A line of text, by the middle of its height.
    Text {
        /// Its place.
        at: Point,
        /// What it says.
        text: String,
        /// The height of the type.
        size: f64,
        /// 400 is regular.
        weight: u16,
        /// Its colour.
        ink: Ink,
        /// How it stands by its place.
        anchor: Anchor,
        /// It is never wider than this.
        most: f64,
        /// From 0, not there, to 1.
        alpha: f64,
    },
}

impl Item {
    /// Returns a shape.
    pub fn shape(outline: Outline, fill: Option<Ink>, stroke: Option<Stroke>, alpha: f64) -> Item {
        Item::Shape {
            outline,
            fill,
            stroke,
            alpha,
        }
    }
}

/// About how wide a text is, in Inter.
pub fn text_width(text: &str, size: f64) -> f64 {
    let wide = |c: char| match c {
        'i' | 'l' | 'j' | '.' | ',' | ':' | '|' | '!' | '\'' | 'I' => 0.28,
        'f' | 't' | 'r' | '-' | '(' | ')' | ' ' | '·' | '/' => 0.37,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '→' => 0.88,
        c if c.is_ascii_uppercase() => 0.68,
        c if c.is_ascii_digit() => 0.62,
        // Wide scripts.
        c if u32::from(c) >= 0x2e80 => 1.0,
        _ => 0.58,
    };
    text.chars().map(wide).sum::<f64>() * size
}

/// A text that fits, cut with an ellipsis where it would not.
pub fn cut(text: &str, size: f64, most: f64) -> String {
    if text_width(text, size) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) + size > most {
            kept.pop();
            break;
        }
    }
    kept.push('…');
    kept
}
