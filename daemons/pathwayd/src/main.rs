//! The durable log of what worked.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Pathwayd, pathwayd::build)
}
