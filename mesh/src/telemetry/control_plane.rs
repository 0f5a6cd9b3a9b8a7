//! What the control plane says of itself.

use crate::units::{UnixMillis, Window};

use super::Histogram;

/// Asks how the control plane did over `(at - window, at]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlPlane {
    /// How far to look back.
    pub window: Window,
    /// The end of the window.
    pub at: UnixMillis,
}

/// What the control plane says of itself. A figure is `None` where its metric is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlPlaneReport {
    /// The istiod pods that are scraped, sorted by namespace and name.
    pub istiods: Vec<Istiod>,
    /// The versions in the mesh, sorted by component and version.
    pub builds: Vec<Build>,
    /// Configuration sent to proxies in the window, by type (`cds`, `eds`, …), sorted.
    pub pushes: Vec<(String, f64)>,
    /// Configuration that proxies refused in the window, by type, sorted.
    pub rejects: Vec<(String, f64)>,
    /// Pushes that timed out on their way in the window.
    pub write_timeouts: Option<f64>,
    /// Failures inside istiod in the window.
    pub internal_errors: Option<f64>,
    /// Proxies that hold a connection to an istiod.
    pub connected_proxies: Option<f64>,
    /// How long it took from a change to its arrival at proxies, in milliseconds.
    pub convergence: Option<Histogram>,
    /// How long the root certificate is still valid, in seconds; negative after its end.
    pub root_cert_expires_in_secs: Option<f64>,
}

/// One pod of the control plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Istiod {
    /// Its namespace.
    pub namespace: String,
    /// Its pod.
    pub pod: String,
    /// Whether it answered the last scrape.
    pub is_up: bool,
    /// How long it runs, in seconds.
    pub uptime_secs: Option<f64>,
    /// Its version.
    pub version: Option<String>,
    /// The proxies connected to it.
    pub connected_proxies: Option<f64>,
}

/// How many of one component run in one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// `pilot`, `proxy`, `ztunnel`, …
    pub component: String,
    /// The version.
    pub version: String,
    /// How many pods.
    pub pods: f64,
}
