//! Why Istio's webhook would not take a VirtualService.
//!
//! Rules: `ValidateVirtualService` in Istio's `pkg/config/validation`, of which those stand here that change
//! what is routed. They are decided on the view, so that a refused object can still be shown and mended.

use super::VirtualService;
use crate::routing::hosts;
use crate::routing::lens::Unreadable;
use crate::routing::pattern;
use crate::routing::rule::{Action, Condition, Match, Rule, RuleList};
use crate::routing::weights::NoShares;

/// Returns the first reason in the order of the object.
pub(super) fn first(vs: &VirtualService) -> Option<Unreadable> {
    let at = |path: &str, problem: &str| {
        Some(Unreadable {
            path: path.to_owned(),
            problem: problem.to_owned(),
        })
    };
    if let Some(faulty) = faulty_hosts(vs) {
        return at("/spec/hosts", &faulty);
    }
    if vs.rules.is_empty() {
        return at("/spec", "has no rule: http, tls or tcp");
    }
    if vs.is_delegate() {
        if vs.rules.iter().any(|r| r.place.list != RuleList::Http) {
            return at("/spec", "is a delegate, which can have http rules only");
        }
        if vs.gateways != [hosts::MESH] {
            return at(
                "/spec/gateways",
                "is said by a delegate, which is where its root is",
            );
        }
    }
    vs.rules.iter().find_map(|rule| {
        let path = super::rule_pointer(rule.place);
        let problem = faulty_action(vs, rule).or_else(|| faulty_weights(rule));
        if let Some(problem) = problem {
            return at(&path, &problem);
        }
        if rule.place.list == RuleList::Tls && rule.matches.is_empty() {
            return at(&path, "does not say which names it is for");
        }
        rule.matches.iter().enumerate().find_map(|(idx, m)| {
            let problem = faulty_match(vs, rule, m)?;
            at(&format!("{path}/match/{idx}"), &problem)
        })
    })
}

fn faulty_hosts(vs: &VirtualService) -> Option<String> {
    if vs.is_for_mesh() && vs.hosts.iter().any(|host| host == "*") {
        return Some("is every host, which is for gateways only".to_owned());
    }
    for (idx, host) in vs.hosts.iter().enumerate() {
        let mut before = vs.hosts.iter().take(idx);
        if let Some(other) = before.find(|b| hosts::covers(b, host) || hosts::covers(host, b)) {
            return Some(format!("names {host} twice: {other} is the same or wider"));
        }
    }
    None
}

fn faulty_action(vs: &VirtualService, rule: &Rule) -> Option<String> {
    let routes = !rule.destinations.is_empty();
    let faults = rule.delay.is_some() || rule.abort.is_some();
    let problem = match &rule.action {
        Action::Delegate { .. } if vs.is_delegate() => "hands over, in a delegate",
        Action::Delegate { .. } if routes => "hands over and routes as well",
        Action::Delegate { .. } => return None,
        Action::Redirect { .. } if routes => "redirects and routes as well",
        Action::Redirect { .. } if faults => "redirects and injects faults as well",
        Action::Redirect { status, .. } if !(300..400).contains(status) => {
            "redirects with a status that is not 300 to 399"
        }
        Action::DirectResponse { .. } if routes => "answers by itself and routes as well",
        Action::DirectResponse { .. } if faults => "answers by itself and injects faults as well",
        Action::DirectResponse { status } if !(200..=600).contains(status) => {
            "answers with a status that is not 200 to 600"
        }
        Action::Route if !routes => "says nothing of what to do",
        Action::Route | Action::Redirect { .. } | Action::DirectResponse { .. } => return None,
    };
    Some(problem.to_owned())
}

fn faulty_weights(rule: &Rule) -> Option<String> {
    if rule.destinations.iter().any(|d| d.host == "*") {
        return Some("sends to every host".to_owned());
    }
    match rule.shares() {
        Err(NoShares::AllZero) => Some("has weights that are all zero".to_owned()),
        Err(NoShares::Empty) | Ok(_) => None,
    }
}

fn faulty_match(vs: &VirtualService, rule: &Rule, m: &Match) -> Option<String> {
    let is_empty_prefix = |c: &Condition| matches!(c, Condition::Prefix(text) if text.is_empty());
    if m.conditions().any(is_empty_prefix) {
        return Some("has an empty prefix, which only a path may have".to_owned());
    }
    let faulty = m.path.iter().chain(m.conditions()).find_map(|c| match c {
        Condition::Regex(text) => pattern::fault(text),
        _ => None,
    });
    if faulty.is_some() {
        return faulty;
    }
    if rule.place.list != RuleList::Tls {
        return None;
    }
    if m.sni_hosts.is_empty() {
        return Some("does not say which names it is for".to_owned());
    }
    let is_inside = |sni: &String| vs.hosts.iter().any(|host| hosts::covers(host, sni));
    let outside = m.sni_hosts.iter().find(|sni| !is_inside(sni));
    outside.map(|sni| format!("asks for {sni}, which is none of its hosts"))
}
