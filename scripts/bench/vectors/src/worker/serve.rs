//! The side that answers, for our engine.

use std::io::{self, BufRead, Write};
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use vector_index::{Metadata, Query};

use super::{Graph, Request};
use crate::data::{Matrix, read_unit_rows};
use crate::ours::Ours;
use bench_kit::took::StopWatch;

/// Answers requests until standard input ends.
pub(crate) fn serve() -> anyhow::Result<()> {
    let mut worker = OurWorker::default();
    let mut replies = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let reply = match worker.answer(serde_json::from_str(&line?)?) {
            Ok(reply) => reply,
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        writeln!(replies, "{reply}")?;
        replies.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct OurWorker {
    base: Option<Matrix>,
    queries: Option<Matrix>,
    ours: Option<Ours>,
}

impl OurWorker {
    fn answer(&mut self, request: Request) -> anyhow::Result<Value> {
        match request {
            Request::Hello => Ok(json!({ "version": env!("CARGO_PKG_VERSION") })),
            Request::Load { base, queries, rows, query_rows } => {
                self.base = Some(read_unit_rows(&base, rows)?);
                self.queries = Some(read_unit_rows(&queries, query_rows)?);
                Ok(json!({}))
            }
            Request::Build { folder, graph } => self.build(&folder, graph),
            Request::Search { k, ef, first, count, ids } => self.search(k, ef, first..first + count, ids),
            // Written when it was built.
            Request::Save { .. } => Ok(json!({})),
            Request::Open { folder } => {
                self.ours = Some(Ours::open(&folder)?);
                Ok(json!({}))
            }
        }
    }

    fn build(&mut self, folder: &Path, graph: Graph) -> anyhow::Result<Value> {
        let base = self.base.as_ref().context("load comes before build")?;
        let ours = Ours::create(folder, base.dimension, graph)?;
        let load = ours.load(base, |_| Metadata::default())?;
        let build = ours.finish_indexing()?;
        self.ours = Some(ours);
        Ok(json!({ "load": load, "build": build }))
    }

    fn search(&self, k: usize, ef: usize, range: std::ops::Range<usize>, ids: bool) -> anyhow::Result<Value> {
        let ours = self.ours.as_ref().context("build or open comes before search")?;
        let queries = self.queries.as_ref().context("load comes before search")?;
        let mut answers = Vec::with_capacity(range.len());
        let watch = StopWatch::start();
        for query in range {
            let vector = queries.row(query as u32).to_vec();
            answers.push(ours.index.search(Query { vector, k, ef: Some(ef), ..Query::default() })?);
        }
        let took = watch.took();
        let ids = if ids { answers.iter().map(Ours::rows).collect::<Result<_, _>>()? } else { Vec::new() };
        Ok(json!({ "took": took, "ids": ids }))
    }
}
