//! What one span says: its figures, its place among others, its tags, its process and what happened within it.

use leptos::prelude::*;
use mesh::api::links::LinksQuery;
use mesh::api::trace::{LogRow, SpanDetails, SpanRow, TagRow, TraceDetails};
use mesh::units::UnixMillis;

use super::rank;
use super::tree::Walk;
use crate::links::Dashboards;
use crate::live;
use crate::numbers;
use crate::shell::place::use_place;
use crate::trace::words::micros;
use crate::ui::state::Skeleton;
use crate::ui::{Icon, Symbol};
use crate::url;

/// Dashboards show so much of the time after a trace, as far as it has passed.
const AFTER_MS: i64 = 120_000;

/// The panel of the span that the address selects.
#[component]
pub fn Details(
    walk: Walk,
    #[prop(into)] selected: Signal<Option<String>>,
    on_close: Callback<()>,
) -> impl IntoView {
    let asked = Memo::new(move |_| {
        let span = selected.get()?;
        walk.trace
            .with(|trace| Some(url::span(&trace.as_ref()?.id, &span)))
    });
    let said = live::once::<SpanDetails>(asked);
    let row = Memo::new(move |_| {
        let id = selected.get()?;
        walk.trace.with(|trace| {
            let trace = trace.as_ref()?;
            let row = trace.spans.iter().find(|it| it.id == id)?.clone();
            Some((names(trace, &row), row))
        })
    });
    // Dashboards of whose span it is, around the time of the trace.
    let dashboards = Memo::new(move |_| {
        let (_, row) = row.get()?;
        walk.trace.with(|trace| {
            let trace = trace.as_ref()?;
            let edge = trace.edges.get(row.edge? as usize)?;
            let own = match row.kind.as_str() {
                "client" | "producer" => &edge.from,
                _ => &edge.to,
            };
            let (namespace, workload) = mesh::graph::workload_of(own)?;
            let end_ms = trace
                .start_us
                .saturating_add(trace.duration_us)
                .div_euclid(1000);
            let at_ms = end_ms
                .saturating_add(AFTER_MS)
                .min(js_sys::Date::now() as i64);
            Some(LinksQuery {
                namespace: Some(namespace),
                workload: Some(workload),
                at: Some(UnixMillis(at_ms)),
                ..LinksQuery::default()
            })
        })
    });
    let title = move || {
        row.get()
            .map_or_else(|| "Not in this trace".to_owned(), |(names, _)| names.1)
    };
    let kind = move || row.get().map(|((service, _), row)| kind(&service, &row));
    let body = move || match said.get() {
        None => view! { <Skeleton lines=4 label="Loading what the span says" /> }.into_any(),
        Some(Err(problem)) => view! {
            <p class="panel__note" role="alert">{problem.message}" "{problem.hint}</p>
        }
        .into_any(),
        Some(Ok(said)) => texts(said),
    };
    view! {
        <aside class="panel trace__details" aria-label="Span">
            <header class="panel__head">
                <div class="panel__names">
                    <h2 class="panel__title">{title}</h2>
                    <p class="panel__kind">{kind}</p>
                </div>
                <button
                    type="button"
                    class="button button--quiet button--icon"
                    aria-label="Close details"
                    title="Close (Esc)"
                    on:click=move |_| on_close.run(())
                >
                    <Icon symbol=Symbol::Close />
                </button>
            </header>
            <div class="panel__body" tabindex="0" role="region" aria-label="What the span says">
                {move || row.get().map(|(_, row)| figures(walk, &row))}
                {body}
                <Dashboards query=dashboards />
            </div>
        </aside>
    }
}

fn names(trace: &TraceDetails, row: &SpanRow) -> (String, String) {
    let service = trace
        .services
        .get(row.service as usize)
        .map(|it| it.name.clone());
    let operation = trace.operations.get(row.operation as usize).cloned();
    (service.unwrap_or_default(), operation.unwrap_or_default())
}

fn kind(service: &str, row: &SpanRow) -> String {
    let kind = match row.kind.as_str() {
        "client" => "call made by",
        "server" => "call taken by",
        "producer" => "message sent by",
        "consumer" => "message taken by",
        _ => "within",
    };
    match &row.version {
        Some(version) => format!("{kind} {service}, version {version}"),
        None => format!("{kind} {service}"),
    }
}

