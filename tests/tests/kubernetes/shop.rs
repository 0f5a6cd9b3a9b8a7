//! A service with two versions on a real API server, in a namespace of its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use support::{Answer, ApiServer, Pidali, Prometheus, Wire};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_secs(60);

const SHOP: &str = r#"---
{apiVersion: v1, kind: Namespace, metadata: {name: NAMESPACE, labels: {istio-injection: enabled}}}
---
{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: NAMESPACE}, spec: {selector: {app: backend}, ports: [{name: http, port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v1, namespace: NAMESPACE}, spec: {replicas: 2, selector: {matchLabels: {app: backend, version: v1}}, template: {metadata: {labels: {app: backend, version: v1}}, spec: {containers: [{name: backend, image: "nginx:1.25"}]}}}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: backend-v2, namespace: NAMESPACE}, spec: {replicas: 2, selector: {matchLabels: {app: backend, version: v2}}, template: {metadata: {labels: {app: backend, version: v2}}, spec: {containers: [{name: backend, image: "nginx:1.26"}]}}}}
---
{apiVersion: networking.istio.io/v1beta1, kind: DestinationRule, metadata: {name: backend, namespace: NAMESPACE}, spec: {host: backend, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}}
---
{apiVersion: networking.istio.io/v1beta1, kind: VirtualService, metadata: {name: backend, namespace: NAMESPACE}, spec: {hosts: [backend], http: [{route: [{destination: {host: backend, subset: v1}, weight: 90}, {destination: {host: backend, subset: v2}, weight: 10}]}]}}
"#;

/// Users: one may see everything, one everything but DestinationRules, one may also write Istio's objects but keep no
/// copies beside them.
const USERS: &str = r#"---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: sees-all}, rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: sees-most}, rules: [{apiGroups: ["", apps, security.istio.io, telemetry.istio.io, gateway.networking.k8s.io], resources: ["*"], verbs: [get, list, watch]}, {apiGroups: [networking.istio.io], resources: [virtualservices, gateways, serviceentries, sidecars, envoyfilters], verbs: [get, list, watch]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: sees-all}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sees-all}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: viewer}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: sees-most}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sees-most}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: blind}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: writes-istio}, rules: [{apiGroups: [networking.istio.io], resources: ["*"], verbs: [create, patch, delete]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: sees-all-too}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: sees-all}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: unrecorded}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: writes-istio}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: writes-istio}, subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: unrecorded}]}
"#;

/// Refuses to give more than half to the second destination, in the namespace `admitted`.
pub const POLICY: &str = r#"---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy, metadata: {name: half-at-most}, spec: {failurePolicy: Fail, matchConstraints: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: admitted}}, resourceRules: [{apiGroups: [networking.istio.io], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [virtualservices]}]}, validations: [{expression: "object.spec.http[0].route[1].weight <= 50", message: "v2 gets half at most"}]}}
---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicyBinding, metadata: {name: half-at-most}, spec: {policyName: half-at-most, validationActions: [Deny]}}
"#;

/// Nobody listens there.
pub const WEBHOOK: &str = r#"---
{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: gone}, webhooks: [{name: validation.istio.io, clientConfig: {url: "https://127.0.0.1:1/validate"}, failurePolicy: Fail, sideEffects: None, admissionReviewVersions: [v1], namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: admitted}}, rules: [{apiGroups: [networking.istio.io], apiVersions: ["*"], operations: [UPDATE], resources: [virtualservices]}]}]}
"#;

