//! Handlers: extract, call, map.

pub(crate) mod indexes;
pub(crate) mod items;
pub(crate) mod search;
pub(crate) mod snapshots;
pub(crate) mod versions;
