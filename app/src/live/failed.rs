//! What stands where an answer can't: a link with a mistake, a question that failed.

use leptos::prelude::*;
use mesh::api::BadParameter;

use super::Standing;
use crate::fetch::Problem;
use crate::shell::place::{Step, use_place};
use crate::ui::state::{Message, sentence};

/// Says which parameter of the link is wrong, and offers a way on.
#[component]
pub fn BadLink(
    error: BadParameter,
    /// What the way on says.
    way_on: &'static str,
) -> impl IntoView {
    let place = use_place();
    view! {
        <Message
            title="This link has a mistake"
            text=format!("Parameter “{}”: {}.", error.name, error.problem)
            hint=error.hint.map(|hint| sentence(&hint))
            failed=true
        >
            <button
                type="button"
                class="button button--primary"
                on:click=move |_| place.change(Step::Replace, |_| {})
            >
                {way_on}
            </button>
        </Message>
    }
}

/// Says why there is no answer, and offers to ask again.
#[component]
pub fn Failure(problem: Problem, standing: Standing) -> impl IntoView {
    let place = use_place();
    let may_pass = problem.may_pass();
    view! {
        <Message
            title=problem.title()
            text=problem.message
            hint=problem.hint.map(|hint| sentence(&hint))
            failed=true
        >
            <button
                type="button"
                class="button button--primary"
                on:click=move |_| standing.ask_again.run(())
            >
                {if may_pass { "Try now" } else { "Try again" }}
            </button>
            <a class="button" href=move || place.href("sources")>"See the sources"</a>
        </Message>
    }
}
