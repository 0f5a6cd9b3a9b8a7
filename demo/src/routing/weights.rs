//! Weighted destinations, as all rules of a VirtualService write them.

use serde::Deserialize;

/// A destination with its part of the calls.
#[derive(Clone, Deserialize)]
pub(super) struct Weighted {
    destination: Target,
    weight: Option<i32>,
}

/// A destination as it is written.
#[derive(Clone, Deserialize)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) subset: Option<String>,
    #[serde(default, deserialize_with = "port_number")]
    pub(super) port: Option<u16>,
}

/// Returns why the weights can't be, if they can't.
pub(super) fn check(route: &[Weighted]) -> Result<(), String> {
    let weights = || route.iter().map(|w| i64::from(w.weight.unwrap_or(0)));
    if weights().any(|weight| weight < 0) {
        return Err("a weight is below 0".to_owned());
    }
    if 1 < route.len() && weights().sum::<i64>() == 0 {
        return Err("the weights add up to 0".to_owned());
    }
    Ok(())
}

/// Returns the destinations that take calls, with their weights. A lone destination takes all whatever
/// its weight says; among several an absent weight is 0.
pub(super) fn shares(route: &[Weighted]) -> Vec<(u64, &Target)> {
    if let [lone] = route {
        return vec![(1, &lone.destination)];
    }
    let weight = |w: &Weighted| u64::from(w.weight.unwrap_or(0).unsigned_abs());
    let all = route.iter().map(|w| (weight(w), &w.destination));
    all.filter(|(weight, _)| 0 < *weight).collect()
}

fn port_number<'de, D: serde::Deserializer<'de>>(port: D) -> Result<Option<u16>, D::Error> {
    #[derive(Deserialize)]
    struct Port {
        number: Option<u16>,
    }
    Ok(Option::<Port>::deserialize(port)?.and_then(|port| port.number))
}
