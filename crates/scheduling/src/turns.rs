//! How long a thread runs before others have their turn.
//!
//! Linux gives a thread about 3 ms at a time. Where more threads are ready than there are cores, work of a tenth of a
//! millisecond then waits for several of these: the slowest of a hundred requests took ten times as long as the median.
//! Since 6.12 a thread can ask for shorter turns (`sched_runtime` of sched_setattr(2), which needs no privilege), and one
//! that wakes up then interrupts those with longer turns. Older kernels ignore the wish.

use std::io;
use std::time::Duration;

/// Turns for threads that answer requests: the shortest that Linux gives.
pub const SHORT: Duration = Duration::from_micros(100);

/// Asks for turns of this length for the thread that calls, and those that it starts from now on. Zero: as long as the
/// system gives by itself. The thread's niceness stays as it is.
///
/// # Errors
/// What the system says. It is no reason to stop: everything works with longer turns too.
#[cfg(target_os = "linux")]
pub fn ask_for(turns: Duration) -> io::Result<()> {
    let mut attributes = linux::attributes()?;
    attributes.sched_runtime = u64::try_from(turns.as_nanos()).unwrap_or(u64::MAX);
    linux::set(&attributes)
}

/// Not known to this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn ask_for(_: Duration) -> io::Result<()> {
    Ok(())
}

/// How far one that steps back goes: beside a thread that does not, it gets a tenth of a core (sched(7), "The nice value").
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets others go before the thread that calls and those that it starts from now on: one that has something to do interrupts it.
///
/// # Errors
/// What the system says. It is no reason to stop.
#[cfg(target_os = "linux")]
pub fn step_back() -> io::Result<()> {
    let mut attributes = linux::attributes()?;
    attributes.sched_nice = attributes.sched_nice.max(NICENESS);
    // As long as the system gives by itself: a thread with shorter turns interrupts one with longer ones.
    attributes.sched_runtime = 0;
    linux::set(&attributes)
}

/// Not known to this system.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn step_back() -> io::Result<()> {
    Ok(())
}

/// Puts the thread that calls before all ordinary ones (`SCHED_FIFO`), or back among them. For what measures others and
/// sleeps most of the time: what computes in the first row stops the machine.
///
/// # Errors
/// It takes a privilege (`CAP_SYS_NICE`), and a system that knows it.
#[cfg(target_os = "linux")]
pub fn go_first(is_first: bool) -> io::Result<()> {
    let mut attributes = linux::attributes()?;
    (attributes.sched_policy, attributes.sched_priority) =
        if is_first { (libc::SCHED_FIFO as u32, 1) } else { (libc::SCHED_OTHER as u32, 0) };
    attributes.sched_runtime = 0;
    linux::set(&attributes)
}

/// Not known to this system.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn go_first(_: bool) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;

    use libc::{SYS_sched_getattr, SYS_sched_setattr, sched_attr, syscall};

    const THIS_THREAD: libc::pid_t = 0;
    const NO_FLAGS: libc::c_uint = 0;

    pub(super) fn attributes() -> io::Result<sched_attr> {
        let size = size_of::<sched_attr>() as u32;
        let mut attributes = sched_attr {
            size,
            sched_policy: 0,
            sched_flags: 0,
            sched_nice: 0,
            sched_priority: 0,
            sched_runtime: 0,
            sched_deadline: 0,
            sched_period: 0,
        };
        #[expect(unsafe_code, reason = "the C library has no function for it")]
        // SAFETY: the kernel writes at most `size` bytes to where the pointer points.
        let status = unsafe { syscall(SYS_sched_getattr, THIS_THREAD, &raw mut attributes, size, NO_FLAGS) };
        if status == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
    }

    pub(super) fn set(attributes: &sched_attr) -> io::Result<()> {
        #[expect(unsafe_code, reason = "the C library has no function for it")]
        // SAFETY: the kernel reads `attributes.size` bytes from where the pointer points.
        let status = unsafe { syscall(SYS_sched_setattr, THIS_THREAD, &raw const *attributes, NO_FLAGS) };
        if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn wish_is_kept_for_this_thread_and_those_that_it_starts() {
        let turns = || linux::attributes().unwrap().sched_runtime;
        std::thread::spawn(move || {
            let before = turns();
            ask_for(SHORT).unwrap();
            // A kernel that does not know the wish says zero throughout.
            let after = turns();
            assert!(after == 100_000 || after == 0, "{after}");
            assert_eq!(std::thread::spawn(turns).join().unwrap(), after);
            ask_for(Duration::ZERO).unwrap();
            assert_eq!(turns(), before);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn thread_that_steps_back_and_those_that_it_starts_are_nicer_than_others() {
        let niceness = || linux::attributes().unwrap().sched_nice;
        std::thread::spawn(move || {
            step_back().unwrap();
            assert!(niceness() >= NICENESS);
            assert_eq!(std::thread::spawn(niceness).join().unwrap(), niceness());
        })
        .join()
        .unwrap();
    }
}
