//! What a run shows while it goes on, on standard error.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal: a log is not flooded.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Steps of a known number: a bar with rate and time left on a terminal, a line now and then elsewhere. Gone when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    unit: &'static str,
    is_terminal: bool,
    last_line: Cell<Instant>,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(total: usize, unit: &'static str) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { bar: bar(total as u64, unit), unit, is_terminal, last_line: Cell::new(Instant::now()) }
    }

    /// What is done now.
    pub fn begin(&self, what: &str) {
        self.bar.set_message(what.to_owned());
        if !self.is_terminal && self.last_line.get().elapsed() >= LINE_INTERVAL {
            self.last_line.set(Instant::now());
            say(&self.line(what));
        }
    }

    /// So many more steps are done.
    pub fn end(&self, steps: usize) {
        self.bar.inc(steps as u64);
    }

    fn line(&self, what: &str) -> String {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or_default());
        let elapsed_s = self.bar.elapsed().as_secs_f64();
        let rate = done as f64 / elapsed_s.max(f64::MIN_POSITIVE);
        let eta_s = if done == 0 { f64::NAN } else { total.saturating_sub(done) as f64 / rate };
        format!("  {done}/{total} {}  {rate:.1}/s  ETA {eta_s:.0} s  {what}", self.unit)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A bar with rate and time left.
pub fn bar(total: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style(&format!("  {{bar:32}} {{pos}}/{{len}} {unit}  {{per_sec}}  ETA {{eta}}  {{msg}}")));
    bar
}

/// A line on standard error.
pub fn say(line: &str) {
    // Nobody is left to tell if standard error is closed.
    drop(writeln!(io::stderr(), "{line}"));
}

/// The style of a template of ours.
pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_says_how_much_is_done_and_what_is_going_on() {
        let progress = Progress::new(300, "steps");
        progress.end(3);
        let line = progress.line("hnswlib builds");
        assert!(line.starts_with("  3/300 steps  ") && line.ends_with("  hnswlib builds"), "{line}");
    }
}
