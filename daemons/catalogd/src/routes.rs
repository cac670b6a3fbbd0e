//! The HTTP face, one module a resource.

pub(crate) mod config;
pub(crate) mod extract;
pub(crate) mod listing;
pub(crate) mod namespaces;
pub(crate) mod tables;
