//! The same view of every kind of route.

use std::sync::Arc;

use serde_json::Value;

use super::hosts::MESH;
use super::http_route::{HttpRoute, Parent};
use super::lens::Unreadable;
use super::reach::{ineffective, unreachable};
use super::rule::{Rule, RulePlace};
use super::virtual_service::{self, VirtualService};
use super::{http_route, weights};
use crate::api::routes::RouteKind;

/// What a route object says, whichever kind it is.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteView {
    /// The hosts it speaks for, as written.
    pub hosts: Vec<String>,
    /// Who follows it: `mesh`, or gateways as `namespace/name`.
    pub gateways: Vec<String>,
    /// Its rules, in the order in which they are tried.
    pub rules: Arc<[Rule]>,
    /// Rules that no call reaches.
    pub unreachable: Vec<RulePlace>,
    /// Matches that no call reaches, of rules that some do: the rule and which of its matches.
    pub ineffective: Vec<(RulePlace, usize)>,
    /// Whether it is of the Gateway API, whose gateways are other objects than Istio's.
    pub is_gateway_api: bool,
    /// What it belongs to, where it is of the Gateway API; in the order written.
    pub parents: Vec<Parent>,
}

impl RouteView {
    /// Reads an object.
    ///
    /// # Errors
    /// The first value that is not what it should be.
    pub fn read(kind: RouteKind, object: &Value) -> Result<RouteView, Unreadable> {
        match kind {
            RouteKind::VirtualService => Ok(RouteView::of(&VirtualService::read(object)?)),
            RouteKind::HttpRoute | RouteKind::GrpcRoute => {
                let read = HttpRoute::read(object)?;
                Ok(RouteView {
                    hosts: read.hosts,
                    gateways: read.gateways,
                    rules: read.rules,
                    unreachable: Vec::new(),
                    ineffective: Vec::new(),
                    is_gateway_api: true,
                    parents: read.parents,
                })
            }
        }
    }

    /// Returns the view of a VirtualService. Both share its rules.
    pub fn of(read: &VirtualService) -> RouteView {
        RouteView {
            unreachable: unreachable(read),
            ineffective: ineffective(read),
            hosts: read.hosts.clone(),
            gateways: read.gateways.clone(),
            rules: Arc::clone(&read.rules),
            is_gateway_api: false,
            parents: Vec::new(),
        }
    }

    /// Returns whether sidecars follow it.
    pub fn is_for_mesh(&self) -> bool {
        self.gateways.iter().any(|gateway| gateway == MESH)
    }
}

/// Returns the JSON pointer of a destination with its weight.
pub fn destination_pointer(kind: RouteKind, place: RulePlace, idx: usize) -> String {
    match kind {
        RouteKind::VirtualService => virtual_service::destination_pointer(place, idx),
        RouteKind::HttpRoute | RouteKind::GrpcRoute => http_route::destination_pointer(place, idx),
    }
}

/// Returns what a weight means that is not written.
pub fn absent_weight(kind: RouteKind) -> weights::Absent {
    match kind {
        RouteKind::VirtualService => weights::Absent::Zero,
        RouteKind::HttpRoute | RouteKind::GrpcRoute => weights::Absent::One,
    }
}
