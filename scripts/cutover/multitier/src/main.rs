//! `multitier`, the load harness.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use multitier::Args;

#[tokio::main]
async fn main() -> ExitCode {
    client::install_tls_provider();
    match multitier::run(&Args::parse()).await {
        Ok(report) if report.failed == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            drop(writeln!(std::io::stderr(), "multitier: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
