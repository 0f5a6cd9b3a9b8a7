//! The page of all objects of Istio and of the Gateway API: each can be read as YAML, and those that are Istio's own
//! rules changed, with what was changed in them and the way back.

use leptos::prelude::*;
use mesh::api::objects::ObjectRow;

use super::{Words, beside_no_cluster, no_cluster, nothing_here, pages, words};
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::numbers::NO_DATA;
use crate::reports::{self, head};
use crate::routes::checks::severity_mark;
use crate::routes::forms::{Came, Form, Forms};
use crate::routes::words::severity as severity_name;
use crate::routes::{self, Helm, Preview};
use crate::shell::clock::day_and_time;
use crate::shell::place::{Step, use_place};
use crate::shell::set_title;
use crate::ui::state::Message;
use crate::ui::{Icon, Symbol};
use crate::url;

/// So many objects are drawn until a person wants all.
const MANY: usize = 200;

/// The objects as they are.
#[component]
pub fn ObjectsPage() -> impl IntoView {
    set_title("Objects");
    let place = use_place();
    let live = expect_context::<reports::Store>().objects;
    follow(live, url::objects);
    let frame = Frame::new(live, |_| true, |told| told.items.is_empty());
    let tally = Memo::new(move |_| {
        let told = frame.answer.get()?;
        no_cluster(&told.notices)
            .is_none()
            .then(|| words::count(told.items.len(), "object", "objects"))
    });
    let others = Others {
        what: "Objects",
        empty: nothing,
        unknown: |problem| unknown("Not found", "config/objects", "All objects", problem),
    };
    let helm = Helm::new(expect_context::<routes::Store>(), String::new());
    // What was changed shows here, too.
    Effect::new(move |_| {
        if helm.note.with(Option::is_some) {
            live.ask_again();
        }
    });
    let fitting = Memo::new(move |_| {
        let text = place.address_or_default().text;
        let told = frame.answer.get();
        told.map(|told| words::fitting(&told.items, text.as_deref()))
            .unwrap_or_default()
    });
    let all = RwSignal::new(false);
    let n_drawn = move || {
        if all.get() { usize::MAX } else { MANY }
    };
    let ids = Memo::new(move |_| {
        let drawn = n_drawn();
        fitting.with(|rows| {
            let ids = rows.iter().map(|row| row.id.clone());
            ids.take(drawn).collect::<Vec<_>>()
        })
    });
    let n_more = Memo::new(move |_| fitting.with(Vec::len).saturating_sub(ids.with(Vec::len)));
    let line = move |id: String| {
        let row =
            Memo::new(move |_| fitting.with(|rows| rows.iter().find(|row| row.id == id).cloned()));
        view! { <tr class="table__row">{move || row.get().map(|row| cells(&row, helm))}</tr> }
    };
    let ready = move || {
        view! {
            <div class="report">
                <Came helm />
                <Show
                    when=move || ids.with(|ids| !ids.is_empty())
                    fallback=move || view! { <NoneFits /> }
                >
                    <section class="card card--table" aria-label="Objects">
                        <div class="table-frame table-frame--short" tabindex="0" role="region" aria-label="Objects of Istio and of the Gateway API">
                            <table class="table listing objects">
                                <caption class="visually-hidden">"Objects of Istio and of the Gateway API, worst first"</caption>
                                <thead>
                                    <tr>
                                        <th scope="col" class="table__head">"Findings"</th>
                                        <th scope="col" class="table__head">"Name"</th>
                                        <th scope="col" class="table__head objects__kinds">"Kind"</th>
                                        <th scope="col" class="table__head listing__spare-2">"API"</th>
                                        <th scope="col" class="table__head listing__spare-1">"Written last"</th>
                                        <th scope="col" class="table__head"><span class="visually-hidden">"What can be done"</span></th>
                                    </tr>
                                </thead>
                                <tbody><For each=move || ids.get() key=Clone::clone children=line /></tbody>
                            </table>
                        </div>
                    </section>
                    <Show when=move || { n_more.get() > 0 }>
                        <button type="button" class="button" on:click=move |_| all.set(true)>
                            {move || format!("Show {} more", n_more.get())}
                        </button>
                    </Show>
                </Show>
            </div>
        }
        .into_any()
    };
    let tools = view! { <Tools helm /> }.into_any();
    view! {
        {frame.view(
            |told| beside_no_cluster(&told.notices),
            head("Config", tally, tools),
            others,
            ready,
        )}
        // Outside of what comes and goes: the first object is made where there is none.
        <Forms helm />
        <Preview helm />
    }
}

