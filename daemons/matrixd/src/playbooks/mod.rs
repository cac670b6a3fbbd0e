//! What is done with playbooks: record, list, delete, import, export, rebuild, evaluate.
//!
//! Searches use them through [`crate::memory`]; here is what the log and the index are told.

mod control;
mod delete;
mod evaluate;
mod export;
mod import;
mod list;
mod rebuild;
mod record;

pub(crate) use control::Arm;
