//! Texts to vectors: see the library.

use std::process::ExitCode;

use allocator as _;
use wire::DaemonName;

fn main() -> ExitCode {
    service::run(DaemonName::Embedd, embedd::build)
}
