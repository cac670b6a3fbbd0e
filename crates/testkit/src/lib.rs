//! Starts the real daemons on free ports and looks after them, for tests that use the system as its users do.
//!
//! A test builds a [`Stack`] of the daemons that it needs, speaks to them over [`Http`], kills, restarts and stops them,
//! and asks at the end whether their logs are [quiet](Stack::assert_quiet). Every wait has a deadline and says in its
//! failure what it saw last ([`wait_for`]). Nothing is left behind: daemons die with the test, and their data with it.
//!
//! A [`FrontEnd`] may stand before the gateway. The warehouse may be a bucket of an [`S3Server`].
//!
//! The daemons may run on a [lossy disk](Instrument::LossyDisk), to prove that they sync what they acknowledge, or under
//! [strace](Instrument::Strace), to prove that they do so before the answer; [`trace`] reads what strace wrote.

mod binaries;
mod child;
mod daemon;
mod front_end;
mod http;
mod lake_clients;
mod llama;
mod logs;
mod node;
mod peer_server;
mod python;
mod s3;
mod stack;
pub mod trace;
mod wait;

pub use binaries::{binary, lakectl, pull_model, repository};
pub use child::Exit;
pub use daemon::Daemon;
pub use front_end::FrontEnd;
pub use http::{Call, Http, Reply};
pub use lake_clients::run_lake_client;
pub use llama::LlamaServer;
pub use lossy_disk::Unsynced;
pub use node::{bun, node};
pub use peer_server::PeerServer;
pub use python::python;
pub use s3::{Credentials, S3Server};
pub use stack::{Builder, Instrument, Stack};
pub use wait::wait_for;
