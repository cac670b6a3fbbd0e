//! The life of a daemon: configure, build, listen, serve, drain, flush, exit.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;

use anyhow::{Context, bail};
use axum::serve::ListenerExt;
use client::Peers;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::DaemonName;

use crate::app::Shell;
use crate::cli::Flags;
use crate::config::{self, Settings};
use crate::lanes::Lanes;
use crate::{App, Env, Placement, Readiness, ServiceToken, supervisor, telemetry, threads};

/// Runs `daemon` until SIGTERM or SIGINT: the whole of its `main`.
///
/// Exits with 0 after an orderly stop, with 2 if the configuration is not valid, with 1 on any other failure; the
/// reason is on standard error.
pub fn run<C, F, B>(daemon: DaemonName, build: B) -> ExitCode
where
    C: Default + Serialize + DeserializeOwned,
    B: FnOnce(C, Env) -> F,
    F: Future<Output = anyhow::Result<App>>,
{
    run_placed(daemon, Placement::Free, build)
}

/// The same with the async threads placed as `placement` says.
pub fn run_placed<C, F, B>(daemon: DaemonName, placement: Placement, build: B) -> ExitCode
where
    C: Default + Serialize + DeserializeOwned,
    B: FnOnce(C, Env) -> F,
    F: Future<Output = anyhow::Result<App>>,
{
    let flags = Flags::from_args(daemon);
    let settings = match config::load::<C>(daemon, &flags) {
        Ok(settings) => settings,
        Err(error) => {
            complain(daemon, &error.into());
            return ExitCode::from(2);
        }
    };
    let done = if flags.is_check_only {
        print(&settings)
    } else {
        start(daemon, placement, &flags, settings, build)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(daemon, &error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the log may not be running yet")]
fn complain(daemon: DaemonName, error: &anyhow::Error) {
    eprintln!("{daemon}: {error:#}");
}

#[expect(clippy::print_stdout, reason = "the answer to --check-config")]
fn print<C: Serialize>(settings: &Settings<C>) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(settings)?);
    Ok(())
}

fn start<C, F, B>(
    daemon: DaemonName,
    placement: Placement,
    flags: &Flags,
    settings: Settings<C>,
    build: B,
) -> anyhow::Result<()>
where
    B: FnOnce(C, Env) -> F,
    F: Future<Output = anyhow::Result<App>>,
{
    telemetry::start_logging(&settings.service)?;
    client::install_tls_provider();
    // Of this thread, and so of all that the runtime starts.
    if let Err(error) = scheduling::ask_for(scheduling::SHORT) {
        tracing::info!(%error, "the system gives no short turns: under load, the slowest answers take longer");
    }
    allow_all_files_that_may_be_open();
    let runtime = threads::start(placement)?;
    runtime.block_on(serve(daemon, placement, flags.listen_file.as_deref(), settings, build))
}

/// The soft limit stands for programs that use select(2); what the administrator means is the hard one (setrlimit(2), and
/// `LimitNOFILE` in systemd.exec(5)). Callers and the files of large indexes take one each.
fn allow_all_files_that_may_be_open() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::info!(%error, soft = limit.current, "the limit of open files stays as it is");
    }
}

