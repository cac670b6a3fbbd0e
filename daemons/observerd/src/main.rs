//! Events and statistics about them.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Observerd, observerd::build)
}
