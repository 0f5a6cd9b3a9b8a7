//! The page of the search.

use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::trace::{Names, Traces};

use super::filters::{Filters, Listed};
use super::list::List;
use super::plot::Scatter;
use super::said;
use crate::inventory::Ask;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::live;
use crate::reports::head;
use crate::shell::place::{Step, use_place};
use crate::shell::set_title;
use crate::trace::kept::Kept;
use crate::trace::store::{Store, follow};
use crate::ui::state::{Message, sentence};
use crate::url;

/// Traces of the window, as the address filters them.
#[component]
pub fn SearchPage() -> impl IntoView {
    set_title("Traces");
    let place = use_place();
    let store = expect_context::<Store>();
    let corrected = corrected();
    let asked = Memo::new(move |_| {
        let address = place.address().ok()?;
        let url = url::traces(&address.search, address.query.window, address.query.at);
        // The corrected name is on its way into the address.
        let waits = corrected.get().is_some() && address.search.name.is_none();
        (!waits).then(|| Ask::plain(url, address.query.at.is_some()))
    });
    follow(store.found, asked);
    let names: Listed = live::once::<Names>(Memo::new(|_| Some(url::TRACE_NAMES.to_owned())));
    provide_context(names);
    let frame = Frame::new(store.found, |_| true, |found| found.items.is_empty());
    let tally = frame.pick(said::tally);
    let operations = frame.pick(|found| found.operations.clone());
    let others = Others {
        what: "Traces",
        empty: nothing,
        unknown: |problem| unknown("Not found", "traces", "All traces", problem),
    };
    let tools = view! {
        <a class="button" href=move || place.href("traces/names")>"Names"</a>
    };
    let head = view! {
        {head("Traces", tally, tools.into_any())}
        <Filters names operations />
        <OwnName corrected />
        <Asked found=frame.answer />
    };
    let pointed = RwSignal::new(None::<String>);
    let ready = move || {
        view! {
            <div class="report">
                <Scatter found=frame.answer pointed />
                <List found=frame.answer pointed />
            </div>
        }
        .into_any()
    };
    frame.view(
        |found| found.notices.clone(),
        head.into_any(),
        others,
        ready,
    )
}

/// Puts the name that a person corrected in this browser into the address, so that a colleague asks for the same.
fn corrected() -> Memo<Option<String>> {
    let place = use_place();
    let kept = Kept::read();
    let corrected = Memo::new(move |_| {
        let search = place.address_or_default().search;
        let service = search.service?;
        kept.name(&search.namespace.unwrap_or_default(), &service)
            .map(str::to_owned)
    });
    Effect::new(move |_| {
        let lacks = place.address_or_default().search.name.is_none();
        if let Some(name) = corrected.get().filter(|_| lacks) {
            place.change(Step::Replace, |address| address.search.name = Some(name));
        }
    });
    corrected
}

/// Says that the name asked for is one that this browser keeps.
#[component]
fn OwnName(corrected: Memo<Option<String>>) -> impl IntoView {
    let place = use_place();
    move || {
        let name = corrected.get()?;
        let is_used = place.address_or_default().search.name.as_ref() == Some(&name);
        is_used.then(|| {
            view! {
                <p class="traces__said">
                    {format!("Asked as {name}: the name that this browser keeps for the service. ")}
                    <a class="link" href=move || place.href("traces/names")>"Change it"</a>
                </p>
            }
        })
    }
}

/// So many names are told at once.
const FEW: usize = 6;

/// Which names were asked, and what the limit may hide.
#[component]
fn Asked(found: Memo<Option<Arc<Traces>>>) -> impl IntoView {
    let said = Memo::new(move |_| {
        found.with(|found| {
            let found = found.as_ref()?;
            Some((
                said::asked(&found.asked).map(|all| (all, found.asked.len())),
                said::limits(found),
                found.link.clone(),
            ))
        })
    });
    move || {
        let (asked, limits, link) = said.get()?;
        let link = link.filter(|it| crate::links::is_web(it)).map(|href| {
            view! {
                <a class="link" href=href target="_blank" rel="noopener noreferrer">
                    "The same in Jaeger"<span class="visually-hidden">", in a new tab"</span>
                </a>
            }
        });
        let limits = limits
            .into_iter()
            .map(|line| view! { <span class="traces__limit">{line}" "</span> })
            .collect_view();
        // Many names are looked up by who wonders, and are in nobody's way.
        let asked = asked.map(|(all, n)| match n {
            0..=FEW => view! { <span>{all}" "</span> }.into_any(),
            n => view! {
                <details class="traces__asked">
                    <summary>{format!("Asked for {n} names")}</summary>
                    {all}
                </details>
            }
            .into_any(),
        });
        Some(view! { <div class="traces__said">{limits}{link}" "{asked}</div> })
    }
}

/// Says why nothing was found.
fn nothing() -> AnyView {
    let place = use_place();
    let found = expect_context::<Store>().found.answer.get();
    let names = expect_context::<Listed>().get();
    let names = names.and_then(Result::ok);
    let search = place.address_or_default().search;
    let found = found.unwrap_or_default();
    let (text, hint) = said::nothing(&found, &search, names.as_ref());
    let window = place.address_or_default().query.window;
    let longer = [3600, 86_400]
        .into_iter()
        .filter_map(mesh::units::Window::from_secs)
        .find(|longer| window < *longer);
    let bare = mesh::api::TracesQuery {
        service: search.service.clone(),
        namespace: search.namespace.clone(),
        name: search.name.clone(),
        edge: search.edge.clone(),
        ..mesh::api::TracesQuery::default()
    };
    let is_narrow = bare != search;
    view! {
        <Message title="No traces" text hint=Some(sentence(&hint))>
            {longer.map(|longer| view! {
                <button
                    type="button"
                    class="button button--primary"
                    on:click=move |_| place.change(Step::Push, |a| a.query.window = longer)
                >
                    {format!("Look back {}", crate::numbers::span(longer.secs()))}
                </button>
            })}
            {is_narrow.then(|| view! {
                <button
                    type="button"
                    class="button"
                    on:click=move |_| place.change(Step::Push, |a| a.search = bare.clone())
                >
                    "Show all its traces"
                </button>
            })}
            <a class="button" href=move || place.href("traces/names")>"See the names"</a>
            <a class="button" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
    .into_any()
}
