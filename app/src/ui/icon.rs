//! Icons: drawn on 20 × 20, in the colour of the text around them.

use leptos::prelude::*;
use mesh::api::HealthStatus;

/// What an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbol {
    /// Pidali's own mark, a helm.
    Helm,
    /// Tiles of several sizes.
    Overview,
    /// Nodes and lines.
    Graph,
    /// A hexagon with a dot: a service.
    Services,
    /// A box: a workload.
    Workloads,
    /// A way that forks: where traffic goes.
    Routes,
    /// Bars that begin one after the other: spans.
    Traces,
    /// A sheet with ticks: what was looked at in the config.
    Config,
    /// A line that is cut: a circuit breaker.
    Breakers,
    /// A small box at a large one's side.
    Sidecars,
    /// A wheel over its spokes' ends: who tells all proxies.
    ControlPlane,
    /// A list with a tick and lines: what is looked at before the start.
    Preflight,
    /// A stack: where the data comes from.
    Sources,
    /// A magnifier.
    Search,
    /// A clock.
    Clock,
    /// Two arrows in a circle.
    Refresh,
    /// An arrow down, for menus.
    Down,
    /// A cross.
    Close,
    /// A tick.
    Tick,
    /// A sun.
    Sun,
    /// A moon.
    Moon,
    /// A screen.
    Screen,
    /// Corners of a frame: zoom to fit.
    Fit,
    /// A small tree: a fresh layout.
    Arrange,
    /// A letter i in a circle.
    Info,
    /// Boxes: namespaces.
    Namespaces,
    /// An arrow to the right.
    Right,
    /// A chevron to the left.
    Collapse,
    /// A chevron to the right.
    Expand,
    /// A lock.
    Lock,
    /// An open lock.
    Unlocked,
    /// A key, as in the legend of a map.
    Legend,
    /// Closer.
    Plus,
    /// Further away.
    Minus,
    /// Cross hairs.
    Target,
    /// An arrow into a tray.
    Save,
    /// An arrow that turns back.
    Undo,
}

impl Symbol {
    /// Its way, in SVG's notation on a ground of 20 × 20.
    pub fn path(self) -> &'static str {
        match self {
            Symbol::Helm => {
                "M10 5.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M10 8.6a1.4 1.4 0 1 0 0 2.8a1.4 1.4 0 1 0 0-2.8\
                 M10 1.5v7M10 11.5v7M1.5 10h7M11.5 10h7M4 4l4.9 4.9M11.1 11.1L16 16M16 4l-4.9 4.9M8.9 11.1L4 16"
            }
            Symbol::Overview => "M3 3h6v8H3zM11 3h6v4h-6zM11 9h6v8h-6zM3 13h6v4H3z",
            Symbol::Services => {
                "M10 2.5l6.5 3.75v7.5L10 17.5l-6.5-3.75v-7.5zM10 8.3a1.7 1.7 0 1 0 0 3.4a1.7 1.7 0 1 0 0-3.4"
            }
            Symbol::Workloads => {
                "M10 2.8l6.5 3.4v7.6L10 17.2l-6.5-3.4V6.2zM3.7 6.3L10 9.6l6.3-3.3M10 9.6v7.4"
            }
            Symbol::Graph => {
                "M4.5 8a2 2 0 1 0 0 4a2 2 0 1 0 0-4M15.5 3a2 2 0 1 0 0 4a2 2 0 1 0 0-4\
                 M15.5 13a2 2 0 1 0 0 4a2 2 0 1 0 0-4M6.4 9.2l7.3-3.4M6.4 10.8l7.3 3.4"
            }
            Symbol::Routes => {
                "M2.5 10h4.5l4-5.5h5.5M7 10l4 5.5h5.5M14 2l2.5 2.5L14 7M14 13l2.5 2.5L14 18"
            }
            Symbol::Traces => "M2.5 3h9v3h-9zM5.5 8.5h9v3h-9zM10.5 14h7v3h-7z",
            Symbol::Config => {
                "M3.5 2.5h13v15h-13zM6.2 7l1.3 1.3L10 5.8M12 7h2.2M6.2 12.8l1.3 1.3L10 11.6M12 12.8h2.2"
            }
            Symbol::Breakers => "M2 13h5M13 13h5M7 13l6.5-6M7 13v.1M13 13v.1M13 10.5v2.5M10 3v2.5",
            Symbol::Sidecars => "M2.5 4h8.5v12H2.5zM13.5 9h4v7h-4zM5 7.5h3.5M5 10.5h3.5",
            Symbol::ControlPlane => {
                "M10 2.5l3 3l-3 3l-3-3zM10 8.5v3M10 11.5H4v2.5M10 11.5h6v2.5M10 11.5v2.5M2.5 14h3v3h-3zM8.5 14h3v3h-3zM14.5 14h3v3h-3z"
            }
            Symbol::Preflight => {
                "M3 5l1.5 1.5L7 4M10 5.2h7M3 10.5l1.5 1.5L7 9.5M10 10.7h7M3.5 16h3M10 16h7"
            }
            Symbol::Sources => {
                "M10 3c3.6 0 6 1 6 2.5S13.6 8 10 8S4 7 4 5.5S6.4 3 10 3M4 5.5v4.5C4 11.5 6.4 12.5 10 12.5\
                 s6-1 6-2.5V5.5M4 10v4.5C4 16 6.4 17 10 17s6-1 6-2.5V10"
            }
            Symbol::Search => "M9 3.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M13 13l4 4",
            Symbol::Clock => "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 6v4l2.7 1.8",
            Symbol::Refresh => {
                "M16.5 8.5A6.8 6.8 0 0 0 4.5 6L3 7.5M3 3.5v4h4M3.5 11.5A6.8 6.8 0 0 0 15.5 14l1.5-1.5M17 16.5v-4h-4"
            }
            Symbol::Down => "M6 8l4 4l4-4",
            Symbol::Close => "M5 5l10 10M15 5L5 15",
            Symbol::Tick => "M4.5 10.5l3.5 3.5l7.5-8",
            Symbol::Sun => {
                "M10 6.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M15.7 4.3l-1.4 1.4M5.7 14.3l-1.4 1.4"
            }
            Symbol::Moon => "M16.5 11.8A6.8 6.8 0 1 1 8.2 3.5a5.3 5.3 0 0 0 8.3 8.3z",
            Symbol::Screen => "M3 4h14v9H3zM7 16.5h6M10 13v3.5",
            Symbol::Fit => "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7.5 7.5h5v5h-5z",
            Symbol::Arrange => "M3 8h4v4H3zM13 3h4v4h-4zM13 13h4v4h-4zM7 10h3M13 5h-3v10h3",
            Symbol::Info => "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 9.3v4.2M10 6.5v.1",
            Symbol::Namespaces => "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
            Symbol::Right => "M4 10h12M11 5l5 5l-5 5",
            Symbol::Collapse => "M12 5l-5 5l5 5",
            Symbol::Expand => "M8 5l5 5l-5 5",
            Symbol::Lock => "M5 9h10v8H5zM7 9V6.5a3 3 0 0 1 6 0V9",
            Symbol::Unlocked => "M5 9h10v8H5zM7 9V6a3 3 0 0 1 5.8-1",
            Symbol::Plus => "M10 4v12M4 10h12",
            Symbol::Minus => "M4 10h12",
            Symbol::Target => "M10 5a5 5 0 1 0 .1 0M10 2v4M10 14v4M2 10h4M14 10h4",
            Symbol::Save => "M10 3v9M6 8.5l4 4l4-4M3.5 13v3.5h13V13",
            Symbol::Undo => "M7.5 4L3.5 8l4 4M3.5 8h8a4.5 4.5 0 0 1 0 9H8",
            Symbol::Legend => "M3 5h2.5M3 10h2.5M3 15h2.5M9 5h8M9 10h8M9 15h8",
        }
    }
}

