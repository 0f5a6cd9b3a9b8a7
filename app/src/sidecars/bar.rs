//! The memory of a workload's proxies as a bar, against the rule of thumb and the limit.

use leptos::prelude::*;
use mesh::api::sidecars::{Fit, WorkloadProxies};

use super::words;

/// The width of the picture, in its own units.
const WIDTH: f64 = 160.0;

/// Where things stand on a bar, in its own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Places {
    /// The mean pod.
    pub mean: f64,
    /// The pod that takes most.
    pub most: f64,
    /// The rule of thumb, from and to.
    pub rule: [f64; 2],
    /// The limit.
    pub limit: Option<f64>,
}

/// Returns where things stand when `full` bytes fill the bar; nothing where nothing is measured.
pub fn places(row: &WorkloadProxies, rule: [f64; 2], full: f64) -> Option<Places> {
    let at = |bytes: f64| (WIDTH * bytes / full.max(1.0)).clamp(0.0, WIDTH);
    Some(Places {
        mean: at(row.memory_per_pod_bytes?),
        most: at(row.memory_most_bytes?),
        rule: rule.map(at),
        limit: row.limits.memory_bytes.map(at),
    })
}

/// Returns how many bytes fill all bars of a list: all that is measured fits, and so does the rule of thumb.
/// A limit far beyond is not worth the room.
pub fn full(rows: &[WorkloadProxies], rule: [f64; 2]) -> f64 {
    let most = rows.iter().filter_map(|row| row.memory_most_bytes);
    let most = most.fold(rule[1], f64::max);
    let limits = rows.iter().filter_map(|row| row.limits.memory_bytes);
    let limits = limits.filter(|limit| *limit <= most * 2.5);
    limits.fold(most, f64::max) * 1.05
}

/// One bar. What it shows stands in words beside it, so that readers of the screen skip it.
pub fn bar(row: &WorkloadProxies, rule: [f64; 2], full: f64) -> AnyView {
    let Some(places) = places(row, rule, full) else {
        return view! { <span class="caption">{words::fit(Fit::Unknown)}</span> }.into_any();
    };
    let class = match row.fit {
        Fit::NearLimit => "memory__bar memory__bar--near",
        Fit::Above => "memory__bar memory__bar--above",
        _ => "memory__bar",
    };
    let [from, to] = places.rule;
    view! {
        <svg class="memory" viewBox="0 0 160 14" preserveAspectRatio="none" aria-hidden="true" focusable="false">
            <rect class="memory__rule" x=from y="0" width=to - from height="14" />
            <rect class=class x="0" y="4" width=places.mean height="6" />
            <rect class="memory__most" x=(places.most - 1.0).max(0.0) y="2" width="2" height="10" />
            {places.limit.map(|limit| view! {
                <rect class="memory__limit" x=(limit - 2.0).max(0.0) y="0" width="2" height="14" />
            })}
        </svg>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::sidecars::{ProxyKind, Resources};

    const RULE: [f64; 2] = [50e6, 100e6];

    fn row(most: Option<f64>, limit: Option<f64>) -> WorkloadProxies {
        WorkloadProxies {
            id: String::new(),
            namespace: String::new(),
            workload: String::new(),
            kind: ProxyKind::Sidecar,
            pods: 1,
            memory_bytes: most,
            memory_pods: 1,
            memory_per_pod_bytes: most,
            memory_most_bytes: most,
            cpu_cores: None,
            cpu_most_cores: None,
            allocated_bytes: None,
            limits: Resources {
                memory_bytes: limit,
                cpu_cores: None,
            },
            requests: Resources::default(),
            fit: Fit::Within,
            reason: String::new(),
        }
    }

    #[test]
    fn everything_fits_on_the_bar_and_what_is_not_measured_has_none() {
        let rows = [
            row(Some(60e6), Some(256e6)),
            row(Some(160e6), Some(1e9)),
            row(None, None),
        ];
        let full = full(&rows, RULE);
        assert!((full - 256e6 * 1.05).abs() < 1.0, "{full}");
        let first = places(&rows[0], RULE, full).unwrap();
        assert!(first.rule[0] < first.mean && first.mean < first.rule[1]);
        assert!(first.limit.unwrap() < WIDTH);
        assert_eq!(places(&rows[1], RULE, full).unwrap().limit, Some(WIDTH));
        assert_eq!(places(&rows[2], RULE, full), None);
    }
}
