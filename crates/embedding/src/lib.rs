//! Texts to unit vectors: a model that runs in this process, providers elsewhere, batching, and a cache.
//!
//! [`Embedder`] is the door. The local model is all-MiniLM-L6-v2 through `rten`; [`models`] fetches its files and checks
//! them. The promise that the learning loop rests on: a text's vector does not depend on what it is embedded with, nor on
//! when; alone, in any batch and after a restart its vectors agree to cosine 0.99999 or better.

mod cache;
mod embedder;
mod error;
mod local;
pub mod models;
mod remote;
mod unit;

use std::sync::Arc;

pub use embedder::{Embedded, Embedder, Settings};
pub use error::{Error, Result};
pub use remote::ProviderSettings;

/// A vector of unit length, shared between the cache and those who read it.
pub type Vector = Arc<[f32]>;
