//! `parity`, the probes of a cutover.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    client::install_tls_provider();
    match parity::run(&parity::Cli::parse()).await {
        Ok(verdict) => verdict.outcome.exit_code(),
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            drop(writeln!(std::io::stderr(), "parity: {error:#}"));
            ExitCode::from(2)
        }
    }
}
