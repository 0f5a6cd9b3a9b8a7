//! How the control plane does: what it says of itself, judged. Pure.

use crate::api;
use crate::api::control_plane::{Build, Counted, Finding, Istiod};
use crate::api::graph::Health;
use crate::api::{HealthStatus, Notice};
use crate::graph::quantiles;
use crate::inventory::Inventory;
use crate::sources::expected_proxies;
use crate::telemetry::{ControlPlane, ControlPlaneReport};
use crate::units::{Ratio, six_digits};

/// A change should have reached the proxies after this, in milliseconds, at the 99th percentile.
const SLOW_MS: f64 = 3_000.0;
/// A root certificate should be valid for so long, in seconds: 30 days.
const CERT_SOON_SECS: f64 = 30.0 * DAY;
/// Less than this, and there is no time to plan: 7 days.
const CERT_NOW_SECS: f64 = 7.0 * DAY;
const DAY: f64 = 86_400.0;
/// Pods come and go: fewer connections than this share of the pods is more than that.
const CONNECTED_SHARE: f64 = 0.9;

/// Returns what `report` says, judged, beside what the cluster holds.
pub fn answer(
    report: &ControlPlaneReport,
    ask: &ControlPlane,
    inventory: Option<&Inventory>,
    notices: Vec<Notice>,
) -> api::control_plane::ControlPlane {
    let expected = inventory.map(expected_proxies);
    let (push_errors, pushes): (Vec<_>, Vec<_>) = report
        .pushes
        .iter()
        .partition(|(kind, _)| kind.ends_with("err"));
    let counted = |list: Vec<&(String, f64)>| -> Vec<Counted> {
        let list = list.into_iter();
        list.map(|(kind, count)| Counted {
            kind: kind.clone(),
            count: six_digits(*count),
        })
        .collect()
    };
    let istiods = report.istiods.iter().map(|it| Istiod {
        namespace: it.namespace.clone(),
        pod: it.pod.clone(),
        is_up: it.is_up,
        uptime_s: it.uptime_secs.map(six_digits),
        version: it.version.clone(),
        connected_proxies: it.connected_proxies.map(six_digits),
    });
    let builds = report.builds.iter().map(|it| Build {
        component: it.component.clone(),
        version: it.version.clone(),
        pods: six_digits(it.pods),
    });
    let mut findings = findings(report, expected);
    findings.sort_by_key(|found| found.health.status);
    api::control_plane::ControlPlane {
        findings,
        istiods: istiods.collect(),
        builds: builds.collect(),
        pushes: counted(pushes),
        push_errors: counted(push_errors),
        rejects: counted(report.rejects.iter().collect()),
        write_timeouts: report.write_timeouts.map(six_digits),
        internal_errors: report.internal_errors.map(six_digits),
        connected_proxies: report.connected_proxies.map(six_digits),
        expected_proxies: expected,
        converged: report.convergence.as_ref().map(|it| six_digits(it.count())),
        convergence: report.convergence.as_ref().map(quantiles),
        root_cert_expires_in_s: report.root_cert_expires_in_secs.map(six_digits),
        notices,
        window_s: ask.window.secs(),
        at_ms: ask.at.0,
    }
}

/// Returns the judgements in the order in which one would look.
fn findings(report: &ControlPlaneReport, expected: Option<u32>) -> Vec<Finding> {
    let mut out = vec![istiod(report)];
    let errors = report
        .pushes
        .iter()
        .filter(|(kind, _)| kind.ends_with("err"))
        .map(|(_, n)| n);
    out.extend(count_of(
        "rejects",
        known_sum(report.rejects.iter().map(|(_, n)| n)),
        "Proxies refused no configuration in the window.",
        |n| {
            format!(
                "Proxies refused configuration {n} in the window; they go on with what they had."
            )
        },
        "look for `ACK ERROR` in istiod's log: it names the proxy and the resource",
    ));
    out.extend(count_of(
        "push_errors",
        known_sum(errors),
        "No push failed in the window.",
        |n| format!("Configuration could not be sent {n} in the window."),
        "look at istiod's log; proxies that went away meanwhile are one cause",
    ));
    out.extend(count_of(
        "internal_errors",
        report.internal_errors,
        "istiod failed at nothing in the window.",
        |n| format!("istiod failed inside {n} in the window."),
        "look at istiod's log",
    ));
    out.extend(count_of(
        "write_timeouts",
        report.write_timeouts,
        "No push timed out on its way in the window.",
        |n| format!("Pushes timed out on their way {n} in the window: proxies do not read, or the network is slow."),
        "look at the CPU of istiod and of the proxies",
    ));
    out.extend(convergence(report));
    out.extend(proxies(report, expected));
    out.extend(versions(report));
    out.extend(certificate(report));
    out
}

