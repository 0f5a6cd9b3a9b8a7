//! What a frame is drawn from, and when it is drawn.
//!
//! A sharp picture is painted on a canvas behind the scenes, larger than the screen by [`OVERSCAN`] on
//! every side. While a gesture goes on, that picture is only moved and stretched; a sharp one follows.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::{self, HealthStatus};
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

use super::paint;
use crate::graph::camera::Camera;
use crate::graph::positions::Positions;
use crate::graph::scene::{Ink, Look, Picture, Point, Rect, colour};
use crate::shell::theme::Theme;

/// The part of the screen that is painted beyond each of its sides.
const OVERSCAN: f64 = 0.25;

/// Quiet for so long, and a gesture with the wheel is over.
const QUIET: std::time::Duration = std::time::Duration::from_millis(120);

/// Above so many nodes there is a map in the corner.
const MAP_FROM: usize = 100;
const MAP: Point = Point::new(180.0, 120.0);

/// The state behind the canvas; cheap to copy.
#[derive(Clone, Copy)]
pub struct Desk(StoredValue<Inner, LocalStorage>);

struct Inner {
    canvas: Option<HtmlCanvasElement>,
    map: Option<HtmlCanvasElement>,
    behind: Option<HtmlCanvasElement>,
    /// What the canvas behind the scenes shows; nothing when it must be painted anew.
    painted: Option<Camera>,
    picture: Option<Arc<Picture>>,
    positions: Positions,
    camera: Camera,
    size: Point,
    density: f64,
    theme: Theme,
    selected: Option<String>,
    /// What a trace passed, by id.
    way: Option<Arc<BTreeSet<String>>>,
    hovered: Option<String>,
    focused: Option<String>,
    is_scheduled: bool,
    is_moving: bool,
    /// Counts movements, so that only the last one's timer ends the gesture.
    movements: u32,
    /// The person has moved the camera: nobody else does, then.
    is_theirs: bool,
    wants_layout: bool,
    is_first: bool,
}

impl Desk {
    /// Returns a desk without a picture.
    pub fn new() -> Desk {
        Desk(StoredValue::new_local(Inner {
            canvas: None,
            map: None,
            behind: None,
            painted: None,
            picture: None,
            positions: Positions::default(),
            camera: Camera {
                corner: Point::new(0.0, 0.0),
                scale: 1.0,
            },
            size: Point::new(0.0, 0.0),
            density: 1.0,
            theme: Theme::default(),
            selected: None,
            way: None,
            hovered: None,
            focused: None,
            is_scheduled: false,
            is_moving: false,
            movements: 0,
            is_theirs: false,
            wants_layout: true,
            is_first: true,
        }))
    }

    /// Takes the canvases on the page.
    pub fn take_canvases(self, canvas: HtmlCanvasElement, map: Option<HtmlCanvasElement>) {
        self.0.update_value(|d| {
            d.canvas = Some(canvas);
            d.map = map;
        });
        self.repaint();
    }

    /// Takes the next answer. Returns its picture, or nothing while nobody knows where things stand.
    pub fn show(self, graph: Arc<api::Graph>) -> Option<Arc<Picture>> {
        let mut shown = None;
        self.0.update_value(|d| {
            // Wanted until it is there: an answer may come before its layout.
            let layout = d.wants_layout.then(|| Positions::fresh(&graph)).flatten();
            let is_new = layout.is_some();
            let Some(positions) = layout.or_else(|| d.positions.adopt(&graph)) else {
                return;
            };
            let picture = Arc::new(Picture::new(graph, &positions));
            let before = d.picture.as_ref().map(|p| p.bounds());
            d.positions = positions;
            if is_new || (!d.is_theirs && before != Some(picture.bounds())) {
                d.is_theirs = false;
                d.wants_layout &= !is_new;
                d.camera = Camera::first(picture.bounds(), picture.start(), d.size);
            }
            d.picture = Some(Arc::clone(&picture));
            if is_new {
                d.reveal_way();
            }
            shown = Some(picture);
        });
        self.repaint();
        shown
    }

