//! What selections of one projection share: facts projected once, looked at in many ways.

use crate::api::query::By;
use crate::units::Window;

use super::Facts;
use super::views::Views;

/// Which projection of facts is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Which nodes there are.
    pub by: By,
    /// The namespaces that are one node each.
    pub folded: Vec<String>,
    /// The namespaces whose idle services and workloads are shown, too; all where the list is empty.
    pub idle: Option<Vec<String>>,
    /// Whether the window tells of now: the pods of now say nothing of an earlier one.
    pub is_now: bool,
}

/// Facts in one projection.
pub struct Picture {
    pub(super) views: Views,
    /// The last hour's requests, where health needs them.
    pub(super) hour: Option<Views>,
}

impl Picture {
    /// Projects facts.
    pub fn of(facts: &Facts, scope: &Scope) -> Picture {
        let Scope {
            by,
            folded,
            idle,
            is_now,
        } = scope;
        // What is traced now says nothing of an earlier window.
        let traced = facts.traced.as_deref().filter(|_| *is_now);
        let mut views = Views::of(facts, *by, folded, idle.as_deref(), traced);
        if !is_now {
            views.forget_pods();
        }
        let hour = facts.hour.as_ref().map(|requests| {
            let facts = Facts {
                window: Window::HOUR,
                requests: requests.clone(),
                inventory: facts.inventory.clone(),
                ..Facts::default()
            };
            Views::of(&facts, *by, folded, None, None)
        });
        Picture { views, hour }
    }
}