fn finding(about: &str, status: HealthStatus, reason: String, hint: Option<&str>) -> Finding {
    Finding {
        about: about.to_owned(),
        health: Health { status, reason },
        hint: hint.map(str::to_owned),
    }
}

fn istiod(report: &ControlPlaneReport) -> Finding {
    let all = report.istiods.len();
    let up = report.istiods.iter().filter(|it| it.is_up).count();
    let (status, reason, hint) = match (up, all) {
        (_, 0) => (
            HealthStatus::NoData,
            "No istiod is scraped: whether the control plane runs is not known.".to_owned(),
            Some("have port 15014 of the istiod pods scraped; the sources' page says how"),
        ),
        (0, _) => (
            HealthStatus::Failing,
            format!("None of {all} istiod pods answers: proxies go on with what they have."),
            Some("look at the pods and their log"),
        ),
        (up, all) if up < all => (
            HealthStatus::Degraded,
            format!("{up} of {all} istiod pods answer."),
            Some("look at the pods that do not, and their log"),
        ),
        (1, _) => (
            HealthStatus::Healthy,
            "The istiod pod answers.".to_owned(),
            None,
        ),
        (up, _) => (
            HealthStatus::Healthy,
            format!("All {up} istiod pods answer."),
            None,
        ),
    };
    finding("istiod", status, reason, hint)
}

/// Returns the sum of what is known; nothing where nothing is.
fn known_sum<'a>(counts: impl Iterator<Item = &'a f64>) -> Option<f64> {
    counts.fold(None, |sum, n| Some(sum.unwrap_or(0.0) + n))
}

fn count_of(
    about: &str,
    count: Option<f64>,
    none: &str,
    some: impl FnOnce(String) -> String,
    hint: &str,
) -> Option<Finding> {
    let count = count?;
    Some(if count > 0.0 {
        finding(
            about,
            HealthStatus::Degraded,
            some(times(count)),
            Some(hint),
        )
    } else {
        finding(about, HealthStatus::Healthy, none.to_owned(), None)
    })
}

