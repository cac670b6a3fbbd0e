//! `bench-tpch`: the 22 queries of TPC-H through queryd, beside DuckDB and DataFusion on the very same files.
//!
//! The rows come from `tpchgen-cli`, go in by ingestd, and are files of an Iceberg snapshot then. [`engines`] reads them,
//! each in its own way; [`answer`] makes results comparable; [`measure`] takes turns; [`report`] writes the page.

mod answer;
mod cli;
mod data;
mod engines;
mod measure;
mod queries;
mod record;
mod report;
mod stack;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            bench_kit::progress::say(&format!("bench-tpch: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
