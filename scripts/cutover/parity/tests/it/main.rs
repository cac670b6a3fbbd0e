//! The probes against real servers: they pass what is alike, and nothing else.
#![allow(missing_docs, clippy::unwrap_used)]

mod chat;
mod embed;
mod retrieve;
mod skip;
mod sql;
mod storage;
mod support;
mod vectors;
