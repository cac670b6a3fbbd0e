//! Vector indexes over HTTP: see the library.

use std::process::ExitCode;

use allocator as _;
use service::Placement;
use wire::DaemonName;

fn main() -> ExitCode {
    // Short searches compute on the async threads: docs/decisions/0024-searches-over-http.md.
    service::run_placed(DaemonName::Vectord, Placement::OnePerCore, vectord::build)
}