/// Writes how often something happened. Sources extrapolate: what happened is at least once.
fn times(count: f64) -> String {
    match count.round().max(1.0) {
        1.0 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn convergence(report: &ControlPlaneReport) -> Option<Finding> {
    let histogram = report.convergence.as_ref()?;
    let p99 = histogram.quantile(Ratio::new(0.99)?);
    let (slow, said) = match (p99.value_ms, p99.high_ms) {
        (Some(ms), _) => (ms >= SLOW_MS, seconds(ms)),
        (None, Some(high)) => (p99.low_ms >= SLOW_MS, format!("at most {}", seconds(high))),
        (None, None) => (true, format!("more than {}", seconds(p99.low_ms))),
    };
    Some(if slow {
        finding(
            "convergence",
            HealthStatus::Degraded,
            format!("99 of 100 changes reached their proxies after {said} or less; 3 s is usual."),
            Some(
                "give istiod more CPU or replicas, or narrow what proxies are told with Sidecar objects",
            ),
        )
    } else {
        finding(
            "convergence",
            HealthStatus::Healthy,
            format!("99 of 100 changes reached their proxies within {said}."),
            None,
        )
    })
}

fn seconds(ms: f64) -> String {
    match ms {
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1000.0),
    }
}

fn proxies(report: &ControlPlaneReport, expected: Option<u32>) -> Option<Finding> {
    let connected = report.connected_proxies?;
    let expected = expected.filter(|n| *n > 0)?;
    Some(if connected < f64::from(expected) * CONNECTED_SHARE {
        finding(
            "proxies",
            HealthStatus::Degraded,
            format!(
                "{connected:.0} proxies are connected, {expected} ready pods should have one: the others get no changes."
            ),
            Some(
                "look for pods not restarted since injection was turned on, and for pods that can't reach istiod's port 15012",
            ),
        )
    } else {
        finding(
            "proxies",
            HealthStatus::Healthy,
            format!("{connected:.0} proxies are connected; {expected} ready pods should have one."),
            None,
        )
    })
}

/// Returns major and minor of a version such as `1.27.0` or `1.27-alpha`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Returns whether proxies are behind the control plane by more than Istio supports.
///
/// Rule: <https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew>, one minor.
fn versions(report: &ControlPlaneReport) -> Option<Finding> {
    let of = |component: &'static str| {
        let builds = report.builds.iter();
        builds.filter(move |b| b.component == component && b.pods > 0.0)
    };
    let control: Vec<&str> = of("pilot").map(|b| b.version.as_str()).collect();
    let newest = control.iter().filter_map(|v| minor(v)).max();
    let oldest = control.iter().filter_map(|v| minor(v)).min();
    of("proxy").next()?;
    let (mut behind, mut ahead, mut kinds) = (0.0, 0.0, 0);
    for build in of("proxy") {
        kinds += 1;
        let Some(proxy) = minor(&build.version) else {
            continue;
        };
        if newest.is_some_and(|(major, minor)| proxy.0 == major && proxy.1 + 1 < minor) {
            behind += build.pods;
        } else if newest.is_some_and(|newest| proxy > newest) {
            ahead += build.pods;
        }
    }
    let said = control.join(", ");
    Some(if behind > 0.0 {
        finding(
            "versions",
            HealthStatus::Degraded,
            format!(
                "{behind:.0} proxies are more than one minor version behind the control plane ({said})."
            ),
            Some("restart the workloads, so that they get a proxy of the control plane's version"),
        )
    } else if ahead > 0.0 {
        finding(
            "versions",
            HealthStatus::Degraded,
            format!(
                "{ahead:.0} proxies are newer than the control plane ({said}), which Istio does not support."
            ),
            Some("upgrade the control plane first, then the proxies"),
        )
    } else if control.is_empty() {
        finding(
            "versions",
            HealthStatus::NoData,
            "The control plane's version is not known, that of proxies is.".to_owned(),
            None,
        )
    } else if kinds > 1 || newest != oldest {
        finding(
            "versions",
            HealthStatus::Healthy,
            format!(
                "Proxies run in {kinds} versions, none too far from the control plane's ({said})."
            ),
            None,
        )
    } else {
        finding(
            "versions",
            HealthStatus::Healthy,
            format!(
                "All proxies run in one version, within what the control plane ({said}) supports."
            ),
            None,
        )
    })
}

