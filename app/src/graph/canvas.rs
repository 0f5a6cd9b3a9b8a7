//! The drawn graph: the picture, what the pointer does with it, and a list for keys and readers.

mod desk;
mod options;
mod paint;
mod tip;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use leptos::ev::PointerEvent;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AddEventListenerOptions, ResizeObserver, WheelEvent};

use desk::Desk;
use options::Options;
use tip::Tip;

use super::scene::{Picture, Point};
use crate::shell::place::use_place;
use crate::shell::theme::Theme;
use crate::ui::{Icon, Symbol};

/// Draws the graph.
#[component]
pub fn GraphCanvas(
    /// The latest answer.
    #[prop(into)]
    graph: Signal<Option<Arc<api::Graph>>>,
    /// The node or edge selected, by id.
    #[prop(into)]
    selected: Signal<Option<String>>,
    /// The nodes and edges that a trace passed, by id.
    #[prop(into)]
    way: Signal<Option<Arc<BTreeSet<String>>>>,
    /// Hears what is selected.
    on_select: Callback<Option<String>>,
    /// What is on the screen.
    #[prop(into)]
    theme: Signal<Theme>,
    /// Grows when the person asks for a fresh layout.
    #[prop(into)]
    rearrange: Signal<u32>,
    /// Grows when the person asks to see all.
    #[prop(into)]
    fit: Signal<u32>,
) -> impl IntoView {
    let desk = Desk::new();
    let picture = RwSignal::new(None::<Arc<Picture>>);
    let over = RwSignal::new(None::<(String, Point)>);
    let focused = RwSignal::new(None::<String>);
    let canvas = NodeRef::<html::Canvas>::new();
    let map = NodeRef::<html::Canvas>::new();

    Effect::new(move |_| {
        if let Some(canvas) = canvas.get() {
            desk.take_canvases(canvas.clone(), map.get());
            watch(desk, &canvas);
        }
    });
    ask_for_layouts(desk);
    Effect::new(move |_| {
        if let Some(graph) = graph.get()
            && let Some(shown) = desk.show(graph)
        {
            picture.set(Some(shown));
        }
    });
    Effect::new(move |_| desk.select(selected.get()));
    Effect::new(move |_| desk.pass(way.get()));
    Effect::new(move |_| desk.theme(theme.get()));
    Effect::new(move |_| desk.focus(focused.get()));
    Effect::new(move |_| desk.hover(over.with(|o| o.as_ref().map(|(id, _)| id.clone()))));
    on_growth(fit, move || desk.fit());
    on_growth(rearrange, move || {
        if let Some(shown) = desk.rearrange() {
            picture.set(Some(shown));
        }
    });
    // Text drawn before the font is here would stay in another one.
    spawn_local(async move {
        if let Ok(ready) = document().fonts().ready() {
            JsFuture::from(ready).await.ok();
            if let Some(theme) = theme.try_get_untracked() {
                desk.theme(theme);
            }
        }
    });

    let pointer = Pointer::new(desk, over, on_select);
    let on_zoom = Callback::new(move |factor: Option<f64>| match factor {
        Some(factor) => desk.zoom(factor),
        None => desk.fit(),
    });
    let button = move |label: &'static str, symbol, act: fn(Desk)| {
        view! {
            <button type="button" class="button button--icon" aria-label=label title=label on:click=move |_| act(desk)>
                <Icon symbol />
            </button>
        }
    };
    view! {
        <div class="canvas" role="group" aria-label="Picture of the mesh">
            <Options picture focused selected on_select on_zoom />
            <canvas
                class="canvas__picture"
                class:canvas__picture--over=move || over.with(Option::is_some)
                aria-hidden="true"
                node_ref=canvas
                on:pointerdown=move |event| pointer.down(&event)
                on:pointermove=move |event| pointer.moved(&event)
                on:pointerup=move |event| pointer.up(&event)
                on:pointercancel=move |event| pointer.lost(&event)
                on:pointerleave=move |_| over.set(None)
                on:dblclick=move |event| {
                    let at = Point::new(f64::from(event.offset_x()), f64::from(event.offset_y()));
                    if let Some(id) = desk.hit(at) {
                        desk.zoom_to(&id);
                    }
                }
            />
            <canvas
                class="canvas__map"
                aria-hidden="true"
                hidden=true
                node_ref=map
                on:pointerdown=move |event| map_to(desk, &event)
                on:pointermove=move |event| {
                    if event.buttons() == 1 {
                        map_to(desk, &event);
                    }
                }
            />
            <div class="canvas__tools" role="group" aria-label="Zoom">
                {button("Zoom in", Symbol::Plus, |desk| desk.zoom(1.25))}
                {button("Zoom out", Symbol::Minus, |desk| desk.zoom(0.8))}
                <Show when=move || selected.with(Option::is_some)>
                    <button
                        type="button"
                        class="button button--icon"
                        aria-label="Zoom to what is selected"
                        title="Zoom to what is selected"
                        on:click=move |_| {
                            if let Some(id) = selected.get_untracked() {
                                desk.zoom_to(&id);
                            }
                        }
                    >
                        <Icon symbol=Symbol::Target />
                    </button>
                </Show>
                {button("Save the picture as SVG", Symbol::Save, save)}
            </div>
            <Tip picture over size=Callback::new(move |()| desk.size()) />
        </div>
    }
}

