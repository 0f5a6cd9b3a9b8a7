//! A split as one wide bar: what is wanted above, what is measured below.

use leptos::prelude::*;
use mesh::api::routes::{Callers, Destination, Measured, Rule};
use mesh::routing::weights::WHOLE;

use super::hue::Hues;
use super::{judge, words};
use crate::numbers;
use crate::shell::clock::use_clock;
use crate::ui::HealthMark;
use mesh::api::HealthStatus;

/// The bar of one rule. Its destinations stay the same while it lives; their shares may change.
#[component]
pub fn SplitBar(
    #[prop(into)] rule: Signal<Option<Rule>>,
    /// The colours of the destinations.
    hues: Hues,
    /// What is meant to become of it, in basis points; then the upper band is hatched.
    #[prop(into)]
    draft: Signal<Option<Vec<u32>>>,
) -> impl IntoView {
    let parts: Vec<(String, &'static str)> = rule.with_untracked(|rule| {
        let destinations = rule.iter().flat_map(|r| &r.destinations);
        destinations
            .map(|d| (d.name.clone(), hues.class_of(d)))
            .collect()
    });
    let wanted = Memo::new(move |_| rule.with(|r| r.as_ref().map(wanted).unwrap_or_default()));
    let upper = Memo::new(move |_| match draft.get() {
        Some(shares) => shares
            .iter()
            .map(|s| Some(f64::from(*s) / f64::from(WHOLE)))
            .collect(),
        None => wanted.get(),
    });
    let is_draft = Memo::new(move |_| draft.with(Option::is_some));
    let groups = Memo::new(move |_| {
        rule.with(|r| r.as_ref().map(|r| r.callers.clone()).unwrap_or_default())
    });
    // Without metrics no group is known: one band says that nothing is measured.
    let ids = Memo::new(move |_| {
        groups.with(|g| match g.as_slice() {
            [] => vec![String::new()],
            groups => groups.iter().map(|c| c.id.clone()).collect(),
        })
    });
    let said = move || rule.with(|r| r.as_ref().map(said).unwrap_or_default());
    let lower = {
        let parts = parts.clone();
        move |id: String| {
            let group = {
                let id = id.clone();
                Memo::new(move |_| groups.with(|g| g.iter().find(|c| c.id == id).cloned()))
            };
            let shares = Memo::new(move |_| {
                rule.with(|r| r.as_ref().map(|r| measured(r, &id)).unwrap_or_default())
            });
            let label = move || {
                let several = groups.with(|g| g.len() > 1);
                let name = group.get().filter(|_| several).map(|g| g.name);
                // The column is narrow, and what stands there is who calls.
                let short = name.map(|n| n.strip_prefix("gateway ").unwrap_or(&n).to_owned());
                short.unwrap_or_else(|| "Measured".to_owned())
            };
            let over = move || {
                rule.with(|r| match r.as_ref().and_then(|r| r.measured_over_s) {
                    Some(over_s) => format!(" in {}", numbers::seconds(over_s)),
                    None => String::new(),
                })
            };
            let of = move || shares.with(|s| s.requests.map(numbers::count));
            view! {
                <span class="split-bar__label">{label}</span>
                <div class="split-bar__lower">
                    <Band parts=parts.clone() shares=Signal::derive(move || shares.with(|s| s.shares.clone())) write=numbers::share />
                    {move || shares.with(|s| s.requests.is_none()).then(|| view! {
                        <span class="split-bar__nothing">
                            {move || {
                                let fresh = rule.with(|r| r.as_ref().is_some_and(|r| r.measured_over_s.is_none()));
                                nothing(group.get().as_ref(), fresh)
                            }}
                        </span>
                    })}
                </div>
                <span class="split-bar__figure figure">
                    {move || of().map(|of| format!("{of} requests{}", over()))}
                </span>
            }
        }
    };
    view! {
        <div class="split-bar" role="img" aria-label=said>
            <span class="split-bar__label">
                {move || if is_draft.get() { "Draft" } else { "Wanted" }}
            </span>
            <div class="split-bar__upper" class:split-bar__upper--draft=move || is_draft.get()>
                <Band parts=parts.clone() shares=upper write=numbers::wanted />
            </div>
            <span class="split-bar__figure"></span>
            <span class="split-bar__label split-bar__label--now"></span>
            <div class="split-bar__now" class:split-bar__now--shown=move || is_draft.get()>
                <Band parts=parts shares=wanted write=numbers::wanted />
            </div>
            <span class="split-bar__figure"></span>
            <For each=move || ids.get() key=Clone::clone children=lower />
        </div>
    }
}

/// Says where calls go astray by more than five points; nothing where all is as told, or still on its way.
#[component]
pub fn Astray(#[prop(into)] rule: Signal<Option<Rule>>) -> impl IntoView {
    let clock = use_clock();
    let settled = Memo::new(move |_| {
        rule.with(|r| {
            r.as_ref()
                .is_some_and(|r| judge::is_settled(r, clock.get() as i64))
        })
    });
    let lines = Memo::new(move |_| {
        if !settled.get() {
            return Vec::new();
        }
        rule.with(|r| r.as_ref().map(astray).unwrap_or_default())
    });
    move || {
        lines
            .get()
            .into_iter()
            .map(|line| {
                view! {
                    <p class="astray">
                        <HealthMark status=Signal::stored(HealthStatus::Degraded) quiet=true />
                        {line}
                    </p>
                }
            })
            .collect_view()
    }
}

