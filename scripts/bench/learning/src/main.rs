//! `bench-learning`: do recorded outcomes help later searches, and do they harm any?
//!
//! O*NET knows tens of thousands of titles for a thousand occupations. Half of each occupation's titles are recorded as
//! playbooks, the other half are asked, cold and warm, of the real daemons: once with good recordings, once with some of
//! them wrong.

mod cli;
mod measure;
mod report;
mod stack;
mod titles;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    client::install_tls_provider();
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-learning: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
