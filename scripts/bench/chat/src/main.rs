//! `bench-chat`: what chatd adds to the answers of a model, what streams cost it while they are open, and whether those that are
//! broken off leave anything behind.
//!
//! A real chatd in front of a mock of OpenAI's interface, which is this program under another command, in a process of its own.
//! What is sent through chatd is sent to the mock directly as well, in turns: the difference is chatd's.

mod bars;
mod caller;
mod cli;
mod flatness;
mod held;
mod instructions;
mod latency;
mod leak;
mod mock;
mod report;
mod script;
mod stack;
mod traffic;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-chat: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
