//! Which calls can't be judged by the window alone (rule R10).

use std::collections::BTreeSet;

use crate::api::query::By;
use crate::health;
use crate::units::Window;

use super::Facts;
use super::edge::Edge;
use super::views::Views;

/// Returns whether some call's health can't be told from the window alone.
pub fn needs_hour(facts: &Facts) -> bool {
    facts.window < Window::HOUR
        && Views::of(facts, By::Workload, &[], None)
            .edges()
            .any(is_uncertain)
}

/// Returns the names of the workloads that such calls go to; those that no endpoint took are not named.
pub fn uncertain_workloads(facts: &Facts) -> BTreeSet<String> {
    let views = Views::of(facts, By::Workload, &[], None);
    let uncertain = views.edges().filter(|edge| is_uncertain(edge));
    uncertain
        .filter_map(|edge| edge.to.workload().map(str::to_owned))
        .collect()
}

fn is_uncertain(edge: &Edge) -> bool {
    health::is_uncertain(edge.shown().outcome())
}