/// Runs `act` whenever `count` grows.
fn on_growth(count: Signal<u32>, act: impl Fn() + 'static) {
    Effect::new(move |before: Option<u32>| {
        let now = count.get();
        if before.is_some_and(|before| now > before) {
            act();
        }
        now
    });
}

/// A question about another part of the mesh, or with other nodes, gets a layout of its own. Another
/// window of the same is the same picture.
fn ask_for_layouts(desk: Desk) {
    let place = use_place();
    let asked = Memo::new(move |_| {
        let query = place.query()?;
        Some(api::GraphQuery {
            window: mesh::units::Window::default(),
            at: None,
            ..query
        })
    });
    Effect::new(move |before: Option<Option<api::GraphQuery>>| {
        let now = asked.get();
        if before.as_ref() != Some(&now) {
            desk.want_layout();
        }
        now
    });
}

/// Follows the canvas's size, and the wheel over it.
fn watch(desk: Desk, canvas: &web_sys::HtmlCanvasElement) {
    let measured = canvas.clone();
    let measure = move || {
        let rect = measured.get_bounding_client_rect();
        desk.resize(
            Point::new(rect.width(), rect.height()),
            window().device_pixel_ratio(),
        );
    };
    measure();
    let resized = Closure::<dyn FnMut()>::new(measure);
    let observer = ResizeObserver::new(resized.as_ref().unchecked_ref()).ok();
    if let Some(observer) = &observer {
        observer.observe(canvas);
    }
    let wheel = Closure::<dyn FnMut(WheelEvent)>::new(move |event: WheelEvent| {
        event.prevent_default();
        let lines = if event.delta_mode() == WheelEvent::DOM_DELTA_PIXEL {
            1.0
        } else {
            18.0
        };
        // Pinching on a touch pad comes as a wheel with the control key, in smaller steps.
        let speed = if event.ctrl_key() { 0.01 } else { 0.0018 };
        let factor = (-event.delta_y() * lines * speed).clamp(-0.7, 0.7).exp();
        let at = Point::new(f64::from(event.offset_x()), f64::from(event.offset_y()));
        desk.gesture(|camera| camera.zoom(at, factor));
    });
    let options = AddEventListenerOptions::new();
    options.set_passive(false);
    canvas
        .add_event_listener_with_callback_and_add_event_listener_options(
            "wheel",
            wheel.as_ref().unchecked_ref(),
            &options,
        )
        .ok();
    // Kept as long as the canvas is.
    let kept = StoredValue::new_local(Some((observer, resized, wheel)));
    on_cleanup(move || {
        if let Some(Some((Some(observer), ..))) = kept.try_update_value(Option::take) {
            observer.disconnect();
        }
    });
}

fn map_to(desk: Desk, event: &PointerEvent) {
    desk.map_to(Point::new(
        f64::from(event.offset_x()),
        f64::from(event.offset_y()),
    ));
}

