//! Chat over local and remote language models: see the library.

use std::process::ExitCode;

use allocator as _;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Chatd, chatd::build)
}
