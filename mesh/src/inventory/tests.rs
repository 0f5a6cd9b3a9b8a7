use super::*;
use serde_json::json;

fn deployment(name: &str, version: &str, status: Value) -> Value {
    json!({
        "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": "backend", "version": version}}}},
        "status": status
    })
}

#[test]
fn a_subset_means_workloads_through_the_services_selector() {
    let objects = [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend", "namespace": "default"},
            "spec": {"selector": {"app": "backend"}, "ports": [{"port": 80, "name": "http", "appProtocol": "http"}]}}),
        json!({"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "other", "namespace": "default"}}),
        deployment(
            "backend-v2",
            "v2",
            json!({"replicas": 2, "readyReplicas": 1}),
        ),
        deployment("backend-v1", "v1", json!({})),
        deployment(
            "backend-v3",
            "v3",
            json!({"replicas": 2, "unavailableReplicas": 2}),
        ),
        deployment("backend-v4", "v4", json!({"observedGeneration": 1})),
        json!({"kind": "Namespace", "metadata": {"name": "default", "labels": {"istio-injection": "enabled"}}}),
    ];
    let inventory = Inventory::read(objects.iter());
    assert_eq!(inventory.services.len(), 1);
    let service = inventory.services.values().next().unwrap();
    let told: Vec<(&str, u32)> = inventory
        .workloads_of(service, &Labels::new())
        .into_iter()
        .map(|workload| (workload.name.as_str(), workload.ready))
        .collect();
    let all = [
        ("backend-v1", 2),
        ("backend-v2", 1),
        ("backend-v3", 0),
        ("backend-v4", 0),
    ];
    assert_eq!(told, all);
    let v2 = Labels::from([("version".to_owned(), "v2".to_owned())]);
    let v2 = inventory.workloads_of(service, &v2);
    assert_eq!(v2.len(), 1);
    assert_eq!(
        inventory.namespaces["default"]["istio-injection"],
        "enabled"
    );
}

#[test]
fn a_service_without_a_selector_has_no_workloads_of_its_own() {
    let service =
        Service::read(&json!({"metadata": {"name": "far", "namespace": "default"}})).unwrap();
    let inventory = Inventory::read([deployment("a", "v1", json!({}))].iter());
    assert!(inventory.workloads_of(&service, &Labels::new()).is_empty());
}

fn of_kind<'a>(inventory: &'a Inventory, name: &str) -> &'a Workload {
    &inventory.workloads[&("shop".to_owned(), name.to_owned())]
}

#[test]
fn a_rollout_is_a_workload_and_may_use_the_template_of_a_deployment() {
    let template = json!({"metadata": {"labels": {"app": "web"},
        "annotations": {"sidecar.istio.io/proxyMemoryLimit": "256Mi", "sidecar.istio.io/proxyCPU": "50m"}},
        "spec": {"hostNetwork": true}});
    let objects = [
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"replicas": 0, "template": template}, "status": {"observedGeneration": 3}}),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"replicas": 3, "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
            "status": {"readyReplicas": 2}}),
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"namespace": "shop", "name": "own"},
            "spec": {"template": {"metadata": {"labels": {"app": "own"}}}}, "status": {"replicas": 1}}),
        json!({"apiVersion": "example.com/v1", "kind": "Rollout", "metadata": {"namespace": "shop", "name": "other"}}),
    ];
    let inventory = Inventory::read(objects.iter());
    assert_eq!(inventory.workloads.len(), 2);
    let web = of_kind(&inventory, "web");
    assert_eq!(
        (web.kind.as_str(), web.wanted, web.ready),
        ("Rollout", 3, 2)
    );
    assert_eq!(web.labels["app"], "web");
    assert!(web.host_network);
    let proxy = ProxyResources {
        cpu_request: Some(0.05),
        memory_limit: Some(256 * 1024 * 1024),
        ..ProxyResources::default()
    };
    assert_eq!(web.proxy, proxy);
    let own = of_kind(&inventory, "own");
    assert_eq!(
        (own.kind.as_str(), own.wanted, own.ready),
        ("Rollout", 1, 0)
    );
}

#[test]
fn hosts_from_outside_and_accepted_calls_are_read() {
    let objects = [
        json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"namespace": "shop", "name": "bank"},
            "spec": {"hosts": ["api.bank.example"], "location": "MESH_INTERNAL", "resolution": "DNS", "exportTo": ["."],
                "ports": [{"number": 443, "name": "tls", "protocol": "TLS"}]}}),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"namespace": "shop", "name": "plain"}, "spec": {"hosts": ["a.example"]}}),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"namespace": "shop", "name": "broken"}, "spec": {"hosts": 7}}),
        json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "mtls": {"mode": "STRICT"},
                "portLevelMtls": {"8080": {"mode": "DISABLE"}, "9090": {"mode": "UNSET"}, "x": {"mode": "STRICT"}}}}),
    ];
    let inventory = Inventory::read(objects.iter());
    let entry = |name: &str| &inventory.service_entries[&("shop".to_owned(), name.to_owned())];
    assert_eq!(inventory.service_entries.len(), 2);
    assert!(!entry("bank").is_external);
    assert_eq!(entry("bank").resolution, "DNS");
    assert!(entry("plain").is_external);
    assert_eq!(entry("plain").resolution, "NONE");
    let said = &inventory.peer_authentications[&("shop".to_owned(), "web".to_owned())];
    assert_eq!(said.mode, Some(MtlsMode::Strict));
    let ports: Vec<(u16, Option<MtlsMode>)> = said
        .ports
        .iter()
        .map(|(port, mode)| (*port, *mode))
        .collect();
    assert_eq!(ports, [(8080, Some(MtlsMode::Disable)), (9090, None)]);
}