/// What each owner leaves on an object: its name here, its field manager, and its metadata as JSON.
pub const OWNERS: [(&str, &str, &str); 12] = [
    ("argo-rollouts", "rollouts-controller", "{}"),
    (
        "argo-rollouts-marked",
        "kubectl",
        r#"{"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "backend"}}"#,
    ),
    ("flagger", "flagger", "{}"),
    (
        "flagger-marked",
        "kubectl",
        r#"{"ownerReferences": [{"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "backend", "uid": "1", "controller": true}]}"#,
    ),
    ("argo-cd", "argocd-controller", "{}"),
    (
        "argo-cd-marked",
        "kubectl",
        r#"{"annotations": {"argocd.argoproj.io/tracking-id": "mesh:networking.istio.io/VirtualService:owned/argo-cd-marked"}}"#,
    ),
    ("flux", "kustomize-controller", "{}"),
    (
        "flux-marked",
        "kubectl",
        r#"{"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}"#,
    ),
    (
        "helm",
        "helm",
        r#"{"labels": {"app.kubernetes.io/managed-by": "Helm"}}"#,
    ),
    (
        "helm-marked",
        "kubectl",
        r#"{"annotations": {"meta.helm.sh/release-name": "backend", "meta.helm.sh/release-namespace": "owned"}}"#,
    ),
    (
        "kubectl",
        "kubectl-client-side-apply",
        r#"{"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}"#,
    ),
    (
        "kubectl-marked",
        "kubectl",
        r#"{"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"a\": 1}"}}"#,
    ),
];

/// A service with two versions, split 90/10.
pub struct Shop<'s> {
    server: &'s ApiServer,
    namespace: String,
}

/// The API server that most tests share.
fn server() -> Result<&'static ApiServer> {
    static SERVER: OnceLock<Result<ApiServer, String>> = OnceLock::new();
    let started = SERVER.get_or_init(|| {
        let server = ApiServer::start_for(&["viewer", "blind", "unrecorded"])
            .map_err(|error| format!("{error:#}"))?;
        server.apply(USERS).map_err(|error| format!("{error:#}"))?;
        Ok(server)
    });
    started.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
}

/// The address of a Prometheus that knows nothing.
pub fn prometheus() -> Result<&'static str> {
    Ok(&Prometheus::without_metrics()?.url)
}

impl Shop<'static> {
    /// Sets one up in `namespace` of the shared server.
    pub fn new(namespace: &str) -> Result<Shop<'static>> {
        Shop::on(server()?, namespace)
    }
}

impl<'s> Shop<'s> {
    /// Sets one up in `namespace` of a server.
    pub fn on(server: &'s ApiServer, namespace: &str) -> Result<Shop<'s>> {
        let shop = Shop::at(server, namespace);
        shop.apply(&SHOP.replace("NAMESPACE", namespace))?;
        let status = json!({"status": {"replicas": 2, "readyReplicas": 2, "availableReplicas": 2}})
            .to_string();
        for name in ["backend-v1", "backend-v2"] {
            shop.kubectl(&[
                "patch",
                "deployment",
                name,
                "--subresource=status",
                "--type=merge",
                "-p",
                &status,
            ])?;
        }
        Ok(shop)
    }

    /// The one that is there already.
    pub fn at(server: &'s ApiServer, namespace: &str) -> Shop<'s> {
        Shop {
            server,
            namespace: namespace.to_owned(),
        }
    }

    /// The same shop, for another thread.
    pub fn again(&self) -> Shop<'s> {
        Shop::at(self.server, &self.namespace)
    }

    /// The port of the API server.
    pub fn port(&self) -> u16 {
        let port = self.server.url.rsplit(':').next();
        port.and_then(|it| it.parse().ok()).unwrap_or_default()
    }

    /// Runs kubectl in the namespace.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        let args: Vec<&str> = ["-n", &self.namespace]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.server.kubectl(&args)
    }

    /// Applies objects.
    pub fn apply(&self, yaml: &str) -> Result<()> {
        self.server.apply(yaml).map(drop)
    }

    /// Makes a route of this name as one of its owners would.
    pub fn apply_owned(&self, name: &str, manager: &str, metadata: &str) -> Result<()> {
        let mut object = self.object("virtualservice")?;
        let mut metadata: Value = serde_json::from_str(metadata)?;
        metadata["name"] = name.into();
        metadata["namespace"] = self.namespace.clone().into();
        object["metadata"] = metadata;
        object["spec"]["hosts"] = json!([format!("{name}.example")]);
        let file = tempfile(&object.to_string())?;
        self.kubectl(&[
            "create",
            &format!("--field-manager={manager}"),
            "-f",
            &file.display().to_string(),
        ])?;
        std::fs::remove_file(file)?;
        Ok(())
    }

    /// Returns the object named `backend` of a kind.
    pub fn object(&self, kind: &str) -> Result<Value> {
        Ok(serde_json::from_str(
            &self.kubectl(&["get", kind, "backend", "-o", "json"])?,
        )?)
    }

