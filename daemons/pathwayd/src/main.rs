//! The durable log of what worked.

use std::process::ExitCode;

use allocator as _;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Pathwayd, pathwayd::build)
}
