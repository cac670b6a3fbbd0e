//! What this crate promises, seen from outside: through files, restarts, threads and damage.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod archive;
mod concurrency;
mod damage;
mod disk;
mod expiry;
mod graph;
mod many;
mod model;
mod power;
mod predecessor;
mod requests;
mod sealing;
mod support;