fn pod(name: &str, more: Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "shop", "name": name, "labels": {"pod-template-hash": "5d8f"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d8f", "controller": true}]},
        "spec": {"containers": [{"name": "web"}]}, "status": {"phase": "Running"}});
    for (pointer, value) in more.as_object().unwrap() {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = pod.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        parent.insert(key.to_owned(), value.clone());
    }
    pod
}

#[test]
fn a_pod_says_its_sidecar_its_revision_and_its_workload() {
    let native = json!([{"name": "istio-proxy", "restartPolicy": "Always", "resources": {"limits": {"cpu": 2, "memory": "1Gi"}}}]);
    let objects = [
        pod("plain", json!({})),
        pod(
            "native",
            json!({"/spec/initContainers": native, "/metadata/annotations": {"istio.io/rev": "asm-1-26"}}),
        ),
        pod(
            "container",
            json!({"/spec/containers": [{"name": "web"}, {"name": "istio-proxy"}],
                "/metadata/annotations": {"sidecar.istio.io/status": "{\"revision\": \"default\"}"},
                "/status/conditions": [{"type": "Ready", "status": "True"}]}),
        ),
        pod(
            "gone",
            json!({"/metadata/deletionTimestamp": "2026-03-21T08:00:00Z"}),
        ),
    ];
    let inventory = Inventory::read(objects.iter());
    let pod = |name: &str| &inventory.pods[&("shop".to_owned(), name.to_owned())];
    assert_eq!(pod("plain").workload.as_deref(), Some("web"));
    assert!(!pod("plain").has_sidecar && pod("plain").stays && !pod("plain").ready);
    assert!(pod("native").has_sidecar);
    assert_eq!(pod("native").revision.as_deref(), Some("asm-1-26"));
    assert_eq!(pod("native").proxy.cpu_limit, Some(2.0));
    assert_eq!(pod("native").proxy.memory_limit, Some(1 << 30));
    assert!(pod("container").has_sidecar && pod("container").ready);
    assert_eq!(pod("container").revision.as_deref(), Some("default"));
    assert!(!pod("gone").stays);
}

#[test]
fn pods_that_are_not_what_a_new_one_would_be_are_stale() {
    let istiod = |revision: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "istio-system",
            "name": format!("istiod-{revision}"), "labels": {"app": "istiod", "istio.io/rev": revision}}})
    };
    let sidecar = json!([{"name": "istio-proxy"}]);
    let with = |name: &str, revision: &str| {
        pod(
            name,
            json!({"/spec/containers": sidecar, "/metadata/annotations": {"istio.io/rev": revision}}),
        )
    };
    let stale = |label: Value, pods: &[Value]| {
        let mut objects = vec![
            istiod("a"),
            istiod("b"),
            json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": "t", "labels": {"istio.io/tag": "stable", "istio.io/rev": "b"}}}),
            json!({"kind": "Namespace", "metadata": {"name": "shop", "labels": label}}),
            json!({"kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}}),
        ];
        objects.extend(pods.iter().cloned());
        let inventory = Inventory::read(objects.iter());
        let found = inventory.stale();
        let told = found
            .iter()
            .map(|it| format!("{} {}/{} {:?}", it.name, it.pods, it.of, it.why));
        told.collect::<Vec<_>>().join("; ")
    };
    let pods = [pod("web-1", json!({})), with("web-2", "a")];
    assert_eq!(
        stale(json!({"istio.io/rev": "a"}), &pods),
        "web 1/2 NoSidecar"
    );
    assert_eq!(stale(json!({}), &pods), "web 1/2 StillSidecar");
    let other = "web 1/2 OtherRevision { has: \"a\", wanted: \"b\" }";
    let pods = [with("web-1", "b"), with("web-2", "a")];
    assert_eq!(stale(json!({"istio.io/rev": "b"}), &pods), other);
    assert_eq!(stale(json!({"istio.io/rev": "stable"}), &pods), other);
    // Nobody knows what this tag means, nor which revision is the default one.
    assert_eq!(stale(json!({"istio.io/rev": "unknown"}), &pods), "");
    assert_eq!(stale(json!({"istio-injection": "enabled"}), &pods), "");
}
