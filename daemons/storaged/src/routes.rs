//! The HTTP face, one module a resource.

pub(crate) mod garbage;
pub(crate) mod listing;
pub(crate) mod objects;
