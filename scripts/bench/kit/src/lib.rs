//! What all measuring programs share: the machine and the build that a figure comes from, progress, tables,
//! bars, and a real daemon and a small HTTP client for it.

pub mod bar;
pub mod daemon;
pub mod http;
pub mod machine;
pub mod progress;
pub mod spread;
pub mod table;
