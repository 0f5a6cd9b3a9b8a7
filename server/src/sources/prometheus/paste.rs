//! What to paste where Istio's metrics or labels are missing: for Istio installed by oneself, and for the add-on
//! of AKS.

use mesh::api::breakers::Paste;

use super::diagnosis::Status;
use super::{control_plane, promql, proxies};

const POD_MONITORS: &str = "\
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: envoy-stats
  namespace: istio-system
spec:
  namespaceSelector: {any: true}
  selector:
    matchExpressions:
    - {key: istio-prometheus-ignore, operator: DoesNotExist}
  jobLabel: envoy-stats
  podMetricsEndpoints:
  - path: /stats/prometheus
    interval: 15s
    relabelings:
    - action: keep
      sourceLabels: [__meta_kubernetes_pod_container_name]
      regex: istio-proxy
    - action: replace
      sourceLabels: [__meta_kubernetes_pod_ip]
      targetLabel: __address__
      replacement: ${1}:15090
    - {sourceLabels: [__meta_kubernetes_namespace], targetLabel: namespace}
    - {sourceLabels: [__meta_kubernetes_pod_name], targetLabel: pod}
";

const ISTIOD_MONITOR: &str = "\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: istiod
  namespace: istio-system
spec:
  selector:
    matchLabels: {istio: pilot}
  endpoints:
  - port: http-monitoring
    interval: 15s
";

