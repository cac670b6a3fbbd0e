//! Chat over local and remote language models: `POST /chat`, and the same in the shapes of OpenAI
//! (`/v1/chat/completions`, `/v1/models`) and Ollama (`/api/chat`, `/api/tags`).
//!
//! A thin face on the crate `llm`. It is ready without any provider: which of them answer is asked with
//! `GET /chat/providers`, and a request that none can take says so.

mod budgets;
mod config;
mod conversation;
mod exchange;
mod local;
mod recording;
mod routes;

use std::sync::Arc;

use service::{App, Env, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use budgets::Bookkeeper;
pub use budgets::BudgetConfig;
pub use config::Config;
use conversation::Conversations;
pub use local::LocalConfig;
use recording::Recorder;
pub use recording::RecordingConfig;

/// Builds the daemon.
///
/// # Errors
/// When the configuration cannot work; the text says which provider, or which budget.
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let (recorder, writer) = Recorder::start(&config.recording, &env).unzip();
    let conversations = Arc::new(Conversations::new(&config, recorder, &env.data_dir)?);
    let file = env.data_dir.join("budgets.db");
    let bookkeeper = Bookkeeper::open(&file, conversations.budgets(), conversations.chat()).await?;
    // A model may write for minutes: the deadline is that of streams, the body is bounded all the same.
    let chat = OpenApiRouter::new()
        .routes(routes!(routes::chat::chat))
        .routes(routes!(routes::openai::completions))
        .routes(routes!(routes::ollama::chat))
        .with_state(Arc::clone(&conversations));
    let listings = OpenApiRouter::new()
        .routes(routes!(routes::chat::providers))
        .routes(routes!(routes::chat::budgets))
        .routes(routes!(routes::openai::models))
        .routes(routes!(routes::ollama::tags))
        .with_state(conversations);
    let mut app = App::new().conversation(Scope::Read, config.max_body_bytes, chat).read(listings);
    if let Some(bookkeeper) = bookkeeper {
        env.tasks.spawn(env.shutdown.clone().run_until_cancelled_owned(bookkeeper.clone().run()));
        app = app.on_shutdown(bookkeeper.close());
    }
    if let Some(writer) = writer {
        app = app.on_shutdown(writer.close());
    }
    Ok(app)
}
