//! What all eleven daemons share, and no more: configuration, telemetry, health, limits, authorisation, errors and
//! graceful shutdown.
//!
//! A daemon's `main` is one line, [`run`] or [`run_placed`]; its `build` turns its configuration and an [`Env`] into an [`App`].

mod app;
mod auth;
mod cli;
pub mod config;
mod env;
mod error;
mod extract;
mod health;
mod lanes;
mod meters;
mod request;
mod server;
mod span_fields;
mod supervisor;
mod telemetry;
pub mod testing;
mod threads;

pub use app::App;
pub use auth::{Scope, ServiceToken};
pub use env::Env;
pub use error::ApiError;
pub use extract::{Ctx, Json, JsonBody, JsonText, Path, Query};
pub use health::Readiness;
pub use server::{announce, run, run_placed};
pub use threads::Placement;

/// What a handler returns.
pub type Result<T> = std::result::Result<T, ApiError>;
