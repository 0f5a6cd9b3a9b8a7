//! The server's hints that something is new. Open only while the page is seen and live: browsers allow
//! few connections to one host.

use std::collections::BTreeMap;

use leptos::ev;
use leptos::prelude::*;
use mesh::api;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, MessageEvent};

use crate::shell::clock::use_clock;
use crate::{fetch, url};

/// Who hears what the stream says.
#[derive(Clone, Copy)]
pub struct Hears {
    /// Hears the topic of which there is something new.
    pub changed: Callback<String>,
    /// Hears whether the stream is open.
    pub is_open: Callback<bool>,
}

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

/// Keeps a stream about `topics`, joined by commas, open while `wanted` and seen.
pub fn listen(topics: &'static str, wanted: Signal<bool>, hears: Hears) {
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
            hears.is_open.run(false);
            return;
        }
        // The browser reconnects by itself; only a stream that it gave up is opened anew.
        let gone = stream.with_value(|s| {
            s.as_ref()
                .is_none_or(|s| s.source.ready_state() == EventSource::CLOSED)
        });
        if gone && reopen_at.get_value() <= now {
            reopen_at.set_value(now + REOPEN_MS);
            stream.set_value(open(topics, hears));
        }
    });
    on_cleanup(move || {
        hears.is_open.run(false);
    });
}

fn open(topics: &str, hears: Hears) -> Option<Open> {
    let source = EventSource::new(&fetch::absolute(&url::stream(topics))).ok()?;
    // Its own, not in the reactive tree: it lives as long as the source, not as the effect that opened it.
    let mut versions = BTreeMap::<String, u64>::new();
    let changed = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        let data = event.data().as_string().unwrap_or_default();
        let Ok(change) = serde_json::from_str::<api::Changed>(&data) else {
            return;
        };
        let before = versions.insert(change.topic.clone(), change.version);
        if before != Some(change.version) {
            hears.changed.try_run(change.topic);
        }
    });
    let opened = Closure::<dyn FnMut()>::new(move || {
        hears.is_open.try_run(true);
    });
    let failed = Closure::<dyn FnMut()>::new(move || {
        hears.is_open.try_run(false);
    });
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
