//! The HTTP face.

pub(crate) mod index_jobs;
pub(crate) mod ingest;
pub(crate) mod rejects;
pub(crate) mod tables;
