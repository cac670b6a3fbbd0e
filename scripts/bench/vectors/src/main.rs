//! `bench-vectors`: measures vector search beside its peers, in process and over HTTP.
//!
//! Each module in [`measure`] is one command, and writes one record ([`record`]) that says when, where, from which commit and
//! with which settings its figures came about. Engines run in processes of their own ([`worker`]), ours like the others.
//! [`report`] makes a page of the records, with the bars beside the figures.

mod cli;
mod corpus;
mod daemon;
mod data;
mod measure;
mod ours;
mod record;
mod report;
mod stats;
mod tools;
mod worker;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-vectors: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
