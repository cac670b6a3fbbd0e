//! Chat over local and remote language models: see the library.

use std::process::ExitCode;

use allocator as _;
use service::Placement;
use wire::DaemonName;

fn main() -> ExitCode {
    // An answer is many short steps, and waits for a core in each: docs/decisions/0087-what-chatd-adds.md.
    service::run_placed(DaemonName::Chatd, Placement::OnePerCore, chatd::build)
}
