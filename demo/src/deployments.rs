//! What the simulation takes from Deployments: names, labels, replicas.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chance::hash_text;
use crate::objects::{Objects, place, text_at, texts_at};
use crate::world::Complaint;

/// A workload that should run.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// The labels of its pods.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) service_account: String,
    pub(crate) replicas: u32,
    /// How many of the replicas never become ready, as the object's own status says. There is no
    /// kubelet in the demo: what the status says is so.
    pub(crate) unavailable: u32,
    /// Whether its pods have a proxy that could be scraped. The control plane's do not.
    pub(crate) has_proxy: bool,
    /// Another template means other pods.
    pub(crate) template_hash: u64,
}

/// More replicas than a demo needs; keeps a slip of the finger from filling the memory.
const MAX_REPLICAS: u64 = 50;

/// Returns the Deployments, sorted by namespace and name.
pub(crate) fn read(objects: &Objects, complaints: &mut Vec<Complaint>) -> Vec<Deployment> {
    objects
        .of_kind("Deployment")
        .filter_map(|object| {
            let deployment = deployment(object);
            if let Err(reason) = &deployment {
                complaints.push(Complaint::of(object, reason));
            }
            deployment.ok()
        })
        .collect()
}

fn deployment(object: &Value) -> Result<Deployment, String> {
    let (_, namespace, name) = place(object);
    let number = |pointer: &str, absent: u64| match object.pointer(pointer) {
        None | Some(Value::Null) => Ok(absent),
        Some(value) => value
            .as_u64()
            .ok_or_else(|| format!("`{pointer}` is not a whole number")),
    };
    let replicas = number("/spec/replicas", 1)?;
    if MAX_REPLICAS < replicas {
        return Err(format!(
            "{replicas} replicas are more than the {MAX_REPLICAS} that the demo simulates"
        ));
    }
    let unavailable = number("/status/unavailableReplicas", 0)?.min(replicas);
    let template = object.pointer("/spec/template").unwrap_or(&Value::Null);
    let labels = texts_at(object, "/spec/template/metadata/labels");
    let inject = labels.get("sidecar.istio.io/inject").map(String::as_str);
    Ok(Deployment {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        has_proxy: inject != Some("false"),
        labels,
        service_account: text_at(object, "/spec/template/spec/serviceAccountName")
            .unwrap_or("default")
            .to_owned(),
        replicas: replicas as u32,
        unavailable: unavailable as u32,
        // A JSON object is kept sorted, so its text does not depend on the order it was written in.
        template_hash: hash_text(&template.to_string()),
    })
}
