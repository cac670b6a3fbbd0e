//! Cores that do not sleep while something is measured.

use std::fs::File;
use std::io::{self, Write};

/// The kernel's door for those who cannot wait for a core to wake up: Linux, "PM Quality Of Service Interface".
const DEVICE: &str = "/dev/cpu_dma_latency";

/// While it lives, a core that has nothing to do polls. On a virtual machine one that sleeps is given back to the host, and
/// comes back when the host sees to it: much of a tail of a millisecond can be that.
#[derive(Debug)]
pub struct Awake {
    /// The wish ends when the file is closed.
    _wish: File,
}

impl Awake {
    /// From now on.
    ///
    /// # Errors
    /// It takes root, and a kernel that has the door.
    pub fn keep() -> io::Result<Self> {
        let mut wish = File::options().write(true).open(DEVICE)?;
        let microseconds = 0_i32;
        wish.write_all(&microseconds.to_ne_bytes())?;
        Ok(Self { _wish: wish })
    }
}