const SCRAPE_CONFIG: &str = "\
scrape_configs:
- job_name: envoy-stats
  metrics_path: /stats/prometheus
  kubernetes_sd_configs: [{role: pod}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_container_name], action: keep, regex: istio-proxy}
  - {source_labels: [__meta_kubernetes_pod_ip], target_label: __address__, replacement: \"${1}:15090\"}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
- job_name: istiod
  kubernetes_sd_configs: [{role: endpoints, namespaces: {names: [istio-system]}}]
  relabel_configs:
  - source_labels: [__meta_kubernetes_service_name, __meta_kubernetes_endpoint_port_name]
    action: keep
    regex: istiod;http-monitoring
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
";

const TELEMETRY: &str = "\
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata:
  name: mesh-default
  namespace: istio-system
spec:
  metrics:
  - providers:
    - name: prometheus
";

const AMA_SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: ama-metrics-settings-configmap
  namespace: kube-system
data:
  schema-version: v1
  config-version: ver1
  pod-annotation-based-scraping: |-
    podannotationnamespaceregex = \".*\"
  default-targets-scrape-interval-settings: |-
    cadvisor = \"30s\"
    podannotations = \"15s\"
  default-targets-metrics-keep-list: |-
    cadvisor = \"container_memory_working_set_bytes|container_cpu_usage_seconds_total\"
    minimalingestionprofile = true
";

/// Returns what to paste for what `status` lacks; nothing where nothing is missing that should be there.
pub fn mends(status: &Status) -> Vec<Paste> {
    let lacks = |name: &str| {
        let mut metrics = status.metrics.iter();
        metrics.any(|it| !it.present && it.name.ends_with(name))
    };
    let paste = |setting: &str, title: &str, text: &str, then: &str| Paste {
        title: title.to_owned(),
        setting: setting.to_owned(),
        text: text.to_owned(),
        then: (!then.is_empty()).then(|| then.to_owned()),
    };
    let mut out = Vec::new();
    if !status.reachable {
        out.push(paste(
            "upstream",
            "A Prometheus that comes with Istio, and a way to it",
            "kubectl apply -f https://raw.githubusercontent.com/istio/istio/release-1.27/samples/addons/prometheus.yaml\n\
             kubectl -n istio-system port-forward svc/prometheus 9090:9090\n",
            "It keeps samples in memory of its pod: for more than a look, take one of your own.",
        ));
        out.push(paste(
            "aks",
            "Azure Monitor's managed Prometheus: turn it on, and ask its query endpoint",
            "az aks update --enable-azure-monitor-metrics --resource-group RESOURCE_GROUP --name CLUSTER\n\
             az monitor account show --resource-group RESOURCE_GROUP --name WORKSPACE --query metrics.prometheusQueryEndpoint\n",
            "The endpoint wants a token of Microsoft Entra: keep one in a file for --prometheus-token-file, or put a proxy \
             in front that signs in.",
        ));
        return out;
    }
    let no_traffic = lacks(promql::REQUESTS);
    let no_istiod = lacks(control_plane::INFO);
    if no_traffic || no_istiod {
        out.push(paste(
            "upstream",
            "Scrape proxies and istiod: with a plain prometheus.yml",
            SCRAPE_CONFIG,
            "Istio's own add-on has this already.",
        ));
        out.push(paste(
            "upstream",
            "The same with the Prometheus operator",
            &format!("{POD_MONITORS}---\n{ISTIOD_MONITOR}"),
            "The operator may want a label on both: look at its podMonitorSelector and serviceMonitorSelector.",
        ));
        out.push(paste(
            "aks",
            "Have Azure Monitor scrape the add-on's proxies and istiod, by the annotations that their pods carry",
            AMA_SETTINGS,
            "It is merged into the settings within some minutes. Without managed Prometheus, first: az aks update \
             --enable-azure-monitor-metrics.",
        ));
        if no_traffic {
            out.push(paste(
                "aks",
                "Is the add-on there, and in which revision?",
                "az aks mesh enable --resource-group RESOURCE_GROUP --name CLUSTER\n\
                 az aks show --resource-group RESOURCE_GROUP --name CLUSTER --query serviceMeshProfile.istio.revisions\n",
                "Then label namespaces istio.io/rev=REVISION and restart their workloads.",
            ));
        }
    } else if lacks(proxies::MEMORY) || lacks(proxies::CPU) {
        out.push(paste(
            "aks",
            "Have Azure Monitor keep the memory and processor use of containers",
            AMA_SETTINGS,
            "",
        ));
    }
    if status.labels.iter().any(|label| !label.present) {
        out.push(paste(
            "upstream",
            "Take all labels back in: a Telemetry object for the mesh without overrides",
            TELEMETRY,
            "Look for others that remove tags: kubectl get telemetry -A -o yaml",
        ));
        out.push(paste(
            "aks",
            "The same in the add-on's namespace",
            &TELEMETRY.replace("istio-system", "aks-istio-system"),
            "Azure's minimal ingestion profile drops labels of no metric: look for Telemetry objects first.",
        ));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use mesh::api::sources::{Label, Metric};

    fn status(present: bool) -> Status {
        let names = [
            promql::REQUESTS,
            control_plane::INFO,
            proxies::MEMORY,
            proxies::CPU,
        ];
        let metrics = names.map(|name| Metric {
            name: name.to_owned(),
            shows: String::new(),
            present,
            optional: false,
            lost: String::new(),
        });
        Status {
            reachable: true,
            metrics: metrics.to_vec(),
            ..Status::default()
        }
    }

    #[test]
    fn r11_both_settings_get_a_text_and_a_whole_source_none() {
        assert_eq!(mends(&status(true)), []);
        for status in [Status::default(), status(false)] {
            let settings: Vec<String> = mends(&status).into_iter().map(|it| it.setting).collect();
            assert!(
                settings.contains(&"upstream".to_owned()) && settings.contains(&"aks".to_owned())
            );
        }
        let mut without = status(true);
        without.labels.push(Label {
            name: "reporter".to_owned(),
            present: false,
            lost: String::new(),
        });
        assert!(
            mends(&without)[1]
                .text
                .contains("namespace: aks-istio-system")
        );
    }

    #[test]
    fn what_is_to_be_pasted_as_yaml_is_yaml() {
        for text in [
            POD_MONITORS,
            ISTIOD_MONITOR,
            SCRAPE_CONFIG,
            TELEMETRY,
            AMA_SETTINGS,
        ] {
            let read: serde_json::Value = serde_saphyr::from_str(text).unwrap();
            assert!(read.is_object(), "{text}");
        }
    }
}
