//! Vector indexes over HTTP: see the library.

use std::process::ExitCode;

use service::Placement;
use tikv_jemallocator::Jemalloc;
use wire::DaemonName;

/// The C library's allocator keeps what has been freed: after 100,000 vectors of 768 numbers had been taken in and written to
/// files it held 751 MB, this one 117 (mimalloc: 394). Measured by `bench-vectors rss`, 2026-11-25.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Unused pages go back to the system after a second, by a thread of the allocator's own.
#[expect(unsafe_code, reason = "it is by this name that the allocator finds its settings")]
// SAFETY: nothing else has the name, and the text ends with a zero.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8; 60] = b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    // Short searches compute on the async threads: docs/decisions/0024-searches-over-http.md.
    service::run_placed(DaemonName::Vectord, Placement::OnePerCore, vectord::build)
}
