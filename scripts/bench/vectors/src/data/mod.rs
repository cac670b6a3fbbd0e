//! The vectors that everything is measured with, and who is nearest to whom among them.

mod exact;

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::npy;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub(crate) use exact::{Judge, nearest};

/// How many results every search asks for.
pub(crate) const K: usize = 10;

/// A set of real vectors in the folder of evaluation data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Name {
    /// 100,000 worker texts, embedded: 384 numbers each, in dense clusters of near-duplicates.
    Workers,
    /// 100,000 English words (GloVe): 100 numbers each.
    Wink,
}

impl Name {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Wink => "wink",
        }
    }

    /// Base vectors, queries, nearest neighbours.
    fn files(self) -> [&'static str; 3] {
        match self {
            Self::Workers => {
                ["base_100k_384d_f16.npy", "query_2k_384d_f16.npy", "groundtruth_cosine_top100_i32.npy"]
            }
            Self::Wink => {
                ["base_100k_100d_f16.npy", "query_1k_100d_f16.npy", "groundtruth_cosine_top100_i32.npy"]
            }
        }
    }
}

/// Where a set is, and how much of it is used.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: Name,
    pub(crate) base: PathBuf,
    pub(crate) queries: PathBuf,
    truth: PathBuf,
    /// At most so many base vectors, the first ones.
    pub(crate) max_rows: usize,
    /// At most so many queries, the first ones.
    pub(crate) max_queries: usize,
}

/// What `--quick` leaves of a set.
const QUICK_ROWS: usize = 10_000;
const QUICK_QUERIES: usize = 200;

impl Source {
    /// The set `name` in the evaluation data under `root`, or a slice of it.
    pub(crate) fn new(root: &Path, name: Name, is_quick: bool) -> Self {
        let [base, queries, truth] =
            name.files().map(|file| root.join(format!("vectors_{}", name.as_str())).join(file));
        let (max_rows, max_queries) =
            if is_quick { (QUICK_ROWS, QUICK_QUERIES) } else { (usize::MAX, usize::MAX) };
        Self { name, base, queries, truth, max_rows, max_queries }
    }

    /// Reads the vectors and their nearest neighbours; computes the latter for a slice, where those in the file are wrong.
    pub(crate) fn load(&self) -> anyhow::Result<Dataset> {
        let (base, queries) = (self.base()?, self.queries()?);
        let truth = if self.max_rows == usize::MAX {
            let truth = npy::read_i32(&self.truth, self.max_queries)?;
            truth.values.chunks_exact(truth.columns).map(|row| row[..K].to_vec()).collect()
        } else {
            queries.rows().map(|query| nearest(&base, query, K, 0..base.len() as u32)).collect()
        };
        Ok(Dataset { base, queries, truth })
    }

    /// The base vectors alone.
    pub(crate) fn base(&self) -> anyhow::Result<Matrix> {
        read_unit_rows(&self.base, self.max_rows)
    }

    /// The queries alone.
    pub(crate) fn queries(&self) -> anyhow::Result<Matrix> {
        read_unit_rows(&self.queries, self.max_queries)
    }
}

/// Reads at most `max_rows` vectors of f16; they are normalised after widening.
pub(crate) fn read_unit_rows(path: &Path, max_rows: usize) -> anyhow::Result<Matrix> {
    let rows = npy::read_f16(path, max_rows)
        .context("the evaluation data are missing: give their folder with --data or LAKEHOUSE_EVAL_DATA")?;
    let mut matrix = Matrix { dimension: rows.columns, values: rows.values };
    for row in matrix.values.chunks_exact_mut(matrix.dimension) {
        normalise(row);
    }
    Ok(matrix)
}

/// Gives `vector` the length 1.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
}

/// Vectors of unit length and, for each query, its [`K`] nearest.
#[derive(Debug)]
pub(crate) struct Dataset {
    pub(crate) base: Matrix,
    pub(crate) queries: Matrix,
    /// By query, nearest first.
    pub(crate) truth: Vec<Vec<u32>>,
}

/// Vectors, one after the other.
#[derive(Debug)]
pub(crate) struct Matrix {
    pub(crate) dimension: usize,
    /// `[len, dimension]`.
    pub(crate) values: Vec<f32>,
}

impl Matrix {
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dimension
    }

    pub(crate) fn row(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.dimension..][..self.dimension]
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.dimension)
    }
}
