//! The binary `pidali`.

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use mesh::api::preflight::Status;
use mesh::health::Objectives;
use server::cluster::Cluster;
use server::cluster::demo::DemoCluster;
use server::cluster::kube::{Access, KubeCluster};
use server::cluster::stage;
use server::config::{
    self, Cli, Command, JaegerArgs, ListenArgs, PreflightArgs, PrometheusArgs, Secrets,
};
use server::expose;
use server::http::{App, Hosts, router};
use server::links::Pages;
use server::otlp::{self, Collector};
use server::preflight;
use server::sources::demo::Demo;
use server::sources::jaeger::{self, Jaeger};
use server::sources::prometheus::{self, Prometheus};
use server::sources::{Metrics, Traces};
use server::trace;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long a cluster may take to be read before it is looked at.
const READ: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What fails on the way to a cluster is said once, by us; a preflight says all of it itself.
    let level = match &cli.command {
        Command::Preflight(_) => "error,kube_client=off,kube_runtime=off",
        Command::Demo(_) | Command::Serve(_) => "info,kube_client=off,kube_runtime=off",
    };
    let filter = EnvFilter::try_from_env("PIDALI_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Two workers: the work is waiting, not computing, and each thread costs memory.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Whole answers are put together in one future, and a frame of it is large where nothing is optimised; what is
        // not touched costs nothing.
        .thread_stack_size(8 * 1024 * 1024)
        .enable_all()
        .build();
    let is_preflight = matches!(&cli.command, Command::Preflight(_));
    let outcome = runtime
        .context("the runtime could not start")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            error!("{error:#}");
            match is_preflight {
                // What it found is 1, what it was started with is not.
                true => ExitCode::from(2),
                false => ExitCode::FAILURE,
            }
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let (stop, stopping) = watch::channel(false);
    tokio::spawn(async move {
        wait_for_signal().await;
        info!("Stopping");
        // Nobody listens any more when this fails.
        let _ = stop.send(true);
    });
    match cli.command {
        Command::Demo(args) => {
            let objectives = config::objectives(args.objectives.as_deref())?;
            let mesh = Arc::new(Demo::new(args.seed));
            let cluster = match &args.kubeconfig {
                Some(kubeconfig) => {
                    let (file, context) = (Some(kubeconfig.clone()), args.context.clone());
                    let access = Access::find(file, context, Vec::new()).await?;
                    let access = access.context("--kubeconfig: no cluster")?;
                    let cluster = KubeCluster::begin(access, stopping.clone());
                    stage::set(&cluster).await?;
                    let (kept, world) = (Arc::clone(&cluster), Arc::clone(&mesh));
                    tokio::spawn(stage::follow(kept, world, stopping.clone()));
                    Cluster::Kube(cluster)
                }
                None => {
                    let cluster = DemoCluster::new(Arc::clone(&mesh), args.read_only);
                    Cluster::Demo(Arc::new(cluster))
                }
            };
            let metrics = match &args.prometheus {
                Some(url) => {
                    let prometheus =
                        Prometheus::new(prometheus::Settings::new(url)).context("--prometheus")?;
                    Metrics::Prometheus(Box::new(prometheus))
                }
                None => Metrics::Demo(Arc::clone(&mesh)),
            };
            let traces = match &args.jaeger {
                Some(url) => {
                    let jaeger = Jaeger::new(jaeger::Settings::new(url)).context("--jaeger")?;
                    Traces::Jaeger(Box::new(jaeger))
                }
                None => Traces::Demo(Arc::clone(&mesh)),
            };
            if let Some(address) = &args.otlp {
                let collector = Collector::new(address).context("--otlp")?;
                tokio::spawn(otlp::export(collector, Arc::clone(&mesh), stopping.clone()));
            }
            let exposed = args.expose.map(|address| (address, mesh));
            let app = App::new(
                metrics,
                Some(traces),
                Some(cluster),
                objectives,
                args.listen.pages()?,
                stopping.clone(),
            );
            serve(app, &args.listen, exposed, stopping).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Serve(args) => {
            let objectives = config::objectives(args.objectives.as_deref())?;
            let access = args.cluster.access().await?;
            let cluster = access.map(|it| KubeCluster::begin(it, stopping.clone()));
            let metrics = metrics(&args.prometheus, cluster.clone())?;
            let traces = traces(&args.jaeger, cluster.clone())?;
            let cluster = cluster.map(Cluster::Kube);
            let app = App::new(
                metrics,
                traces,
                cluster,
                objectives,
                args.listen.pages()?,
                stopping.clone(),
            );
            serve(app, &args.listen, None, stopping).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Preflight(args) => look(&args, stopping).await,
    }
}

/// Returns the Prometheus that flags and environment name.
fn metrics(args: &PrometheusArgs, cluster: Option<Arc<KubeCluster>>) -> anyhow::Result<Metrics> {
    let settings = args.settings(secrets("PROMETHEUS"), cluster)?;
    let prometheus = Prometheus::new(settings).context("--prometheus")?;
    Ok(Metrics::Prometheus(Box::new(prometheus)))
}

/// Returns the Jaeger that flags and environment name, or that may be in the cluster.
fn traces(args: &JaegerArgs, cluster: Option<Arc<KubeCluster>>) -> anyhow::Result<Option<Traces>> {
    let settings = args.settings(secrets("JAEGER"), cluster)?;
    let jaeger = settings.map(Jaeger::new).transpose().context("--jaeger")?;
    Ok(jaeger.map(|it| Traces::Jaeger(Box::new(it))))
}

/// Returns what the environment says of who asks a source.
fn secrets(source: &str) -> Secrets {
    let env = |name: &str| {
        let value = std::env::var(format!("PIDALI_{source}_{name}"));
        value.ok().filter(|it| !it.is_empty())
    };
    Secrets {
        password: env("PASSWORD"),
        token: env("TOKEN"),
    }
}

/// Looks once whether the mesh has what this needs, and says so.
async fn look(
    args: &PreflightArgs,
    mut stopping: watch::Receiver<bool>,
) -> anyhow::Result<ExitCode> {
    let access = args.cluster.access().await?;
    let cluster = access.map(|it| KubeCluster::begin(it, stopping.clone()));
    let metrics = metrics(&args.prometheus, cluster.clone())?;
    let traces = traces(&args.jaeger, cluster.clone())?;
    let cluster = cluster.map(Cluster::Kube);
    let app = App::new(
        metrics,
        traces,
        cluster,
        Objectives::default(),
        Pages::default(),
        stopping.clone(),
    );
    let looked = async {
        preflight::wait_until_read(&app, READ).await;
        preflight::look(&app, args.window).await
    };
    let found = tokio::select! {
        found = looked => found,
        _ = stopping.wait_for(|stop| *stop) => return Ok(ExitCode::from(130)),
    };
    if args.json {
        say(&serde_json::to_string_pretty(&found)?);
    } else {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        let has_colours = std::io::stdout().is_terminal() && !is_plain;
        say(preflight::text(&found, has_colours).trim_end());
    }
    Ok(match found.status {
        Status::Fail => ExitCode::FAILURE,
        Status::Warn | Status::Unknown | Status::Ok => ExitCode::SUCCESS,
    })
}

async fn serve(
    app: App,
    listen: &ListenArgs,
    exposed: Option<(SocketAddr, Arc<Demo>)>,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let base_path = listen.base_path()?;
    let hosts = Hosts::new(&listen.allowed_hosts);
    let listener = bind("--listen", listen.listen).await?;
    let meets = app.clone();
    if let Some(cluster) = app.cluster.clone() {
        let (boards, stopping) = (Arc::clone(&app.boards), stopping.clone());
        tokio::spawn(async move { boards.follow(&cluster, stopping).await });
    }
    tokio::spawn(async move {
        let traces = async {
            if let Some(traces) = &meets.traces {
                traces.meet().await;
            }
        };
        tokio::join!(meets.facts.metrics().meet(), traces);
        // So that the first who looks sees it.
        trace::look(&meets);
    });
    say(&format!(
        "Pidali listens on http://{}{base_path}/",
        listener.local_addr()?
    ));
    if let Some((address, mesh)) = exposed {
        let listener = bind("--expose", address).await?;
        say(&format!(
            "The mesh is exposed on http://{}/metrics",
            listener.local_addr()?
        ));
        let router = expose::router(mesh, hosts.clone());
        let stopping = stopping.clone();
        tokio::spawn(async move {
            let served = axum::serve(listener, router)
                .with_graceful_shutdown(stopped(stopping))
                .await;
            if let Err(error) = served {
                error!(%error, "The exposed metrics are gone");
            }
        });
    }
    axum::serve(listener, router(app, hosts, &base_path))
        .with_graceful_shutdown(stopped(stopping))
        .await
        .context("the server stopped")
}

async fn bind(flag: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{flag}: {address} can't be listened on; is it taken?"))
}

/// Writes a line that programs read; a closed stdout is no reason to stop.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn wait_for_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}
