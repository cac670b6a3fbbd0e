//! Models that run in this process.

mod lookup;
mod queue;
mod reader;
mod sentence_model;
mod static_model;
mod static_queue;

pub(crate) use queue::{InferenceQueue, is_bulk};
pub(crate) use sentence_model::SentenceModel;
pub(crate) use static_model::StaticModel;
pub(crate) use static_queue::StaticQueue;
