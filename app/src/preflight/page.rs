//! The page of the preflight: what was looked at, in groups, the worst first.

use leptos::prelude::*;
use mesh::api::HealthStatus;
use mesh::api::preflight::{Group, Item, Preflight, Status};

use super::words;
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::reports::{self, head};
use crate::shell::place::use_place;
use crate::shell::set_title;
use crate::ui::state::{Message, sentence};
use crate::ui::{HealthMark, Icon, Snippet, Symbol};
use crate::url;

/// Whether the mesh has what this dashboard needs.
#[component]
pub fn PreflightPage() -> impl IntoView {
    set_title("Preflight");
    let live = expect_context::<reports::Store>().preflight;
    follow(live, url::preflight);
    let frame = Frame::new(live, |_| true, |found: &Preflight| found.groups.is_empty());
    let tally = frame.pick(|found| words::tally(found.counts));
    let others = Others {
        what: "Preflight",
        empty: nothing,
        unknown: |problem| unknown("Not found", "preflight", "The whole preflight", problem),
    };
    let groups = Memo::new(move |_| {
        let found = frame.answer.get();
        found.map(|it| it.groups.clone()).unwrap_or_default()
    });
    let ids = Memo::new(move |_| {
        groups.with(|all| all.iter().map(|it| it.id.clone()).collect::<Vec<_>>())
    });
    // A card stays where it is while others change: what is being copied is not taken away.
    let card = move |id: String| {
        let heading = format!("preflight-{id}");
        let labelled = heading.clone();
        let of_it =
            Memo::new(move |_| groups.with(|all| all.iter().find(|it| it.id == id).cloned()));
        view! {
            <li class="card preflight__group" aria-labelledby=labelled>
                {move || of_it.get().map(|it| group(&heading, &it))}
            </li>
        }
    };
    let ready = move || {
        view! {
            <div class="report">
                <ul class="preflight" aria-label="What was looked at, worst first">
                    <For each=move || ids.get() key=Clone::clone children=card />
                </ul>
            </div>
        }
        .into_any()
    };
    let place = use_place();
    let tools = view! {
        <a class="button" href=move || place.href("sources")>
            <Icon symbol=Symbol::Sources />
            "See the sources"
        </a>
    };
    frame.view(
        |_| Vec::new(),
        head("Preflight", tally, tools.into_any()),
        others,
        ready,
    )
}

/// The sign of how something stands, as a shape.
fn mark(status: Status) -> AnyView {
    let health =
        |status| view! { <HealthMark status=Signal::stored(status) quiet=true /> }.into_any();
    match status {
        Status::Fail => health(HealthStatus::Failing),
        Status::Warn => health(HealthStatus::Degraded),
        Status::Unknown => health(HealthStatus::Unjudged),
        Status::Ok => health(HealthStatus::Healthy),
    }
}

/// One group: its name, and its items.
fn group(heading: &str, group: &Group) -> AnyView {
    let items = group.items.iter().map(item).collect_view();
    view! {
        <h2 class="card__title" id=heading.to_owned()>
            {group.title.clone()}
            <span class="card__count">{words::of_group(group)}</span>
        </h2>
        <ul class="checks">{items}</ul>
    }
    .into_any()
}

fn item(item: &Item) -> AnyView {
    let Item {
        title,
        status,
        message,
        why,
        mend,
        paste,
        ..
    } = item.clone();
    let class = match status {
        Status::Fail => "check check--error",
        Status::Warn => "check check--warning",
        Status::Unknown | Status::Ok => "check",
    };
    // Of what is as it should be, why it matters is of no interest.
    let why = (status != Status::Ok).then_some(why);
    view! {
        <li class=class>
            <span class="check__mark">{mark(status)}</span>
            <div class="check__body">
                <h3 class="check__message">
                    {title}
                    <span class="preflight__status">{words::status(status)}</span>
                </h3>
                <p class="preflight__seen">{message}</p>
                {why.map(|why| view! { <p class="check__why">{why}</p> })}
                {mend.map(|mend| view! { <p class="check__mend">{sentence(&mend)}</p> })}
                {paste.map(|text| view! { <Snippet text what="the lines" /> })}
            </div>
        </li>
    }
    .into_any()
}

/// Says that nothing was looked at, which no server does.
fn nothing() -> AnyView {
    let place = use_place();
    view! {
        <Message title="Nothing to look at" text="This server has neither a cluster nor a source of metrics.">
            <a class="button" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
    .into_any()
}
