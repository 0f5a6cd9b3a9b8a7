//! What was found as a list: the twin of the scatter.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::trace::{Matched, TraceRow, Traces};
use mesh::wording::listed;
use web_sys::KeyboardEvent;

use crate::shell::clock::{day_and_time, time_with_seconds};
use crate::shell::place::use_place;
use crate::trace::words::{grouped, micros};
use crate::ui::popover::{keep_focus, step_focus};
use crate::ui::{Icon, Symbol};

/// The services that a row names; who wants all of them opens it.
const NAMED: usize = 4;

/// The list, the youngest first.
#[component]
pub fn List(
    found: Memo<Option<Arc<Traces>>>,
    /// The trace that the pointer or the keys are at, here or in the scatter.
    pointed: RwSignal<Option<String>>,
) -> impl IntoView {
    let rows = move |pick: &mut dyn FnMut(&Traces)| {
        found.with(|found| {
            if let Some(found) = found {
                pick(found);
            }
        });
    };
    let ids = Memo::new(move |_| {
        let mut ids = Vec::new();
        rows(&mut |found| ids = found.items.iter().map(|row| row.id.clone()).collect());
        ids
    });
    let longest = Memo::new(move |_| {
        let mut longest = 1;
        rows(&mut |found| {
            longest = found
                .items
                .iter()
                .map(|row| row.duration_us)
                .fold(1, i64::max);
        });
        longest
    });
    let of_calls = Memo::new(move |_| {
        let mut any = false;
        rows(&mut |found| any = found.items.iter().any(|row| row.matched.is_some()));
        any
    });
    let placed = move || {
        let ids = ids.get();
        keep_focus();
        ids
    };
    let on_key = move |event: KeyboardEvent| {
        if matches!(
            event.key().as_str(),
            "ArrowDown" | "ArrowUp" | "Home" | "End"
        ) {
            step_focus(&event, ".listing__open");
        }
    };
    let line = move |id: String| {
        let key = id.clone();
        let row = Memo::new(move |_| {
            found.with(|found| {
                let items = &found.as_ref()?.items;
                items.iter().find(|row| row.id == key).cloned()
            })
        });
        view! { <Line id row longest of_calls pointed /> }
    };
    view! {
        <div class="traces__frame">
            <table class="table listing traces">
                <caption class="visually-hidden">"Traces found, the youngest first"</caption>
                <thead>
                    <tr>
                        <th scope="col" class="table__head">"Started"</th>
                        <th scope="col" class="table__head">"Trace"</th>
                        <th scope="col" class="table__head">"Duration"</th>
                        <th scope="col" class="table__head table__head--figure traces__spare-2">"Spans"</th>
                        <th scope="col" class="table__head table__head--figure">"Errors"</th>
                        <th scope="col" class="table__head traces__spare-1">"Services"</th>
                        {move || of_calls.get().then(|| view! {
                            <th scope="col" class="table__head traces__spare-2">"The call that matches"</th>
                        })}
                    </tr>
                </thead>
                <tbody on:keydown=on_key>
                    <For each=placed key=Clone::clone children=line />
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Line(
    id: String,
    row: Memo<Option<TraceRow>>,
    longest: Memo<i64>,
    of_calls: Memo<bool>,
    pointed: RwSignal<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let text = move |write: fn(&TraceRow) -> String| {
        move || row.with(|row| row.as_ref().map(write).unwrap_or_default())
    };
    let (to, own) = (id.clone(), id.clone());
    let (in_focus, under) = (id.clone(), id);
    let is_pointed = move || pointed.with(|it| it.as_deref() == Some(own.as_str()));
    let bar = move || {
        row.with(|row| {
            let us = row.as_ref().map_or(0, |row| row.duration_us).max(0);
            format!(
                "{:.1}",
                (us as f64 / longest.get() as f64 * 100.0).clamp(0.6, 100.0)
            )
        })
    };
    let errors = move || {
        row.with(|row| match row.as_ref().map_or(0, |row| row.n_errors) {
            0 => "0".into_any(),
            n => view! { <span class="traces__failed"><Icon symbol=Symbol::Close />{grouped(n as usize)}</span> }
                .into_any(),
        })
    };
    view! {
        <tr
            class="table__row"
            class:table__row--selected=is_pointed
            on:pointerenter=move |_| pointed.set(Some(under.clone()))
            on:pointerleave=move |_| pointed.set(None)
            on:focusin=move |_| pointed.set(Some(in_focus.clone()))
        >
            <td class="figure traces__start" title=text(|row| day_and_time(row.start_us as f64 / 1000.0))>
                {text(|row| time_with_seconds(row.start_us as f64 / 1000.0))}
            </td>
            <th scope="row" class="table__name listing__name">
                <a class="listing__open" href=move || place.trace_href(&to)>
                    {text(|row| row.service.clone())}": "<span class="traces__operation">{text(|row| row.operation.clone())}</span>
                </a>
            </th>
            <td class="traces__duration">
                <svg class="traces__bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <rect class="traces__length" x="0" y="0" height="8" width=bar />
                </svg>
                <span class="figure">{text(|row| micros(row.duration_us))}</span>
            </td>
            <td class="table__figure figure traces__spare-2">{text(|row| grouped(row.n_spans as usize))}</td>
            <td class="table__figure figure">{errors}</td>
            <td class="listing__word traces__services traces__spare-1" title=text(|row| names(row, usize::MAX))>
                {text(|row| names(row, NAMED))}
            </td>
            {move || of_calls.get().then(|| view! {
                <td class="traces__call traces__spare-2">
                    {move || row.with(|row| row.as_ref().and_then(|row| row.matched.as_ref().map(matched)))}
                </td>
            })}
        </tr>
    }
}

/// Who took part; who failed first.
fn names(row: &TraceRow, most: usize) -> String {
    let mut all: Vec<_> = row.services.iter().collect();
    all.sort_by_key(|it| it.n_errors == 0);
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    listed(&names, most)
}

fn matched(call: &Matched) -> AnyView {
    let class = if call.failed {
        "code code--server"
    } else {
        "code"
    };
    let status = call.status.clone();
    let failed = call.failed.then(|| match status.is_some() {
        true => view! { <span class="visually-hidden">" failed "</span> }.into_any(),
        false => view! { <span class="code code--server">"failed"</span> }.into_any(),
    });
    view! {
        {status.map(|status| view! { <span class=class>{status}</span> })}
        {failed}
        {call.version.clone().map(|version| view! { <span class="traces__version">{version}</span> })}
        <span class="figure">{micros(call.duration_us)}</span>
    }
    .into_any()
}