/// One band of coloured parts, each as wide as its share.
#[component]
fn Band(
    parts: Vec<(String, &'static str)>,
    #[prop(into)] shares: Signal<Vec<Option<f64>>>,
    /// Writes a share.
    write: fn(f64) -> String,
) -> impl IntoView {
    let parts = parts
        .into_iter()
        .enumerate()
        .map(|(at, (name, class))| {
            let share = Memo::new(move |_| shares.with(|s| s.get(at).copied().flatten()));
            view! {
                <span
                    class=format!("split-bar__part {class}")
                    class:split-bar__part--none=move || share.get().is_none_or(|s| s <= 0.0)
                    style:flex-grow=move || format!("{:.6}", share.get().unwrap_or(0.0))
                >
                    <span class="split-bar__text">
                        <span class="split-bar__name">{name}</span>
                        <b class="figure">{move || share.get().map(write)}</b>
                    </span>
                </span>
            }
        })
        .collect_view();
    view! { <div class="split-bar__band">{parts}</div> }
}

fn wanted(rule: &Rule) -> Vec<Option<f64>> {
    rule.destinations.iter().map(|d| d.share).collect()
}

/// What one group's calls do.
#[derive(Clone, Debug, Default, PartialEq)]
struct Lower {
    shares: Vec<Option<f64>>,
    /// Of how many calls; nothing where nothing is measured.
    requests: Option<f64>,
}

fn of_group<'a>(destination: &'a Destination, callers: &str) -> Option<&'a Measured> {
    destination.measured.iter().find(|m| m.callers == callers)
}

fn measured(rule: &Rule, callers: &str) -> Lower {
    let of = |d: &Destination| of_group(d, callers).and_then(|m| m.share);
    let shares: Vec<Option<f64>> = rule.destinations.iter().map(of).collect();
    let requests = rule
        .destinations
        .iter()
        .filter_map(|d| of_group(d, callers).map(|m| m.share_requests))
        .fold(0.0, f64::max);
    Lower {
        requests: (shares.iter().any(Option::is_some) && requests > 0.0).then_some(requests),
        shares,
    }
}

/// Why nothing is measured.
fn nothing(group: Option<&Callers>, is_fresh: bool) -> String {
    let Some(group) = group else {
        return "no metrics to measure by".to_owned();
    };
    match (&group.note, is_fresh, group.requests > 0.0) {
        (Some(note), ..) => note.clone(),
        (None, true, true) => "measuring…".to_owned(),
        _ => "no calls in the window".to_owned(),
    }
}

fn astray(rule: &Rule) -> Vec<String> {
    let several = rule.callers.len() > 1;
    // Of two, the smaller says it: the other's line would be the same backwards.
    let smaller = (rule.destinations.iter())
        .rev()
        .min_by(|a, b| a.share.unwrap_or(0.0).total_cmp(&b.share.unwrap_or(0.0)));
    let says = |d: &Destination| match (rule.destinations.len(), smaller) {
        (2, Some(smaller)) => std::ptr::eq(d, smaller),
        _ => true,
    };
    let mut lines = Vec::new();
    for group in &rule.callers {
        for d in rule.destinations.iter().filter(|d| says(d)) {
            let off = d
                .share
                .and_then(|wanted| judge::off(wanted, of_group(d, &group.id)?));
            if let Some(points) = off {
                let whose = if several {
                    format!(" for {}", group.name)
                } else {
                    String::new()
                };
                lines.push(format!("{}{whose}", words::off(&d.name, points)));
            }
        }
    }
    lines
}

/// The bar in words.
fn said(rule: &Rule) -> String {
    let line = |write: fn(f64) -> String, of: &dyn Fn(&Destination) -> Option<f64>| {
        let parts = rule.destinations.iter().filter_map(|d| {
            let share = of(d)?;
            Some(format!("{} {}", d.name, write(share)))
        });
        parts.collect::<Vec<_>>().join(", ")
    };
    let mut said = format!("Wanted: {}.", line(numbers::wanted, &|d| d.share));
    for group in &rule.callers {
        let lower = measured(rule, &group.id);
        let told = match lower.requests {
            Some(requests) => format!(
                " Measured for {}: {}, of {} requests.",
                group.name,
                line(numbers::share, &|d| of_group(d, &group.id)
                    .and_then(|m| m.share)),
                numbers::count(requests)
            ),
            None => format!(" Nothing measured for {}.", group.name),
        };
        said.push_str(&told);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::sample::{measured, split};

    fn rule(v2: f64) -> Rule {
        let mut rule = split("http/0", &[("v1", 90), ("v2", 10)]);
        rule.callers = vec![Callers {
            id: "mesh".to_owned(),
            name: "the mesh".to_owned(),
            ..Callers::default()
        }];
        rule.destinations[0].measured = vec![measured(1.0 - v2, 4_000.0)];
        rule.destinations[1].measured = vec![measured(v2, 4_000.0)];
        rule
    }

    #[test]
    fn the_bar_says_itself() {
        assert_eq!(
            said(&rule(0.11)),
            "Wanted: v1 90 %, v2 10 %. Measured for the mesh: v1 89 %, v2 11 %, of 4000 requests."
        );
    }

    #[test]
    fn what_goes_astray_is_said_once() {
        assert_eq!(astray(&rule(0.3)), ["v2 has 20 points more than wanted"]);
        assert!(astray(&rule(0.12)).is_empty());
    }
}
