//! Search, the learning loop, validators and retrieve over HTTP: see the library.

use std::process::ExitCode;

use allocator as _;
use wire::DaemonName;

fn main() -> ExitCode {
    service::run(DaemonName::Matrixd, matrixd::build)
}
