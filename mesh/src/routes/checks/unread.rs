//! What could not be listed, and objects that can't be read.

use std::collections::BTreeSet;

use super::{Fault, MetBy};
use crate::api::routes::{Check, Severity};
use crate::object::ObjectKey;
use crate::routes::Board;

/// The kinds that checks ask for, with their names as `kubectl` takes them.
const ASKED: [(&str, &str); 11] = [
    ("Service", "services"),
    ("ServiceEntry", "serviceentries.networking.istio.io"),
    ("DestinationRule", "destinationrules.networking.istio.io"),
    ("VirtualService", "virtualservices.networking.istio.io"),
    ("Gateway", "gateways.networking.istio.io"),
    ("HTTPRoute", "httproutes.gateway.networking.k8s.io"),
    ("GRPCRoute", "grpcroutes.gateway.networking.k8s.io"),
    ("Deployment", "deployments.apps"),
    ("StatefulSet", "statefulsets.apps"),
    ("DaemonSet", "daemonsets.apps"),
    ("Rollout", "rollouts.argoproj.io"),
];

/// Finds both: a kind that could not be listed is said once.
pub(super) fn find(board: &Board) -> Vec<Fault> {
    let mut faults: Vec<Fault> = board.unread.iter().filter_map(|it| unread(it)).collect();
    let readable: BTreeSet<&str> = BTreeSet::from(["DestinationRule", "Gateway", "ServiceEntry"]);
    for (object, problem) in &board.routing.problems {
        // Of routes their own checks say it.
        if !readable.contains(object.kind.as_str()) {
            continue;
        }
        let key = ObjectKey {
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        };
        let check = Check::new("unreadable", Severity::Error, &key.id())
            .at(dotted(&problem.path))
            .known_as(&["IST0106"])
            .says(format!("The {} can't be taken: {problem}.", key.kind))
            .because("Istio refuses such an object, or leaves it out: nothing of it holds.")
            .mended("mend the object, or put back what was there before");
        faults.push(Fault {
            about: key,
            check,
            met_by: MetBy::Nobody,
        });
    }
    // The same object may have come twice, in two versions of its kind.
    faults.sort_by(|a, b| (&a.check.object, &a.check.path).cmp(&(&b.check.object, &b.check.path)));
    faults.dedup_by(|a, b| a.check == b.check);
    faults
}

fn unread(kind: &str) -> Option<Fault> {
    let plain = kind.split('.').next().unwrap_or(kind);
    let (_, resource) = ASKED.iter().find(|(asked, _)| *asked == plain)?;
    let resource = match kind.split_once('.') {
        Some((_, group)) if plain == "Gateway" => format!("gateways.{group}"),
        _ => (*resource).to_owned(),
    };
    let many = match plain.strip_suffix('y') {
        Some(stem) if plain.ends_with("ry") => format!("{stem}ies"),
        _ => format!("{plain}s"),
    };
    let about = ObjectKey {
        kind: plain.to_owned(),
        namespace: String::new(),
        name: String::new(),
    };
    let check = Check::new("kind_unread", Severity::Info, &plain.to_ascii_lowercase())
        .says(format!(
            "Not all {many} can be listed: what hangs on them can't be told."
        ))
        .because("Checks that would ask for them are left out, so a fault may go unseen.")
        .mended(&format!(
            "grant list and watch on {resource}, unless they are still being read"
        ))
        .by_command(format!("kubectl auth can-i list {resource} -A"));
    Some(Fault {
        about,
        check,
        met_by: MetBy::Nobody,
    })
}

/// Writes a JSON pointer as Istio writes places: `/spec/http/0/route` is `spec.http[0].route`.
fn dotted(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let is_number = !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
        match (is_number, path.is_empty()) {
            (true, _) => path.push_str(&format!("[{step}]")),
            (false, true) => path.push_str(&step),
            (false, false) => {
                path.push('.');
                path.push_str(&step);
            }
        }
    }
    path
}
