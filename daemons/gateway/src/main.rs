//! The gateway: one door in front of ten daemons.

use std::process::ExitCode;

use allocator as _;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Gateway, gateway::build)
}
