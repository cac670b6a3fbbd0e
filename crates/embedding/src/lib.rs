//! Texts to unit vectors: a model that runs in this process, providers elsewhere, batching, and a cache.
//!
//! [`Embedder`] is the door. The local model is all-MiniLM-L6-v2 through `rten`; [`models`] fetches its files and checks
//! them. The promise that the learning loop rests on: a text's vector does not depend on what it is embedded with, nor on
//! when; alone, in any batch and after a restart its vectors agree to cosine 0.99999 or better.

mod cache;
mod disk_cache;
mod distill;
mod embedder;
mod embedding;
mod error;
mod flights;
mod local;
mod principal;
mod remote;
mod safetensors;
mod unit;

pub use disk_cache::DiskCacheSettings;
pub use distill::{DistillError, Distilled, Plan as DistillPlan, Stage as DistillStage, distill};
pub use embedder::{Embedded, Embedder, Settings};
pub use embedding::{Embedding, Extent, Input, Request, Vector};
pub use error::{Error, Result};
pub use remote::ProviderSettings;
