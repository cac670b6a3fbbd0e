//! The served router, called in process, with a small catalogue beside it.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod catalogd;
mod deletion;
mod index_jobs;
mod ingest;
mod upsert;
