//! Where the facts come from, and what is missing.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::{List, Source};

use crate::fetch::{self, Answer, Problem};
use crate::numbers;
use crate::shell::{announce, set_title};
use crate::ui::state::{Message, Skeleton};
use crate::ui::{Icon, Symbol};
use crate::url;

/// Every source: whether it answers, what it can say, what would show more.
#[component]
pub fn SourcesPage() -> impl IntoView {
    set_title("Sources");
    let answer = RwSignal::new(None::<Result<List<Source>, Problem>>);
    let busy = RwSignal::new(false);
    let load = move || {
        busy.set(true);
        spawn_local(async move {
            let got = match fetch::get::<List<Source>>(url::SOURCES, None, None).await {
                Ok(Answer::Fresh { value, .. }) => Ok(value),
                Ok(Answer::Unchanged) => return,
                Err(problem) => Err(problem),
            };
            answer.try_set(Some(got));
            busy.try_set(false);
        });
    };
    load();
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
            {body}
        </div>
    }
}

fn card(source: Source) -> impl IntoView {
    let list = |title: &'static str, items: Vec<String>, symbol: Symbol, class: &'static str| {
        (!items.is_empty()).then(|| {
            view! {
                <section class="source__part">
                    <h3>{title}</h3>
                    <ul class=class>
                        {items
                            .into_iter()
                            .map(|item| view! { <li><Icon symbol /><span>{item}</span></li> })
                            .collect_view()}
                    </ul>
                </section>
            }
        })
    };
    let fact = |label: &'static str, value: Option<String>| {
        value.map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
    };
    let interval = source.scrape_interval_s.map(|s| {
        // Intervals are set in whole seconds as a rule.
        if s >= 1.0 && s.fract() == 0.0 {
            numbers::span(s as u32)
        } else {
            numbers::millis(s * 1000.0)
        }
    });
    view! {
        <li class="source" class:source--down=!source.reachable>
            <header class="source__head">
                <h2 class="source__name">{source.name.clone()}</h2>
                {(source.kind != source.name).then(|| view! { <span class="chip">{source.kind.clone()}</span> })}
                {if source.reachable {
                    view! { <span class="source__state source__state--up"><Icon symbol=Symbol::Tick />"Answers"</span> }
                        .into_any()
                } else {
                    view! {
                        <span class="source__state source__state--down"><Icon symbol=Symbol::Close />"Does not answer"</span>
                    }
                    .into_any()
                }}
            </header>
            {source.problem.map(|problem| view! {
                <div class="source__problem">
                    <p>{problem}</p>
                    {source.hint.map(|hint| view! { <p class="source__hint">{hint}</p> })}
                </div>
            })}
            <dl class="facts">
                {fact("Address", source.url)}
                {fact("Version", source.version)}
                {fact("Scraped every", interval)}
            </dl>
            <div class="source__parts">
                {list("It can tell", source.capabilities, Symbol::Tick, "source__list source__list--can")}
                {list("Missing", source.missing, Symbol::Info, "source__list source__list--missing")}
            </div>
        </li>
    }
}
