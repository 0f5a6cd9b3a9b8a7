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
use crate::sources::prometheus::Settings;
use crate::sources::reach::Auth;

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
}

impl ListenArgs {
    /// Returns Grafana's address with a slash at its end, where one is given.
    pub fn grafana(&self) -> anyhow::Result<Option<String>> {
        let given = self.grafana.as_deref().filter(|it| !it.trim().is_empty());
        given.map(|it| link("--grafana", it)).transpose()
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
    /// Takes the metrics from this Prometheus, which scrapes what --expose serves, instead of from the mesh
    /// itself: the whole way that a real mesh's figures take.
    #[arg(long, env = "PIDALI_DEMO_PROMETHEUS", requires = "expose")]
    pub prometheus: Option<String>,
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

impl PrometheusArgs {
    /// Returns how to ask Prometheus. `password` is the one for `--prometheus-user`, `token` a bearer
    /// token from the environment, `cluster` the one that it may be in.
    pub fn settings(
        &self,
        password: Option<String>,
        token: Option<String>,
        cluster: Option<Arc<KubeCluster>>,
    ) -> anyhow::Result<Settings> {
        let pairs = |flag: &str, items: &[String], separator: char| {
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
                .collect::<anyhow::Result<Vec<_>>>()
        };
        let auth = match (&self.user, &self.token_file, token) {
            (Some(user), None, None) => Auth::Basic {
                user: user.clone(),
                password: SecretString::from(password.unwrap_or_default()),
            },
            (None, Some(file), None) => Auth::BearerFile(file.clone()),
            (None, None, Some(token)) => Auth::Bearer(SecretString::from(token)),
            (None, None, None) => Auth::None,
            _ => bail!(
                "--prometheus-user, --prometheus-token-file and PIDALI_PROMETHEUS_TOKEN exclude each other: give one"
            ),
        };
        Ok(Settings {
            headers: pairs("--prometheus-header", &self.headers, ':')?,
            query: pairs("--prometheus-query", &self.query, '=')?,
            auth,
            timeout: Duration::from_secs(self.timeout_secs),
            concurrency: usize::from(self.concurrency),
            max_answer_bytes: self.max_answer_mib * 1024 * 1024,
            max_samples: usize::try_from(self.max_samples).unwrap_or(usize::MAX),
            metric_prefix: self.metric_prefix.clone(),
            cluster,
            ..Settings::new(&self.url)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
