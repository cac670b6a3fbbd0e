//! What the C library's allocator does with memory that a query has freed: docs/decisions/0035-sql-speed.md.
//!
//! By itself it gives large blocks back to the system at once, which clears them again for the next operator that asks: a
//! quarter of the time of TPC-H passed in the kernel. Here it keeps them while queries come, and gives them back after.

use std::sync::Arc;
use std::time::Duration;

use service::Env;
use tokio::sync::Notify;

/// So long after the last query ended, memory goes back to the system.
const QUIET: Duration = Duration::from_secs(5);

/// Keeps freed memory in the process, in as many pools as there are cores: one that every thread has for itself holds what
/// only this thread can use again. To be called before there are other threads.
pub fn keep_freed_memory() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    glibc::keep(i32::try_from(cores).unwrap_or(i32::MAX));
}

/// Tells of the end of a query when it is dropped: also when the caller leaves, and the query is given up.
pub(crate) struct TellOfEnd(pub(crate) Arc<Notify>);

impl Drop for TellOfEnd {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Gives memory back when no query has ended for a while, until the daemon stops.
pub(crate) fn spawn(query_ended: Arc<Notify>, env: &Env) {
    let shutdown = env.shutdown.clone();
    env.tasks.spawn(async move {
        while shutdown.run_until_cancelled(query_ended.notified()).await.is_some() {
            let pause = || tokio::time::timeout(QUIET, query_ended.notified());
            while let Some(Ok(())) = shutdown.run_until_cancelled(pause()).await {}
            // It takes a while, and nobody waits for it.
            let _ = tokio::task::spawn_blocking(glibc::give_back).await;
        }
    });
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use libc::{M_ARENA_MAX, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, c_int};

    pub(super) fn keep(pools: c_int) {
        // From this size on a block is the system's own, and goes back when it is freed; and so much may be free at the end
        // of a pool. mallopt(3) says when it does not know a wish, and then nothing is lost but time.
        for (setting, value) in
            [(M_MMAP_THRESHOLD, c_int::MAX), (M_TRIM_THRESHOLD, c_int::MAX), (M_ARENA_MAX, pools)]
        {
            #[expect(unsafe_code, reason = "the C library")]
            // SAFETY: it takes two numbers.
            unsafe {
                libc::mallopt(setting, value);
            }
        }
    }

    pub(super) fn give_back() {
        #[expect(unsafe_code, reason = "the C library")]
        // SAFETY: it takes a number, and touches free memory only.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}

/// Other libraries have no such settings.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    pub(super) fn keep(_: i32) {}
    pub(super) fn give_back() {}
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::process::Command;

    use super::*;

    /// Fewer than fill one piece of a pool (64 MB): a piece that is wholly free goes back at once.
    const BLOCKS: usize = 40;
    const BLOCK_BYTES: usize = 1 << 20;

    /// None where `/proc` is not as it should be.
    fn resident_bytes() -> Option<usize> {
        let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
        Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
    }

    #[tokio::test]
    async fn query_that_is_given_up_has_ended_too() {
        let ended = Arc::<Notify>::default();
        let told = TellOfEnd(Arc::clone(&ended));
        let query = tokio::spawn(async move {
            let _told = told;
            std::future::pending::<()>().await;
        });
        query.abort();
        tokio::time::timeout(QUIET, ended.notified()).await.expect("the end is told");
    }

    #[test]
    fn freed_memory_is_kept_until_it_is_given_back() {
        const ALONE: &str = "LAKEHOUSE_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            // In a process of its own: other tests take memory and free it too.
            let mut alone = Command::new(std::env::current_exe().unwrap());
            alone.args(["--exact", "allocator::tests::freed_memory_is_kept_until_it_is_given_back"]);
            let output = alone.env(ALONE, "").output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        keep_freed_memory();
        let blocks: Vec<Vec<u8>> = (0..BLOCKS).map(|i| vec![i as u8 | 1; BLOCK_BYTES]).collect();
        let used = resident_bytes().unwrap();
        drop(std::hint::black_box(blocks));
        let kept = resident_bytes().unwrap();
        glibc::give_back();
        let left = resident_bytes().unwrap();
        assert!(kept > used - used / 10, "{kept} of {used} bytes are kept");
        assert!(left < used - BLOCKS * BLOCK_BYTES * 9 / 10, "{left} of {used} bytes are left");
    }
}
