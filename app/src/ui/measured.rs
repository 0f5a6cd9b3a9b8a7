//! How large something is on the screen.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// Follows the width and height of what `node` is in the page; nothing before it is there.
pub fn measured(node: NodeRef<html::Div>) -> RwSignal<Option<(f64, f64)>> {
    let size = RwSignal::new(None);
    let kept = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
    Effect::new(move |_| {
        let Some(node) = node.get() else {
            return;
        };
        let element: Element = node.into();
        let watched = element.clone();
        let measure = move || {
            let now = (
                f64::from(element.client_width()),
                f64::from(element.client_height()),
            );
            if size.try_with_untracked(|it| *it != Some(now)) == Some(true) {
                size.set(Some(now));
            }
        };
        measure();
        let resized = Closure::<dyn FnMut()>::new(measure);
        if let Ok(observer) = ResizeObserver::new(resized.as_ref().unchecked_ref()) {
            observer.observe(&watched);
            // Kept as long as it is watched.
            let before = kept.try_update_value(|it| it.replace((observer, resized)));
            if let Some(Some((before, _))) = before {
                before.disconnect();
            }
        }
    });
    on_cleanup(move || {
        if let Some(Some((observer, _))) = kept.try_update_value(Option::take) {
            observer.disconnect();
        }
    });
    size
}
