//! What chatd adds: the highest rate first, then half of it and less, to the mock and through chatd in turns.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench_kit::awake::Awake;
use bench_kit::load::{self, Load, Outcome, Pace};
use bench_kit::procfs::cpu_s;
use bench_kit::progress::{Progress, say};
use bench_kit::spread::Spread;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cli::Plan;
use crate::stack::Stack;
use crate::traffic::Requests;

/// Callers at once, among which the highest rate is looked for.
const CALLERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Connections of the open loop, more than are ever needed at once.
const CONNECTIONS: usize = 64;
/// Lower rates at which the same is measured, as parts of the highest.
const SLOWER: [f64; 3] = [0.125, 0.25, 0.375];
/// The most rounds for what is not judged.
const ROUNDS_BESIDE: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);

/// How an answer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// At once.
    Whole,
    /// Token by token.
    Streamed,
}

/// What was found for one shape of answers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Latency {
    pub(crate) shape: Shape,
    /// Closed loop through chatd.
    pub(crate) sweep: Vec<Point>,
    /// The highest rate among them, answers a second.
    pub(crate) highest_per_s: f64,
    /// Open loop at half of that, which is judged.
    pub(crate) half: OpenLoop,
    /// Open loops at lower rates, which tell from where on who comes behind another waits.
    pub(crate) slower: Vec<OpenLoop>,
    /// Half of the highest rate once more while no core sleeps, which tells what waking them up has of the tail; `None` where
    /// that takes a privilege that is not there.
    pub(crate) awake: Option<OpenLoop>,
}

/// Requests that are due at a rate, whoever is late.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OpenLoop {
    /// That rate, answers a second.
    pub(crate) due_per_s: f64,
    pub(crate) rounds: Vec<Round>,
}

/// So many callers, each of whom asks again when it is answered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Point {
    pub(crate) callers: usize,
    pub(crate) per_s: f64,
    pub(crate) cores: Cores,
}

/// One turn each.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Round {
    pub(crate) direct: Turn,
    pub(crate) through: Turn,
}

/// What came of one turn.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Turn {
    pub(crate) answers: u64,
    /// Until the whole answer was there, from the moment when its request was due.
    pub(crate) end: Quantiles,
    /// Until its first token was there.
    pub(crate) first_token: Option<Quantiles>,
    pub(crate) cores: Cores,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Cores that each process kept busy.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cores {
    pub(crate) chatd: f64,
    pub(crate) mock: f64,
    /// This program, which sends the load.
    pub(crate) generator: f64,
}

impl Cores {
    /// All three together.
    pub(crate) fn all(self) -> f64 {
        self.chatd + self.mock + self.generator
    }
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Self { p50_ms: ms(0.5), p99_ms: ms(0.99), max_ms: ms(1.0) })
    }
}

/// What chatd adds to one quantile: that through chatd less that to the mock alone, in each round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Added {
    pub(crate) p50_ms: Spread,
    pub(crate) p99_ms: Spread,
}

impl OpenLoop {
    /// What chatd adds to what `read` takes of a turn; `None` where it takes nothing.
    pub(crate) fn added(&self, read: impl Fn(&Turn) -> Option<Quantiles>) -> Option<Added> {
        let pairs = self.rounds.iter().map(|round| Some((read(&round.direct)?, read(&round.through)?)));
        let pairs: Vec<_> = pairs.collect::<Option<_>>()?;
        let spread = |of: fn(&Quantiles) -> f64| {
            let added: Vec<f64> = pairs.iter().map(|(direct, through)| of(through) - of(direct)).collect();
            Spread::of(&added)
        };
        Some(Added { p50_ms: spread(|q| q.p50_ms)?, p99_ms: spread(|q| q.p99_ms)? })
    }

    /// The same for each part of an answer that was timed.
    pub(crate) fn parts(&self) -> Vec<(&'static str, Added)> {
        let first_token = self.added(|turn| turn.first_token).map(|added| ("the first token", added));
        let end = self.added(|turn| Some(turn.end)).map(|added| ("the end", added));
        first_token.into_iter().chain(end).collect()
    }
}

/// Measures answers of one shape with a mock and a chatd of their own.
pub(crate) fn measure(plan: &Plan, binaries: &Path, shape: Shape) -> anyhow::Result<Latency> {
    let stack = Stack::start(binaries)?;
    let mut bench = Bench { stack: &stack, requests: Requests::new(shape, plan.tokens)?, plan };
    let sweep = bench.sweep()?;
    let highest_per_s = sweep.iter().map(|point| point.per_s).fold(0.0, f64::max);
    let what = shape.name();
    say(&format!("{what}: {highest_per_s:.0}/s at most; now half of that, and less, whoever is late"));
    let half = bench.open_loop(highest_per_s / 2.0, plan.rounds)?;
    let mut beside = |part| bench.open_loop(part * highest_per_s, plan.rounds.min(ROUNDS_BESIDE));
    let slower = SLOWER.map(&mut beside).into_iter().collect::<anyhow::Result<_>>()?;
    let awake = Awake::keep().ok().map(|_awake| beside(0.5)).transpose()?;
    // One that counts what it does writes that down at its end: scripts/guided.sh.
    stack.chatd.stop().context("stop chatd")?;
    for (part, Added { p50_ms, p99_ms }) in half.parts() {
        let (p50_ms, p99_ms) = (p50_ms.show(3), p99_ms.show(3));
        say(&format!("{what}, until {part}: chatd adds {p50_ms} ms at p50, {p99_ms} ms at p99"));
    }
    Ok(Latency { shape, sweep, highest_per_s, half, slower, awake })
}

