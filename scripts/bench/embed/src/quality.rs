//! How good vectors are: beside those of ONNX Runtime and of the fp32 weights, and for finding an occupation by another title.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use bench_kit::beir::{self, Judgement};
use bench_kit::progress::say;
use serde::{Deserialize, Serialize};

use crate::daemon::{Embedd, LOCAL, Place, STATIC};
use crate::peer::{Encoder, Engine};

/// Texts whose vectors are compared: titles and descriptions, half and half.
const COMPARED: usize = 1000;
/// Titles that are asked.
const QUERIES: usize = 5000;
/// Occupations that count of those found.
const K: usize = 10;

/// Cosines of embedd's vectors to those of another runtime.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Agreement {
    /// With what.
    pub(crate) with: String,
    /// SHA-256 of its weights.
    pub(crate) sha256: String,
    pub(crate) texts: usize,
    pub(crate) least: f64,
    pub(crate) mean: f64,
}

/// Of a model, on the test of alternate titles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Retrieval {
    pub(crate) model: String,
    pub(crate) dimension: usize,
    pub(crate) queries: usize,
    pub(crate) ndcg_at_10: f64,
}

/// All of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Quality {
    pub(crate) agreement: Vec<Agreement>,
    pub(crate) retrieval: Vec<Retrieval>,
    /// Versions of the packages beside which it was measured.
    pub(crate) peers: BTreeMap<String, String>,
}

/// Where the test of alternate titles is, under the folder of evaluation data; `None`, said aloud, where it is not.
pub(crate) fn titles() -> Option<PathBuf> {
    let folder = std::env::var_os("LAKEHOUSE_EVAL_DATA").map(PathBuf::from);
    let titles = folder
        .map(|folder| folder.join("onet_29_1/beir_alttitle_to_occupation"))
        .filter(|folder| folder.is_dir());
    if titles.is_none() {
        say("Quality is skipped: LAKEHOUSE_EVAL_DATA names no folder with onet_29_1.");
    }
    titles
}

/// Measures it on the titles in `folder`.
pub(crate) fn measure(
    embedd: &Embedd,
    place: &Place,
    python: &Path,
    folder: &Path,
) -> anyhow::Result<Quality> {
    let test = Test::read(folder)?;
    let texts: Vec<String> = test.compared();
    let ours = embedd.vectors(LOCAL, &texts)?;
    let (mut agreement, mut peers) = (Vec::new(), BTreeMap::new());
    for (engine, with) in
        [(Engine::Onnx, "ONNX Runtime, the same file"), (Engine::Fp32, "the fp32 weights, in numpy")]
    {
        let mut encoder = Encoder::open(python, engine, &place.local_model, 0)?;
        let theirs = encoder.vectors(&texts)?;
        ensure!(theirs.len() == ours.len(), "{with}: {} vectors for {} texts", theirs.len(), ours.len());
        let cosines: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| dot(a, b)).collect();
        let least = cosines.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        say(&format!("cosine to {with}: {least:.6} at least, {mean:.6} in the mean"));
        peers.extend(std::mem::take(&mut encoder.versions));
        agreement.push(Agreement {
            with: with.to_owned(),
            sha256: encoder.sha256.clone(),
            texts: texts.len(),
            least,
            mean,
        });
    }
    let retrieval =
        [LOCAL, STATIC].map(|model| test.ask(embedd, model)).into_iter().collect::<anyhow::Result<_>>()?;
    Ok(Quality { agreement, retrieval, peers })
}

/// Of unit vectors, the cosine.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Occupations, and titles by which they are to be found, as the BEIR benchmark has them: `corpus.jsonl`, `queries.jsonl`,
/// `qrels/test.tsv`.
struct Test {
    occupations: Vec<String>,
    titles: Vec<Title>,
}

struct Title {
    text: String,
    /// The grades of the occupations that are right, by their place in the list.
    right: BTreeMap<usize, f64>,
}

