//! Where the facts come from, and what is missing.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::{List, Source, SourcesQuery};
use mesh::units::Window;

use crate::fetch::{self, Answer, Problem};
use crate::shell::place::use_place;
use crate::shell::{announce, set_title};
use crate::ui::state::{Message, Skeleton};
use crate::ui::{Icon, Symbol};
use crate::url;

mod card;

use card::card;

/// Every source: whether it answers, what it can say, what would show more.
#[component]
pub fn SourcesPage() -> impl IntoView {
    set_title("Sources");
    let place = use_place();
    let answer = RwSignal::new(None::<Result<List<Source>, Problem>>);
    let busy = RwSignal::new(false);
    // Scrapes are counted against the window that one comes with.
    let window = Memo::new(move |_| {
        place
            .query()
            .map_or_else(Window::default, |query| query.window)
    });
    let load = move || {
        busy.set(true);
        let query = SourcesQuery {
            window: window.get_untracked(),
        };
        spawn_local(async move {
            let got = match fetch::get::<List<Source>>(&url::sources(query), None, None).await {
                Ok(Answer::Fresh { value, .. }) => Ok(value),
                Ok(Answer::Unchanged) => return,
                Err(problem) => Err(problem),
            };
            answer.try_set(Some(got));
            busy.try_set(false);
        });
    };
    Effect::new(move |_| {
        window.track();
        load();
    });
    Effect::new(move |_| {
        answer.with(|answer| {
            if let Some(Ok(list)) = answer {
                let down = list.items.iter().filter(|s| !s.reachable).count();
                announce(match down {
                    0 => "All sources answer.".to_owned(),
                    n => format!("{n} of {} sources do not answer.", list.items.len()),
                });
            }
        });
    });
    let body = move || {
        match answer.get() {
        None => view! { <Skeleton lines=5 label="Asking the sources" /> }.into_any(),
        Some(Err(problem)) => view! {
            <Message title=problem.title() text=problem.message hint=problem.hint failed=true>
                <button type="button" class="button button--primary" on:click=move |_| load()>"Try again"</button>
            </Message>
        }
        .into_any(),
        Some(Ok(list)) if list.items.is_empty() => view! {
            <Message
                title="No sources"
                text="This server asks nobody, so it has nothing to show."
                hint=Some("Start it with --prometheus URL, or try pidali demo.".to_owned())
            />
        }
        .into_any(),
        Some(Ok(list)) => view! {
            {list.notices
                .into_iter()
                .map(|notice| view! {
                    <div class="strip strip--inset">
                        <span class="strip__mark"><Icon symbol=Symbol::Info /></span>
                        <p class="strip__text">
                            {notice.message}" "<span class="strip__hint">{notice.hint}</span>
                        </p>
                    </div>
                })
                .collect_view()}
            <ul class="sources">{list.items.into_iter().map(card).collect_view()}</ul>
        }
        .into_any(),
    }
    };
    view! {
        <div class="page">
            <div class="page__head">
                <div>
                    <h1 class="page__title">"Sources"</h1>
                    <p class="page__lead">"Where every figure comes from, and what is missing to show more."</p>
                </div>
                <div class="page__tools">
                    <a class="button" href=move || place.href("preflight")>
                        <Icon symbol=Symbol::Preflight />
                        "Preflight"
                    </a>
                    <button
                        type="button"
                        class="button"
                        class:button--busy=move || busy.get()
                        on:click=move |_| load()
                    >
                        <Icon symbol=Symbol::Refresh />
                        "Ask again"
                    </button>
                </div>
            </div>
            {body}
        </div>
    }
}
