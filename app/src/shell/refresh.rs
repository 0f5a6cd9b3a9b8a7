//! How fresh the picture is, and when the next one comes.

use leptos::prelude::*;

use super::clock::{time_of_day, use_clock};
use super::place::{Step, use_place};
use crate::graph::Store;
use crate::inventory;
use crate::live::Phase;
use crate::numbers;
use crate::reports;
use crate::routes;
use crate::trace;
use crate::ui::choice::ChoiceList;
use crate::ui::{Choice, Icon, Popover, Symbol};
use crate::url::Refresh;

fn word(refresh: Refresh) -> String {
    match refresh {
        Refresh::Live => "Live: as soon as there is something new".to_owned(),
        Refresh::Paused => "Paused".to_owned(),
        Refresh::Every(secs) => format!("Every {}", numbers::span(secs)),
    }
}

/// The state in words, the menu of ways to refresh, and a button for now.
#[component]
pub fn RefreshControl() -> impl IntoView {
    let place = use_place();
    let clock = use_clock();
    let page = Memo::new(move |_| place.page());
    let of_graph = expect_context::<Store>().standing();
    let of_routes = expect_context::<routes::Store>().live.standing();
    let of_inventory = expect_context::<inventory::Store>();
    let of_reports = expect_context::<reports::Store>();
    let of_traces = expect_context::<trace::Store>();
    let of_lists = move |path: &str| {
        of_inventory
            .standing(path)
            .or_else(|| of_reports.standing(path))
            .or_else(|| of_traces.standing(path))
    };
    let standing = move || {
        page.with(|page| match page.as_str() {
            "routes" => of_routes,
            other => of_lists(other).unwrap_or(of_graph),
        })
    };
    let refresh = Memo::new(move |_| place.address_or_default().refresh);
    let fixed = Memo::new(move |_| {
        page.with(|page| page != "routes") && place.address_or_default().query.at.is_some()
    });
    let open = RwSignal::new(false);
    let is_away = move || {
        page.with(|page| {
            let has_its_own = of_lists(page).is_some();
            !has_its_own && !matches!(page.as_str(), "graph" | "routes")
        })
    };

    let mode = move || match (fixed.get(), refresh.get()) {
        (true, _) => Some("Fixed in time".to_owned()),
        (_, Refresh::Live) => None,
        (_, Refresh::Paused) => Some("Paused".to_owned()),
        (_, Refresh::Every(secs)) => Some(format!("Every {}", numbers::span(secs))),
    };
    let age = move || match standing().phase.get() {
        Phase::Stale { since_ms, .. } => format!("Stale since {}", time_of_day(since_ms)),
        Phase::Failed { .. } => "No answer".to_owned(),
        Phase::Loading => "Loading…".to_owned(),
        Phase::Ready => standing().updated_ms.get().map_or_else(String::new, |at| {
            format!("Updated {}", numbers::ago(clock.get() - at))
        }),
    };
    let mark = move || match (standing().phase.get(), fixed.get(), refresh.get()) {
        (Phase::Stale { .. } | Phase::Failed { .. }, ..) => "state-dot state-dot--stale",
        (Phase::Loading, ..) | (_, true, _) | (_, _, Refresh::Paused) => {
            "state-dot state-dot--still"
        }
        _ => "state-dot",
    };
    view! {
        <div class="refresh" class:refresh--away=is_away>
            <Popover
                label="Refresh:"
                face=move || view! {
                    <span class=mark></span>
                    {move || mode().map(|mode| view! { <span class="refresh__mode">{mode}</span> })}
                    <span class="refresh__age figure">{age}</span>
                    <Icon symbol=Symbol::Down />
                }
                open
                button_class="button--quiet"
                panel_class="popover__panel--end"
            >
                <ChoiceList label="Refresh">
                    {Refresh::CHOICES
                        .into_iter()
                        .map(|option| view! {
                            <Choice
                                text=word(option)
                                chosen=Signal::derive(move || refresh.get() == option)
                                on_choose=Callback::new(move |()| {
                                    place.change(Step::Replace, |address| address.refresh = option);
                                    open.set(false);
                                })
                            />
                        })
                        .collect_view()}
                </ChoiceList>
            </Popover>
            <button
                type="button"
                class="button button--quiet button--icon"
                class:button--busy=move || standing().busy.get()
                aria-label="Refresh now"
                title="Refresh now"
                on:click=move |_| standing().ask_again.run(())
            >
                <Icon symbol=Symbol::Refresh />
            </button>
        </div>
    }
}
