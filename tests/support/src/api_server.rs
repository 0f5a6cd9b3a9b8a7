//! A real Kubernetes API: etcd and kube-apiserver, which know Istio's resources and the Gateway API's.
//!
//! No controller runs there: pods and endpoints are what a test writes, and nobody ends a namespace.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use crate::child::{Running, up};
use crate::{free_ports, on_path, wait_until};

/// Who may do everything.
const ADMIN: &str = "admin";
/// Seconds when nothing else runs; builds and other tests may.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running API server, its objects in a folder that goes with it.
pub struct ApiServer {
    /// Before etcd, which it would miss.
    api: Option<Running>,
    _etcd: Running,
    home: TempDir,
    tools: Tools,
    arguments: Vec<OsString>,
    port: u16,
    /// Where it answers, without a slash at its end.
    pub url: String,
}

/// The programs, and the resource definitions.
struct Tools {
    etcd: PathBuf,
    kube_apiserver: PathBuf,
    kubectl: PathBuf,
    crds: PathBuf,
}

impl ApiServer {
    /// Starts one with an administrator alone.
    pub fn start() -> Result<ApiServer> {
        ApiServer::start_for(&[])
    }

    /// Starts one that knows these users besides the administrator; they may do what the test lets them.
    pub fn start_for(users: &[&str]) -> Result<ApiServer> {
        let tools = Tools::find()?;
        let home = tempfile::tempdir()?;
        let [port, store, peers] = free_ports()?;
        let url = format!("https://127.0.0.1:{port}");
        let etcd = start_etcd(&tools.etcd, home.path(), store, peers)?;
        write_keys(home.path())?;
        write_users(home.path(), &url, users)?;
        let mut server = ApiServer {
            api: None,
            _etcd: etcd,
            arguments: arguments(home.path(), port, store),
            home,
            tools,
            port,
            url,
        };
        server.boot()?;
        server.define()?;
        Ok(server)
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        kubeconfig(self.home.path(), ADMIN)
    }

    /// The kubeconfig of a user it was started for.
    pub fn kubeconfig_of(&self, user: &str) -> Result<PathBuf> {
        let file = kubeconfig(self.home.path(), user);
        if !file.is_file() {
            bail!("this API server was not started for `{user}`");
        }
        Ok(file)
    }

