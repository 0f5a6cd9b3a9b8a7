//! What should be known about an answer: that it is stale, or partial.

use leptos::prelude::*;
use mesh::api;

use super::{Phase, Standing};
use crate::shell::clock::{time_of_day, use_clock};
use crate::ui::state::sentence;
use crate::ui::{Icon, Symbol};

/// A thin strip, only for partial and stale data: in words, with the mend.
#[component]
pub fn Strip(
    /// How the answer stands.
    standing: Standing,
    /// What the answer says about itself.
    #[prop(into)]
    said: Signal<Vec<api::Notice>>,
) -> impl IntoView {
    let clock = use_clock();
    let stale = move || match standing.phase.get() {
        Phase::Stale {
            since_ms,
            problem,
            retry_at_ms,
        } => Some(view! {
            <div class="strip strip--stale">
                <span class="strip__mark"><Icon symbol=Symbol::Clock /></span>
                <p class="strip__text">
                    <b>{format!("Stale since {}. ", time_of_day(since_ms))}</b>
                    {problem.message}" "{problem.hint}" "
                    <span class="figure">
                        {move || match retry_at_ms - clock.get() {
                            left if left > 500.0 => format!("Trying again in {:.0} s.", (left / 1000.0).ceil()),
                            _ => "Trying again…".to_owned(),
                        }}
                    </span>
                </p>
                <button type="button" class="button" on:click=move |_| standing.ask_again.run(())>"Try now"</button>
            </div>
        }),
        _ => None,
    };
    view! {
        {stale}
        {move || partial(&said.get())}
    }
}

/// A thin line that runs while a question is on its way.
#[component]
pub fn Progress(standing: Standing) -> impl IntoView {
    view! { <div class="progress" class:progress--runs=move || standing.busy.get() aria-hidden="true"></div> }
}

/// The first notice in sight, the rest behind a line.
fn partial(notices: &[api::Notice]) -> Option<AnyView> {
    let line = |notice: &api::Notice| {
        view! {
            <p class="strip__text">
                {notice.message.clone()}
                {notice.hint.as_deref().map(|hint| view! { " "<span class="strip__hint">{sentence(hint)}</span> })}
            </p>
        }
    };
    match notices {
        [] => None,
        [one] => Some(
            view! {
                <div class="strip">
                    <span class="strip__mark"><Icon symbol=Symbol::Info /></span>
                    {line(one)}
                </div>
            }
            .into_any(),
        ),
        [first, rest @ ..] => Some(
            view! {
                <div class="strip">
                    <span class="strip__mark"><Icon symbol=Symbol::Info /></span>
                    <div class="strip__lines">
                        {line(first)}
                        <details class="strip__more">
                            <summary>{format!("{} more", rest.len())}</summary>
                            {rest.iter().map(line).collect_view()}
                        </details>
                    </div>
                </div>
            }
            .into_any(),
        ),
    }
}
