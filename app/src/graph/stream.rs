//! The server's hints that something is new. Open only while the page is seen and live: browsers allow
//! few connections to one host.

use leptos::ev;
use leptos::prelude::*;
use mesh::api;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use super::Store;
use crate::shell::clock::use_clock;
use crate::{fetch, url};

/// How long to wait before a closed stream is opened again.
const REOPEN_MS: f64 = 5000.0;

struct Open {
    source: EventSource,
    // The browser calls into these as long as the source lives.
    _changed: Closure<dyn FnMut(MessageEvent)>,
    _opened: Closure<dyn FnMut()>,
    _failed: Closure<dyn FnMut()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.source.set_onopen(None);
        self.source.set_onerror(None);
        self.source.close();
    }
}

/// Keeps a stream open while `wanted` and seen, and tells `store` what it says.
pub fn listen(store: Store, wanted: Signal<bool>) {
    let stream = StoredValue::new_local(None::<Open>);
    let reopen_at = StoredValue::new(0f64);
    let seen = RwSignal::new(!document().hidden());
    let heard = window_event_listener(ev::visibilitychange, move |_| {
        seen.set(!document().hidden())
    });
    on_cleanup(move || heard.remove());
    let clock = use_clock();
    Effect::new(move |_| {
        let now = clock.get();
        if !(wanted.get() && seen.get()) {
            stream.set_value(None);
            store.stream_is(false);
            return;
        }
        // The browser reconnects by itself; only a stream that it gave up is opened anew.
        let gone = stream.with_value(|s| {
            s.as_ref()
                .is_none_or(|s| s.source.ready_state() == EventSource::CLOSED)
        });
        if gone && reopen_at.get_value() <= now {
            reopen_at.set_value(now + REOPEN_MS);
            stream.set_value(open(store));
        }
    });
    on_cleanup(move || {
        store.stream_is(false);
    });
}

fn open(store: Store) -> Option<Open> {
    let source = EventSource::new(&fetch::absolute(url::STREAM)).ok()?;
    let version = StoredValue::new(None::<u64>);
    let changed = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data().as_string().unwrap_or_default();
        let Ok(change) = serde_json::from_str::<api::Changed>(&data) else {
            return;
        };
        if change.topic == "graph" && version.try_get_value().flatten() != Some(change.version) {
            version.try_set_value(Some(change.version));
            store.hint();
        }
    });
    let opened = Closure::<dyn FnMut()>::new(move || store.stream_is(true));
    let failed = Closure::<dyn FnMut()>::new(move || store.stream_is(false));
    let listener = changed.as_ref().unchecked_ref();
    source
        .add_event_listener_with_callback("changed", listener)
        .ok()?;
    source.set_onopen(Some(opened.as_ref().unchecked_ref()));
    source.set_onerror(Some(failed.as_ref().unchecked_ref()));
    Some(Open {
        source,
        _changed: changed,
        _opened: opened,
        _failed: failed,
    })
}
