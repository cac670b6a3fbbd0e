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

use crate::daemon::Distillation;
use crate::lanes::{Plan, Round};
use crate::quality::Quality;
use crate::rates::{BesideOnnx, BesideStatic};

/// How much longer the slowest query of a hundred may take under full bulk load.
const MAX_SLOWDOWN: f64 = 4.0;
/// embedd's bulk work, of ONNX Runtime's, with as many threads as there are cores.
const MIN_OF_ONNX: f64 = 0.95;
/// Any text's vector to that of ONNX Runtime.
const MIN_COSINE: f64 = 0.9999;
/// The static model's bulk work, of embedd's own.
const MIN_SPEEDUP: f64 = 100.0;
/// nDCG@10 of BM25 on the same queries and occupations.
const BM25: f64 = 0.319;

/// What was measured; parts that were left out are empty.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) beside_onnx: Vec<BesideOnnx>,
    pub(crate) beside_static: Option<BesideStatic>,
    pub(crate) quality: Option<Quality>,
    pub(crate) lanes: Vec<Round>,
}

/// All that is needed to believe the figures or to repeat them.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    date: Timestamp,
    plan: Plan,
    machine: Machine,
    build: Build,
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    distillation: Distillation,
    #[serde(flatten)]
    found: Found,
}

impl Record {
    pub(crate) fn new(
        plan: Plan,
        machine: Machine,
        build: Build,
        others: Option<CpuOfOthers>,
        distillation: Distillation,
        found: Found,
    ) -> Self {
        Self { date: Timestamp::now(), plan, machine, build, others, bars: bars(&found), distillation, found }
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
        let Self { date, machine, build, others, .. } = self;
        let busy = others.as_ref().map_or_else(
            || "unknown".to_owned(),
            |others| format!("{:.2} cores busy with other programs", others.other_processes),
        );
        format!(
            "# embedd's own models\n\nWritten by `bench-embed`, which `make prove-embed` runs; not edited by hand. A real embedd without \
             caches, asked over HTTP.\n\n{}\n{}{}{}{}\n{}, {} cores, {busy}; {} build; {}; commit {}\n",
            bar_table(&self.bars),
            self.onnx_section(),
            self.static_section(),
            self.agreement_section(),
            self.lanes_section(),
            machine.cpu,
            machine.cores,
            build.profile,
            date.strftime("%Y-%m-%d %H:%M UTC"),
            build.git_commit.as_deref().unwrap_or("unknown"),
        )
    }

    fn onnx_section(&self) -> String {
        if self.found.beside_onnx.is_empty() {
            return String::new();
        }
        let columns =
            ["threads", "texts a request", "embedd texts/s", "ONNX Runtime texts/s", "embedd / ONNX Runtime"];
        let row = |case: &BesideOnnx| {
            let rate = |rates: &[f64]| Spread::of(rates).map_or_else(String::new, |spread| spread.show(1));
            [
                case.threads.to_string(),
                case.texts.to_string(),
                rate(&case.embedd_per_s),
                rate(&case.onnx_per_s),
                case.ratio().map_or_else(String::new, |ratio| ratio.show(2)),
            ]
        };
        format!(
            "## Beside ONNX Runtime\n\nThe same file, the same texts of some 45 tokens, in batches cut by the same rule, tokenising and \
             pooling included; embedd over HTTP, ONNX Runtime in a Python process of its own. {} texts a measurement, in turn; median \
             (least-most) of {} rounds, ratios round by round.\n\n{}\n\n",
            self.plan.rate_texts,
            self.plan.rounds,
            table(&columns, self.found.beside_onnx.iter().map(row), 0..=4)
        )
    }

    fn static_section(&self) -> String {
        let Some(rates) = &self.found.beside_static else { return String::new() };
        let median = |rates: &[f64]| Spread::of(rates).map_or(f64::NAN, |spread| spread.median);
        let Distillation { took_s, dimension, bytes } = &self.distillation;
        format!(
            "## The static model\n\n`lakectl models distill` made it in {took_s:.0} s: {dimension} components, {:.1} MB with its tokenizer. \
             Bulk work of four callers with {} texts of some 45 tokens a request, in turn: {:.1} texts/s by the encoder, {:.0} by the static \
             model.\n\n",
            *bytes as f64 / 1e6,
            self.plan.bulk_texts,
            median(&rates.local_per_s),
            median(&rates.static_per_s)
        )
    }

    fn agreement_section(&self) -> String {
        let Some(quality) = &self.found.quality else { return String::new() };
        let agreement = quality.agreement.iter().map(|agreement| {
            [
                agreement.with.clone(),
                agreement.texts.to_string(),
                format!("{:.7}", agreement.least),
                format!("{:.7}", agreement.mean),
            ]
        });
        let bm25 = ["BM25".to_owned(), String::new(), String::new(), format!("{BM25:.3}")];
        let retrieval = quality.retrieval.iter().map(|retrieval| {
            [
                retrieval.model.clone(),
                retrieval.dimension.to_string(),
                retrieval.queries.to_string(),
                format!("{:.3}", retrieval.ndcg_at_10),
            ]
        });
        let peers: Vec<_> = quality.peers.iter().map(|(name, version)| format!("{name} {version}")).collect();
        format!(
            "## Quality\n\nCosine of all-MiniLM-L6-v2's vectors to those of the same encoder elsewhere, on titles and descriptions of \
             occupations:\n\n{}\n\nFinding an occupation of O*NET 29.1 (US Department of Labor, CC BY 4.0) by an alternate title:\n\n{}\n\n\
             Measured beside {}.\n\n",
            table(&["to that of", "texts", "least", "mean"], agreement, 1..=3),
            table(&["model", "dimension", "queries", "nDCG@10"], retrieval.chain([bm25]), 1..=3),
            peers.join(", ")
        )
    }