fn certificate(report: &ControlPlaneReport) -> Option<Finding> {
    let left = report.root_cert_expires_in_secs?;
    let days = (left.abs() / DAY).floor();
    let renew = Some(
        "renew the root certificate before it ends; plan for both roots to be trusted meanwhile",
    );
    let (status, reason, hint) = if left <= 0.0 {
        (
            HealthStatus::Failing,
            format!(
                "The root certificate ended {days} days ago: mutual TLS fails where it is checked anew."
            ),
            renew,
        )
    } else if left < CERT_NOW_SECS {
        (
            HealthStatus::Failing,
            format!("The root certificate ends in {days} days."),
            renew,
        )
    } else if left < CERT_SOON_SECS {
        (
            HealthStatus::Degraded,
            format!("The root certificate ends in {days} days."),
            renew,
        )
    } else {
        (
            HealthStatus::Healthy,
            format!("The root certificate is valid for {days} more days."),
            None,
        )
    };
    Some(finding("root_certificate", status, reason, hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry;
    use crate::telemetry::{Bucket, Histogram};
    use crate::units::{UnixMillis, Window};

    fn judged(report: &ControlPlaneReport) -> Vec<(String, HealthStatus)> {
        let ask = ControlPlane {
            window: Window::default(),
            at: UnixMillis(0),
        };
        let found = answer(report, &ask, None, Vec::new()).findings;
        found
            .into_iter()
            .map(|f| (f.about, f.health.status))
            .collect()
    }

    fn pod(name: &str, is_up: bool) -> telemetry::Istiod {
        telemetry::Istiod {
            namespace: "istio-system".to_owned(),
            pod: name.to_owned(),
            is_up,
            uptime_secs: None,
            version: None,
            connected_proxies: None,
        }
    }

    fn build(component: &str, version: &str, pods: f64) -> telemetry::Build {
        telemetry::Build {
            component: component.to_owned(),
            version: version.to_owned(),
            pods,
        }
    }

    fn status(report: &ControlPlaneReport, about: &str) -> Option<HealthStatus> {
        let found = judged(report).into_iter().find(|(name, _)| name == about);
        found.map(|(_, status)| status)
    }

    #[test]
    fn what_is_not_measured_is_not_judged() {
        let nothing = judged(&ControlPlaneReport::default());
        assert_eq!(nothing, [("istiod".to_owned(), HealthStatus::NoData)]);
    }

    #[test]
    fn a_pod_that_does_not_answer_and_a_refusal_stand_first() {
        let mut report = ControlPlaneReport {
            istiods: vec![pod("a", true), pod("b", false)],
            rejects: vec![("cds".to_owned(), 0.4), ("eds".to_owned(), 0.0)],
            internal_errors: Some(0.0),
            ..ControlPlaneReport::default()
        };
        let found = judged(&report);
        assert_eq!(found[0], ("istiod".to_owned(), HealthStatus::Degraded));
        assert_eq!(found[1], ("rejects".to_owned(), HealthStatus::Degraded));
        assert_eq!(
            found[2],
            ("internal_errors".to_owned(), HealthStatus::Healthy)
        );
        report.istiods[0].is_up = false;
        assert_eq!(status(&report, "istiod"), Some(HealthStatus::Failing));
    }

    #[test]
    fn pushes_that_fail_are_told_from_pushes() {
        let report = ControlPlaneReport {
            pushes: vec![("cds".to_owned(), 5.0), ("cds_senderr".to_owned(), 2.0)],
            ..ControlPlaneReport::default()
        };
        let ask = ControlPlane {
            window: Window::default(),
            at: UnixMillis(0),
        };
        let told = answer(&report, &ask, None, Vec::new());
        assert_eq!(told.pushes.len(), 1);
        assert_eq!(told.push_errors[0].kind, "cds_senderr");
        assert_eq!(status(&report, "push_errors"), Some(HealthStatus::Degraded));
    }

    #[test]
    fn slow_changes_and_old_proxies_are_named() {
        let edges = |fast: f64| {
            let buckets = [
                (1000.0, fast),
                (3000.0, fast),
                (10_000.0, 100.0),
                (f64::INFINITY, 100.0),
            ];
            let buckets = buckets.map(|(le_ms, count)| Bucket { le_ms, count });
            Histogram::new(buckets.to_vec())
        };
        let mut report = ControlPlaneReport {
            convergence: edges(100.0),
            builds: vec![build("pilot", "1.27.0", 1.0), build("proxy", "1.26.3", 4.0)],
            ..ControlPlaneReport::default()
        };
        assert_eq!(status(&report, "convergence"), Some(HealthStatus::Healthy));
        assert_eq!(status(&report, "versions"), Some(HealthStatus::Healthy));
        report.convergence = edges(50.0);
        report.builds.push(build("proxy", "1.25.1", 1.0));
        assert_eq!(status(&report, "convergence"), Some(HealthStatus::Degraded));
        assert_eq!(status(&report, "versions"), Some(HealthStatus::Degraded));
        report.builds = vec![build("pilot", "1.27.0", 1.0), build("proxy", "1.28.0", 1.0)];
        assert_eq!(status(&report, "versions"), Some(HealthStatus::Degraded));
    }

    #[test]
    fn a_root_certificate_is_judged_by_the_days_left() {
        for (days, wanted) in [
            (-1.0, HealthStatus::Failing),
            (3.0, HealthStatus::Failing),
            (20.0, HealthStatus::Degraded),
            (400.0, HealthStatus::Healthy),
        ] {
            let report = ControlPlaneReport {
                root_cert_expires_in_secs: Some(days * DAY),
                ..ControlPlaneReport::default()
            };
            assert_eq!(status(&report, "root_certificate"), Some(wanted), "{days}");
        }
    }
}
