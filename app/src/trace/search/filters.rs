//! The filters: fields that say a search, and what of it has no field.

use std::collections::BTreeMap;

use leptos::prelude::*;
use mesh::api::trace::Names;
use mesh::api::{BadParameter, TracesQuery};
use web_sys::SubmitEvent;

use super::draft::{self, FIELDS};
use super::said;
use crate::fetch::Problem;
use crate::shell::place::{Step, use_place};
use crate::ui::state::sentence;
use crate::ui::{Icon, Symbol};

/// How many traces may be asked for.
const LIMITS: [u32; 5] = [20, 50, 100, 300, 1000];

/// The names that services trace under, once they are here.
pub type Listed = RwSignal<Option<Result<Names, Problem>>>;

/// What a person is about to ask; cheap to copy.
#[derive(Clone, Copy)]
struct Draft {
    texts: StoredValue<BTreeMap<&'static str, RwSignal<String>>>,
    errors: RwSignal<bool>,
    limit: RwSignal<u32>,
    problem: RwSignal<Option<BadParameter>>,
}

impl Draft {
    fn new() -> Draft {
        let texts = FIELDS.map(|name| (name, RwSignal::new(String::new())));
        Draft {
            texts: StoredValue::new(texts.into_iter().collect()),
            errors: RwSignal::new(false),
            limit: RwSignal::new(100),
            problem: RwSignal::new(None),
        }
    }

    fn text(self, name: &'static str) -> RwSignal<String> {
        let kept = self.texts.with_value(|texts| texts.get(name).copied());
        kept.unwrap_or_default()
    }

    /// Takes over what the address says.
    fn take(self, search: &TracesQuery) {
        for name in FIELDS {
            self.text(name).set(draft::shown(search, name));
        }
        self.errors.set(search.errors);
        self.limit.set(search.limit);
        self.problem.set(None);
    }

    fn read(self, before: &TracesQuery) -> Result<TracesQuery, BadParameter> {
        let fields = FIELDS.map(|name| (name, self.text(name).get_untracked()));
        let (errors, limit) = (self.errors.get_untracked(), self.limit.get_untracked());
        draft::read(before, &fields, errors, limit)
    }
}

/// The form. Nothing is asked before it is sent: each search costs the tracing backend one.
#[component]
pub fn Filters(
    names: Listed,
    /// What the last search said could stand in the field of the operation.
    operations: Memo<Option<Vec<String>>>,
) -> impl IntoView {
    let place = use_place();
    let draft = Draft::new();
    let search = Memo::new(move |_| place.address_or_default().search);
    Effect::new(move |_| search.with(|search| draft.take(search)));
    let apply = move || match draft.read(&search.get_untracked()) {
        Ok(mut asked) => {
            if asked.namespace.is_none() {
                asked.namespace = names.with_untracked(|names| only_namespace(names, &asked));
            }
            draft.problem.set(None);
            place.change(Step::Push, |address| address.search = asked);
        }
        Err(problem) => draft.problem.set(Some(problem)),
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        apply();
    };
    let is_narrow = Memo::new(move |_| search.with(|it| *it != TracesQuery::default()));
    let has_more = Memo::new(move |_| {
        search.with(|it| {
            it.workload.is_some()
                || it.operation.is_some()
                || it.max_duration_us.is_some()
                || !it.tags.is_empty()
        })
    });
    let limits = LIMITS.map(|limit| {
        view! {
            <option value=limit.to_string() selected=move || draft.limit.get() == limit>{limit}</option>
        }
    });
    view! {
        <form class="filters" role="search" aria-label="Search for traces" on:submit=submit>
            <div class="filters__row">
                <Field draft name="service" label="Service" hint="payments" list="trace-services" />
                <Field draft name="namespace" label="Namespace" hint="shop" />
                <Field draft name="version" label="Version" hint="v2" />
                <Field draft name="min_duration" label="Longer than" hint="250ms" />
                <label class="filters__check">
                    <input
                        type="checkbox"
                        prop:checked=move || draft.errors.get()
                        on:change=move |event| {
                            draft.errors.set(event_target_checked(&event));
                            apply();
                        }
                    />
                    "Errors only"
                </label>
                <button type="submit" class="button button--primary filters__go">
                    <Icon symbol=Symbol::Search />"Search"
                </button>
                <Show when=move || is_narrow.get()>
                    <button
                        type="button"
                        class="button button--quiet filters__go"
                        on:click=move |_| place.change(Step::Push, |a| a.search = TracesQuery::default())
                    >
                        "Clear"
                    </button>
                </Show>
            </div>
            <details class="filters__more" open=move || has_more.get()>
                <summary>"More filters"</summary>
                <div class="filters__row">
                    <Field draft name="workload" label="Workload that took part" hint="payments-v2" />
                    <Field draft name="operation" label="Operation" hint="POST /pay" list="trace-operations" />
                    <Field draft name="max_duration" label="Shorter than" hint="3s" />
                    <Field draft name="tag" label="Tags of one span" hint="http.status_code=503" />
                    <label class="field filters__limit">
                        <span class="field__label">"At most"</span>
                        <select
                            class="field__input"
                            on:change=move |event| {
                                draft.limit.set(event_target_value(&event).parse().unwrap_or(100));
                            }
                        >
                            {limits.collect_view()}
                        </select>
                    </label>
                </div>
            </details>
            <datalist id="trace-services">{move || names.with(options)}</datalist>
            <datalist id="trace-operations">
                {move || operations.get().into_iter().flatten().map(|it| view! { <option value=it></option> }).collect_view()}
            </datalist>
            {move || draft.problem.get().map(|problem| view! {
                <p class="field__problem" id="filters-problem" role="alert">
                    {format!("{}: {}. ", said::field(&problem.name), problem.problem)}
                    {problem.hint.map(|hint| sentence(&hint))}
                </p>
            })}
            <Besides search />
        </form>
    }
}

