//! Whether Istio is there: its resources, its control planes, their revisions, and the labels that name them.

use super::{Cluster, Look, count, lines, named};
use crate::api::preflight::Item;
use crate::injection::label::{self, Label};
use crate::inventory::{AMBIENT_LABEL, Injection, NAMESPACE_LABEL, REVISION_LABEL, Workload};
use crate::sources::is_aks_addon;

const CRDS: Look = Look {
    id: "istio.resources",
    title: "Istio's resources",
    why: "Routes, DestinationRules and Gateways can only be where the API serves their kinds.",
};

const ISTIOD: Look = Look {
    id: "istio.istiod",
    title: "Control plane",
    why: "Without a ready istiod, proxies get no changes and new pods no sidecar.",
};

const REVISIONS: Look = Look {
    id: "istio.revisions",
    title: "Revisions and tags",
    why: "The label that lets a namespace in is that of a revision, or of a tag for one.",
};

const LABELS: Look = Look {
    id: "istio.labels",
    title: "Labels of namespaces",
    why: "Where a label names what does not run, new pods get no sidecar, and nobody says so.",
};

const GATEWAY_API: Look = Look {
    id: "istio.gateway_api",
    title: "Gateway API",
    why: "HTTPRoutes and GRPCRoutes are steered as VirtualServices are.",
};

/// Returns how Istio stands.
pub fn items(cluster: &Cluster<'_>) -> Vec<Item> {
    vec![
        resources(cluster),
        istiod(cluster),
        revisions(cluster),
        labels(cluster),
        gateway_api(cluster),
    ]
}

