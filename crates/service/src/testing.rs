//! For the tests of daemons: the same router that is served, called in process.

use std::path::Path;

use axum::Router;
use client::{PeerUrls, Peers};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::DaemonName;

pub use crate::app::Hook;
use crate::app::Shell;
use crate::auth::AuthConfig;
use crate::config::ServiceConfig;
use crate::{App, Env, Readiness, ServiceToken, telemetry};

/// An environment in `folder`: data and a warehouse below it, peers at `peers`.
///
/// # Errors
/// When the folder cannot be made.
pub fn env(folder: &Path, peers: PeerUrls) -> anyhow::Result<Env> {
    client::install_tls_provider();
    let data_dir = folder.join("data");
    std::fs::create_dir_all(&data_dir)?;
    Ok(Env {
        data_dir,
        warehouse: format!("file://{}", folder.join("warehouse").display()),
        peers: Peers::new(peers)?,
        service_token: ServiceToken::NotNeeded,
        readiness: Readiness::default(),
        shutdown: CancellationToken::new(),
        tasks: TaskTracker::new(),
    })
}

/// What `daemon` serves, with the default limits and without tokens.
///
/// # Errors
/// When the routes do not fit together.
pub fn router(daemon: DaemonName, app: App, env: &Env) -> anyhow::Result<Router> {
    Ok(parts(daemon, app, env)?.0)
}

/// The same, and what is done after the last request.
///
/// # Errors
/// When the routes do not fit together.
pub fn parts(daemon: DaemonName, app: App, env: &Env) -> anyhow::Result<(Router, Vec<Hook>)> {
    let shell = Shell {
        daemon,
        service: ServiceConfig::default(),
        auth: AuthConfig::default(),
        readiness: env.readiness.clone(),
        metrics: telemetry::detached_metrics()?,
    };
    app.into_parts(&shell)
}
