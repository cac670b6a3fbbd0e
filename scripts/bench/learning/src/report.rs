//! The record of a measurement, and its page.

use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::bar::{Bar, bar_table};
use bench_kit::machine::{Build, CpuOfOthers, Machine};
use bench_kit::progress::say;
use bench_kit::table::{Table, table};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::playbooks::Policy;

use crate::measure::{Plan, Run};

/// The most queries of a hundred that policy `evidence` may make worse.
const MAX_HARM_PERCENT: f64 = 2.0;
/// Less gained than this is nothing gained.
const MIN_UPLIFT: f64 = 0.001;
/// The part of the uplift of policy `direct` that `evidence` keeps.
const MIN_KEPT: f64 = 0.5;

/// All that is needed to believe the figures or to repeat them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    date: Timestamp,
    plan: Plan,
    machine: Machine,
    build: Build,
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    runs: Vec<Run>,
}

impl Record {
    pub(crate) fn new(
        plan: Plan,
        machine: Machine,
        build: Build,
        others: Option<CpuOfOthers>,
        runs: Vec<Run>,
    ) -> Self {
        Self { date: Timestamp::now(), plan, machine, build, others, bars: bars(&runs), runs }
    }

    /// Writes `learning.json` and `learning.md` into `folder`.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (name, text) in [("learning.json", json), ("learning.md", self.to_markdown())] {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
            say(&format!("Written to {}.", path.display()));
        }
        Ok(())
    }

    fn to_markdown(&self) -> String {
        let Self { date, plan, machine, build, runs, .. } = self;
        let queries = runs.first().map_or(0, |run| run.queries);
        format!(
            "# The learning loop, measured\n\n\
             Written by `bench-learning`, which `make prove-learning` runs; not edited by hand.\n\n\
             Alternate titles of O*NET 29.1 (US Department of Labor, CC BY 4.0): half of each occupation's titles recorded as \
             playbooks by {} actors, {queries} of the other half asked of the real daemons, without playbooks (cold) and with \
             them (warm), and judged by nDCG@10. A query is harmed whose nDCG fell. The interval is a paired bootstrap over the \
             queries. In the second run {} of a hundred recordings name an occupation drawn at random.\n\n{}\n{}\n\
             {}, {} cores, {}; commit {}; seed {}\n",
            plan.actors,
            plan.wrong_percent,
            bar_table(&self.bars),
            run_table(runs),
            machine.cpu,
            machine.cores,
            date.strftime("%Y-%m-%d %H:%M UTC"),
            build.git_commit.as_deref().unwrap_or("unknown"),
            plan.seed,
        )
    }
}

fn bars(runs: &[Run]) -> Vec<Bar> {
    let find = |policy: Policy, is_wrong: bool| {
        runs.iter().find(|run| run.policy == policy && (run.wrong_percent > 0) == is_wrong)
    };
    let low = |run: Option<&Run>| run.map(|run| run.uplift_95[0]);
    let (direct, evidence) = (find(Policy::Direct, false), find(Policy::Evidence, false));
    let kept = direct.zip(evidence).map(|(direct, evidence)| evidence.uplift / direct.uplift);
    vec![
        Bar::at_least("uplift of `direct`, low end of the 95% interval", " nDCG", MIN_UPLIFT, low(direct)),
        Bar::at_most(
            "queries that `evidence` harms",
            " %",
            MAX_HARM_PERCENT,
            evidence.map(|run| run.harm_rate * 100.0),
        ),
        Bar::at_least("uplift of `evidence`, of that of `direct`", " x", MIN_KEPT, kept),
        Bar::at_least(
            "uplift of `evidence` with wrong recordings, low end of the 95% interval",
            " nDCG",
            MIN_UPLIFT,
            low(find(Policy::Evidence, true)),
        ),
    ]
}

fn run_table(runs: &[Run]) -> Table {
    let columns = [
        "recordings",
        "policy",
        "nDCG cold",
        "nDCG warm",
        "uplift",
        "95% interval",
        "MRR",
        "recall",
        "helped %",
        "harmed %",
    ];
    let row = |run: &Run| {
        let recordings = match run.wrong_percent {
            0 => format!("{}, good", run.recordings),
            percent => format!("{}, {percent}% wrong", run.recordings),
        };
        let [low, high] = run.uplift_95;
        [
            recordings,
            format!("{:?}", run.policy).to_lowercase(),
            format!("{:.4}", run.cold.ndcg),
            format!("{:.4}", run.warm.ndcg),
            format!("{:+.4}", run.uplift),
            format!("{low:+.4} to {high:+.4}"),
            format!("{:.4}, {:.4}", run.cold.reciprocal_rank, run.warm.reciprocal_rank),
            format!("{:.4}, {:.4}", run.cold.recall, run.warm.recall),
            format!("{:.2}", run.help_rate * 100.0),
            format!("{:.2}", run.harm_rate * 100.0),
        ]
    };
    table(&columns, runs.iter().map(row), 2..=9)
}

#[cfg(test)]
mod tests {
    use wire::playbooks::Quality;

    use super::*;

    fn run(policy: Policy, wrong_percent: u32, uplift: f64, harm_rate: f64) -> Run {
        Run {
            policy,
            wrong_percent,
            recordings: 10,
            queries: 10,
            cold: Quality::default(),
            warm: Quality::default(),
            uplift,
            uplift_95: [uplift - 0.01, uplift + 0.01],
            help_rate: 0.2,
            harm_rate,
        }
    }

    fn verdicts(runs: &[Run]) -> Vec<bool> {
        bars(runs).iter().map(|bar| bar.is_met).collect()
    }

    #[test]
    fn each_bar_can_be_missed() {
        let good = [
            run(Policy::Direct, 0, 0.12, 0.06),
            run(Policy::Evidence, 0, 0.07, 0.019),
            run(Policy::Direct, 30, 0.1, 0.1),
            run(Policy::Evidence, 30, 0.04, 0.02),
        ];
        assert_eq!(verdicts(&good), [true; 4]);
        let bad = [
            run(Policy::Direct, 0, 0.005, 0.06),
            run(Policy::Evidence, 0, 0.002, 0.021),
            run(Policy::Evidence, 30, -0.02, 0.02),
        ];
        assert_eq!(verdicts(&bad), [false; 4]);
        assert_eq!(verdicts(&[]), [false; 4]);
    }
}
