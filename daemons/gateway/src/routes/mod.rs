//! What the gateway answers itself.

pub(crate) mod status;
