//! The page of the sidecars.

use std::cmp::Ordering;

use leptos::prelude::*;
use mesh::api::queries::Of;
use mesh::api::sidecars::{Cost, Fit, Sidecars, WorkloadProxies};

use super::bar::{bar, full};
use super::words;
use crate::inventory::follow;
use crate::inventory::frame::{Frame, Others, empty, unknown};
use crate::numbers;
use crate::queries::PromQl;
use crate::reports::{self, head};
use crate::shell::place::{Step, use_place};
use crate::shell::set_title;
use crate::ui::{Icon, Symbol};
use crate::url;

/// What proxies cost: in all, by namespace, by workload.
#[component]
pub fn SidecarsPage() -> impl IntoView {
    set_title("Sidecars");
    let live = expect_context::<reports::Store>().sidecars;
    follow(live, url::sidecars);
    let frame = Frame::new(live, |_| true, |told| told.items.is_empty());
    let tally = frame.pick(words::tally);
    let others = Others {
        what: "Sidecars",
        empty: || {
            empty(
                "Nobody measures the proxies",
                "No metric tells memory or processor use of istio-proxy containers: the kubelets’ cAdvisor is not \
                 scraped, or there is no proxy.",
            )
        },
        unknown: |problem| unknown("Not found", "sidecars", "All sidecars", problem),
    };
    let tools = view! { <PromQl of=Of::Sidecars /> }.into_any();
    let ready = move || {
        view! {
            <div class="report">
                {move || frame.answer.get().map(|told| costs(&told))}
                <Workloads told=frame.answer />
            </div>
        }
        .into_any()
    };
    frame.view(
        |told| told.notices.clone(),
        head("Sidecars", tally, tools),
        others,
        ready,
    )
}

fn costs(told: &Sidecars) -> AnyView {
    let total = &told.total;
    let figure = |label: &'static str, value: String, more: Option<String>| {
        view! {
            <div class="totals__item">
                <dt>{label}</dt>
                <dd class="figure">{value}{more.map(|more| view! { <span class="totals__more">{more}</span> })}</dd>
            </div>
        }
    };
    let [low, high] = total.by_rule_bytes;
    let rule = total.memory_bytes.map(|_| {
        format!(
            "{} to {} as a rule",
            numbers::bytes(low),
            numbers::bytes(high)
        )
    });
    let each = total.memory_bytes.filter(|_| total.memory_pods > 0);
    let each = each.map(|bytes| bytes / f64::from(total.memory_pods));
    let near = told
        .items
        .iter()
        .filter(|it| it.fit == Fit::NearLimit)
        .count();
    let above = told.items.iter().filter(|it| it.fit == Fit::Above).count();
    let unlimited = told
        .items
        .iter()
        .filter(|it| it.limits.memory_bytes.is_none())
        .count();
    let rows = told.namespaces.iter().map(namespace).collect_view();
    view! {
        <section class="card" aria-label="What sidecars cost">
            <dl class="totals">
                {figure("Sidecars", total.pods.to_string(), None)}
                {figure("Memory", words::memory(total.memory_bytes), rule)}
                {figure("Each", words::memory(each), Some("50 to 100 MB as a rule".to_owned()))}
                {figure("Processor", words::cores(total.cpu_cores), Some(format!("mean of {}", numbers::span(told.window_s))))}
                {figure("Near their limit", near.to_string(), None)}
                {figure("Above the rule", above.to_string(), None)}
                {figure("Without a written limit", unlimited.to_string(), Some("workloads".to_owned()))}
            </dl>
        </section>
        <section class="card" aria-labelledby="by-namespace">
            <h2 class="card__title" id="by-namespace">"By namespace" <span class="card__count">"sidecars alone"</span></h2>
            <div class="table-frame table-frame--short" tabindex="0" role="region" aria-label="What sidecars cost by namespace">
                <table class="small-table small-table--wide">
                    <thead>
                        <tr>
                            <th scope="col">"Namespace"</th><th scope="col">"Sidecars"</th><th scope="col">"Memory"</th>
                            <th scope="col">"Each"</th><th scope="col">"Processor"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn namespace(cost: &Cost) -> impl IntoView + use<> {
    let each = cost.memory_bytes.filter(|_| cost.memory_pods > 0);
    let each = each.map(|bytes| bytes / f64::from(cost.memory_pods));
    let pods = match cost.memory_pods == cost.pods {
        true => cost.pods.to_string(),
        false => format!("{} ({} measured)", cost.pods, cost.memory_pods),
    };
    view! {
        <tr>
            <th scope="row">{cost.namespace.clone()}</th>
            <td class="figure">{pods}</td>
            <td class="figure">{words::memory(cost.memory_bytes)}</td>
            <td class="figure">{words::memory(each)}</td>
            <td class="figure">{words::cores(cost.cpu_cores)}</td>
        </tr>
    }
}

/// A column of the workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Fit,
    Name,
    Pods,
    Memory,
    Most,
    Limit,
    Cpu,
    CpuLimit,
}

