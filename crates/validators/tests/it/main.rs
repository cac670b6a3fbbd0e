//! The validators against real data and against generated drafts.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod ground_truth;
mod leaks;
