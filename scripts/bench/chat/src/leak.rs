//! Streams that are broken off at random by their callers and by the provider: what is left of them in chatd.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench_kit::procfs::{Memory, sockets};
use bench_kit::progress::{Progress, say};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, sleep_until, timeout};

use crate::caller::{Caller, End};
use crate::cli::Plan;
use crate::flatness::Flatness;
use crate::script::{Script, request};
use crate::stack::Stack;

/// Between two looks at chatd; less in a short run, which needs some too.
const INTERVAL: Duration = Duration::from_secs(2);
const MIN_SAMPLES: f64 = 50.0;
/// Growth of memory that is none: what one more thread, or a fuller cache of the allocator, takes.
const LEAST_RSS_BYTES: f64 = 2e6;
/// Who is told that the provider rests does not ask again at once.
const WHILE_RESTING: Duration = Duration::from_millis(100);
/// An answer that does not end is none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Leak {
    pub(crate) seconds: f64,
    pub(crate) ends: Ends,
    pub(crate) rss_bytes: Flatness,
    /// By how much memory grew for each stream that ended in between, if it grew.
    pub(crate) growth_per_stream_bytes: f64,
    pub(crate) sockets: Flatness,
    /// Sockets of chatd before the first stream.
    pub(crate) idle_sockets: usize,
    /// The same at the end, and how long after the last stream that was.
    pub(crate) sockets_after: usize,
    pub(crate) idle_after_s: f64,
    pub(crate) samples: Vec<Sample>,
}

/// How the streams ended.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Ends {
    /// With all of their tokens.
    pub(crate) whole: u64,
    /// The caller closed the connection.
    pub(crate) left: u64,
    /// The provider closed or reset the connection after some tokens, and the caller was told.
    pub(crate) broken_off: u64,
    /// The same before the first token.
    pub(crate) refused: u64,
    /// chatd's breaker had just opened: among so many streams that break off, five in a row sometimes do.
    pub(crate) resting: u64,
    /// In another way than they should have.
    pub(crate) wrong: u64,
    pub(crate) first_wrong: Option<String>,
}

/// A look at chatd.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Sample {
    pub(crate) at_s: f64,
    pub(crate) rss_bytes: u64,
    pub(crate) sockets: usize,
    /// Streams that had ended by then.
    pub(crate) streams: u64,
}

impl Ends {
    pub(crate) fn all(&self) -> u64 {
        self.whole + self.left + self.broken_off + self.refused + self.resting + self.wrong
    }

    /// Counts a stream that ended as `end` (`None`: its caller left), though it was planned as `planned`.
    fn count(&mut self, planned: &Planned, end: Option<&std::io::Result<End>>) {
        let script = &planned.script;
        match (script.breaks_after, end) {
            (_, None) => self.left += 1,
            (_, Some(Ok(End::Resting))) => self.resting += 1,
            (None, Some(Ok(End::Whole { tokens }))) if *tokens == script.tokens => self.whole += 1,
            (Some(after), Some(Ok(End::BrokenOff { tokens }))) if *tokens <= after => self.broken_off += 1,
            // After a reset nothing that was under way arrives.
            (Some(_), Some(Ok(End::Refused { status: 502 | 503 }))) => self.refused += 1,
            (_, Some(end)) => {
                self.wrong += 1;
                self.first_wrong.get_or_insert_with(|| format!("{end:?} of {planned:?}"));
            }
        }
    }
}

/// A stream before it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Planned {
    script: Script,
    /// The caller closes the connection after so long, unless the answer has ended.
    leaves_after: Option<Duration>,
    /// The caller's next stream has a connection of its own.
    closes: bool,
}

impl Planned {
    /// Half of all streams end by themselves, a quarter of their callers leave, and a quarter of the answers break off, few of
    /// them before they have begun: those alone would keep chatd's breaker open, which is another test.
    fn draw(rng: &mut impl Rng) -> Self {
        let (tokens, pause_ms) = (rng.random_range(4..64), rng.random_range(0..20));
        let mut script = Script { tokens, pause_ms, ..Script::default() };
        let mut leaves_after = None;
        match rng.random_range(0..100) {
            0..50 => {}
            50..75 => {
                let whole_us = u64::from(tokens) * (pause_ms + 1) * 1000;
                leaves_after = Some(Duration::from_micros(rng.random_range(0..whole_us)));
            }
            75..98 => script.breaks_after = Some(rng.random_range(3..tokens)),
            _ => script.breaks_after = Some(0),
        }
        script.resets = script.breaks_after.is_some() && rng.random_bool(0.5);
        Self { script, leaves_after, closes: rng.random_bool(0.5) }
    }
}

/// Streams for as long as the plan says, then waits until chatd has closed what it does not need.
pub(crate) fn measure(plan: &Plan, binaries: &Path, runtime: &Runtime) -> anyhow::Result<Leak> {
    let stack = Stack::start(binaries)?;
    say(&format!("{} s of streams that are broken off at random, seed {}", plan.leak, plan.seed));
    let leak = LocalSet::new().block_on(runtime, watch(plan, &stack))?;
    let Leak { rss_bytes, ends, idle_sockets, sockets_after, .. } = &leak;
    let (streams, early_mb, late_mb) = (ends.all(), rss_bytes.early / 1e6, rss_bytes.late / 1e6);
    say(&format!(
        "{streams} streams, {} of which ended in a wrong way; {early_mb:.1} MB early, {late_mb:.1} MB late; \
         {idle_sockets} sockets before, {sockets_after} after",
        ends.wrong
    ));
    Ok(leak)
}

