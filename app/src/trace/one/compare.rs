//! Two traces side by side, by service and operation: pure.

use std::collections::BTreeMap;

use mesh::api::trace::TraceDetails;

/// What one trace has of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// How many spans.
    pub n: u32,
    /// How long they took together, in microseconds.
    pub total_us: i64,
    /// The time within them that no child had.
    pub self_us: i64,
    /// How many failed.
    pub n_errors: u32,
}

/// An operation of a service in both traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// In the first trace.
    pub a: Part,
    /// In the second.
    pub b: Part,
}

impl Pair {
    /// How much more time of its own it took in the second, in microseconds.
    pub fn more_us(&self) -> i64 {
        self.b.self_us.saturating_sub(self.a.self_us)
    }
}

/// Compares two traces; what differs most in its own time stands first: that is where the time went.
pub fn compare(a: &TraceDetails, b: &TraceDetails) -> Vec<Pair> {
    let mut all: BTreeMap<(String, String), (Part, Part)> = BTreeMap::new();
    for (trace, is_first) in [(a, true), (b, false)] {
        for span in &trace.spans {
            let service = trace.services.get(span.service as usize);
            let service = service.map(|it| it.name.clone()).unwrap_or_default();
            let operation = trace.operations.get(span.operation as usize);
            let operation = operation.cloned().unwrap_or_default();
            let pair = all.entry((service, operation)).or_default();
            let part = if is_first { &mut pair.0 } else { &mut pair.1 };
            part.n += 1;
            part.total_us = part.total_us.saturating_add(span.duration_us);
            part.self_us = part.self_us.saturating_add(span.self_us);
            part.n_errors += u32::from(span.failed);
        }
    }
    let mut pairs: Vec<Pair> = all
        .into_iter()
        .map(|((service, operation), (a, b))| Pair {
            service,
            operation,
            a,
            b,
        })
        .collect();
    // The order of names is kept among those alike.
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.more_us().unsigned_abs()));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::trace::{ServiceShare, SpanRow};

    fn trace(service: &str, spans: &[(u32, i64, i64, bool)]) -> TraceDetails {
        let span = |&(operation, duration_us, self_us, failed): &(u32, i64, i64, bool)| SpanRow {
            operation,
            duration_us,
            self_us,
            failed,
            ..SpanRow::default()
        };
        TraceDetails {
            services: vec![ServiceShare {
                name: service.to_owned(),
                n_spans: 0,
                n_errors: 0,
            }],
            operations: vec!["GET /".to_owned(), "SELECT".to_owned()],
            spans: spans.iter().map(span).collect(),
            ..TraceDetails::default()
        }
    }

    #[test]
    fn what_took_more_time_of_its_own_stands_first() {
        let a = trace(
            "web",
            &[(0, 100, 20, false), (1, 40, 40, false), (1, 40, 40, false)],
        );
        let b = trace("web", &[(0, 300, 25, true), (1, 275, 275, false)]);
        let pairs = compare(&a, &b);
        let told: Vec<(&str, i64, u32, u32)> = pairs
            .iter()
            .map(|it| (it.operation.as_str(), it.more_us(), it.a.n, it.b.n))
            .collect();
        assert_eq!(told, [("SELECT", 195, 2, 1), ("GET /", 5, 1, 1)]);
        assert_eq!(pairs[1].b.n_errors, 1);
    }

    #[test]
    fn what_only_one_has_is_told() {
        let pairs = compare(
            &trace("web", &[(0, 5, 5, false)]),
            &trace("cart", &[(0, 7, 7, false)]),
        );
        let told: Vec<(&str, u32, u32)> = pairs
            .iter()
            .map(|it| (it.service.as_str(), it.a.n, it.b.n))
            .collect();
        assert_eq!(told, [("cart", 0, 1), ("web", 1, 0)]);
    }
}
