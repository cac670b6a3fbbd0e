//! Many streams open at once: what each of them costs while the model thinks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench_kit::procfs::{Memory, reset_peak, sockets};
use bench_kit::progress::{Progress, say};
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::caller::{Caller, End};
use crate::cli::Plan;
use crate::mock::RELEASE;
use crate::script::{Script, request};
use crate::stack::Stack;

/// Between the tokens of one stream.
const PAUSE_MS: u64 = 500;
/// How long it may take until all have begun, and until all have ended.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Held {
    /// Open at once.
    pub(crate) streams: usize,
    /// From the first request until each had its first token, seconds.
    pub(crate) begun_after_s: f64,
    pub(crate) idle_rss_bytes: u64,
    /// Resident memory at the end of the time in which all were open.
    pub(crate) open_rss_bytes: u64,
    /// The most since the first request.
    pub(crate) peak_rss_bytes: u64,
    /// Sockets of chatd while all were open: two for each stream, and a few.
    pub(crate) sockets: usize,
    /// Streams that ended with all of their tokens.
    pub(crate) whole: usize,
    /// How the first of the others ended.
    pub(crate) first_failure: Option<String>,
}

/// Opens the streams, holds them, has the mock release them and reads them to their end.
pub(crate) fn measure(plan: &Plan, binaries: &Path, runtime: &Runtime) -> anyhow::Result<Held> {
    let stack = Stack::start(binaries)?;
    let held = runtime.block_on(hold(plan, &stack))?;
    let (streams, whole, peak_mb) = (held.streams, held.whole, held.peak_rss_bytes as f64 / 1e6);
    say(&format!("{streams} streams open: {peak_mb:.1} MB at most; {whole} ended whole"));
    Ok(held)
}

async fn hold(plan: &Plan, stack: &Stack) -> anyhow::Result<Held> {
    let pid = stack.chatd.pid();
    let idle_rss_bytes = Memory::of(pid)?.total_bytes();
    reset_peak(pid)?;
    let started = Instant::now();
    let (callers, begun) = open(plan, stack)?;
    wait_until_begun(&begun, plan.streams).await?;
    let begun_after_s = started.elapsed().as_secs_f64();
    sleep(Duration::from_secs_f64(plan.hold)).await;
    let (memory, sockets) = (Memory::of(pid)?, sockets(pid)?);
    ensure!(stack.mock.client()?.status(RELEASE)? == 200, "the mock does not release its streams");
    let ended = timeout(PATIENCE, callers.join_all()).await;
    let failures = failures(ended.context("streams go on after the mock released them")?);
    Ok(Held {
        streams: plan.streams,
        begun_after_s,
        idle_rss_bytes,
        open_rss_bytes: memory.total_bytes(),
        peak_rss_bytes: Memory::of(pid)?.peak_bytes,
        sockets,
        whole: plan.streams - failures.len(),
        first_failure: failures.into_iter().next(),
    })
}

type Callers = JoinSet<std::io::Result<End>>;

/// All streams, and how many of them have begun.
fn open(plan: &Plan, stack: &Stack) -> anyhow::Result<(Callers, Arc<AtomicUsize>)> {
    let script = Script { pause_ms: PAUSE_MS, is_held: true, ..Script::default() };
    let (text, begun): (Arc<[u8]>, _) = (request(&script, true)?.into(), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..plan.streams {
        let mut caller = Caller::new(stack.chatd.address());
        let (text, begun) = (Arc::clone(&text), Arc::clone(&begun));
        let count = move || {
            begun.fetch_add(1, Ordering::Relaxed);
        };
        callers.spawn(async move { caller.ask(&text, count).await });
    }
    Ok((callers, begun))
}

async fn wait_until_begun(begun: &AtomicUsize, all: usize) -> anyhow::Result<()> {
    let (progress, started) = (Progress::new(all, "streams"), Instant::now());
    let mut shown = 0;
    while shown < all {
        ensure!(started.elapsed() < PATIENCE, "{shown} of {all} streams have begun after a minute");
        sleep(POLL).await;
        let now = begun.load(Ordering::Relaxed);
        progress.end(now - shown);
        progress.begin("begin");
        shown = now;
    }
    Ok(())
}

/// How those ended that did not end whole.
fn failures(ends: Vec<std::io::Result<End>>) -> Vec<String> {
    let describe = |end| match end {
        Ok(End::Whole { .. }) => None,
        Ok(end) => Some(format!("{end:?}")),
        Err(error) => Some(format!("{error}")),
    };
    ends.into_iter().filter_map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_that_did_not_end_whole_is_a_failure() {
        let broken = Err(std::io::ErrorKind::UnexpectedEof.into());
        let ends = vec![Ok(End::Whole { tokens: 3 }), Ok(End::BrokenOff { tokens: 2 }), broken];
        let failures = failures(ends);
        assert_eq!(failures.len(), 2);
        assert!(failures[0].contains("BrokenOff"), "{failures:?}");
    }
}