    /// Runs kubectl as the administrator; returns what it printed.
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_of(ADMIN, args)
    }

    /// Runs kubectl as a user it was started for; returns what it printed.
    pub fn kubectl_of(&self, user: &str, args: &[&str]) -> Result<String> {
        self.run_kubectl(user, args, "")
    }

    /// Creates or changes the objects of some YAML, server-side.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let args = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.run_kubectl(ADMIN, &args, yaml)
    }

    /// Says the statuses of the objects of some YAML, as the controllers would that do not run here.
    pub fn apply_status(&self, yaml: &str) -> Result<String> {
        let args = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--subresource=status",
            "-f",
            "-",
        ];
        self.run_kubectl(ADMIN, &args, yaml)
    }

    /// Ends the API server; its objects stay.
    pub fn stop_api(&mut self) {
        drop(self.api.take());
    }

    /// Starts the API server again, on the same port, with the objects that were there.
    pub fn start_api(&mut self) -> Result<()> {
        self.boot()?;
        self.serves_what_is_defined()
    }

    fn boot(&mut self) -> Result<()> {
        let log = self.home.path().join("kube-apiserver.log");
        let args: Vec<&OsStr> = self.arguments.iter().map(OsString::as_os_str).collect();
        let program = self.tools.kube_apiserver.as_os_str();
        let api = Running::start_logging(program, &args, &log)?;
        let listens = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        up("kube-apiserver listens", &api, &log, PATIENCE, listens)?;
        let ready = || self.kubectl(&["get", "--raw", "/readyz"]).is_ok();
        up("kube-apiserver is ready", &api, &log, PATIENCE, ready)?;
        self.api = Some(api);
        Ok(())
    }

    /// Makes it know Istio's and the Gateway API's resources.
    fn define(&self) -> Result<()> {
        let crds = self.tools.crds.display().to_string();
        let args = ["apply", "--server-side", "--validate=false", "-f", &crds];
        self.kubectl(&args)
            .context("the resource definitions were not taken")?;
        self.serves_what_is_defined()
    }

    /// Waits until each kind that is defined can be asked for: a while after its definition says so.
    fn serves_what_is_defined(&self) -> Result<()> {
        let defined = self.kubectl(&["get", "crd", "-o", "jsonpath={.items[*].metadata.name}"])?;
        wait_until("every defined kind is served", PATIENCE, || {
            let served = self.kubectl(&["api-resources", "--cached=false", "-o", "name"]);
            served.is_ok_and(|served| {
                defined
                    .split_whitespace()
                    .all(|kind| served.lines().any(|line| line == kind))
            })
        })
    }

    fn run_kubectl(&self, user: &str, args: &[&str], input: &str) -> Result<String> {
        // What starts with a brace it takes for JSON, even where that is YAML's flow style.
        let input = if input.starts_with('{') {
            format!("---\n{input}")
        } else {
            input.to_owned()
        };
        let mut kubectl = Command::new(&self.tools.kubectl)
            .arg("--kubeconfig")
            .arg(self.kubeconfig_of(user)?)
            // What it remembers of a server is in the home folder otherwise, by address: ports come again.
            .arg("--cache-dir")
            .arg(self.home.path().join("kubectl"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start kubectl")?;
        if let Some(mut stdin) = kubectl.stdin.take() {
            stdin.write_all(input.as_bytes()).ok();
        }
        let output = kubectl.wait_with_output()?;
        if !output.status.success() {
            // What differs is no complaint, but fails as well.
            let said = if output.stderr.is_empty() {
                &output.stdout
            } else {
                &output.stderr
            };
            let said = String::from_utf8_lossy(said);
            bail!("`kubectl {}`: {}", args.join(" "), said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Tools {
    fn find() -> Result<Tools> {
        let crds = std::env::var_os("PIDALI_CRDS").map(PathBuf::from);
        Ok(Tools {
            etcd: program("PIDALI_ETCD", "etcd")?,
            kube_apiserver: program("PIDALI_KUBE_APISERVER", "kube-apiserver")?,
            kubectl: program("PIDALI_KUBECTL", "kubectl")?,
            crds: crds.with_context(|| missing("resource definitions (PIDALI_CRDS)"))?,
        })
    }
}

fn program(variable: &str, name: &str) -> Result<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .or_else(|| on_path(name))
        .with_context(|| missing(&format!("{name} ({variable})")))
}

fn missing(what: &str) -> String {
    format!(
        "no {what} for the API server; bring it with: eval \"$(cargo xtask setup tests)\", or run `cargo xtask test`"
    )
}

fn start_etcd(program: &Path, home: &Path, port: u16, peers: u16) -> Result<Running> {
    let (clients, peers) = (
        format!("http://127.0.0.1:{port}"),
        format!("http://127.0.0.1:{peers}"),
    );
    let args = [
        format!("--data-dir={}", home.join("etcd").display()),
        format!("--listen-client-urls={clients}"),
        format!("--advertise-client-urls={clients}"),
        format!("--listen-peer-urls={peers}"),
        format!("--initial-advertise-peer-urls={peers}"),
        format!("--initial-cluster=default={peers}"),
        "--log-level=warn".to_owned(),
    ];
    let args: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
    let log = home.join("etcd.log");
    let etcd = Running::start_logging(program.as_os_str(), &args, &log)?;
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    up("etcd listens", &etcd, &log, PATIENCE, listens)?;
    Ok(etcd)
}

fn arguments(home: &Path, port: u16, store: u16) -> Vec<OsString> {
    let file = |name: &str| home.join(name).display().to_string();
    let args = [
        format!("--etcd-servers=http://127.0.0.1:{store}"),
        "--bind-address=127.0.0.1".to_owned(),
        // It would look for an address that others reach, which a machine without a network has not.
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--secure-port={port}"),
        // It makes a certificate for the address it listens on, and an authority.
        format!("--cert-dir={}", home.display()),
        format!("--token-auth-file={}", file("tokens.csv")),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("accounts.key")
        ),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        // Pods would wait for accounts that a controller makes.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
    ];
    args.into_iter().map(OsString::from).collect()
}

/// What the server signs the tokens of accounts with, and knows them by.
fn write_keys(home: &Path) -> Result<()> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    for (file, kind, key) in [
        ("accounts.key", "PRIVATE KEY", pair.to_pkcs8v1()?.as_ref()),
        ("accounts.pub", "PUBLIC KEY", public.as_ref()),
    ] {
        let key = BASE64_STANDARD.encode(key);
        let pem = format!("-----BEGIN {kind}-----\n{key}\n-----END {kind}-----\n");
        private(&home.join(file), &pem)?;
    }
    Ok(())
}

/// A token and a kubeconfig for each user.
fn write_users(home: &Path, url: &str, users: &[&str]) -> Result<()> {
    let mut tokens = String::new();
    for user in std::iter::once(&ADMIN).chain(users) {
        let token = token()?;
        let groups = if *user == ADMIN { "system:masters" } else { "" };
        tokens += &format!("{token},{user},{user},\"{groups}\"\n");
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": user,
            "clusters": [{"name": "tests", "cluster": {
                "server": url,
                "certificate-authority": home.join("apiserver.crt"),
            }}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": user, "context": {"cluster": "tests", "user": user}}],
        });
        private(&kubeconfig(home, user), &format!("{config:#}\n"))?;
    }
    private(&home.join("tokens.csv"), &tokens)
}

fn kubeconfig(home: &Path, user: &str) -> PathBuf {
    home.join(format!("{user}.kubeconfig"))
}

/// Nobody else on this machine can guess it.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that nobody else may read.
fn private(file: &Path, text: &str) -> Result<()> {
    let mut open = fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let mut file = open.open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}
