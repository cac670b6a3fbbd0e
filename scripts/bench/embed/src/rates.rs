//! Texts a second: embedd's model beside ONNX Runtime on the same file, and the static model beside embedd's.

use std::path::Path;

use anyhow::Context;
use bench_kit::progress::say;
use serde::{Deserialize, Serialize};

use crate::daemon::{Embedd, LOCAL, Place, STATIC, worker};
use crate::lanes::Plan;
use crate::peer::{Encoder, Engine};

/// Texts in a request: a search, and bulk work.
const TEXTS: [usize; 2] = [1, 256];
/// Callers of the static model at a time, and as many of embedd's own beside it.
const CALLERS: usize = 4;

/// embedd and ONNX Runtime on the same texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BesideOnnx {
    /// Of an inference, on both sides.
    pub(crate) threads: usize,
    /// In a request.
    pub(crate) texts: usize,
    /// Texts a second, by round: through HTTP.
    pub(crate) embedd_per_s: Vec<f64>,
    /// Texts a second, by round: in process.
    pub(crate) onnx_per_s: Vec<f64>,
}

/// The static model and embedd's own, both through HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BesideStatic {
    /// Texts a second, by round.
    pub(crate) local_per_s: Vec<f64>,
    /// Texts a second, by round.
    pub(crate) static_per_s: Vec<f64>,
}

/// Measures embedd beside ONNX Runtime, with one thread and with as many as there are cores; round by round in turn.
pub(crate) fn beside_onnx(place: &Place, python: &Path, plan: &Plan) -> anyhow::Result<Vec<BesideOnnx>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut cases = Vec::new();
    for threads in [cores, 1] {
        let embedd = Embedd::start(place, threads)?;
        let mut onnx = Encoder::open(python, Engine::Onnx, &place.local_model, threads)?;
        for texts in TEXTS {
            let requests = (plan.rate_texts / texts).max(1);
            let of_round = |round: usize| -> Vec<Vec<String>> {
                (0..requests)
                    .map(|n| (0..texts).map(|text| worker((round * requests + n) as u64, text)).collect())
                    .collect()
            };
            // Both have their memory and their clock by then.
            embedd.time(LOCAL, &of_round(0)[..1])?;
            onnx.time(&of_round(0)[..1])?;
            let mut case = BesideOnnx { threads, texts, embedd_per_s: Vec::new(), onnx_per_s: Vec::new() };
            for round in 1..=plan.rounds {
                let all = (requests * texts) as f64;
                case.embedd_per_s.push(all / embedd.time(LOCAL, &of_round(round))?);
                case.onnx_per_s.push(all / onnx.time(&of_round(round))?);
            }
            let last = |rates: &[f64]| rates.last().copied().context("there are no rounds");
            say(&format!(
                "{threads} threads, {texts} texts a request: embedd {:.1} texts/s, ONNX Runtime {:.1}",
                last(&case.embedd_per_s)?,
                last(&case.onnx_per_s)?
            ));
            cases.push(case);
        }
        embedd.daemon.stop()?;
    }
    Ok(cases)
}

/// Measures the static model beside embedd's own, round by round in turn.
pub(crate) fn beside_static(embedd: &Embedd, plan: &Plan) -> anyhow::Result<BesideStatic> {
    let mut rates = BesideStatic { local_per_s: Vec::new(), static_per_s: Vec::new() };
    for _ in 0..plan.rounds {
        let rate = |model| embedd.bulk_per_s(model, CALLERS, plan.bulk_texts, plan.rate_seconds);
        rates.local_per_s.push(rate(LOCAL)?);
        rates.static_per_s.push(rate(STATIC)?);
    }
    if let (Some(local), Some(of_static)) = (rates.local_per_s.last(), rates.static_per_s.last()) {
        say(&format!("bulk work: {local:.1} texts/s, static {of_static:.0}"));
    }
    Ok(rates)
}
