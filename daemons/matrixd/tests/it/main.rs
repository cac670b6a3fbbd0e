//! matrixd's router against peers that answer, fail, lie or are not there.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod draft;
mod fill;
mod peers_that_fail;
mod playbooks;
mod result_cache;
mod retrieve;
mod search;
mod support;
