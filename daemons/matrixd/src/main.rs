//! Search, the learning loop, validators and retrieve over HTTP: see the library.

use std::process::ExitCode;

use allocator as _;
use service::Placement;
use wire::DaemonName;

fn main() -> ExitCode {
    service::run_placed(DaemonName::Matrixd, Placement::Lanes, matrixd::build)
}
