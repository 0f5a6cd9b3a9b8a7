//! Which rights are needed, which are missing, and the role that holds exactly those.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cluster, Kind, Look, Place, count, named};
use crate::api::preflight::{Item, Status};

/// What a right is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// To see the mesh.
    Read,
    /// To see whether certificates are there.
    Secrets,
    /// To steer traffic.
    Write,
    /// To leave a record of it.
    Record,
    /// To reach Prometheus through the API server.
    Metrics,
    /// To ask Jaeger through the API server.
    Traces,
}

/// A right, as the API server is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Right {
    /// What it is needed for.
    pub purpose: Purpose,
    /// The namespace; empty for all of them, and for what is in none.
    pub namespace: String,
    /// The group; empty for the core one.
    pub group: String,
    /// The plural of the kind.
    pub resource: String,
    /// What of it, where it is only a part: `proxy`.
    pub subresource: &'static str,
    /// The name of the one object, where only one is meant.
    pub name: String,
    /// Kubernetes's word for what is done.
    pub verb: &'static str,
}

impl Right {
    /// Returns the resource with its part, as roles write it.
    fn resource(&self) -> String {
        match self.subresource {
            "" => self.resource.clone(),
            part => format!("{}/{part}", self.resource),
        }
    }
}

/// A right, and whether whoever asks has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The right.
    pub right: Right,
    /// Whether they have it; `None` where the server did not say.
    pub is_allowed: Option<bool>,
}

/// Without these there is little to see.
const ESSENTIAL: [&str; 6] = [
    "deployments",
    "destinationrules",
    "namespaces",
    "pods",
    "services",
    "virtualservices",
];
/// Objects that one asks for by name before they are changed.
const ROUTES: [&str; 3] = ["GRPCRoute", "HTTPRoute", "VirtualService"];
const ISTIO: &str = "networking.istio.io";

