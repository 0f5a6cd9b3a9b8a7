//! One table for namespaces, services, workloads, versions and calls: the same columns in the same order.

use std::cmp::Ordering;

use leptos::prelude::*;
use mesh::api::HealthStatus;
use mesh::api::graph::{Flow, Traffic};
use mesh::api::workload::{Injection, Mtls, Pods};
use web_sys::KeyboardEvent;

use super::words;
use crate::graph::{quantiles, words as traffic_words};
use crate::numbers::{self, NO_DATA};
use crate::shell::place::{Step, use_place};
use crate::ui::popover::{keep_focus, step_focus};
use crate::ui::{HealthMark, Icon, Symbol};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The judgement.
    Health,
    /// The name; it opens the row.
    Name,
    /// The namespace.
    Namespace,
    /// Requests per second, or bytes where there are no requests.
    Rps,
    /// The share of server errors.
    Errors,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// Pods ready and wanted.
    Pods,
    /// The versions.
    Versions,
    /// The protocol.
    Protocol,
    /// The share of all calls in the table.
    Share,
    /// How traffic gets into the mesh.
    Proxy,
    /// Mutual TLS.
    Mtls,
    /// What is not well, by name.
    Ailing,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Column::Health => "Health",
            Column::Name => "Name",
            Column::Namespace => "Namespace",
            Column::Rps => "Rate",
            Column::Errors => "Errors",
            Column::P50 => "p50",
            Column::P95 => "p95",
            Column::P99 => "p99",
            Column::Pods => "Pods",
            Column::Versions => "Version",
            Column::Protocol => "Protocol",
            Column::Share => "Share",
            Column::Proxy => "Proxy",
            Column::Mtls => "mTLS",
            Column::Ailing => "Not well",
        }
    }

    /// Returns the word for it in the URL.
    fn word(self) -> &'static str {
        match self {
            Column::Health => "health",
            Column::Name => "name",
            Column::Namespace => "namespace",
            Column::Rps => "rps",
            Column::Errors => "errors",
            Column::P50 => "p50",
            Column::P95 => "p95",
            Column::P99 => "p99",
            Column::Pods => "pods",
            Column::Versions => "versions",
            Column::Protocol => "protocol",
            Column::Share => "share",
            Column::Proxy => "proxy",
            Column::Mtls => "mtls",
            Column::Ailing => "ailing",
        }
    }

    /// Reads the order that the URL asks for; a word that is no column here is worst first.
    fn order(columns: &[Column], sort: Option<&str>) -> (Column, bool) {
        let word = sort.unwrap_or_default();
        let (word, falling) = word.strip_prefix('-').map_or((word, false), |w| (w, true));
        let mut columns = columns.iter();
        columns
            .find(|column| column.word() == word)
            .map_or((Column::Health, false), |column| (*column, falling))
    }

    /// Names start at A, health, pods and protection at the worst; of figures the large ones are looked for first.
    fn falls_at_first(self) -> bool {
        use Column::{Ailing, Errors, P50, P95, P99, Rps, Share};
        matches!(self, Rps | Errors | P50 | P95 | P99 | Share | Ailing)
    }

    fn is_figure(self) -> bool {
        use Column::{Errors, P50, P95, P99, Pods, Rps, Share};
        matches!(self, Rps | Errors | P50 | P95 | P99 | Pods | Share)
    }

    /// Which columns a narrower table leaves to the page of the row.
    fn spare(self) -> &'static str {
        match self {
            Column::P50 | Column::Versions => "listing__spare-1",
            Column::P99 | Column::Proxy => "listing__spare-2",
            Column::Mtls | Column::Protocol => "listing__spare-3",
            Column::P95 | Column::Namespace | Column::Pods => "listing__spare-4",
            _ => "",
        }
    }
}

/// A caller named before its callee.
#[derive(Clone, Debug, PartialEq)]
pub struct From {
    /// Its name.
    pub name: String,
    /// Its page, where it has one.
    pub href: Option<String>,
}

