//! The PromQL behind figures: to be looked at, and copied.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::queries::{Of, Queries, QueriesQuery, Question};
use wasm_bindgen::JsCast;

use crate::fetch::{self, Answer, Problem};
use crate::shell::place::use_place;
use crate::ui::state::Skeleton;
use crate::ui::{Popover, Snippet};
use crate::{numbers, url};

/// A button of a page that shows the questions behind its figures.
#[component]
pub fn PromQl(of: Of) -> impl IntoView {
    let place = use_place();
    let open = RwSignal::new(false);
    let query = Memo::new(move |_| {
        let query = place.query()?;
        Some(QueriesQuery {
            window: query.window,
            at: query.at,
            ..QueriesQuery::new(of)
        })
    });
    view! {
        <Popover
            label="The PromQL behind these figures"
            face=|| view! { <span aria-hidden="true">"PromQL"</span> }
            open
            panel_class="popover__panel--end popover__panel--queries"
        >
            <h2 class="popover__title">"The PromQL behind these figures"</h2>
            <Questions query />
        </Popover>
    }
}

/// The questions behind the figures of one node or edge, folded away.
#[component]
pub fn Behind(
    /// The node's or edge's id.
    #[prop(into)]
    id: Signal<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let open = RwSignal::new(false);
    let query = Memo::new(move |_| {
        let query = place.query()?;
        let id = id.get()?;
        let of = if id.contains("->") {
            Of::Edge
        } else {
            Of::Node
        };
        Some(QueriesQuery {
            id: Some(id),
            window: query.window,
            at: query.at,
            by: query.by,
            ..QueriesQuery::new(of)
        })
    });
    let turned = move |event: leptos::ev::Event| {
        let details = event
            .current_target()
            .and_then(|it| it.dyn_into::<web_sys::HtmlDetailsElement>().ok());
        open.set(details.is_some_and(|it| it.open()));
    };
    view! {
        <details class="panel__how queries" on:toggle=turned>
            <summary>"PromQL behind these figures"</summary>
            <Show when=move || open.get()><Questions query /></Show>
        </details>
    }
}

/// The questions, asked for when they are seen.
#[component]
fn Questions(#[prop(into)] query: Signal<Option<QueriesQuery>>) -> impl IntoView {
    let got = RwSignal::new(None::<Result<Queries, Problem>>);
    let generation = StoredValue::new(0u32);
    Effect::new(move |_| {
        let Some(query) = query.get() else {
            return;
        };
        generation.update_value(|n| *n = n.wrapping_add(1));
        let mine = generation.get_value();
        spawn_local(async move {
            let answer = fetch::get::<Queries>(&url::queries(&query), None, None).await;
            if generation.try_get_value() != Some(mine) {
                return;
            }
            got.set(match answer {
                Ok(Answer::Fresh { value, .. }) => Some(Ok(value)),
                Ok(Answer::Unchanged) => return,
                Err(problem) => Some(Err(problem)),
            });
        });
    });
    move || match got.get() {
        None => view! { <Skeleton lines=4 label="Loading the questions" /> }.into_any(),
        Some(Err(problem)) => {
            view! { <p class="panel__note">{problem.message}" "{problem.hint}</p> }.into_any()
        }
        Some(Ok(queries)) => view! {
            {queries
                .notices
                .into_iter()
                .map(|notice| view! { <p class="queries__note">{notice.message}</p> })
                .collect_view()}
            <ol class="queries__list">{queries.items.into_iter().map(question).collect_view()}</ol>
        }
        .into_any(),
    }
}

fn question(question: Question) -> impl IntoView {
    let step = question
        .step_s
        .map(|secs| format!(", every {}", numbers::span(secs)));
    view! {
        <li>
            <p class="queries__label">{question.label}{step}</p>
            <Snippet text=question.promql what="the question" />
        </li>
    }
}
