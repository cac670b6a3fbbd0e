//! The record of a measurement, and its page.

use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::bar::{Bar, bar_table};
use bench_kit::machine::{Build, CpuOfOthers, Machine};
use bench_kit::progress::say;
use bench_kit::spread::Spread;
use bench_kit::table::{Table, table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::measure::{Plan, Round};

/// How much longer the slowest query of a hundred may take under full bulk load.
const MAX_SLOWDOWN: f64 = 4.0;

/// All that is needed to believe the figures or to repeat them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    date: Timestamp,
    plan: Plan,
    machine: Machine,
    build: Build,
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    rounds: Vec<Round>,
}

impl Record {
    pub(crate) fn new(
        plan: Plan,
        machine: Machine,
        build: Build,
        others: Option<CpuOfOthers>,
        rounds: Vec<Round>,
    ) -> Self {
        Self { date: Timestamp::now(), plan, machine, build, others, bars: bars(&rounds), rounds }
    }

    /// Writes `embed.json` and `embed.md` into `folder`.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (name, text) in [("embed.json", json), ("embed.md", self.to_markdown())] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            say(&format!("Written to {}.", path.display()));
        }
        Ok(())
    }

    fn to_markdown(&self) -> String {
        let Self { date, plan, machine, build, others, rounds, .. } = self;
        let busy = others.as_ref().map_or_else(
            || "unknown".to_owned(),
            |others| format!("{:.2} cores busy with other programs", others.other_processes),
        );
        format!(
            "# Searches beside bulk work, at embedd\n\n\
             Written by `bench-embed`, which `make prove-embed` runs; not edited by hand.\n\n\
             One query of some twelve tokens at a time, {} a second, each due at its time; bulk work: {} callers with requests of {} \
             texts of some 45 tokens, one after the other. No caches. {} rounds of {} s; the bar is judged by the median of the \
             rounds.\n\n{}\n{}\n{}, {} cores, {busy}; {}; commit {}\n",
            plan.queries_per_s,
            plan.bulk_callers,
            plan.bulk_texts,
            rounds.len(),
            plan.seconds,
            bar_table(&self.bars),
            round_table(rounds),
            machine.cpu,
            machine.cores,
            date.strftime("%Y-%m-%d %H:%M UTC"),
            build.git_commit.as_deref().unwrap_or("unknown"),
        )
    }
}

fn bars(rounds: &[Round]) -> Vec<Bar> {
    let slowdown: Vec<_> = rounds.iter().map(|round| round.loaded.p99_ms / round.idle.p99_ms).collect();
    let slowdown = Spread::of(&slowdown).map(|spread| spread.median);
    vec![Bar::at_most("p99 of a query under full bulk load, of its idle p99", " x", MAX_SLOWDOWN, slowdown)]
}

fn round_table(rounds: &[Round]) -> Table {
    let columns = [
        "round",
        "idle p50 ms",
        "idle p99 ms",
        "p50 ms",
        "p99 ms",
        "p99 / idle",
        "bulk texts/s",
        "beside queries",
    ];
    let row = |(number, round): (usize, &Round)| {
        [
            (number + 1).to_string(),
            format!("{:.1}", round.idle.p50_ms),
            format!("{:.1}", round.idle.p99_ms),
            format!("{:.1}", round.loaded.p50_ms),
            format!("{:.1}", round.loaded.p99_ms),
            format!("{:.2}", round.loaded.p99_ms / round.idle.p99_ms),
            format!("{:.1}", round.bulk_alone_per_s),
            format!("{:.1}", round.bulk_beside_per_s),
        ]
    };
    table(&columns, rounds.iter().enumerate().map(row), 1..=7)
}

#[cfg(test)]
mod tests {
    use bench_kit::load::Figures;

    use super::*;

    fn figures(p99_ms: f64) -> Figures {
        Figures {
            requests: 1,
            failed: 0,
            first_failure: None,
            per_s: 1.0,
            p50_ms: p99_ms / 2.0,
            p99_ms,
            max_ms: p99_ms,
            client_cores: 0.0,
        }
    }

    fn is_met(ratios: &[f64]) -> bool {
        let round = |ratio: &f64| Round {
            idle: figures(10.0),
            loaded: figures(10.0 * ratio),
            bulk_alone_per_s: 50.0,
            bulk_beside_per_s: 40.0,
        };
        bars(&ratios.iter().map(round).collect::<Vec<_>>()).iter().all(|bar| bar.is_met)
    }

    #[test]
    fn the_bar_is_judged_by_the_median_and_can_be_missed() {
        assert!(is_met(&[1.5, 3.9, 9.0]));
        assert!(!is_met(&[1.5, 4.1, 4.2]));
        assert!(!is_met(&[]));
    }
}