#[component]
fn Field(
    draft: Draft,
    name: &'static str,
    label: &'static str,
    hint: &'static str,
    #[prop(optional)] list: &'static str,
) -> impl IntoView {
    let text = draft.text(name);
    let is_wrong = move || {
        let problem = draft.problem;
        problem.with(|it| it.as_ref().is_some_and(|it| it.name == name))
    };
    view! {
        <label class=format!("field filters__{name}")>
            <span class="field__label">{label}</span>
            <input
                class="field__input"
                type="text"
                name=name
                placeholder=hint
                list=(!list.is_empty()).then_some(list)
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                aria-invalid=move || is_wrong().to_string()
                aria-describedby=move || is_wrong().then_some("filters-problem")
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
        </label>
    }
}

/// What the search says and no field shows, each with a way to take it out.
#[component]
fn Besides(search: Memo<TracesQuery>) -> impl IntoView {
    let place = use_place();
    let chip = move |text: String, drop: fn(&mut TracesQuery)| {
        let label = format!("Remove: {text}");
        view! {
            <li class="chip filters__chip">
                {text}
                <button
                    type="button"
                    class="filters__drop"
                    aria-label=label.clone()
                    title=label
                    on:click=move |_| place.change(Step::Push, |a| drop(&mut a.search))
                >
                    <Icon symbol=Symbol::Close />
                </button>
            </li>
        }
    };
    move || {
        let search = search.get();
        let edge = search
            .edge
            .map(|edge| chip(format!("Calls {}", said::edge(&edge)), |it| it.edge = None));
        let name = search
            .name
            .map(|name| chip(format!("Asked as {name}"), |it| it.name = None));
        (edge.is_some() || name.is_some())
            .then(|| view! { <ul class="chips" aria-label="Also asked for">{edge}{name}</ul> })
    }
}

/// Who names a service that one namespace alone has means that one.
fn only_namespace(names: &Option<Result<Names, Problem>>, asked: &TracesQuery) -> Option<String> {
    let service = asked.service.as_deref()?;
    let Some(Ok(names)) = names else {
        return None;
    };
    let mut rows = names.items.iter().filter(|row| row.service == service);
    match (rows.next(), rows.next()) {
        (Some(only), None) => Some(only.namespace.clone()),
        _ => None,
    }
}

fn options(names: &Option<Result<Names, Problem>>) -> Option<AnyView> {
    let Some(Ok(names)) = names else {
        return None;
    };
    let options = names.items.iter().map(|row| {
        let label = match row.found.is_empty() {
            true => format!("in {}, no traces", row.namespace),
            false => format!("in {}", row.namespace),
        };
        view! { <option value=row.service.clone()>{label}</option> }
    });
    Some(options.collect_view().into_any())
}
