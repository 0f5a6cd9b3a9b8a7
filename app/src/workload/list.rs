//! All workloads.

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

/// The workloads of the namespaces chosen, worst first.
#[component]
pub fn WorkloadsPage() -> impl IntoView {
    set_title("Workloads");
    let place = use_place();
    let live = expect_context::<inventory::Store>().workloads;
    follow(live, |query| url::inventory("workloads", query));
    let frame = Frame::new(live, |_| true, |list| list.items.is_empty());
    let tally = frame.pick(|list| {
        tally(
            ("workload", "workloads"),
            list.items.iter().map(|it| it.health.status),
        )
    });
    let rows = Memo::new(move |_| {
        frame.answer.with(|list| {
            let items = list.iter().flat_map(|it| &it.items);
            items
                .map(|it| rows::workload(place, it))
                .collect::<Vec<_>>()
        })
    });
    let others = Others {
        what: "Workloads",
        empty: || {
            empty(
                "No workloads",
                "No call was counted, and no cluster tells of a workload.",
            )
        },
        unknown: |problem| unknown("Not found", "workloads", "All workloads", problem),
    };
    let ready = move || view! { <Rows caption="Workloads" columns=COLUMNS rows /> }.into_any();
    frame.view(
        |list| list.notices.clone(),
        list_head("Workloads", tally),
        others,
        ready,
    )
}
