//! The graph's twin: its edges as a table.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;
use mesh::api::{self, Edge, HealthStatus};
use web_sys::KeyboardEvent;

use super::flow;
use super::panel::quantiles;
use super::words::{self, NodeNames};
use crate::shell::place::{Step, use_place};
use crate::ui::popover::step_focus;
use crate::ui::{HealthMark, Icon, Symbol};

/// A column; the same ones in the same order in every table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Health,
    Name,
    Rps,
    Errors,
    P50,
    P95,
    P99,
}

impl Column {
    const ALL: [Column; 7] = [
        Column::Health,
        Column::Name,
        Column::Rps,
        Column::Errors,
        Column::P50,
        Column::P95,
        Column::P99,
    ];

    fn title(self) -> &'static str {
        match self {
            Column::Health => "Health",
            Column::Name => "Caller → callee",
            Column::Rps => "Rate",
            Column::Errors => "Errors",
            Column::P50 => "p50",
            Column::P95 => "p95",
            Column::P99 => "p99",
        }
    }

    /// Returns the word for it in the URL.
    fn word(self) -> &'static str {
        match self {
            Column::Health => "health",
            Column::Name => "name",
            Column::Rps => "rps",
            Column::Errors => "errors",
            Column::P50 => "p50",
            Column::P95 => "p95",
            Column::P99 => "p99",
        }
    }

    /// Reads the order that the URL asks for; a word unknown here is worst first.
    fn order(sort: Option<&str>) -> (Column, bool) {
        let word = sort.unwrap_or_default();
        let (word, falling) = word.strip_prefix('-').map_or((word, false), |w| (w, true));
        Column::ALL
            .into_iter()
            .find(|column| column.word() == word)
            .map_or((Column::Health, false), |column| (column, falling))
    }

    /// Names start at A, health at the worst; of figures the large ones are looked for first.
    fn falls_at_first(self) -> bool {
        !matches!(self, Column::Health | Column::Name)
    }
}

/// An edge as the table shows it.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    id: String,
    from: String,
    to: String,
    place: String,
    protocol: String,
    status: HealthStatus,
    reason: String,
    rps: f64,
    rate: String,
    error_ratio: Option<f64>,
    errors: String,
    quantiles: [Option<f64>; 3],
    quantile_texts: [String; 3],
}

impl Row {
    fn new(edge: &Edge, names: &NodeNames<'_>) -> Row {
        let t = &edge.traffic;
        let place = |id: &str| names.node(id).map_or("-", |n| n.namespace.as_str());
        let (from_place, to_place) = (place(&edge.from), place(&edge.to));
        Row {
            id: edge.id.clone(),
            from: names.name(&edge.from),
            to: names.name(&edge.to),
            place: if from_place == to_place {
                to_place.to_owned()
            } else {
                format!("{from_place} → {to_place}")
            },
            protocol: match words::is_traced(edge) {
                true => "traces".to_owned(),
                false => edge.protocol.clone(),
            },
            status: edge.health.status,
            reason: edge.health.reason.clone(),
            rps: t.rps,
            rate: flow::rate(edge),
            error_ratio: t.error_ratio,
            errors: words::failed(t),
            quantiles: [t.latency.p50_ms, t.latency.p95_ms, t.latency.p99_ms],
            quantile_texts: quantiles(t),
        }
    }

    /// The name for readers of the screen: `frontend to backend-v1, http, 27.1 rps, …`.
    fn said(&self) -> String {
        format!(
            "{} to {}, {}, {}, {} errors, p95 {}, {}",
            self.from,
            self.to,
            self.protocol,
            self.rate,
            self.errors,
            self.quantile_texts[1],
            crate::ui::icon::health_word(self.status),
        )
    }

    fn compare(&self, other: &Row, column: Column) -> Ordering {
        let figures =
            |a: Option<f64>, b: Option<f64>| a.unwrap_or(-1.0).total_cmp(&b.unwrap_or(-1.0));
        match column {
            Column::Health => self.status.cmp(&other.status),
            Column::Name => (&self.from, &self.to).cmp(&(&other.from, &other.to)),
            Column::Rps => self.rps.total_cmp(&other.rps),
            Column::Errors => figures(self.error_ratio, other.error_ratio),
            Column::P50 => figures(self.quantiles[0], other.quantiles[0]),
            Column::P95 => figures(self.quantiles[1], other.quantiles[1]),
            Column::P99 => figures(self.quantiles[2], other.quantiles[2]),
        }
    }
}

