//! The one door: `/v1/*` in front of every daemon, and `GET /v1/status`, the state of them all; beside it the paths of the
//! legacy system, for scripts that still ask there.
//!
//! Bodies pass through untouched and unbuffered in both directions, but for `/ai/embed`, whose fields have other names. The
//! gateway lets in whoever holds any token; the daemon behind it judges the scope, from the same token.

mod config;
mod forward;
mod legacy;
mod routes;
mod table;

pub use config::Config;
pub use legacy::wire_compatibility;

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
    let mut lines = table::TABLE.to_vec();
    let mut app = App::new().read(status);
    if config.legacy {
        lines.extend(legacy::renames());
        app = app.read(legacy::translations(&env.peers));
    }
    let forward = OpenApiRouter::from(forward::router(&env.peers, lines));
    Ok(app.stream(Scope::Read, forward))
}
