//! The `queryd` daemon.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;
use wire::DaemonName;

/// Joins and groups allocate much and from several threads: docs/decisions/0035-sql-speed.md.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    service::run(DaemonName::Queryd, queryd::build)
}