async fn watch(plan: &Plan, stack: &Stack) -> anyhow::Result<Leak> {
    let (pid, started) = (stack.chatd.pid(), Instant::now());
    let (idle_sockets, until) = (sockets(pid)?, started + Duration::from_secs_f64(plan.leak));
    let (ends, mut callers) = (Rc::new(RefCell::new(Ends::default())), JoinSet::new());
    for number in 0..plan.leak_callers {
        let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
        rng.set_stream(number as u64);
        callers.spawn_local(play(stack.chatd.address(), rng, Rc::clone(&ends), until));
    }
    let samples = look(pid, &ends, started, until).await?;
    while let Some(caller) = callers.join_next().await {
        caller.context("a caller's task ended early")??;
    }
    let ended = Instant::now();
    while sockets(pid)? > idle_sockets && ended.elapsed().as_secs_f64() < plan.settle {
        sleep(INTERVAL / 4).await;
    }
    let flat = |read: fn(&Sample) -> f64, least| {
        let figures: Vec<f64> = samples.iter().map(read).collect();
        Flatness::of(&figures, least).context("too few looks at chatd: raise --leak")
    };
    let rss_bytes = flat(|sample| sample.rss_bytes as f64, LEAST_RSS_BYTES)?;
    let streams = flat(|sample| sample.streams as f64, 0.0)?;
    let growth = (rss_bytes.late - rss_bytes.early).max(0.0);
    Ok(Leak {
        seconds: plan.leak,
        ends: ends.take(),
        rss_bytes,
        growth_per_stream_bytes: growth / (streams.late - streams.early).max(1.0),
        // Two for each caller, and at any moment some of them are just being opened or closed.
        sockets: flat(|sample| sample.sockets as f64, plan.leak_callers as f64 / 4.0)?,
        idle_sockets,
        sockets_after: sockets(pid)?,
        idle_after_s: ended.elapsed().as_secs_f64(),
        samples,
    })
}

/// Looks at chatd now and then.
async fn look(
    pid: u32,
    ends: &RefCell<Ends>,
    started: Instant,
    until: Instant,
) -> anyhow::Result<Vec<Sample>> {
    let interval = INTERVAL.min((until - started).div_f64(MIN_SAMPLES));
    let (mut due, mut samples, mut shown_s) = (started + interval, Vec::new(), 0);
    let progress = Progress::new((until - started).as_secs_f64().ceil() as usize, "s");
    while due < until {
        sleep_until(due.into()).await;
        let (at_s, streams) = (started.elapsed().as_secs_f64(), ends.borrow().all());
        let (rss_bytes, sockets) = (Memory::of(pid)?.total_bytes(), sockets(pid)?);
        samples.push(Sample { at_s, rss_bytes, sockets, streams });
        progress.end(at_s as usize - shown_s);
        progress.begin(&format!("{streams} streams, {:.1} MB, {sockets} sockets", rss_bytes as f64 / 1e6));
        (due, shown_s) = (due + interval, at_s as usize);
    }
    Ok(samples)
}

/// One caller, stream after stream.
async fn play(
    address: SocketAddr,
    mut rng: ChaCha8Rng,
    ends: Rc<RefCell<Ends>>,
    until: Instant,
) -> anyhow::Result<()> {
    let mut caller = Caller::new(address);
    while Instant::now() < until {
        let planned = Planned::draw(&mut rng);
        let text = request(&planned.script, true)?;
        let end = timeout(planned.leaves_after.unwrap_or(PATIENCE), caller.ask(&text, || {})).await.ok();
        ensure!(end.is_some() || planned.leaves_after.is_some(), "no end after a minute of {planned:?}");
        ends.borrow_mut().count(&planned, end.as_ref());
        if matches!(end, Some(Ok(End::Resting))) {
            sleep(WHILE_RESTING).await;
        }
        if planned.closes {
            caller = Caller::new(address);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64) -> Vec<Planned> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..2000).map(|_| Planned::draw(&mut rng)).collect()
    }

    #[test]
    fn same_seed_breaks_off_the_same_streams_and_all_kinds_are_among_them() {
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        let all = drawn(1);
        let count = |is: fn(&Planned) -> bool| all.iter().filter(|planned| is(planned)).count();
        assert!((400..600).contains(&count(|planned| planned.leaves_after.is_some())));
        assert!((10..100).contains(&count(|planned| planned.script.breaks_after == Some(0))));
        assert!((150..350).contains(&count(|planned| planned.script.resets)));
    }

    #[test]
    fn stream_that_ends_otherwise_than_planned_is_wrong() {
        let planned = |breaks_after| Planned {
            script: Script { tokens: 5, breaks_after, ..Script::default() },
            leaves_after: None,
            closes: false,
        };
        let mut ends = Ends::default();
        let mut count = |breaks_after, end| ends.count(&planned(breaks_after), Some(&Ok(end)));
        count(None, End::Whole { tokens: 5 });
        count(Some(3), End::BrokenOff { tokens: 3 });
        count(Some(0), End::Refused { status: 502 });
        count(None, End::Whole { tokens: 4 });
        count(None, End::Refused { status: 503 });
        count(Some(3), End::Whole { tokens: 3 });
        count(Some(3), End::BrokenOff { tokens: 4 });
        count(None, End::Resting);
        ends.count(&planned(None), None);
        let counted = [ends.whole, ends.broken_off, ends.refused, ends.left, ends.resting, ends.wrong];
        assert_eq!((counted, ends.all()), ([1, 1, 1, 1, 1, 4], 9));
        assert!(ends.first_wrong.is_some_and(|wrong| wrong.contains("Whole { tokens: 4 }")));
    }
}
