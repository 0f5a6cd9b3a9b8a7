//! All services.

use leptos::prelude::*;

use crate::inventory::frame::{Frame, Others, empty, list_head, tally, unknown};
use crate::inventory::table::{Column, Rows};
use crate::inventory::{self, follow, rows};
use crate::shell::place::use_place;
use crate::shell::set_title;
use crate::url;

const COLUMNS: &[Column] = &[
    Column::Health,
    Column::Name,
    Column::Namespace,
    Column::Rps,
    Column::Errors,
    Column::P50,
    Column::P95,
    Column::P99,
    Column::Pods,
    Column::Versions,
    Column::Proxy,
    Column::Mtls,
];

/// The services of the namespaces chosen, worst first.
#[component]
pub fn ServicesPage() -> impl IntoView {
    set_title("Services");
    let place = use_place();
    let live = expect_context::<inventory::Store>().services;
    follow(live, |query| url::inventory("services", query));
    let frame = Frame::new(live, |_| true, |list| list.items.is_empty());
    let tally = frame.pick(|list| {
        tally(
            ("service", "services"),
            list.items.iter().map(|it| it.health.status),
        )
    });
    let rows = Memo::new(move |_| {
        frame.answer.with(|list| {
            let items = list.iter().flat_map(|it| &it.items);
            items.map(|it| rows::service(place, it)).collect::<Vec<_>>()
        })
    });
    let others = Others {
        what: "Services",
        empty: || {
            empty(
                "No services",
                "No call to a service was counted, and no cluster tells of one.",
            )
        },
        unknown: |problem| unknown("Not found", "services", "All services", problem),
    };
    let ready = move || view! { <Rows caption="Services" columns=COLUMNS rows /> }.into_any();
    frame.view(
        |list| list.notices.clone(),
        list_head("Services", tally),
        others,
        ready,
    )
}
