//! The gateway: one door in front of ten daemons.

use std::process::ExitCode;

use allocator as _;
use service::Placement;
use wire::DaemonName;

fn main() -> ExitCode {
    service::run_placed(DaemonName::Gateway, Placement::Lanes, gateway::build)
}
