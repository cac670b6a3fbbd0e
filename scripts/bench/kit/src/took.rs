//! How long something took, on the clock and on the processor.

use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// How long something took. On a machine that others use too, the CPU time says more than the clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Took {
    /// On the clock, seconds.
    pub wall_s: f64,
    /// CPU time of all threads of the process, seconds.
    pub cpu_s: f64,
}

/// Measures a [`Took`] of this process.
#[derive(Debug, Clone, Copy)]
pub struct StopWatch {
    started: Instant,
    cpu_s: f64,
}

impl StopWatch {
    /// Begins now.
    pub fn start() -> Self {
        Self { started: Instant::now(), cpu_s: process_cpu_s() }
    }

    /// Until now.
    pub fn took(self) -> Took {
        Took { wall_s: self.started.elapsed().as_secs_f64(), cpu_s: process_cpu_s() - self.cpu_s }
    }
}

fn process_cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
