//! How rows say what they know.

use mesh::api::graph::{Flow, Traffic};
use mesh::api::workload::{Injection, InjectionMode, Mtls, MtlsMode, ObjectLink, Pods};

use crate::numbers::{self, NO_DATA};

/// Writes the rate of some traffic; of TCP alone, its bytes both ways. Requests and bytes are never added.
pub fn rate(traffic: Option<&Traffic>, flow: &Flow) -> String {
    let bytes = [flow.client_to_server_bps, flow.server_to_client_bps];
    match traffic {
        Some(traffic) if traffic.requests > 0.0 => numbers::rate(traffic.rps),
        _ if bytes.iter().any(Option::is_some) => bytes_per_sec(bytes.iter().flatten().sum()),
        Some(traffic) => numbers::rate(traffic.rps),
        None => NO_DATA.to_owned(),
    }
}

/// Writes bytes a second: `1.2 MB/s`.
fn bytes_per_sec(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"];
    let (mut value, mut unit) = (bytes, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    match value {
        v if !v.is_finite() || v < 0.0 => NO_DATA.to_owned(),
        0.0 => "0".to_owned(),
        v if v < 0.1 => format!("< 0.1 {unit}"),
        v if v < 9.95 => format!("{v:.1} {unit}"),
        v => format!("{v:.0} {unit}"),
    }
}

/// Writes how many pods are ready: `2 / 3`.
pub fn pods(pods: Option<Pods>) -> String {
    pods.map_or_else(
        || NO_DATA.to_owned(),
        |it| format!("{} / {}", it.ready, it.wanted),
    )
}

/// Writes how traffic gets into the mesh.
pub fn injection(injection: &Injection) -> &'static str {
    match injection.mode {
        InjectionMode::None => "Not injected",
        InjectionMode::Mixed => "Partly",
        InjectionMode::Unknown => NO_DATA,
        InjectionMode::Sidecar => "Sidecar",
        InjectionMode::Ambient => "Ambient",
        InjectionMode::Gateway => "Gateway",
    }
}

/// Returns whether someone should look at how traffic gets into the mesh.
pub fn is_outside(injection: &Injection) -> bool {
    matches!(injection.mode, InjectionMode::None | InjectionMode::Mixed)
}

/// Returns the word for a mode of mutual TLS.
pub fn mode(mode: MtlsMode) -> &'static str {
    match mode {
        MtlsMode::Strict => "Strict",
        MtlsMode::Permissive => "Permissive",
        MtlsMode::Disable => "Disabled",
    }
}

/// Writes mutual TLS in a cell: the mode in force where it is known, and the share of calls that had it.
pub fn mtls(mtls: &Mtls) -> String {
    let share = mtls.ratio.map(numbers::share);
    match (mtls.mode.map(mode), share) {
        (Some(mode), Some(share)) => format!("{mode} · {share}"),
        (Some(mode), None) => mode.to_owned(),
        (None, Some(share)) => share,
        (None, None) => NO_DATA.to_owned(),
    }
}

/// Says mutual TLS in a sentence.
pub fn mtls_in_words(mtls: &Mtls) -> String {
    let seen = match mtls.ratio {
        None => "No call in this window says whether it had mutual TLS.".to_owned(),
        Some(ratio) if ratio >= 1.0 => "All calls in this window had mutual TLS.".to_owned(),
        Some(ratio) if ratio <= 0.0 => "No call in this window had mutual TLS.".to_owned(),
        Some(ratio) => format!(
            "{} of the calls in this window had mutual TLS.",
            numbers::share(ratio)
        ),
    };
    let demanded = mtls.mode.map(|it| match it {
        MtlsMode::Strict => "Plain text is refused",
        MtlsMode::Permissive => "Plain text is accepted, too",
        MtlsMode::Disable => "Mutual TLS is off",
    });
    match (demanded, &mtls.said_by) {
        (None, _) => seen,
        (Some(demanded), None) => format!("{demanded}: no object says otherwise. {seen}"),
        (Some(demanded), Some(object)) => {
            format!("{demanded}, says {}. {seen}", object_name(object))
        }
    }
}

/// Writes an object: `PeerAuthentication default in shop`.
pub fn object_name(object: &ObjectLink) -> String {
    format!("{} {} in {}", object.kind, object.name, object.namespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_written_as_a_rate_and_tcp_alone_as_bytes() {
        let traffic = |rps: f64| Traffic {
            rps,
            requests: rps * 300.0,
            ..Traffic::default()
        };
        let flow = Flow {
            client_to_server_bps: Some(1_000_000.0),
            server_to_client_bps: Some(234_000.0),
            ..Flow::default()
        };
        let none = Flow::default();
        assert_eq!(rate(Some(&traffic(12.4)), &flow), "12.4 rps");
        assert_eq!(rate(Some(&traffic(0.0)), &flow), "1.2 MB/s");
        assert_eq!(rate(None, &flow), "1.2 MB/s");
        assert_eq!(rate(Some(&traffic(0.0)), &none), "0");
        assert_eq!(rate(None, &none), "–");
        assert_eq!(bytes_per_sec(999.6), "1.0 kB/s");
        assert_eq!(bytes_per_sec(0.01), "< 0.1 B/s");
    }

    #[test]
    fn mutual_tls_is_said_with_what_demands_it() {
        let object = ObjectLink {
            kind: "PeerAuthentication".to_owned(),
            namespace: "shop".to_owned(),
            name: "default".to_owned(),
            route: None,
        };
        let strict = Mtls {
            ratio: Some(0.98),
            mode: Some(MtlsMode::Strict),
            said_by: Some(object),
        };
        assert_eq!(mtls(&strict), "Strict · 98 %");
        assert_eq!(
            mtls_in_words(&strict),
            "Plain text is refused, says PeerAuthentication default in shop. 98 % of the calls in this \
             window had mutual TLS."
        );
        assert_eq!(mtls(&Mtls::default()), "–");
    }
}
