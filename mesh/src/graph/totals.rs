//! Counting calls: how they ended, and their figures on the wire (rules R3, R4).

use std::collections::{BTreeMap, BTreeSet};

use crate::api;
use crate::api::graph::{Bounds, Latency};
use crate::health::Outcome;
use crate::telemetry::{Flags, Histogram, Quantile, Response};
use crate::units::{Ratio, Window, six_digits};

/// How a call ended, for the counts (rule R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Fine.
    Fine,
    /// The server failed.
    ServerError,
    /// The client asked wrongly.
    ClientError,
    /// The client went away before the answer.
    Gone,
}

impl Ending {
    /// Returns how a call with these codes and flags ended.
    pub fn of(response: Response, flags: &Flags) -> Ending {
        if flags.contains("DC") {
            return Ending::Gone;
        }
        match (response.grpc, response.http) {
            (Some(0), _) => Ending::Fine,
            (Some(2 | 4 | 12 | 13 | 14 | 15), _) => Ending::ServerError,
            (Some(_), _) => Ending::ClientError,
            (None, Some(0 | 500..=599)) => Ending::ServerError,
            (None, Some(400..=499)) => Ending::ClientError,
            (None, _) => Ending::Fine,
        }
    }
}

/// Counts of some calls in the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// All of them.
    pub requests: f64,
    /// Server errors.
    pub errors: f64,
    client_errors: f64,
    gone: f64,
    /// Few: a list is smaller and faster than a map, and sorted on its way out.
    responses: Vec<(Response, f64)>,
    /// By response flag, in no order.
    flags: Vec<(String, f64)>,
}

fn add_to<K, Q>(list: &mut Vec<(K, f64)>, key: &Q, count: f64)
where
    K: std::borrow::Borrow<Q>,
    Q: PartialEq + ToOwned<Owned = K> + ?Sized,
{
    match list.iter_mut().find(|(known, _)| known.borrow() == key) {
        Some((_, sum)) => *sum += count,
        None => list.push((key.to_owned(), count)),
    }
}

impl Totals {
    /// Nothing counted.
    pub const NONE: Totals = Totals {
        requests: 0.0,
        errors: 0.0,
        client_errors: 0.0,
        gone: 0.0,
        responses: Vec::new(),
        flags: Vec::new(),
    };

    /// Counts calls that ended alike.
    pub fn add(&mut self, response: Response, flags: &Flags, count: f64) {
        self.requests += count;
        match Ending::of(response, flags) {
            Ending::Fine => {}
            Ending::ServerError => self.errors += count,
            Ending::ClientError => self.client_errors += count,
            Ending::Gone => self.gone += count,
        }
        add_to(&mut self.responses, &response, count);
        self.flag(flags, count);
    }

    /// Counts flags of what is no request.
    pub fn flag(&mut self, flags: &Flags, count: f64) {
        for flag in flags.iter() {
            add_to(&mut self.flags, flag, count);
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Totals) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.client_errors += other.client_errors;
        self.gone += other.gone;
        for (response, count) in &other.responses {
            add_to(&mut self.responses, response, *count);
        }
        for (flag, count) in &other.flags {
            add_to(&mut self.flags, flag.as_str(), *count);
        }
    }

    /// Returns the response flags that were seen, sorted.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        let seen = self.flags.iter().filter(|(_, count)| *count > 0.0);
        let flags: BTreeSet<&str> = seen.map(|(flag, _)| flag.as_str()).collect();
        flags.into_iter()
    }

    /// Returns what health is judged by.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            requests: self.requests,
            errors: self.errors,
        }
    }

    /// Returns the figures as they go over the wire.
    pub fn to_wire(&self, window: Window, latency: Option<&Histogram>) -> api::graph::Traffic {
        let secs = f64::from(window.secs());
        let ratio = |part: f64| Ratio::of(part, self.requests).map(|r| six_digits(r.get()));
        let mut responses = BTreeMap::new();
        for (response, count) in &self.responses {
            *responses.entry(code(*response)).or_insert(0.0) += count / secs;
        }
        responses.retain(|_, rps: &mut f64| {
            *rps = six_digits(*rps);
            *rps > 0.0
        });
        api::graph::Traffic {
            rps: six_digits(self.requests / secs),
            requests: six_digits(self.requests),
            errors: six_digits(self.errors),
            error_ratio: ratio(self.errors),
            client_error_ratio: ratio(self.client_errors),
            gone_ratio: ratio(self.gone),
            responses,
            flags: self
                .flags
                .iter()
                .filter(|(_, count)| *count > 0.0)
                .map(|(flag, count)| (flag.clone(), six_digits(count / secs)))
                .collect(),
            latency: latency
                .filter(|_| self.requests > 0.0)
                .map(quantiles)
                .unwrap_or_default(),
        }
    }
}

fn code(response: Response) -> String {
    match (response.grpc, response.http) {
        (Some(status), _) => format!("grpc {status}"),
        (None, Some(code)) => code.to_string(),
        (None, None) => "-".to_owned(),
    }
}

/// Returns p50, p95 and p99 with the buckets they fall in.
pub fn quantiles(histogram: &Histogram) -> Latency {
    let at = |share: f64| {
        let share = Ratio::new(share)?;
        Some(histogram.quantile(share))
    };
    let (Some(p50), Some(p95), Some(p99)) = (at(0.5), at(0.95), at(0.99)) else {
        return Latency::default();
    };
    let bounds = |q: &Quantile| Bounds {
        low_ms: six_digits(q.low_ms),
        high_ms: q.high_ms.map(six_digits),
    };
    Latency {
        p50_ms: p50.value_ms.map(six_digits),
        p95_ms: p95.value_ms.map(six_digits),
        p99_ms: p99.value_ms.map(six_digits),
        latency_bounds: Some([bounds(&p50), bounds(&p95), bounds(&p99)]),
    }
}
