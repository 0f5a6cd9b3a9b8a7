//! One HTTP rule of a VirtualService: as it is written, and as it is followed.

use serde::Deserialize;

use super::conditions::Match;
use super::fault::Fault;
use super::fields::duration_ms;
use super::mirror::{MirrorSpec, MirrorTarget};
use super::retries::{Retries, RetrySpec};
use super::weights::{self, Target, Weighted};
use super::{Abort, Caller, Delay, Request};

/// A rule as it is followed.
pub(super) struct HttpRoute {
    /// Where short host names of its destinations are read.
    pub(super) namespace: String,
    matches: Vec<Match>,
    pub(super) delay: Option<Delay>,
    pub(super) abort: Option<Abort>,
    pub(super) retries: Option<Retries>,
    pub(super) timeout_ms: Option<f64>,
    pub(super) mirrors: Vec<MirrorTarget>,
    /// The status with which the proxy answers itself.
    pub(super) answer: Option<u16>,
    route: Vec<Weighted>,
}

/// A rule as it is written.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpRule {
    #[serde(default, rename = "match")]
    pub(super) matches: Vec<Match>,
    #[serde(default)]
    route: Vec<Weighted>,
    pub(super) fault: Option<Fault>,
    pub(super) retries: Option<RetrySpec>,
    pub(super) timeout: Option<String>,
    #[serde(flatten)]
    pub(super) mirrors: MirrorSpec,
    pub(super) direct_response: Option<DirectResponse>,
    redirect: Option<Redirect>,
    pub(super) delegate: Option<Delegate>,
}

/// The VirtualService whose rules stand in for one.
#[derive(Clone, Deserialize)]
pub(super) struct Delegate {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

#[derive(Clone, Deserialize)]
pub(super) struct DirectResponse {
    status: u16,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Redirect {
    redirect_code: Option<u16>,
}

impl HttpRule {
    /// Returns why Istio refuses the rule, if it does. `is_part`: whether it stands in a delegate.
    pub(super) fn check(&self, is_part: bool) -> Result<(), String> {
        weights::check(&self.route)?;
        self.mirrors.check()?;
        let goes = !self.route.is_empty() || self.redirect.is_some();
        match &self.delegate {
            Some(_) if is_part => {
                return Err("a delegate must not hand over to another".to_owned());
            }
            Some(_) if goes => {
                return Err("it hands over and has a way of its own".to_owned());
            }
            Some(_) => {}
            None if !goes && self.direct_response.is_none() => {
                return Err("it has neither destinations nor an answer of its own".to_owned());
            }
            None => {}
        }
        self.clone().followed("").map(|_| ())
    }

    /// Returns the rule as it is followed, or why a value can't be read. Its destinations are read in
    /// `namespace`.
    pub(super) fn followed(self, namespace: &str) -> Result<HttpRoute, String> {
        let (delay, abort) = match self.fault {
            Some(fault) => fault.checked()?,
            None => (None, None),
        };
        Ok(HttpRoute {
            namespace: namespace.to_owned(),
            matches: self.matches,
            delay,
            abort,
            retries: match self.retries {
                Some(written) => written.checked()?,
                None => Some(Retries::default()),
            },
            timeout_ms: self.timeout.map(|text| duration_ms(&text)).transpose()?,
            mirrors: self.mirrors.targets()?,
            answer: self
                .direct_response
                .map(|direct| direct.status)
                .or_else(|| self.redirect.map(|r| r.redirect_code.unwrap_or(301))),
            route: self.route,
        })
    }
}

impl HttpRoute {
    /// Returns whether the rule takes the call: one of its conditions holds, or it has none.
    ///
    /// `at` is where the call is routed: `mesh`, or the gateways that serve it.
    pub(super) fn matches(&self, at: &[String], request: &Request<'_>) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|m| m.holds(at, request))
    }

    /// Returns whether the rule is there for this caller at all.
    pub(super) fn concerns(&self, at: &[String], caller: &Caller<'_>) -> bool {
        self.matches.is_empty() || self.matches.iter().any(|m| m.concerns(at, caller))
    }

    /// Returns whether it takes every call that this caller may make.
    pub(super) fn catches_all(&self, at: &[String], caller: &Caller<'_>) -> bool {
        let mut matches = self.matches.iter();
        self.matches.is_empty() || matches.any(|m| m.takes_any_call() && m.concerns(at, caller))
    }

    /// Returns the destinations that take calls, with their weights.
    pub(super) fn shares(&self) -> Vec<(u64, &Target)> {
        weights::shares(&self.route)
    }
}
