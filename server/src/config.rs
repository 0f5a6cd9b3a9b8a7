//! The command line. Every flag has an env name and a documented default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand};
use mesh::health::Objectives;
use mesh::units::Window;
use secrecy::SecretString;

use crate::cluster::kube::{Access, KubeCluster};
use crate::links::Pages;
use crate::sources::reach::Auth;
use crate::sources::{jaeger, prometheus};

/// Sees an Istio mesh, and steers it.
#[derive(Debug, Parser)]
#[command(name = "pidali", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the built-in mesh.
    Demo(Box<DemoArgs>),
    /// Shows the mesh that a Prometheus knows.
    Serve(Box<ServeArgs>),
    /// Says whether a mesh has what this needs, with the lines to paste. Ends with 0 when nothing fails, with 1 when
    /// something does, with 2 when it was started wrongly.
    Preflight(Box<PreflightArgs>),
}

/// Where and for whom to listen.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, env = "PIDALI_LISTEN", default_value = "127.0.0.1:20002")]
    pub listen: SocketAddr,
    /// A host name, beside loopback ones, that browsers may use for this server; repeatable.
    #[arg(
        long = "allowed-host",
        env = "PIDALI_ALLOWED_HOSTS",
        value_delimiter = ','
    )]
    pub allowed_hosts: Vec<String>,
    /// The path prefix of a proxy in front that does not strip it, such as /pidali.
    #[arg(long, env = "PIDALI_BASE_PATH", default_value = "")]
    pub base_path: String,
    /// The address of a Grafana with Istio's dashboards, as browsers reach it: pages link there.
    #[arg(long, env = "PIDALI_GRAFANA")]
    pub grafana: Option<String>,
    /// The address of Jaeger's page, as browsers reach it, with its base path: traces link there.
    #[arg(long, env = "PIDALI_JAEGER_LINK")]
    pub jaeger_link: Option<String>,
}

impl ListenArgs {
    /// Returns the pages of other programs, where they are given.
    pub fn pages(&self) -> anyhow::Result<Pages> {
        let given = |flag: &str, address: &Option<String>| {
            let given = address.as_deref().filter(|it| !it.trim().is_empty());
            given.map(|it| link(flag, it)).transpose()
        };
        Ok(Pages {
            grafana: given("--grafana", &self.grafana)?,
            jaeger: given("--jaeger-link", &self.jaeger_link)?,
        })
    }

    /// Returns the base path without a slash at its end.
    pub fn base_path(&self) -> anyhow::Result<String> {
        let path = self.base_path.trim_end_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./~".contains(c);
        if path.is_empty() {
            return Ok(String::new());
        }
        if !path.starts_with('/') || !path.chars().all(plain) || path.contains("..") {
            bail!("--base-path: `{path}` is not a path such as /pidali");
        }
        Ok(path.to_owned())
    }
}

/// Reads the address of another program that pages link to: http or https, with a slash at its end. One with
/// a password would be shown to everybody.
fn link(flag: &str, address: &str) -> anyhow::Result<String> {
    let mut url = reqwest::Url::parse(address.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .with_context(|| {
            format!("{flag}: not an http or https address such as https://grafana.example")
        })?;
    if !url.username().is_empty() || url.password().is_some() {
        bail!("{flag}: leave out user and password, which would be shown to everybody");
    }
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url.into())
}

/// Which Kubernetes API is asked.
#[derive(Clone, Debug, Args)]
pub struct ClusterArgs {
    /// The kubeconfig of the cluster. Without it, KUBECONFIG is taken, or the account of the pod that this runs in.
    #[arg(long, env = "PIDALI_KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; its current one when left out.
    #[arg(long, env = "PIDALI_CONTEXT")]
    pub context: Option<String>,
    /// A namespace that may be read, where the right to read all is missing; repeatable.
    #[arg(
        long = "cluster-namespace",
        env = "PIDALI_CLUSTER_NAMESPACES",
        value_delimiter = ','
    )]
    pub namespaces: Vec<String>,
}

