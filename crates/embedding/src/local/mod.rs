//! Models that run in this process.

mod lookup;
mod queue;
mod reader;
mod sentence_model;

pub(crate) use queue::{InferenceQueue, is_bulk};
pub(crate) use sentence_model::SentenceModel;