struct Bench<'a> {
    stack: &'a Stack,
    requests: Requests,
    plan: &'a Plan,
}

impl Bench<'_> {
    fn sweep(&mut self) -> anyhow::Result<Vec<Point>> {
        let address = self.stack.chatd.address();
        let duration = Duration::from_secs_f64(self.plan.sweep);
        let progress = Progress::new(CALLERS.len(), "numbers of callers");
        let mut points = Vec::new();
        for callers in CALLERS {
            progress.begin(&format!("{callers} callers"));
            self.run(address, callers, Pace::Closed, WARM_UP.min(duration))?;
            let (outcome, cores) = self.run(address, callers, Pace::Closed, duration)?;
            points.push(Point { callers, per_s: outcome.figures().per_s, cores });
            progress.end(1);
        }
        Ok(points)
    }

    /// Both have the same arrivals, and take turns in going first: what drifts on the machine meets both.
    fn open_loop(&mut self, per_s: f64, count: usize) -> anyhow::Result<OpenLoop> {
        let (direct, through) = (self.stack.mock.address(), self.stack.chatd.address());
        let (pace, duration) = (Pace::Open { per_s }, Duration::from_secs_f64(self.plan.seconds));
        for address in [direct, through] {
            self.run(address, CONNECTIONS, pace, WARM_UP.min(duration))?;
        }
        let progress = Progress::new(2 * count, "turns");
        let mut rounds = Vec::new();
        for number in 0..count {
            let mut turn = |address, what: &str| {
                progress.begin(&format!("{what}, {per_s:.0}/s"));
                let (outcome, cores) = self.run(address, CONNECTIONS, pace, duration)?;
                progress.end(1);
                Turn::of(&outcome, cores)
            };
            let round = if number % 2 == 0 {
                let direct = turn(direct, "the mock alone")?;
                Round { direct, through: turn(through, "through chatd")? }
            } else {
                let through = turn(through, "through chatd")?;
                Round { direct: turn(direct, "the mock alone")?, through }
            };
            rounds.push(round);
        }
        Ok(OpenLoop { due_per_s: per_s, rounds })
    }

    /// One load; all of its answers must be right.
    fn run(
        &mut self,
        address: SocketAddr,
        connections: usize,
        pace: Pace,
        duration: Duration,
    ) -> anyhow::Result<(Outcome, Cores)> {
        let load = Load { address, connections, pace, duration, max_requests: u64::MAX };
        let busy_s = || anyhow::Ok((cpu_s(self.stack.chatd.pid())?, cpu_s(self.stack.mock.pid())?));
        let (before, started) = (busy_s()?, Instant::now());
        let outcome = load::run(&load, &mut self.requests)?;
        let (after, wall_s) = (busy_s()?, started.elapsed().as_secs_f64());
        let cores = Cores {
            chatd: (after.0 - before.0) / wall_s,
            mock: (after.1 - before.1) / wall_s,
            generator: outcome.took.cpu_s / wall_s,
        };
        let (failed, first) = (outcome.failed, outcome.first_failure.as_deref().unwrap_or_default());
        ensure!(failed == 0, "{failed} answers were wrong; the first: {first}");
        Ok((outcome, cores))
    }
}

impl Turn {
    fn of(outcome: &Outcome, cores: Cores) -> anyhow::Result<Self> {
        let end = Quantiles::of(&outcome.latency_us).context("nothing was answered: raise --seconds")?;
        let first_token = Quantiles::of(&outcome.first_token_us);
        Ok(Self { answers: outcome.latency_us.len(), end, first_token, cores })
    }
}

impl Shape {
    /// In words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole answers",
            Self::Streamed => "streamed answers",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn turn(p50_ms: f64, p99_ms: f64) -> Turn {
        let end = Quantiles { p50_ms, p99_ms, max_ms: p99_ms };
        Turn { answers: 1, end, first_token: None, cores: Cores { chatd: 0.0, mock: 0.0, generator: 0.0 } }
    }

    /// A measurement whose rounds took so long: p50 and p99 to the mock, and through chatd.
    pub(crate) fn latency(shape: Shape, rounds: &[[f64; 4]]) -> Latency {
        let round = |[a, b, c, d]: &[f64; 4]| Round { direct: turn(*a, *b), through: turn(*c, *d) };
        let rounds = rounds.iter().map(round).collect();
        let half = OpenLoop { due_per_s: 1.0, rounds };
        Latency {
            shape,
            sweep: Vec::new(),
            highest_per_s: 2.0,
            slower: vec![half.clone()],
            awake: None,
            half,
        }
    }

    #[test]
    fn what_is_added_is_the_median_difference_of_the_rounds() {
        let latency =
            latency(Shape::Whole, &[[1.0, 2.0, 1.25, 2.5], [1.0, 9.0, 1.5, 9.75], [1.0, 3.0, 1.125, 2.0]]);
        let added = latency.half.added(|turn| Some(turn.end)).unwrap();
        assert_eq!(added.p50_ms, Spread { median: 0.25, min: 0.125, max: 0.5 });
        assert_eq!(added.p99_ms, Spread { median: 0.5, min: -1.0, max: 0.75 });
        assert_eq!(latency.half.added(|turn| turn.first_token), None);
    }

    #[test]
    fn quantiles_are_in_milliseconds() {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        assert_eq!(Quantiles::of(&histogram), None);
        (1..=100).for_each(|us| histogram.record(us * 10).unwrap());
        assert_eq!(Quantiles::of(&histogram), Some(Quantiles { p50_ms: 0.5, p99_ms: 0.99, max_ms: 1.0 }));
    }
}
