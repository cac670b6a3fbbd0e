//! `bench-sqllogic`: DataFusion's own sqllogictest files of the version that we build with.
//!
//! Each file runs three times, each time by [`suite`]: with DataFusion as it comes, with our settings and rules of
//! optimisation, and with its queries sent to a real queryd ([`engines`]). The first says what this machine can answer at
//! all: the archive lacks some of the data. [`report`] tells every deviation of the other two.

mod cli;
mod engines;
mod explain;
mod outcome;
mod report;
mod suite;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-sqllogic: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