/// Something named in a row that is not well.
#[derive(Clone, Debug, PartialEq)]
pub struct Ill {
    /// Its name.
    pub name: String,
    /// Where it is shown.
    pub href: String,
    /// How bad.
    pub status: HealthStatus,
    /// Why.
    pub reason: String,
}

/// A judgement; nothing is known unless said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Status(pub HealthStatus);

impl Default for Status {
    fn default() -> Status {
        Status(HealthStatus::NoData)
    }
}

/// A row as the table shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// What tells it from all others.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Where its name leads; `None` where it has no page.
    pub href: Option<String>,
    /// Who calls it, where the table tells several callers.
    pub from: Option<From>,
    /// Where it is in the graph; empty where the table does not say.
    pub graph_href: String,
    /// How it is; nothing is known by default.
    pub status: Status,
    /// Why.
    pub reason: String,
    /// Calls to it; those it makes, where nobody calls it.
    pub traffic: Option<Traffic>,
    /// Whether `traffic` are the calls it makes.
    pub is_outbound: bool,
    /// What flows to it.
    pub flow: Flow,
    /// Its pods.
    pub pods: Option<Pods>,
    /// Its versions.
    pub versions: String,
    /// The protocol.
    pub protocol: String,
    /// The share of all calls in the table.
    pub share: Option<f64>,
    /// The colour of its version, where it has one.
    pub hue: Option<&'static str>,
    /// How its traffic gets into the mesh.
    pub injection: Injection,
    /// Mutual TLS of the calls to it.
    pub mtls: Mtls,
    /// What in it is not well, worst first.
    pub ailing: Vec<Ill>,
    /// How many more there are.
    pub more_ailing: usize,
}

impl Row {
    fn text(&self, column: Column) -> String {
        let quantile = |idx: usize| {
            let all = self.traffic.as_ref().map(quantiles);
            all.and_then(|all| all.get(idx).cloned())
                .unwrap_or_else(|| NO_DATA.to_owned())
        };
        match column {
            Column::Health => self.reason.clone(),
            Column::Name => self.name.clone(),
            Column::Namespace => self.namespace.clone(),
            Column::Rps => {
                let rate = words::rate(self.traffic.as_ref(), &self.flow);
                if self.is_outbound {
                    format!("out {rate}")
                } else {
                    rate
                }
            }
            Column::Errors => match &self.traffic {
                Some(traffic) if traffic.requests > 0.0 => traffic_words::failed(traffic),
                _ => NO_DATA.to_owned(),
            },
            Column::P50 => quantile(0),
            Column::P95 => quantile(1),
            Column::P99 => quantile(2),
            Column::Pods => words::pods(self.pods),
            Column::Versions if self.versions.is_empty() => NO_DATA.to_owned(),
            Column::Versions => self.versions.clone(),
            Column::Protocol => self.protocol.clone(),
            Column::Share => self
                .share
                .map_or_else(|| NO_DATA.to_owned(), numbers::share),
            Column::Proxy => words::injection(&self.injection).to_owned(),
            Column::Mtls => words::mtls(&self.mtls),
            Column::Ailing => String::new(),
        }
    }