impl Column {
    const ALL: [Column; 8] = [
        Column::Fit,
        Column::Name,
        Column::Pods,
        Column::Memory,
        Column::Most,
        Column::Limit,
        Column::Cpu,
        Column::CpuLimit,
    ];

    fn title(self) -> &'static str {
        match self {
            Column::Fit => "Memory of a pod",
            Column::Name => "Workload",
            Column::Pods => "Pods",
            Column::Memory => "All pods",
            Column::Most => "Largest",
            Column::Limit => "Limit",
            Column::Cpu => "Processor",
            Column::CpuLimit => "Limit",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Column::Fit => "fit",
            Column::Name => "name",
            Column::Pods => "pods",
            Column::Memory => "memory",
            Column::Most => "most",
            Column::Limit => "limit",
            Column::Cpu => "cpu",
            Column::CpuLimit => "cpu-limit",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Column::Fit => "table__head sidecars__fit",
            Column::Name => "table__head",
            Column::Pods | Column::Limit | Column::Memory => {
                "table__head table__head--figure listing__spare-2"
            }
            Column::CpuLimit => "table__head table__head--figure listing__spare-1",
            _ => "table__head table__head--figure",
        }
    }

    /// Reads the order that the URL asks for; another word is the largest pod first.
    fn order(sort: Option<&str>) -> (Column, bool) {
        let word = sort.unwrap_or("-most");
        let (word, falling) = word.strip_prefix('-').map_or((word, false), |w| (w, true));
        let mut columns = Column::ALL.into_iter();
        let found = columns.find(|column| column.word() == word);
        found.map_or((Column::Most, true), |column| (column, falling))
    }

    fn compare(self, a: &WorkloadProxies, b: &WorkloadProxies) -> Ordering {
        let figure = |pick: fn(&WorkloadProxies) -> Option<f64>| {
            pick(a).unwrap_or(-1.0).total_cmp(&pick(b).unwrap_or(-1.0))
        };
        match self {
            // The worst stands first where it falls, as figures do.
            Column::Fit => b.fit.cmp(&a.fit),
            Column::Name => a.id.cmp(&b.id),
            Column::Pods => a.pods.cmp(&b.pods),
            Column::Memory => figure(|it| it.memory_bytes),
            Column::Most => figure(|it| it.memory_most_bytes),
            Column::Limit => figure(|it| it.limits.memory_bytes),
            Column::Cpu => figure(|it| it.cpu_cores),
            Column::CpuLimit => figure(|it| it.limits.cpu_cores),
        }
    }
}

fn sorted(rows: &[WorkloadProxies], (column, falling): (Column, bool)) -> Vec<WorkloadProxies> {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| {
        let first = column.compare(a, b);
        let first = if falling { first.reverse() } else { first };
        first.then_with(|| a.id.cmp(&b.id))
    });
    rows
}

#[component]
fn Workloads(told: Memo<Option<std::sync::Arc<Sidecars>>>) -> impl IntoView {
    let place = use_place();
    let order = Memo::new(move |_| Column::order(place.address_or_default().sort.as_deref()));
    let head = Column::ALL
        .into_iter()
        .map(|column| view! { <Head column order /> })
        .collect_view();
    let body = move || {
        let told = told.get()?;
        let rows = sorted(&told.items, order.get());
        let rule = told.rule_of_thumb_bytes;
        let full = full(&rows, rule);
        Some(rows.iter().map(|row| line(row, rule, full)).collect_view())
    };
    view! {
        <section class="card card--table" aria-labelledby="by-workload">
            <h2 class="card__title" id="by-workload">
                "By workload"
                <span class="card__count">
                    "bar: mean pod · tick: largest pod · band: 50 to 100 MB · line: limit"
                </span>
            </h2>
            <div class="table-frame table-frame--short" tabindex="0" role="region" aria-label="Proxies by workload">
                <table class="table listing">
                    <caption class="visually-hidden">"Proxies by workload"</caption>
                    <thead><tr>{head}</tr></thead>
                    <tbody>{body}</tbody>
                </table>
            </div>
        </section>
    }
}