fn figures(walk: Walk, row: &SpanRow) -> AnyView {
    let place = use_place();
    let waited: i64 = row.critical.iter().map(|[from, to]| to - from).sum();
    let item = |label: &'static str, value: String| {
        view! { <div class="figures__item"><dt>{label}</dt><dd class="figure">{value}</dd></div> }
    };
    let share = walk.trace.with_untracked(|trace| {
        let whole = trace.as_ref()?.duration_us.max(1);
        Some(numbers::share(waited as f64 / whole as f64))
    });
    let edge = walk.trace.with_untracked(|trace| {
        let trace = trace.as_ref()?;
        let edge = trace.edges.get(row.edge? as usize)?;
        Some((edge.id.clone(), trace.id.clone()))
    });
    let edge_link = edge.map(|(edge, trace)| {
        let open = move |_| place.open_path(&trace, Some(edge.clone()));
        view! { <button type="button" class="link panel__page" on:click=open>"Show this call on the graph"</button> }
    });
    let id = row.id.clone();
    let rank = move || {
        let rank = walk.ranks.with(|ranks| ranks.get(id.as_str()).cloned())?;
        let class = if rank::is_slow(&rank) {
            "panel__fact panel__fact--warn"
        } else {
            "panel__fact"
        };
        Some(view! { <p class=class><Icon symbol=Symbol::Clock />{rank::words(&rank)}</p> })
    };
    let failed = row.failed.then(|| {
        let status = row.status.clone().map(|it| format!(" It ended with {it}.")).unwrap_or_default();
        view! { <p class="panel__fact trace__failed"><Icon symbol=Symbol::Close />{format!("This call failed.{status}")}</p> }
    });
    let skew = (row.skew_us != 0).then(|| {
        let to = if row.skew_us > 0 { "later" } else { "earlier" };
        let by = micros(row.skew_us.saturating_abs());
        view! {
            <p class="panel__note">{format!("Its clock did not fit its parent’s: it is drawn {by} {to} than it was recorded.")}</p>
        }
    });
    let orphan = row.is_orphan.then(|| view! {
        <p class="panel__note">"Its parent is not in this trace: headers were not passed on, or the parent’s span was lost."</p>
    });
    view! {
        <dl class="figures">
            {item("Duration", micros(row.duration_us))}
            {item("Of its own", micros(row.self_us))}
            {item("Begins after", micros(row.at_us))}
        </dl>
        {failed}
        {rank}
        {(waited > 0).then(|| view! {
            <p class="panel__note">
                {format!("The whole trace waited {} for it", micros(waited))}
                {share.map(|it| format!(", {it} of its duration."))}
            </p>
        })}
        {skew}
        {orphan}
        {edge_link}
    }
    .into_any()
}

fn texts(said: SpanDetails) -> AnyView {
    let warnings = said
        .warnings
        .iter()
        .map(|it| view! { <p class="panel__note">{it.clone()}</p> })
        .collect_view();
    let logs = (!said.logs.is_empty()).then(|| {
        let logs = said.logs.iter().map(log).collect_view();
        view! { <section class="panel__section"><h3>"What happened within it"</h3><ol class="logs">{logs}</ol></section> }
    });
    let left_out = (said.left_out_bytes > 0).then(|| {
        let bytes = numbers::bytes(said.left_out_bytes as f64);
        view! { <p class="panel__note">{format!("{bytes} of tags and logs are left out here.")}</p> }
    });
    view! {
        {warnings}
        {tags("Tags", &said.tags)}
        {logs}
        {tags("Process", &said.process)}
        {left_out}
        <p class="caption">"Span "<span class="figure">{said.id}</span></p>
    }
    .into_any()
}

fn tags(title: &'static str, tags: &[TagRow]) -> Option<AnyView> {
    (!tags.is_empty()).then(|| {
        view! { <section class="panel__section"><h3>{title}</h3>{list(tags)}</section> }.into_any()
    })
}

fn list(tags: &[TagRow]) -> AnyView {
    let rows = tags.iter().map(|tag| {
        view! { <div><dt>{tag.key.clone()}</dt><dd>{tag.value.clone()}</dd></div> }
    });
    view! { <dl class="tags">{rows.collect_view()}</dl> }.into_any()
}

fn log(log: &LogRow) -> AnyView {
    view! { <li><span class="logs__time figure">{micros(log.at_us)}</span>{list(&log.fields)}</li> }
        .into_any()
}
