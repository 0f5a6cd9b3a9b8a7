//! An Argo Rollout on a real API, its pods scraped by a real Prometheus (rule R6).

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use support::{ApiServer, Pidali, Prometheus, Stub, response, wait_until};

/// A Rollout as Argo steers it: one workload, two subsets by the hash of the template.
const ROLLOUT: &str = r#"---
{apiVersion: v1, kind: Namespace, metadata: {name: rolled}}
---
{apiVersion: v1, kind: Service, metadata: {name: pay, namespace: rolled}, spec: {selector: {app: pay}, ports: [{name: http, port: 80}]}}
---
{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: pay, namespace: rolled}, spec: {replicas: 4, template: {metadata: {labels: {app: pay}}}}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: pay, namespace: rolled}, spec: {host: pay, subsets: [{name: stable, labels: {app: pay, rollouts-pod-template-hash: aaa}}, {name: canary, labels: {app: pay, rollouts-pod-template-hash: bbb}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: pay, namespace: rolled}, spec: {hosts: [pay], http: [{route: [{destination: {host: pay, subset: stable}, weight: 80}, {destination: {host: pay, subset: canary}, weight: 20}]}]}}
"#;

const ROLLOUTS: &str = r#"---
{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: rollouts.argoproj.io}, spec: {group: argoproj.io, scope: Namespaced, names: {kind: Rollout, plural: rollouts, singular: rollout, listKind: RolloutList}, versions: [{name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}
"#;

/// A pod whose proxy has told of so many calls a second since it began; `also`: labels beside the usual ones.
fn pod(reporter: &str, also: &str, rps: f64) -> Result<Stub> {
    let labels = format!(
        "namespace=\"rolled\",reporter=\"{reporter}\",source_workload=\"web\",source_workload_namespace=\"rolled\",\
         source_canonical_service=\"web\",source_canonical_revision=\"v1\",source_cluster=\"Kubernetes\",\
         destination_workload=\"pay\",destination_workload_namespace=\"rolled\",destination_canonical_service=\"pay\",\
         destination_canonical_revision=\"latest\",destination_cluster=\"Kubernetes\",destination_service_name=\"pay\",\
         destination_service_namespace=\"rolled\",request_protocol=\"http\",response_code=\"200\",\
         grpc_response_status=\"\",response_flags=\"-\",connection_security_policy=\"mutual_tls\"{also}"
    );
    let began = Instant::now();
    Stub::raw(move |_| {
        let count = 1_000.0 + began.elapsed().as_secs_f64() * rps;
        let text = format!("istio_requests_total{{{labels}}} {}\n", count.floor());
        Some(response(200, "text/plain; version=0.0.4", &text))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn r6_the_sides_of_a_rollout_are_told_apart_where_the_metrics_carry_its_hash() -> Result<()> {
    let server = ApiServer::start()?;
    server.apply(ROLLOUTS)?;
    wait_until("Rollouts are served", Duration::from_secs(60), || {
        server.apply(ROLLOUT).is_ok()
    })?;
    let with_hash = |hash: &str| format!(",rollouts_pod_template_hash=\"{hash}\"");
    for is_told in [true, false] {
        let [stable, canary] = match is_told {
            true => [with_hash("aaa"), with_hash("bbb")],
            false => [",pod=\"a\"".to_owned(), ",pod=\"b\"".to_owned()],
        };
        let pods = [
            pod("source", "", 40.0)?,
            pod("destination", &stable, 30.0)?,
            pod("destination", &canary, 10.0)?,
        ];
        let hosts = pods
            .each_ref()
            .map(|it| it.url.trim_start_matches("http://"));
        let prometheus = Prometheus::scraping(&hosts)?;
        let kubeconfig = server.kubeconfig().display().to_string();
        let pidali = Pidali::start(&[
            "serve",
            "--prometheus",
            &prometheus.url,
            "--kubeconfig",
            &kubeconfig,
        ])?;
        let route = "routes/rolled/virtualservice/pay?window=15s";
        let busy = |route: &serde_json::Value| {
            let requests = &route["rules"][0]["callers"][0]["requests"];
            // Of weights that are seconds old, no share is told.
            let share = &route["rules"][0]["destinations"][0]["measured"][0]["share"];
            requests.as_f64().is_some_and(|it| it > 400.0) && (share.is_number() || !is_told)
        };
        let seen = pidali.route_when(route, busy).await?;
        let rule = &seen["rules"][0];
        let note = rule["callers"][0]["note"].as_str().unwrap_or_default();
        let share = |idx: usize| rule["destinations"][idx]["measured"][0]["share"].as_f64();
        if is_told {
            let both = share(0).zip(share(1));
            let (stable, canary) = both.with_context(|| format!("nothing measured: {rule}"))?;
            assert!((stable - 0.75).abs() < 0.03, "{stable}");
            assert!((canary - 0.25).abs() < 0.03, "{canary}");
            assert!(note.contains("as their own pods count them"), "{note}");
        } else {
            assert_eq!((share(0), share(1)), (None, None), "{rule}");
            assert!(note.contains("rollouts-pod-template-hash"), "{note}");
        }
    }
    Ok(())
}
