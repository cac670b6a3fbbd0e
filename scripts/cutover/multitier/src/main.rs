//! `multitier`, the load harness.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use multitier::Args;
use multitier::report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    client::install_tls_provider();
    let args = Args::parse();
    // Dropping the run stops the stack that it has started.
    let ended = tokio::select! {
        ended = multitier::run(&args) => ended,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted; run it again to go on with the preparation")),
    };
    match ended {
        Ok(report) if report.as_ref().is_none_or(Report::is_clean) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            drop(writeln!(std::io::stderr(), "multitier: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
