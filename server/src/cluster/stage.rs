//! The built-in mesh on a real Kubernetes API: its objects are written there, and the world follows what is found
//! there from then on. Only the pods and their proxies are played.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use demo::{Objects, Readiness};
use mesh::object::{ObjectKey, text_at};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing::{info, warn};

use super::kube::KubeCluster;
use super::{ClusterError, Why};
use crate::sources::demo::Demo;

/// How long a cluster may take to answer at first.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether other pods are ready.
const BEAT: Duration = Duration::from_secs(1);

/// Writes the built-in objects that are not there yet. A cluster with nodes is refused: it would try to run them.
pub async fn set(cluster: &KubeCluster) -> anyhow::Result<()> {
    connected(cluster).await?;
    let has_nodes = cluster
        .has_nodes()
        .await
        .context("--kubeconfig: can't see whether the cluster has nodes")?;
    if has_nodes {
        bail!(
            "--kubeconfig: this cluster has nodes, which would try to run the built-in mesh; \
             give a Kubernetes API without nodes, or start `pidali serve` to look at a real mesh"
        );
    }
    let objects = Objects::builtin();
    let mut objects: Vec<&Value> = objects.iter().collect();
    // Of two rules for one host, the older holds: they are made in the order of the story.
    objects.sort_by_key(|it| {
        let created = text_at(it, "/metadata/creationTimestamp").unwrap_or_default();
        (
            text_at(it, "/kind") != Some("Namespace"),
            created.to_owned(),
        )
    });
    let mut hosts: Vec<String> = Vec::new();
    let (mut n_made, n) = (0_usize, objects.len());
    for object in objects {
        if text_at(object, "/kind") == Some("DestinationRule") {
            let host = text_at(object, "/spec/host").unwrap_or_default().to_owned();
            if hosts.contains(&host) {
                // The server knows seconds.
                tokio::time::sleep(Duration::from_millis(1100)).await;
            }
            hosts.push(host);
        }
        n_made += usize::from(make(cluster, object).await?);
    }
    info!(n, n_made, "The built-in mesh is on the Kubernetes API");
    Ok(())
}

/// Waits until the cluster answers.
async fn connected(cluster: &KubeCluster) -> anyhow::Result<()> {
    let begun = tokio::time::Instant::now();
    while !cluster.describe().reachable {
        let told = cluster.describe();
        if begun.elapsed() > PATIENCE {
            let problem = told
                .problem
                .unwrap_or_else(|| "it does not answer".to_owned());
            bail!("--kubeconfig: {problem}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Makes one object, unless it is there. Returns whether it was made.
async fn make(cluster: &KubeCluster, object: &Value) -> anyhow::Result<bool> {
    let key = ObjectKey::of(object);
    let mut fresh = object.clone();
    for pointer in ["creationTimestamp", "generation"] {
        if let Some(metadata) = fresh.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove(pointer);
        }
    }
    let status = fresh.as_object_mut().and_then(|it| it.remove("status"));
    match cluster.create(&fresh, false).await {
        Ok(_) => {}
        Err(ClusterError::Exists(_)) if key.kind == "Namespace" => {
            let labels = json!({"metadata": {"labels": object.pointer("/metadata/labels")}});
            cluster
                .merge(&key, &labels, false)
                .await
                .with_context(|| format!("can't label {key}"))?;
            return Ok(false);
        }
        Err(ClusterError::Exists(_)) => return Ok(false),
        Err(error) => return Err(error).with_context(|| format!("can't make {key}")),
    }
    if let Some(status) = status.filter(|_| key.kind == "Deployment") {
        let status = json!({"status": status});
        let written = cluster.merge(&key, &status, true).await;
        written.with_context(|| format!("can't write the status of {key}"))?;
    }
    Ok(true)
}

/// Has the world obey what the cluster holds, and tells the cluster which pods are ready, until `stopping`.
pub async fn follow(
    cluster: Arc<KubeCluster>,
    world: Arc<Demo>,
    mut stopping: watch::Receiver<bool>,
) {
    let builtin: BTreeMap<ObjectKey, Value> = Objects::builtin()
        .iter()
        .map(|it| (ObjectKey::of(it), it.clone()))
        .collect();
    let mut changes = cluster.changes();
    let mut told: BTreeMap<(String, String), Readiness> = BTreeMap::new();
    let mut beat = tokio::time::interval(BEAT);
    let mut is_new = true;
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                changes.mark_unchanged();
                is_new = true;
            }
            _ = beat.tick() => {}
        }
        if is_new && obey(&cluster, &world, &builtin) {
            is_new = false;
        }
        let ready = world.world().readiness();
        for place in ready {
            let at = (place.namespace.clone(), place.name.clone());
            if told.get(&at) == Some(&place) {
                continue;
            }
            if tell(&cluster, &place).await {
                told.insert(at, place);
            }
        }
    }
}