/// Ways to the findings, to some of the objects, and to a new one.
#[component]
fn Tools(helm: Helm) -> impl IntoView {
    let new = move |_| {
        helm.note.set(None);
        helm.form.set(Some(Form::Gateway(None)));
    };
    view! {
        {pages()}
        <Words label="Find an object: words of its name, kind or namespace" short="Name, kind or namespace" />
        <button type="button" class="button" disabled=move || helm.busy.get() on:click=new>
            <Icon symbol=Symbol::Plus />
            "New gateway…"
        </button>
    }
}

/// One object, and what can be done with it.
fn cells(row: &ObjectRow, helm: Helm) -> AnyView {
    let place = use_place();
    let (id, name) = (row.id.clone(), row.object.name.clone());
    let open = move |form: Form| {
        helm.note.set(None);
        helm.form.set(Some(form));
    };
    let findings = row.worst.map(|worst| {
        let n = usize::try_from(row.n_findings).unwrap_or(usize::MAX);
        view! {
            <span class="objects__findings">
                <span class="objects__mark">{severity_mark(worst)}</span>
                <span class="figure" aria-hidden="true">{n}</span>
                <span class="visually-hidden">{words::count(n, "finding", "findings")}", the worst: "{severity_name(worst, 1)}</span>
            </span>
        }
    });
    let written = row.last_write.as_ref().map(|it| {
        view! {
            {day_and_time(it.at_ms as f64)}" "<span class="table__place">{it.manager.clone()}</span>
        }
    });
    let of = format!(" of {name}");
    let route = row.object.route.clone().map(|route| {
        let href = move || place.route_href(Some(&route));
        view! { <a class="button button--quiet" href=href>"Route"<span class="visually-hidden">{of.clone()}</span></a> }
    });
    let ports = (row.object.kind == "Gateway" && row.can_be_changed).then(|| {
        let (id, of) = (id.clone(), format!(" of {name}"));
        view! {
            <button
                type="button" class="button button--quiet" disabled=move || helm.busy.get()
                on:click=move |_| open(Form::Gateway(Some(id.clone())))
            >
                "Ports…"<span class="visually-hidden">{of}</span>
            </button>
        }
    });
    view! {
        <td>
            {findings.map_or_else(|| view! { <span class="visually-hidden">"none"</span> }.into_any(), IntoAny::into_any)}
        </td>
        <th scope="row" class="table__name listing__name">
            <span class="objects__name">{name}</span>" "<span class="table__place">{row.object.namespace.clone()}</span>
            // Where there is no room for a column of kinds.
            <span class="table__place objects__kind" aria-hidden="true">{row.object.kind.clone()}</span>
        </th>
        <td class="objects__kinds">{row.object.kind.clone()}</td>
        <td class="listing__spare-2">{row.api_version.clone()}</td>
        <td class="listing__spare-1">
            {written.map_or_else(|| NO_DATA.into_any(), IntoAny::into_any)}
        </td>
        <td>
            <div class="objects__hand">
                {route}
                {ports}
                <button type="button" class="button button--quiet" on:click=move |_| open(Form::Yaml(id.clone()))>
                    "YAML"<span class="visually-hidden">{format!(" of {}", row_name(&id))}</span>
                </button>
            </div>
        </td>
    }
    .into_any()
}

fn row_name(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// Says that there are objects, and none is as looked for.
#[component]
fn NoneFits() -> impl IntoView {
    let place = use_place();
    let clear = move |_| place.change(Step::Push, |address| address.text = None);
    view! {
        <Message title="No object fits" text="There are objects, but none with these words.">
            <button type="button" class="button button--primary" on:click=clear>"Show all objects"</button>
        </Message>
    }
}

/// Says that there are none, or why nothing is known of them.
fn nothing() -> AnyView {
    let told = expect_context::<reports::Store>().objects.answer.get();
    let notices = told.map(|told| told.notices.clone()).unwrap_or_default();
    let text =
        "There is no object here of those kinds of Istio and of the Gateway API that are read."
            .to_owned();
    nothing_here(&notices, "No objects", text, ().into_any())
}
