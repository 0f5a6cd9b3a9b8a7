//! What istiod says of itself, on its port 15014.

use std::collections::BTreeMap;

use mesh::api::Notice;
use mesh::telemetry::{Bucket, Build, ControlPlane, ControlPlaneReport, Histogram, Istiod};
use mesh::units::{UnixMillis, Window};

use crate::sources::Answer;

use super::decode::{Item, Point, Text};
use super::explain::Asked;
use super::promql::increase_from_zero;
use super::{Prometheus, PrometheusError};

/// One for each istiod, with its version.
pub const INFO: &str = "pilot_info";
/// How long an istiod runs, in seconds.
pub const UPTIME: &str = "istiod_uptime_seconds";
/// One for each process of Istio, with component and version.
pub const BUILD: &str = "istio_build";
/// Connected proxies.
pub const CONNECTED: &str = "pilot_xds";
/// Configuration sent, by type.
pub const PUSHES: &str = "pilot_xds_pushes";
/// Configuration refused by proxies, by type.
pub const REJECTS: &str = "pilot_total_xds_rejects";
/// Failures inside.
pub const INTERNAL_ERRORS: &str = "pilot_total_xds_internal_errors";
/// Pushes that timed out.
pub const WRITE_TIMEOUTS: &str = "pilot_xds_write_timeout";
/// How long changes took to arrive, in seconds.
pub const CONVERGENCE: &str = "pilot_proxy_convergence_time_bucket";
/// When the root certificate ends, in seconds since the epoch.
pub const ROOT_CERT: &str = "citadel_server_root_cert_expiry_timestamp";

const PODS: &str = "namespace, pod, instance";

/// Which figure a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Figure {
    Istiods,
    Uptime,
    Builds,
    Connected,
    Pushes,
    Rejects,
    InternalErrors,
    WriteTimeouts,
    Convergence,
    RootCert,
}

/// The figures with the metric that each is read from.
const FIGURES: [(Figure, &str, &str); 10] = [
    (Figure::Istiods, INFO, "istiod pods and whether they answer"),
    (Figure::Uptime, UPTIME, "how long istiod runs"),
    (
        Figure::Builds,
        BUILD,
        "versions of control plane and proxies",
    ),
    (Figure::Connected, CONNECTED, "connected proxies, by istiod"),
    (Figure::Pushes, PUSHES, "configuration sent, by type"),
    (
        Figure::Rejects,
        REJECTS,
        "configuration that proxies refused, by type",
    ),
    (
        Figure::InternalErrors,
        INTERNAL_ERRORS,
        "failures inside istiod",
    ),
    (
        Figure::WriteTimeouts,
        WRITE_TIMEOUTS,
        "pushes that timed out",
    ),
    (
        Figure::Convergence,
        CONVERGENCE,
        "time from a change to its arrival, buckets in seconds",
    ),
    (
        Figure::RootCert,
        ROOT_CERT,
        "how long the root certificate is valid, in seconds",
    ),
];

impl Figure {
    /// Returns the question. Istiod's own counters are never aggregated by rules, so no prefix stands before
    /// them.
    fn promql(self, window: Window) -> String {
        let rose = |metric: &str| increase_from_zero(metric, window);
        match self {
            // A target that does not answer loses its series at once: those that it had are looked up.
            Figure::Istiods => format!(
                "max by ({PODS}, version) ({INFO}) or 0 * max by ({PODS}, version) \
                 (max_over_time({INFO}[1h]) and on (job, instance) (up == 0))"
            ),
            Figure::Uptime => format!("max by ({PODS}) ({UPTIME})"),
            Figure::Builds => format!("sum by (component, tag) ({BUILD})"),
            Figure::Connected => format!("sum by ({PODS}) ({CONNECTED})"),
            Figure::Pushes => format!("sum by (type) ({})", rose(PUSHES)),
            Figure::Rejects => format!("sum by (type) ({})", rose(REJECTS)),
            Figure::InternalErrors => format!("sum({})", rose(INTERNAL_ERRORS)),
            Figure::WriteTimeouts => format!("sum({})", rose(WRITE_TIMEOUTS)),
            Figure::Convergence => format!("sum by (le) ({})", rose(CONVERGENCE)),
            Figure::RootCert => format!("min({ROOT_CERT}) - time()"),
        }
    }