    fn lanes_section(&self) -> String {
        if self.found.lanes.is_empty() {
            return String::new();
        }
        let plan = &self.plan;
        format!(
            "## Searches beside bulk work\n\nOne query of some twelve tokens at a time, {} a second, each due at its time; bulk work: {} \
             callers with requests of {} texts of some 45 tokens, one after the other. {} rounds of {} s.\n\n{}\n",
            plan.queries_per_s,
            plan.bulk_callers,
            plan.bulk_texts,
            self.found.lanes.len(),
            plan.seconds,
            round_table(&self.found.lanes),
        )
    }
}

impl BesideOnnx {
    /// Round by round.
    fn ratio(&self) -> Option<Spread> {
        ratio(&self.embedd_per_s, &self.onnx_per_s)
    }
}

fn ratio(ours: &[f64], theirs: &[f64]) -> Option<Spread> {
    Spread::of(&ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect::<Vec<_>>())
}

fn bars(found: &Found) -> Vec<Bar> {
    let slowdown: Vec<_> = found.lanes.iter().map(|round| round.loaded.p99_ms / round.idle.p99_ms).collect();
    let slowdown = Spread::of(&slowdown).map(|spread| spread.median);
    // Bulk work with every core is measured first.
    let bulk = found.beside_onnx.iter().filter(|case| case.texts > 1).max_by_key(|case| case.threads);
    let of_onnx = bulk.and_then(BesideOnnx::ratio).map(|ratio| ratio.median);
    let speedup =
        found.beside_static.as_ref().and_then(|rates| ratio(&rates.static_per_s, &rates.local_per_s));
    let least =
        found.quality.as_ref().and_then(|quality| quality.agreement.first()).map(|agreement| agreement.least);
    let least_bar = Bar::at_least("least cosine to ONNX Runtime on 1,000 texts", "", MIN_COSINE, least);
    let exact = least.map_or_else(String::new, |least| format!("({least:.7})"));
    vec![
        Bar::at_least("texts/s of bulk work, of ONNX Runtime's", " x", MIN_OF_ONNX, of_onnx)
            .with_detail("(aim: 1.5 x)"),
        least_bar.with_detail(&exact),
        Bar::at_least(
            "texts/s of the static model, of the encoder's",
            " x",
            MIN_SPEEDUP,
            speedup.map(|speedup| speedup.median),
        ),
        Bar::at_most("p99 of a query under full bulk load, of its idle p99", " x", MAX_SLOWDOWN, slowdown),
    ]
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
    use crate::quality::Agreement;

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

    /// Slowdowns under load, rates beside ONNX Runtime's 100, the static model's beside 10, and a cosine.
    fn met(slowdowns: &[f64], rates: &[f64], of_static: &[f64], cosine: f64) -> Vec<bool> {
        let round = |slowdown: &f64| Round {
            idle: figures(10.0),
            loaded: figures(10.0 * slowdown),
            bulk_alone_per_s: 50.0,
            bulk_beside_per_s: 40.0,
        };
        let case = |threads, texts, rates: &[f64]| BesideOnnx {
            threads,
            texts,
            embedd_per_s: rates.to_vec(),
            onnx_per_s: vec![100.0; rates.len()],
        };
        let agreement =
            Agreement { with: "x".into(), sha256: "y".into(), texts: 1, least: cosine, mean: 1.0 };
        let found = Found {
            lanes: slowdowns.iter().map(round).collect(),
            // One text at a time and one thread do not count.
            beside_onnx: vec![case(2, 1, &[1.0]), case(2, 256, rates), case(1, 256, &[1.0])],
            beside_static: Some(BesideStatic {
                local_per_s: vec![10.0; of_static.len()],
                static_per_s: of_static.to_vec(),
            }),
            quality: Some(Quality {
                agreement: vec![agreement],
                retrieval: Vec::new(),
                peers: std::collections::BTreeMap::new(),
            }),
        };
        bars(&found).iter().map(|bar| bar.is_met).collect()
    }

    #[test]
    fn each_bar_is_judged_by_the_median_and_can_be_missed() {
        assert_eq!(met(&[1.5, 3.9, 9.0], &[94.0, 96.0, 97.0], &[900.0, 1001.0, 2000.0], 0.9999), [true; 4]);
        assert_eq!(met(&[1.5, 4.1, 4.2], &[94.0, 94.9, 97.0], &[900.0, 999.0, 2000.0], 0.99989), [false; 4]);
        assert_eq!(bars(&Found::default()).iter().map(|bar| bar.is_met).collect::<Vec<_>>(), [false; 4]);
    }
}
