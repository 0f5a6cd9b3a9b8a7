//! The evidence beside a slider: requests, errors with what they may be, latency, how it went.

use leptos::prelude::*;
use mesh::api::routes::{Destination, Measured};

use crate::graph::{quantiles, words};
use crate::numbers;

/// Errors are drawn on one scale for all versions of a rule, at least up to this share and at most up to
/// that: a version with three calls must not press the others flat.
const LEAST: f64 = 0.02;
const MOST: f64 = 0.3;

/// Returns the share that the range marks of a rule reach up to.
pub fn scale(destinations: &[Destination]) -> f64 {
    destinations
        .iter()
        .flat_map(|d| &d.measured)
        .filter_map(|m| m.error_bounds)
        .map(|[_, high]| high)
        .fold(LEAST, f64::max)
        .min(MOST)
}

/// The figures of one group's calls to one destination; their columns line up over versions.
#[component]
pub fn Evidence(
    #[prop(into)] measured: Signal<Option<Measured>>,
    /// The share that the range mark reaches up to.
    #[prop(into)]
    scale: Signal<f64>,
) -> impl IntoView {
    let of = move |pick: fn(&Measured) -> String| {
        move || measured.with(|m| m.as_ref().map_or_else(|| numbers::NO_DATA.to_owned(), pick))
    };
    let quantile = move |at: usize| {
        move || {
            measured.with(|m| match m {
                Some(m) if m.traffic.requests > 0.0 => {
                    quantiles(&m.traffic).get(at).cloned().unwrap_or_default()
                }
                _ => numbers::NO_DATA.to_owned(),
            })
        }
    };
    view! {
        <dl class="evidence">
            <div class="evidence__item">
                <dt>"Requests"</dt>
                <dd class="figure">{of(|m| numbers::count(m.traffic.requests))}</dd>
            </div>
            <div class="evidence__item evidence__item--errors">
                <dt>"Errors"</dt>
                <dd>
                    <span class="figure">{of(|m| words::failed(&m.traffic))}</span>
                    {move || measured.with(|m| m.as_ref().map(|m| range(m, scale.get())))}
                </dd>
            </div>
            <div class="evidence__item"><dt>"p50"</dt><dd class="figure">{quantile(0)}</dd></div>
            <div class="evidence__item"><dt>"p95"</dt><dd class="figure">{quantile(1)}</dd></div>
            <div class="evidence__item"><dt>"p99"</dt><dd class="figure">{quantile(2)}</dd></div>
        </dl>
    }
}

/// Where the true error share lies, as a mark and in words.
fn range(measured: &Measured, scale: f64) -> Option<AnyView> {
    let [low, high] = measured.error_bounds?;
    let ratio = measured.traffic.error_ratio?;
    let x = |share: f64| format!("{:.2}", 100.0 * (share / scale).clamp(0.0, 1.0));
    let failing = measured.traffic.errors > 0.0;
    // The mark may be wider than its scale: then it runs out of the picture, and the words say it.
    let said = numbers::between([low, high]);
    Some(
        view! {
            <span class="range" title="Where the true share lies, with 95 % confidence">
                <svg
                    class="range__mark"
                    class:range__mark--some=failing
                    viewBox="0 0 100 10"
                    preserveAspectRatio="none"
                    aria-hidden="true"
                    focusable="false"
                >
                    <line class="range__ground" x1="0" x2="100" y1="5" y2="5" />
                    <line class="range__span" x1=x(low) x2=x(high) y1="5" y2="5" />
                    <line class="range__at" x1=x(ratio) x2=x(ratio) y1="1" y2="9" />
                </svg>
                <span class="range__words figure">
                    <span class="visually-hidden">", likely "</span>
                    {said}
                </span>
            </span>
        }
        .into_any(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_fits_the_widest_range_within_reason() {
        let with = |high: f64| Destination {
            measured: vec![Measured {
                error_bounds: Some([0.0, high]),
                ..Measured::default()
            }],
            ..Destination::default()
        };
        assert_eq!(scale(&[with(0.001)]), LEAST);
        assert_eq!(scale(&[with(0.08), with(0.001)]), 0.08);
        assert_eq!(scale(&[with(0.56)]), MOST);
    }
}
