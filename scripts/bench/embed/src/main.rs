//! `bench-embed`: what a search waits for embedd while bulk work keeps it busy, and what the searches cost the bulk work.
//!
//! A real embedd without caches, so that every text is an inference. Single queries come at a fixed rate to an idle daemon, then to one
//! whose bulk lane is never empty, round after round.

mod cli;
mod measure;
mod report;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-embed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
