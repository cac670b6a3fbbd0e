//! Models that run in this process.

mod lookup;
mod queue;
mod sentence_model;

pub(crate) use queue::InferenceQueue;
pub(crate) use sentence_model::SentenceModel;
