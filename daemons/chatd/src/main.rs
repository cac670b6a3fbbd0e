//! Chat over local and remote language models: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    service::run(wire::DaemonName::Chatd, chatd::build)
}
