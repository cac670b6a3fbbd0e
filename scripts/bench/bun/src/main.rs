//! `bench-bun`: how many searches a second come through the Bun front end, beside the same searches at the gateway itself.
//!
//! A real stack and a real Bun on one machine. What is sent through the front end is sent to the gateway directly as well, in turns.

mod cli;
mod front_end;
mod rates;
mod report;
mod searches;
mod stack;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-bun: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