async fn serve<C, F, B>(
    daemon: DaemonName,
    placement: Placement,
    listen_file: Option<&Path>,
    settings: Settings<C>,
    build: B,
) -> anyhow::Result<()>
where
    B: FnOnce(C, Env) -> F,
    F: Future<Output = anyhow::Result<App>>,
{
    let Settings { service, auth, bind, mut peers, warehouse, own } = settings;
    let data_dir = std::path::absolute(service.data.join(daemon.as_str()))?;
    let _lock = claim(daemon, &data_dir)?;
    let listener = TcpListener::bind(bind).await.with_context(|| format!("listen on {bind}"))?;
    let address = listener.local_addr()?;
    // The gateway reports on itself too, and with port 0 only the system knows where that is.
    peers.set(daemon, format!("http://{}", on_this_machine(address)));
    let env = Env {
        data_dir,
        warehouse,
        peers: Peers::new(peers)?,
        service_token: ServiceToken::find(&auth)?,
        readiness: Readiness::default(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let metrics = telemetry::start_metrics(daemon)?;
    let shell = Shell { daemon, service, auth, readiness: env.readiness.clone(), metrics };
    let app = build(own, env.clone()).await.with_context(|| format!("build {daemon}"))?;
    let (router, on_shutdown) = app.into_parts(&shell)?;
    // A `Router` that is served as it is would be copied for each connection, with all its routes.
    let routes = router.into_make_service();

    if let Some(file) = listen_file {
        announce(file, address)?;
    }
    tracing::info!(%daemon, %address, version = env!("CARGO_PKG_VERSION"), "listening");
    let stopping = stop_requested(env.clone())?;
    env.tasks.spawn(supervisor::inform(env.peers.peer(daemon), env.shutdown.clone()));
    let serving: Pin<Box<dyn Future<Output = io::Result<()>>>> = if placement == Placement::Lanes {
        let lanes = Lanes::start(&routes, &env.shutdown, &env.tasks).context("start threads")?;
        Box::pin(async {
            lanes.serve(listener, stopping).await;
            Ok(())
        })
    } else {
        let listener = listener.tap_io(without_delay);
        Box::pin(axum::serve(listener, routes).with_graceful_shutdown(stopping).into_future())
    };
    let overdue = async {
        env.shutdown.cancelled().await;
        tokio::time::sleep(shell.drain_timeout()).await;
    };
    tokio::select! {
        served = serving => served?,
        () = overdue => tracing::warn!("requests were still in flight at the end of service.drain_timeout_ms"),
    }
    env.tasks.close();
    if tokio::time::timeout(shell.drain_timeout(), env.tasks.wait()).await.is_err() {
        tracing::warn!("background tasks were still running at the end of service.drain_timeout_ms");
    }
    for hook in on_shutdown {
        hook.await;
    }
    tracing::info!(%daemon, "stopped");
    Ok(())
}

/// Answers are small and awaited: never hold one back to fill a segment.
pub(crate) fn without_delay(stream: &mut TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "set TCP_NODELAY");
    }
}

/// Where a process on this machine reaches a daemon that listens on `address`.
fn on_this_machine(address: SocketAddr) -> SocketAddr {
    let ip = if address.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    SocketAddr::new(ip, address.port())
}

/// Makes the daemon's own folder, and refuses it if another process of the same daemon has it.
fn claim(daemon: DaemonName, folder: &Path) -> anyhow::Result<File> {
    create_durably(folder).with_context(|| format!("create folder {}", folder.display()))?;
    let lock = File::create(folder.join("LOCK"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!("another {daemon} is using {}; stop it or choose another --data", folder.display())
        }
        Err(std::fs::TryLockError::Error(error)) => Err(error).context("lock the data folder"),
    }
}

/// Creates a folder and those above it that are missing. Each is synced into its parent: what a daemon syncs inside
/// would otherwise be lost with the folder in a power cut.
fn create_durably(folder: &Path) -> io::Result<()> {
    let Some(parent) = folder.parent().filter(|_| !folder.is_dir()) else { return Ok(()) };
    create_durably(parent)?;
    match std::fs::create_dir(folder) {
        // Another daemon was faster, and may not have synced it yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => created?,
    }
    File::open(parent)?.sync_all()
}

/// Writes a bound address so that a reader sees all of it or nothing.
///
/// # Errors
/// When the file cannot be written.
pub fn announce(file: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let partial = file.with_extension("partial");
    let write = || {
        let mut file = File::create(&partial)?;
        file.write_all(address.to_string().as_bytes())?;
        file.sync_all()
    };
    write()
        .and_then(|()| std::fs::rename(&partial, file))
        .with_context(|| format!("write listen file {}", file.display()))
}

/// Resolves when the process is asked to stop, after it has told everybody.
fn stop_requested(env: Env) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        env.readiness.not_ready("shutdown", "the daemon is stopping");
        env.shutdown.cancel();
    })
}
