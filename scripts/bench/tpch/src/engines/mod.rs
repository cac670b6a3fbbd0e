//! The engines that are compared, and how each is asked.

mod in_process;
mod peer;
mod served;

use std::fs::File;
use std::path::Path;

use anyhow::Context;
use rustix::fs::{Advice, fadvise};
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::stack::{Means, Stack};

pub(crate) use in_process::{InProcess, Setting};
pub(crate) use peer::Peer;
pub(crate) use served::{Form, Served};

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Engine {
    /// DuckDB's Python package.
    Duckdb,
    /// DataFusion's Python package, with its own defaults.
    Datafusion,
    /// `query-engine` in this process: DataFusion as queryd sets it up.
    InProcess,
    /// queryd over HTTP, answering Arrow.
    QuerydArrow,
    /// queryd over HTTP, answering JSON.
    QuerydJson,
}

impl Engine {
    pub(crate) const ALL: [Self; 5] =
        [Self::Duckdb, Self::Datafusion, Self::InProcess, Self::QuerydArrow, Self::QuerydJson];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Duckdb => "DuckDB",
            Self::Datafusion => "DataFusion",
            Self::InProcess => "in process",
            Self::QuerydArrow => "queryd, Arrow",
            Self::QuerydJson => "queryd, JSON",
        }
    }
}

/// One of them, running.
#[derive(Debug)]
pub(crate) enum Running {
    Peer(Peer),
    InProcess(Box<InProcess>),
    Served(Served),
}

impl Running {
    pub(crate) fn start(engine: Engine, stack: &Stack, python: &Path, means: Means) -> anyhow::Result<Self> {
        Ok(match engine {
            Engine::Duckdb => Self::Peer(Peer::start("duckdb", python, stack, means)?),
            Engine::Datafusion => Self::Peer(Peer::start("datafusion", python, stack, means)?),
            Engine::InProcess => Self::InProcess(Box::new(InProcess::open(stack, means, &[])?)),
            Engine::QuerydArrow => Self::Served(Served::connect(stack, Form::Arrow)?),
            Engine::QuerydJson => Self::Served(Served::connect(stack, Form::Json)?),
        })
    }

    /// What the report says of it.
    pub(crate) fn version(&self) -> String {
        match self {
            Self::Peer(peer) => peer.version().to_owned(),
            Self::InProcess(_) | Self::Served(_) => env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Runs a query and returns the seconds that it took.
    pub(crate) async fn time(&mut self, sql: &str) -> anyhow::Result<f64> {
        match self {
            Self::Peer(peer) => peer.query(sql, None),
            Self::InProcess(engine) => Ok(engine.query(sql).await?.0),
            Self::Served(queryd) => Ok(queryd.query(sql)?.0),
        }
    }

    /// Runs a query and returns what it answers.
    pub(crate) async fn answer(&mut self, sql: &str, scratch: &Path) -> anyhow::Result<Answer> {
        match self {
            Self::Peer(peer) => {
                let file = scratch.join("result.arrow");
                peer.query(sql, Some(&file))?;
                Answer::of_arrow_file(&file)
            }
            Self::InProcess(engine) => Answer::of_batches(&engine.query(sql).await?.1),
            Self::Served(queryd) => queryd.answer(sql),
        }
    }

    /// Forgets all that was read: the engine begins anew, and the tables' files leave the page cache.
    pub(crate) fn chill(&mut self, stack: &mut Stack, means: Means) -> anyhow::Result<()> {
        match self {
            Self::Peer(peer) => peer.open(stack, means)?,
            Self::InProcess(engine) => **engine = InProcess::open(stack, means, &[])?,
            Self::Served(queryd) => {
                stack.restart_queryd()?;
                *queryd = Served::connect(stack, queryd.form)?;
            }
        }
        for file in stack.tables.iter().flat_map(|table| &table.files) {
            let open = File::open(file).with_context(|| format!("open {}", file.display()))?;
            fadvise(&open, 0, None, Advice::DontNeed)?;
        }
        Ok(())
    }
}