impl Test {
    fn read(folder: &Path) -> anyhow::Result<Self> {
        let occupations = beir::documents(folder)?;
        let places: BTreeMap<&str, usize> =
            occupations.iter().enumerate().map(|(place, line)| (line.id.as_str(), place)).collect();
        let mut judged = BTreeMap::<String, BTreeMap<usize, f64>>::new();
        for Judgement { query, document, grade } in beir::judgements(folder)? {
            let place = *places
                .get(document.as_str())
                .with_context(|| format!("qrels: no occupation is {document}"))?;
            judged.entry(query).or_default().insert(place, grade);
        }
        let titles = beir::queries(folder)?.into_iter().take(QUERIES).filter_map(|line| {
            let right = judged.remove(&line.id)?;
            Some(Title { text: line.text, right })
        });
        let titles: Vec<_> = titles.collect();
        ensure!(!titles.is_empty(), "there are no titles");
        let occupations = occupations.into_iter().map(|line| format!("{}. {}", line.title, line.text));
        Ok(Self { occupations: occupations.collect(), titles })
    }

    fn compared(&self) -> Vec<String> {
        let half = COMPARED / 2;
        let titles = self.titles.iter().map(|title| title.text.clone()).take(half);
        titles.chain(self.occupations.iter().take(half).cloned()).collect()
    }

    fn ask(&self, embedd: &Embedd, model: &str) -> anyhow::Result<Retrieval> {
        let occupations = embedd.vectors(model, &self.occupations)?;
        let asked: Vec<_> = self.titles.iter().map(|title| title.text.clone()).collect();
        let asked = embedd.vectors(model, &asked)?;
        let sum: f64 = asked
            .iter()
            .zip(&self.titles)
            .map(|(query, title)| title.ndcg(&nearest(query, &occupations)))
            .sum();
        let ndcg_at_10 = sum / self.titles.len() as f64;
        say(&format!("{model}: nDCG@10 {ndcg_at_10:.4}"));
        let dimension = occupations.first().map_or(0, Vec::len);
        Ok(Retrieval { model: model.to_owned(), dimension, queries: self.titles.len(), ndcg_at_10 })
    }
}

impl Title {
    /// Järvelin and Kekäläinen (2002), as BEIR has it: a grade counts by the logarithm of the place, of the best that is possible.
    fn ndcg(&self, found: &[usize]) -> f64 {
        let gain = |grades: &mut dyn Iterator<Item = f64>| -> f64 {
            grades.take(K).enumerate().map(|(place, grade)| grade / (place as f64 + 2.0).log2()).sum()
        };
        let mut best: Vec<f64> = self.right.values().copied().collect();
        best.sort_by(|a, b| b.total_cmp(a));
        let grades = found.iter().map(|place| self.right.get(place).copied().unwrap_or(0.0));
        gain(&mut { grades }) / gain(&mut best.into_iter())
    }
}

/// The places of the nearest, nearest first.
fn nearest(query: &[f32], all: &[Vec<f32>]) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> =
        all.iter().enumerate().map(|(place, one)| (dot(query, one), place)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    scored.into_iter().take(K).map(|(_, place)| place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndcg_is_one_for_the_best_order_and_less_for_any_other() {
        let title = Title { text: String::new(), right: BTreeMap::from([(3, 2.0), (7, 1.0)]) };
        assert_eq!(title.ndcg(&[3, 7, 1]), 1.0);
        // 1 / log2(2) + 2 / log2(3), of 2 / log2(2) + 1 / log2(3).
        assert!((title.ndcg(&[7, 3]) - 0.859_719).abs() < 1e-6, "{}", title.ndcg(&[7, 3]));
        assert_eq!(title.ndcg(&[1, 2]), 0.0);
    }

    #[test]
    fn nearest_come_first_and_of_equals_the_one_that_stands_first() {
        let all = [vec![0.0, 1.0], vec![1.0, 0.0], vec![0.6, 0.8], vec![1.0, 0.0]];
        assert_eq!(nearest(&[1.0, 0.0], &all), [1, 3, 2, 0]);
    }
}
