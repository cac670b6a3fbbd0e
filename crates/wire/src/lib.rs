//! Request and response types of every daemon, the error codes and problem bodies they share, and the context
//! that travels with a request from hop to hop.
//!
//! This crate depends on nothing of ours, does no I/O and knows no HTTP framework: a type here is the promise that
//! users' scripts rely on, so a change here is a change of the interface.

pub mod catalog;
pub mod chat;
pub mod context;
pub mod drafts;
pub mod embed;
pub mod error;
pub mod health;
pub mod ingest;
pub mod matrix;
pub mod metadata;
pub mod names;
pub mod observer;
pub mod packed;
pub mod pathways;
pub mod playbooks;
pub mod snapshots;
pub mod sql;
pub mod storage;
pub mod vectors;

pub use context::CallContext;
pub use error::{ErrorCode, Problem};
pub use names::DaemonName;