/// Gives the picture to the person as a file.
fn save(desk: Desk) {
    let Some(svg) = desk.svg() else {
        return;
    };
    let parts = js_sys::Array::of1(&svg.into());
    let options = web_sys::BlobPropertyBag::new();
    options.set_type("image/svg+xml");
    let Ok(blob) = web_sys::Blob::new_with_str_sequence_and_options(&parts, &options) else {
        return;
    };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else {
        return;
    };
    let link = document().create_element("a").ok();
    if let Some(link) = link.and_then(|l| l.dyn_into::<web_sys::HtmlAnchorElement>().ok()) {
        link.set_href(&url);
        link.set_download("mesh.svg");
        link.click();
    }
    web_sys::Url::revoke_object_url(&url).ok();
}

/// Fewer pixels than this between down and up are a click.
const STILL: f64 = 4.0;

/// What the pointers on the canvas do: one pans or clicks, two pinch.
#[derive(Clone, Copy)]
struct Pointer {
    desk: Desk,
    over: RwSignal<Option<(String, Point)>>,
    on_select: Callback<Option<String>>,
    down: StoredValue<Down>,
}

#[derive(Default)]
struct Down {
    at: BTreeMap<i32, Point>,
    /// How far the pointer has gone since it went down.
    way: f64,
}

fn place_of(event: &PointerEvent) -> Point {
    Point::new(f64::from(event.offset_x()), f64::from(event.offset_y()))
}

impl Pointer {
    fn new(
        desk: Desk,
        over: RwSignal<Option<(String, Point)>>,
        on_select: Callback<Option<String>>,
    ) -> Pointer {
        let down = StoredValue::new(Down::default());
        Pointer {
            desk,
            over,
            on_select,
            down,
        }
    }

    fn down(self, event: &PointerEvent) {
        if event.button() != 0 {
            return;
        }
        if let Some(target) = event
            .target()
            .and_then(|t| t.dyn_into::<web_sys::Element>().ok())
        {
            // Refused for a pointer that is already gone: then there is nothing to follow.
            target.set_pointer_capture(event.pointer_id()).ok();
        }
        self.over.set(None);
        self.down.update_value(|d| {
            d.at.insert(event.pointer_id(), place_of(event));
            // Two fingers never click.
            d.way = if d.at.len() > 1 { f64::INFINITY } else { 0.0 };
        });
    }

    fn moved(self, event: &PointerEvent) {
        let now = place_of(event);
        let (before, other) = self.down.with_value(|d| {
            let other = d.at.iter().find(|(id, _)| **id != event.pointer_id());
            (
                d.at.get(&event.pointer_id()).copied(),
                other.map(|(_, p)| *p),
            )
        });
        let Some(before) = before else {
            let hit = self.desk.hit(now);
            self.over.set(hit.map(|id| (id, now)));
            return;
        };
        let by = Point::new(now.x - before.x, now.y - before.y);
        let mut way = 0.0;
        self.down.update_value(|d| {
            d.at.insert(event.pointer_id(), now);
            d.way += by.x.hypot(by.y);
            way = d.way;
        });
        if let Some(other) = other {
            let spread = |p: Point| (p.x - other.x).hypot(p.y - other.y).max(1.0);
            let middle = Point::new(f64::midpoint(now.x, other.x), f64::midpoint(now.y, other.y));
            let half = Point::new(by.x / 2.0, by.y / 2.0);
            let factor = spread(now) / spread(before);
            self.desk
                .gesture(|camera| camera.pan(half).zoom(middle, factor));
        } else if way > STILL {
            self.desk.gesture(|camera| camera.pan(by));
        }
    }

    fn up(self, event: &PointerEvent) {
        let mut clicked = false;
        self.down.update_value(|d| {
            let was_down = d.at.remove(&event.pointer_id()).is_some();
            clicked = was_down && d.way <= STILL;
        });
        if clicked {
            self.on_select.run(self.desk.hit(place_of(event)));
        }
    }

    fn lost(self, event: &PointerEvent) {
        self.down.update_value(|d| {
            d.at.remove(&event.pointer_id());
        });
    }
}
