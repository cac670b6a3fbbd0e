//! The gateway's router, called in process, in front of daemons that the tests script.

#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod catalogue;
mod embed;
mod renames;
mod support;
