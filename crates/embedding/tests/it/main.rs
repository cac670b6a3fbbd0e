//! What the crate promises: vectors that do not depend on the batch, providers whose failures say what to do.
#![allow(missing_docs, clippy::unwrap_used)]

mod distill;
mod local;
mod remote;

use std::path::PathBuf;
use std::sync::OnceLock;

use embedding::{Embedder, ProviderSettings, Settings};
use models::{DEFAULT_MODEL, ModelSpec, Registry, Source};

/// The model that is built in.
fn minilm() -> ModelSpec {
    Registry::built_in().unwrap().find(DEFAULT_MODEL).unwrap().clone()
}

/// The cache of models, with the pinned model in it; pulled once if it is not there.
fn models_dir() -> PathBuf {
    static PULLED: OnceLock<PathBuf> = OnceLock::new();
    let pull = || {
        let dir = models::default_dir().unwrap_or_else(|error| panic!("{error}"));
        let pulled = models::pull(&minilm(), &dir, &Source::default(), |_| {});
        pulled.unwrap_or_else(|error| panic!("these tests run the real model: {error}"));
        dir
    };
    PULLED.get_or_init(pull).clone()
}

fn settings() -> Settings {
    Settings {
        default_model: DEFAULT_MODEL.into(),
        models_dir: models_dir(),
        threads: 0,
        queue_texts: 4096,
        cache_entries: 0,
        disk_cache: None,
        providers: Vec::new(),
    }
}

fn embedder_with(providers: Vec<ProviderSettings>) -> embedding::Result<Embedder> {
    // A second installation fails, and there is nothing to be done then.
    drop(rustls::crypto::ring::default_provider().install_default());
    Embedder::new(Settings { models_dir: PathBuf::new(), providers, ..settings() })
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()
}
