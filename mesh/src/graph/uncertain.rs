//! Which calls can't be judged by the window alone (rule R10).

use std::collections::BTreeSet;

use crate::api::query::By;
use crate::health;
use crate::units::Window;

use super::Facts;
use super::edge::Edge;
use super::judging::thresholds;
use super::views::Views;

/// Returns whether some call's health can't be told from the window alone.
pub fn needs_hour(facts: &Facts) -> bool {
    if facts.window >= Window::HOUR {
        return false;
    }
    let views = Views::of(facts, By::Workload, &[], None, None);
    views.edges().any(|edge| is_uncertain(facts, &views, edge))
}

/// Returns the names of the workloads that such calls go to; those that no endpoint took are not named.
pub fn uncertain_workloads(facts: &Facts) -> BTreeSet<String> {
    let views = Views::of(facts, By::Workload, &[], None, None);
    let uncertain = views
        .edges()
        .filter(|edge| is_uncertain(facts, &views, edge));
    uncertain
        .filter_map(|edge| edge.to.workload().map(str::to_owned))
        .collect()
}

fn is_uncertain(facts: &Facts, views: &Views, edge: &Edge) -> bool {
    let by = thresholds(&facts.objectives, views, &edge.to);
    health::is_uncertain(edge.shown().outcome(), &by)
}
