//! What all measuring programs share: the machine and the build that a figure comes from, progress, tables,
//! bars, a real daemon, a small HTTP client and a load generator for it, matrices in numpy's files, and what the kernel says
//! of processes.

pub mod awake;
pub mod bar;
pub mod beir;
pub mod chart;
pub mod daemon;
pub mod http;
pub mod load;
pub mod machine;
pub mod npy;
pub mod peer;
pub mod procfs;
pub mod progress;
pub mod spread;
pub mod table;
pub mod took;