    /// What to say of a cell when it is pointed at.
    fn more(&self, column: Column) -> Option<String> {
        match column {
            Column::Health => Some(self.reason.clone()),
            Column::Proxy => Some(self.injection.reason.clone()).filter(|it| !it.is_empty()),
            Column::Mtls => Some(words::mtls_in_words(&self.mtls)),
            Column::Rps if self.is_outbound => {
                Some("Calls it makes: no call to it is reported.".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a cell is worth a look: written and painted, not painted alone.
    fn mark(&self, column: Column) -> &'static str {
        let is_short = self.pods.is_some_and(|it| it.ready < it.wanted);
        let has_failed = self.traffic.as_ref().is_some_and(|it| it.errors > 0.0);
        match (column, self.status.0) {
            (Column::Errors, HealthStatus::Failing) if has_failed => "table__figure--failing",
            (Column::Errors, HealthStatus::Degraded) if has_failed => "table__figure--degraded",
            (Column::Pods, _) if is_short => "table__figure--degraded",
            (Column::Proxy, _) if words::is_outside(&self.injection) => "listing__warn",
            (Column::Mtls, _) if self.mtls.ratio.is_some_and(|it| it < 1.0) => "listing__warn",
            _ => "",
        }
    }

    fn compare(&self, other: &Row, column: Column) -> Ordering {
        let figure = |pick: fn(&Traffic) -> Option<f64>| {
            let of = |row: &Row| row.traffic.as_ref().and_then(pick).unwrap_or(-1.0);
            of(self).total_cmp(&of(other))
        };
        let ready = |row: &Row| {
            let pods = row.pods.filter(|it| it.wanted > 0);
            pods.map_or(2.0, |it| f64::from(it.ready) / f64::from(it.wanted))
        };
        match column {
            Column::Health => self.status.cmp(&other.status),
            Column::Name => self.name.cmp(&other.name),
            Column::Namespace => self.namespace.cmp(&other.namespace),
            Column::Rps => figure(|it| Some(it.rps)),
            Column::Errors => figure(|it| it.error_ratio),
            Column::P50 => figure(|it| it.latency.p50_ms),
            Column::P95 => figure(|it| it.latency.p95_ms),
            Column::P99 => figure(|it| it.latency.p99_ms),
            Column::Pods => ready(self).total_cmp(&ready(other)),
            Column::Versions => self.versions.cmp(&other.versions),
            Column::Protocol => self.protocol.cmp(&other.protocol),
            Column::Share => {
                let share = |row: &Row| row.share.unwrap_or(-1.0);
                share(self).total_cmp(&share(other))
            }
            Column::Proxy => self.injection.mode.cmp(&other.injection.mode),
            Column::Mtls => {
                let share = |row: &Row| row.mtls.ratio.unwrap_or(2.0);
                share(self).total_cmp(&share(other))
            }
            Column::Ailing => {
                let n = |row: &Row| row.ailing.len() + row.more_ailing;
                n(self).cmp(&n(other))
            }
        }
    }
}

/// Sorts rows; those alike stand worst first, then busiest.
fn sort(rows: &mut [Row], (column, falling): (Column, bool)) {
    rows.sort_by(|a, b| {
        let first = a.compare(b, column);
        let first = if falling { first.reverse() } else { first };
        first
            .then_with(|| a.status.cmp(&b.status))
            .then_with(|| b.compare(a, Column::Errors))
            .then_with(|| b.compare(a, Column::Rps))
            .then_with(|| (&a.namespace, &a.name, &a.key).cmp(&(&b.namespace, &b.name, &b.key)))
    });
}

/// All rows, worst first. One that is sorted by the address has the height of its page; another is as long as its
/// rows.
#[component]
pub fn Rows(
    /// What the table holds, for readers of the screen.
    caption: &'static str,
    /// Its columns.
    columns: &'static [Column],
    /// What stands over the names.
    #[prop(default = "Name")]
    names: &'static str,
    /// Whether the address says the order; else it is that of `rows`.
    #[prop(default = true)]
    sorted_by_address: bool,
    #[prop(into)] rows: Signal<Vec<Row>>,
) -> impl IntoView {
    let place = use_place();
    let order =
        Memo::new(move |_| Column::order(columns, place.address_or_default().sort.as_deref()));
    let sorted = Memo::new(move |_| {
        let mut rows = rows.get();
        if sorted_by_address {
            sort(&mut rows, order.get());
        }
        rows
    });
    let keys = Memo::new(move |_| {
        sorted.with(|rows| rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>())
    });
    let placed = move || {
        let keys = keys.get();
        keep_focus();
        keys
    };
    let on_key = move |event: KeyboardEvent| {
        if matches!(
            event.key().as_str(),
            "ArrowDown" | "ArrowUp" | "Home" | "End"
        ) {
            step_focus(&event, ".listing__open");
        }
    };
    let title = move |column: Column| {
        if column == Column::Name {
            names
        } else {
            column.title()
        }
    };
    let head = columns
        .iter()
        .map(|column| match sorted_by_address {
            true => view! { <Head column=*column title=title(*column) order /> }.into_any(),
            false => {
                let class = head_class(*column);
                view! { <th scope="col" class=class>{title(*column)}</th> }.into_any()
            }
        })
        .collect_view();
    let has_graph =
        Memo::new(move |_| sorted.with(|rows| rows.iter().any(|row| !row.graph_href.is_empty())));
    let body = move |key: String| {
        let row = Memo::new(move |_| {
            let found = sorted.with(|rows| rows.iter().find(|row| row.key == key).cloned());
            found.unwrap_or_default()
        });
        view! {
            <tr class="table__row">
                {columns.iter().map(|column| cell(*column, row)).collect_view()}
                {move || has_graph.get().then(|| view! { <GraphCell row /> })}
            </tr>
        }
    };
    let frame = if sorted_by_address {
        "table-frame"
    } else {
        "table-frame table-frame--short"
    };
    view! {
        <div class=frame tabindex=if sorted_by_address { "-1" } else { "0" } role="region" aria-label=caption>
            <table class="table listing">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>
                        {head}
                        {move || has_graph.get().then(|| view! {
                            <th scope="col" class="table__head listing__graph"><span class="visually-hidden">"Graph"</span></th>
                        })}
                    </tr>
                </thead>
                <tbody on:keydown=on_key>
                    <For each=placed key=Clone::clone children=body />
                </tbody>
            </table>
        </div>
    }
}

fn head_class(column: Column) -> String {
    let side = if column.is_figure() {
        "table__head--figure"
    } else {
        ""
    };
    format!("table__head {side} {}", column.spare())
}

#[component]
fn Head(column: Column, title: &'static str, order: Memo<(Column, bool)>) -> impl IntoView {
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
            column.falls_at_first()
        };
        let worst_first = (column, falling) == (Column::Health, false);
        let sign = if falling { "-" } else { "" };
        place.change(Step::Replace, |address| {
            address.sort = (!worst_first).then(|| format!("{sign}{}", column.word()));
        });
    };
    view! {
        <th scope="col" class=head_class(column) aria-sort=sorted>
            <button type="button" class="table__sort" on:click=turn>
                {title}
                <span class="table__arrow" class:table__arrow--up=move || !order.get().1 aria-hidden="true">
                    {move || here().then(|| view! { <Icon symbol=Symbol::Down /> })}
                </span>
            </button>
        </th>
    }
}

/// The way to the graph.
#[component]
fn GraphCell(row: Memo<Row>) -> impl IntoView {
    view! {
        <td class="listing__graph">
            <a
                class="listing__link"
                href=move || row.with(|row| row.graph_href.clone())
                title="Show in the graph"
                aria-label=move || row.with(|row| format!("Show {} in the graph", row.name))
            >
                <Icon symbol=Symbol::Graph />
            </a>
        </td>
    }
}

/// A cell. Links stay the same elements when figures change, so that a refresh takes no one's focus away.
fn cell(column: Column, row: Memo<Row>) -> AnyView {
    let more = move || row.with(|row| row.more(column));
    match column {
        Column::Health => {
            let status = Signal::derive(move || row.with(|row| row.status.0));
            view! { <td class="table__health" title=more><HealthMark status /></td> }.into_any()
        }
        Column::Name => {
            let href = Memo::new(move |_| row.with(|row| row.href.clone()));
            let from = Memo::new(move |_| row.with(|row| row.from.clone()));
            let name = Memo::new(move |_| row.with(|row| row.name.clone()));
            let hue = Memo::new(move |_| row.with(|row| row.hue));
            view! {
                <th scope="row" class="table__name listing__name">
                    {move || hue.get().map(|hue| view! { <span class=format!("swatch {hue}")></span> })}
                    {move || from.get().map(caller)}
                    {move || named(name.get(), href.get())}
                    <span class="visually-hidden">{move || row.with(|row| format!(" {}", row.reason))}</span>
                </th>
            }
            .into_any()
        }
        Column::Ailing => {
            let ill = Memo::new(move |_| row.with(|row| (row.ailing.clone(), row.more_ailing)));
            view! { <td class="listing__ailing">{move || ailing(ill.get())}</td> }.into_any()
        }
        _ => {
            let kind = if column.is_figure() {
                "table__figure figure"
            } else {
                "listing__word"
            };
            let class = move || {
                format!(
                    "{kind} {} {}",
                    column.spare(),
                    row.with(|row| row.mark(column))
                )
            };
            let text = move || row.with(|row| row.text(column));
            view! { <td class=class title=more>{text}</td> }.into_any()
        }
    }
}

fn caller(from: From) -> AnyView {
    view! {
        {named(from.name, from.href)}
        <span class="listing__arrow" aria-hidden="true">" → "</span>
        <span class="visually-hidden">" calls "</span>
    }
    .into_any()
}

fn named(name: String, href: Option<String>) -> AnyView {
    match href {
        Some(href) => view! { <a class="listing__open" href=href>{name}</a> }.into_any(),
        None => view! { <span>{name}</span> }.into_any(),
    }
}

fn ailing((ills, more): (Vec<Ill>, usize)) -> AnyView {
    let links = ills.into_iter().map(|ill| {
        view! {
            <li>
                <a class="listing__ill listing__link" href=ill.href title=ill.reason>
                    <HealthMark status=Signal::stored(ill.status) />
                    {ill.name}
                </a>
            </li>
        }
    });
    let links = links.collect_view();
    let more = (more > 0).then(|| view! { <li class="caption">{format!("and {more} more")}</li> });
    view! { <ul class="listing__ills">{links}{more}</ul> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column::Health,
        Column::Name,
        Column::Rps,
        Column::P95,
        Column::Pods,
    ];

    fn row(name: &str, status: HealthStatus, rps: f64, p95_ms: Option<f64>, ready: u32) -> Row {
        Row {
            key: name.to_owned(),
            name: name.to_owned(),
            namespace: "shop".to_owned(),
            status: Status(status),
            traffic: Some(Traffic {
                rps,
                requests: rps * 300.0,
                latency: mesh::api::graph::Latency {
                    p95_ms,
                    ..Default::default()
                },
                ..Traffic::default()
            }),
            pods: Some(Pods { ready, wanted: 2 }),
            ..Row::default()
        }
    }

    fn order(sort_by: &str) -> String {
        let mut rows = [
            row("calm", HealthStatus::Healthy, 5.0, Some(10.0), 2),
            row("busy", HealthStatus::Healthy, 50.0, None, 2),
            row("broken", HealthStatus::Failing, 1.0, Some(900.0), 1),
        ];
        sort(&mut rows, Column::order(COLUMNS, Some(sort_by)));
        rows.map(|row| row.name).join(" ")
    }

    #[test]
    fn the_worst_stands_first_and_the_address_may_say_otherwise() {
        assert_eq!(order(""), "broken busy calm");
        assert_eq!(order("-rps"), "busy calm broken");
        assert_eq!(order("name"), "broken busy calm");
        assert_eq!(order("-name"), "calm busy broken");
        assert_eq!(order("pods"), "broken busy calm");
        // No data is never the slowest.
        assert_eq!(order("-p95"), "broken calm busy");
        // A column of another table.
        assert_eq!(order("-mtls"), "broken busy calm");
    }
}
