//! What all measuring programs share: the machine and the build that a figure comes from, progress, tables.

pub mod machine;
pub mod progress;
pub mod table;
