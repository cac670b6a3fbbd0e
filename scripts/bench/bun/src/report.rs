//! The record of a measurement and its page.

use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::bar::{Bar, bar_table};
use bench_kit::machine::{Build, CpuOfOthers, Machine};
use bench_kit::procfs::Memory;
use bench_kit::progress::say;
use bench_kit::table::{Table, megabytes, table};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Plan;
use crate::rates::{Rates, Round, Turn};

/// The least part of the gateway's rate, percent.
const MIN_PART_PERCENT: f64 = 50.0;
/// The least rate; the predecessor came to 484.
const MIN_PER_S: f64 = 1400.0;

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    /// Bun's version.
    pub(crate) bun: String,
    /// Bun's, at the end.
    pub(crate) memory: Memory,
    pub(crate) rates: Vec<Rates>,
}

/// All that is needed to believe the figures or to repeat them.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    date: Timestamp,
    plan: Plan,
    machine: Machine,
    build: Build,
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    #[serde(flatten)]
    measured: Measured,
}

impl Record {
    pub(crate) fn new(
        plan: Plan,
        machine: Machine,
        build: Build,
        others: Option<CpuOfOthers>,
        measured: Measured,
    ) -> Self {
        let bars = measured.rates.iter().flat_map(bars).collect();
        Self { date: Timestamp::now(), plan, machine, build, others, bars, measured }
    }

    /// Writes `bun.json` and `bun.md` into `folder`.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (name, text) in [("bun.json", json), ("bun.md", self.to_markdown())] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            say(&format!("Written to {}.", path.display()));
        }
        Ok(())
    }

    fn to_markdown(&self) -> String {
        let Self { date, plan, machine, build, others, measured, .. } = self;
        let busy = others.as_ref().map_or_else(
            || "unknown".to_owned(),
            |others| format!("{:.2} of its time taken by other programs", others.other_processes),
        );
        format!(
            "# Searches through the Bun front end\n\n\
             Written by `bench-bun`, which `make prove-bun` runs; not edited by hand.\n\n{}\n\
             `POST /v1/matrix/search` at the gateway, and `POST /_go/v1/matrix/search` through Bun {}: {} queries, all of them asked before, \
             among {} workers, ten results each. Closed loop: each caller asks again when it is answered; every answer is checked. \
             {} rounds, in each {} s to the gateway and {} s through Bun, each first in every other round; the part is that of a round, and \
             the median of the rounds is judged. Daemons, Bun and the load generator share the {} cores. The predecessor, on another \
             machine: 2,772 a second at its gateway (p50 2.5 ms, p99 8.5 ms), 484 through Bun (p50 4.6 ms, p99 92 ms).\n\n\
             Medians of the rounds, and their ends:\n\n{}\n\n\
             Bun held {} MB at the end, {} MB at most.\n\n\
             {}, {} cores, {busy}; {} build; {}; commit {}{}\n",
            bar_table(&self.bars),
            measured.bun,
            plan.queries,
            plan.workers,
            plan.rounds,
            plan.seconds,
            plan.seconds,
            machine.cores,
            rate_table(&measured.rates),
            megabytes(measured.memory.total_bytes()),
            megabytes(measured.memory.peak_bytes),
            machine.cpu,
            machine.cores,
            build.profile,
            date.strftime("%Y-%m-%d %H:%M UTC"),
            build.git_commit.as_deref().unwrap_or("unknown"),
            if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" },
        )
    }
}

fn bars(rates: &Rates) -> [Bar; 2] {
    let bar = |what: &str, unit, bound, read: fn(&Round) -> f64| {
        let (what, spread) = (format!("{} callers: {what}", rates.callers), rates.spread(read));
        let bar = Bar::at_least(what, unit, bound, spread.map(|spread| spread.median));
        spread.map_or(bar.clone(), |spread| {
            bar.with_detail(&format!("({:.0} to {:.0})", spread.min, spread.max))
        })
    };
    [
        bar("part of the gateway's rate", " %", MIN_PART_PERCENT, Round::part_percent),
        bar("searches through Bun", "/s", MIN_PER_S, |round| round.through.figures.per_s),
    ]
}

fn rate_table(rates: &[Rates]) -> Table {
    let row = |rates: &Rates, way: &str, side: fn(&Round) -> &Turn| {
        let show = |decimals, read: fn(&Turn) -> f64| {
            rates.spread(|round| read(side(round))).map_or(String::new(), |spread| spread.show(decimals))
        };
        [
            rates.callers.to_string(),
            way.to_owned(),
            show(0, |turn| turn.figures.per_s),
            show(2, |turn| turn.figures.p50_ms),
            show(2, |turn| turn.figures.p99_ms),
            show(2, |turn| turn.bun_cores),
            show(2, |turn| turn.figures.client_cores),
        ]
    };
    let rows = rates.iter().flat_map(|rates| {
        [row(rates, "gateway", |round| &round.direct), row(rates, "through Bun", |round| &round.through)]
    });
    let header = ["callers", "way", "per s", "p50 ms", "p99 ms", "cores of Bun", "of the generator"];
    table(&header, rows, 2..=6)
}

#[cfg(test)]
mod tests {
    use bench_kit::load::Figures;

    use super::*;

    fn turn(per_s: f64) -> Turn {
        let figures = Figures {
            requests: 1,
            failed: 0,
            first_failure: None,
            per_s,
            p50_ms: 1.0,
            p99_ms: 2.0,
            max_ms: 3.0,
            client_cores: 0.1,
        };
        Turn { figures, bun_cores: 0.5 }
    }

    /// Which bars are met by rounds with these rates, at the gateway and through Bun.
    fn met(rounds: &[[f64; 2]]) -> [bool; 2] {
        let round = |[direct, through]: &[f64; 2]| Round { direct: turn(*direct), through: turn(*through) };
        bars(&Rates { callers: 10, rounds: rounds.iter().map(round).collect() }).map(|bar| bar.is_met)
    }

    #[test]
    fn median_of_the_rounds_is_held_to_both_bars() {
        assert_eq!(met(&[[2800.0, 1400.0]]), [true, true]);
        assert_eq!(met(&[[2802.0, 1400.0]]), [false, true]);
        assert_eq!(met(&[[2000.0, 1399.0]]), [true, false]);
        assert_eq!(met(&[[4000.0, 2500.0], [4000.0, 100.0], [4000.0, 2400.0]]), [true, true]);
        assert_eq!(met(&[]), [false, false]);
    }
}
