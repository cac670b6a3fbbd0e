//! hnswlib in process, as the measure of the machine: figures over HTTP are scaled by it.

use bench_kit::progress::say;

use super::RECALL;
use crate::data::{Dataset, Judge, Source};
use crate::stats::rate_at_recall;
use crate::tools::Tools;
use crate::worker::{Engine, Graph, Worker};

/// Settings around [`RECALL`].
const EFS: [usize; 5] = [32, 48, 64, 96, 128];
/// Of each setting, the fastest of so many counts.
const ROUNDS: usize = 3;

/// hnswlib with an index of the same vectors, idle while something else is measured.
pub(crate) struct Yardstick {
    worker: Worker,
    recalls: Vec<f64>,
    queries: usize,
}

impl Yardstick {
    /// Builds the index.
    pub(crate) fn new(source: &Source, dataset: &Dataset, tools: &Tools) -> anyhow::Result<Self> {
        say("Building hnswlib's index, by which the machine is measured.");
        let mut worker = Worker::start(Engine::Hnswlib, &tools.python)?;
        worker.load(source)?;
        worker.build(tools.scratch()?.path(), Graph { threads: 2, ..Graph::PEERS })?;
        let (judge, queries) = (Judge::new(dataset), dataset.queries.len());
        let recalls = EFS.map(|ef| Ok(judge.recall(&worker.answer(ef, queries)?.ids)));
        let recalls = recalls.into_iter().collect::<anyhow::Result<_>>()?;
        Ok(Self { worker, recalls, queries })
    }

    /// Its queries a second at [`RECALL`] now, one thread.
    pub(crate) fn rate(&mut self) -> anyhow::Result<Option<f64>> {
        let mut points = Vec::new();
        for (ef, recall) in EFS.iter().zip(&self.recalls) {
            let mut best_s = f64::INFINITY;
            for _ in 0..ROUNDS {
                best_s = best_s.min(self.worker.time(*ef, self.queries)?.wall_s);
            }
            points.push((*recall, self.queries as f64 / best_s));
        }
        Ok(rate_at_recall(&points, RECALL))
    }
}