    /// Returns whether istiod tells it only once it happened.
    fn only_after_the_fact(self) -> bool {
        matches!(
            self,
            Figure::Rejects | Figure::InternalErrors | Figure::WriteTimeouts
        )
    }
}

/// Returns all questions about the control plane with what their answers say.
pub fn questions(window: Window) -> Vec<Asked> {
    let all = FIGURES.iter();
    all.map(|(figure, _, label)| Asked::once(label, figure.promql(window)))
        .collect()
}

/// One series of an answer, as far as it is read here.
struct Row {
    item: Item,
    value: f64,
}

impl Prometheus {
    /// Returns what the control plane says of itself. What has no metric is `None`, with a notice.
    pub async fn control_plane(
        &self,
        ask: &ControlPlane,
    ) -> Result<Answer<ControlPlaneReport>, PrometheusError> {
        let asked = FIGURES.map(|(figure, metric, label)| async move {
            let text = figure.promql(ask.window);
            (figure, metric, label, self.rows(&text, ask.at).await)
        });
        let mut report = ControlPlaneReport::default();
        let (mut notices, mut absent, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        let mut connected = BTreeMap::new();
        let mut failure = None;
        let mut answered = false;
        for (figure, metric, label, answer) in futures::future::join_all(asked).await {
            match answer {
                Ok((rows, warnings)) => {
                    answered = true;
                    notices.extend(warnings);
                    if rows.is_empty() {
                        let list = if figure.only_after_the_fact() {
                            &mut silent
                        } else {
                            &mut absent
                        };
                        list.push(metric);
                    }
                    if figure == Figure::Connected {
                        connected = pods(&rows);
                    }
                    read(&mut report, figure, rows);
                }
                Err(error) => {
                    notices.push(Notice {
                        kind: "control_plane_partial".to_owned(),
                        source: "prometheus".to_owned(),
                        message: format!("Not known: {label}. {}", error.message()),
                        hint: Some(error.mend()),
                    });
                    failure = Some(error);
                }
            }
        }
        // Where nothing answers, that is the answer.
        if let Some(error) = failure.filter(|_| !answered) {
            return Err(error);
        }
        for (place, n) in connected {
            if let Some(istiod) = report
                .istiods
                .iter_mut()
                .find(|it| (&it.namespace, &it.pod) == (&place.0, &place.1))
            {
                istiod.connected_proxies = Some(n);
            }
        }
        notices.extend(not_there(&absent, &silent));
        Ok(Answer {
            value: report,
            notices,
        })
    }

    async fn rows(
        &self,
        text: &str,
        at: UnixMillis,
    ) -> Result<(Vec<Row>, Vec<Notice>), PrometheusError> {
        self.gather(text, at, |rows: &mut Vec<Row>, item| {
            let value = item.value.as_ref().and_then(number);
            rows.extend(value.map(|value| Row { item, value }));
        })
        .await
    }
}

fn number(point: &Point) -> Option<f64> {
    point
        .1
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
}

/// Returns where a series was scraped: namespace and pod, or the address where no pod is said.
fn place(item: &Item) -> (String, String) {
    let text = |label: &Option<Text>| label.as_deref().unwrap_or_default().to_owned();
    let pod = item.metric.pod.as_ref().or(item.metric.instance.as_ref());
    (text(&item.metric.namespace), text(&pod.cloned()))
}

fn pods(rows: &[Row]) -> BTreeMap<(String, String), f64> {
    let mut by_pod = BTreeMap::new();
    for row in rows {
        *by_pod.entry(place(&row.item)).or_insert(0.0) += row.value;
    }
    by_pod
}

fn read(report: &mut ControlPlaneReport, figure: Figure, rows: Vec<Row>) {
    // A counter can't have fallen; what extrapolation makes of it is levelled.
    let sum = |rows: &[Row]| {
        let sum: f64 = rows.iter().map(|row| row.value.max(0.0)).sum();
        (!rows.is_empty()).then_some(sum)
    };
    let by_kind = |rows: Vec<Row>| -> Vec<(String, f64)> {
        let mut kinds: BTreeMap<String, f64> = BTreeMap::new();
        for row in rows {
            let kind = row.item.metric.kind.as_deref().unwrap_or("all").to_owned();
            *kinds.entry(kind).or_default() += row.value.max(0.0);
        }
        kinds.into_iter().collect()
    };
    match figure {
        Figure::Istiods => {
            let mut found: BTreeMap<(String, String), Istiod> = BTreeMap::new();
            for row in rows {
                let (namespace, pod) = place(&row.item);
                let version = row.item.metric.version.as_deref().map(str::to_owned);
                let is_up = row.value > 0.0;
                let istiod = found
                    .entry((namespace.clone(), pod.clone()))
                    .or_insert(Istiod {
                        namespace,
                        pod,
                        is_up,
                        uptime_secs: None,
                        version: None,
                        connected_proxies: None,
                    });
                istiod.is_up |= is_up;
                // A version that is gone stands beside the present one for an hour.
                if is_up || istiod.version.is_none() {
                    istiod.version = version.or(istiod.version.take());
                }
            }
            report.istiods = found.into_values().collect();
        }
        Figure::Uptime => {
            let uptimes = pods(&rows);
            for istiod in &mut report.istiods {
                let place = (istiod.namespace.clone(), istiod.pod.clone());
                istiod.uptime_secs = uptimes.get(&place).copied().filter(|secs| *secs >= 0.0);
            }
        }
        Figure::Builds => {
            let mut builds: Vec<Build> = rows
                .into_iter()
                .map(|row| Build {
                    component: row
                        .item
                        .metric
                        .component
                        .as_deref()
                        .unwrap_or_default()
                        .to_owned(),
                    version: row
                        .item
                        .metric
                        .tag
                        .as_deref()
                        .unwrap_or_default()
                        .to_owned(),
                    pods: row.value,
                })
                .collect();
            builds.sort_by(|a, b| (&a.component, &a.version).cmp(&(&b.component, &b.version)));
            report.builds = builds;
        }
        Figure::Connected => report.connected_proxies = sum(&rows),
        Figure::Pushes => report.pushes = by_kind(rows),
        Figure::Rejects => report.rejects = by_kind(rows),
        Figure::InternalErrors => report.internal_errors = sum(&rows),
        Figure::WriteTimeouts => report.write_timeouts = sum(&rows),
        Figure::Convergence => {
            let buckets = rows.into_iter().filter_map(|row| {
                let le: f64 = row.item.metric.le.as_deref()?.parse().ok()?;
                Some(Bucket {
                    le_ms: le * 1000.0,
                    count: row.value,
                })
            });
            report.convergence = Histogram::new(buckets.collect());
        }
        Figure::RootCert => {
            report.root_cert_expires_in_secs = rows.first().map(|row| row.value);
        }
    }
}

fn not_there(absent: &[&str], silent: &[&str]) -> Vec<Notice> {
    let mut notices = Vec::new();
    if absent.contains(&INFO) {
        notices.push(Notice {
            kind: "control_plane_missing".to_owned(),
            source: "prometheus".to_owned(),
            message: format!("Prometheus holds no `{INFO}`: istiod is not scraped, or it is managed for you and shows nothing."),
            hint: Some("have port 15014 of the istiod pods scraped; the sources' page has the text".to_owned()),
        });
        return notices;
    }
    if !absent.is_empty() {
        notices.push(Notice {
            kind: "control_plane_partial".to_owned(),
            source: "prometheus".to_owned(),
            message: format!("Not there, so not shown: {}.", absent.join(", ")),
            hint: None,
        });
    }
    if !silent.is_empty() {
        notices.push(Notice {
            kind: "control_plane_silent".to_owned(),
            source: "prometheus".to_owned(),
            message: format!(
                "Not reported: {}. istiod makes such a series only when the first of its kind happens, so as a rule \
                 none happened since it started.",
                silent.join(", ")
            ),
            hint: None,
        });
    }
    notices
}
