//! The one door: `/v1/*` in front of every daemon, and `GET /v1/status`, the state of them all.
//!
//! Bodies pass through untouched and unbuffered in both directions. The gateway lets in whoever holds any token;
//! the daemon behind it judges the scope, from the same token.

mod config;
mod forward;
mod routes;
mod table;

pub use config::Config;

use std::sync::Arc;

use service::{App, Env, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Builds the gateway.
///
/// # Errors
/// None today; the signature is that of every daemon.
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let status = routes::status::Watch { peers: env.peers.clone(), timeout: config.status_timeout() };
    let status = OpenApiRouter::new().routes(routes!(routes::status::status)).with_state(Arc::new(status));
    let forward = OpenApiRouter::from(forward::router(&env.peers));
    Ok(App::new().read(status).stream(Scope::Read, forward))
}
