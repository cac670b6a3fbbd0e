//! What a run shows while it goes on, on standard error.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bench_kit::progress::{say, style};
use indicatif::ProgressBar;

const ON_TERMINAL: Duration = Duration::from_millis(250);
/// A log is not flooded.
const ELSEWHERE: Duration = Duration::from_secs(5);

/// Counters that all users share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) played: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Searches that the exact answer can be compared with.
    pub(crate) samplable: AtomicU64,
}

impl Counters {
    fn line(&self, elapsed: Duration, duration: Duration) -> String {
        let (played, failed) = (self.played.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let rate = played as f64 / elapsed.as_secs_f64().max(f64::MIN_POSITIVE);
        let eta_s = duration.saturating_sub(elapsed).as_secs_f64();
        format!(
            "{:4.0} s  {played} scenarios  {rate:.0}/s  {failed} failed  ETA {eta_s:.0} s",
            elapsed.as_secs_f64()
        )
    }
}

/// Shows the counters until it is dropped.
pub(crate) async fn show(counters: &Counters, started: Instant, duration: Duration) {
    let bar = ProgressBar::new(duration.as_secs());
    bar.set_style(style("  {bar:32} {msg}"));
    let is_terminal = io::stderr().is_terminal();
    loop {
        tokio::time::sleep(if is_terminal { ON_TERMINAL } else { ELSEWHERE }).await;
        let elapsed = started.elapsed();
        if is_terminal {
            bar.set_position(elapsed.as_secs().min(duration.as_secs()));
            bar.set_message(counters.line(elapsed, duration));
        } else {
            say(&counters.line(elapsed, duration));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_says_time_rate_and_failures() {
        let counters =
            Counters { played: AtomicU64::new(500), failed: AtomicU64::new(3), ..Counters::default() };
        let line = counters.line(Duration::from_secs(10), Duration::from_secs(60));
        assert_eq!(line, "  10 s  500 scenarios  50/s  3 failed  ETA 50 s");
    }
}