/// Sorts rows; those alike stand worst first, then busiest first.
fn sort(rows: &mut [Row], (column, falling): (Column, bool)) {
    rows.sort_by(|a, b| {
        let first = a.compare(b, column);
        let first = if falling { first.reverse() } else { first };
        first
            .then_with(|| a.status.cmp(&b.status))
            .then_with(|| b.compare(a, Column::Errors))
            .then_with(|| b.rps.total_cmp(&a.rps))
            .then_with(|| a.id.cmp(&b.id))
    });
}

/// All edges, worst first.
#[component]
pub fn EdgeTable(
    #[prop(into)] graph: Signal<Option<Arc<api::Graph>>>,
    #[prop(into)] selected: Signal<Option<String>>,
    on_select: Callback<Option<String>>,
) -> impl IntoView {
    let place = use_place();
    let order = Memo::new(move |_| Column::order(place.address_or_default().sort.as_deref()));
    let rows = Memo::new(move |_| {
        graph.with(|g| {
            g.as_ref().map_or_else(BTreeMap::new, |g| {
                let names = NodeNames::new(g);
                g.edges
                    .iter()
                    .map(|e| (e.id.clone(), Row::new(e, &names)))
                    .collect()
            })
        })
    });
    let ids = Memo::new(move |_| {
        let mut sorted: Vec<Row> = rows.with(|rows| rows.values().cloned().collect());
        sort(&mut sorted, order.get());
        sorted.into_iter().map(|row| row.id).collect::<Vec<_>>()
    });
    let head = Column::ALL
        .into_iter()
        .map(|column| {
            let here = move || order.get().0 == column;
            let sorted = move || match order.get() {
                (now, true) if now == column => "descending",
                (now, false) if now == column => "ascending",
                _ => "none",
            };
            let turn = move |_| {
                let (now, falling) = order.get_untracked();
                let falling = if now == column { !falling } else { column.falls_at_first() };
                let worst_first = (column, falling) == (Column::Health, false);
                let sign = if falling { "-" } else { "" };
                place.change(Step::Replace, |address| {
                    address.sort = (!worst_first).then(|| format!("{sign}{}", column.word()));
                });
            };
            let class = match column {
                Column::Health | Column::Name => "table__head",
                // The columns that a narrow table leaves to the panel.
                Column::P50 | Column::P99 => "table__head table__head--figure table__spare",
                Column::P95 => "table__head table__head--figure table__spare-last",
                _ => "table__head table__head--figure",
            };
            view! {
                <th scope="col" class=class aria-sort=sorted>
                    <button type="button" class="table__sort" on:click=turn>
                        {column.title()}
                        <span class="table__arrow" class:table__arrow--up=move || !order.get().1 aria-hidden="true">
                            {move || here().then(|| view! { <Icon symbol=Symbol::Down /> })}
                        </span>
                    </button>
                </th>
            }
        })
        .collect_view();
    let on_key = move |event: KeyboardEvent| {
        if matches!(
            event.key().as_str(),
            "ArrowDown" | "ArrowUp" | "Home" | "End"
        ) {
            step_focus(&event, ".table__open");
        }
    };
    view! {
        <div class="table-frame" tabindex="-1">
            <table class="table">
                <caption class="visually-hidden">"Calls, worst first. Open one for its details."</caption>
                <thead><tr>{head}</tr></thead>
                <tbody on:keydown=on_key>
                    <For
                        each=move || ids.get()
                        key=Clone::clone
                        children=move |id| {
                            let key = id.clone();
                            let row = Memo::new(move |_| rows.with(|rows| rows.get(&key).cloned()));
                            view! { <EdgeRow id row selected on_select /> }
                        }
                    />
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn EdgeRow(
    id: String,
    row: Memo<Option<Row>>,
    selected: Signal<Option<String>>,
    on_select: Callback<Option<String>>,
) -> impl IntoView {
    let this = id.clone();
    let is_selected = Memo::new(move |_| selected.with(|s| s.as_ref() == Some(&this)));
    let text = move |pick: fn(&Row) -> String| {
        move || row.with(|row| row.as_ref().map(pick).unwrap_or_default())
    };
    let status =
        Signal::derive(move || row.with(|r| r.as_ref().map_or(HealthStatus::NoData, |r| r.status)));
    // Colour only where someone should look: a lone error of thousands is written, not painted.
    let is = move |wanted| move || status.get() == wanted;
    view! {
            <tr
                class="table__row"
                class:table__row--selected=move || is_selected.get()
                on:click=move |_| on_select.run(Some(id.clone()))
            >
                <td class="table__health" title=text(|r| r.reason.clone())><HealthMark status /></td>
                <th scope="row" class="table__name"><div class="table__call">
                    // The click bubbles to the row; the button is there for keyboard and readers of the screen.
                    <button
                        type="button"
                        class="table__open"
                        aria-pressed=move || is_selected.get().to_string()
                    >
                        <span class="visually-hidden">{text(Row::said)}</span>
    <span class="table__pair" aria-hidden="true"><span class="table__from">{text(|r| r.from.clone())}</span>
                        <span class="table__to-arrow"><Icon symbol=Symbol::Right /></span>
                        <span class="table__to">{text(|r| r.to.clone())}</span>
    </span>
    </button>
                    <span class="table__protocol">{text(|r| r.protocol.clone())}</span>
                    <span class="table__place">{text(|r| r.place.clone())}</span>
                </div></th>
                <td class="table__figure figure">{text(|r| r.rate.clone())}</td>
                <td class="table__figure figure" class:table__figure--failing=is(HealthStatus::Failing)
                    class:table__figure--degraded=is(HealthStatus::Degraded)>{text(|r| r.errors.clone())}</td>
                <td class="table__figure figure table__spare">{text(|r| r.quantile_texts[0].clone())}</td>
                <td class="table__figure figure table__spare-last">{text(|r| r.quantile_texts[1].clone())}</td>
                <td class="table__figure figure table__spare">{text(|r| r.quantile_texts[2].clone())}</td>
            </tr>
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;

    fn row(id: &str, status: HealthStatus, rps: f64, p95: Option<f64>) -> Row {
        Row {
            id: id.to_owned(),
            from: id.to_owned(),
            to: "backend".to_owned(),
            place: "default".to_owned(),
            protocol: "http".to_owned(),
            status,
            reason: String::new(),
            rps,
            rate: numbers::rate(rps),
            error_ratio: Some(0.0),
            errors: "0 %".to_owned(),
            quantiles: [None, p95, None],
            quantile_texts: ["–".to_owned(), "23 ms".to_owned(), "–".to_owned()],
        }
    }

    fn order(column: Column, falling: bool) -> String {
        let mut rows = [
            row("calm", HealthStatus::Healthy, 5.0, Some(10.0)),
            row("busy", HealthStatus::Healthy, 50.0, None),
            row("broken", HealthStatus::Failing, 1.0, Some(900.0)),
        ];
        sort(&mut rows, (column, falling));
        rows.map(|r| r.id).join(" ")
    }

    #[test]
    fn the_worst_stands_first_and_among_equals_the_busiest() {
        assert_eq!(order(Column::Health, false), "broken busy calm");
        assert_eq!(order(Column::Rps, true), "busy calm broken");
    }

    #[test]
    fn the_order_is_in_the_link() {
        assert_eq!(Column::order(Some("-p95")), (Column::P95, true));
        assert_eq!(Column::order(Some("name")), (Column::Name, false));
        assert_eq!(Column::order(Some("-colour")), (Column::Health, false));
        assert_eq!(Column::order(None), (Column::Health, false));
    }

    #[test]
    fn no_data_is_never_the_slowest() {
        assert_eq!(order(Column::P95, true), "broken calm busy");
    }

    #[test]
    fn a_row_says_itself_in_one_sentence() {
        assert_eq!(
            row("frontend", HealthStatus::Healthy, 27.1, None).said(),
            "frontend to backend, http, 27.1 rps, 0 % errors, p95 23 ms, Healthy"
        );
    }
}
