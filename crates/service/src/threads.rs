//! The threads that a daemon's async work runs on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use scheduling::Cores;
use tokio::runtime::{Builder, Runtime};

/// Where the async threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Wherever the system puts them.
    Free,
    /// One of them on each core, the last one free. For a daemon that computes on its async threads: a system that saves
    /// cores packs them onto one for milliseconds, while another is idle.
    OnePerCore,
}

/// Starts one async thread more than there are cores: while short work occupies as many threads as there are cores, one
/// is left that takes requests in and answers `/healthz`.
///
/// # Errors
/// When the system has no more threads.
pub(crate) fn start(placement: Placement) -> io::Result<Runtime> {
    let parallelism = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = parallelism + 1;
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    if placement == Placement::Free || parallelism == 1 {
        return builder.build();
    }
    let Ok(all) = Cores::allowed() else { return builder.build() };
    let each = all.each();
    // With less time than cores (a quota of a control group), the system places threads better than we would.
    if each.len() != parallelism {
        return builder.build();
    }
    // Threads for blocking work start through the same hook. They come later than the async ones, for which all wait, and
    // may be started by a bound one.
    let started = Arc::new(Barrier::new(threads + 1));
    let (all_started, next) = (Arc::clone(&started), AtomicUsize::new(0));
    builder.on_thread_start(move || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = each.get(number).unwrap_or(&all).bind() {
            tracing::info!(%error, "the system does not bind threads to cores: under load, the slowest answers take longer");
        }
        if number < threads {
            started.wait();
        }
    });
    let runtime = builder.build()?;
    all_started.wait();
    Ok(runtime)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The cores that the calling thread may run on.
    fn allowed() -> usize {
        Cores::allowed().map_or(0, |cores| cores.each().len())
    }

    /// From each async thread of `runtime`, the cores that it may run on.
    fn allowed_to_workers(runtime: &Runtime) -> Result<Vec<usize>, tokio::task::JoinError> {
        let workers = runtime.metrics().num_workers();
        let all_here = Arc::new(Barrier::new(workers));
        let look = |_| {
            let all_here = Arc::clone(&all_here);
            // Each waits for the others, so that no two run on one thread.
            runtime.spawn(async move {
                all_here.wait();
                allowed()
            })
        };
        let looks: Vec<_> = (0..workers).map(look).collect();
        let mut allowed =
            looks.into_iter().map(|look| runtime.block_on(look)).collect::<Result<Vec<_>, _>>()?;
        allowed.sort_unstable();
        Ok(allowed)
    }

    #[test]
    fn one_async_thread_is_bound_to_each_core_and_one_is_free_as_are_those_for_blocking_work() {
        let cores = allowed();
        let runtime = start(Placement::OnePerCore).unwrap();
        let mut expected = vec![1; cores];
        expected.push(cores);
        assert_eq!(allowed_to_workers(&runtime).unwrap(), expected);
        // Whichever async thread starts them.
        let blocking = |_| runtime.spawn(async { tokio::task::spawn_blocking(allowed).await });
        for looked in (0..20).map(blocking).collect::<Vec<_>>() {
            assert_eq!(runtime.block_on(looked).unwrap().unwrap(), cores);
        }
    }

    #[test]
    fn async_threads_are_bound_only_where_that_is_asked_for() {
        let cores = allowed();
        let runtime = start(Placement::Free).unwrap();
        assert_eq!(allowed_to_workers(&runtime).unwrap(), vec![cores; cores + 1]);
    }
}
