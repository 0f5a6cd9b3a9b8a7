//! The binary `pidali`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use server::cluster::Cluster;
use server::cluster::demo::DemoCluster;
use server::cluster::kube::{Access, KubeCluster};
use server::cluster::stage;
use server::config::{self, Cli, Command, ListenArgs};
use server::expose;
use server::http::{App, Hosts, router};
use server::sources::Metrics;
use server::sources::demo::Demo;
use server::sources::prometheus::{Prometheus, Settings};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::{error, info};
use tracing_subscriber::EnvFilter;

#[cfg(target_env = "gnu")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What fails on the way to a cluster is said once, by us.
    let filter = EnvFilter::try_from_env("PIDALI_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,kube_client=off,kube_runtime=off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    // Two workers: the work is waiting, not computing, and each thread costs memory.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let outcome = runtime
        .context("the runtime could not start")
        .and_then(|runtime| runtime.block_on(run(cli)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
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
                    let prometheus = Prometheus::new(Settings::new(url)).context("--prometheus")?;
                    Metrics::Prometheus(Box::new(prometheus))
                }
                None => Metrics::Demo(Arc::clone(&mesh)),
            };
            let exposed = args.expose.map(|address| (address, mesh));
            let app = App::new(
                metrics,
                Some(cluster),
                objectives,
                args.listen.grafana()?,
                stopping.clone(),
            );
            serve(app, &args.listen, exposed, stopping).await
        }
        Command::Serve(args) => {
            let objectives = config::objectives(args.objectives.as_deref())?;
            let env = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
            let access = args.cluster.access().await?;
            let cluster = access.map(|it| KubeCluster::begin(it, stopping.clone()));
            let settings = args.prometheus(
                env("PIDALI_PROMETHEUS_PASSWORD"),
                env("PIDALI_PROMETHEUS_TOKEN"),
                cluster.clone(),
            )?;
            let prometheus = Prometheus::new(settings).context("--prometheus")?;
            let metrics = Metrics::Prometheus(Box::new(prometheus));
            let cluster = cluster.map(Cluster::Kube);
            let app = App::new(
                metrics,
                cluster,
                objectives,
                args.listen.grafana()?,
                stopping.clone(),
            );
            serve(app, &args.listen, None, stopping).await
        }
    }
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
    tokio::spawn(async move { meets.facts.metrics().meet().await });
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
