//! Records one half, asks the other.

use std::path::Path;

use anyhow::{Context, ensure};
use bench_kit::progress::{self, say};
use playbook::{Comparison, compare};
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wire::playbooks::{EvaluateRequest, JudgedQuery, Policy, Quality, RecordRequest};

use crate::stack::{CORPUS, Stack, call};
use crate::titles::{Occupation, Split, Title, Titles};

/// Recordings in one import.
const IMPORTED_AT_ONCE: usize = 1024;
/// Queries in one evaluation.
const ASKED_AT_ONCE: usize = 512;
/// How deep results are judged.
const DEPTH: usize = 10;
const RESAMPLES: usize = 2000;

/// How it is measured.
#[derive(Debug, Clone, clap::Args, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// The same seed gives the same halves, actors and mistakes.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// So many people record.
    #[arg(long, default_value_t = 200)]
    pub(crate) actors: u32,
    /// In the second run, so many of a hundred recordings name another occupation.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) wrong_percent: u32,
    /// So many of the other half are asked; all of them if 0.
    #[arg(long, default_value_t = 0)]
    pub(crate) asked: usize,
}

/// What came of one set of recordings under one policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) policy: Policy,
    pub(crate) wrong_percent: u32,
    pub(crate) recordings: usize,
    pub(crate) queries: usize,
    pub(crate) cold: Quality,
    pub(crate) warm: Quality,
    pub(crate) uplift: f64,
    pub(crate) uplift_95: [f64; 2],
    pub(crate) help_rate: f64,
    pub(crate) harm_rate: f64,
}

/// Both policies on good recordings, and on recordings some of which are wrong.
pub(crate) fn measure(titles: &Titles, plan: &Plan, binaries: &Path) -> anyhow::Result<Vec<Run>> {
    let Split { recorded, mut asked } = titles.split(plan.seed);
    asked.shuffle(&mut ChaCha8Rng::seed_from_u64(plan.seed));
    asked.truncate(if plan.asked == 0 { asked.len() } else { plan.asked });
    let runtime = tokio::runtime::Runtime::new()?;
    let mut runs = Vec::new();
    for wrong_percent in [0, plan.wrong_percent] {
        let stack = Stack::start(binaries)?;
        let recordings = recordings(&recorded, &titles.occupations, plan, wrong_percent)?;
        runtime.block_on(async {
            stack.load(&titles.occupations).await.context("load the occupations")?;
            record(&stack, &recordings).await.context("record")?;
            for policy in [Policy::Direct, Policy::Evidence] {
                let comparison = ask(&stack, &asked, policy, plan.seed).await.context("ask")?;
                let run = Run::new(policy, wrong_percent, recordings.len(), &comparison);
                say(&format!("{run:?}"));
                runs.push(run);
            }
            anyhow::Ok(())
        })?;
    }
    Ok(runs)
}

impl Run {
    fn new(policy: Policy, wrong_percent: u32, recordings: usize, comparison: &Comparison) -> Self {
        Self {
            policy,
            wrong_percent,
            recordings,
            queries: comparison.queries,
            cold: comparison.cold,
            warm: comparison.warm,
            uplift: comparison.uplift,
            uplift_95: comparison.uplift_95,
            help_rate: comparison.helped,
            harm_rate: comparison.harmed,
        }
    }
}

/// One recording for each link of a title, `wrong_percent` of a hundred of them for an occupation drawn at random.
fn recordings(
    titles: &[Title],
    occupations: &[Occupation],
    plan: &Plan,
    wrong_percent: u32,
) -> anyhow::Result<Vec<RecordRequest>> {
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut recordings = Vec::new();
    for title in titles {
        for occupation in &title.occupations {
            let is_wrong = rng.random_ratio(wrong_percent, 100);
            let random = &occupations.choose(&mut rng).context("there are no occupations")?.id;
            recordings.push(RecordRequest {
                query_text: title.text.clone(),
                corpus: CORPUS.to_owned(),
                answer_id: if is_wrong { random.clone() } else { occupation.clone() },
                score: 1.0,
                actor: Some(format!("actor {}", rng.random_range(0..plan.actors))),
                ..RecordRequest::default()
            });
        }
    }
    Ok(recordings)
}

async fn record(stack: &Stack, recordings: &[RecordRequest]) -> anyhow::Result<()> {
    let bar = progress::bar(recordings.len() as u64, "recordings");
    for batch in recordings.chunks(IMPORTED_AT_ONCE) {
        let mut lines = Vec::new();
        for recording in batch {
            serde_json::to_writer(&mut lines, recording)?;
            lines.push(b'\n');
        }
        let report = stack.peers.matrixd().import_playbooks(&call(), lines).await?;
        ensure!(report.indexed == batch.len() as u64, "{report:?}");
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn ask(stack: &Stack, titles: &[Title], policy: Policy, seed: u64) -> anyhow::Result<Comparison> {
    let bar = progress::bar(titles.len() as u64, "queries");
    let mut pairs = Vec::with_capacity(titles.len());
    for batch in titles.chunks(ASKED_AT_ONCE) {
        let judged = |title: &Title| JudgedQuery {
            query_text: title.text.clone(),
            role: None,
            relevant: title.occupations.iter().map(|occupation| (occupation.clone(), 1.0)).collect(),
        };
        let request = EvaluateRequest {
            corpus: CORPUS.to_owned(),
            judged: batch.iter().map(judged).collect(),
            depth: DEPTH,
            policy: Some(policy),
            // The interval is over all batches, and made below.
            resamples: 0,
            seed,
            each: true,
        };
        let answer = stack.peers.matrixd().evaluate(&call(), &request).await?;
        let each = answer.each.context("matrixd left out the figures of each query")?;
        pairs.extend(each.into_iter().flatten().map(|pair| (pair.cold, pair.warm)));
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    compare(&pairs, RESAMPLES, |below| rng.random_range(0..below)).context("nothing was judged")
}