#[component]
fn Head(column: Column, order: Memo<(Column, bool)>) -> impl IntoView {
    let place = use_place();
    let here = move || order.get().0 == column;
    let sorted = move || match order.get() {
        (now, true) if now == column => "descending",
        (now, false) if now == column => "ascending",
        _ => "none",
    };
    let turn = move |_| {
        let (now, falling) = order.get_untracked();
        let falling = if now == column {
            !falling
        } else {
            column != Column::Name
        };
        let sign = if falling { "-" } else { "" };
        let is_usual = (column, falling) == (Column::Most, true);
        place.change(Step::Replace, |address| {
            address.sort = (!is_usual).then(|| format!("{sign}{}", column.word()));
        });
    };
    let more = if column == Column::CpuLimit {
        " of processor use"
    } else {
        ""
    };
    view! {
        <th scope="col" class=column.class() aria-sort=sorted>
            <button type="button" class="table__sort" on:click=turn>
                {column.title()}<span class="visually-hidden">{more}</span>
                <span class="table__arrow" class:table__arrow--up=move || !order.get().1 aria-hidden="true">
                    {move || here().then(|| view! { <Icon symbol=Symbol::Down /> })}
                </span>
            </button>
        </th>
    }
}

fn line(row: &WorkloadProxies, rule: [f64; 2], full: f64) -> impl IntoView + use<> {
    let place = use_place();
    let (namespace, workload) = (row.namespace.clone(), row.workload.clone());
    let href = move || place.thing_href("workloads", &namespace, &workload);
    let mark = match row.fit {
        Fit::NearLimit => "table__figure figure table__figure--failing",
        Fit::Above => "table__figure figure table__figure--degraded",
        _ => "table__figure figure",
    };
    let pods = match row.memory_pods == row.pods {
        true => row.pods.to_string(),
        false => format!("{} ({} measured)", row.pods, row.memory_pods),
    };
    let kind = (row.kind != mesh::api::sidecars::ProxyKind::Sidecar)
        .then(|| view! { <span class="chip">{words::kind(row.kind)}</span> });
    view! {
        <tr class="table__row" title=row.reason.clone()>
            <td class="sidecars__fit">
                {bar(row, rule, full)}
                <span class="visually-hidden">{words::fit(row.fit)}". "{row.reason.clone()}</span>
            </td>
            <th scope="row" class="table__name listing__name">
                <a class="listing__open" href=href>{row.workload.clone()}</a>" "
                <span class="table__place">{row.namespace.clone()}</span>" "{kind}
            </th>
            <td class="table__figure figure listing__spare-2">{pods}</td>
            <td class="table__figure figure listing__spare-2">{words::memory(row.memory_bytes)}</td>
            <td class=mark>{words::memory(row.memory_most_bytes)}</td>
            <td class="table__figure figure listing__spare-2">{words::memory(row.limits.memory_bytes)}</td>
            <td class="table__figure figure">{words::cores(row.cpu_cores)}</td>
            <td class="table__figure figure listing__spare-1">{words::cores(row.limits.cpu_cores)}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::sidecars::{ProxyKind, Resources};

    fn row(name: &str, most: Option<f64>, fit: Fit) -> WorkloadProxies {
        WorkloadProxies {
            id: format!("shop/{name}"),
            namespace: "shop".to_owned(),
            workload: name.to_owned(),
            kind: ProxyKind::Sidecar,
            pods: 1,
            memory_bytes: most,
            memory_pods: 1,
            memory_per_pod_bytes: most,
            memory_most_bytes: most,
            cpu_cores: None,
            cpu_most_cores: None,
            allocated_bytes: None,
            limits: Resources::default(),
            requests: Resources::default(),
            fit,
            reason: String::new(),
        }
    }

    #[test]
    fn the_largest_stands_first_and_the_address_may_say_otherwise() {
        let rows = [
            row("a", None, Fit::Unknown),
            row("b", Some(60e6), Fit::NearLimit),
            row("c", Some(120e6), Fit::Above),
        ];
        let order = |sort| {
            let rows = sorted(&rows, Column::order(sort));
            rows.iter()
                .map(|row| row.workload.clone())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(order(None), "c b a");
        assert_eq!(order(Some("name")), "a b c");
        assert_eq!(order(Some("most")), "a b c");
        assert_eq!(order(Some("-fit")), "b c a");
        assert_eq!(order(Some("-p99")), "c b a", "a column of another table");
    }
}
