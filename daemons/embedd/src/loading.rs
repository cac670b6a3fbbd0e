//! Loads the model in the background, again and again until it is there: `lakectl models pull` makes a running daemon
//! ready without a restart.

use std::sync::Arc;
use std::time::Duration;

use embedding::{Embedder, Error};
use service::Env;

/// How long after a failure the model is looked for again.
const RETRY: Duration = Duration::from_secs(1);
/// What `/readyz` files its reason under.
const MODEL: &str = "model";

/// Keeps loading until it succeeds or the daemon stops; until then the daemon is not ready, unless its default model runs
/// elsewhere.
pub(crate) fn spawn(embedder: Arc<Embedder>, env: &Env) {
    let (readiness, shutdown) = (env.readiness.clone(), env.shutdown.clone());
    let is_default_local = embedder.is_local(embedder.default_model());
    let report = move |reason: String| match is_default_local {
        true => readiness.not_ready(MODEL, reason),
        false => readiness.degrade(MODEL, reason),
    };
    report("the model is being loaded".into());
    let readiness = env.readiness.clone();
    env.tasks.spawn(async move {
        let mut told = None;
        while let Err(error) = load(&embedder).await {
            let reason = reason(&error);
            if told.as_ref() != Some(&reason) {
                tracing::warn!(reason, "the model cannot be loaded yet");
                report(reason.clone());
                told = Some(reason);
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = shutdown.cancelled() => return,
            }
        }
        readiness.ready(MODEL);
        readiness.restore(MODEL);
    });
}

async fn load(embedder: &Arc<Embedder>) -> Result<(), Error> {
    let embedder = Arc::clone(embedder);
    let loaded = tokio::task::spawn_blocking(move || embedder.load()).await;
    loaded.unwrap_or_else(|panic| Err(Error::Inference(panic.to_string())))
}

fn reason(error: &Error) -> String {
    match error {
        Error::NotInstalled { .. } => "model not installed: run `lakectl models pull`".into(),
        error => error.to_string(),
    }
}
