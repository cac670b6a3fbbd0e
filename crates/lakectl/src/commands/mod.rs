//! One module a command that speaks to a running stack.

pub(crate) mod index;
pub(crate) mod ingest;
pub(crate) mod jobs;
pub(crate) mod playbooks;
pub(crate) mod search;
pub(crate) mod snapshot;
pub(crate) mod sql;
pub(crate) mod status;
pub(crate) mod storage;
pub(crate) mod table;
