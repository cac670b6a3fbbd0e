//! `bench-ingest`: measures ingest over HTTP beside DuckDB, and how much memory a large body takes.
//!
//! ```text
//! rate     ingestd and DuckDB in turn, round after round: the same CSV to Parquet on disk
//! memory   a body of 5 GB, made while it is sent: the peak of ingestd
//! ```
//! Each writes a record that says when, where and from which commit its figures came about; [`report`] makes a page of them.

mod cli;
mod csv;
mod duckdb;
mod http;
mod lakehouse;
mod memory;
mod rate;
mod report;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-ingest: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