/// Hands the cluster's objects to the world, where they are all read.
fn obey(cluster: &KubeCluster, world: &Demo, builtin: &BTreeMap<ObjectKey, Value>) -> bool {
    let snapshot = cluster.snapshot();
    // While a kind is being read, its objects would seem to be gone.
    if snapshot.unread.iter().any(|it| it.why == Why::Soon) {
        return false;
    }
    let objects = snapshot
        .objects
        .iter()
        .filter(|it| it.key().kind != "Secret");
    let objects = objects.map(|it| blended(&it.value(), builtin.get(it.key())));
    match Objects::from_values(objects.collect()) {
        Ok(objects) => world.world().set_objects(&objects),
        Err(error) => warn!(%error, "The built-in mesh can't follow the cluster's objects"),
    }
    true
}

/// Returns an object as the world takes it: what the story says of its pods holds, as long as the cluster has the
/// same template, and how many there should be is the cluster's to say.
fn blended(object: &Value, story: Option<&Value>) -> Value {
    let is_workload = matches!(text_at(object, "/kind"), Some("Deployment" | "DaemonSet"));
    let Some(story) = story.filter(|_| is_workload) else {
        return object.clone();
    };
    let images = |it: &Value| {
        let containers = it
            .pointer("/spec/template/spec/containers")
            .and_then(Value::as_array);
        let images = containers
            .into_iter()
            .flatten()
            .map(|it| it.get("image").cloned());
        images.collect::<Vec<_>>()
    };
    let labels = |it: &Value| it.pointer("/spec/template/metadata/labels").cloned();
    if images(object) != images(story) || labels(object) != labels(story) {
        return object.clone();
    }
    let mut blended = story.clone();
    let replicas = object.pointer("/spec/replicas").cloned();
    if let (Some(spec), Some(replicas)) = (
        blended.get_mut("spec").and_then(Value::as_object_mut),
        replicas,
    ) {
        spec.insert("replicas".to_owned(), replicas);
    }
    blended
}

/// Tells how many pods of a Deployment are ready. Returns whether that is known there now.
async fn tell(cluster: &KubeCluster, place: &Readiness) -> bool {
    let key = ObjectKey {
        kind: "Deployment".to_owned(),
        namespace: place.namespace.clone(),
        name: place.name.clone(),
    };
    let status = json!({"status": {
        "replicas": place.replicas,
        "updatedReplicas": place.replicas,
        "readyReplicas": place.ready,
        "availableReplicas": place.ready,
        "unavailableReplicas": place.replicas.saturating_sub(place.ready),
    }});
    match cluster.merge(&key, &status, true).await {
        Ok(_) => true,
        // It is no longer there.
        Err(ClusterError::NotFound(_)) => true,
        Err(error) => {
            warn!(%error, object = key.id(), "The readiness of pods could not be told");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_holds_as_long_as_the_pods_are_the_same() {
        let story = json!({
            "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"image": "nginx:1.25", "name": "a"}]}}},
            "status": {"readyReplicas": 2},
        });
        let mut found = story.clone();
        found["spec"]["replicas"] = 5.into();
        found["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
        found["status"]["readyReplicas"] = 1.into();
        let blend = blended(&found, Some(&story));
        let mut expected = story.clone();
        expected["spec"]["replicas"] = 5.into();
        assert_eq!(blend, expected);
        found["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.26".into();
        assert_eq!(blended(&found, Some(&story)), found);
        assert_eq!(blended(&found, None), found);
    }
}