    /// Returns the weights as they are there.
    pub fn weights(&self) -> Result<Vec<i64>> {
        let object = self.object("virtualservice")?;
        let route = object["spec"]["http"][0]["route"]
            .as_array()
            .context("no route")?;
        Ok(route
            .iter()
            .map(|it| it["weight"].as_i64().unwrap_or(-1))
            .collect())
    }

    /// Where the API has the route.
    pub fn route(&self) -> String {
        format!("routes/{}/virtualservice/backend", self.namespace)
    }

    /// The kubeconfig of a user.
    pub fn kubeconfig_of(&self, user: &str) -> Result<String> {
        Ok(self.server.kubeconfig_of(user)?.display().to_string())
    }

    /// Starts Pidali on this server as a user, and waits until it has read the shop.
    pub async fn serve(&self, user: &str) -> Result<Pidali> {
        self.serve_with(&self.kubeconfig_of(user)?).await
    }

    /// Starts Pidali with a kubeconfig, and waits until it has read the shop.
    pub async fn serve_with(&self, kubeconfig: &str) -> Result<Pidali> {
        Pidali::on_cluster(kubeconfig, &self.namespace).await
    }

    /// Waits until the route is as wanted.
    pub async fn until(&self, pidali: &Pidali, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        pidali.route_when(&self.route(), is_so).await
    }

    /// Waits until the route is gone.
    pub async fn gone(&self, pidali: &Pidali) -> Result<()> {
        let begun = Instant::now();
        while pidali.get(&self.route()).await?.status != 404 {
            if begun.elapsed() > PATIENCE {
                bail!("the route is still there");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Sets the weights of the first rule as the page does, as it is seen now.
    pub async fn set(&self, pidali: &Pidali, to: &[i64], more: Value) -> Result<Answer> {
        self.set_at(pidali, &self.route(), to, more).await
    }

    /// The same of another route.
    pub async fn set_at(
        &self,
        pidali: &Pidali,
        route: &str,
        to: &[i64],
        more: Value,
    ) -> Result<Answer> {
        pidali.set_weights(route, "http/0", to, more).await
    }

    /// Sets the weights of the first rule as it was seen then.
    pub async fn set_seen(&self, pidali: &Pidali, seen: &Value, to: &[i64]) -> Result<Answer> {
        let body = json!({
            "resource_version": seen["resource_version"], "uid": seen["uid"], "generation": seen["generation"],
            "rule": "http/0", "weights": to,
        });
        pidali
            .send("PUT", &format!("{}/weights", self.route()), &body, &[])
            .await
    }

    /// Takes a change back.
    pub async fn undo(&self, pidali: &Pidali, change: &Value) -> Result<Answer> {
        pidali.undo(&self.route(), change).await
    }

    /// Writes a kubeconfig of the administrator that goes through a wire.
    pub fn kubeconfig_through(&self, wire: &Wire) -> Result<String> {
        let mut config = self.config()?;
        config["clusters"][0]["cluster"]["server"] =
            format!("https://127.0.0.1:{}", wire.port).into();
        Ok(tempfile(&config.to_string())?.display().to_string())
    }

    /// Writes a kubeconfig with other credentials.
    pub fn kubeconfig_with(&self, user: Value) -> Result<String> {
        let mut config = self.config()?;
        config["users"][0]["user"] = user;
        Ok(tempfile(&config.to_string())?.display().to_string())
    }

    fn config(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(
            self.server.kubeconfig(),
        )?)?)
    }
}

/// Returns kind and message of a refusal.
pub fn error(answer: &Answer) -> (&str, &str) {
    answer.refusal()
}

/// Returns a list of texts as lines.
pub fn told(list: &Value) -> String {
    let lines = list.as_array().into_iter().flatten();
    lines
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Writes a file that goes with the machine's folder of such.
fn tempfile(text: &str) -> Result<std::path::PathBuf> {
    static N: AtomicUsize = AtomicUsize::new(0);
    let name = format!(
        "pidali-test-{}-{}.json",
        std::process::id(),
        N.fetch_add(1, Ordering::Relaxed)
    );
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, text)?;
    Ok(file)
}
