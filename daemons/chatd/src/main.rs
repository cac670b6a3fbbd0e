//! Chat over local and remote language models: see the library.

use std::process::ExitCode;

use allocator as _;
use service::Placement;
use wire::DaemonName;

fn main() -> ExitCode {
    service::run_placed(DaemonName::Chatd, Placement::Lanes, chatd::build)
}