impl ClusterArgs {
    /// Returns how to reach the cluster; `None` where there is none to ask.
    pub async fn access(&self) -> anyhow::Result<Option<Access>> {
        let namespaces = self.namespaces.iter().map(|it| it.trim().to_owned());
        let namespaces = namespaces.filter(|it| !it.is_empty()).collect();
        Access::find(self.kubeconfig.clone(), self.context.clone(), namespaces).await
    }
}

/// The flags of `pidali demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where and for whom to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// A YAML file of objectives: which share of errors and which latency is too high where. Without it, the same
    /// thresholds hold everywhere.
    #[arg(long, env = "PIDALI_OBJECTIVES")]
    pub objectives: Option<PathBuf>,
    /// Also serves the mesh's metrics to a real Prometheus, at /metrics, and what really happened, at
    /// /truth. Port 0 takes a free one; the second line on stdout names it.
    #[arg(long, env = "PIDALI_EXPOSE")]
    pub expose: Option<SocketAddr>,
    /// Also sends the mesh's traces to the collector at this address, in OpenTelemetry's protocol over HTTP: the last
    /// ten minutes at once, then what ends, such as http://127.0.0.1:4318.
    #[arg(long, env = "PIDALI_OTLP")]
    pub otlp: Option<String>,
    /// Takes the metrics from this Prometheus, which scrapes what --expose serves, instead of from the mesh
    /// itself: the whole way that a real mesh's figures take.
    #[arg(long, env = "PIDALI_DEMO_PROMETHEUS", requires = "expose")]
    pub prometheus: Option<String>,
    /// Takes the traces from this Jaeger instead of from the mesh itself.
    #[arg(long, env = "PIDALI_DEMO_JAEGER")]
    pub jaeger: Option<String>,
    /// Writes the mesh's objects into the Kubernetes API of this kubeconfig, one without nodes, and follows what is
    /// found there: the built-in mesh on a real API server.
    #[arg(long, env = "PIDALI_DEMO_KUBECONFIG", conflicts_with = "read_only")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of that kubeconfig; its current one when left out.
    #[arg(long, env = "PIDALI_DEMO_CONTEXT", requires = "kubeconfig")]
    pub context: Option<String>,
    /// Refuses every change, as a cluster does where the right is missing.
    #[arg(long, env = "PIDALI_DEMO_READ_ONLY")]
    pub read_only: bool,
    /// The same seed gives the same mesh.
    #[arg(long, env = "PIDALI_SEED", default_value_t = 7)]
    pub seed: u64,
}

/// The flags of `pidali serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Where and for whom to listen.
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Which Kubernetes API is asked.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Which Prometheus is asked.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// Which Jaeger is asked.
    #[command(flatten)]
    pub jaeger: JaegerArgs,
    /// A YAML file of objectives: which share of errors and which latency is too high where. Without it, the same
    /// thresholds hold everywhere.
    #[arg(long, env = "PIDALI_OBJECTIVES")]
    pub objectives: Option<PathBuf>,
}

/// The flags of `pidali preflight`.
#[derive(Debug, Args)]
pub struct PreflightArgs {
    /// Which Kubernetes API is asked.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Which Prometheus is asked.
    #[command(flatten)]
    pub prometheus: PrometheusArgs,
    /// Which Jaeger is asked.
    #[command(flatten)]
    pub jaeger: JaegerArgs,
    /// The window that scrapes are counted against, such as 5m.
    #[arg(long, env = "PIDALI_PREFLIGHT_WINDOW", default_value = "5m")]
    pub window: Window,
    /// Prints the answer of the API, as JSON.
    #[arg(long, env = "PIDALI_PREFLIGHT_JSON")]
    pub json: bool,
}

