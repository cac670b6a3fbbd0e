//! `lakectl`, the operator's command line.

use std::process::ExitCode;

use clap::Parser;
use lakectl::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    client::install_tls_provider();
    match lakectl::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command line speaks on standard error")]
fn complain(error: &anyhow::Error) {
    eprintln!("lakectl: {error:#}");
}
