//! Whether the Kubernetes API answers, and to whom.

use super::{Cluster, Look, Why, named};
use crate::api::preflight::Item;

const API: Look = Look {
    id: "cluster.api",
    title: "Kubernetes API",
    why: "Routes, workloads and injection are read from it, and traffic is steered through it.",
};

const WHO: Look = Look {
    id: "cluster.who",
    title: "Who asks",
    why: "It is the name that rights belong to, and that every change is recorded under.",
};

const READ: Look = Look {
    id: "cluster.read",
    title: "Objects read",
    why: "Nothing is said to be missing of a kind that is not read.",
};

/// Returns what is said where no Kubernetes API is asked.
pub fn none() -> Item {
    API.unknown(
        "No Kubernetes API is asked, so it can't be told: rights, Istio and its revisions, injection, restarts that \
         are due.",
    )
    .mend("give a kubeconfig; the rest is told from the metrics alone")
    .paste("pidali preflight --kubeconfig ~/.kube/config --prometheus http://127.0.0.1:9090")
}

/// Returns how the API stands.
pub fn items(cluster: &Cluster<'_>) -> Vec<Item> {
    let source = cluster.source;
    if !source.reachable {
        let item = match &source.problem {
            Some(problem) => API.fail(problem.clone()),
            None => API.unknown("The Kubernetes API is being connected to."),
        };
        let item = match &source.hint {
            Some(hint) => item.mend(hint.clone()),
            None => item,
        };
        return vec![item.paste("kubectl version")];
    }
    let version = source.version.as_deref().unwrap_or("of no known version");
    let api = if cluster.is_built_in {
        API.ok("The built-in mesh keeps its objects itself.")
    } else {
        let at = source.url.as_deref().unwrap_or("its address");
        API.ok(format!("Kubernetes {version} answers at {at}."))
    };
    let who = match cluster.who {
        Some(who) => WHO.ok(format!("The API knows who asks as {who}.")),
        None => WHO
            .unknown("The API does not tell who asks: servers do since Kubernetes 1.28.")
            .paste("kubectl auth whoami"),
    };
    vec![api, who, read(cluster)]
}

fn read(cluster: &Cluster<'_>) -> Item {
    let of = |is: fn(&Why) -> bool| -> Vec<String> {
        let unread = cluster.unread.iter().filter(|it| is(&it.why));
        let mut names: Vec<String> = unread.map(|it| it.kind.clone()).collect();
        names.dedup();
        names
    };
    let soon = of(|it| *it == Why::Soon);
    let failing = of(|it| matches!(it, Why::Failing(_)));
    if !failing.is_empty() {
        let message = format!("These can't be followed for now: {}.", named(&failing));
        return READ
            .warn(message)
            .mend("look whether the API server does well; they are asked again and again")
            .paste("kubectl get --raw '/readyz?verbose'");
    }
    if !soon.is_empty() {
        return READ.unknown(format!("Still being read: {}.", named(&soon)));
    }
    let n = cluster
        .kinds
        .iter()
        .filter(|it| it.is_read && it.is_served == Some(true));
    let of_where = match cluster.is_limited() {
        true => format!("namespaces {}", cluster.namespaces.join(", ")),
        false => "all namespaces".to_owned(),
    };
    let forbidden = of(|it| *it == Why::Forbidden).len();
    match forbidden {
        0 => READ.ok(format!(
            "{} kinds of objects are followed, in {of_where}.",
            n.count()
        )),
        _ => READ.ok(format!(
            "{} kinds of objects are followed, in {of_where}; see Rights for the others.",
            n.count().saturating_sub(forbidden)
        )),
    }
}
