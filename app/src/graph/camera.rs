//! What part of the picture is on the screen.

use super::scene::{Point, Rect};

/// Maps the picture to the screen: `screen = (picture - corner) * scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// The point of the picture in the screen's left top corner.
    pub corner: Point,
    /// Screen pixels for one pixel of the picture.
    pub scale: f64,
}

/// How far one can zoom, out and in.
/// A mesh of thousands still fits on its map.
const SCALES: [f64; 2] = [0.003, 3.0];
/// Left free around the picture when it is fitted, in screen pixels.
const MARGIN: f64 = 28.0;
/// A small mesh is not blown up beyond this.
const FIT_MOST: f64 = 1.15;

impl Camera {
    /// Shows all of `bounds` on a screen of `size`.
    pub fn fit(bounds: Rect, size: Point) -> Camera {
        let room = |side: f64| (side - 2.0 * MARGIN).max(40.0);
        let scale = (room(size.x) / bounds.w.max(1.0)).min(room(size.y) / bounds.h.max(1.0));
        Camera::around(bounds.centre(), scale.min(FIT_MOST), size)
    }

    /// Shows all, or on a screen too small for that the part around `start`, at its left edge, large enough
    /// to read.
    pub fn first(bounds: Rect, start: Point, size: Point) -> Camera {
        const READABLE: f64 = 0.5;
        let whole = Camera::fit(bounds, size);
        if whole.scale >= READABLE || size.x >= 700.0 {
            return whole;
        }
        let mut camera = Camera::around(start, READABLE, size);
        camera.corner.x = bounds.x - MARGIN / READABLE;
        camera
    }

    /// Puts a point of the picture into the middle of the screen.
    pub fn around(centre: Point, scale: f64, size: Point) -> Camera {
        let scale = scale.clamp(SCALES[0], SCALES[1]);
        Camera {
            corner: Point::new(
                centre.x - size.x / scale / 2.0,
                centre.y - size.y / scale / 2.0,
            ),
            scale,
        }
    }

    /// Zooms by a factor; what is under `at` on the screen stays under it.
    pub fn zoom(self, at: Point, factor: f64) -> Camera {
        let scale = (self.scale * factor).clamp(SCALES[0], SCALES[1]);
        let under = self.to_picture(at);
        Camera {
            corner: Point::new(under.x - at.x / scale, under.y - at.y / scale),
            scale,
        }
    }

    /// Moves the picture by screen pixels.
    pub fn pan(self, by: Point) -> Camera {
        let corner = Point::new(
            self.corner.x - by.x / self.scale,
            self.corner.y - by.y / self.scale,
        );
        Camera { corner, ..self }
    }

    /// Moves just so far that `rect` is on the screen; not at all where it is.
    pub fn reveal(self, rect: Rect, size: Point) -> Camera {
        let seen = self.seen(size);
        let margin = MARGIN / self.scale;
        let shift = |low: f64, high: f64, from: f64, to: f64| {
            if low < from + margin {
                low - from - margin
            } else if high > to - margin {
                (high - to + margin).min(low - from - margin)
            } else {
                0.0
            }
        };
        let dx = shift(rect.x, rect.x + rect.w, seen.x, seen.x + seen.w);
        let dy = shift(rect.y, rect.y + rect.h, seen.y, seen.y + seen.h);
        Camera {
            corner: Point::new(self.corner.x + dx, self.corner.y + dy),
            ..self
        }
    }

    /// The part of the picture on the screen.
    pub fn seen(self, size: Point) -> Rect {
        Rect::new(
            self.corner.x,
            self.corner.y,
            size.x / self.scale,
            size.y / self.scale,
        )
    }

    /// What is under a point of the screen.
    pub fn to_picture(self, at: Point) -> Point {
        Point::new(
            self.corner.x + at.x / self.scale,
            self.corner.y + at.y / self.scale,
        )
    }

    /// Where a point of the picture is on the screen.
    pub fn to_screen(self, at: Point) -> Point {
        Point::new(
            (at.x - self.corner.x) * self.scale,
            (at.y - self.corner.y) * self.scale,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Point = Point {
        x: 1000.0,
        y: 600.0,
    };

    #[test]
    fn fit_shows_all_in_the_middle() {
        let bounds = Rect::new(-500.0, 100.0, 4000.0, 1000.0);
        let seen = Camera::fit(bounds, SIZE).seen(SIZE);
        assert!(seen.contains(Point::new(bounds.x, bounds.y)));
        assert!(seen.contains(Point::new(bounds.x + bounds.w, bounds.y + bounds.h)));
        let (a, b) = (seen.centre(), bounds.centre());
        assert!((a.x - b.x).abs() < 1e-6 && (a.y - b.y).abs() < 1e-6);
    }

    #[test]
    fn a_small_screen_starts_where_calls_come_in() {
        let bounds = Rect::new(0.0, 0.0, 4000.0, 1000.0);
        let (start, phone) = (Point::new(80.0, 700.0), Point::new(390.0, 600.0));
        let seen = Camera::first(bounds, start, phone).seen(phone);
        assert!(seen.contains(start) && seen.contains(Point::new(0.0, 700.0)));
        assert_eq!(
            Camera::first(bounds, start, SIZE),
            Camera::fit(bounds, SIZE)
        );
    }

    #[test]
    fn zoom_keeps_what_is_under_the_pointer() {
        let camera = Camera {
            corner: Point::new(3.0, 4.0),
            scale: 0.7,
        };
        let at = Point::new(311.0, 87.0);
        let before = camera.to_picture(at);
        for factor in [0.001, 0.5, 1.9, 1000.0] {
            let after = camera.zoom(at, factor).to_picture(at);
            assert!((before.x - after.x).abs() < 1e-9 && (before.y - after.y).abs() < 1e-9);
        }
    }

    #[test]
    fn reveal_moves_only_when_needed() {
        let camera = Camera {
            corner: Point::new(0.0, 0.0),
            scale: 1.0,
        };
        assert_eq!(
            camera.reveal(Rect::new(400.0, 300.0, 100.0, 40.0), SIZE),
            camera
        );
        let moved = camera.reveal(Rect::new(1400.0, -300.0, 100.0, 40.0), SIZE);
        let seen = moved.seen(SIZE);
        assert!(
            seen.contains(Point::new(1400.0, -300.0)) && seen.contains(Point::new(1500.0, -260.0))
        );
        assert_eq!(
            moved.to_screen(moved.to_picture(Point::new(5.0, 6.0))),
            Point::new(5.0, 6.0)
        );
    }
}
