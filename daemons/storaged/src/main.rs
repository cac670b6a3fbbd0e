//! Objects over HTTP.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Storaged, storaged::build)
}
