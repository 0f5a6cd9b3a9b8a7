//! Small routes for tests.

use mesh::api::routes::{Change, Destination, Measured, Route, Rule};

/// Returns a rule that splits the service `default/backend` by weights.
pub fn split(rule: &str, weights: &[(&str, u32)]) -> Rule {
    let sum: u32 = weights.iter().map(|(_, w)| w).sum();
    Rule {
        rule: rule.to_owned(),
        is_split: weights.len() > 1,
        service: Some("default/backend".to_owned()),
        destinations: weights
            .iter()
            .map(|(name, weight)| Destination {
                name: (*name).to_owned(),
                host: "backend".to_owned(),
                subset: Some((*name).to_owned()),
                weight: Some(*weight),
                share: (sum > 0).then(|| f64::from(*weight) / f64::from(sum)),
                service: Some("default/backend".to_owned()),
                version: Some((*name).to_owned()),
                ..Destination::default()
            })
            .collect(),
        ..Rule::default()
    }
}

/// Returns a VirtualService in the namespace `default`.
pub fn route(name: &str, rules: Vec<Rule>) -> Route {
    Route {
        id: format!("default/virtualservice/{name}"),
        namespace: "default".to_owned(),
        name: name.to_owned(),
        resource_version: "1".to_owned(),
        generation: Some(1),
        gateways: vec!["mesh".to_owned()],
        rules,
        ..Route::default()
    }
}

/// Returns what the mesh's calls to a destination are like.
pub fn measured(share: f64, requests: f64) -> Measured {
    Measured {
        callers: "mesh".to_owned(),
        share: Some(share),
        share_requests: requests,
        ..Measured::default()
    }
}

/// Returns a change of the rule `http/0` from weights to weights.
pub fn change(at_ms: i64, weights: &[(&str, u32, u32)]) -> Change {
    Change {
        change: format!("change-{at_ms}"),
        at_ms,
        who: "ada".to_owned(),
        reason: None,
        rule: "http/0".to_owned(),
        destinations: weights
            .iter()
            .map(|(n, ..)| format!("backend {n}"))
            .collect(),
        before: weights.iter().map(|(_, b, _)| Some(*b)).collect(),
        after: weights.iter().map(|(.., a)| Some(*a)).collect(),
        what: None,
        made: false,
        undoes: None,
        together: Vec::new(),
    }
}
