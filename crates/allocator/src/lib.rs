//! The allocator of the daemons that serve many callers at once: linking this crate makes it that of the process.
//!
//! The C library's allocator keeps what was freed where it cannot be used again: docs/decisions/0071-memory.md has the
//! figures of each daemon with either.

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Unused pages go back to the system after a second, by a thread of the allocator's own. There is one pool for each core, not four
/// as by default, and a thread keeps for itself only what has at most 8 KiB, as the buffers have that requests are read into.
#[expect(unsafe_code, reason = "it is by this name that the allocator finds its settings")]
// SAFETY: nothing else has the name, and the text ends with a zero.
#[unsafe(export_name = "_rjem_malloc_conf")]
static SETTINGS: &[u8; 97] =
    b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,percpu_arena:percpu,lg_tcache_max:13\0";