    /// The next answer's own layout is taken, and fitted.
    pub fn want_layout(self) {
        self.0.update_value(|d| d.wants_layout = true);
    }

    /// Takes the layout of the answer shown, and shows all of it.
    pub fn rearrange(self) -> Option<Arc<Picture>> {
        self.want_layout();
        let graph = self
            .0
            .with_value(|d| d.picture.as_ref().map(|p| p.graph().clone()))?;
        self.show(Arc::new(graph))
    }

    /// Shows all.
    pub fn fit(self) {
        self.0.update_value(|d| {
            d.is_theirs = false;
            if let Some(picture) = &d.picture {
                d.camera = Camera::fit(picture.bounds(), d.size);
            }
        });
        self.repaint();
    }

    /// Hears how large the canvas is, in pixels of the page and of the device.
    pub fn resize(self, size: Point, density: f64) {
        self.0.update_value(|d| {
            let before = d.size;
            d.size = size;
            d.density = density.clamp(0.5, 4.0);
            let Some(picture) = d.picture.clone() else {
                return;
            };
            // The panel of what is selected must not pull the picture from under a second click.
            if before.x < 1.0 || (!d.is_theirs && d.selected.is_none()) {
                d.camera = Camera::first(picture.bounds(), picture.start(), size);
                d.reveal_way();
            }
            // The panel has opened over what was selected.
            if let Some(place) = d.selected.as_deref().and_then(|id| picture.place(id)) {
                d.camera = d.camera.reveal(place, size);
            }
        });
        self.repaint();
    }

    /// How large the canvas is on the page.
    pub fn size(self) -> Point {
        self.0.with_value(|d| d.size)
    }

    /// Hears the theme.
    pub fn theme(self, theme: Theme) {
        self.0.try_update_value(|d| d.theme = theme);
        self.repaint();
    }

    /// Hears what is selected, and brings it onto the screen.
    pub fn select(self, id: Option<String>) {
        self.0.update_value(|d| {
            if let (Some(picture), Some(id)) = (&d.picture, &id)
                && let Some(place) = picture.place(id)
            {
                d.camera = d.camera.reveal(place, d.size);
            }
            d.selected = id;
        });
        self.repaint();
    }

    /// Hears what a trace passed.
    pub fn pass(self, way: Option<Arc<BTreeSet<String>>>) {
        self.0.update_value(|d| {
            let is_other = way.is_some() && d.way != way;
            d.way = way;
            if is_other {
                d.reveal_way();
            }
        });
        self.repaint();
    }

    /// Hears what the keys are at, and brings it onto the screen.
    pub fn focus(self, id: Option<String>) {
        self.0.update_value(|d| {
            if let (Some(picture), Some(id)) = (&d.picture, &id)
                && let Some(place) = picture.place(id)
            {
                let camera = d.camera.reveal(place, d.size);
                if camera != d.camera {
                    d.camera = camera;
                    d.painted = None;
                }
            }
            d.focused = id;
        });
        self.schedule();
    }

    /// Hears what the pointer is over.
    pub fn hover(self, id: Option<String>) {
        if self.0.with_value(|d| d.hovered != id) {
            self.0.update_value(|d| d.hovered = id);
            self.schedule();
        }
    }

    /// What is under a point of the screen.
    pub fn hit(self, at: Point) -> Option<String> {
        self.0.with_value(|d| {
            let picture = d.picture.as_ref()?;
            let reach = 7.0 / d.camera.scale;
            picture
                .hit(d.camera.to_picture(at), reach)
                .map(str::to_owned)
        })
    }

