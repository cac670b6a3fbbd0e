//! What the crate promises: pulls that cannot leave half a model, and failures that say what to do.
#![allow(missing_docs, clippy::unwrap_used)]

mod pull;
