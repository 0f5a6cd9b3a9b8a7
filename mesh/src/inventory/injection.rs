//! How pods come into the mesh: by a sidecar, by ambient, or not.
//!
//! Rules: <https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/#controlling-the-injection-policy>
//! and <https://istio.io/latest/docs/ambient/usage/add-workloads/>.

use super::workload::INJECT;
use super::{Labels, Workload};

/// The label of a namespace for the default revision.
pub const NAMESPACE_LABEL: &str = "istio-injection";
/// The label of a namespace or a pod that names a revision, or a tag of one.
pub const REVISION_LABEL: &str = "istio.io/rev";
/// The label of a namespace or a pod for ambient.
pub const AMBIENT_LABEL: &str = "istio.io/dataplane-mode";

/// How pods come into the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Injection {
    /// A sidecar is put into new pods.
    Sidecar {
        /// The revision or the tag that does it; the default one where none is named.
        revision: Option<String>,
    },
    /// The machine's ztunnel takes their traffic.
    Ambient,
    /// They were told to stay out.
    Off,
    /// Nobody said anything: they are out.
    #[default]
    Unset,
}

impl Injection {
    /// Returns what a namespace with these labels says to pods that say nothing themselves.
    pub fn of_namespace(labels: &Labels) -> Self {
        Self::of_pods(labels, &Pods::default())
    }

    /// Returns what comes of the labels of the namespace and of the workload's pods. Whoever says no wins, and
    /// the namespace's revision goes before the pod's.
    pub fn of(namespace: &Labels, workload: &Workload) -> Self {
        let label = |name: &str| workload.labels.get(name).map(String::as_str);
        let said = |text: Option<&str>| text.and_then(|text| text.parse::<bool>().ok());
        let annotation = workload.annotations.get(INJECT).map(String::as_str);
        Self::of_pods(
            namespace,
            &Pods {
                // The annotation can only refuse: the injector is not asked about a pod for its sake.
                inject: said(label(INJECT)).or(said(annotation).filter(|yes| !yes)),
                revision: label(REVISION_LABEL),
                mode: label(AMBIENT_LABEL),
                host_network: workload.host_network,
            },
        )
    }

    fn of_pods(namespace: &Labels, pods: &Pods) -> Self {
        if pods.host_network {
            return Self::Off;
        }
        let label = |name: &str| namespace.get(name).map(String::as_str);
        let switch = label(NAMESPACE_LABEL);
        let is_refused = switch == Some("disabled") || pods.inject == Some(false);
        let asked = match (switch, label(REVISION_LABEL)) {
            // Goes before a revision, for the sake of those who had it first.
            (Some("enabled"), _) => Some(None),
            // The webhooks of revisions want the other label to be absent.
            (Some(_), _) => None,
            (None, Some(revision)) => Some(Some(revision)),
            (None, None) => match (pods.revision, pods.inject) {
                (Some(revision), _) => Some(Some(revision)),
                (None, Some(true)) => Some(None),
                (None, _) => None,
            },
        };
        if let Some(revision) = asked.filter(|_| !is_refused) {
            // Pods with sidecars are not captured by ambient.
            return Self::Sidecar {
                revision: revision.map(str::to_owned),
            };
        }
        match (pods.mode, label(AMBIENT_LABEL)) {
            (Some("none"), _) => Self::Off,
            (Some("ambient"), _) | (None, Some("ambient")) => Self::Ambient,
            (_, Some("none")) => Self::Off,
            _ if is_refused => Self::Off,
            _ => Self::Unset,
        }
    }

    /// Returns whether pods come into the mesh.
    pub fn is_in(&self) -> bool {
        matches!(self, Self::Sidecar { .. } | Self::Ambient)
    }
}

/// What pods say of themselves.
#[derive(Default)]
struct Pods<'a> {
    inject: Option<bool>,
    revision: Option<&'a str>,
    mode: Option<&'a str>,
    host_network: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        let pairs = text.split_whitespace().filter_map(|it| it.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }

    fn of(namespace: &str, pod: &str) -> String {
        let workload = Workload {
            labels: labels(pod),
            ..Workload::default()
        };
        match Injection::of(&labels(namespace), &workload) {
            Injection::Sidecar { revision } => {
                format!("sidecar {}", revision.as_deref().unwrap_or("default"))
            }
            other => format!("{other:?}").to_lowercase(),
        }
    }

    #[test]
    fn injection_follows_istios_table() {
        for (namespace, pod, wanted) in [
            ("", "", "unset"),
            ("istio-injection=enabled", "", "sidecar default"),
            ("istio-injection=disabled", "", "off"),
            // Whoever says no wins.
            (
                "istio-injection=enabled",
                "sidecar.istio.io/inject=false",
                "off",
            ),
            (
                "istio-injection=disabled",
                "sidecar.istio.io/inject=true",
                "off",
            ),
            ("", "sidecar.istio.io/inject=true", "sidecar default"),
            ("", "sidecar.istio.io/inject=false", "off"),
            ("istio.io/rev=asm-1-26", "", "sidecar asm-1-26"),
            ("istio.io/rev=a", "istio.io/rev=b", "sidecar a"),
            ("", "istio.io/rev=b", "sidecar b"),
            ("", "istio.io/rev=b sidecar.istio.io/inject=false", "off"),
            // The older label goes first.
            (
                "istio-injection=enabled istio.io/rev=a",
                "",
                "sidecar default",
            ),
            ("istio-injection=disabled istio.io/rev=a", "", "off"),
            ("istio.io/dataplane-mode=ambient", "", "ambient"),
            (
                "istio.io/dataplane-mode=ambient",
                "istio.io/dataplane-mode=none",
                "off",
            ),
            ("", "istio.io/dataplane-mode=ambient", "ambient"),
            (
                "istio.io/dataplane-mode=ambient",
                "sidecar.istio.io/inject=true",
                "sidecar default",
            ),
            (
                "istio.io/dataplane-mode=ambient istio-injection=disabled",
                "",
                "ambient",
            ),
        ] {
            assert_eq!(of(namespace, pod), wanted, "{namespace} / {pod}");
        }
    }

    #[test]
    fn an_annotation_refuses_but_does_not_ask_and_host_network_stays_out() {
        let annotated = |value: &str| Workload {
            annotations: labels(&format!("sidecar.istio.io/inject={value}")),
            ..Workload::default()
        };
        let enabled = labels("istio-injection=enabled");
        assert_eq!(Injection::of(&enabled, &annotated("false")), Injection::Off);
        let nothing = Labels::new();
        assert_eq!(
            Injection::of(&nothing, &annotated("true")),
            Injection::Unset
        );
        let host = Workload {
            host_network: true,
            ..Workload::default()
        };
        assert_eq!(Injection::of(&enabled, &host), Injection::Off);
    }
}
