//! Which kinds of objects are read, and where the API server has them.

use kube::Client;
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery;
use mesh::object::text_at;
use mesh::preflight;
use serde_json::Value;

/// A kind that is read or written.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The kind as Kubernetes writes it.
    pub kind: &'static str,
    /// Its group; empty for the core one.
    pub group: &'static str,
    /// What of it is kept.
    pub kept: Kept,
}

/// What is kept of the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// All that a person wrote, and who wrote it.
    Whole,
    /// What a mesh asks of it: its state changes all the time, and mostly in what nobody looks at.
    Part,
    /// That it is there: what it holds is secret, and never asked for.
    Name,
    /// Nothing: it is only written.
    Nothing,
}

const ISTIO: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";
const GATEWAY_API: &str = "gateway.networking.k8s.io";

const fn kind(kind: &'static str, group: &'static str, kept: Kept) -> Kind {
    Kind { kind, group, kept }
}

/// All of them, sorted by kind and then as a snapshot is; where two groups have a kind of one name, writes go to the
/// first.
pub const KINDS: [Kind; 25] = [
    kind("AuthorizationPolicy", SECURITY, Kept::Whole),
    kind("ControllerRevision", "apps", Kept::Nothing),
    kind("DaemonSet", "apps", Kept::Part),
    kind("Deployment", "apps", Kept::Part),
    kind("DestinationRule", ISTIO, Kept::Whole),
    kind("EnvoyFilter", ISTIO, Kept::Whole),
    kind("Event", "", Kept::Nothing),
    kind("GRPCRoute", GATEWAY_API, Kept::Whole),
    kind("Gateway", ISTIO, Kept::Whole),
    kind("Gateway", GATEWAY_API, Kept::Whole),
    kind("HTTPRoute", GATEWAY_API, Kept::Whole),
    kind(
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io",
        Kept::Part,
    ),
    kind("Namespace", "", Kept::Part),
    kind("PeerAuthentication", SECURITY, Kept::Whole),
    kind("Pod", "", Kept::Part),
    kind("RequestAuthentication", SECURITY, Kept::Whole),
    kind("Rollout", "argoproj.io", Kept::Part),
    kind("Secret", "", Kept::Name),
    kind("Service", "", Kept::Part),
    kind("ServiceEntry", ISTIO, Kept::Whole),
    kind("Sidecar", ISTIO, Kept::Whole),
    kind("StatefulSet", "apps", Kept::Part),
    kind("Telemetry", "telemetry.istio.io", Kept::Whole),
    kind("VirtualService", ISTIO, Kept::Whole),
    kind("WorkloadEntry", ISTIO, Kept::Whole),
];

/// Returns whether a kind is, or may be, one of Istio's or of the Gateway API's.
pub fn is_of_mesh(kind: &str) -> bool {
    let is_of = |it: &&Kind| it.group == GATEWAY_API || it.group.ends_with(".istio.io");
    KINDS.iter().filter(is_of).any(|it| it.kind == kind)
}

impl Kind {
    /// Returns the kind that writes of this name go to.
    pub fn named(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|it| it.kind == name)
    }

    /// Returns the kind of an object.
    pub fn of(object: &Value) -> Option<&'static Kind> {
        let name = text_at(object, "/kind")?;
        let version = text_at(object, "/apiVersion")?;
        let group = version.split_once('/').map_or("", |(group, _)| group);
        KINDS.iter().find(|it| it.kind == name && it.group == group)
    }

    /// Returns whether its objects are in no namespace.
    pub fn is_cluster_wide(&self) -> bool {
        matches!(self.kind, "Namespace" | "MutatingWebhookConfiguration")
    }

    /// Returns where the API server has it, in the newest version that it serves; `None` where it does not.
    /// The plural is Kubernetes's own for all of these.
    pub fn at(&self, served: &Served) -> Option<ApiResource> {
        served
            .of(self.group)?
            .recommended_kind(self.kind)
            .map(|(found, _)| found)
    }

    /// Returns it as a preflight wants to know it.
    pub fn told(&self, place: Option<ApiResource>, is_served: Option<bool>) -> preflight::Kind {
        preflight::Kind {
            kind: self.kind.to_owned(),
            group: self.group.to_owned(),
            plural: place.map(|it| it.plural),
            is_cluster_wide: self.is_cluster_wide(),
            is_read: self.kept != Kept::Nothing,
            is_served,
        }
    }

    /// Returns where Kubernetes itself has it: these have been at `v1` for longer than any server that runs.
    pub fn built_in(&self) -> Option<ApiResource> {
        let is_built_in = matches!(self.group, "" | "apps" | "admissionregistration.k8s.io");
        let gvk = GroupVersionKind::gvk(self.group, "v1", self.kind);
        is_built_in.then(|| ApiResource::from_gvk(&gvk))
    }
}

/// Returns all kinds, as a cluster has them that serves them all.
pub fn all_kinds() -> Vec<preflight::Kind> {
    let kinds = KINDS.iter().map(|kind| {
        let gvk = GroupVersionKind::gvk(kind.group, "v1", kind.kind);
        kind.told(Some(ApiResource::from_gvk(&gvk)), Some(true))
    });
    kinds.collect()
}

/// What groups an API server serves beside its own.
#[derive(Default)]
pub struct Served {
    groups: Vec<discovery::ApiGroup>,
}

impl Served {
    /// Asks which of the groups of [`KINDS`] there are, one after the other.
    pub async fn ask(client: &Client) -> Result<Served, kube::Error> {
        let mut groups: Vec<&str> = KINDS
            .iter()
            .filter(|it| it.built_in().is_none())
            .map(|it| it.group)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let mut served = Served::default();
        for group in groups {
            match discovery::group(client, group).await {
                Ok(found) => served.groups.push(found),
                Err(kube::Error::Discovery(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(served)
    }

    fn of(&self, group: &str) -> Option<&discovery::ApiGroup> {
        self.groups.iter().find(|it| it.name() == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_in_the_order_of_a_snapshot_and_named_once() {
        assert!(KINDS.is_sorted_by_key(|it| it.kind));
        let named = |it: &Kind| Kind::named(it.kind).map(|found| found.group);
        let two = KINDS.iter().filter(|it| named(it) != Some(it.group));
        let two: Vec<&str> = two.map(|it| it.group).collect();
        assert_eq!(
            two,
            [GATEWAY_API],
            "only Gateway has two homes, and Istio's is written"
        );
    }

    #[test]
    fn what_is_built_in_needs_no_discovery() {
        let at = |kind: &str| {
            let found = Kind::named(kind).and_then(Kind::built_in);
            found.map(|it| format!("{} {}", it.api_version, it.plural))
        };
        assert_eq!(at("Namespace").as_deref(), Some("v1 namespaces"));
        assert_eq!(
            at("ControllerRevision").as_deref(),
            Some("apps/v1 controllerrevisions")
        );
        assert_eq!(
            at("MutatingWebhookConfiguration").as_deref(),
            Some("admissionregistration.k8s.io/v1 mutatingwebhookconfigurations")
        );
        assert_eq!(at("VirtualService"), None);
    }
}