    /// Moves the camera, by a gesture.
    pub fn gesture(self, how: impl FnOnce(Camera) -> Camera) {
        let mut movement = 0;
        self.0.update_value(|d| {
            d.camera = how(d.camera);
            d.is_theirs = true;
            d.is_moving = true;
            d.movements = d.movements.wrapping_add(1);
            movement = d.movements;
        });
        self.schedule();
        set_timeout(
            move || {
                let is_last = self.0.try_with_value(|d| d.movements == movement);
                if is_last == Some(true) {
                    self.0.update_value(|d| d.is_moving = false);
                    self.repaint();
                }
            },
            QUIET,
        );
    }

    /// Zooms around the middle of the screen.
    pub fn zoom(self, factor: f64) {
        let middle = self
            .0
            .with_value(|d| Point::new(d.size.x / 2.0, d.size.y / 2.0));
        self.gesture(|camera| camera.zoom(middle, factor));
    }

    /// Puts something into the middle, large enough to read.
    pub fn zoom_to(self, id: &str) {
        self.0.update_value(|d| {
            let place = d.picture.as_ref().and_then(|p| p.place(id));
            if let Some(place) = place {
                d.camera = Camera::around(place.centre(), d.camera.scale.max(1.2), d.size);
                d.is_theirs = true;
            }
        });
        self.repaint();
    }

    /// Puts a point of the map into the middle of the screen.
    pub fn map_to(self, at: Point) {
        let target = self.0.with_value(|d| {
            let bounds = d.picture.as_ref()?.bounds();
            Some((Camera::fit(bounds, MAP).to_picture(at), d.size))
        });
        if let Some((centre, size)) = target {
            self.gesture(|camera| Camera::around(centre, camera.scale, size));
        }
    }

    /// The whole picture as a file.
    pub fn svg(self) -> Option<String> {
        self.0.with_value(|d| {
            let picture = d.picture.as_ref()?;
            let bounds = picture.bounds();
            let look = Look {
                scale: 1.0,
                seen: bounds.grown(1000.0),
                selected: None,
                way: d.way.as_deref(),
            };
            let items = picture.scene(&look);
            Some(crate::graph::scene::to_svg(&items, bounds, d.theme))
        })
    }

    fn repaint(self) {
        self.0.try_update_value(|d| d.painted = None);
        self.schedule();
    }

    fn schedule(self) {
        // Gone with its page, it has nothing to draw.
        if self.0.try_with_value(|d| d.is_scheduled) != Some(false) {
            return;
        }
        self.0.update_value(|d| d.is_scheduled = true);
        request_animation_frame(move || {
            self.0.try_update_value(|d| {
                d.is_scheduled = false;
                d.frame();
            });
        });
    }
}

impl Inner {
    /// Brings all of what a trace passed onto the screen, where not all of it is.
    fn reveal_way(&mut self) {
        let (Some(way), Some(picture)) = (&self.way, &self.picture) else {
            return;
        };
        let places = way.iter().filter_map(|id| picture.place(id));
        let Some(bounds) = places.reduce(Rect::joined) else {
            return;
        };
        let seen = self.camera.seen(self.size);
        if self.size.x >= 1.0 && seen.joined(bounds) != seen {
            self.camera = Camera::fit(bounds.grown(40.0), self.size);
            self.is_theirs = true;
        }
    }

