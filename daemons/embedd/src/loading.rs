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
/// The same for the models that requests have to name.
const OTHER_MODELS: &str = "other models";

/// Keeps loading until it succeeds or the daemon stops; until then the daemon is not ready if its default model is missing,
/// and degraded if it is another one.
pub(crate) fn spawn(embedder: Arc<Embedder>, env: &Env) {
    let (readiness, shutdown) = (env.readiness.clone(), env.shutdown.clone());
    if embedder.is_local(embedder.default_model()) {
        readiness.not_ready(MODEL, "the model is being loaded");
    }
    env.tasks.spawn(async move {
        let mut told = Vec::new();
        loop {
            let failures = load(&embedder).await;
            let (default, others): (Vec<_>, Vec<_>) =
                failures.into_iter().partition(|(model, _)| model == embedder.default_model());
            let default: Vec<_> = default.iter().map(|(_, error)| reason(error)).collect();
            let others: Vec<_> =
                others.iter().map(|(model, error)| format!("{model}: {}", reason(error))).collect();
            match default.first() {
                Some(reason) => readiness.not_ready(MODEL, reason.clone()),
                None => readiness.ready(MODEL),
            }
            match others.is_empty() {
                true => readiness.restore(OTHER_MODELS),
                false => readiness.degrade(OTHER_MODELS, others.join("; ")),
            }
            let reasons = [default, others].concat();
            if reasons.is_empty() {
                return;
            }
            if told != reasons {
                tracing::warn!(?reasons, "not every model can be loaded yet");
                told = reasons;
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = shutdown.cancelled() => return,
            }
        }
    });
}

async fn load(embedder: &Arc<Embedder>) -> Vec<(String, Error)> {
    let loading = Arc::clone(embedder);
    let loaded = tokio::task::spawn_blocking(move || loading.load()).await;
    let default = embedder.default_model();
    loaded.unwrap_or_else(|panic| vec![(default.to_owned(), Error::Inference(panic.to_string()))])
}

fn reason(error: &Error) -> String {
    match error {
        Error::NotInstalled { remedy, .. } => format!("model not installed: {remedy}"),
        error => error.to_string(),
    }
}
