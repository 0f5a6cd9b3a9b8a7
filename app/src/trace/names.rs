//! Under which names the mesh's services trace, and where a person corrects one.

use leptos::prelude::*;
use mesh::api::trace::{NameRow, Names};
use mesh::api::{Notice, TracesQuery};
use web_sys::SubmitEvent;

use super::kept::Kept;
use super::store::{Store, follow};
use super::words::{joined, n_of};
use crate::inventory::Ask;
use crate::inventory::frame::{Frame, Others, unknown};
use crate::reports::head;
use crate::shell::place::{Step, use_place};
use crate::shell::{announce, set_title};
use crate::ui::state::{Message, sentence};
use crate::ui::{HealthMark, Icon, Symbol};
use crate::url;

/// The table of names.
#[component]
pub fn NamesPage() -> impl IntoView {
    set_title("Names of traces");
    let store = expect_context::<Store>();
    follow(
        store.names,
        Memo::new(|_| Some(Ask::plain(url::TRACE_NAMES.to_owned(), true))),
    );
    let frame = Frame::new(store.names, |_| true, |names| names.items.is_empty());
    let tally = frame.pick(tally);
    let others = Others {
        what: "Names of traces",
        empty: nothing,
        unknown: |problem| unknown("Not found", "traces", "All traces", problem),
    };
    let kept = RwSignal::new(Kept::read());
    let place = use_place();
    let rows = Memo::new(move |_| {
        let words = place.address_or_default().text.unwrap_or_default();
        let names = frame.answer.get();
        let mut rows: Vec<NameRow> = names.map(|it| it.items.clone()).unwrap_or_default();
        rows.retain(|row| fits(row, &words));
        rows
    });
    let keys = Memo::new(move |_| rows.with(|rows| rows.iter().map(key).collect::<Vec<_>>()));
    let line = move |of: String| {
        let row =
            Memo::new(move |_| rows.with(|rows| rows.iter().find(|row| key(row) == of).cloned()));
        view! { <tr class="table__row names__row">{move || row.get().map(|row| cells(row, kept))}</tr> }
    };
    let unclaimed = frame.pick(|it| it.unclaimed.clone());
    let ready = move || {
        view! {
            <div class="report">
                <p class="traces__said">
                    "A service is looked for under the names that its proxy or program may use. Where the right one is "
                    "not among them, write it here. A name that you write is kept in this browser alone: colleagues and "
                    "other browsers do not have it."
                </p>
                <datalist id="names-unclaimed">
                    {move || unclaimed.get().unwrap_or_default().into_iter().map(|name| view! { <option value=name></option> }).collect_view()}
                </datalist>
                <div class="traces__frame">
                    <table class="table listing names">
                        <caption class="visually-hidden">"Names by service"</caption>
                        <thead>
                            <tr>
                                <th scope="col" class="table__head">"Service"</th>
                                <th scope="col" class="table__head">"Traces under"</th>
                                <th scope="col" class="table__head">"Name in this browser"</th>
                            </tr>
                        </thead>
                        <tbody><For each=move || keys.get() key=Clone::clone children=line /></tbody>
                    </table>
                </div>
                {move || unclaimed.get().filter(|it| !it.is_empty()).map(|names| others_known(&names))}
            </div>
        }
        .into_any()
    };
    frame.view(
        |names| names.notices.clone(),
        head("Names of traces", tally, view! { <Tools /> }.into_any()),
        others,
        ready,
    )
}

fn key(row: &NameRow) -> String {
    format!("{}/{}", row.namespace, row.service)
}

