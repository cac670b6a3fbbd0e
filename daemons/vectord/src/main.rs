//! Vector indexes over HTTP: see the library.

use std::process::ExitCode;

use wire::DaemonName;

fn main() -> ExitCode {
    service::run(DaemonName::Vectord, vectord::build)
}
