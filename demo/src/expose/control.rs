//! What istiod says of itself on its own port.

use super::{Exposed, escaped, family, line};
use crate::World;
use crate::control::{EDGES_SECS, IstiodPod, XDS};

const CONVERGENCE: &str = "pilot_proxy_convergence_time";

impl World {
    pub(super) fn expose_control_plane(&self, text: &mut String) {
        let istiods = self.istiods();
        // One that is starting does not answer yet.
        let istiods: Vec<(String, &IstiodPod<'_>)> = istiods
            .iter()
            .filter(|it| it.is_up)
            .map(|it| (Exposed::of(it.workload, it.pod).at, it))
            .collect();
        let version = |it: &IstiodPod<'_>| {
            let tag = it.workload.deployment.tag.as_deref().unwrap_or_default();
            format!(",version=\"{}\"", escaped(tag))
        };
        let mut gauge = |name: &str, value: &dyn Fn(&IstiodPod<'_>) -> (String, i64)| {
            family(text, name, "gauge");
            for (at, it) in &istiods {
                let (more, value) = value(it);
                line(text, name, at, &more, &value);
            }
        };
        let none = String::new;
        let ends_secs = self.root_cert_ends_secs();
        let now_secs = self.now().0.div_euclid(1000);
        gauge("citadel_server_root_cert_expiry_seconds", &|_| {
            (none(), ends_secs - now_secs)
        });
        gauge("citadel_server_root_cert_expiry_timestamp", &|_| {
            (none(), ends_secs)
        });
        gauge("istiod_uptime_seconds", &|it| {
            (none(), self.uptime_secs(it.pod))
        });
        gauge("pilot_info", &|it| (version(it), 1));
        gauge("pilot_xds", &|it| (version(it), it.n_connected as i64));
        gauge("process_start_time_seconds", &|it| {
            (none(), it.started_ms().div_euclid(1000))
        });

        for name in [
            "pilot_total_xds_internal_errors",
            "pilot_total_xds_rejects",
            "pilot_xds_write_timeout",
        ] {
            family(text, name, "counter");
            for (at, _) in &istiods {
                line(text, name, at, "", &0);
            }
        }
        for kind in XDS {
            let name = format!("pilot_xds_{kind}_reject");
            family(text, &name, "gauge");
            for (at, _) in &istiods {
                line(text, &name, at, "", &0);
            }
        }
        family(text, "pilot_xds_pushes", "counter");
        for (at, it) in &istiods {
            for (kind, n) in XDS.iter().zip(it.pod.pushes.pushes) {
                line(
                    text,
                    "pilot_xds_pushes",
                    at,
                    &format!(",type=\"{kind}\""),
                    &n,
                );
            }
        }
        family(text, CONVERGENCE, "histogram");
        for (at, it) in &istiods {
            convergence(text, at, it);
        }
    }
}

fn convergence(text: &mut String, at: &str, it: &IstiodPod<'_>) {
    let mut sum = 0;
    let edges = EDGES_SECS.into_iter().map(Some).chain([None]);
    let bucket = format!("{CONVERGENCE}_bucket");
    for (edge, n) in edges.zip(it.pod.pushes.convergence) {
        sum += n;
        let le = match edge {
            Some(edge) => format!(",le=\"{edge}\""),
            None => ",le=\"+Inf\"".to_owned(),
        };
        line(text, &bucket, at, &le, &sum);
    }
    let secs = (it.pod.pushes.convergence_secs * 1e6).round() / 1e6;
    line(text, &format!("{CONVERGENCE}_sum"), at, "", &secs);
    line(text, &format!("{CONVERGENCE}_count"), at, "", &sum);
}
