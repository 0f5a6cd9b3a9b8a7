//! Shares as one bar.

use leptos::prelude::*;

use super::table::Row;
use crate::numbers;

/// One bar of all shares in the colours of their rows; nothing where there is only one.
#[component]
pub fn Shares(#[prop(into)] rows: Signal<Vec<Row>>) -> impl IntoView {
    move || {
        let rows = rows.get();
        let mut left = 0.0;
        // Widths are SVG attributes: a strict policy allows no style text.
        let parts: Vec<AnyView> = rows
            .iter()
            .filter_map(|row| {
                let (x, width) = (left, row.share? * 100.0);
                left += width;
                let hue = row.hue.unwrap_or_default();
                Some(
                    view! {
                        <rect class=hue x=format!("{x:.2}") y="0" width=format!("{width:.2}") height="12" />
                    }
                    .into_any(),
                )
            })
            .collect();
        let said = rows
            .iter()
            .filter_map(|row| Some(format!("{} {}", row.name, numbers::share(row.share?))))
            .collect::<Vec<_>>()
            .join(", ");
        (parts.len() > 1).then(|| {
            view! {
                <svg class="share-bar" viewBox="0 0 100 12" preserveAspectRatio="none" role="img" aria-label=said>
                    {parts}
                </svg>
            }
        })
    }
}