fn install(cluster: &Cluster<'_>) -> &'static str {
    match cluster.is_aks() {
        true => "az aks mesh enable --resource-group RESOURCE_GROUP --name CLUSTER",
        false => "istioctl x precheck\nistioctl install --set profile=default",
    }
}

/// Returns the kinds of groups that end so: those that are served, those that are not; `None` where it is not known.
fn served(cluster: &Cluster<'_>, group: &str) -> Option<(Vec<String>, Vec<String>)> {
    let of = cluster.kinds.iter().filter(|it| it.group.ends_with(group));
    let (mut there, mut lacking) = (Vec::new(), Vec::new());
    for kind in of {
        match kind.is_served? {
            true => there.push(kind.kind.clone()),
            false => lacking.push(kind.kind.clone()),
        }
    }
    Some((there, lacking))
}

fn resources(cluster: &Cluster<'_>) -> Item {
    let Some((there, lacking)) = served(cluster, ".istio.io") else {
        return CRDS.unknown("What the API serves is not known yet.");
    };
    if there.is_empty() {
        return CRDS
            .fail("The API serves none of Istio's kinds: Istio is not installed here.")
            .mend("install Istio, or give the context of the cluster that has it")
            .paste(install(cluster));
    }
    if !lacking.is_empty() {
        return CRDS
            .warn(format!("The API does not serve {}.", named(&lacking)))
            .mend("bring the definitions to the version of the control plane")
            .paste("istioctl version\nkubectl get crd -l app.kubernetes.io/part-of=istio");
    }
    CRDS.ok(format!(
        "The API serves all {} of Istio's kinds that are read.",
        there.len()
    ))
}

fn is_istiod(workload: &&Workload) -> bool {
    workload.labels.get("app").is_some_and(|it| it == "istiod")
        || workload.name == "istiod"
        || workload.name.starts_with("istiod-")
}

fn istiod(cluster: &Cluster<'_>) -> Item {
    if let Some(why) = cluster.unknown_of(&["Deployment"]) {
        return ISTIOD.unknown(why);
    }
    let workloads = cluster.inventory.workloads.values();
    let all: Vec<&Workload> = workloads.filter(is_istiod).collect();
    if all.is_empty() {
        return no_istiod(cluster);
    }
    let told: Vec<String> = all
        .iter()
        .map(|it| {
            let revision = it
                .labels
                .get(REVISION_LABEL)
                .map_or("default", String::as_str);
            format!(
                "{} in {} (revision {revision}): {} of {} ready",
                it.name,
                it.namespace,
                it.ready,
                count(it.wanted as usize, "pod")
            )
        })
        .collect();
    let told = format!("{}.", named(&told));
    let lame = |it: &&&Workload| it.ready < it.wanted || it.wanted == 0;
    let looks: Vec<String> = all
        .iter()
        .filter(lame)
        .map(|it| format!("kubectl -n {} describe pods -l app=istiod", it.namespace))
        .collect();
    if looks.is_empty() {
        return ISTIOD.ok(told);
    }
    let item = match all.iter().any(|it| it.ready == 0) {
        true => ISTIOD.fail(told),
        false => ISTIOD.warn(told),
    };
    item.mend("see why its pods are not ready")
        .paste(lines(&looks))
}

fn no_istiod(cluster: &Cluster<'_>) -> Item {
    if cluster.is_limited() {
        let namespace = match cluster.is_aks() {
            true => "aks-istio-system",
            false => "istio-system",
        };
        return ISTIOD
            .unknown("No istiod runs in the namespaces that are read.")
            .mend(format!(
                "read its namespace, too: --cluster-namespace {namespace}"
            ));
    }
    let mut pods = cluster.inventory.pods.values();
    if pods.any(|it| it.has_sidecar) {
        return ISTIOD
            .warn("No istiod runs in this cluster, though pods have sidecars.")
            .mend("where the control plane runs elsewhere, that is as it should be; else bring it back")
            .paste("kubectl get deployments -A -l app=istiod");
    }
    ISTIOD
        .fail("No istiod runs in this cluster.")
        .mend("install Istio, or give the context of the cluster that has it")
        .paste(install(cluster))
}

fn revisions(cluster: &Cluster<'_>) -> Item {
    if let Some(why) = cluster.unknown_of(&["Deployment", "MutatingWebhookConfiguration"]) {
        return REVISIONS.unknown(why);
    }
    let inventory = cluster.inventory;
    if inventory.revisions.is_empty() {
        return REVISIONS.unknown("No control plane is seen, so its revisions are not known.");
    }
    let names: Vec<String> = inventory.revisions.iter().cloned().collect();
    let tags: Vec<String> = inventory
        .tags
        .iter()
        .map(|(tag, revision)| format!("{tag} → {revision}"))
        .collect();
    let tags = match tags.is_empty() {
        true => "no tags".to_owned(),
        false => format!("tags: {}", named(&tags)),
    };
    let label = label::of_mesh(inventory).line(false).text;
    let kind = match is_aks_addon(inventory) {
        true => format!(
            "Istio is the add-on of AKS: namespaces take {label}, and {NAMESPACE_LABEL}=enabled does nothing here."
        ),
        false => format!("Istio is one of your own: namespaces take {label}."),
    };
    let message = format!("Revisions: {}; {tags}. {kind}", named(&names));
    let dangling = inventory
        .tags
        .iter()
        .filter(|(_, revision)| !inventory.revisions.contains(*revision));
    let dangling: Vec<String> = dangling
        .map(|(tag, _)| {
            let to = names.last().map_or("REVISION", String::as_str);
            format!("istioctl tag set {tag} --revision {to} --overwrite")
        })
        .collect();
    if dangling.is_empty() || cluster.is_limited() {
        return REVISIONS.ok(message);
    }
    REVISIONS
        .warn(format!(
            "{message} {} stand for a revision that does not run.",
            count(dangling.len(), "tag")
        ))
        .mend("point them at one that runs")
        .paste(lines(&dangling))
}

fn labels(cluster: &Cluster<'_>) -> Item {
    let needed = [
        "Namespace",
        "Deployment",
        "DaemonSet",
        "MutatingWebhookConfiguration",
    ];
    if let Some(why) = cluster.unknown_of(&needed) {
        return LABELS.unknown(why);
    }
    let inventory = cluster.inventory;
    if inventory.revisions.is_empty() {
        return LABELS
            .unknown("No control plane is seen, so whether its revision runs is not known.");
    }
    let right = label::of_mesh(inventory);
    let (mut n_sound, mut wrong, mut commands) = (0_usize, Vec::new(), Vec::new());
    for (namespace, labels) in &inventory.namespaces {
        let asks = match Injection::of_namespace(labels) {
            Injection::Sidecar { revision } => {
                let runs = inventory
                    .revision_behind(revision.as_deref())
                    .is_some_and(|it| inventory.revisions.contains(it));
                (!runs).then(|| match revision {
                    Some(revision) => format!("{REVISION_LABEL}={revision}"),
                    None => format!("{NAMESPACE_LABEL}=enabled"),
                })
            }
            // Where only some namespaces are read, ztunnel may be in another.
            Injection::Ambient => (!inventory.has_ztunnel && !cluster.is_limited())
                .then(|| format!("{AMBIENT_LABEL}=ambient")),
            Injection::Off | Injection::Unset => continue,
        };
        let Some(asks) = asks else {
            n_sound += 1;
            continue;
        };
        wrong.push(format!("{namespace} ({asks})"));
        let mut line = right.line(labels.contains_key(NAMESPACE_LABEL)).text;
        if right == Label::Default && labels.contains_key(REVISION_LABEL) {
            line += &format!(" {REVISION_LABEL}-");
        }
        commands.push(format!(
            "kubectl label namespace {namespace} {line} --overwrite"
        ));
    }
    if wrong.is_empty() {
        return LABELS.ok(match n_sound {
            0 => "No namespace has a label of the mesh.".to_owned(),
            n => format!(
                "{} with a label of the mesh, and what it names runs.",
                count(n, "namespace")
            ),
        });
    }
    let what = "label that nothing here answers to";
    let message = match cluster.is_limited() {
        true => format!(
            "A {what}, as far as namespaces are read: {}.",
            named(&wrong)
        ),
        false => format!("A {what}: {}.", named(&wrong)),
    };
    let item = match cluster.is_limited() {
        true => LABELS.unknown(message),
        false => LABELS.fail(message),
    };
    item.mend("label them for what runs, and restart their workloads")
        .paste(lines(&commands))
}

fn gateway_api(cluster: &Cluster<'_>) -> Item {
    let Some((there, lacking)) = served(cluster, "gateway.networking.k8s.io") else {
        return GATEWAY_API.unknown("What the API serves is not known yet.");
    };
    if there.is_empty() {
        return GATEWAY_API.ok("It is not here, and need not be: Istio's own kinds are steered.");
    }
    let also = match lacking.is_empty() {
        true => String::new(),
        false => format!(" Not here: {}.", named(&lacking)),
    };
    GATEWAY_API.ok(format!("The API serves {}.{also}", named(&there)))
}
