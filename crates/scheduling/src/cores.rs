//! On which cores a thread runs.

use std::io;

/// Some of the cores of this machine.
#[derive(Debug, Clone, Copy)]
pub struct Cores(Set);

#[cfg(target_os = "linux")]
type Set = libc::cpu_set_t;
#[cfg(not(target_os = "linux"))]
type Set = std::convert::Infallible;

#[cfg(target_os = "linux")]
impl Cores {
    /// Those that the calling thread may run on.
    ///
    /// # Errors
    /// What the system says.
    pub fn allowed() -> io::Result<Self> {
        #[expect(unsafe_code, reason = "the C library")]
        // SAFETY: a set is a plain array of bits, and the system writes at most its size to it.
        unsafe {
            let mut set: Set = std::mem::zeroed();
            match libc::sched_getaffinity(0, size_of::<Set>(), &raw mut set) {
                0 => Ok(Self(set)),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    /// Each of them alone.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        let alone = |core: usize| {
            #[expect(unsafe_code, reason = "the C library")]
            // SAFETY: `core` is less than the number of bits of a set.
            unsafe {
                let mut set: Set = std::mem::zeroed();
                libc::CPU_SET(core, &mut set);
                libc::CPU_ISSET(core, &self.0).then_some(Self(set))
            }
        };
        (0..libc::CPU_SETSIZE as usize).filter_map(alone).collect()
    }

    /// Lets the calling thread, and those that it starts from now on, run on these only.
    ///
    /// # Errors
    /// What the system says. It is no reason to stop: everything works on any core.
    pub fn bind(&self) -> io::Result<()> {
        #[expect(unsafe_code, reason = "the C library")]
        // SAFETY: the system reads a set's size from where it is.
        let status = unsafe { libc::sched_setaffinity(0, size_of::<Set>(), &raw const self.0) };
        if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Not known to this system.
#[cfg(not(target_os = "linux"))]
#[expect(missing_docs, clippy::missing_errors_doc, reason = "as above")]
impl Cores {
    pub fn allowed() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        match self.0 {}
    }

    pub fn bind(&self) -> io::Result<()> {
        match self.0 {}
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn bound_thread_runs_on_its_core_alone_and_so_do_those_that_it_starts() {
        std::thread::spawn(|| {
            let all = Cores::allowed().unwrap();
            let count = || Cores::allowed().unwrap().each().len();
            let before = count();
            all.each()[0].bind().unwrap();
            assert_eq!((count(), std::thread::spawn(count).join().unwrap()), (1, 1));
            all.bind().unwrap();
            assert_eq!(count(), before);
        })
        .join()
        .unwrap();
    }
}
