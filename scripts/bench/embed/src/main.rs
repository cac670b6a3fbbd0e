//! `bench-embed`: how fast embedd makes vectors, and how good they are, beside ONNX Runtime on the same file; what a static model that is
//! distilled of it gains and loses; and what a search waits for embedd while bulk work keeps it busy.
//!
//! A real embedd without caches, so that every text is computed, asked over HTTP. What is compared is measured in turn, round by round, and
//! judged by the median.

mod cli;
mod daemon;
mod lanes;
mod peer;
mod quality;
mod rates;
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