/// An icon beside a text or inside a labelled button; readers of the screen skip it.
#[component]
pub fn Icon(symbol: Symbol) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
            <path d=symbol.path() />
        </svg>
    }
}

/// Returns the word for a judgement.
pub fn health_word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Failing => "Failing",
        HealthStatus::Degraded => "Degraded",
        HealthStatus::Unjudged => "Too little to judge",
        HealthStatus::Healthy => "Healthy",
        HealthStatus::Idle => "Idle",
        HealthStatus::NoData => "No data",
    }
}

/// Returns the class that gives a judgement its colour.
pub fn health_class(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Failing => "health--failing",
        HealthStatus::Degraded => "health--degraded",
        HealthStatus::Unjudged => "health--unjudged",
        HealthStatus::Healthy => "health--healthy",
        HealthStatus::Idle => "health--idle",
        HealthStatus::NoData => "health--no-data",
    }
}

/// A judgement as a shape, so that colour is never its only carrier. Its word is its text for readers
/// of the screen, unless `quiet`: then the word stands beside it.
#[component]
pub fn HealthMark(
    #[prop(into)] status: Signal<HealthStatus>,
    #[prop(optional)] quiet: bool,
) -> impl IntoView {
    let outline = move || match status.get() {
        HealthStatus::Failing => "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z",
        HealthStatus::Degraded => "M8 1.8L15 14H1z",
        _ => "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z",
    };
    let sign = move || match status.get() {
        HealthStatus::Failing => "M5.5 5.5l5 5M10.5 5.5l-5 5",
        HealthStatus::Degraded => "M8 6v4M8 12v.1",
        HealthStatus::Unjudged => "M6.2 6.4a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.9.6-.9 1.3M8 11.7v.1",
        HealthStatus::Healthy => "M5 8.2l2.2 2.2L11.2 6",
        HealthStatus::Idle => "M6.5 5.8v4.4M9.5 5.8v4.4",
        HealthStatus::NoData => "M5.5 8h5",
    };
    view! {
        <span class=move || format!("health {}", health_class(status.get()))>
            <svg class="health__mark" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
                <path class="health__outline" d=outline />
                <path class="health__sign" d=sign />
            </svg>
            {(!quiet).then(|| view! {
                <span class="visually-hidden">{move || health_word(status.get())}</span>
            })}
        </span>
    }
}