/// Which Prometheus is asked, and how.
#[derive(Args)]
pub struct PrometheusArgs {
    /// The address of Prometheus, or of what speaks its API, with any path prefix; or a Service of the cluster, as
    /// kube://istio-system/prometheus:9090. Without it, it is looked for in the cluster.
    #[arg(
        long = "prometheus",
        env = "PIDALI_PROMETHEUS",
        default_value = "",
        hide_default_value = true
    )]
    pub url: String,
    /// A header sent along, as `Name: value`, such as `X-Scope-OrgID: team`; repeatable.
    #[arg(
        long = "prometheus-header",
        env = "PIDALI_PROMETHEUS_HEADERS",
        value_delimiter = '\n'
    )]
    pub headers: Vec<String>,
    /// A query parameter sent along, as `name=value`; repeatable.
    #[arg(
        long = "prometheus-query",
        env = "PIDALI_PROMETHEUS_QUERY",
        value_delimiter = '\n'
    )]
    pub query: Vec<String>,
    /// The user name for basic authentication; the password is read from PIDALI_PROMETHEUS_PASSWORD.
    #[arg(long = "prometheus-user", env = "PIDALI_PROMETHEUS_USER")]
    pub user: Option<String>,
    /// A file with a bearer token, read again when it changes.
    #[arg(long = "prometheus-token-file", env = "PIDALI_PROMETHEUS_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// How long one answer may take, in seconds.
    #[arg(long = "prometheus-timeout", env = "PIDALI_PROMETHEUS_TIMEOUT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout_secs: u64,
    /// How many questions may be open at once.
    #[arg(long = "prometheus-concurrency", env = "PIDALI_PROMETHEUS_CONCURRENCY", default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// How large one answer may be, decompressed, in MiB.
    #[arg(long = "prometheus-max-answer", env = "PIDALI_PROMETHEUS_MAX_ANSWER", default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub max_answer_mib: u64,
    /// How many samples one answer may hold.
    #[arg(long = "prometheus-max-samples", env = "PIDALI_PROMETHEUS_MAX_SAMPLES", default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_samples: u64,
    /// Reads metrics that rules have added up over pods, whose names start with this, such as workload:
    /// Sums of counters jump when a pod leaves; every answer says so.
    #[arg(
        long = "metric-prefix",
        env = "PIDALI_METRIC_PREFIX",
        default_value = ""
    )]
    pub metric_prefix: String,
}

/// Which Jaeger is asked, and how.
#[derive(Args)]
pub struct JaegerArgs {
    /// The address of Jaeger's page, with any base path, such as http://127.0.0.1:16686/jaeger; or a Service of the
    /// cluster, as kube://istio-system/tracing:80. Without it, it is looked for in the cluster. It is optional: without
    /// a Jaeger there are no traces, and everything else is there.
    #[arg(
        id = "jaeger_url",
        long = "jaeger",
        env = "PIDALI_JAEGER",
        default_value = "",
        hide_default_value = true
    )]
    pub url: String,
    /// A header sent along, as `Name: value`; repeatable.
    #[arg(
        id = "jaeger_headers",
        long = "jaeger-header",
        env = "PIDALI_JAEGER_HEADERS",
        value_delimiter = '\n'
    )]
    pub headers: Vec<String>,
    /// The user name for basic authentication; the password is read from PIDALI_JAEGER_PASSWORD.
    #[arg(id = "jaeger_user", long = "jaeger-user", env = "PIDALI_JAEGER_USER")]
    pub user: Option<String>,
    /// A file with a bearer token, read again when it changes.
    #[arg(
        id = "jaeger_token_file",
        long = "jaeger-token-file",
        env = "PIDALI_JAEGER_TOKEN_FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// How long one answer may take, in seconds.
    #[arg(id = "jaeger_timeout_secs", long = "jaeger-timeout", env = "PIDALI_JAEGER_TIMEOUT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout_secs: u64,
    /// How many questions may be open at once.
    #[arg(id = "jaeger_concurrency", long = "jaeger-concurrency", env = "PIDALI_JAEGER_CONCURRENCY", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub concurrency: u16,
    /// How large one answer may be, decompressed, in MiB.
    #[arg(id = "jaeger_max_answer_mib", long = "jaeger-max-answer", env = "PIDALI_JAEGER_MAX_ANSWER", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub max_answer_mib: u64,
}

impl std::fmt::Debug for JaegerArgs {
    // Headers may carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JaegerArgs").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PrometheusArgs {
    // Headers and parameters may carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrometheusArgs").finish_non_exhaustive()
    }
}

/// Returns what is expected where, by the file that was given.
pub fn objectives(file: Option<&Path>) -> anyhow::Result<Objectives> {
    file.map(crate::objectives::read)
        .transpose()
        .map(Option::unwrap_or_default)
}