/// Returns the rights that are needed, sorted: for the kinds that the server has, in these namespaces (all where
/// there are none); and to get to a Prometheus and a Jaeger that are reached through the API server.
pub fn wanted(
    kinds: &[Kind],
    namespaces: &[String],
    metrics: Option<&Place>,
    traces: Option<&Place>,
) -> Vec<Right> {
    let mut all = BTreeSet::new();
    for kind in kinds {
        let Some(resource) = kind
            .plural
            .as_ref()
            .filter(|_| kind.is_served == Some(true))
        else {
            continue;
        };
        let everywhere = vec![String::new()];
        let scopes = match kind.is_cluster_wide || namespaces.is_empty() {
            true => &everywhere,
            false => namespaces,
        };
        for (purpose, verb) in needs(kind) {
            all.extend(scopes.iter().map(|namespace| Right {
                purpose,
                namespace: namespace.clone(),
                group: kind.group.clone(),
                resource: resource.clone(),
                subresource: "",
                name: String::new(),
                verb,
            }));
        }
    }
    // Long questions are posted to Prometheus, none to Jaeger.
    let proxied: [(_, _, &[&'static str]); 2] = [
        (Purpose::Metrics, metrics, &["create", "get"]),
        (Purpose::Traces, traces, &["get"]),
    ];
    for (purpose, place, verbs) in proxied {
        let Some(place) = place else {
            continue;
        };
        all.extend(verbs.iter().map(|verb| Right {
            purpose,
            namespace: place.namespace.clone(),
            group: String::new(),
            resource: "services".to_owned(),
            subresource: "proxy",
            name: format!("{}:{}", place.name, place.port),
            verb,
        }));
    }
    all.into_iter().collect()
}

fn needs(kind: &Kind) -> Vec<(Purpose, &'static str)> {
    let mut needs = Vec::new();
    let is_istios = kind.group == ISTIO;
    if kind.is_read {
        let purpose = match kind.kind.as_str() {
            "Secret" => Purpose::Secrets,
            _ => Purpose::Read,
        };
        needs.extend([(purpose, "list"), (purpose, "watch")]);
    }
    if ROUTES.contains(&kind.kind.as_str()) {
        needs.extend([(Purpose::Read, "get"), (Purpose::Write, "patch")]);
    }
    match kind.kind.as_str() {
        // Two that are joined become one, and two again.
        "VirtualService" => needs.extend([(Purpose::Write, "create"), (Purpose::Write, "delete")]),
        // What was made is taken back by deleting it.
        "DestinationRule" | "Gateway" if is_istios => {
            let verbs = ["create", "delete", "patch"];
            needs.extend(verbs.map(|verb| (Purpose::Write, verb)));
        }
        // Copies are noted as applied, and go when nothing takes their changes back any more.
        "ControllerRevision" => {
            let verbs = ["create", "delete", "get", "patch"];
            needs.extend(verbs.map(|verb| (Purpose::Record, verb)));
        }
        "Event" => needs.push((Purpose::Record, "create")),
        _ => {}
    }
    needs
}

impl Purpose {
    const ALL: [Purpose; 6] = [
        Purpose::Read,
        Purpose::Secrets,
        Purpose::Write,
        Purpose::Record,
        Purpose::Metrics,
        Purpose::Traces,
    ];

    fn look(self) -> Look {
        match self {
            Purpose::Read => Look {
                id: "rights.read",
                title: "To see the mesh",
                why: "What hangs on a kind that may not be listed can't be told.",
            },
            Purpose::Secrets => Look {
                id: "rights.secrets",
                title: "To see whether certificates are there",
                why: "Only names and types are asked for; but whoever may list Secrets may read them, so weigh it.",
            },
            Purpose::Write => Look {
                id: "rights.write",
                title: "To steer traffic",
                why: "Weights are set, and routes joined and parted, in the objects themselves.",
            },
            Purpose::Record => Look {
                id: "rights.record",
                title: "To leave a record",
                why: "Events tell who moved traffic; copies of joined routes let them be parted again.",
            },
            Purpose::Metrics => Look {
                id: "rights.metrics",
                title: "To reach Prometheus through the API server",
                why: "Its Service is in the cluster, and this program is not.",
            },
            Purpose::Traces => Look {
                id: "rights.traces",
                title: "To reach Jaeger through the API server",
                why: "Its Service is in the cluster, and this program is not.",
            },
        }
    }

    fn role(self) -> &'static str {
        match self {
            Purpose::Read => "pidali-read",
            Purpose::Secrets => "pidali-secrets",
            Purpose::Write => "pidali-write",
            Purpose::Record => "pidali-record",
            Purpose::Metrics => "pidali-metrics",
            Purpose::Traces => "pidali-traces",
        }
    }

    /// Returns how bad it is that these are missing.
    fn weigh(self, missing: &[&Right]) -> Status {
        match self {
            Purpose::Metrics => Status::Fail,
            Purpose::Read => {
                let is_essential = |it: &&Right| ESSENTIAL.contains(&it.resource.as_str());
                match missing.iter().any(is_essential) {
                    true => Status::Fail,
                    false => Status::Warn,
                }
            }
            // One may well only look.
            Purpose::Secrets | Purpose::Write | Purpose::Record | Purpose::Traces => Status::Warn,
        }
    }
}

/// Returns which rights are there.
pub fn items(cluster: &Cluster<'_>) -> Vec<Item> {
    let needed = |purpose: &Purpose| {
        // What is not asked through the API server needs no right there.
        !matches!(purpose, Purpose::Metrics | Purpose::Traces)
            || cluster.rights.iter().any(|it| it.right.purpose == *purpose)
    };
    let purposes = Purpose::ALL.into_iter().filter(needed);
    purposes.map(|it| item(it, cluster)).collect()
}

fn item(purpose: Purpose, cluster: &Cluster<'_>) -> Item {
    let look = purpose.look();
    if !cluster.source.reachable {
        return look.unknown("The Kubernetes API can't be asked now.");
    }
    let all: Vec<&Asked> = cluster
        .rights
        .iter()
        .filter(|it| it.right.purpose == purpose)
        .collect();
    let missing: Vec<&Right> = all
        .iter()
        .filter(|it| it.is_allowed == Some(false))
        .map(|it| &it.right)
        .collect();
    let n_unsaid = all.iter().filter(|it| it.is_allowed.is_none()).count();
    if missing.is_empty() {
        return match (all.len(), n_unsaid) {
            (0, _) => look.unknown("Nothing was asked yet: what the API serves is not known."),
            (n, 0) => look.ok(format!("{} asked for, all present.", count(n, "right"))),
            (n, unsaid) => look.unknown(format!(
                "The API server did not say in time: {unsaid} of {} are not known.",
                count(n, "right")
            )),
        };
    }
    if cluster.is_built_in {
        return look.stands(
            purpose.weigh(&missing),
            "The built-in mesh was started read-only.",
        );
    }
    let unsaid = match n_unsaid {
        0 => String::new(),
        n => format!(" {n} more are not known: the API server did not say in time."),
    };
    let message = format!("Missing: {}.{unsaid}", named(&in_words(&missing)));
    let who = cluster.who.unwrap_or("whoever runs Pidali");
    let mut mend = format!("have someone who may grant rights apply this role for {who}");
    if purpose == Purpose::Read && !cluster.is_limited() {
        mend += ", or read only some namespaces: --cluster-namespace NAME";
    }
    if matches!(purpose, Purpose::Write | Purpose::Record) {
        mend += "; without it, Pidali shows and does not steer";
    }
    look.stands(purpose.weigh(&missing), message)
        .mend(mend)
        .paste(role(purpose, &missing, cluster.who))
}

/// Returns `list and watch pods in shop`, one for each resource and namespace.
fn in_words(missing: &[&Right]) -> Vec<String> {
    let mut verbs: BTreeMap<(&str, String, &str), Vec<&str>> = BTreeMap::new();
    for right in missing {
        let what = (
            right.namespace.as_str(),
            right.resource(),
            right.group.as_str(),
        );
        verbs.entry(what).or_default().push(right.verb);
    }
    let line = |((namespace, resource, group), verbs): ((&str, String, &str), Vec<&str>)| {
        let of = match group {
            "" => resource,
            group => format!("{resource}.{group}"),
        };
        let place = match namespace {
            "" => String::new(),
            namespace => format!(" in {namespace}"),
        };
        format!("{} {of}{place}", verbs.join(" and "))
    };
    verbs.into_iter().map(line).collect()
}

/// Returns the role that holds exactly these rights, and what binds it to whoever asks.
fn role(purpose: Purpose, missing: &[&Right], who: Option<&str>) -> String {
    let mut by_namespace: BTreeMap<&str, Vec<&Right>> = BTreeMap::new();
    for right in missing {
        let here = by_namespace.entry(right.namespace.as_str()).or_default();
        here.push(right);
    }
    let subject = subject(who);
    let documents = by_namespace.into_iter().map(|(namespace, rights)| {
        let rules = rules(&rights);
        // A role of the same name may be there, with other rights or for someone else, which this must not take.
        let name = format!("{}-{:08x}", purpose.role(), hash(&format!("{rules}{subject}")));
        let (kind, metadata) = match namespace {
            "" => ("ClusterRole", format!("metadata:\n  name: {name}\n")),
            namespace => (
                "Role",
                format!("metadata:\n  name: {name}\n  namespace: {namespace}\n"),
            ),
        };
        let api = "apiVersion: rbac.authorization.k8s.io/v1";
        format!(
            "{api}\nkind: {kind}\n{metadata}rules:\n{rules}---\n{api}\nkind: {kind}Binding\n{metadata}roleRef:\n  \
             apiGroup: rbac.authorization.k8s.io\n  kind: {kind}\n  name: {name}\nsubjects:\n{subject}"
        )
    });
    documents.collect::<Vec<_>>().join("---\n")
}

fn rules(rights: &[&Right]) -> String {
    type Named<'a> = (&'a str, &'a str);
    let mut verbs: BTreeMap<(Named<'_>, String), BTreeSet<&str>> = BTreeMap::new();
    for right in rights {
        let named = (right.group.as_str(), right.name.as_str());
        let of = verbs.entry((named, right.resource())).or_default();
        of.insert(right.verb);
    }
    // Groups stay apart: two of them have resources of one name.
    let mut resources: BTreeMap<(Named<'_>, Vec<&str>), Vec<String>> = BTreeMap::new();
    for ((named, resource), verbs) in verbs {
        let verbs = verbs.into_iter().collect();
        resources.entry((named, verbs)).or_default().push(resource);
    }
    let rule = |(((group, name), verbs), resources): ((Named<'_>, Vec<&str>), Vec<String>)| {
        let group = match group {
            "" => "\"\"",
            group => group,
        };
        let only = match name {
            "" => String::new(),
            name => format!("  resourceNames: [\"{name}\"]\n"),
        };
        format!(
            "- apiGroups: [{group}]\n  resources: [{}]\n{only}  verbs: [{}]\n",
            resources.join(", "),
            verbs.join(", ")
        )
    };
    resources.into_iter().map(rule).collect()
}

fn subject(who: Option<&str>) -> String {
    // A name may hold anything; JSON's strings are YAML's.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let account = who.and_then(|it| it.strip_prefix("system:serviceaccount:")?.split_once(':'));
    match account {
        Some((namespace, name)) => format!(
            "- kind: ServiceAccount\n  name: {}\n  namespace: {}\n",
            quoted(name),
            quoted(namespace)
        ),
        None => format!(
            "- kind: User\n  apiGroup: rbac.authorization.k8s.io\n  name: {}\n",
            quoted(who.unwrap_or("NAME"))
        ),
    }
}

/// FNV-1a: the same on every machine and in every version.
fn hash(text: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, step)
}
