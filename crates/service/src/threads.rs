//! The threads that a daemon's async work runs on.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use scheduling::Cores;
use tokio::runtime::{Builder, Runtime};

use crate::lanes;

/// Where the async threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Wherever the system puts them, one more than there are cores.
    Free,
    /// One bound to each core; they take work from each other. For a daemon that computes on its async threads:
    /// docs/decisions/0024-searches-over-http.md.
    OnePerCore,
    /// One bound to each core; a request stays where its connection is. For a daemon whose requests are short steps between
    /// waits: docs/decisions/0026-lanes.md.
    Lanes,
}

/// After so many steps of its tasks a thread that computes looks for new requests. By itself tokio lets 61 pass, which is
/// right for tasks that mostly wait.
const STEPS_BETWEEN_LOOKS: u32 = 4;

/// Starts the async threads.
///
/// # Errors
/// When the system has no more threads.
pub(crate) fn start(placement: Placement) -> io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    match placement {
        Placement::Free => return builder.worker_threads(cores + 1).build(),
        Placement::Lanes => return lanes::runtime_beside(),
        Placement::OnePerCore => {}
    }
    builder.worker_threads(cores).event_interval(STEPS_BETWEEN_LOOKS);
    let Ok(all) = Cores::allowed() else { return builder.build() };
    let each = all.each();
    // With less time than cores (a quota of a control group), the system places threads better than we would.
    if each.len() != cores {
        return builder.build();
    }
    // Threads for blocking work start through the same hook. They come later than the async ones, for which all wait, and
    // may be started by a bound one.
    let started = Arc::new(Barrier::new(cores + 1));
    let (all_started, next) = (Arc::clone(&started), AtomicUsize::new(0));
    builder.on_thread_start(move || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        bind(each.get(number).unwrap_or(&all));
        if number < cores {
            started.wait();
        }
    });
    let runtime = builder.build()?;
    all_started.wait();
    Ok(runtime)
}

/// Lets the calling thread run on `cores` only.
pub(crate) fn bind(cores: &Cores) {
    if let Err(error) = cores.bind() {
        tracing::info!(%error, "the system does not bind threads to cores: under load, the slowest answers take longer");
    }
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
    fn one_async_thread_is_bound_to_each_core_and_those_for_blocking_work_are_free() {
        let cores = allowed();
        let runtime = start(Placement::OnePerCore).unwrap();
        assert_eq!(allowed_to_workers(&runtime).unwrap(), vec![1; cores]);
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
