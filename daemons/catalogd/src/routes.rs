//! The HTTP face, one module a resource.

pub(crate) mod config;
pub(crate) mod extract;
pub(crate) mod listing;
pub(crate) mod maintenance;
pub(crate) mod namespaces;
mod page;
pub(crate) mod tables;