    fn frame(&mut self) {
        let (Some(canvas), Some(picture)) = (self.canvas.clone(), self.picture.clone()) else {
            return;
        };
        if self.size.x < 1.0 || self.size.y < 1.0 {
            return;
        }
        let Some(screen) = paint::context(&canvas) else {
            return;
        };
        let device = |length: f64| (length * self.density).round().max(1.0) as u32;
        let (w, h) = (device(self.size.x), device(self.size.y));
        if canvas.width() != w || canvas.height() != h {
            canvas.set_width(w);
            canvas.set_height(h);
        }
        // A gesture alone never asks for it: what is painted is moved, until the gesture is over.
        if self.painted.is_none() {
            self.paint(&picture);
        }
        paint::clear(&canvas, &screen, self.theme);
        if let (Some(behind), Some(painted)) = (&self.behind, self.painted) {
            let stretch = self.camera.scale / painted.scale;
            let at = self.camera.to_screen(painted.corner);
            let (bw, bh) = (f64::from(behind.width()), f64::from(behind.height()));
            screen
                .draw_image_with_html_canvas_element_and_dw_and_dh(
                    behind,
                    at.x * self.density,
                    at.y * self.density,
                    bw * stretch,
                    bh * stretch,
                )
                .ok();
        }
        let look = Look {
            scale: self.camera.scale,
            seen: self.camera.seen(self.size),
            selected: self.selected.as_deref(),
            way: self.way.as_deref(),
        };
        for id in [&self.focused, &self.hovered].into_iter().flatten() {
            let items = picture.pointed(id, &look);
            paint::items(&screen, &items, self.camera, self.density, self.theme);
        }
        self.paint_map(&picture);
        if self.is_first {
            self.is_first = false;
            if let Some(performance) = window().performance() {
                performance.mark("pidali:first-graph").ok();
            }
        }
    }

    /// Paints the sharp picture behind the scenes.
    fn paint(&mut self, picture: &Picture) {
        let canvas = self.behind.clone().or_else(|| {
            let element = document().create_element("canvas").ok()?;
            element.dyn_into::<HtmlCanvasElement>().ok()
        });
        let Some(canvas) = canvas else {
            return;
        };
        let over = Point::new(self.size.x * OVERSCAN, self.size.y * OVERSCAN);
        let device = |length: f64| (length * self.density).round().max(1.0) as u32;
        let w = device(self.size.x + 2.0 * over.x);
        let h = device(self.size.y + 2.0 * over.y);
        if canvas.width() != w || canvas.height() != h {
            canvas.set_width(w);
            canvas.set_height(h);
        }
        let Some(to) = paint::context(&canvas) else {
            return;
        };
        let camera = self.camera.pan(over);
        let size = Point::new(self.size.x + 2.0 * over.x, self.size.y + 2.0 * over.y);
        let look = Look {
            scale: camera.scale,
            seen: camera.seen(size),
            selected: self.selected.as_deref(),
            way: self.way.as_deref(),
        };
        paint::clear(&canvas, &to, self.theme);
        paint::items(&to, &picture.scene(&look), camera, self.density, self.theme);
        self.behind = Some(canvas);
        self.painted = Some(camera);
    }

    fn paint_map(&self, picture: &Picture) {
        let Some(map) = &self.map else {
            return;
        };
        let is_wanted = picture.graph().nodes.len() > MAP_FROM;
        map.set_hidden(!is_wanted);
        if !is_wanted {
            return;
        }
        let device = |length: f64| (length * self.density).round().max(1.0) as u32;
        map.set_width(device(MAP.x));
        map.set_height(device(MAP.y));
        let Some(to) = paint::context(map) else {
            return;
        };
        let camera = Camera::fit(picture.bounds(), MAP);
        to.set_transform(self.density, 0.0, 0.0, self.density, 0.0, 0.0)
            .ok();
        let place = |r: Rect| {
            let p = camera.to_screen(Point::new(r.x, r.y));
            (
                p.x,
                p.y,
                (r.w * camera.scale).max(1.5),
                (r.h * camera.scale).max(1.5),
            )
        };
        for (card, status) in picture.cards() {
            let ink = match status {
                HealthStatus::Failing => Ink::Failing,
                HealthStatus::Degraded => Ink::Degraded,
                _ => Ink::LineStrong,
            };
            to.set_fill_style_str(colour(ink, self.theme));
            let (x, y, w, h) = place(card);
            to.fill_rect(x, y, w, h);
        }
        let (x, y, w, h) = place(self.camera.seen(self.size));
        to.set_stroke_style_str(colour(Ink::Accent, self.theme));
        to.set_line_width(1.5);
        to.stroke_rect(x, y, w, h);
    }
}
