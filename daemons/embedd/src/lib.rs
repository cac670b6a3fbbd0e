//! Texts to vectors: `POST /embed`, and the same in the shapes of OpenAI (`/v1/embeddings`) and Ollama (`/api/embed`).
//!
//! A thin face on the crate `embedding`; the model runs there, on a thread of its own.

mod config;
mod loading;
mod routes;
mod texts;

use std::sync::Arc;

use embedding::Embedder;
use service::{App, Env};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use config::Config;
use texts::TextService;

/// Builds the daemon. It is alive at once, and ready when its model is loaded.
///
/// # Errors
/// When the configuration cannot work; the text says which key.
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let embedder = Arc::new(Embedder::new(config.embedder(&env.data_dir)?)?);
    loading::spawn(Arc::clone(&embedder), &env);
    let service = Arc::new(TextService::new(embedder, &config));
    let router = OpenApiRouter::new()
        .routes(routes!(routes::embed::embed))
        .routes(routes!(routes::openai::embeddings))
        .routes(routes!(routes::ollama::embed))
        .with_state(service);
    Ok(App::new().read(router))
}
