//! Searches to the gateway and through the front end in turns, in a closed loop.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bench_kit::load::{self, Figures, Load, Pace};
use bench_kit::progress::{Progress, say};
use bench_kit::spread::Spread;
use lakectl::corpus::Worker;
use serde::Serialize;

use crate::cli::Plan;
use crate::front_end::FrontEnd;
use crate::searches::Searches;

/// Callers at once, each of whom asks again when it is answered.
const CALLERS: [usize; 2] = [10, 50];
const WARM_UP: Duration = Duration::from_secs(1);

/// What was found for one number of callers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rates {
    pub(crate) callers: usize,
    pub(crate) rounds: Vec<Round>,
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
    #[serde(flatten)]
    pub(crate) figures: Figures,
    /// Cores that Bun kept busy.
    pub(crate) bun_cores: f64,
}

impl Rates {
    /// A figure of all rounds.
    pub(crate) fn spread(&self, read: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::of(&self.rounds.iter().map(read).collect::<Vec<_>>())
    }
}

impl Round {
    /// The part of the gateway's rate that comes through the front end, percent.
    pub(crate) fn part_percent(&self) -> f64 {
        100.0 * self.through.figures.per_s / self.direct.figures.per_s
    }
}

/// Measures each number of callers.
pub(crate) fn measure(
    plan: &Plan,
    workers: &[Worker],
    gateway: SocketAddr,
    front_end: &FrontEnd,
) -> anyhow::Result<Vec<Rates>> {
    let searches = |prefix| Searches::new(workers, plan.queries, prefix);
    let direct = Side { address: gateway, searches: searches("")? };
    let through = Side { address: front_end.address, searches: searches("/_go")? };
    let mut bench = Bench { direct, through, front_end, plan };
    bench.warm_up()?;
    CALLERS.into_iter().map(|callers| bench.rates(callers)).collect()
}

/// Who is asked what.
struct Side {
    address: SocketAddr,
    searches: Searches,
}

struct Bench<'a> {
    direct: Side,
    through: Side,
    front_end: &'a FrontEnd,
    plan: &'a Plan,
}

impl Bench<'_> {
    /// From then on matrixd has every query's vector in its cache.
    fn warm_up(&mut self) -> anyhow::Result<()> {
        let every = self.direct.searches.count() as u64;
        self.direct.ask(CALLERS[0], load::NO_LIMIT, every)?;
        self.through.ask(CALLERS[0], WARM_UP, u64::MAX).map(drop)
    }

    /// Both take turns in going first: what drifts on the machine meets both.
    fn rates(&mut self, callers: usize) -> anyhow::Result<Rates> {
        let progress = Progress::new(2 * self.plan.rounds, "turns");
        let duration = Duration::from_secs_f64(self.plan.seconds);
        let mut rounds = Vec::new();
        for number in 0..self.plan.rounds {
            let front_end = self.front_end;
            let turn = |side: &mut Side, what: &str| {
                progress.begin(&format!("{callers} callers, {what}"));
                let turn = side.turn(front_end, callers, duration);
                progress.end(1);
                turn
            };
            let (direct, through) = (&mut self.direct, &mut self.through);
            let round = if number % 2 == 0 {
                let direct = turn(direct, "at the gateway")?;
                Round { direct, through: turn(through, "through Bun")? }
            } else {
                let through = turn(through, "through Bun")?;
                Round { direct: turn(direct, "at the gateway")?, through }
            };
            rounds.push(round);
        }
        let rates = Rates { callers, rounds };
        let show =
            |read: fn(&Round) -> f64| rates.spread(read).map_or(String::new(), |spread| spread.show(0));
        let (per_s, part) = (show(|round| round.through.figures.per_s), show(Round::part_percent));
        say(&format!("{callers} callers: {per_s} searches/s through Bun, {part} % of the gateway's"));
        Ok(rates)
    }
}

impl Side {
    fn turn(&mut self, front_end: &FrontEnd, callers: usize, duration: Duration) -> anyhow::Result<Turn> {
        self.ask(callers, WARM_UP.min(duration), u64::MAX)?;
        let (busy_s, started) = (front_end.cpu_s()?, Instant::now());
        let figures = self.ask(callers, duration, u64::MAX)?;
        let bun_cores = (front_end.cpu_s()? - busy_s) / started.elapsed().as_secs_f64();
        Ok(Turn { figures, bun_cores })
    }

    /// One load; all of its answers must be right.
    fn ask(&mut self, callers: usize, duration: Duration, max_requests: u64) -> anyhow::Result<Figures> {
        let load =
            Load { address: self.address, connections: callers, pace: Pace::Closed, duration, max_requests };
        let figures = load::run(&load, &mut self.searches)?.figures();
        let (failed, first) = (figures.failed, figures.first_failure.as_deref().unwrap_or_default());
        ensure!(failed == 0, "{failed} answers were wrong; the first: {first}");
        Ok(figures)
    }
}
