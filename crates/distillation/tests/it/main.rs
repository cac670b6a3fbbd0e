//! What the crate promises: the same bytes for the same records, nothing personal in an export, and no entry lost.
#![allow(missing_docs, clippy::unwrap_used)]

mod folder;
mod pipeline;
mod privacy;
mod processes;
mod records;
