//! The page of the config: what is wrong with it, by object.

use leptos::prelude::*;

use super::words::{self, Faulty};
use super::{Words, beside_no_cluster, no_cluster, nothing_here, pages};
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::reports::{self, head};
use crate::routes::checks::{check_list, severity_mark};
use crate::routes::words::severity as severity_name;
use crate::shell::place::{Step, use_place};
use crate::shell::set_title;
use crate::ui::Segmented;
use crate::ui::state::Message;
use crate::url;

/// What is wrong with the objects that steer traffic, or should be known of them.
#[component]
pub fn ConfigPage() -> impl IntoView {
    set_title("Config");
    let place = use_place();
    let live = expect_context::<reports::Store>().checks;
    follow(live, url::checks);
    let frame = Frame::new(live, |_| true, |told| told.items.is_empty());
    let tally = Memo::new(move |_| {
        let told = frame.answer.get()?;
        no_cluster(&told.notices)
            .is_none()
            .then(|| words::tally(&told))
    });
    let others = Others {
        what: "Config",
        empty: nothing,
        unknown: |problem| unknown("Not found", "config", "All findings", problem),
    };
    let faulty = Memo::new(move |_| {
        let address = place.address_or_default();
        let told = frame.answer.get();
        told.map(|told| words::by_object(&told.items, address.severity, address.text.as_deref()))
            .unwrap_or_default()
    });
    let ids = Memo::new(move |_| faulty.with(|all| all.iter().map(Faulty::id).collect::<Vec<_>>()));
    let card = move |id: String| {
        let of_it =
            Memo::new(move |_| faulty.with(|all| all.iter().find(|it| it.id() == id).cloned()));
        view! { <li class="card faulty">{move || of_it.get().map(|it| object(&it))}</li> }
    };
    let ready = move || {
        view! {
            <div class="report">
                <Show
                    when=move || ids.with(|ids| !ids.is_empty())
                    fallback=move || view! { <NoneFits /> }
                >
                    <ul class="faulties" aria-label="Objects, worst first">
                        <For each=move || ids.get() key=Clone::clone children=card />
                    </ul>
                </Show>
            </div>
        }
        .into_any()
    };
    frame.view(
        |told| beside_no_cluster(&told.notices),
        head("Config", tally, view! { <Filter /> }.into_any()),
        others,
        ready,
    )
}

/// Chooses by severity and by words.
#[component]
fn Filter() -> impl IntoView {
    let place = use_place();
    let severity = Signal::derive(move || url::severity_word(place.address_or_default().severity));
    let choose = move |word: &'static str| {
        place.change(Step::Replace, |address| {
            address.severity = url::severity_of(word).ok().flatten();
        });
    };
    view! {
        {pages()}
        <Segmented
            label="How bad"
            name="severity"
            options=vec![("", "All"), ("error", "Errors"), ("warning", "Warnings"), ("info", "Notes")]
            value=severity
            on_choose=Callback::new(choose)
        />
        <Words label="Find a finding: words of it, or its code" short="Words, or a code" />
    }
}

/// One object with its findings.
fn object(faulty: &Faulty) -> AnyView {
    let place = use_place();
    let worst = faulty.worst();
    let name = faulty.name().to_owned();
    let title = match faulty.about.route.clone() {
        Some(route) => {
            let href = move || place.route_href(Some(&route));
            view! { <a class="listing__open" href=href>{name}</a> }.into_any()
        }
        None => view! { {name} }.into_any(),
    };
    view! {
        <header class="faulty__head">
            <span class="faulty__mark">{severity_mark(worst)}</span>
            <span class="visually-hidden">{severity_name(worst, 1)}": "</span>
            <h2 class="faulty__name">{title}</h2>
            <span class="card__count">{faulty.what()}</span>
        </header>
        {check_list(&faulty.checks)}
    }
    .into_any()
}

/// Says that there are findings, and none is as chosen.
#[component]
fn NoneFits() -> impl IntoView {
    let place = use_place();
    let clear = move |_| {
        place.change(Step::Push, |address| {
            address.severity = None;
            address.text = None;
        });
    };
    view! {
        <Message
            title="No finding fits"
            text="There are findings, but none of this severity with these words."
        >
            <button type="button" class="button button--primary" on:click=clear>"Show all findings"</button>
        </Message>
    }
}

/// Says that nothing is wrong, as far as was looked; or why nothing was looked at.
fn nothing() -> AnyView {
    let place = use_place();
    let told = expect_context::<reports::Store>().checks.answer.get();
    let n = told.as_ref().map_or(0, |told| told.objects);
    let notices = told.map(|told| told.notices.clone()).unwrap_or_default();
    let (title, text) = match n {
        0 => (
            "Nothing to look at",
            "There is no route, no DestinationRule and no Gateway here.".to_owned(),
        ),
        1 => ("No faults found", "No faults found in 1 object.".to_owned()),
        n => (
            "No faults found",
            format!("No faults found in {n} objects: routes, DestinationRules and Gateways."),
        ),
    };
    let routes = view! { <a class="button" href=move || place.href("routes")>"See the routes"</a> };
    nothing_here(&notices, title, text, routes.into_any())
}