fn fits(row: &NameRow, words: &str) -> bool {
    let text = format!("{} {} {}", row.namespace, row.service, row.tried.join(" ")).to_lowercase();
    words
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

fn tally(names: &Names) -> String {
    let without = names
        .items
        .iter()
        .filter(|row| row.found.is_empty())
        .count();
    let all = n_of(names.items.len(), "service", "services");
    match without {
        0 => format!("{all}, all with traces"),
        n => format!("{all}, {n} without traces"),
    }
}

/// Back to the search, and words to find a service.
#[component]
fn Tools() -> impl IntoView {
    let place = use_place();
    let text = Memo::new(move |_| place.address_or_default().text.unwrap_or_default());
    view! {
        <a class="button" href=move || place.href("traces")>"Search"</a>
        <input
            class="field__input faulties__words"
            type="search"
            aria-label="Find a service by its name"
            placeholder="Service or name"
            autocomplete="off"
            spellcheck="false"
            prop:value=move || text.get()
            on:input=move |event| {
                let words = event_target_value(&event);
                place.change(Step::Replace, |a| a.text = (!words.is_empty()).then_some(words));
            }
        />
    }
}

fn cells(row: NameRow, kept: RwSignal<Kept>) -> AnyView {
    let place = use_place();
    let search = TracesQuery {
        namespace: Some(row.namespace.clone()),
        service: Some(row.service.clone()),
        ..TracesQuery::default()
    };
    let href = move || place.traces_href(search.clone(), |a| a.text = None);
    let tried = format!("Tried: {}.", joined(&row.tried));
    let found = match row.found.is_empty() {
        false => view! { <span title=tried>{row.found.join(", ")}</span> }.into_any(),
        true => {
            let why = row.explanation.as_deref().map(sentence);
            view! {
                <span class="names__none">
                    <HealthMark status=Signal::stored(mesh::api::HealthStatus::NoData) quiet=true />
                    "No traces"
                </span>
                <span class="names__why">{tried}" "{why}</span>
            }
            .into_any()
        }
    };
    view! {
        <th scope="row" class="table__name">
            <a class="listing__open" href=href>{row.service.clone()}</a>
            <span class="table__place">" in "{row.namespace.clone()}</span>
        </th>
        <td class="names__found">{found}</td>
        <td class="names__own"><Own namespace=row.namespace service=row.service kept /></td>
    }
    .into_any()
}

/// The name that this browser keeps of a service, and the field to write one.
#[component]
fn Own(namespace: String, service: String, kept: RwSignal<Kept>) -> impl IntoView {
    let label = format!("Tracing name of {service} in {namespace}, kept in this browser");
    let of = StoredValue::new((namespace, service));
    let now = Memo::new(move |_| {
        of.with_value(|(namespace, service)| {
            let name = kept.with(|kept| kept.name(namespace, service).map(str::to_owned));
            name.unwrap_or_default()
        })
    });
    let text = RwSignal::new(String::new());
    Effect::new(move |_| text.set(now.get()));
    let keep = move |name: String| {
        of.with_value(|(namespace, service)| {
            kept.update(|kept| kept.set(namespace, service, &name));
            announce(match name.trim() {
                "" => format!("{service} is looked for under its own names again."),
                name => format!("{service} is looked for as {name} in this browser."),
            });
        });
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        keep(text.get_untracked());
    };
    let differs = Memo::new(move |_| text.with(|text| text.trim() != now.get()));
    view! {
        <form class="names__form" on:submit=submit>
            <input
                class="field__input"
                type="text"
                list="names-unclaimed"
                aria-label=label
                placeholder="None"
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
            <Show when=move || differs.get()>
                <button type="submit" class="button">"Keep"</button>
            </Show>
            <Show when=move || !differs.get() && now.with(|it| !it.is_empty())>
                <button
                    type="button"
                    class="button button--quiet button--icon"
                    aria-label="Forget this name"
                    title="Forget this name"
                    on:click=move |_| keep(String::new())
                >
                    <Icon symbol=Symbol::Close />
                </button>
            </Show>
        </form>
    }
}

/// The names that no service was found under: one of them may be the right one.
fn others_known(names: &[String]) -> AnyView {
    let chips = names
        .iter()
        .map(|name| view! { <li class="chip">{name.clone()}</li> })
        .collect_view();
    view! {
        <section class="card">
            <h2 class="card__title">"Known to the tracing backend, and found for no service"</h2>
            <ul class="chips">{chips}</ul>
        </section>
    }
    .into_any()
}

/// Says that there is nothing to name, or why.
fn nothing() -> AnyView {
    let place = use_place();
    let names = expect_context::<Store>().names.answer.get();
    let notice: Option<Notice> = names.and_then(|it| it.notices.first().cloned());
    let text = notice.as_ref().map_or_else(
        || "The mesh has no service in this window.".to_owned(),
        |notice| notice.message.clone(),
    );
    let hint = notice.and_then(|it| it.hint).map(|hint| sentence(&hint));
    view! {
        <Message title="No names" text hint>
            <a class="button button--primary" href=move || place.href("sources")>"See the sources"</a>
            <a class="button" href=move || place.href("traces")>"Search for traces"</a>
        </Message>
    }
    .into_any()
}
