//! What a change of weights will move, from what was measured.

use crate::api::changes::{Predicted, PredictedShare};
use crate::api::routes::Rule;
use crate::routing::weights::WHOLE;
use crate::units::six_digits;

/// Returns what moves when a rule's shares become `after`, in basis points; `None` where nothing is known
/// of its traffic.
pub fn predict(rule: &Rule, after: &[u32]) -> Option<Predicted> {
    if rule.callers.is_empty() {
        return None;
    }
    // Calls that other rules lead to the same pods are counted as well: what moves is less.
    let is_bound = rule
        .destinations
        .iter()
        .flat_map(|d| &d.measured)
        .any(|m| m.share_bounds.is_some());
    let rps: f64 = rule.callers.iter().map(|c| c.rps).sum();
    let destinations: Vec<PredictedShare> = rule
        .destinations
        .iter()
        .zip(after)
        .map(|(destination, after)| {
            let after = f64::from(*after) / f64::from(WHOLE);
            let ready = destination.pods.map_or(0, |pods| pods.ready);
            let its = rps * after;
            PredictedShare {
                name: destination.name.clone(),
                before: six_digits(destination.share.unwrap_or(0.0)),
                after: six_digits(after),
                rps: six_digits(its),
                rps_per_pod: (ready > 0).then(|| six_digits(its / f64::from(ready))),
            }
        })
        .collect();
    Some(Predicted {
        message: message(rps, is_bound, &destinations),
        rps: six_digits(rps),
        destinations,
    })
}

fn message(rps: f64, is_bound: bool, destinations: &[PredictedShare]) -> String {
    let names = |takes: fn(f64) -> bool| {
        let moved = destinations.iter().filter(|d| takes(d.after - d.before));
        moved
            .map(|d| d.name.as_str())
            .collect::<Vec<_>>()
            .join(" and ")
    };
    // Less than half a basis point is no move.
    let (from, to) = (names(|d| d < -5e-5), names(|d| d > 5e-5));
    let share: f64 = destinations
        .iter()
        .map(|d| (d.after - d.before).max(0.0))
        .sum();
    if from.is_empty() || to.is_empty() {
        return "Nothing moves: the shares stay as they are.".to_owned();
    }
    let per_minute = rps * share * 60.0;
    match per_minute {
        0.0 => format!("No calls are measured now; from now on {to} gets what {from} had."),
        n if n < 1.0 => format!("Less than one request a minute goes from {from} to {to}."),
        n if n < 1.5 => format!("≈ 1 request a minute goes from {from} to {to}."),
        n if is_bound => format!("At most {n:.0} requests a minute go from {from} to {to}."),
        n => format!("≈ {n:.0} requests a minute go from {from} to {to}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::routes::{Callers, Destination, Pods};

    fn rule(rps: f64, shares: &[(&str, f64, u32)]) -> Rule {
        Rule {
            callers: vec![Callers {
                rps,
                ..Callers::default()
            }],
            destinations: shares
                .iter()
                .map(|(name, share, ready)| Destination {
                    name: (*name).to_owned(),
                    share: Some(*share),
                    pods: Some(Pods {
                        ready: *ready,
                        wanted: 2,
                    }),
                    ..Destination::default()
                })
                .collect(),
            ..Rule::default()
        }
    }

    #[test]
    fn a_move_is_told_in_requests_a_minute() {
        let told = |rps, after: &[u32]| {
            let rule = rule(rps, &[("v1", 0.9, 2), ("v2", 0.1, 1), ("v3", 0.0, 0)]);
            predict(&rule, after).unwrap().message
        };
        assert_eq!(
            told(3.5, &[7_000, 3_000, 0]),
            "≈ 42 requests a minute go from v1 to v2."
        );
        assert_eq!(
            told(3.5, &[0, 5_000, 5_000]),
            "≈ 189 requests a minute go from v1 to v2 and v3."
        );
        assert_eq!(
            told(0.01, &[7_000, 3_000, 0]),
            "Less than one request a minute goes from v1 to v2."
        );
        assert_eq!(
            told(3.5, &[9_000, 1_000, 0]),
            "Nothing moves: the shares stay as they are."
        );
        assert_eq!(
            told(0.0, &[9_500, 500, 0]),
            "No calls are measured now; from now on v1 gets what v2 had."
        );
        let rule = rule(10.0, &[("v1", 0.9, 2), ("v2", 0.1, 0)]);
        let predicted = predict(&rule, &[5_000, 5_000]).unwrap();
        assert_eq!(predicted.destinations[0].rps_per_pod, Some(2.5));
        assert_eq!(predicted.destinations[1].rps_per_pod, None);
        assert_eq!(predict(&Rule::default(), &[]), None);
    }
}