/// Reads pairs, such as headers; what is empty is passed over.
fn pairs(flag: &str, items: &[String], separator: char) -> anyhow::Result<Vec<(String, String)>> {
    items
        .iter()
        .filter(|item| !item.trim().is_empty())
        .map(|item| {
            // The item may be a secret: only the flag is named.
            let (name, value) = item
                .split_once(separator)
                .with_context(|| format!("{flag}: write it as name{separator}value"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        })
        .collect()
}

/// What tells a source who asks, beside flags: from the environment, where processes' lists do not show it.
#[derive(Default)]
pub struct Secrets {
    /// The password of the user.
    pub password: Option<String>,
    /// A bearer token.
    pub token: Option<String>,
}

impl Secrets {
    /// Returns who we are to the source of a `name`, such as `prometheus`.
    fn auth(
        self,
        name: &str,
        user: Option<&String>,
        token_file: Option<&PathBuf>,
    ) -> anyhow::Result<Auth> {
        Ok(match (user, token_file, self.token) {
            (Some(user), None, None) => Auth::Basic {
                user: user.clone(),
                password: SecretString::from(self.password.unwrap_or_default()),
            },
            (None, Some(file), None) => Auth::BearerFile(file.clone()),
            (None, None, Some(token)) => Auth::Bearer(SecretString::from(token)),
            (None, None, None) => Auth::None,
            _ => bail!(
                "--{name}-user, --{name}-token-file and PIDALI_{}_TOKEN exclude each other: give one",
                name.to_uppercase()
            ),
        })
    }
}

impl PrometheusArgs {
    /// Returns how to ask Prometheus; `cluster` is the one that it may be in.
    pub fn settings(
        &self,
        secrets: Secrets,
        cluster: Option<Arc<KubeCluster>>,
    ) -> anyhow::Result<prometheus::Settings> {
        Ok(prometheus::Settings {
            headers: pairs("--prometheus-header", &self.headers, ':')?,
            query: pairs("--prometheus-query", &self.query, '=')?,
            auth: secrets.auth("prometheus", self.user.as_ref(), self.token_file.as_ref())?,
            timeout: Duration::from_secs(self.timeout_secs),
            concurrency: usize::from(self.concurrency),
            max_answer_bytes: self.max_answer_mib * 1024 * 1024,
            max_samples: usize::try_from(self.max_samples).unwrap_or(usize::MAX),
            metric_prefix: self.metric_prefix.clone(),
            cluster,
            ..prometheus::Settings::new(&self.url)
        })
    }
}

impl JaegerArgs {
    /// Returns how to ask Jaeger; `cluster` is the one that it may be in. None where there is nothing to ask.
    pub fn settings(
        &self,
        secrets: Secrets,
        cluster: Option<Arc<KubeCluster>>,
    ) -> anyhow::Result<Option<jaeger::Settings>> {
        if self.url.trim().is_empty() && cluster.is_none() {
            return Ok(None);
        }
        Ok(Some(jaeger::Settings {
            headers: pairs("--jaeger-header", &self.headers, ':')?,
            auth: secrets.auth("jaeger", self.user.as_ref(), self.token_file.as_ref())?,
            timeout: Duration::from_secs(self.timeout_secs),
            concurrency: usize::from(self.concurrency),
            max_answer_bytes: self.max_answer_mib * 1024 * 1024,
            cluster,
            ..jaeger::Settings::new(&self.url)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_flags_are_mistaken_for_each_other() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn only_an_address_that_a_browser_can_open_is_linked_to() {
        for (given, kept) in [
            ("https://grafana.example", "https://grafana.example/"),
            (
                "http://127.0.0.1:3000/tools?orgId=1#x",
                "http://127.0.0.1:3000/tools/",
            ),
        ] {
            assert_eq!(link("--grafana", given).unwrap(), kept);
        }
        for bad in [
            "",
            "grafana",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://host/",
            "https://me:secret@host/",
        ] {
            let error = link("--grafana", bad).unwrap_err().to_string();
            assert!(
                error.starts_with("--grafana: ") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
