//! The HTTP face.

pub(crate) mod sql;
