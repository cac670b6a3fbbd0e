//! Takes turns: each round asks every engine each query once, so that what changes with time falls on all alike.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use bench_kit::progress::Progress;
use bench_kit::spread::Spread;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::engines::{Engine, InProcess, Running, Setting};
use crate::queries::Query;
use crate::stack::{Means, Stack};

/// What is known of one query.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) query: String,
    /// By engine, seconds, with footers and pages in memory.
    pub(crate) hot: BTreeMap<Engine, Spread>,
    /// By engine, seconds, with the engine just begun and the tables' files out of the page cache.
    pub(crate) cold: BTreeMap<Engine, Spread>,
    pub(crate) answers: BTreeMap<Engine, Answer>,
}

impl Figures {
    /// Whether all engines answered alike.
    pub(crate) fn is_agreed(&self) -> bool {
        let mut answers = self.answers.values();
        let first = answers.next();
        answers.all(|answer| Some(answer) == first)
    }
}

/// The engines by name, and the version of each.
#[derive(Debug)]
pub(crate) struct Contest<'a> {
    pub(crate) stack: &'a mut Stack,
    pub(crate) engines: Vec<(Engine, Running)>,
    pub(crate) means: Means,
    pub(crate) scratch: &'a Path,
}

impl Contest<'_> {
    /// Figures of each query: `rounds` hot and `cold_rounds` cold ones.
    pub(crate) async fn run(
        &mut self,
        queries: &[Query],
        rounds: usize,
        cold_rounds: usize,
    ) -> anyhow::Result<Vec<Figures>> {
        let steps = queries.len() * self.engines.len() * (1 + rounds + cold_rounds);
        let progress = Progress::new(steps, "runs");
        let mut figures = Vec::new();
        for query in queries {
            let mut answers = BTreeMap::new();
            for (name, engine) in &mut self.engines {
                progress.begin(&format!("{} answers {}", name.as_str(), query.name()));
                let answer = engine.answer(query.sql, self.scratch).await;
                answers
                    .insert(*name, answer.with_context(|| format!("{}, {}", name.as_str(), query.name()))?);
                progress.end(1);
            }
            let hot = self.rounds(*query, rounds, false, &progress).await?;
            let cold = self.rounds(*query, cold_rounds, true, &progress).await?;
            figures.push(Figures { query: query.name(), hot, cold, answers });
        }
        Ok(figures)
    }

    async fn rounds(
        &mut self,
        query: Query,
        rounds: usize,
        is_cold: bool,
        progress: &Progress,
    ) -> anyhow::Result<BTreeMap<Engine, Spread>> {
        let mut taken: BTreeMap<Engine, Vec<f64>> = BTreeMap::new();
        for round in 0..rounds {
            for turn in 0..self.engines.len() {
                let turn = (turn + round) % self.engines.len();
                let (name, engine) = &mut self.engines[turn];
                progress.begin(&format!("{}, {}", name.as_str(), query.name()));
                if is_cold {
                    engine.chill(self.stack, self.means)?;
                }
                taken.entry(*name).or_default().push(engine.time(query.sql).await?);
                progress.end(1);
            }
            if is_cold {
                self.reconnect()?;
            }
        }
        Ok(taken.into_iter().filter_map(|(name, taken)| Some((name, Spread::of(&taken)?))).collect())
    }

    /// Connections to the queryd that has been stopped are of no use.
    fn reconnect(&mut self) -> anyhow::Result<()> {
        for (_, engine) in &mut self.engines {
            if let Running::Served(queryd) = engine {
                *queryd = crate::engines::Served::connect(self.stack, queryd.form)?;
            }
        }
        Ok(())
    }
}

/// One setting beside our own ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) query: String,
    pub(crate) ours: Spread,
    pub(crate) changed: Spread,
}

/// Times each query with our settings and with `changed` ones, in turns.
pub(crate) async fn try_settings(
    stack: &Stack,
    means: Means,
    changed: &[Setting],
    queries: &[Query],
    rounds: usize,
) -> anyhow::Result<Vec<Trial>> {
    let engines = [InProcess::open(stack, means, &[])?, InProcess::open(stack, means, changed)?];
    let progress = Progress::new(queries.len() * (rounds + 1) * 2, "runs");
    let mut trials = Vec::new();
    for query in queries {
        let mut taken = [Vec::new(), Vec::new()];
        for round in 0..=rounds {
            for turn in [round % 2, (round + 1) % 2] {
                progress.begin(&query.name());
                let (wall_s, _) = engines[turn].query(query.sql).await?;
                // The first round reads footers and pages.
                if round > 0 {
                    taken[turn].push(wall_s);
                }
                progress.end(1);
            }
        }
        let [ours, changed] = taken.map(|taken| Spread::of(&taken));
        let (ours, changed) = ours.zip(changed).context("at least one round")?;
        trials.push(Trial { query: query.name(), ours, changed });
    }
    Ok(trials)
}
