//! Where the API server is, and who asks it: a kubeconfig, or the pod's own account.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use super::failure::Failure;

/// How long the making of a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a program that brings credentials may take: a person may have to look at their phone.
const LOGIN: Duration = Duration::from_secs(120);

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Access {
    from: From,
    /// The namespaces that are read; all where that is empty.
    pub namespaces: Vec<String>,
}

#[derive(Clone, Debug)]
enum From {
    /// A file as kubectl has it.
    File(Option<PathBuf>, Option<String>),
    /// The account of the pod that this runs in.
    Pod,
}

impl Access {
    /// Returns how to reach the cluster of `kubeconfig`, of `$KUBECONFIG`, or the one that this runs in; `None` where
    /// there is none of these. What can't be read is an error: it was meant.
    pub async fn find(
        kubeconfig: Option<PathBuf>,
        context: Option<String>,
        namespaces: Vec<String>,
    ) -> anyhow::Result<Option<Access>> {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|it| !it.is_empty());
        let from = if kubeconfig.is_some() || context.is_some() || is_set("KUBECONFIG") {
            From::File(kubeconfig, context)
        } else if is_set("KUBERNETES_SERVICE_HOST") {
            From::Pod
        } else {
            return Ok(None);
        };
        let access = Access { from, namespaces };
        // Bad configuration is refused at start; whether the cluster answers is seen later.
        access.config().await?;
        Ok(Some(access))
    }

    /// Returns whether this program runs in a pod of the cluster.
    pub fn is_pod(&self) -> bool {
        matches!(self.from, From::Pod)
    }

    async fn config(&self) -> anyhow::Result<Config> {
        let mut config = match &self.from {
            From::File(file, context) => {
                let kubeconfig = match file {
                    Some(file) => Kubeconfig::read_from(file).context("--kubeconfig"),
                    None => match Kubeconfig::from_env() {
                        Ok(Some(found)) => Ok(found),
                        // --context alone means the usual place.
                        Ok(None) => Kubeconfig::read().context("--context"),
                        Err(error) => Err(error).context("KUBECONFIG"),
                    },
                }?;
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                let found = Config::from_custom_kubeconfig(kubeconfig, &options).await;
                found.with_context(|| match context {
                    Some(context) => format!("--context: `{context}`"),
                    None => "--kubeconfig".to_owned(),
                })?
            }
            From::Pod => Config::incluster().context("the pod's own account")?,
        };
        config.connect_timeout = Some(CONNECT);
        // A write that may have been done must not be tried again unasked.
        config.default_retry = false;
        Ok(config)
    }

    /// Returns a client and the server's address. Credentials are fetched on the way, which may run a program.
    pub async fn client(&self) -> Result<(Client, String), Failure> {
        let config = self.config().await;
        let mut config = config.map_err(|error| Failure::Credentials {
            problem: format!("{error:#}"),
            mend: "give another with --kubeconfig and --context".to_owned(),
        })?;
        if let Some(exec) = &mut config.auth_info.exec
            && !std::io::stdin().is_terminal()
        {
            if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
                let program = exec.command.clone().unwrap_or_default();
                return Err(Failure::Credentials {
                    problem: format!("`{program}` wants a person at a terminal, and there is none here"),
                    mend: "start Pidali from a terminal, or log in without one (for AKS: kubelogin convert-kubeconfig -l azurecli)".to_owned(),
                });
            }
            // Its complaints are then heard.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        let url = shown(&config.cluster_url);
        let making = tokio::task::spawn_blocking(move || Client::try_from(config));
        let made = tokio::time::timeout(LOGIN, making).await;
        match made {
            Ok(Ok(Ok(client))) => Ok((client, url)),
            Ok(Ok(Err(error))) => Err(Failure::from(error)),
            Ok(Err(_)) => Err(Failure::Unreachable(
                "the connection could not be set up".to_owned(),
            )),
            Err(_) => Err(Failure::Credentials {
                problem: format!(
                    "the program that the kubeconfig names for credentials took longer than {} s",
                    LOGIN.as_secs()
                ),
                mend: "log in with it by hand; it is asked again".to_owned(),
            }),
        }
    }
}

/// Returns an address without credentials.
fn shown(url: &http::Uri) -> String {
    let host = url.host().unwrap_or_default();
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    format!(
        "{}://{host}{port}{path}",
        url.scheme_str().unwrap_or("https")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_credentials() {
        for (url, expected) in [
            (
                "https://me:secret@aks.example:443/",
                "https://aks.example:443",
            ),
            (
                "https://rancher.example/k8s/clusters/c-1",
                "https://rancher.example/k8s/clusters/c-1",
            ),
        ] {
            assert_eq!(shown(&url.parse().unwrap()), expected);
        }
    }
}
